/* SPDX-License-Identifier: MIT */
/* The settings file, and what follows from it for devices of several kinds. */
#include "tests/fuzz/fuzz.h"

#include "backend/config/config.h"
#include "common/util.h"
#include "host/settings.h"
#include "tests/fuzz/trouble.h"

#define DUMP "image:tests/dumps/bench.txt"

static const struct pcidev_info infos[] = {
	{ .sbdf = { .bus = 3 }, .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000 },
	{ .sbdf = { .bus = 4, .devfn = 9 }, .vendor = 0x14e4, .device = 0x1657, .class_code = 0x020000,
	  .subsystem_vendor = 0x1043, .subsystem_device = 0x8554, .is_vf = true },
	{ .sbdf = { .bus = 5 }, .vendor = 0x10ec, .device = 0x8168, .class_code = 0x040300 },
};

static void ask(const struct settings *s)
{
	static const char *const opts[] = { "", "permissive=1,power_mgmt=1", "interrupt_control=1,x=y" };

	fuzz_check(settings_any_idle_d3(s) || !s->idle_d3);
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		static struct settings_policy policy;
		struct settings_life life;
		struct node_opts o;
		char bad[NODE_OPTS_BAD_MAX];

		node_opts_parse(opts[i], &o, bad);
		settings_policy(s, &infos[i], &o, "opts-0", &policy);
		fuzz_check(policy.policy.nr_quirks <= SETTINGS_QUIRKS_MAX);
		for (unsigned q = 0; q < policy.policy.nr_quirks; q++)
			fuzz_check(!config_quirk_error(&policy.policy.quirks[q]));
		/* Whoever may do more than the filter lets them was told so by somebody. */
		fuzz_check(!policy.policy.permissive || policy.permissive_source[0]);
		fuzz_check(!policy.policy.interrupt_control || policy.interrupt_control_source[0]);
		settings_life(s, &infos[i], &life);
		fuzz_check(!life.allow || life.allow_source[0]);
		fuzz_check(life.methods && settings_aer_failed_name(s->aer_failed));
		for (unsigned n = 0; n < s->nr_ranges; n++)
			settings_range_has(&s->ranges[n], infos[i].sbdf);
	}
}

/* libconfig's own: what it has scanned of a string that does not end well. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

/* What ranges there are to hide is to be looked up in a machine. */
static void expand(struct settings *s)
{
	static struct provider *p;
	unsigned before = s->nr_hide;

	if (!p)
		p = provider_open(DUMP, NULL);
	if (!p)
		fuzz_fail(DUMP " cannot be used: run it in the tree's root");
	fuzz_check(settings_expand_hide(s, p) < 0 || s->nr_hide >= before);
}

static void try(const char *path, unsigned allocation)
{
	struct settings s;

	trouble_memory(allocation);
	if (!settings_read(&s, path, true, NULL)) {
		ask(&s);
		expand(&s);
	}
	settings_dispose(&s);
	settings_dispose(&s);
}

/* Files that are none, and that need not be there. */
static void try_others(void)
{
	struct settings s;

	fuzz_check(settings_read(&s, "/", true, NULL) == -1);
	fuzz_check(settings_read(&s, "/proc/self/none", true, NULL) == -1);
	fuzz_check(!settings_read(&s, "/proc/self/none", false, NULL));
	settings_dispose(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* @include would have it read what is not the input. */
	static const char include[] = "@include";
	static bool begun;
	const char *path;

	if (!begun)
		try_others();
	begun = true;
	if (size > 8192 || (size && memmem(data, size, include, sizeof(include) - 1)))
		return 0;
	path = fuzz_file(data, size);
	try(path, 0);
	/* Once more, and one of our allocations fails. */
	if (trouble_allocations())
		try(path, 1 + fuzz_sum(data, size) % trouble_allocations());
	trouble_over();
	return 0;
}
