/* SPDX-License-Identifier: MIT */
/*
 * xenpci-worker, started by xenpcid: see worker.h. In this order: opens the two devices of Xen's that it
 * needs; gives up everything; waits, ready, for a guest; maps its page and binds its port, and no
 * other; gives up all other calls. Only then does it read what a guest wrote.
 *
 *	xenpci-worker SOCKET FILTER UID DIRECTORY
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <xentoollog.h>

#include "backend/worker/worker.h"
#include "common/number.h"
#include "common/util.h"

static struct worker worker;

/* Before there is a guest nobody has to be told but the person at the log. */
static int give_up(const char *what)
{
	fprintf(stderr, "xenpci-worker: %s: %s\n", what, strerror(errno));
	return 1;
}

static void tell_ready(struct worker *w, int err, const char *what)
{
	struct message m;

	message_init(&m, MESSAGE_READY, 0);
	m.u.ready.err = err;
	snprintf(m.u.ready.what, sizeof(m.u.ready.what), "%s", what);
	tell_supervisor(w, &m, err ? -1 : xenevtchn_fd(w->evtchn));
}

static int map_ledger(struct worker *w, int fd)
{
	void *p = mmap(NULL, sizeof(*w->ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	close_keep(fd);
	w->ledger = p;
	return 0;
}

/* Waits for a guest. 1; 0: there is to be none; -1 with errno. */
static int wait_for_guest(struct worker *w)
{
	int fds[MESSAGE_FDS_MAX];
	struct message m;
	int rc = message_receive(w->supervisor, END_SUPERVISOR, END_WORKER, &m, fds, NULL, NULL);

	if (rc <= 0)
		return rc;
	if (m.kind != MESSAGE_SETUP || fds[0] < 0 || fds[1] < 0)
		return fail(EBADMSG);
	w->setup = m.u.setup;
	w->gate = fds[1];
	w->slept_ns = m.u.setup.slept_ns;
	return map_ledger(w, fds[0]) ? -1 : 1;
}

int main(int argc, char **argv)
{
	struct worker *w = &worker;
	const char *what = "ledger";
	xentoollog_logger *mute;
	uint64_t sock, filter, uid;
	int rc;

	if (argc != 5 || number_parse(argv[1], 10, 1023, &sock) ||
	    number_parse(argv[2], 10, 1023, &filter) || number_parse(argv[3], 10, UINT32_MAX, &uid)) {
		fputs("xenpci-worker: is started by xenpcid\n", stderr);
		return 2;
	}
	w->supervisor = (int)sock;
	w->gate = -1;
	/* What the libraries would log, a guest can cause. */
	mute = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	w->evtchn = xenevtchn_open(mute, 0);
	if (!w->evtchn)
		return give_up("event channels");
	w->gnttab = xengnttab_open(mute, 0);
	if (!w->gnttab)
		return give_up("grants");
	if (confine_prepare((int)filter))
		return give_up("filter");
	if (confine((uint32_t)uid, argv[4], &what))
		return give_up(what);
	what = "setup";
	rc = wait_for_guest(w);
	if (!rc)
		return 0;
	if (rc < 0 || channel_open(w, &what) || (what = "seccomp", confine_calls())) {
		tell_ready(w, errno ? errno : EIO, what);
		return 3;
	}
	tell_ready(w, 0, "");
	channel_serve(w);
}
