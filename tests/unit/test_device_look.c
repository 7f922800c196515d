/* SPDX-License-Identifier: MIT */
/* Looking at a function beside whoever has it open, and what the OS tells of it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/support_device.h"

static struct logbook log_;

static void assert_looks(struct provider *p, const char *sbdf)
{
	struct pcidev *dev = open_device(p, sbdf), *look = provider_look(p, address(sbdf));
	uint32_t command = get(dev, PCI_COMMAND, 2);

	assert_non_null(look);
	assert_int_equal(get(look, PCI_VENDOR_ID, 2), dev->info.vendor);
	assert_memory_equal(&look->info, &dev->info, sizeof(dev->info));
	/* It sees what happens, and makes nothing happen. */
	set(dev, PCI_COMMAND, 2, command ^ PCI_COMMAND_MASTER);
	assert_int_equal(get(look, PCI_COMMAND, 2), command ^ PCI_COMMAND_MASTER);
	assert_int_equal(pcidev_write(look, PCI_COMMAND, 2, 0), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(pcidev_reset(look), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(pcidev_enable(look, true), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(get(dev, PCI_COMMAND, 2), command ^ PCI_COMMAND_MASTER);
	pcidev_close(look);
	/* Closing it closes nothing else. */
	assert_null(provider_open_device(p, address(sbdf)));
	assert_int_equal(errno, EBUSY);
	pcidev_close(dev);
}

static void test_image(void **state)
{
	struct provider *p;
	char buf[16];

	(void)state;
	logbook_init(&log_);
	p = open_provider("image:" BENCH, &log_);
	assert_looks(p, "00:04.0");
	assert_null(provider_look(p, address("7f:00.0")));
	assert_int_equal(errno, ENODEV);
	assert_int_equal(provider_attribute(p, address("00:04.0"), "driver", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(provider_attribute(p, address("7f:00.0"), "driver", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENODEV);
	provider_close(p);
}

/* A CardBus bridge's header is one that nobody opens, but that has to be seen. */
static void test_cardbus(void **state)
{
	struct machine m;
	struct provider *p;
	struct pcidev *look;
	uint8_t bytes[256];

	(void)state;
	machine_begin(&m);
	bytes_init(bytes, 0x1217, 0x7136);
	bytes[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_CARDBUS;
	machine_text(&m, "00:03.0 CardBus bridge: O2 Micro\n");
	machine_dump(&m, bytes, sizeof(bytes));
	p = machine_open(&m);
	assert_non_null(p);
	assert_null(provider_open_device(p, address("00:03.0")));
	assert_int_equal(errno, ENOTSUP);
	look = provider_look(p, address("00:03.0"));
	assert_non_null(look);
	assert_int_equal(look->info.header_type, PCI_HEADER_TYPE_CARDBUS);
	pcidev_close(look);
	provider_close(p);
	machine_end(&m);
}

static void sysfs_file(const char *root, const char *name, const void *content, size_t size)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:01:00.0/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, size, f), size);
	fclose(f);
}

static void sysfs_text(const char *root, const char *name, const char *text)
{
	sysfs_file(root, name, text, strlen(text));
}

static void test_sysfs(void **state)
{
	char root[] = "/tmp/xenpci-look-XXXXXX", text[160], buf[16];
	struct sbdf a = address("01:00.0");
	uint8_t bytes[256];
	struct provider *p;

	(void)state;
	logbook_init(&log_);
	assert_non_null(mkdtemp(root));
	snprintf(text, sizeof(text), "mkdir -p %s/bus/pci/devices/0000:01:00.0", root);
	assert_int_equal(system(text), 0);
	bytes_init(bytes, 0x8086, 0x10d3);
	sysfs_file(root, "config", bytes, sizeof(bytes));
	sysfs_text(root, "vendor", "0x8086\n");
	sysfs_text(root, "device", "0x10d3\n");
	sysfs_text(root, "class", "0x020000\n");
	sysfs_text(root, "irq", "20\n");
	sysfs_text(root, "resource", "0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n"
				     "0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n");
	sysfs_text(root, "reset_method", "flr bus\n");
	snprintf(text, sizeof(text), "%s/bus/pci/devices/0000:01:00.0/driver", root);
	assert_int_equal(symlink("../../../../bus/pci/drivers/pciback", text), 0);
	snprintf(text, sizeof(text), "sysfs:%s", root);
	p = open_provider(text, &log_);
	assert_looks(p, "01:00.0");
	assert_int_equal(provider_attribute(p, a, "driver", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "pciback");
	assert_int_equal(provider_attribute(p, a, "reset_method", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "flr bus");
	assert_int_equal(provider_attribute(p, a, "reset_method", buf, 4), 3);
	assert_string_equal(buf, "flr");
	assert_int_equal(provider_attribute(p, a, "gsi", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(provider_attribute(p, address("02:00.0"), "gsi", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENODEV);
	provider_close(p);
	snprintf(text, sizeof(text), "rm -r %s", root);
	assert_int_equal(system(text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_cardbus),
		cmocka_unit_test(test_sysfs),
	};

	return cmocka_run_group_tests_name("device_look", tests, NULL, NULL);
}
