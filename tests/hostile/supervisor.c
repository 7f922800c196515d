/* SPDX-License-Identifier: MIT */
/* What a worker may not tell the supervisor, and what it may, far too often. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"
#include "tests/hostile/hostile.h"

/* Waits for room: a flood is to arrive. 0, or -1: nobody hears it any more. */
static int tell(struct worker *w, const struct message *m, const int *fds, unsigned nr)
{
	struct pollfd p = { .fd = w->supervisor, .events = POLLOUT };

	while (message_send(w->supervisor, m, fds, nr, NULL, 0)) {
		if (errno != EAGAIN)
			return -1;
		poll(&p, 1, 1000);
	}
	return 0;
}

/* The supervisor has us killed: waits for it. */
static enum outcome death(struct worker *w)
{
	wait_busily(w, -1, 4000);
	return WON;
}

static enum outcome wrong_kind(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	(void)value;
	message_init(&m, (enum message_kind)arg, 0);
	tell(w, &m, NULL, 0);
	return death(w);
}

static enum outcome misshapen(struct worker *w, uint32_t arg, uint32_t *value)
{
	static struct { struct message m; char tail[65536]; } big;
	struct message *m = &big.m;
	size_t len = HEAD + sizeof(m->u.denied);

	(void)value;
	message_init(m, MESSAGE_DENIED, 0);
	switch (arg) {
	case 0:
		m->version = 0;
		break;
	case 1:
		len = HEAD - 1;
		break;
	case 2:
		len = 0;
		break;
	case 3:
		len--;
		break;
	case 4:
		len = sizeof(big);
		break;
	case 5:
		m->slot = UINT16_MAX;
		break;
	default:
		m->kind = UINT16_MAX;
		break;
	}
	send(w->supervisor, m, len, MSG_NOSIGNAL);
	return death(w);
}

static enum outcome descriptors(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)arg, (void)value;
	send_descriptors(w->supervisor, MESSAGE_READY, 0, w->supervisor);
	return death(w);
}

/* A second READY: 0: with our own socket; 1: with config space, always ready; 2: with none; 3: failed. */
static enum outcome ready(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;
	int fd = w->supervisor;

	(void)value;
	for (unsigned i = 0; i < SLOT_COUNT && arg == 1; i++)
		if (w->device[i].cfg)
			fd = w->device[i].fd;
	message_init(&m, MESSAGE_READY, 0);
	m.u.ready.err = arg == 3 ? EIO : 0;
	memset(m.u.ready.what, '\n', sizeof(m.u.ready.what));
	tell(w, &m, &fd, arg < 2);
	return death(w);
}

/* Things that it may tell, arg thousand times. REFUSED: it lives, and nothing came of it. */
static enum outcome flood(struct worker *w, const struct message *m, uint32_t arg, uint32_t *value)
{
	for (uint32_t i = 0; i < arg * 1000; i++) {
		if (tell(w, m, NULL, 0))
			return death(w);
		if (!(i & 1023))
			atomic_fetch_add(&w->ledger->progress, 1);
	}
	*value = arg * 1000;
	return REFUSED;
}

static enum outcome denied(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const char dirt[] = "\x1b[2J\n\rguest 7: its worker hangs\n%s%n\x7f\xff\xc3\x28\t";
	struct message m;

	message_init(&m, MESSAGE_DENIED, 0);
	memset(&m.u.denied, 0xff, sizeof(m.u.denied));
	memset(m.u.denied.field, '%', sizeof(m.u.denied.field));
	memcpy(m.u.denied.remedy, dirt, sizeof(dirt) - 1);
	return flood(w, &m, arg, value);
}

static enum outcome late(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	message_init(&m, MESSAGE_LATE, 0);
	memset(&m.u.late, 0xff, sizeof(m.u.late));
	return flood(w, &m, arg, value);
}

static enum outcome aer(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	message_init(&m, MESSAGE_AER_ANSWER, SLOT_COUNT - 1);
	memset(&m.u.aer, 0xff, sizeof(m.u.aer));
	if (flood(w, &m, arg, value) != REFUSED)
		return WON;
	message_init(&m, MESSAGE_AER_UNHEARD, 0);
	return flood(w, &m, arg, value);
}

/* Answers to all that there is, for all devices, with errors that there are not. */
static enum outcome answers(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	for (uint32_t i = 0; i < arg * 1000; i++) {
		message_init(&m, MESSAGE_ANSWER, i % SLOT_COUNT);
		m.u.answer.to = i / SLOT_COUNT % 64 == 63 ? UINT32_MAX : i / SLOT_COUNT % 64;
		m.u.answer.err = i & 1 ? INT32_MIN : 0;
		m.u.answer.changed = i;
		if (tell(w, &m, NULL, 0))
			return death(w);
		if (!(i & 1023))
			atomic_fetch_add(&w->ledger->progress, 1);
	}
	*value = arg * 1000;
	return REFUSED;
}

const struct attack attacks_supervisor[] = {
	{ "supervisor: kind", AIM_END, wrong_kind },
	{ "supervisor: misshapen", AIM_END, misshapen },
	{ "supervisor: a thousand descriptors", AIM_END, descriptors },
	{ "supervisor: ready again", AIM_END, ready },
	{ "supervisor: denials", AIM_ASK, denied },
	{ "supervisor: late answers", AIM_ASK, late },
	{ "supervisor: steps of error recovery", AIM_ASK, aer },
	{ "supervisor: answers", AIM_ASK, answers },
	{ NULL, AIM_ASK, NULL }
};
