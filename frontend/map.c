/* SPDX-License-Identifier: MIT */
/*
 * What is behind a BAR: memory where the guest's kernel lets a program have it, and ports; or, of a virtual
 * device, what its bus has there.
 */
#include "frontend/map.h"

#include <fcntl.h>
#include <sys/mman.h>
#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>
#endif

#include "common/util.h"
#include "frontend/bus.h"

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

/* Whether it is memory or ports of the device's, and only that: numbers that wrap around are not. */
static bool is_inside(const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	return (is_memory(bar) || bar->kind == XENPCIFRONT_BAR_IO) && length && offset < bar->size && length <= bar->size - offset && bar->start &&
	       bar->start <= INT64_MAX && bar->size - 1 <= INT64_MAX - bar->start;
}

/* 0 where the BAR is decoded and has all of it, or -1 with errno. */
static int check(const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	if (!is_inside(bar, offset, length))
		return fail(EINVAL);
	return bar->decoded ? 0 : fail(ENXIO);
}

/* length bytes of the file from `at` on; which need not be a page's beginning. */
static void *map_file(int fd, uint64_t at, size_t length)
{
	uint64_t skipped = at & page_mask();
	uint8_t *page;

	if (at > INT64_MAX || length > SIZE_MAX - skipped) {
		errno = EINVAL;
		return NULL;
	}
	page = mmap(NULL, length + skipped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(at - skipped));
	return page == MAP_FAILED ? NULL : page + skipped;
}

void *bar_map_of(const char *path, const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	void *at;
	int fd;

	if (!is_memory(bar)) {
		errno = EINVAL;
		return NULL;
	}
	if (check(bar, offset, length))
		return NULL;
	/* O_SYNC: x86 maps what is not RAM uncached, others do so for this. */
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	at = map_file(fd, bar->start + offset, length);
	close_keep(fd);
	return at;
}

static struct bus_request request(const struct xenpcifront_bar *bar, enum bus_op op, uint64_t offset,
				  uint64_t size, uint64_t value)
{
	return (struct bus_request){
		.op = (uint32_t)op,
		.space = bar->kind == XENPCIFRONT_BAR_IO ? BUS_PORTS : BUS_MEMORY,
		.address = bar->start + offset,
		.size = size,
		.value = value,
	};
}

static void *map_bus(const char *path, const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	struct bus_request r = request(bar, BUS_MAP, offset, length, 0);
	uint64_t where;
	void *at;
	int fd;

	if (!is_memory(bar)) {
		errno = EINVAL;
		return NULL;
	}
	if (check(bar, offset, length) || bus_ask(path, &r, &where, &fd))
		return NULL;
	if (fd < 0) {
		errno = EPROTO;
		return NULL;
	}
	at = map_file(fd, where, length);
	close_keep(fd);
	return at;
}

void *xenpcifront_bar_map(const struct xenpcifront_bar *bar, uint64_t offset, size_t length)
{
	const char *path = bus_path();

	return path ? map_bus(path, bar, offset, length) : bar_map_of(MEMORY, bar, offset, length);
}

/* ---- One access ---- */

static uint64_t load(const volatile void *at, unsigned size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return *(const volatile uint16_t *)at;
	case 4:
		return *(const volatile uint32_t *)at;
	default:
		return *(const volatile uint64_t *)at;
	}
}

static void store(volatile void *at, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
	}
}

static int access_memory(const struct xenpcifront_bar *bar, enum bus_op op, uint64_t offset, unsigned size,
			 uint64_t *value)
{
	void *at = bar_map_of(MEMORY, bar, offset, size);

	if (!at)
		return -1;
	if (op == BUS_READ)
		*value = load(at, size);
	else
		store(at, size, *value);
	xenpcifront_bar_unmap(at, size);
	return 0;
}

#if defined(__x86_64__) || defined(__i386__)
static int access_ports(uint16_t port, enum bus_op op, unsigned size, uint64_t *value)
{
	/* The thread's own; the guest's kernel and the hypervisor both have a say. */
	if (ioperm(port, size, 1))
		return -1;
	if (op == BUS_READ)
		*value = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
	else if (size == 1)
		outb((uint8_t)*value, port);
	else if (size == 2)
		outw((uint16_t)*value, port);
	else
		outl((uint32_t)*value, port);
	return 0;
}
#else
static int access_ports(uint16_t port, enum bus_op op, unsigned size, uint64_t *value)
{
	(void)port, (void)op, (void)size, (void)value;
	return fail(EOPNOTSUPP);
}
#endif

static int access_bar(const struct xenpcifront_bar *bar, enum bus_op op, uint64_t offset, unsigned size,
		      uint64_t *value)
{
	const bool is_ports = bar->kind == XENPCIFRONT_BAR_IO;
	struct bus_request r;
	const char *path = bus_path();
	int fd, rc;

	if ((size != 1 && size != 2 && size != 4 && (size != 8 || is_ports)) || offset % size)
		return fail(EINVAL);
	if (check(bar, offset, size))
		return -1;
	if (path) {
		r = request(bar, op, offset, size, *value);
		rc = bus_ask(path, &r, value, &fd);
		close_keep(fd);
		return rc;
	}
	if (!is_ports)
		return access_memory(bar, op, offset, size, value);
	if (bar->start + offset > UINT16_MAX)
		return fail(EINVAL);
	return access_ports((uint16_t)(bar->start + offset), op, size, value);
}

int xenpcifront_bar_read(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size, uint64_t *value)
{
	uint64_t got = 0;

	if (!access_bar(bar, BUS_READ, offset, size, &got)) {
		*value = got;
		return 0;
	}
	*value = UINT64_MAX;
	return -1;
}

int xenpcifront_bar_write(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size, uint64_t value)
{
	return access_bar(bar, BUS_WRITE, offset, size, &value);
}

void xenpcifront_bar_unmap(void *address, size_t length)
{
	uint64_t skipped = (uintptr_t)address & page_mask();
	int saved = errno;

	if (address)
		munmap((uint8_t *)address - skipped, length + skipped);
	errno = saved;
}
