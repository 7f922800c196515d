/* SPDX-License-Identifier: MIT */
/* Cases: the shared page itself, looked into behind the library's back. */
#include "frontend/tool/conform.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/front.h"

#define IDLE_KICKS   20
#define DOUBLE_KICKS 100
#define STEADY	     1000
#define SPARE_FLAG   (1u << 31)

/* The whole page, and the words behind the two slots. */
static volatile uint32_t *words(struct conform *c)
{
	return (volatile uint32_t *)c->fe->channel.offer.page;
}

#define PAGE_WORDS (PCIIF_PAGE_SIZE / sizeof(uint32_t))
#define USED_WORDS (sizeof(struct xen_pci_sharedinfo) / sizeof(uint32_t))

static bool take(struct conform *c)
{
	if (!channel_lock(&c->fe->channel, NO_LIMIT))
		return true;
	conform_fail(c, "the channel: %s", strerror(errno));
	return false;
}

void conform_only_answer_fields(struct conform *c)
{
	/* conform_ask compares everything that is not the answer's; here with odd values everywhere. */
	for (uint32_t cmd = 0; cmd <= XEN_PCI_OP_enable_multi_msi + 1; cmd++) {
		struct xenpcifront_request req = conform_access(c, cmd, 0, 3, 129);

		req.info = 0x12345678;
		req.devfn ^= 0xff;
		for (unsigned i = 0; i < XENPCIFRONT_MAX_VECTORS; i++)
			req.entries[i].entry = (uint16_t)(0xbe00 + i);
		conform_ask(c, &req);
	}
}

void conform_flags_kept(struct conform *c)
{
	page_t *page = c->fe->channel.offer.page;
	uint32_t before, after;

	if (!take(c))
		return;
	__atomic_fetch_or(&page->flags, SPARE_FLAG | XEN_PCIB_AERHANDLER, __ATOMIC_SEQ_CST);
	before = page->flags;
	channel_unlock(&c->fe->channel);
	conform_read(c, 0, 4);
	if (!take(c))
		return;
	after = page->flags;
	__atomic_fetch_and(&page->flags, ~SPARE_FLAG, __ATOMIC_SEQ_CST);
	if (!(c->fe->flags & XENPCIFRONT_AER))
		__atomic_fetch_and(&page->flags, ~(uint32_t)XEN_PCIB_AERHANDLER, __ATOMIC_SEQ_CST);
	channel_unlock(&c->fe->channel);
	if (after != before)
		conform_fail(c, "flags 0x%x became 0x%x", before, after);
}

void conform_tail_ignored(struct conform *c)
{
	uint32_t id;

	if (!take(c))
		return;
	for (size_t i = USED_WORDS; i < PAGE_WORDS; i++)
		words(c)[i] = 0xdead0000u + (uint32_t)i;
	channel_unlock(&c->fe->channel);
	id = conform_read(c, 0, 4);
	if ((id & 0xffff) != c->dev.vendor)
		conform_fail(c, "the ids read as 0x%x", id);
	if (!take(c))
		return;
	for (size_t i = USED_WORDS; i < PAGE_WORDS; i++) {
		if (words(c)[i] != 0xdead0000u + (uint32_t)i)
			conform_fail(c, "byte %zu of the page was written to", i * 4);
		words(c)[i] = 0;
	}
	channel_unlock(&c->fe->channel);
}

/*
 * A write stands in the page without its flag: kicks must not have it served. The
 * read that follows is served after them.
 */
void conform_idle_kicks(struct conform *c)
{
	uint32_t before = conform_read(c, PCI_COMMAND, 2), after;
	struct xen_pci_op op = {
		.cmd = XEN_PCI_OP_conf_write,
		.domain = c->dev.address.segment,
		.bus = c->dev.address.bus,
		.devfn = c->dev.address.devfn,
		.offset = PCI_COMMAND,
		.size = 2,
		.value = before ^ PCI_COMMAND_INTX_DISABLE,
	};

	if (!take(c))
		return;
	c->fe->channel.offer.page->op = op;
	for (int i = 0; i < IDLE_KICKS; i++)
		xen_notify(&c->fe->xen, c->fe->channel.offer.port);
	channel_unlock(&c->fe->channel);
	after = conform_read(c, PCI_COMMAND, 2);
	if (after != before)
		conform_fail(c, "a write without the flag was served: 0x%x became 0x%x", before,
			     after);
	conform_write(c, PCI_COMMAND, 2, before);
}

/* Each request is kicked twice; a kick that comes late must not mix the answers up. */
void conform_double_kick(struct conform *c)
{
	uint32_t ids = conform_read(c, PCI_VENDOR_ID, 4);
	uint32_t class = conform_read(c, PCI_CLASS_REVISION, 4);

	for (int i = 0; i < DOUBLE_KICKS && c->verdict == VERDICT_OK; i++) {
		unsigned offset = i % 2 ? PCI_CLASS_REVISION : PCI_VENDOR_ID;
		uint32_t got;

		xen_notify(&c->fe->xen, c->fe->channel.offer.port);
		got = conform_read(c, offset, 4);
		if (got != (i % 2 ? class : ids))
			conform_fail(c, "request %d reads 0x%x", i, got);
	}
}

void conform_steady(struct conform *c)
{
	uint32_t want = (uint32_t)c->dev.vendor | (uint32_t)c->dev.device << 16;

	for (int i = 0; i < STEADY && c->verdict == VERDICT_OK; i++) {
		uint32_t got = conform_read(c, 0, 4);

		if (got != want)
			conform_fail(c, "request %d reads 0x%x instead of 0x%x", i, got, want);
	}
}
