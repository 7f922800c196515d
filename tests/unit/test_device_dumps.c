/* SPDX-License-Identifier: MIT */
/*
 * Captured machines: the bundled one and every dump in XENPCI_DUMPS (../shared/dumps
 * where that is not set). Each loads; each function opens, measures as its text says,
 * holds its registers when nothing is written, and comes back from a reset.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "host/device/image/parse.h"
#include "host/device/save.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

static const struct image_text_function *text_of(const struct image_text *text, struct sbdf sbdf)
{
	for (size_t i = 0; i < text->nr; i++) {
		if (sbdf_equal(text->function[i].sbdf, sbdf))
			return &text->function[i];
	}
	return NULL;
}

/* Each size that the text tells, and each that the registers tell. */
static void check_sizes(struct pcidev *dev, const struct image_text_function *fn, const char *name)
{
	const struct pcidev_resource *r;
	unsigned n;

	for (n = 0; n < PCIDEV_RESOURCES; n++) {
		const struct image_region *rg = &fn->region[n];
		uint64_t want = rg->size;

		r = &dev->info.resource[n];
		if (want && r->size != want)
			fail_msg("%s: region %u: %llu bytes", name, n, (long long)r->size);
		if (!r->size)
			continue;
		/* A virtual function's and a fixed region's registers read zero. */
		if (rg->virtual || dev->info.is_vf)
			want = 0;
		else if (!want)
			want = r->size;
		if (measure(dev, n) != want)
			fail_msg("%s: region %u measures %llu", name, n,
				 (long long)measure(dev, n));
	}
}

/* Reads what was captured; after sizing too. */
static void check_captured(struct pcidev *dev, const struct image_text_function *fn,
			   const char *name)
{
	uint8_t now[4096];

	get_all(dev, now);
	for (size_t i = 0; i < fn->nr_bytes; i++) {
		/* A list that begins beyond the dump is hidden. */
		if (fn->nr_bytes == 64 && (i == PCI_STATUS || i == PCI_CAPABILITY_LIST))
			continue;
		if (now[i] != fn->bytes[i])
			fail_msg("%s: %02x at %zx, %02x in the dump", name, now[i], i,
				 fn->bytes[i]);
	}
}

/* Saved, reset, restored: not one bit of state is lost. */
static void check_reset(struct pcidev *dev, const char *name)
{
	uint8_t before[4096], after[4096];
	struct pcidev_saved *saved = pcidev_save(dev);
	unsigned i;

	if (!saved)
		fail_msg("%s: not saved: %s", name, strerror(errno));
	get_all(dev, before);
	if (pcidev_reset(dev) && errno != ENOTTY)
		fail_msg("%s: not reset: %s", name, strerror(errno));
	if (pcidev_restore(dev, saved))
		fail_msg("%s: not restored: %s", name, strerror(errno));
	get_all(dev, after);
	/* Events that had been recorded are history: status registers may differ. */
	for (i = 0; i < 64; i++) {
		if (i == PCI_STATUS || i == PCI_STATUS + 1)
			continue;
		if (dev->info.header_type && (i & ~1u) == PCI_SEC_STATUS)
			continue;
		if (before[i] != after[i])
			fail_msg("%s: %x was %02x and is %02x", name, i, before[i], after[i]);
	}
	pcidev_saved_free(saved);
}

/* Returns how many functions were opened. */
static unsigned check_dump(const char *file)
{
	struct image_text text;
	struct logbook lb;
	struct provider *p;
	struct sbdf *list;
	char spec[512], name[SBDF_TEXT];
	unsigned opened = 0;
	int n;

	logbook_init(&lb);
	snprintf(spec, sizeof(spec), "image:%s", file);
	p = open_provider(spec, &lb);
	assert_int_equal(image_text_load(file, &lb.logger, &text), 0);
	n = provider_list(p, NULL, 0);
	assert_true(n > 0);
	list = calloc((size_t)n, sizeof(*list));
	assert_non_null(list);
	assert_int_equal(provider_list(p, list, (size_t)n), n);
	for (int i = 0; i < n; i++) {
		const struct image_text_function *fn = text_of(&text, list[i]);
		struct pcidev *dev = provider_open_device(p, list[i]);

		assert_non_null(fn);
		sbdf_format(list[i], name);
		if (!dev && (errno != ENOTSUP || (fn->bytes[PCI_HEADER_TYPE] & 0x7f) < 2))
			fail_msg("%s: %s: %s", file, name, strerror(errno));
		if (!dev)
			continue;
		check_captured(dev, fn, name);
		check_sizes(dev, fn, name);
		check_captured(dev, fn, name);
		check_reset(dev, name);
		pcidev_close(dev);
		opened++;
	}
	free(list);
	image_text_dispose(&text);
	provider_close(p);
	return opened;
}

static void test_bench(void **state)
{
	(void)state;
	assert_int_equal(check_dump(BENCH), 24);
}

static void test_shared(void **state)
{
	const char *dir = getenv("XENPCI_DUMPS");
	const struct dirent *entry;
	unsigned files = 0, functions = 0;
	char path[512];
	DIR *d;

	(void)state;
	if (!dir)
		dir = "../shared/dumps";
	d = opendir(dir);
	if (!d) {
		print_message("skipped: no dumps in %s: %s\n", dir, strerror(errno));
		skip();
	}
	while ((entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".txt") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.200s", dir, entry->d_name);
		functions += check_dump(path);
		files++;
	}
	closedir(d);
	print_message("%u dumps, %u functions\n", files, functions);
	assert_true(files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bench),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
