/* SPDX-License-Identifier: MIT */
/*
 * Inputs as people sent them: those in XENPCI_CASES/inputs (../shared/cases/inputs where
 * that is not set), against a table of what each comes to.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

/* What one function of a file is. */
struct outcome {
	const char *file;
	int functions;	  /* that have a hex dump; 0: refused, and `says` why */
	const char *says; /* of the log; NULL: no warning and no error */
	const char *sbdf;
	uint16_t device; /* id */
	uint32_t irq;
	uint64_t start, size; /* of BAR 0 */
	unsigned caps;
};

#define NIC 0x10d3, 11, 0xf0000000
static const struct outcome outcomes[] = {
	{ "dump-01-irq-not-connected", 1, NULL, "00:1f.0", 0x10d3, 0, 0xf0000000, 4096, 1 },
	{ "dump-02-lspci-F-roundtrip", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-03-command-line-first", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-04-bom", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-05-utf16", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-06-mail-quoted", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-07-crlf", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-09-stderr-in-row", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-10-two-machines", 0, ":19: 0000:00:1f.0 is already described in line 1: one machine",
	  NULL, 0, 0, 0, 0, 0 },
	{ "dump-11-segment-ffffff", 1, NULL, "1000000:00:1f.0", NIC, 4096, 1 },
	{ "dump-12-uppercase", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-13-vmd-10000", 1, NULL, "10000:e1:00.0", NIC, 4096, 1 },
	{ "dump-14-wrapped-mail", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-15-access-denied", 1, "the capabilities of 1 functions", "00:1f.0", NIC, 4096, 0 },
	{ "dump-16-x-only-no-desc-indented", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-17-code-fence", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-18-prompt", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-19-trailing-space-row", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-20-no-space-title", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-21-nn-0x", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-24-size-hugeT", 1, ":2: region: that size is beyond", "00:1f.0", NIC, 4096, 1 },
	{ "dump-25-hexdump-of-kernel-blank-between", 1, NULL, "00:1f.0", NIC, 4096, 1 },
	{ "dump-30-behind-cardbus", 2, NULL, "05:00.0", 0x8139, 11, 0x2000, 256, 0 },
	{ "dump-40-flr-beside-no-flr", 3, NULL, "01:00.1", 0x228b, 0, 0x84080000, 4096, 3 },
	{ "dump-42-vmd", 2, NULL, "10000:e1:00.0", 0xa808, 0, 0x80010000, 16 << 10, 1 },
	{ "dump-43-os-address-is-not-bus-address", 2, NULL, "0003:01:00.0", 0xa808, 0,
	  0x600c180000000, 64 << 10, 1 },
	{ "dump-44-vga-shadow-rom", 1, NULL, "01:00.0", 0xa808, 0, 0x80000000, 16 << 20, 1 },
	{ "dump-47-demo-title-of-275-characters", 1, NULL, "00:1f.0", 0x10d3, 0, 0xf0000000,
	  16 << 10, 1 },
	{ "dump-50-odd-caps", 21, "the capabilities of 2 functions", "00:02.0", NIC, 4096, 2 },
	{ "report-broken-reset", 9, NULL, "28:00.4", 0x1487, 10, 0xf7600000, 32 << 10, 3 },
	{ "report-caps-broken", 8, NULL, "01:01.0", 0x1533, 10, 0xa0100000, 128 << 10, 1 },
	{ "report-dead-ones", 2, NULL, "00:1c.0", 0x9d10, 122, 0, 0, 2 },
	{ "report-flr-pending", 2, NULL, "0d:00.0", 0x0616, 0, 0xf930300000, 1 << 20, 3 },
	{ "report-hda", 1, NULL, "00:1b.0", 0x3b56, 17, 0xf2420000, 16 << 10, 3 },
	{ "report-iwlwifi-41", 1, NULL, "00:14.3", 0x9df0, 16, 0xb1238000, 16 << 10, 4 },
	{ "report-odd-regions", 3, NULL, "70:00.0", 0x0ddb, 0, 0xb4a00000, 2 << 20, 2 },
	{ "report-r8168", 2, NULL, "03:00.0", 0x8168, 10, 0xd000, 256, 5 },
	{ "report-renumber-after", 4, NULL, "04:00.0", 0x2725, 10, 0x91000000, 16 << 10, 3 },
	{ "report-renumber-before", 2, NULL, "03:00.0", 0x2725, 10, 0x90000000, 16 << 10, 3 },
	{ "report-root-bus-80", 5, NULL, "84:00.0", 0x272b, 162, 0x86000000, 16 << 10, 3 },
	{ "report-usb-8series", 4, NULL, "00:1f.2", 0x8c02, 19, 0xf0b0, 8, 3 },
	{ "report-vmd", 5, NULL, "10000:e1:00.0", 0xa80c, 0, 0x80000000, 16 << 10, 4 },
	{ "report-wcn6855", 2, NULL, "02:00.0", 0x1103, 0, 0xb0400000, 2 << 20, 3 },
};

static const struct outcome *outcome_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		size_t len = strlen(outcomes[i].file);

		if (!strncmp(name, outcomes[i].file, len) && !strcmp(name + len, ".txt"))
			return &outcomes[i];
	}
	return NULL;
}

static void check_function(struct provider *p, const struct outcome *o)
{
	struct pcidev *dev = open_device(p, o->sbdf);
	const struct pcidev_info *info = &dev->info;
	struct pcidev_cap cap = { 0 };
	unsigned caps = 0;

	while (pcidev_next_cap(dev, &cap))
		caps++;
	if (info->device != o->device || info->irq != o->irq ||
	    info->resource[0].start != o->start || info->resource[0].size != o->size ||
	    caps != o->caps)
		fail_msg("%s: %04x, IRQ %u, BAR 0 at %llx of %llu bytes, %u capabilities", o->file,
			 info->device, info->irq, (long long)info->resource[0].start,
			 (long long)info->resource[0].size, caps);
	pcidev_close(dev);
}

static void check_file(const char *dir, const char *name)
{
	const struct outcome *o = outcome_of(name);
	struct logbook lb;
	struct provider *p;
	char spec[512];

	logbook_init(&lb);
	snprintf(spec, sizeof(spec), "image:%s/%s", dir, name);
	p = provider_open(spec, &lb.logger);
	if (!o) {
		print_message("%s: %s; there is no row for it\n", name, p ? "loads" : lb.text);
		provider_close(p);
		return;
	}
	if (!p != !o->functions || (o->says && !logbook_has(&lb, o->says)) ||
	    (!o->says && (logbook_has(&lb, "warning: ") || logbook_has(&lb, "error: "))))
		fail_msg("%s: %s: %s", name, p ? "loads" : "is refused", lb.text);
	if (!p)
		return;
	if (provider_list(p, NULL, 0) != o->functions)
		fail_msg("%s: %d functions", name, provider_list(p, NULL, 0));
	check_function(p, o);
	provider_close(p);
}

static void test_inputs(void **state)
{
	const char *cases = getenv("XENPCI_CASES");
	const struct dirent *entry;
	unsigned files = 0;
	char dir[256];
	DIR *d;

	(void)state;
	snprintf(dir, sizeof(dir), "%.200s/inputs", cases ? cases : "../shared/cases");
	d = opendir(dir);
	if (!d) {
		print_message("skipped: no inputs in %s: %s\n", dir, strerror(errno));
		skip();
	}
	while ((entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".txt") != 0)
			continue;
		check_file(dir, entry->d_name);
		files++;
	}
	closedir(d);
	print_message("%u inputs\n", files);
	assert_true(files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
