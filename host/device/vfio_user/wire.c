/* SPDX-License-Identifier: MIT */
#include "host/device/vfio_user/wire.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"

/* Where fields stand, from the message's first byte. */
enum {
	AT_ID = 0, AT_COMMAND = 2, AT_SIZE = 4, AT_FLAGS = 8, AT_ERROR = 12,
	AT_MAJOR = 16, AT_MINOR = 18, AT_JSON = 20,
	AT_ARGSZ = 16, AT_INFO_FLAGS = 20, AT_NR_REGIONS = 24, AT_NR_IRQS = 28, INFO_END = 32,
	AT_INDEX = 24, AT_CAPS = 28, AT_REGION_SIZE = 32, AT_REGION_OFFSET = 40, REGION_END = 48,
	AT_IRQ_COUNT = 28, IRQ_INFO_END = 32, AT_IRQ_START = 28, AT_IRQ_NR = 32, SET_IRQS_END = 36,
	AT_OFFSET = 16, AT_REGION = 24, AT_COUNT = 28, ACCESS_END = 32,
};

enum {
	TYPE_MASK = 0xf, TYPE_REPLY = 1, NO_REPLY = 1 << 4, IS_ERROR = 1 << 5,
	DEVICE_RESETS = 1, DEVICE_PCI = 2,
	REGION_READ = 1, REGION_WRITE = 2, REGION_MMAP = 4, REGION_CAPS = 8,
	/* A capability of a region, from its own first byte; those of its body that tells of shared parts. */
	CAP_ID = 0, CAP_NEXT = 4, CAP_HEADER = 8, CAP_SPARSE = 1, AT_NR_AREAS = 8, AT_AREAS = 16,
	AREA_SIZE = 16, CAPS_MAX = 16,
	IRQ_EVENTFD = 1, IRQ_AUTOMASKED = 4,
	SET_NONE = 1, SET_EVENTFD = 4, SET_UNMASK = 16, SET_TRIGGER = 32,
	ERRNO_MAX = 4095,
};

/* Descriptors come with regions, one for each part that is shared; all are of one file. */
static const char capabilities[] =
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1024}}";

/* The machine's own order, as both ends are on one. */
static void put(uint8_t *out, unsigned at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		out[at + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, unsigned at, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)bytes[at + i] << 8 * i;
	return v;
}

static size_t begin(uint8_t *out, uint16_t id, unsigned command, size_t size)
{
	memset(out, 0, size);
	put(out, AT_ID, id, 2);
	put(out, AT_COMMAND, command, 2);
	put(out, AT_SIZE, size, 4);
	return size;
}

size_t vfu_put_version(uint8_t *out, uint16_t id)
{
	size_t size = begin(out, id, VFU_VERSION, AT_JSON + sizeof(capabilities));

	put(out, AT_MAJOR, VFU_MAJOR, 2);
	put(out, AT_MINOR, VFU_MINOR, 2);
	memcpy(out + AT_JSON, capabilities, sizeof(capabilities));
	return size;
}

size_t vfu_put_get_info(uint8_t *out, uint16_t id)
{
	size_t size = begin(out, id, VFU_DEVICE_GET_INFO, INFO_END);

	put(out, AT_ARGSZ, INFO_END - VFU_HEADER, 4);
	return size;
}

size_t vfu_put_get_region_info(uint8_t *out, uint16_t id, uint32_t region)
{
	size_t size = begin(out, id, VFU_DEVICE_GET_REGION_INFO, REGION_END);

	/* As much as there is room for: what comes behind the region tells what of it is shared. */
	put(out, AT_ARGSZ, VFU_MESSAGE_MAX - VFU_HEADER, 4);
	put(out, AT_INDEX, region, 4);
	return size;
}

size_t vfu_put_get_irq_info(uint8_t *out, uint16_t id, enum vfu_irq irq)
{
	size_t size = begin(out, id, VFU_DEVICE_GET_IRQ_INFO, IRQ_INFO_END);

	put(out, AT_ARGSZ, IRQ_INFO_END - VFU_HEADER, 4);
	put(out, AT_INDEX, irq, 4);
	return size;
}

size_t vfu_put_set_irqs(uint8_t *out, uint16_t id, enum vfu_irq irq, enum vfu_set what, uint32_t nr)
{
	static const uint32_t flags[] = {
		[VFU_SET_ON] = SET_EVENTFD | SET_TRIGGER,
		[VFU_SET_OFF] = SET_NONE | SET_TRIGGER, /* of a count of none: all */
		[VFU_SET_UNMASK] = SET_NONE | SET_UNMASK,
	};
	size_t size = begin(out, id, VFU_DEVICE_SET_IRQS, SET_IRQS_END);

	put(out, AT_ARGSZ, SET_IRQS_END - VFU_HEADER, 4);
	put(out, AT_INFO_FLAGS, flags[what], 4);
	put(out, AT_INDEX, irq, 4);
	put(out, AT_IRQ_START, what == VFU_SET_OFF ? 0 : nr, 4);
	put(out, AT_IRQ_NR, what != VFU_SET_OFF, 4);
	return size;
}

static size_t put_access(uint8_t *out, uint16_t id, unsigned command, uint32_t region,
			 uint64_t offset, uint32_t count, size_t size)
{
	begin(out, id, command, size);
	put(out, AT_OFFSET, offset, 8);
	put(out, AT_REGION, region, 4);
	put(out, AT_COUNT, count, 4);
	return size;
}

size_t vfu_put_read(uint8_t *out, uint16_t id, uint32_t region, uint64_t offset, uint32_t count)
{
	return put_access(out, id, VFU_REGION_READ, region, offset, count, ACCESS_END);
}

size_t vfu_put_write(uint8_t *out, uint16_t id, uint32_t region, uint64_t offset, uint32_t count,
		     const uint8_t *data)
{
	size_t size = put_access(out, id, VFU_REGION_WRITE, region, offset, count,
				 ACCESS_END + count);

	memcpy(out + ACCESS_END, data, count);
	return size;
}

size_t vfu_put_reset(uint8_t *out, uint16_t id)
{
	return begin(out, id, VFU_DEVICE_RESET, VFU_HEADER);
}

size_t vfu_put_refusal(uint8_t *out, const struct vfu_header *h, int err)
{
	size_t size = begin(out, h->id, h->command, VFU_HEADER);

	put(out, AT_FLAGS, TYPE_REPLY | IS_ERROR, 4);
	put(out, AT_ERROR, (uint64_t)err, 4);
	return size;
}

int vfu_header(const uint8_t *bytes, struct vfu_header *out)
{
	uint32_t flags = (uint32_t)get(bytes, AT_FLAGS, 4);
	uint32_t err = (uint32_t)get(bytes, AT_ERROR, 4);

	out->id = (uint16_t)get(bytes, AT_ID, 2);
	out->command = (uint16_t)get(bytes, AT_COMMAND, 2);
	out->size = (uint32_t)get(bytes, AT_SIZE, 4);
	out->reply = (flags & TYPE_MASK) == TYPE_REPLY;
	out->quiet = flags & NO_REPLY;
	out->err = 0;
	if ((flags & TYPE_MASK) > TYPE_REPLY || out->size < VFU_HEADER || out->size > VFU_MESSAGE_MAX)
		return fail(EBADMSG);
	/* Whether it failed is one bit, and why may be left out. */
	if (flags & IS_ERROR)
		out->err = err && err <= ERRNO_MAX ? (int)err : EIO;
	return 0;
}

int vfu_version_reply(const uint8_t *bytes, size_t size)
{
	if (size < AT_JSON || (size > AT_JSON && bytes[size - 1]))
		return fail(EBADMSG);
	if (get(bytes, AT_MAJOR, 2) != VFU_MAJOR || get(bytes, AT_MINOR, 2) > VFU_MINOR)
		return fail(EPROTONOSUPPORT);
	return 0;
}

int vfu_info_reply(const uint8_t *bytes, size_t size, struct vfu_device *out)
{
	uint64_t flags;

	if (size < INFO_END)
		return fail(EBADMSG);
	flags = get(bytes, AT_INFO_FLAGS, 4);
	out->resets = flags & DEVICE_RESETS;
	out->nr_regions = (uint32_t)get(bytes, AT_NR_REGIONS, 4);
	out->nr_irqs = (uint32_t)get(bytes, AT_NR_IRQS, 4);
	if (!(flags & DEVICE_PCI) || out->nr_regions <= VFU_REGION_CONFIG)
		return fail(ENODEV);
	return 0;
}

/* The parts that the capability at `at` names: each within the region. */
static int read_areas(const uint8_t *bytes, size_t size, size_t at, struct vfu_region *out)
{
	uint64_t n;

	if (size - at < AT_AREAS)
		return fail(EBADMSG);
	n = get(bytes, (unsigned)at + AT_NR_AREAS, 4);
	if (n > VFU_AREAS_MAX || (size - at - AT_AREAS) / AREA_SIZE < n)
		return fail(EBADMSG);
	out->nr_areas = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned from = (unsigned)at + AT_AREAS + i * AREA_SIZE;
		struct vfu_area a = { get(bytes, from, 8), get(bytes, from + 8, 8) };

		if (a.offset > out->size || a.size > out->size - a.offset)
			return fail(EBADMSG);
		if (a.size)
			out->area[out->nr_areas++] = a;
	}
	return 0;
}

/* What of a region is shared: all of it, unless a capability names parts. */
static int read_shared(const uint8_t *bytes, size_t size, uint64_t flags, struct vfu_region *out)
{
	uint64_t next = flags & REGION_CAPS ? get(bytes, AT_CAPS, 4) : 0;

	out->file_offset = get(bytes, AT_REGION_OFFSET, 8);
	out->nr_areas = 1;
	out->area[0] = (struct vfu_area){ 0, out->size };
	if (out->file_offset > INT64_MAX || out->size > INT64_MAX - out->file_offset)
		return fail(EBADMSG);
	for (unsigned i = 0; next && i < CAPS_MAX; i++) {
		size_t at = VFU_HEADER + (size_t)next;

		if (at < REGION_END || at > size || size - at < CAP_HEADER)
			return fail(EBADMSG);
		if (get(bytes, (unsigned)at + CAP_ID, 2) == CAP_SPARSE)
			return read_areas(bytes, size, at, out);
		next = get(bytes, (unsigned)at + CAP_NEXT, 4);
	}
	return next ? fail(EBADMSG) : 0;
}

/* What is told of region or interrupt number `index`, up to `end`: its flags. */
static int read_info(const uint8_t *bytes, size_t size, unsigned end, uint32_t index, uint64_t *flags)
{
	if (size < end || get(bytes, AT_INDEX, 4) != index)
		return fail(EBADMSG);
	*flags = get(bytes, AT_INFO_FLAGS, 4);
	return 0;
}

int vfu_region_reply(const uint8_t *bytes, size_t size, uint32_t region, struct vfu_region *out)
{
	uint64_t flags;

	*out = (struct vfu_region){ .size = 0 };
	if (read_info(bytes, size, REGION_END, region, &flags))
		return -1;
	out->readable = flags & REGION_READ;
	out->writable = flags & REGION_WRITE;
	out->size = get(bytes, AT_REGION_SIZE, 8);
	return flags & REGION_MMAP ? read_shared(bytes, size, flags, out) : 0;
}

int vfu_irq_reply(const uint8_t *bytes, size_t size, enum vfu_irq irq, struct vfu_irq_info *out)
{
	uint64_t flags;

	if (read_info(bytes, size, IRQ_INFO_END, irq, &flags))
		return -1;
	out->eventfd = flags & IRQ_EVENTFD;
	out->automasked = flags & IRQ_AUTOMASKED;
	out->count = (uint32_t)get(bytes, AT_IRQ_COUNT, 4);
	return 0;
}

static bool is_access(const uint8_t *bytes, size_t size, uint32_t region, uint64_t offset,
		      uint32_t count)
{
	return size >= ACCESS_END && get(bytes, AT_OFFSET, 8) == offset &&
	       get(bytes, AT_REGION, 4) == region && get(bytes, AT_COUNT, 4) == count;
}

int vfu_read_reply(const uint8_t *bytes, size_t size, uint32_t region, uint64_t offset,
		   uint32_t count, uint8_t *data)
{
	if (!is_access(bytes, size, region, offset, count) || size - ACCESS_END != count)
		return fail(EBADMSG);
	memcpy(data, bytes + ACCESS_END, count);
	return 0;
}

int vfu_write_reply(const uint8_t *bytes, size_t size, uint32_t region, uint64_t offset,
		    uint32_t count)
{
	return is_access(bytes, size, region, offset, count) ? 0 : fail(EBADMSG);
}
