/* SPDX-License-Identifier: MIT */
/*
 * Config space in memory: PCI Express maps 4096 bytes of every function (PCI Express Base
 * Specification 7.2.2, ECAM), at an address that ACPI's table MCFG tells (PCI Firmware
 * Specification 3.2, 4.1.2). Where Xen lets us have the page (host/device/sysfs/iomem.h), a register is read
 * by one instruction in place of a system call. One thread; ecam_read may be called by several.
 * Logs nothing but what it says.
 */
#ifndef XENPCI_HOST_DEVICE_SYSFS_ECAM_H
#define XENPCI_HOST_DEVICE_SYSFS_ECAM_H

#include <stddef.h>
#include <stdint.h>
#include <xentoollog.h>

#include "common/sbdf.h"

/*
 * The address of sbdf's page by MCFG, a table of size bytes; 0: it has none, or the table is
 * malformed.
 */
uint64_t ecam_address(const uint8_t *table, size_t size, struct sbdf sbdf);

struct ecam;

/*
 * root stands for /sys. NULL, and no errno, where there is nothing to be had: no PV dom0, no such
 * table, Xen does not let us. Libraries log to lg.
 */
struct ecam *ecam_open(const char *root, xentoollog_logger *lg);
/* Pages must be unmapped first. NULL is allowed. */
void ecam_close(struct ecam *e);

/* sbdf's config space, or NULL with errno: ENOENT (it is in no table), or iomem_map's. */
void *ecam_map(struct ecam *e, struct sbdf sbdf);
/* NULL is allowed. */
void ecam_unmap(struct ecam *e, void *page);

/*
 * size (1, 2 or 4) bytes at an aligned offset. All ones: the device says so, or did not answer. The
 * accumulator it is, since one family of processors reads registers with no other (AMD's BIOS and
 * Kernel Developer's Guide for family 10h, 2.11.1).
 */
static inline uint32_t ecam_read(const volatile void *page, unsigned offset, unsigned size)
{
	const volatile void *at = (const volatile uint8_t *)page + offset;
#if defined(__x86_64__) || defined(__i386__)
	uint32_t dword;
	uint16_t word;
	uint8_t byte;

	switch (size) {
	case 1:
		__asm__ volatile("movb %1, %0" : "=a"(byte) : "m"(*(const volatile uint8_t *)at));
		return byte;
	case 2:
		__asm__ volatile("movw %1, %0" : "=a"(word) : "m"(*(const volatile uint16_t *)at));
		return word;
	default:
		__asm__ volatile("movl %1, %0" : "=a"(dword) : "m"(*(const volatile uint32_t *)at));
		return dword;
	}
#else
	return size == 1 ? *(const volatile uint8_t *)at :
	       size == 2 ? *(const volatile uint16_t *)at : *(const volatile uint32_t *)at;
#endif
}

#endif
