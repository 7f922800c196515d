/* SPDX-License-Identifier: MIT */
/*
 * A backend for the frontend library's unit tests: it stands where frontend/xen.c
 * does, serves a request from within the notification, and misbehaves on demand.
 * Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_FRONT_FAKE_H
#define XENPCI_TESTS_FRONT_FAKE_H

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "common/util.h"
#include "frontend/front.h"

static struct fake {
	page_t *page;
	bool silent;	     /* kicks are not served; fake_serve does it later */
	bool forgetful;	     /* as NetBSD's: a failed look-up is not written back */
	bool anywhere;	     /* every address is a function */
	bool storm;	     /* there is always an event */
	bool no_echo;	     /* reads of absent functions answer value 0 */
	atomic_uint kicks;   /* of the frontend */
	unsigned events;     /* pending for the frontend */
	unsigned unmasked;
	void (*device)(struct xen_pci_op *op); /* the exported function's answer; it is 00:00.0 */
	uint8_t config[PCIIF_CONFIG_SIZE];
	uint8_t writable[PCIIF_CONFIG_SIZE];
	unsigned config_size;
} fake;

/* Config space with plain registers, each bit writable or not. */
static void fake_config(struct xen_pci_op *op)
{
	unsigned at = (unsigned)op->offset, size = (unsigned)op->size;

	op->err = 0;
	if (at >= fake.config_size) {
		op->err = XEN_PCI_ERR_invalid_offset;
		op->value = op->cmd ? op->value : UINT32_MAX;
		return;
	}
	if (op->cmd == XEN_PCI_OP_conf_read)
		op->value = 0xabad0000u << (size == 4 ? 16 : 0); /* what is beyond the size is noise */
	for (unsigned i = 0; i < size; i++) {
		uint8_t *byte = &fake.config[at + i], w = fake.writable[at + i];

		if (op->cmd == XEN_PCI_OP_conf_write)
			*byte = (uint8_t)((*byte & ~w) | (op->value >> i * 8 & w));
		else
			op->value = (op->value & ~(0xffu << i * 8)) | (uint32_t)*byte << i * 8;
	}
}

static void fake_serve(void)
{
	struct xen_pci_op op;

	memset(&op, 0, sizeof(op));
	if (!page_requested(fake.page))
		return;
	page_collect(fake.page, &op);
	if (!fake.anywhere && (op.domain || op.bus || op.devfn)) {
		op.err = XEN_PCI_ERR_dev_not_found;
		if (fake.no_echo)
			op.value = 0;
		if (fake.forgetful)
			page_collect(fake.page, &op);
	} else {
		fake.device(&op);
	}
	page_answer(fake.page, &op, SH_INFO_MAX_VEC, true);
	fake.events++;
}

_Thread_local char xen_problem[XEN_PROBLEM_MAX];

int xen_open(struct xen *xen, xentoollog_logger *lg)
{
	(void)xen;
	(void)lg;
	return 0;
}

void xen_close(struct xen *xen, bool child)
{
	(void)xen;
	(void)child;
}

int xen_offer(struct xen *xen, uint32_t backend, bool aer, struct offer *offer)
{
	(void)xen;
	(void)backend;
	offer->page = fake.page = aligned_alloc(PCIIF_PAGE_SIZE, PCIIF_PAGE_SIZE);
	page_init(offer->page, aer);
	offer->port = 5;
	return 0;
}

void xen_withdraw(struct xen *xen, struct offer *offer)
{
	(void)xen;
	free((void *)offer->page);
	offer->page = fake.page = NULL;
}

int xen_notify(struct xen *xen, evtchn_port_t port)
{
	(void)xen;
	assert_int_equal(port, 5);
	fake.kicks++;
	if (!fake.silent)
		fake_serve();
	return 0;
}

int xen_pending(struct xen *xen, evtchn_port_t port)
{
	(void)xen;
	(void)port;
	if (!fake.events && !fake.storm)
		return 0;
	fake.events = 0;
	return 1;
}

int xen_unmask(struct xen *xen, evtchn_port_t port)
{
	(void)xen;
	(void)port;
	fake.unmasked++;
	return 0;
}

int xen_wait(struct xen *xen, evtchn_port_t port, uint64_t ns, int haltfd)
{
	(void)haltfd;
	struct timespec ts = { .tv_nsec = (long)(ns < 1000000 ? ns : 1000000) };

	if (xen_pending(xen, port))
		return 1;
	nanosleep(&ts, NULL);
	return 0;
}

static const struct xenpcifront_address fake_device = { 0, 0, 0 };

/* A handle whose channel is open and whose one device is known. */
static struct xenpcifront *fake_front(void)
{
	struct xenpcifront *fe = calloc(1, sizeof(*fe));

	fake = (struct fake){ .device = fake_config, .config_size = PCIIF_CONFIG_SIZE };
	assert_non_null(fe);
	front_init(fe);
	fe->limit = NO_LIMIT;
	fe->owner = getpid();
	fe->epfd = fe->timerfd = fe->wakefd = -1;
	assert_int_equal(channel_init(&fe->channel, &fe->xen), 0);
	assert_int_equal(channel_offer(&fe->channel, 0, true), 0);
	channel_open(&fe->channel);
	fe->devices = calloc(1, sizeof(*fe->devices));
	assert_non_null(fe->devices);
	fe->n_devices = 1;
	fe->devices[0].present = true;
	return fe;
}

static inline void fake_set(unsigned offset, unsigned size, uint32_t value, uint32_t writable)
{
	for (unsigned i = 0; i < size; i++) {
		fake.config[offset + i] = (uint8_t)(value >> i * 8);
		fake.writable[offset + i] = (uint8_t)(writable >> i * 8);
	}
}

#endif
