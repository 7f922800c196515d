/* SPDX-License-Identifier: MIT */
/* What a vfio-user server says, right and wrong: messages, and the BARs that follow from them. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "host/device/vfio_user/resources.h"
#include "host/device/vfio_user/wire.h"

static void put(uint8_t *m, unsigned at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		m[at + i] = (uint8_t)(value >> 8 * i);
}

static void test_header(void **state)
{
	static const struct { uint32_t size, flags, error; int rc, err; } cases[] = {
		{ 16, 1, 0, 0, 0 },
		{ 4096, 1, 7, 0, 0 },		/* an error that its flag does not confirm */
		{ 16, 1 | 1 << 5, 0, 0, EIO },	/* failed, and why is left out */
		{ 16, 1 | 1 << 5, ENOTTY, 0, ENOTTY },
		{ 16, 1 | 1 << 5, 0xffffffff, 0, EIO },
		{ 15, 1, 0, -1, 0 },
		{ 0, 1, 0, -1, 0 },
		{ 4097, 1, 0, -1, 0 },
		{ 0xffffffff, 1, 0, -1, 0 },
		{ 16, 2, 0, -1, 0 },		/* neither command nor reply */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t m[VFU_HEADER] = { 0x34, 0x12, 9 };
		struct vfu_header h;

		put(m, 4, cases[i].size, 4);
		put(m, 8, cases[i].flags, 4);
		put(m, 12, cases[i].error, 4);
		errno = 0;
		assert_int_equal(vfu_header(m, &h), cases[i].rc);
		assert_int_equal(errno, cases[i].rc ? EBADMSG : 0);
		if (cases[i].rc)
			continue;
		assert_int_equal(h.id, 0x1234);
		assert_int_equal(h.command, VFU_REGION_READ);
		assert_int_equal(h.size, cases[i].size);
		assert_int_equal(h.err, cases[i].err);
		assert_true(h.reply);
	}
}

static void test_commands(void **state)
{
	uint8_t m[VFU_MESSAGE_MAX];
	const uint8_t data[2] = { 0xaa, 0xbb };
	struct vfu_header h = { .id = 5, .command = 11 };
	size_t size = vfu_put_version(m, 1);

	(void)state;
	assert_int_equal(size, 20 + strlen((char *)m + 20) + 1);
	assert_memory_equal(m + 16, "\0\0\1\0", 4);
	size = vfu_put_write(m, 0x102, 7, 0x304, 2, data);
	assert_int_equal(size, 34);
	assert_memory_equal(m, "\2\1\12\0\42\0\0\0\0\0\0\0\0\0\0\0\4\3\0\0\0\0\0\0\7\0\0\0\2\0\0\0\252\273",
			    34);
	assert_int_equal(vfu_put_refusal(m, &h, EPERM), VFU_HEADER);
	assert_int_equal(vfu_header(m, &h), 0);
	assert_true(h.reply);
	assert_int_equal(h.err, EPERM);
	assert_int_equal(h.id, 5);
	assert_int_equal(h.command, 11);
}

static void test_version(void **state)
{
	uint8_t m[24] = { 0 };

	(void)state;
	assert_int_equal(vfu_version_reply(m, 20), 0); /* no text at all */
	assert_int_equal(vfu_version_reply(m, 24), 0);
	assert_int_equal(vfu_version_reply(m, 19), -1);
	assert_int_equal(errno, EBADMSG);
	m[23] = '}';
	assert_int_equal(vfu_version_reply(m, 24), -1);
	assert_int_equal(errno, EBADMSG);
	m[18] = VFU_MINOR + 1;
	assert_int_equal(vfu_version_reply(m, 20), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	m[18] = 0;
	m[16] = 1;
	assert_int_equal(vfu_version_reply(m, 20), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
}

static void test_replies(void **state)
{
	uint8_t m[64] = { 0 }, data[4];
	struct vfu_device device;
	struct vfu_region region;

	(void)state;
	put(m, 20, 3, 4);
	put(m, 24, 9, 4);
	assert_int_equal(vfu_info_reply(m, 32, &device), 0);
	assert_true(device.resets);
	assert_int_equal(vfu_info_reply(m, 31, &device), -1);
	put(m, 24, 7, 4); /* without config space */
	assert_int_equal(vfu_info_reply(m, 32, &device), -1);
	assert_int_equal(errno, ENODEV);
	put(m, 24, 9, 4);
	put(m, 20, 1, 4); /* not PCI */
	assert_int_equal(vfu_info_reply(m, 32, &device), -1);

	put(m, 24, 2, 4);
	put(m, 32, 1ull << 40, 8);
	assert_int_equal(vfu_region_reply(m, 48, 2, &region), 0);
	assert_true(region.size == 1ull << 40);
	assert_true(region.readable && !region.writable);
	assert_int_equal(vfu_region_reply(m, 48, 3, &region), -1);
	assert_int_equal(vfu_region_reply(m, 47, 2, &region), -1);

	memset(m, 0, sizeof(m));
	put(m, 16, 8, 8);
	put(m, 24, 7, 4);
	put(m, 28, 4, 4);
	put(m, 32, 0x11223344, 4);
	assert_int_equal(vfu_read_reply(m, 36, 7, 8, 4, data), 0);
	assert_memory_equal(data, "\x44\x33\x22\x11", 4);
	assert_int_equal(vfu_read_reply(m, 35, 7, 8, 4, data), -1);
	assert_int_equal(vfu_read_reply(m, 37, 7, 8, 4, data), -1);
	assert_int_equal(vfu_read_reply(m, 36, 6, 8, 4, data), -1);
	assert_int_equal(vfu_read_reply(m, 36, 7, 4, 4, data), -1);
	assert_int_equal(vfu_read_reply(m, 34, 7, 8, 2, data), -1);
	assert_int_equal(vfu_write_reply(m, 32, 7, 8, 4), 0);
	assert_int_equal(vfu_write_reply(m, 31, 7, 8, 4), -1);
	assert_int_equal(vfu_write_reply(m, 32, 7, 8, 2), -1);
}

static void test_resources(void **state)
{
	uint64_t size[PCIDEV_RESOURCES] = { 20, 4096, 1 << 20, 1ull << 33, 0, 0, 65536 };
	struct pcidev_resource r[PCIDEV_RESOURCES];
	uint8_t config[PCIDEV_BASIC] = { 0 };

	(void)state;
	put(config, 0x10, 0xe001, 4);
	put(config, 0x14, 0xfe000000, 4);
	put(config, 0x18, 0x2, 4);
	put(config, 0x1c, 0xc, 4);
	put(config, 0x20, 0x2, 4);
	put(config, 0x30, 0xfd000001, 4);
	assert_int_equal(vfio_user_resources(size, config, r), 0);
	assert_true(r[0].size == 32 && r[0].start == 0xe000 && r[0].flags == 1 && !r[0].disabled);
	assert_true(r[1].size == 4096 && r[1].start == 0xfe000000 && !r[1].flags);
	assert_true(r[2].size == 1 << 20 && r[2].flags == 2 && r[2].disabled);
	assert_true(r[3].size == 1ull << 33 && r[3].start == 0x200000000 && r[3].flags == 0xc);
	assert_true(!r[4].size && !r[5].size);
	assert_true(r[6].size == 65536 && r[6].start == 0xfd000000 && r[6].flags == 1);

	put(config, 0x14, 0xfe000800, 4); /* where 4096 bytes cannot be */
	assert_int_equal(vfio_user_resources(size, config, r), 0);
	assert_true(r[1].disabled && !r[1].start);

	size[4] = 4096; /* the upper half of BAR 3 */
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	assert_int_equal(errno, EINVAL);
	size[4] = 0;
	size[2] = (1 << 20) + 1; /* more than there is below 1M */
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	size[2] = 0;
	size[1] = 1ull << 32;
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	size[1] = 0;
	size[3] = UINT64_MAX;
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	size[3] = 0;
	put(config, 0x24, 4, 4); /* the last, of 64 bits */
	size[5] = 4096;
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	put(config, 0x24, 6, 4); /* no kind of PCI's */
	assert_int_equal(vfio_user_resources(size, config, r), -1);
	size[5] = 0;
	size[0] = UINT64_MAX;
	assert_int_equal(vfio_user_resources(size, config, r), -1);
}

/* What of a region is shared: all, named parts, or a lie. */
static void test_shared(void **state)
{
	static const struct { uint32_t id, next, parts; uint64_t offset, size; unsigned length; int rc; } cases[] = {
		{ 1 | 1 << 16, 0, 1, 4096, 4096, 80, 0 },
		{ 1, 0, 1, 8191, 1, 80, 0 },
		{ 1, 0, 0, 0, 0, 64, 0 },
		{ 2, 0, 1, 1 << 20, 1, 80, 0 },		    /* of another kind, and no other behind it: all of it */
		{ 1, 0, 1, 4096, 4097, 80, -1 },	    /* beyond the region */
		{ 1, 0, 1, UINT64_MAX, 4096, 80, -1 },
		{ 1, 0, 1, 4096, UINT64_MAX, 80, -1 },
		{ 1, 0, 2, 0, 4096, 80, -1 },		    /* beyond the message */
		{ 1, 0, UINT32_MAX, 0, 4096, 80, -1 },
		{ 1, 0, 9, 0, 4096, 4096, -1 },		    /* more than there is room for */
		{ 2, 32, 1, 0, 0, 80, -1 },		    /* a circle */
		{ 2, 8, 1, 0, 0, 80, -1 },		    /* into the fields themselves */
		{ 2, 62, 1, 0, 0, 80, -1 },
		{ 2, UINT32_MAX, 1, 0, 0, 80, -1 },
		{ 1, 0, 1, 0, 0, 60, -1 },
	};
	struct vfu_region region;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t m[4096] = { 0 };

		put(m, 20, 15, 4);
		put(m, 24, 2, 4);
		put(m, 28, 32, 4);
		put(m, 32, 8192, 8);
		put(m, 48, cases[i].id, 4);
		put(m, 52, cases[i].next, 4);
		put(m, 56, cases[i].parts, 4);
		put(m, 64, cases[i].offset, 8);
		put(m, 72, cases[i].size, 8);
		errno = 0;
		assert_int_equal(vfu_region_reply(m, cases[i].length, 2, &region), cases[i].rc);
		assert_int_equal(errno, cases[i].rc ? EBADMSG : 0);
		if (!cases[i].rc)
			assert_int_equal(region.nr_areas, cases[i].parts);
	}
	assert_true(region.size == 8192);
}

static void test_interrupts(void **state)
{
	uint8_t m[VFU_MESSAGE_MAX] = { 0 };
	struct vfu_irq_info irq;

	(void)state;
	put(m, 20, 5, 4);
	put(m, 24, VFU_IRQ_MSI, 4);
	put(m, 28, UINT32_MAX, 4);
	assert_int_equal(vfu_irq_reply(m, 32, VFU_IRQ_MSI, &irq), 0);
	assert_true(irq.eventfd && irq.automasked && irq.count == UINT32_MAX);
	assert_int_equal(vfu_irq_reply(m, 31, VFU_IRQ_MSI, &irq), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(vfu_irq_reply(m, 32, VFU_IRQ_MSIX, &irq), -1);
	/* By the protocol's numbers: EVENTFD and TRIGGER; NONE and TRIGGER of none; NONE and UNMASK. */
	assert_int_equal(vfu_put_set_irqs(m, 1, VFU_IRQ_MSIX, VFU_SET_ON, 5), 36);
	assert_memory_equal(m + 20, "\44\0\0\0\2\0\0\0\5\0\0\0\1\0\0\0", 16);
	vfu_put_set_irqs(m, 1, VFU_IRQ_MSI, VFU_SET_OFF, 5);
	assert_memory_equal(m + 20, "\41\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16);
	vfu_put_set_irqs(m, 1, VFU_IRQ_INTX, VFU_SET_UNMASK, 0);
	assert_memory_equal(m + 20, "\21\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16);
}

/* What nobody has placed finds a place of its own kind, and what has one keeps it. */
static void test_placed(void **state)
{
	const uint64_t size[PCIDEV_RESOURCES] = { 32, 4096, 8192, 1ull << 33, 0, 1 << 20, 65536 };
	struct pcidev_resource r[PCIDEV_RESOURCES];
	uint8_t config[PCIDEV_BASIC] = { 0 };
	uint32_t v[PCIDEV_RESOURCES];

	(void)state;
	put(config, 0x10, 1, 4);
	put(config, 0x14, 0xd0000000, 4);
	put(config, 0x18, 2, 4);
	put(config, 0x1c, 0xc, 4);
	assert_int_equal(vfio_user_resources(size, config, r), 0);
	vfio_user_place(r, config, v);
	assert_true(v[0] == (r[0].start | 1) && r[0].start && r[0].start < 0x10000 && !(r[0].start & 31));
	assert_true(v[1] == 0xd0000000 && r[1].start == 0xd0000000);
	assert_true(v[2] == (r[2].start | 2) && r[2].start && r[2].start + 8192 <= 1 << 20);
	assert_true(r[3].start >> 32 && v[3] == ((uint32_t)r[3].start | 0xc) && v[4] == r[3].start >> 32);
	assert_true(v[5] && !r[5].disabled && v[6] == (r[6].start | 1) && r[6].start != r[5].start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),	  cmocka_unit_test(test_commands),
		cmocka_unit_test(test_version),	  cmocka_unit_test(test_replies),
		cmocka_unit_test(test_resources), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_interrupts), cmocka_unit_test(test_placed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
