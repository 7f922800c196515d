/* SPDX-License-Identifier: MIT */
/* What is known of a captured device: its interrupt line, its regions, what cannot be. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

struct known {
	const char *name;
	const char *description; /* behind the title */
	uint8_t pin, line;	 /* registers */
	bool msi_on;
	uint32_t irq;
};

static const struct known irqs[] = {
	{ "the text", "\tInterrupt: pin A routed to IRQ 20\n", 1, 11, false, 20 },
	{ "no text: the register", "", 1, 11, false, 11 },
	{ "no pin", "", 0, 11, false, 0 },
	{ "255 is none", "\tInterrupt: pin A routed to IRQ 255\n", 1, 255, false, 0 },
	{ "0 is none", "\tInterrupt: pin A routed to IRQ 0\n", 1, 0, false, 0 },
	{ "the kernel's none", "\tInterrupt: pin A routed to IRQ -2147483648\n", 1, 11, false, 0 },
	{ "a number of another kind", "\tInterrupt: pin A routed to IRQ 275\n", 1, 10, false, 10 },
	{ "with MSI on the text tells MSI's", "\tInterrupt: pin A routed to IRQ 24\n", 1, 10, true,
	  10 },
};

static void test_irq(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(irqs); i++) {
		struct machine m;
		struct provider *p;
		struct pcidev *dev;
		uint8_t bytes[256];

		bytes_init(bytes, 0x1234, 0x5678);
		bytes[PCI_INTERRUPT_PIN] = irqs[i].pin;
		bytes[PCI_INTERRUPT_LINE] = irqs[i].line;
		bytes_cap(bytes, 0x40, PCI_CAP_ID_MSI);
		bytes[0x42] = irqs[i].msi_on;
		machine_begin(&m);
		machine_text(&m, "00:05.0 x\n%s", irqs[i].description);
		machine_dump(&m, bytes, sizeof(bytes));
		p = machine_open(&m);
		assert_non_null(p);
		dev = open_device(p, "00:05.0");
		if (dev->info.irq != irqs[i].irq)
			fail_msg("%s: %u", irqs[i].name, dev->info.irq);
		pcidev_close(dev);
		provider_close(p);
		machine_end(&m);
	}
}

struct sized {
	const char *name;
	unsigned number;
	uint32_t low, high; /* registers */
	const char *region; /* its line, or NULL */
	struct pcidev_resource want;
	uint64_t measured;  /* through the registers */
};

static const struct sized sizes[] = {
	{ "told", 0, 0xf0000000, 0,
	  "Region 0: Memory at f0000000 (32-bit, non-prefetchable) [size=1M]",
	  { 0xf0000000, 1 << 20, 0, false }, 1 << 20 },
	{ "not told: a page", 0, 0xf0000000, 0, NULL, { 0xf0000000, 4096, 0, false }, 4096 },
	{ "not told, and cannot be a page", 0, 0xf0000400, 0, NULL, { 0xf0000400, 1024, 0, false },
	  1024 },
	{ "not told: 32 ports", 1, 0xc001, 0, NULL, { 0xc000, 32, 1, false }, 32 },
	{ "not told, and cannot be 32 ports", 1, 0xc009, 0, NULL, { 0xc008, 8, 1, false }, 8 },
	{ "not there", 2, 0, 0, NULL, { 0, 0, 0, false }, 0 },
	{ "64-bit above 4G", 2, 0x0000000c, 0x38,
	  "Region 2: Memory at 3800000000 (64-bit, prefetchable) [size=8G]",
	  { 0x3800000000, UINT64_C(8) << 30, 0xc, false }, UINT64_C(8) << 30 },
	{ "unassigned", 0, 0, 0,
	  "Region 0: Memory at <unassigned> (32-bit, non-prefetchable) [size=8K]",
	  { 0, 8192, 0, true }, 8192 },
	{ "unassigned ports", 0, 1, 0, "Region 0: I/O ports at <unassigned> [disabled] [size=64]",
	  { 0, 64, 1, true }, 64 },
	{ "unassigned, 64-bit, not told", 0, 0x4, 0, NULL, { 0, 4096, 4, true }, 4096 },
	{ "ignored by the OS", 0, 0xf0000000, 0,
	  "Region 0: Memory at <ignored> (32-bit, non-prefetchable) [size=64K]",
	  { 0xf0000000, 64 << 10, 0, true }, 64 << 10 },
	{ "fixed by the OS' knowledge", 0, 0, 0,
	  "Region 0: [virtual] Memory at 843000000000 (32-bit, non-prefetchable) [size=1G]",
	  { 0x843000000000, 1 << 30, 0, false }, 0 },
	{ "legacy ports of an IDE controller", 1, 0, 0, "Region 1: [virtual] I/O ports at 03f4",
	  { 0x3f4, 4, 1, false }, 0 },
	{ "64-bit without room for its upper half", 5, 0xf0000004, 0, NULL, { 0, 0, 0, false }, 0 },
	{ "an upper half that lspci -F takes for a region", 0, 0xf0000004, 0x38,
	  "Region 0: Memory at 38f0000000 (64-bit, non-prefetchable) [size=64K]\n"
	  "\tRegion 1: Memory at <unassigned> (32-bit, prefetchable)",
	  { 0x38f0000000, 64 << 10, 4, false }, 64 << 10 },
	{ "64-bit, by an lspci that knows 32", 0, 0xf0000004, 0x38,
	  "Region 0: Memory at f0000000 (64-bit, non-prefetchable) [size=64K]",
	  { 0x38f0000000, 64 << 10, 4, false }, 64 << 10 },
	{ "ROM", PCIDEV_ROM, 0xfeb00001, 0, "Expansion ROM at feb00000 [size=64K]",
	  { 0xfeb00000, 64 << 10, 1, false }, 64 << 10 },
	{ "ROM, not told", PCIDEV_ROM, 0xfeb00800, 0, NULL, { 0xfeb00800, 2048, 0, false }, 2048 },
	{ "ROM, unassigned", PCIDEV_ROM, 0, 0,
	  "Expansion ROM at <unassigned> [disabled] [size=64K]",
	  { 0, 64 << 10, 0, true }, 64 << 10 },
	{ "ROM, a copy in memory", PCIDEV_ROM, 0, 0,
	  "Expansion ROM at 000c0000 [virtual] [disabled] [size=128K]",
	  { 0xc0000, 128 << 10, 0, false }, 0 },
};

static void test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct sized *s = &sizes[i];
		const struct pcidev_resource *r;
		unsigned at = s->number == PCIDEV_ROM ? PCI_ROM_ADDRESS : 0x10 + 4 * s->number;
		struct machine m;
		struct provider *p;
		struct pcidev *dev;
		uint8_t bytes[256];

		bytes_init(bytes, 0x1234, 0x5678);
		bytes_put(bytes, at, 4, s->low);
		if (s->high)
			bytes_put(bytes, at + 4, 4, s->high);
		machine_begin(&m);
		machine_text(&m, "00:05.0 x\n%s%s%s", s->region ? "\t" : "",
			     s->region ? s->region : "", s->region ? "\n" : "");
		machine_dump(&m, bytes, sizeof(bytes));
		p = machine_open(&m);
		if (!p)
			fail_msg("%s: %s", s->name, m.log.text);
		dev = open_device(p, "00:05.0");
		r = &dev->info.resource[s->number];
		if (r->start != s->want.start || r->size != s->want.size ||
		    r->flags != s->want.flags || r->disabled != s->want.disabled)
			fail_msg("%s: %llx, %llu bytes, flags %x%s", s->name, (long long)r->start,
				 (long long)r->size, r->flags, r->disabled ? ", disabled" : "");
		/* What is no BAR to us still reads as captured: no use in measuring it. */
		if ((r->size || !s->low) && measure(dev, s->number) != s->measured)
			fail_msg("%s: measures %llu", s->name,
				 (long long)measure(dev, s->number));
		assert_int_equal(logbook_has(&m.log, "tells no size for 1 regions"),
				 r->size && !(s->region && strstr(s->region, "size=")));
		/* Where the OS knows more than the register, the guest cannot move it. */
		assert_int_equal(dev->info.bars_movable, s->measured || !r->size);
		pcidev_close(dev);
		provider_close(p);
		machine_end(&m);
	}
}

static const struct {
	const char *name;
	unsigned number;
	uint32_t low, high;
	const char *region;
	struct pcidev_resource want;
} elsewhere[] = {
	{ "behind a host bridge that translates", 0, 0x80000004, 0,
	  "Region 0: Memory at 600c180000000 (64-bit, non-prefetchable) [size=64K]",
	  { 0x600c180000000, 64 << 10, 4, false } },
	{ "32-bit", 1, 0x80000000, 0,
	  "Region 1: Memory at 620080000000 (32-bit, non-prefetchable) [size=16K]",
	  { 0x620080000000, 16 << 10, 0, false } },
	{ "ports", 2, 0x1001, 0, "Region 2: I/O ports at 81000 [size=32]", { 0x81000, 32, 1, false } },
	{ "a ROM's copy in memory, not as large as the ROM", PCIDEV_ROM, 0xde010000, 0,
	  "Expansion ROM at 000c0000 [disabled] [size=128K]", { 0xc0000, 128 << 10, 0, false } },
};

/* The OS's address is what counts, also to a guest; the register keeps the bus's. */
static void test_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		const struct pcidev_resource *r, *want = &elsewhere[i].want;
		unsigned at = elsewhere[i].number == PCIDEV_ROM ? PCI_ROM_ADDRESS :
								  0x10 + 4 * elsewhere[i].number;
		struct machine m;
		struct provider *p;
		struct pcidev *dev;
		uint8_t bytes[256];

		bytes_init(bytes, 0x1234, 0x5678);
		bytes_put(bytes, at, 4, elsewhere[i].low);
		machine_begin(&m);
		machine_text(&m, "00:05.0 x\n\t%s\n", elsewhere[i].region);
		machine_dump(&m, bytes, sizeof(bytes));
		p = machine_open(&m);
		if (!p)
			fail_msg("%s: %s", elsewhere[i].name, m.log.text);
		dev = open_device(p, "00:05.0");
		r = &dev->info.resource[elsewhere[i].number];
		if (r->start != want->start || r->size != want->size || r->flags != want->flags ||
		    r->disabled)
			fail_msg("%s: %llx, %llu bytes, flags %x", elsewhere[i].name,
				 (long long)r->start, (long long)r->size, r->flags);
		assert_false(dev->info.bars_movable);
		set(dev, at, 4, UINT32_MAX);
		assert_int_equal(get(dev, at, 4), elsewhere[i].low);
		pcidev_close(dev);
		provider_close(p);
		machine_end(&m);
	}
}

/* A size that nothing can address is told by line, and another one taken. */
static void test_beyond_addresses(void **state)
{
	struct machine m;
	struct provider *p;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_put(bytes, 0x10, 4, 0xf0000004);
	machine_begin(&m);
	machine_text(&m, "00:05.0 x\n\tRegion 0: Memory at f0000000 (64-bit, non-prefetchable) "
			 "[size=16P]\n");
	machine_dump(&m, bytes, sizeof(bytes));
	p = machine_open(&m);
	assert_non_null(p);
	assert_true(logbook_has(&m.log, ":2: region: that size is beyond"));
	dev = open_device(p, "00:05.0");
	assert_int_equal(dev->info.resource[0].size, 4096);
	pcidev_close(dev);
	provider_close(p);
	machine_end(&m);
}

static const struct {
	const char *region;
	uint8_t header_type;
	uint32_t bar[2];
	const char *says;
} impossible[] = {
	{ "Region 0: Memory at f0000000 (32-bit, prefetchable) [size=1M]", 0, { 0xc001 },
	  "region 0: the hex dump says I/O ports" },
	{ "Region 0: I/O ports at c000 [size=32]", 0, { 0xf0000000 }, "the hex dump says memory" },
	{ "Region 0: Memory at f0000000 (32-bit, prefetchable) [size=3M]", 0, { 0xf0000008 },
	  "3145728 is not a power of two" },
	{ "Region 0: Memory at f0000000 (32-bit, prefetchable) [size=8]", 0, { 0xf0000008 },
	  "8 is impossible for its kind" },
	{ "Region 0: Memory at f0000000 (32-bit, prefetchable) [size=8G]", 0, { 0xf0000008 },
	  "8589934592 is impossible for its kind" },
	{ "Region 0: I/O ports at c000 [size=2]", 0, { 0xc001 }, "2 is impossible for its kind" },
	/* Known to the OS alone. */
	{ "Region 0: Memory at c0000000 (32-bit, non-prefetchable) [virtual] [size=3K]", 0, { 0 },
	  "3072 is not a power of two" },
	{ "Expansion ROM at c0000000 [virtual] [size=63K]", 0, { 0 }, "64512 is not a power of two" },
	{ "Region 0: Memory at f0100000 (32-bit, prefetchable) [size=16M]", 0, { 0xf0100008 },
	  "address f0100000 in the dump does not fit" },
	{ "Region 1: Memory at 0 (32-bit, non-prefetchable) [size=4K]", 0, { 0xf0000004, 1 },
	  "region 1: it is the upper half of the one before" },
	{ "Region 2: Memory at f0000000 (32-bit, non-prefetchable) [size=4K]", 1, { 0 },
	  "region 2: a bridge has two" },
	{ "Expansion ROM at <unassigned> [size=1K]", 0, { 0 },
	  "region 6: a size of 1024 is impossible" },
};

static void test_impossible(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		struct machine m;
		uint8_t bytes[256];
		char where[128];

		bytes_init(bytes, 0x1234, 0x5678);
		bytes[PCI_HEADER_TYPE] = impossible[i].header_type;
		bytes_put(bytes, 0x10, 4, impossible[i].bar[0]);
		bytes_put(bytes, 0x14, 4, impossible[i].bar[1]);
		machine_begin(&m);
		machine_text(&m, "00:05.0 x\n\tSubsystem: x\n\t%s\n", impossible[i].region);
		machine_dump(&m, bytes, sizeof(bytes));
		errno = 0;
		assert_null(machine_open(&m));
		assert_int_equal(errno, EINVAL);
		snprintf(where, sizeof(where), "%s:3: 0000:00:05.0: region ", m.file);
		if (!logbook_has(&m.log, where) || !logbook_has(&m.log, impossible[i].says))
			fail_msg("case %zu: %s", i, m.log.text);
		machine_end(&m);
	}
}

/* What an unprivileged lspci shows: 64 bytes, and capabilities that are not there. */
static void test_header_only(void **state)
{
	struct machine m;
	struct provider *p;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1af4, 0x1041);
	bytes_put(bytes, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	bytes[PCI_CAPABILITY_LIST] = 0x98;
	bytes_put(bytes, 0x10, 4, 0x4);
	bytes_put(bytes, 0x14, 4, 0x40);
	machine_begin(&m);
	machine_text(&m, "00:03.0 x\n\tRegion 0: Memory at 4000000000 (64-bit, non-prefetchable) "
			 "[size=512K]\n\tCapabilities: <access denied>\n");
	machine_dump(&m, bytes, 64);
	p = machine_open(&m);
	assert_non_null(p);
	dev = open_device(p, "00:03.0");
	assert_int_equal(dev->info.config_size, 256);
	assert_int_equal(get(dev, PCI_STATUS, 2), 0);
	assert_int_equal(get(dev, PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(get(dev, 0xfc, 4), 0);
	assert_int_equal(measure(dev, 0), 512 << 10);
	assert_int_equal(pcidev_find_cap(dev, PCI_CAP_ID_MSIX), 0);
	assert_int_equal(find_ext_cap(dev, PCI_EXT_CAP_ID_ERR), 0);
	assert_true(dev->info.caps_unseen);
	pcidev_close(dev);
	provider_close(p);
	machine_end(&m);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Lists that end beyond the dump, wholly or in part: said once for all functions. */
static void test_unseen(void **state)
{
	static const struct {
		const char *sbdf;
		uint8_t first, second; /* capabilities; 0: there is none */
		size_t nr;	       /* bytes of the dump */
		bool unseen;
		unsigned seen; /* capabilities */
	} functions[] = {
		{ "00:01.0", 0x40, 0, 64, true, 0 },	 { "00:02.0", 0, 0, 64, false, 0 },
		{ "00:03.0", 0x60, 0x90, 128, true, 1 }, { "00:04.0", 0x60, 0x70, 128, false, 2 },
		{ "00:05.0", 0x60, 0x90, 256, false, 2 },
	};
	struct machine m;
	struct provider *p;

	(void)state;
	machine_begin(&m);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		uint8_t bytes[256];

		bytes_init(bytes, 0x1234, 0x5678);
		if (functions[i].second)
			bytes_cap(bytes, functions[i].second, PCI_CAP_ID_MSI);
		if (functions[i].first)
			bytes_cap(bytes, functions[i].first, PCI_CAP_ID_PM);
		machine_text(&m, "%s x\n", functions[i].sbdf);
		machine_dump(&m, bytes, functions[i].nr);
	}
	p = machine_open(&m);
	assert_non_null(p);
	assert_int_equal(count(m.log.text, "warning: "), 1);
	assert_true(logbook_has(&m.log, "the capabilities of 2 functions (0000:00:01.0 first)"));
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		struct pcidev *dev = open_device(p, functions[i].sbdf);
		struct pcidev_cap cap = { 0 };
		unsigned seen = 0;

		while (pcidev_next_cap(dev, &cap))
			seen++;
		assert_int_equal(seen, functions[i].seen);
		assert_int_equal(dev->info.caps_unseen, functions[i].unseen);
		pcidev_close(dev);
	}
	provider_close(p);
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_irq),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_beyond_addresses),
		cmocka_unit_test(test_header_only),
		cmocka_unit_test(test_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
