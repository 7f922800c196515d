/* SPDX-License-Identifier: MIT */
/* The settings file, and what follows from it for devices of several kinds. */
#include "tests/fuzz/fuzz.h"

#include "backend/config/config.h"
#include "common/util.h"
#include "host/settings.h"

static const struct pcidev_info infos[] = {
	{ .sbdf = { .bus = 3 }, .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000 },
	{ .sbdf = { .bus = 4, .devfn = 9 }, .vendor = 0x14e4, .device = 0x1657, .class_code = 0x020000,
	  .subsystem_vendor = 0x1043, .subsystem_device = 0x8554, .is_vf = true },
	{ .sbdf = { .bus = 5 }, .vendor = 0x10ec, .device = 0x8168, .class_code = 0x040300 },
};

static void ask(const struct settings *s)
{
	static const char *const opts[] = { "", "permissive=1,power_mgmt=1", "interrupt_control=1,x=y" };

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* @include would have it read what is not the input. */
	static const char include[] = "@include";
	struct settings s;

	if (size > 4096 || (size && memmem(data, size, include, sizeof(include) - 1)))
		return 0;
	if (!settings_read(&s, fuzz_file(data, size), true, NULL))
		ask(&s);
	settings_dispose(&s);
	settings_dispose(&s);
	return 0;
}
