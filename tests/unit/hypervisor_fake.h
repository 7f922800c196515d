/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor of a few lines for tests of vectors: it hands out pirqs from the top and can be told
 * to refuse. It stands where host/hypercall.c does, and xenstore where the record of vectors is
 * written is one text. Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_UNIT_HYPERVISOR_FAKE_H
#define XENPCI_TESTS_UNIT_HYPERVISOR_FAKE_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/supervisor/vectors.h"

enum { TOP = 56, DOMID = 7 };

/* The hypervisor: which pirqs are mapped, and what it refuses. */
static struct {
	bool mapped[TOP];
	unsigned block[TOP]; /* how many a first pirq stands for */
	unsigned maps, unmaps, bad_unmaps;
	int refuse; /* errno of the next mapping that is left after `after` more */
	unsigned after;
	uint64_t table_base;
} xen;

/* The node `interrupts`. */
static struct {
	char text[8192]; /* "": there is none */
	char at_map[16];  /* how it began when a vector was mapped last */
	char at_unmap[16];
	unsigned writes;
	int fail_read; /* errno; 0: it works */
} node;

static void note_node(char word[16])
{
	snprintf(word, 16, "%.*s", (int)strcspn(node.text, " "), node.text);
}

static inline unsigned mapped(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TOP; i++)
		n += xen.mapped[i];
	return n;
}

static int refuses(void)
{
	if (!xen.refuse || xen.after--)
		return 0;
	errno = xen.refuse;
	xen.refuse = 0;
	xen.after = 0;
	return -1;
}

int hypercall_map_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, int entry,
		      uint64_t table_base, uint32_t *pirq)
{
	(void)hc;
	(void)a;
	assert_int_equal(domid, DOMID);
	note_node(node.at_map);
	assert_true(entry == HYPERCALL_MSI ? !table_base : table_base != 0);
	if (refuses())
		return -1;
	for (uint32_t i = TOP; i-- > 24;) {
		if (xen.mapped[i])
			continue;
		xen.mapped[i] = true;
		xen.block[i] = 1;
		xen.maps++;
		xen.table_base = table_base;
		*pirq = i;
		return 0;
	}
	errno = ENOSPC;
	return -1;
}

int hypercall_map_multi_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, uint32_t *count,
			    uint32_t *pirq)
{
	(void)hc;
	(void)a;
	assert_int_equal(domid, DOMID);
	note_node(node.at_map);
	if (refuses()) {
		if (errno == ENFILE)
			*count = 2;
		return -1;
	}
	*pirq = TOP - *count;
	for (uint32_t i = 0; i < *count; i++) {
		assert_false(xen.mapped[*pirq + i]);
		xen.mapped[*pirq + i] = true;
		xen.block[*pirq + i] = 0;
	}
	xen.block[*pirq] = *count;
	xen.maps++;
	return 0;
}

int hypercall_unmap_pirq(struct hypercall *hc, uint32_t domid, uint32_t pirq)
{
	(void)hc;
	assert_int_equal(domid, DOMID);
	note_node(node.at_unmap);
	if (pirq >= TOP || !xen.mapped[pirq] || !xen.block[pirq]) {
		xen.bad_unmaps++;
		errno = EINVAL;
		return -1;
	}
	for (unsigned i = 0; i < xen.block[pirq]; i++)
		xen.mapped[pirq + i] = false;
	xen.unmaps++;
	return 0;
}

int successor_interrupts_write(struct successor_device *d, const char *text)
{
	(void)d;
	node.writes++;
	assert_true(snprintf(node.text, sizeof(node.text), "%s", text) < (int)sizeof(node.text));
	return 0;
}

int successor_interrupts_read(struct successor_device *d, char *text, unsigned size)
{
	(void)d;
	errno = node.fail_read ? node.fail_read : !node.text[0] ? ENOENT : 0;
	if (errno)
		return -1;
	if (strlen(node.text) >= size) {
		errno = E2BIG;
		return -1;
	}
	snprintf(text, size, "%s", node.text);
	return 0;
}

static void hypervisor_reset(void)
{
	memset(&xen, 0, sizeof(xen));
	memset(&node, 0, sizeof(node));
}

#endif
