/* SPDX-License-Identifier: MIT */
/*
 * Ping-pongs for comparison: one shared page, one event channel, nobody behind them. Bare: the
 * asker raises a word and kicks, the answerer clears it and kicks back; both either sleep until the
 * event comes, or look at the word all the time. With the protocol's page: a request's words go
 * there and back and its flag is changed as protocol/page.h does it; nothing is looked up.
 */
#ifndef XENPCI_TESTS_BENCH_CHANNEL_H
#define XENPCI_TESTS_BENCH_CHANNEL_H

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/util.h"
#include "protocol/page.h"

enum bare_mode { BARE_SLEEP, BARE_POLL, BARE_PAGE_POLL, BARE_END };

/* The page. The asker sets mode before it raises the word, or the request's flag. */
struct bare_page {
	union {
		volatile uint32_t asked;
		page_t page;
	};
	volatile uint32_t mode;
};

_Noreturn static inline void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static inline void bench_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* Sleeps until the handle's port was raised, as xenevtchn.h says, and lets it go again. */
static inline void bare_hear(xenevtchn_handle *ec)
{
	struct pollfd pfd = { .fd = xenevtchn_fd(ec), .events = POLLIN };
	xenevtchn_port_or_error_t port;

	poll(&pfd, 1, -1);
	port = xenevtchn_pending(ec);
	if (port < 0 || xenevtchn_unmask(ec, (evtchn_port_t)port))
		bench_die("event channel");
}

#endif
