/* SPDX-License-Identifier: MIT */
/*
 * What an operator has told xen-pciback, as its files in sysfs show it: any text in each of them. What
 * is not understood is as if it had not been said, and what is taken over is right.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "host/settings.h"
#include "tests/fuzz/trouble.h"

#define DRIVER "bus/pci/drivers/pciback"
#define CONF "xenpci.conf"
#define PARAMETERS "module/xen_pciback/parameters"

static const char *const directories[] = { "bus", "bus/pci", "bus/pci/drivers", DRIVER, "module",
					   "module/xen_pciback", PARAMETERS };
static const char *const files[] = { DRIVER "/permissive", DRIVER "/allow_interrupt_control",
				     DRIVER "/quirks", PARAMETERS "/permissive",
				     PARAMETERS "/passthrough", PARAMETERS "/hide" };
static const char *root;

static const char *below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* Settings of the operator's own, which leave little room for one of the devices. */
static void write_conf(void)
{
	FILE *f = fopen(below(CONF), "w");

	if (!f)
		fuzz_fail("cannot write %s", below(CONF));
	fputs("quirks = ( ", f);
	for (unsigned i = 0; i < SETTINGS_QUIRKS_MAX - 4; i++)
		fprintf(f, "%s{ bdf = \"0001:04:01.1\"; offset = %u; width = 1; mask = 1; reason = \"r\"; }",
			i ? ", " : "", 0x100 + i);
	fputs(" );\n", f);
	fclose(f);
}

static void make_tree(void)
{
	static char far[5000]; /* longer than any path */

	root = fuzz_directory();
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdir(below(directories[i]), 0700))
			fuzz_fail("no directory %s", below(directories[i]));
	write_conf();
	memset(far, 'x', sizeof(far) - 1);
	fuzz_check(!pciback_parameter(far, "permissive"));
}

/* Files are there as the first byte's bits say. */
static void write_files(struct bytes *in)
{
	uint8_t there = take_u8(in);
	static char text[4200];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		size_t n;
		int fd;

		unlink(below(files[i]));
		if (!(there >> i & 1))
			continue;
		n = take_text(in, text, sizeof(text), 0xff);
		fd = open(below(files[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, text, n) != (ssize_t)n)
			fuzz_fail("cannot write %s", below(files[i]));
		close(fd);
	}
}

static void check(const struct settings *s)
{
	static const struct pcidev_info infos[] = {
		{ .sbdf = { .bus = 3 }, .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000 },
		{ .sbdf = { .segment = 1, .bus = 4, .devfn = 9 }, .vendor = 0x10ec, .device = 0x8168 },
	};
	static struct settings_policy policy;
	struct node_opts none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		settings_policy(s, &infos[i], &none, "", &policy);
		fuzz_check(policy.nr_adopted <= PCIBACK_QUIRKS_MAX &&
			   policy.policy.nr_quirks <= SETTINGS_QUIRKS_MAX);
		for (unsigned q = 0; q < policy.policy.nr_quirks; q++)
			fuzz_check(!config_quirk_error(&policy.policy.quirks[q]));
		fuzz_check(!policy.policy.permissive || !strncmp(policy.permissive_source, "bus/", 4) ||
			   !strncmp(policy.permissive_source, "module/", 7));
	}
	for (unsigned i = 0; i < s->nr_hide; i++)
		for (unsigned k = 0; k < i; k++)
			fuzz_check(!sbdf_equal(s->hide[i], s->hide[k]));
}

static void try(bool said, unsigned allocation)
{
	struct settings s;

	fuzz_check(!settings_read(&s, below(CONF), true, NULL));
	s.slots_said = said;
	trouble_memory(allocation);
	settings_adopt_pciback(&s, root, NULL);
	fuzz_check(!said || s.slots == SLOTS_VPCI);
	check(&s);
	settings_dispose(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	if (size > 8192)
		return 0;
	if (!root)
		make_tree();
	write_files(&in);
	try(size && data[0] & 0x80, 0);
	/* Once more, and one of our allocations fails. */
	if (trouble_allocations())
		try(false, 1 + fuzz_sum(data, size) % trouble_allocations());
	trouble_over();
	return 0;
}
