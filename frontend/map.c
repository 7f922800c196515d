/* SPDX-License-Identifier: MIT */
/* The memory behind a BAR, where the guest's kernel lets a program have it. */
#include "frontend/map.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "common/util.h"

#define MEMORY "/dev/mem"

static uint64_t page_mask(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE) - 1;
}

static bool is_memory(const struct xenpcifront_bar *bar)
{
	return bar->kind == XENPCIFRONT_BAR_MEM32 || bar->kind == XENPCIFRONT_BAR_BELOW_1M ||
	       bar->kind == XENPCIFRONT_BAR_MEM64 || bar->kind == XENPCIFRONT_BAR_ROM;
}

/* Whether it is memory of the device's, and only that: numbers that wrap around are not. */
static bool is_inside(const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	return is_memory(bar) && length && offset < bar->size && length <= bar->size - offset && bar->start &&
	       bar->start <= INT64_MAX && bar->size - 1 <= INT64_MAX - bar->start;
}

void *bar_map_of(const char *path, const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	uint64_t start, skipped;
	uint8_t *page;
	int fd, saved;

	if (!is_inside(bar, offset, length) || !bar->decoded) {
		errno = is_inside(bar, offset, length) ? ENXIO : EINVAL;
		return NULL;
	}
	start = bar->start + offset;
	skipped = start & page_mask();
	/* O_SYNC: x86 maps what is not RAM uncached, others do so for this. */
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	page = mmap(NULL, length + skipped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(start - skipped));
	saved = errno;
	close_keep(fd);
	errno = saved;
	return page == MAP_FAILED ? NULL : page + skipped;
}

void *xenpcifront_bar_map(const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	return bar_map_of(MEMORY, bar, offset, length);
}

void xenpcifront_bar_unmap(void *address, size_t length)
{
	uint64_t skipped = (uintptr_t)address & page_mask();
	int saved = errno;

	if (address)
		munmap((uint8_t *)address - skipped, length + skipped);
	errno = saved;
}
