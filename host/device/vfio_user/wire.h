/* SPDX-License-Identifier: MIT */
/*
 * Messages of the vfio-user protocol 0.1 as far as a client needs them that does no DMA: pure
 * functions over bytes. What a server sent is judged here and nowhere else: lengths, numbers and
 * sizes that it may not have are errors (EBADMSG). Nothing logs, waits or allocates.
 */
#ifndef XENPCI_HOST_DEVICE_VFIO_USER_WIRE_H
#define XENPCI_HOST_DEVICE_VFIO_USER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VFU_HEADER = 16,
	VFU_MESSAGE_MAX = 4096, /* of all that we send and take, with the header */
	VFU_DATA_MAX = 1024,	/* of one read or write of a region */
	VFU_MAJOR = 0,
	VFU_MINOR = 1,
};

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DEVICE_GET_INFO = 4,
	VFU_DEVICE_GET_REGION_INFO = 5,
	VFU_DEVICE_GET_IRQ_INFO = 7,
	VFU_DEVICE_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DEVICE_RESET = 13,
};

/* Regions 0 to 5 are the BARs. */
enum { VFU_REGION_ROM = 6, VFU_REGION_CONFIG = 7 };

enum vfu_irq { VFU_IRQ_INTX, VFU_IRQ_MSI, VFU_IRQ_MSIX, VFU_IRQS };

/* What SET_IRQS is to do: have one interrupt written into a descriptor, all of a kind into none, one unmasked. */
enum vfu_set { VFU_SET_ON, VFU_SET_OFF, VFU_SET_UNMASK };

struct vfu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* bytes, with the header: VFU_HEADER to VFU_MESSAGE_MAX */
	bool reply;    /* else a command of the server's */
	bool quiet;    /* a command that wants no reply */
	int err;       /* of a reply: 0 or an errno */
};

struct vfu_device {
	bool resets;
	uint32_t nr_regions, nr_irqs;
};

enum { VFU_AREAS_MAX = 8 };

struct vfu_region {
	bool readable, writable;
	uint64_t size;
	/* What of it the server shares as a file, where the region begins at file_offset: nr_areas parts. */
	uint64_t file_offset;
	unsigned nr_areas;
	struct vfu_area { uint64_t offset, size; } area[VFU_AREAS_MAX];
};

struct vfu_irq_info {
	uint32_t count;
	bool eventfd;
	bool automasked; /* each one masks itself, until it is unmasked */
};

/*
 * Each writes a command of ours into out (VFU_MESSAGE_MAX bytes) and returns its length. A read or
 * write of a region is of up to VFU_DATA_MAX bytes.
 */
size_t vfu_put_version(uint8_t *out, uint16_t id);
size_t vfu_put_get_info(uint8_t *out, uint16_t id);
size_t vfu_put_get_region_info(uint8_t *out, uint16_t id, uint32_t region);
size_t vfu_put_get_irq_info(uint8_t *out, uint16_t id, enum vfu_irq irq);
/* VFU_SET_ON goes with one descriptor. */
size_t vfu_put_set_irqs(uint8_t *out, uint16_t id, enum vfu_irq irq, enum vfu_set what, uint32_t nr);
size_t vfu_put_read(uint8_t *out, uint16_t id, uint32_t region, uint64_t offset, uint32_t count);
size_t vfu_put_write(uint8_t *out, uint16_t id, uint32_t region, uint64_t offset, uint32_t count,
		     const uint8_t *data);
size_t vfu_put_reset(uint8_t *out, uint16_t id);
/* The reply that refuses command h of the server's with err. */
size_t vfu_put_refusal(uint8_t *out, const struct vfu_header *h, int err);

/* The header of VFU_HEADER bytes. 0, or -1 with EBADMSG. */
int vfu_header(const uint8_t *bytes, struct vfu_header *out);
/*
 * What replies say; bytes is the message, size its length as vfu_header told it. 0, or -1 with
 * errno: EBADMSG, EPROTONOSUPPORT (another version), ENODEV (no PCI device).
 */
int vfu_version_reply(const uint8_t *bytes, size_t size);
int vfu_info_reply(const uint8_t *bytes, size_t size, struct vfu_device *out);
int vfu_region_reply(const uint8_t *bytes, size_t size, uint32_t region, struct vfu_region *out);
int vfu_irq_reply(const uint8_t *bytes, size_t size, enum vfu_irq irq, struct vfu_irq_info *out);
/* A reply to a read of count bytes, which go to data. */
int vfu_read_reply(const uint8_t *bytes, size_t size, uint32_t region, uint64_t offset,
		   uint32_t count, uint8_t *data);
int vfu_write_reply(const uint8_t *bytes, size_t size, uint32_t region, uint64_t offset,
		    uint32_t count);

#endif
