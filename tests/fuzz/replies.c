/* SPDX-License-Identifier: MIT */
/*
 * What a program says that is a device (vfio-user): headers and replies of any bytes, each judged as the
 * answer to what was asked; and BARs that follow from registers and sizes of any kind.
 */
#include "tests/fuzz/fuzz.h"

#include <linux/pci_regs.h>

#include "common/util.h"
#include "host/device/vfio_user/resources.h"
#include "host/device/vfio_user/wire.h"

/* To the byte, so that whoever reads beyond is found out. */
static uint8_t *exact(const uint8_t *bytes, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);

	if (!p)
		fuzz_fail("no memory");
	return memcpy(p, bytes, size);
}

static void check_region(const struct vfu_region *r)
{
	fuzz_check(r->nr_areas <= VFU_AREAS_MAX);
	for (unsigned i = 0; i < r->nr_areas; i++)
		fuzz_check(r->area[i].offset <= r->size && r->area[i].size <= r->size - r->area[i].offset);
	fuzz_check(!r->nr_areas || r->file_offset + r->size <= INT64_MAX);
}

/* What we would ask, with the input over it: a reply that is nearly right. */
static void reply(struct bytes *in)
{
	static uint8_t message[VFU_MESSAGE_MAX], data[VFU_DATA_MAX];
	uint8_t kind = take_u8(in), n = take_u8(in);
	uint64_t offset = take_u16(in);
	struct vfu_device device;
	struct vfu_region region;
	struct vfu_irq_info irq;
	struct vfu_header h;
	size_t size;
	uint8_t *p;

	memset(message, 0, sizeof(message));
	switch (kind & 7) {
	case 0:
		size = vfu_put_version(message, n);
		break;
	case 1:
		size = vfu_put_get_info(message, n);
		break;
	case 2:
		size = vfu_put_get_region_info(message, n, n);
		break;
	case 3:
		size = vfu_put_get_irq_info(message, n, n % VFU_IRQS);
		break;
	case 4:
		size = vfu_put_read(message, n, n & 7, offset, n) + n;
		break;
	case 5:
		size = vfu_put_write(message, n, n & 7, offset, n, data);
		break;
	case 6:
		size = vfu_put_reset(message, n);
		break;
	default:
		size = vfu_put_set_irqs(message, n, n % VFU_IRQS, n % 3, n);
	}
	fuzz_check(size >= VFU_HEADER && size <= VFU_MESSAGE_MAX);
	while (in->left && take_u8(in)) {
		size_t at = take_u8(in);

		take(in, message + at, take_u8(in) % 32);
	}
	if (kind & 0x40)
		size = take_u8(in);
	if (!vfu_header(message, &h)) {
		fuzz_check(h.size >= VFU_HEADER && h.size <= VFU_MESSAGE_MAX && h.err >= 0);
		fuzz_check(vfu_put_refusal(data, &h, EINVAL) == VFU_HEADER);
	}
	if (size < VFU_HEADER)
		size = VFU_HEADER;
	p = exact(message, size);
	vfu_version_reply(p, size);
	if (!vfu_info_reply(p, size, &device))
		fuzz_check(device.nr_regions > VFU_REGION_CONFIG);
	if (!vfu_region_reply(p, size, n, &region))
		check_region(&region);
	vfu_irq_reply(p, size, n % VFU_IRQS, &irq);
	vfu_read_reply(p, size, n & 7, offset, n, data);
	vfu_write_reply(p, size, n & 7, offset, n);
	free(p);
}

static uint32_t low_bits(const struct pcidev_resource *r, bool is_rom)
{
	return is_rom ? PCI_ROM_ADDRESS_ENABLE : r->flags & PCI_BASE_ADDRESS_SPACE_IO ? 3 : 15;
}

static void bars(struct bytes *in)
{
	uint64_t size[PCIDEV_RESOURCES];
	uint32_t values[PCIDEV_RESOURCES];
	struct pcidev_resource r[PCIDEV_RESOURCES];
	uint8_t config[PCIDEV_BASIC];

	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		uint8_t shift = take_u8(in);

		size[i] = shift & 0x80 ? 0 : ((uint64_t)1 << (shift & 63)) + (shift & 64 ? take_u8(in) : 0);
	}
	memset(config, 0, sizeof(config));
	take(in, config + PCI_BASE_ADDRESS_0, 4 * PCIDEV_BARS);
	take(in, config + PCI_ROM_ADDRESS, 4);
	if (vfio_user_resources(size, config, r))
		return;
	vfio_user_place(r, config, values);
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		bool is_rom = i == PCIDEV_ROM;

		fuzz_check((r[i].size == 0) == (size[i] == 0) && r[i].size >= size[i] && !(r[i].size & (r[i].size - 1)));
		if (!r[i].size || r[i].disabled)
			continue;
		fuzz_check(!(r[i].start & (r[i].size - 1)) && r[i].start);
		fuzz_check((values[i] & ~low_bits(&r[i], is_rom)) == (uint32_t)r[i].start);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	if (size > 1024)
		return 0;
	while (in.left) {
		if (take_u8(&in) & 1)
			bars(&in);
		else
			reply(&in);
	}
	return 0;
}
