/* SPDX-License-Identifier: MIT */
/* What a worker has: descriptors, memory, processor, its ledger, its ports. Too much of it, or lies. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "common/util.h"
#include "tests/hostile/hostile.h"

/* How many of the numbers up to 1023 are open. */
static enum outcome descriptors(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)w, (void)arg;
	for (int fd = 0; fd < 1024; fd++) {
		struct pollfd p = { .fd = fd };

		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL))
			++*value;
	}
	return REFUSED;
}

/* Registers in memory, to be written. */
static enum outcome config_mapped(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)arg;
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		if (!w->device[i].cfg)
			continue;
		if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, w->device[i].fd, 0) != MAP_FAILED)
			return WON;
		*value = (uint32_t)errno;
		if (write(w->device[i].fd, "\xff\xff\xff\xff", 4) >= 0)
			return WON;
	}
	return REFUSED;
}

/* Lines in the daemon's log of our own. */
static enum outcome log_lines(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const char line[] = "a line of the hostile worker\n";

	(void)w;
	for (uint32_t i = 0; i < arg; i++)
		for (int fd = 0; fd < 3; fd++)
			if (write(fd, line, sizeof(line) - 1) < 0)
				*value = (uint32_t)errno;
	return REFUSED;
}

/* All ports but ours; REFUSED with how many. */
static enum outcome other_ports(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)arg;
	for (evtchn_port_t port = 0; port < 4096; port++) {
		if (port == w->port)
			continue;
		if (!xenevtchn_notify(w->evtchn, port)) {
			*value = port;
			return WON;
		}
		++*value;
	}
	return REFUSED;
}

/* Ports of the domain that arg names, ours to be restricted to another; and new ones. */
static enum outcome bind_ports(struct worker *w, uint32_t arg, uint32_t *value)
{
	for (evtchn_port_t port = 0; port < 64; port++) {
		if (xenevtchn_bind_interdomain(w->evtchn, arg, port) >= 0)
			return WON;
		*value = (uint32_t)errno;
	}
	if (xenevtchn_bind_unbound_port(w->evtchn, arg) >= 0 || xenevtchn_bind_virq(w->evtchn, 0) >= 0 ||
	    !xenevtchn_restrict(w->evtchn, (domid_t)arg))
		return WON;
	return REFUSED;
}

/* Memory, until there is no more: in MiB. WON if that is more than the bound of a worker. */
static enum outcome memory(struct worker *w, uint32_t arg, uint32_t *value)
{
	enum { PIECES = 4096, PIECE = 1 << 20 };
	static void *piece[PIECES];

	(void)w, (void)arg;
	while (*value < PIECES) {
		void *p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, 1, PIECE);
		piece[(*value)++] = p;
	}
	for (uint32_t i = 0; i < *value; i++)
		munmap(piece[i], PIECE);
	/* It answers with where the end is, moved or not. */
	return *value < 64 && syscall(SYS_brk, syscall(SYS_brk, 0) + (64l << 20)) == syscall(SYS_brk, 0)
		       ? REFUSED : WON;
}

/* ---- The ledger, which the next worker begins with ---- */

static enum outcome spoil(struct worker *w, uint32_t arg, uint32_t *value)
{
	unsigned char *bytes = (unsigned char *)w->ledger;
	uint32_t x = 2463534242u + arg;

	*value = sizeof(*w->ledger);
	for (size_t i = 0; i < sizeof(*w->ledger); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		bytes[i] = (unsigned char)(arg ? x : 0xff);
	}
	return REPLACED;
}

/* Never asleep, never a step further, with work to do: it is replaced. */
static enum outcome spin(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)arg, (void)value;
	atomic_store(&w->ledger->asleep, 0);
	/* Not for ever, should nobody care. */
	for (uint64_t until = now_ns() + 6000000000u; now_ns() < until;)
		;
	return WON;
}

/* Says that it sleeps, and does not: it takes no event. Replaced as well. */
static enum outcome play_dead(struct worker *w, uint32_t arg, uint32_t *value)
{
	atomic_store(&w->ledger->asleep, 1);
	return spin(w, arg, value);
}

const struct attack attacks_self[] = {
	{ "self: descriptors", AIM_ASK, descriptors },
	{ "self: config space mapped or written", AIM_ASK, config_mapped },
	{ "self: log lines", AIM_ASK, log_lines },
	{ "self: notify of other ports", AIM_ASK, other_ports },
	{ "self: ports of others", AIM_ASK, bind_ports },
	{ "self: memory", AIM_ASK, memory },
	{ "self: spoilt ledger", AIM_END, spoil },
	{ "self: spin", AIM_END, spin },
	{ "self: play dead", AIM_END, play_dead },
	{ NULL, AIM_ASK, NULL }
};
