/* SPDX-License-Identifier: MIT */
/* What two domains share: event channels, pages, and what is left of both when one side ends. */
#include "tests/xen/fidelity.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/sched.h>
#include <xen/xen.h>

#define RESUME 27     /* XEN_DOMCTL_resumedomain */
#define SET_TARGET 46 /* XEN_DOMCTL_set_target */

static long P, Q; /* the guest's port and dom0's, bound to each other */

void see_binding(void)
{
	done("guest: open", ask(GUEST, "open 0"));
	done("dom0: open", ask(DOM0, "open 0"));
	P = done("guest: allocate a port for dom0", ask(GUEST, "alloc 0 0"));
	saw("guest: notify before anybody has bound it", ask(GUEST, "notify 0 %ld", P));
	event("guest: is it pending", GUEST, 0, QUIET_MS, P);
	saw("dom0: bind to a port that is not there", ask(DOM0, "bind 0 %u 900", domid));
	saw("dom0: bind to a domain that is not there", ask(DOM0, "bind 0 30000 1"));
	saw("guest: bind to its own port that is kept for dom0",
	    ask(GUEST, "bind 0 %u %ld", domid, P));
	done("guest: allocate one for another domain", ask(GUEST, "alloc 0 30000"));
	Q = done("dom0: bind", ask(DOM0, "bind 0 %u %ld", domid, P));
	saw("dom0: bind a second time", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is the binder notified", DOM0, 0, PATIENCE_MS, Q);
	event("dom0: a second time", DOM0, 0, QUIET_MS, Q);
	event("guest: is the other end notified", GUEST, 0, QUIET_MS, P);
}

void see_masking(void)
{
	saw("guest: notify while dom0 has it masked", ask(GUEST, "notify 0 %ld", P));
	event("dom0: does it come", DOM0, 0, QUIET_MS, Q);
	saw("dom0: unmask", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: does it come then", DOM0, 0, PATIENCE_MS, Q);
	for (int i = 0; i < 5; i++)
		ask(GUEST, "notify 0 %ld", P);
	saw("dom0: unmask after five more", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: the five", DOM0, 0, PATIENCE_MS, Q);
	saw("dom0: unmask", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: are one", DOM0, 0, QUIET_MS, Q);
	saw("dom0: read without blocking", ask(DOM0, "trypending 0"));
	saw("dom0: unmask what is not masked", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: brings", DOM0, 0, QUIET_MS, Q);
	saw("dom0: notify", ask(DOM0, "notify 0 %ld", Q));
	event("guest: does it come", GUEST, 0, PATIENCE_MS, P);
	saw("guest: unmask", ask(GUEST, "unmask 0 %ld", P));
	done("dom0: a second handle", ask(DOM0, "open 1"));
	saw("dom0: notify by a handle that has not the port", ask(DOM0, "notify 1 %ld", Q));
	saw("dom0: unbind by it", ask(DOM0, "unbind 1 %ld", Q));
	saw("dom0: unmask by it", ask(DOM0, "unmask 1 %ld", Q));
	saw("dom0: a virq that xenstored has", ask(DOM0, "virq 1 %d", VIRQ_DOM_EXC));
	saw("dom0: a virq that is none", ask(DOM0, "virq 1 200"));
}

/* A handle that is restricted to the guest. */
void see_confined(void)
{
	done("dom0: a third handle", ask(DOM0, "open 2"));
	done("dom0: allocate a port for the guest by it", ask(DOM0, "alloc 2 %u", domid));
	saw("dom0: restrict it to the guest", ask(DOM0, "confine 2 %u", domid));
	saw("dom0: once more", ask(DOM0, "confine 2 %u", domid));
	saw("dom0: allocate another by it", ask(DOM0, "alloc 2 %u", domid));
	saw("dom0: a virq by it", ask(DOM0, "virq 2 200"));
	saw("dom0: bind to another domain by it", ask(DOM0, "bind 2 30000 1"));
	saw("dom0: bind to a port of the guest's that is not there", ask(DOM0, "bind 2 %u 900", domid));
	saw("dom0: close it", ask(DOM0, "close 2"));
}

void see_closing(void)
{
	done("dom0: unbind", ask(DOM0, "unbind 0 %ld", Q));
	saw("dom0: notify what is unbound", ask(DOM0, "notify 0 %ld", Q));
	saw("guest: notify a half-closed channel", ask(GUEST, "notify 0 %ld", P));
	event("guest: did it hear of the close", GUEST, 0, QUIET_MS, P);
	Q = done("dom0: bind again, by the other handle", ask(DOM0, "bind 1 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 1, PATIENCE_MS, Q);
	ask(DOM0, "unmask 1 %ld", Q);
	saw("guest: notify", ask(GUEST, "notify 0 %ld", P));
	event("dom0: at the new handle", DOM0, 1, PATIENCE_MS, Q);
	event("dom0: at the old one", DOM0, 0, QUIET_MS, Q);
	done("dom0: close the handle", ask(DOM0, "close 1"));
	Q = done("dom0: bind once more", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 0, PATIENCE_MS, Q);
	ask(DOM0, "unmask 0 %ld", Q);
}

static long ref;

void see_grants(void)
{
	long only_read, other;

	ref = done("guest: share a page", ask(GUEST, "share 0 0 1 1"));
	saw("guest: what is in it", ask(GUEST, "peek 0 99"));
	done("dom0: map it", ask(DOM0, "map 0 %u %ld 1", domid, ref));
	ask(DOM0, "poke 0 99 42");
	saw("guest: sees what dom0 writes", ask(GUEST, "peek 0 99"));
	ask(GUEST, "poke 0 98 43");
	saw("dom0: sees what the guest writes", ask(DOM0, "peek 0 98"));
	done("dom0: map it twice", ask(DOM0, "map 1 %u %ld 1", domid, ref));
	saw("dom0: unmap the second", ask(DOM0, "unmap 1"));
	saw("dom0: map a reference that is not granted", ask(DOM0, "map 1 %u 500 1", domid));
	saw("dom0: map one beyond the table", ask(DOM0, "map 1 %u 1000000 1", domid));
	saw("dom0: map of a domain that is not there", ask(DOM0, "map 1 30000 %ld 1", ref));
	other = done("guest: share with another domain", ask(GUEST, "share 1 30000 1 1"));
	saw("dom0: map what is not for it", ask(DOM0, "map 1 %u %ld 1", domid, other));
	only_read = done("guest: share for reading only", ask(GUEST, "share 2 0 1 0"));
	saw("dom0: map that for writing", ask(DOM0, "map 1 %u %ld 1", domid, only_read));
	saw("dom0: map it for reading", ask(DOM0, "map 1 %u %ld 0", domid, only_read));
	saw("dom0: unmap it", ask(DOM0, "unmap 1"));
}

/* Until a reference is refused: Linux takes back what was mapped only a while after the unmap. */
static long refused(long r)
{
	int64_t until = now_ms() + PATIENCE_MS;
	long rc;

	while ((rc = ask(DOM0, "map 1 %u %ld 1", domid, r)) >= 0 && now_ms() < until) {
		ask(DOM0, "unmap 1");
		store_wait(QUIET_MS);
	}
	return rc;
}

void see_unsharing(void)
{
	done("guest: unshare while dom0 has it mapped", ask(GUEST, "unshare 0"));
	saw("dom0: the page is still there", ask(DOM0, "peek 0 98"));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	saw("dom0: map what was taken back", refused(ref));
	ref = done("guest: share again", ask(GUEST, "share 0 0 1 1"));
	saw("guest: what is in it", ask(GUEST, "peek 0 99"));
	ask(GUEST, "poke 0 16 1");
	done("dom0: map with notification of byte and port",
	     ask(DOM0, "map 0 %u %ld 1 16 %ld", domid, ref, Q));
	saw("guest: the byte while it is mapped", ask(GUEST, "peek 0 16"));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	saw("guest: the byte then", ask(GUEST, "peek 0 16"));
	event("guest: the event", GUEST, 0, PATIENCE_MS, P);
	ask(GUEST, "unmask 0 %ld", P);
	ask(GUEST, "poke 0 0 1");
	saw("dom0: notification of a byte beyond the page",
	    ask(DOM0, "map 0 %u %ld 1 4096 %ld", domid, ref, Q));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	event("guest: the event", GUEST, 0, PATIENCE_MS, P);
	ask(GUEST, "unmask 0 %ld", P);
	saw("guest: the first byte", ask(GUEST, "peek 0 0"));
	saw("dom0: a port that is not there", ask(DOM0, "map 0 %u %ld 1 16 3000", domid, ref));
}

/* A process of dom0 that binds, maps with notification, and is killed. */
void see_kill(void)
{
	pid_t pid;
	int ready[2];
	long rc = -EIO;

	ask(DOM0, "close 0");
	ask(GUEST, "poke 0 16 1");
	if (pipe(ready))
		exit(1);
	pid = fork();
	if (!pid) {
		calls_forget();
		ask(DOM0, "open 2");
		rc = ask(DOM0, "bind 2 %u %ld", domid, P);
		if (rc >= 0)
			rc = ask(DOM0, "map 3 %u %ld 1 16 %ld", domid, ref, rc);
		if (write(ready[1], &rc, sizeof(rc)) > 0)
			pause();
		_exit(1);
	}
	if (read(ready[0], &rc, sizeof(rc)) < 0)
		exit(1);
	done("dom0: another process binds and maps", rc);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	event("guest: the event that its death brings", GUEST, 0, PATIENCE_MS, P);
	saw("guest: the byte", ask(GUEST, "peek 0 16"));
	ask(GUEST, "unmask 0 %ld", P);
	saw("guest: notify the dead", ask(GUEST, "notify 0 %ld", P));
	done("dom0: open", ask(DOM0, "open 0"));
	Q = done("dom0: bind after it", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 0, PATIENCE_MS, Q);
	ask(DOM0, "unmask 0 %ld", Q);
	done("dom0: map after it", ask(DOM0, "map 0 %u %ld 1", domid, ref));
	ask(GUEST, "poke 0 98 44");
}

static void hear_of_ends(const char *token)
{
	xs_watch(calls_store, "@releaseDomain", token);
	while (store_wait(QUIET_MS)) /* the first event of a watch says nothing */
		;
}

/* P is bound to Q, and dom0 has a page of the guest's mapped, with 44 at 98. */
static void suspend_once(void)
{
	saw("suspend it", ask(DOM0, "shutdown %u %d", domid, SHUTDOWN_suspend));
	done("xenstored tells of it", store_release());
	saw("it is", ask(DOM0, "domctl 5 %u", domid));
	saw("to xenstored it is a domain still", ask(DOM0, "introduced %u", domid));
	saw("suspend it once more", ask(DOM0, "shutdown %u %d", domid, SHUTDOWN_suspend));
	saw("power it off meanwhile", ask(DOM0, "shutdown %u %d", domid, SHUTDOWN_poweroff));
	saw("it is", ask(DOM0, "domctl 5 %u", domid));
	saw("the page is still there", ask(DOM0, "peek 0 98"));
	saw("map it once more", ask(DOM0, "map 1 %u %ld 1", domid, ref));
	saw("unmap that", ask(DOM0, "unmap 1"));
	saw("notify it", ask(DOM0, "notify 0 %ld", Q));
	saw("resume it", ask(DOM0, "domctl %d %u", RESUME, domid));
	saw("and tell xenstored", ask(DOM0, "resume %u", domid));
	saw("it is", ask(DOM0, "domctl 5 %u", domid));
	event("guest: the event of meanwhile", GUEST, 0, PATIENCE_MS, P);
	ask(GUEST, "unmask 0 %ld", P);
	saw("guest: its page", ask(GUEST, "peek 0 98"));
	saw("guest: notify", ask(GUEST, "notify 0 %ld", P));
	event("dom0: does it come", DOM0, 0, PATIENCE_MS, Q);
	ask(DOM0, "unmask 0 %ld", Q);
}

void see_suspend(void)
{
	hear_of_ends("suspend");
	saw("resume a guest that runs", ask(DOM0, "domctl %d %u", RESUME, domid));
	saw("suspend a domain that is not there", ask(DOM0, "shutdown 30000 %d", SHUTDOWN_suspend));
	saw("resume a domain that is not there", ask(DOM0, "domctl %d 30000", RESUME));
	saw("guest: suspend dom0", ask(GUEST, "shutdown 0 %d", SHUTDOWN_suspend));
	saw("make the guest its own device model", ask(DOM0, "domctl %d %u %u", SET_TARGET, domid, domid));
	saw("or that of a domain that is not there", ask(DOM0, "domctl %d %u 30000", SET_TARGET, domid));
	saw("guest: make it dom0's", ask(GUEST, "domctl %d %u 0", SET_TARGET, domid));
	suspend_once();
	/* xenstored tells of it only where it was told that the guest went on. */
	suspend_once();
	xs_unwatch(calls_store, "@releaseDomain", "suspend");
}

void see_death(void)
{
	int64_t until;
	long rc;

	hear_of_ends("death");
	saw("the guest lives", ask(DOM0, "domctl 5 %u", domid));
	saw("destroy it", ask(DOM0, "domctl 2 %u", domid));
	done("xenstored tells of it", store_release());
	saw("it is dying while its page is mapped", ask(DOM0, "domctl 5 %u", domid));
	saw("the page is still there", ask(DOM0, "peek 0 98"));
	saw("map it once more", ask(DOM0, "map 1 %u %ld 1", domid, ref));
	saw("unmap that", ask(DOM0, "unmap 1"));
	saw("notify it", ask(DOM0, "notify 0 %ld", Q));
	event("is it heard", DOM0, 0, QUIET_MS, Q);
	saw("bind to it", ask(DOM0, "bind 0 %u %ld", domid, P));
	saw("map_pirq for it", ask(DOM0, MAP, domid, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("unmap", ask(DOM0, "unmap 0"));
	saw("unbind", ask(DOM0, "unbind 0 %ld", Q));
	until = now_ms() + PATIENCE_MS;
	while ((rc = ask(DOM0, "domctl 5 %u", domid)) >= 0 && now_ms() < until)
		store_wait(QUIET_MS);
	saw("then it is gone", rc);
}
