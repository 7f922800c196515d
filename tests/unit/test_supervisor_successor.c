/* SPDX-License-Identifier: MIT */
/* What outlives the process, as text: the golden image, addresses as node names. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "host/device/save.h"
#include "protocol/nodes.h"
#include "tests/unit/support_config.h"

static void an_image_comes_back_from_its_text(void **state)
{
	char text[PCIDEV_SAVED_TEXT], again[PCIDEV_SAVED_TEXT];
	struct pcidev_saved *saved;
	struct fake f;
	int len;

	(void)state;
	fake_nic(&f);
	saved = pcidev_save(&f.dev);
	assert_non_null(saved);
	len = pcidev_saved_format(saved, text);
	assert_int_equal(len, strlen(text));
	pcidev_saved_free(saved);

	/* A guest was here meanwhile: the image is the text's, not the device's. */
	fake_put(&f, PCI_COMMAND, 2, 0);
	fake_put(&f, PCI_CACHE_LINE_SIZE, 1, 0x7f);
	saved = pcidev_saved_parse(&f.dev, text);
	assert_non_null(saved);
	pcidev_saved_format(saved, again);
	assert_string_equal(again, text);
	assert_int_equal(pcidev_restore(&f.dev, saved), 0);
	assert_int_equal(fake_get(&f, PCI_COMMAND, 2), 0x103);
	assert_int_equal(fake_get(&f, PCI_CACHE_LINE_SIZE, 1), 0);
	pcidev_saved_free(saved);
}

static void damaged_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"4", "4=", "=103", "4=103 ", "4=103  c=0", "4=10g", "4=100000000", "fff=1", "7=1",
		"4 = 103", "4=103,c=0", "10000=1", "4444444444444444444444444444444444444=1",
	};
	struct pcidev_saved *saved;
	struct fake f;

	(void)state;
	fake_nic(&f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		errno = 0;
		saved = pcidev_saved_parse(&f.dev, texts[i]);
		/* A blank at the very end is the one thing that does no harm. */
		if (!strcmp(texts[i], "4=103 ")) {
			assert_non_null(saved);
			pcidev_saved_free(saved);
			continue;
		}
		if (saved || errno != EINVAL)
			fail_msg("\"%s\" was taken, or errno is %d", texts[i], errno);
	}
}

static void addresses_are_node_names(void **state)
{
	static const char *const bad[] = {
		"", "0000", "0000-03-00", "0000-03-00-8", "0000-03-20-0", "0000-03-00-0-", "0000-03-00-0-0",
		"0000:03:00.0", "0000-03-00.0", "-03-00-0", "0000-03-00-0 ", "x000-03-00-0",
		"000000000000000000000000000000000-03-00-0",
	};
	static const char *const good[] = { "0000-00-00-0", "0000-ff-1f-7", "10000-e1-00-0" };
	struct sbdf a;
	char buf[NODE_VALUE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(node_bdf_parse(good[i], &a), 0);
		assert_string_equal(node_bdf_format(a, buf), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		if (!node_bdf_parse(bad[i], &a) || errno != EINVAL)
			fail_msg("\"%s\" was taken, or errno is %d", bad[i], errno);
	}
	assert_int_equal(node_bdf_parse(NULL, &a), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_comes_back_from_its_text),
		cmocka_unit_test(damaged_text_is_refused),
		cmocka_unit_test(addresses_are_node_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
