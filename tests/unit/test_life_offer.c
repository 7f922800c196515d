/* SPDX-License-Identifier: MIT */
/* Which resets are offered: what the kernel lists, what its quirks forbid, what is named by hand. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/assignable.h"
#include "host/reset_offer.h"
#include "host/device/reset_quirks.h"
#include "common/util.h"
#include "tests/unit/support_image.h"

#define FLR RESET_BIT(RESET_FLR)
#define AF RESET_BIT(RESET_AF_FLR)
#define PM RESET_BIT(RESET_PM)
#define BUS (RESET_BIT(RESET_SLOT) | RESET_BIT(RESET_BUS))

enum { GUEST = 7, OTHER = 8 };

static struct reset_result result;

static void no_sleep(void *context, unsigned ms)
{
	(void)context, (void)ms;
}
static const struct reset_wait wait_ = { .sleep = no_sleep, .patience_ms = 10 };

static void become(const char *sbdf, uint16_t vendor, uint16_t device, uint32_t class_code)
{
	fn(sbdf)->info.vendor = vendor;
	fn(sbdf)->info.device = device;
	fn(sbdf)->info.class_code = class_code;
}

/* One of each kind of fact, by all that a row may ask for. */
static void test_facts(void **state)
{
	static const struct {
		struct pcidev_info info;
		unsigned forbids;
	} rows[] = {
		{ { .vendor = 0x1022, .device = 0x149c }, RESET_QUIRK_NO_FLR },
		{ { .vendor = 0x8086, .device = 0x1502 }, RESET_QUIRK_NO_FLR },
		{ { .vendor = 0x14c3, .device = 0x0616 }, RESET_QUIRK_NO_FLR },
		{ { .vendor = 0xd063, .device = 0x1000, .revision = 1 }, RESET_QUIRK_NO_FLR },
		{ { .vendor = 0xd063, .device = 0x1000, .revision = 2 }, 0 },
		{ { .vendor = 0x1002, .device = 0x6611, .class_code = 0x030000 }, RESET_QUIRK_NO_PM },
		{ { .vendor = 0x1002, .device = 0xaab0, .class_code = 0x040300 }, 0 },
		{ { .vendor = 0x168c, .device = 0x003e }, RESET_QUIRK_NO_BUS },
		{ { .vendor = 0x168c, .device = 0x003f }, 0 },
		{ { .vendor = 0x10de, .device = 0x2340 }, RESET_QUIRK_NO_BUS },
		{ { .vendor = 0x10de, .device = 0x237f }, RESET_QUIRK_NO_BUS },
		{ { .vendor = 0x10de, .device = 0x2380 }, 0 },
		{ { .vendor = 0x1b21, .device = 0x1164 }, RESET_QUIRK_NO_BUS },
		{ { .vendor = 0x8086, .device = 0x149c }, 0 },
	};
	static const enum reset_quirk each[] = {
		RESET_QUIRK_NO_FLR, RESET_QUIRK_NO_PM, RESET_QUIRK_NO_BUS,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(each); k++) {
			const char *why = reset_quirk(&rows[i].info, each[k]);

			if (!!why != !!(rows[i].forbids & each[k]))
				fail_msg("row %zu, kind %zu: %s", i, k, why ? why : "nothing");
			assert_true(!why || strstr(why, "(quirk_n"));
		}
	}
}

/* Without a kernel that lists them, the facts count. */
static void test_quirks_withhold(void **state)
{
	(void)state;
	assert_int_equal(reset_offered(&t, at("01:00.0")) & (FLR | PM | BUS), FLR | PM | BUS);
	become("01:00.0", 0x14c3, 0x0616, 0x028000);
	assert_int_equal(reset_present(&t, at("01:00.0")) & FLR, FLR);
	assert_int_equal(reset_offered(&t, at("01:00.0")), PM | BUS);
	assert_false(reset_offered_alone(&t, at("01:00.0")));
	become("01:00.0", 0x1002, 0x6611, 0x030000);
	assert_int_equal(reset_offered(&t, at("01:00.0")), FLR | BUS);
	assert_true(reset_offered_alone(&t, at("01:00.0")));
	/* One on a bus keeps the others of it from that reset. */
	assert_int_equal(reset_offered(&t, at("02:00.0")) & BUS, BUS);
	become("02:00.1", 0x168c, 0x003e, 0x028000);
	assert_int_equal(reset_offered(&t, at("02:00.0")) & BUS, 0);
	/* On a root bus a reset that may do nothing is better than none. */
	become("00:04.0", 0x1002, 0x6611, 0x030000);
	assert_int_equal(reset_offered(&t, at("00:04.0")), PM);
}

/* Where nothing is left, that is the rule about resets. */
static void test_rule_follows(void **state)
{
	struct assignable a;

	(void)state;
	for (int b = 0; b < PCIDEV_RESOURCES; b++)
		fn("02:00.0")->info.resource[b].disabled = true;
	assert_true(assignable_check(&t, at("02:00.0"), GUEST, 0, &a));
	become("02:00.0", 0x168c, 0x003e, 0x028000);
	assert_false(assignable_check(&t, at("02:00.0"), GUEST, 0, &a));
	assert_int_equal(a.refusal[0].rule, ASSIGNABLE_NO_RESET);
}

/* The kernel's list counts, for a bus too where the function is alone on it. */
static void test_kernels_word(void **state)
{
	struct topology_function *nic = fn("01:00.0"), *two = fn("02:00.0");

	(void)state;
	nic->os = nic->os_tells = true;
	nic->os_ways = 0;
	assert_int_equal(reset_offered(&t, at("01:00.0")), 0);
	nic->os_ways = TOPOLOGY_WAY_FLR;
	assert_int_equal(reset_offered(&t, at("01:00.0")), FLR);
	nic->os_ways = TOPOLOGY_WAY_PM | TOPOLOGY_WAY_BUS;
	assert_int_equal(reset_offered(&t, at("01:00.0")), PM | BUS);
	/* Facts count even where it lists the method: an older kernel may not know them. */
	become("01:00.0", 0x1b21, 0x1164, 0x010601);
	assert_int_equal(reset_offered(&t, at("01:00.0")), PM);
	/* Of a bus of several functions it lists none. */
	two->os = two->os_tells = true;
	two->os_ways = 0;
	assert_int_equal(reset_offered(&t, at("02:00.0")), BUS);
}

/* CardBus bridges have no reset of a bus that is PCI Express' or PCI's. */
static void test_cardbus(void **state)
{
	(void)state;
	assert_int_equal(reset_offered(&t, at("04:01.0")) & BUS, BUS);
	fn("03:00.0")->info.header_type = PCI_HEADER_TYPE_CARDBUS;
	assert_int_equal(reset_present(&t, at("04:01.0")) & BUS, 0);
}

static struct reset_request request(struct pcidev *dev, unsigned methods, bool named)
{
	return (struct reset_request){
		.provider = provider, .topology = &t, .dev = dev, .methods = methods,
		.function = topology_find(&t, dev->info.sbdf), .named = named, .wait = &wait_,
	};
}

static void assert_says(const char *part)
{
	char buf[RESET_TEXT_MAX];

	if (!strstr(reset_text(&t, &result, buf), part))
		fail_msg("\"%s\" does not say \"%s\"", buf, part);
}

/* What is withheld is passed over, and used only by name, which is told. */
static void test_named(void **state)
{
	struct pcidev *dev = open_device(provider, "01:00.0");
	struct reset_request req = request(dev, FLR, false);

	(void)state;
	become("01:00.0", 0x14c3, 0x0616, 0x028000);
	assert_int_equal(reset_function(&req, &result), -1);
	assert_int_equal(errno, ENOTTY);
	assert_says("flr: Linux knows that it does not work for it (quirk_no_flr)");
	/* The next that is offered follows. */
	req.methods = FLR | PM;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_int_equal(result.method, RESET_PM);
	assert_null(result.against);
	req.named = true;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_int_equal(result.method, RESET_FLR);
	assert_non_null(result.against);
	assert_says("only since it was named: Linux knows");
	pcidev_close(dev);
}

/* ---- A host of plain files ---- */

static char root[64];

static void put(const char *name, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:03:00.0/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void take_away(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:03:00.0/%s", root, name);
	unlink(path);
}

/* A function with FLR on a root bus. */
static void plain_host(void)
{
	uint8_t bytes[256];
	char path[160];
	int fd;

	strcpy(root, "/tmp/xenpci-offer-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "mkdir -p %s/bus/pci/devices/0000:03:00.0", root);
	assert_int_equal(system(path), 0);
	bytes_init(bytes, 0x8086, 0x10d3);
	bytes_cap(bytes, 0x40, PCI_CAP_ID_EXP);
	bytes_put(bytes, 0x40 + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_RC_END << 4);
	bytes_put(bytes, 0x40 + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:03:00.0/config", root);
	fd = open(path, O_WRONLY | O_CREAT, 0666);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	put("vendor", "0x8086\n");
	put("device", "0x10d3\n");
	put("class", "0x020000\n");
	put("irq", "2147483648\n");
	put("resource", "0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n0x0 0x0 0x0\n"
			"0x0 0x0 0x0\n0x0 0x0 0x0\n");
}

static void read_host(void)
{
	topology_dispose(&t);
	assert_int_equal(topology_read(&t, provider, &log_.logger), 0);
	assert_int_equal(t.nr, 1);
}

/* What reset_method and reset say, as the kernel has them. */
static void test_sysfs(void **state)
{
	static const struct {
		const char *list; /* NULL: no such file */
		bool reset;
		unsigned offered;
	} rows[] = {
		{ "flr bus\n", true, RESET_BIT(RESET_KERNEL) | FLR },
		{ "pm bus\n", true, RESET_BIT(RESET_KERNEL) },
		{ "device_specific af_flr\n", true, RESET_BIT(RESET_KERNEL) },
		{ "\n", true, 0 },
		/* kernels before 5.15 */
		{ NULL, true, RESET_BIT(RESET_KERNEL) | FLR },
		{ NULL, false, 0 },
	};
	char spec[96], command[96];

	(void)state;
	plain_host();
	snprintf(spec, sizeof(spec), "sysfs:%s", root);
	provider = open_provider(spec, &log_);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		take_away("reset");
		take_away("reset_method");
		if (rows[i].reset)
			put("reset", "");
		if (rows[i].list)
			put("reset_method", rows[i].list);
		read_host();
		if (reset_offered(&t, 0) != rows[i].offered)
			fail_msg("row %zu: %x", i, reset_offered(&t, 0));
		assert_true(t.function[0].os);
	}
	/* Linux's number for no line at all. */
	assert_int_equal(t.function[0].info.irq, 0);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

/* What went wrong is owed, what was not there to be had is not. */
static void test_owed(void **state)
{
	char buf[RESET_TEXT_MAX];

	(void)state;
	result = (struct reset_result){ .method = RESET_FLR, .restored = true };
	assert_null(reset_owed(&t, GUEST, &result, buf));
	result.restored = false;
	assert_non_null(reset_owed(&t, GUEST, &result, buf));
	result = (struct reset_result){ .method = RESET_METHODS_COUNT };
	assert_null(reset_owed(&t, GUEST, &result, buf));
	result.passed[RESET_FLR] = (struct reset_passed){ .why = "not offered", .err = ENOTTY,
							  .blocker = TOPOLOGY_NONE };
	assert_null(reset_owed(&t, GUEST, &result, buf));
	/* Lockdown: the kernel offers it, and refuses. */
	result.passed[RESET_KERNEL] = (struct reset_passed){ .why = "it failed", .err = EPERM,
							     .blocker = TOPOLOGY_NONE };
	assert_non_null(reset_owed(&t, GUEST, &result, buf));
	assert_non_null(strstr(buf, "kernel: it failed: Operation not permitted"));
	/* A neighbour in use: the same guest's is none of another's business. */
	result.passed[RESET_KERNEL].why = NULL;
	result.passed[RESET_SLOT] = (struct reset_passed){ .why = "it would be reset too", .err = EBUSY,
							   .blocker = at("02:00.1") };
	fn("02:00.1")->guest = GUEST;
	assert_null(reset_owed(&t, GUEST, &result, buf));
	fn("02:00.1")->guest = OTHER;
	assert_non_null(reset_owed(&t, GUEST, &result, buf));
	/* Nobody has used it yet. */
	assert_null(reset_owed(&t, TOPOLOGY_NO_GUEST, &result, buf));
}

/* A function that read ones before gets at least the OS's addresses. */
static void test_from_ones(void **state)
{
	struct pcidev *dev = open_device(provider, "00:04.0");
	struct pcidev_saved *saved = pcidev_save(dev);

	(void)state;
	set(dev, PCI_COMMAND, 2, 0);
	for (unsigned b = 0; b <= PCIDEV_BARS; b++)
		set(dev, b == PCIDEV_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * b, 4, 0);
	assert_int_equal(pcidev_readdress(dev), 0);
	for (unsigned b = 0; b < PCIDEV_BARS; b++) {
		const struct pcidev_resource *r = &dev->info.resource[b];

		if (r->size)
			assert_int_equal(get(dev, PCI_BASE_ADDRESS_0 + 4 * b, 4) & ~0xfu, (uint32_t)r->start);
	}
	assert_int_equal(get(dev, PCI_COMMAND, 2) & 7, 0);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test_setup_teardown(test_quirks_withhold, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_rule_follows, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_kernels_word, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_cardbus, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_named, image_setup, image_teardown),
		cmocka_unit_test_teardown(test_sysfs, image_teardown),
		cmocka_unit_test_setup_teardown(test_owed, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_from_ones, image_setup, image_teardown),
	};

	return cmocka_run_group_tests_name("life_offer", tests, NULL, NULL);
}
