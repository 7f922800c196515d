/* SPDX-License-Identifier: MIT */
#include "tests/unit/support_text.h"

#include <string.h>

#include "tests/unit/unit.h"

void text_put_bytes(struct text_buffer *b, const char *bytes, size_t len)
{
	assert_true(b->len + len < TEXT_MAX);
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
}

void text_put(struct text_buffer *b, const char *text)
{
	text_put_bytes(b, text, strlen(text));
}

/* ---- The machine */

void text_rows(struct text_buffer *b, const char *header, unsigned nr)
{
	char offset[16];

	text_put(b, header);
	for (unsigned at = 0x40; at < nr; at += 16) {
		snprintf(offset, sizeof(offset), "%02x: ", at);
		text_put(b, offset);
		text_put(b, at == 0x40 ? "05 00 80 00 00 00 3d 00 00 00 00 00 00 00 00 ff\n" : TEXT_ZEROS);
	}
	text_put(b, "\n");
}

void text_machine(struct text_buffer *b)
{
	b->len = 0;
	text_put(b, "00:1c.0 PCI bridge: Example Systems Root Port #1 (rev 03) (prog-if 00 [Normal decode])\n"
		    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+\n"
		    "\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-\n"
		    "\tInterrupt: pin A routed to IRQ 16\n"
		    "\tBus: primary=00, secondary=03, subordinate=3d, sec-latency=0\n"
		    "\tMemory behind bridge: f0000000-f00fffff [size=1M] [32-bit]\n");
	text_rows(b, "00: 86 80 10 9d 07 04 10 00 f1 00 04 06 10 00 81 00\n10: " TEXT_ZEROS
		    "20: 00 f0 00 f0 f1 ff 01 00 00 00 00 00 00 00 00 00\n"
		    "30: 00 00 00 00 40 00 00 00 00 00 00 00 10 01 02 00\n", 128);
	/* The address's three bytes of 03:00.1 begin like a row's. */
	text_put(b, "03:00.1 Ethernet controller: Example Systems 82574L Gigabit Network Connection\n"
		    "\tSubsystem: Example Systems Device 0001\n"
		    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-\n"
		    "\tInterrupt: pin A routed to IRQ 17\n"
		    "\tRegion 0: Memory at 38f0000000 (64-bit, non-prefetchable) [size=128K]\n"
		    "\tRegion 2: I/O ports at e000 [disabled] [size=32]\n"
		    "\tExpansion ROM at <unassigned> [disabled]\n"
		    "\tCapabilities: [40] MSI: Enable- Count=1/1 Maskable- 64bit+\n"
		    "\t\tAddress: 0000000000000000  Data: 0000\n"
		    "\tCapabilities: [160] Single Root I/O Virtualization (SR-IOV)\n"
		    "\t\tRegion 0: Memory at 000000e000000000 (64-bit, prefetchable)\n"
		    "\tKernel driver in use: e1000e\n");
	text_rows(b, "00: 86 80 d3 10 07 04 10 00 00 00 00 02 00 00 00 00\n"
		    "10: 04 00 00 f0 38 00 00 00 01 e0 00 00 00 00 00 00\n20: " TEXT_ZEROS
		    "30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00\n", 128);
}

/* ---- Loading and comparing */

int text_load(const struct text_buffer *b, struct machine *m, struct image_text *text)
{
	machine_begin(m);
	assert_int_equal(fwrite(b->bytes, 1, b->len, m->out), b->len);
	assert_int_equal(fflush(m->out), 0);
	return image_text_load(m->file, &m->log.logger, text);
}

static bool same_function(const struct image_text_function *a, const struct image_text_function *b)
{
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		const struct image_region *r = &a->region[i], *s = &b->region[i];

		if (!r->line != !s->line || r->start != s->start || r->size != s->size ||
		    r->io != s->io || r->is_64bit != s->is_64bit ||
		    r->prefetchable != s->prefetchable)
			return false;
	}
	return sbdf_equal(a->sbdf, b->sbdf) && a->nr_bytes == b->nr_bytes &&
	       !memcmp(a->bytes, b->bytes, a->nr_bytes) && a->has_irq == b->has_irq &&
	       a->irq == b->irq;
}

/* The machine as it loads from its own text. */
static struct image_text want;

int text_load_machine(void **state)
{
	static struct text_buffer plain;
	struct machine m;

	(void)state;
	text_machine(&plain);
	assert_int_equal(text_load(&plain, &m, &want), 0);
	assert_int_equal(want.nr, 2);
	machine_end(&m);
	return 0;
}

int text_free_machine(void **state)
{
	(void)state;
	image_text_dispose(&want);
	return 0;
}

void text_expect_machine(const char *name, const struct text_buffer *b)
{
	struct image_text got;
	struct machine m;

	if (text_load(b, &m, &got))
		fail_msg("%s: %s", name, m.log.text);
	if (got.nr != want.nr)
		fail_msg("%s: %zu functions", name, got.nr);
	for (size_t i = 0; i < want.nr; i++) {
		if (!same_function(&want.function[i], &got.function[i]))
			fail_msg("%s: function %zu is another", name, i);
	}
	image_text_dispose(&got);
	machine_end(&m);
}

void text_framed(struct text_buffer *to, const char *before, const char *line, size_t len,
		   const char *behind)
{
	text_put(to, before);
	text_put_bytes(to, line, len);
	text_put(to, behind);
}
