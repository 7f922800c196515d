/* SPDX-License-Identifier: MIT */
#include "frontend/halt.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "common/util.h"

/* In reasons: the lowest bit is the interrupt, the others count who closes. */
#define INTERRUPTED 1u
#define CLOSING	    2u

int halt_init(struct halt *halt)
{
	halt->reasons = 0;
	halt->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return halt->fd < 0 ? -1 : 0;
}

void halt_dispose(struct halt *halt)
{
	close_keep(halt->fd);
	halt->fd = -1;
}

int halt_reason(const struct halt *halt)
{
	unsigned reasons = halt->reasons;

	if (!reasons)
		return 0;
	return reasons & INTERRUPTED ? ECANCELED : ENOTCONN;
}

/* These two keep errno. */
static void tell(struct halt *halt)
{
	static const uint64_t one = 1;
	int saved = errno;

	/* A counter that is full tells, too. */
	if (write(halt->fd, &one, sizeof(one)) < 0)
		errno = saved;
}

static void settle(struct halt *halt)
{
	int saved = errno;
	eventfd_t value;

	if (halt->reasons)
		return;
	eventfd_read(halt->fd, &value);
	errno = saved;
	/* What was read may have been the word of a reason that came after the look. */
	if (halt->reasons)
		tell(halt);
}

void halt_begin(struct halt *halt)
{
	atomic_fetch_add(&halt->reasons, CLOSING);
	tell(halt);
}

void halt_end(struct halt *halt)
{
	atomic_fetch_sub(&halt->reasons, CLOSING);
	settle(halt);
}

void halt_interrupt(struct halt *halt)
{
	atomic_fetch_or(&halt->reasons, INTERRUPTED);
	tell(halt);
}

void halt_uninterrupt(struct halt *halt)
{
	atomic_fetch_and(&halt->reasons, ~INTERRUPTED);
	settle(halt);
}

void halt_wait(const struct halt *halt, int fd, uint64_t until)
{
	struct pollfd fds[] = {
		{ .fd = halt->fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	uint64_t now = now_ns();
	struct timespec ts = timespec_of(until > now ? until - now : 0);

	ppoll(fds, ARRAY_SIZE(fds), &ts, NULL);
}
