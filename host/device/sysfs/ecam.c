/* SPDX-License-Identifier: MIT */
#include "host/device/sysfs/ecam.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/device/sysfs/attr.h"
#include "host/device/sysfs/iomem.h"
#include "common/util.h"

/*
 * MCFG (PCI Firmware Specification 3.2, table 4-2): after 44 bytes, one allocation after the other.
 */
enum {
	MCFG_LENGTH = 4,
	MCFG_FIRST = 44,
	MCFG_ALLOCATION = 16,
	ALLOCATION_SEGMENT = 8,
	ALLOCATION_START_BUS = 10,
	ALLOCATION_END_BUS = 11,
};
#define MCFG_MAX 4096 /* bytes: 253 segments */
#define PAGE 4096u

struct ecam {
	struct iomem *iomem;
	size_t size;
	uint8_t table[MCFG_MAX];
};

static uint64_t little_endian(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

uint64_t ecam_address(const uint8_t *table, size_t size, struct sbdf sbdf)
{
	/* The address is that of bus 0, wherever the buses begin. */
	uint64_t function = (uint64_t)sbdf.bus << 8 | sbdf.devfn;

	if (size < MCFG_FIRST || memcmp(table, "MCFG", 4))
		return 0;
	if (little_endian(table + MCFG_LENGTH, 4) < size)
		size = little_endian(table + MCFG_LENGTH, 4);
	for (size_t at = MCFG_FIRST; at + MCFG_ALLOCATION <= size; at += MCFG_ALLOCATION) {
		const uint8_t *a = table + at;

		if (little_endian(a + ALLOCATION_SEGMENT, 2) == sbdf.segment &&
		    sbdf.bus >= a[ALLOCATION_START_BUS] && sbdf.bus <= a[ALLOCATION_END_BUS] &&
		    !(little_endian(a, 8) % PAGE))
			return little_endian(a, 8) + function * PAGE;
	}
	return 0;
}

/* Whether root belongs to a PV domain: in others a page needs a place among the domain's own. */
static bool is_pv(const char *root)
{
	char path[PATH_MAX], type[8];

	if (snprintf(path, sizeof(path), "%s/hypervisor/guest_type", root) >= (int)sizeof(path))
		return false;
	return sysfs_attr_read(AT_FDCWD, path, type, sizeof(type)) >= 0 && !strcmp(type, "PV");
}

static size_t read_table(const char *root, uint8_t table[MCFG_MAX])
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s/firmware/acpi/tables/MCFG", root) >= (int)sizeof(path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, table, MCFG_MAX);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

struct ecam *ecam_open(const char *root, xentoollog_logger *lg)
{
	struct ecam *e;

	if (!is_pv(root))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->size = read_table(root, e->table);
	e->iomem = e->size ? iomem_open(lg) : NULL;
	if (!e->iomem) {
		ecam_close(e);
		return NULL;
	}
	return e;
}

void ecam_close(struct ecam *e)
{
	if (!e)
		return;
	iomem_close(e->iomem);
	free_keep(e);
}

void *ecam_map(struct ecam *e, struct sbdf sbdf)
{
	uint64_t address = ecam_address(e->table, e->size, sbdf);

	if (!address) {
		errno = ENOENT;
		return NULL;
	}
	return iomem_map(e->iomem, address);
}

void ecam_unmap(struct ecam *e, void *page)
{
	if (page)
		iomem_unmap(e->iomem, page);
}
