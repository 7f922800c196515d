/* SPDX-License-Identifier: MIT */
/* What the supervisor has the worker do. */
#include <string.h>

#include "backend/worker/worker.h"
#include "common/util.h"

static void answer(struct worker *w, const struct message *to, int err)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, to->slot);
	m.u.answer.to = to->kind;
	m.u.answer.err = err;
	tell_supervisor(w, &m, -1);
}

static void post_aer(struct worker *w, const struct message_aer *aer)
{
	const struct xen_pcie_aer_op op = {
		.cmd = aer->cmd,
		.err = aer->err,
		.domain = aer->virt.segment,
		.bus = aer->virt.bus,
		.devfn = aer->virt.devfn,
	};
	struct message m;

	if (!page_flag(w->page, XEN_PCIB_AERHANDLER)) {
		/* Nobody there to ask: the verdict is none at all. */
		message_init(&m, MESSAGE_AER_UNHEARD, 0);
		tell_supervisor(w, &m, -1);
		return;
	}
	w->aer_waiting = true;
	page_aer_post(w->page, &op);
	if (xenevtchn_notify(w->evtchn, w->port))
		_exit(1);
}

void obey_supervisor(struct worker *w)
{
	int fds[MESSAGE_FDS_MAX], err = 0;
	struct message m;

	if (message_receive(w->supervisor, END_SUPERVISOR, END_WORKER, &m, fds, NULL, NULL) != 1)
		_exit(0);
	switch (m.kind) {
	case MESSAGE_ADD:
		err = device_add(w, m.slot, &m.u.add, fds[0]);
		break;
	case MESSAGE_DROP:
		err = device_drop(w, m.slot);
		break;
	case MESSAGE_GONE:
		err = device_gone(w, m.slot, m.u.gone.virt);
		break;
	case MESSAGE_RELOAD:
		err = w->device[m.slot].cfg ? device_reload(&w->device[m.slot]) : ENODEV;
		break;
	case MESSAGE_PAUSE:
		w->paused = true;
		break;
	case MESSAGE_RESUME:
		w->paused = false;
		w->slept_ns = m.u.resume.slept_ns;
		w->may_have_slept = true; /* since it was sent */
		break;
	case MESSAGE_AER_POST:
		post_aer(w, &m.u.aer);
		return;
	case MESSAGE_AER_WITHDRAW:
		if (w->aer_waiting)
			page_aer_withdraw(w->page);
		w->aer_waiting = false;
		return;
	default:
		return;
	}
	answer(w, &m, err);
}
