/* SPDX-License-Identifier: MIT */
/* What the kernel announces of PCI functions, and what is no such news. */
#include "tests/unit/unit.h"

#include <string.h>

#include "host/device_news.h"

#define ANNOUNCED(action, subsystem, name, more)                                           \
	action "@/devices/pci0000:00/" name "\0ACTION=" action "\0DEVPATH=/devices/pci0000:00/" \
	name "\0SUBSYSTEM=" subsystem "\0" more

static struct device_news parse(const char *text, size_t len)
{
	struct device_news news;

	device_news_parse(text, len, &news);
	return news;
}
#define PARSE(...) parse(ANNOUNCED(__VA_ARGS__), sizeof(ANNOUNCED(__VA_ARGS__)))

static void a_function_that_changes_hands_is_news(void **state)
{
	const struct sbdf a = { .segment = 0x10000, .bus = 3, .devfn = 0x21 };
	struct device_news n;

	(void)state;
	assert_int_equal(PARSE("remove", "pci", "0000:03:04.1", "").kind, DEVICE_NEWS_GONE);
	assert_int_equal(PARSE("unbind", "pci", "0000:03:04.1", "").kind, DEVICE_NEWS_UNBOUND);
	n = PARSE("bind", "pci", "10000:03:04.1", "DRIVER=e1000e");
	assert_int_equal(n.kind, DEVICE_NEWS_BOUND);
	assert_string_equal(n.driver, "e1000e");
	assert_true(sbdf_equal(n.sbdf, a));
}

static void what_concerns_others_is_none(void **state)
{
	static const char open_end[] = { "remove@/devices/0000:03:04.1" };

	(void)state;
	assert_int_equal(PARSE("add", "pci", "0000:03:04.1", "").kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(PARSE("change", "pci", "0000:03:04.1", "").kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(PARSE("remove", "usb", "0000:03:04.1", "").kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(PARSE("remove", "pci", "0000:03:04.8", "").kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(PARSE("remove", "pci", "pci0000:03", "").kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(parse(open_end, sizeof(open_end) - 1).kind, DEVICE_NEWS_NOTHING);
	assert_int_equal(parse("", 0).kind, DEVICE_NEWS_NOTHING);
}

static void a_drivers_name_is_printable_and_short(void **state)
{
	struct device_news n = PARSE("bind", "pci", "0000:03:04.1",
				     "DRIVER=a\nb\xff" "0123456789012345678901234567890123456789");

	(void)state;
	assert_int_equal(strlen(n.driver), DEVICE_NEWS_DRIVER_MAX - 1);
	assert_memory_equal(n.driver, "a?b?0123", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_that_changes_hands_is_news),
		cmocka_unit_test(what_concerns_others_is_none),
		cmocka_unit_test(a_drivers_name_is_printable_and_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
