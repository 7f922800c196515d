/* SPDX-License-Identifier: MIT */
#include "host/device/vfio_user/vdev_bus.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"
#include "host/device/vfio_user/resources.h"
#include "protocol/bus.h"

void bus_init(struct bus *b, int listener)
{
	*b = (struct bus){ .listener = listener };
	for (unsigned i = 0; i < BUS_CLIENTS; i++)
		b->client[i] = -1;
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++)
		b->file[i] = -1;
}

void bus_polls(const struct bus *b, struct pollfd p[BUS_POLLS])
{
	for (unsigned i = 0; i < BUS_CLIENTS; i++)
		p[i] = (struct pollfd){ b->client[i], POLLIN, 0 };
	p[BUS_CLIENTS] = (struct pollfd){ b->listener, POLLIN, 0 };
}

static bool decodes(const struct pcidev_resource *r, unsigned i, uint32_t space, uint16_t command)
{
	const bool io = i < PCIDEV_BARS && r->flags & PCI_BASE_ADDRESS_SPACE_IO;

	if (!r->size || r->disabled || io != (space == BUS_PORTS))
		return false;
	if (i == PCIDEV_ROM && !(r->flags & PCI_ROM_ADDRESS_ENABLE))
		return false;
	return command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
}

/* Which region has all of the access, and where in it. -1: none does. */
static int region_of(const struct bus *b, const struct vdev_page *page, const struct bus_request *r,
		     uint64_t *offset)
{
	struct pcidev_resource resource[PCIDEV_RESOURCES];
	uint64_t size[PCIDEV_RESOURCES];
	uint16_t command = (uint16_t)(page->config[PCI_COMMAND] | page->config[PCI_COMMAND + 1] << 8);

	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++)
		size[i] = b->region[i].size;
	if (page->held || vfio_user_resources(size, page->config, resource))
		return -1;
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		if (!decodes(&resource[i], i, r->space, command) || r->address < resource[i].start)
			continue;
		*offset = r->address - resource[i].start;
		if (*offset < size[i] && r->size <= size[i] - *offset)
			return (int)i;
	}
	return -1;
}

static int read_bus(const struct bus *b, struct server *s, const struct bus_request *r, int region,
		    uint64_t offset, uint64_t *value)
{
	uint8_t raw[8];

	*value = UINT64_MAX >> (64 - 8 * r->size);
	if (region < 0 || !b->region[region].readable)
		return 0;
	if (server_read(s, (uint32_t)region, offset, (uint32_t)r->size, raw))
		return -1;
	*value = 0;
	for (unsigned i = 0; i < r->size; i++)
		*value |= (uint64_t)raw[i] << 8 * i;
	return 0;
}

static int write_bus(const struct bus *b, struct server *s, const struct bus_request *r, int region,
		     uint64_t offset)
{
	uint8_t raw[8];

	if (region < 0 || !b->region[region].writable)
		return 0;
	for (unsigned i = 0; i < r->size; i++)
		raw[i] = (uint8_t)(r->value >> 8 * i);
	return server_write(s, (uint32_t)region, offset, (uint32_t)r->size, raw);
}

/* Where what is asked for lies in the file *fd, which stays ours. */
static int map_bus(const struct bus *b, const struct bus_request *r, int region, uint64_t offset, int *fd,
		   uint64_t *at)
{
	const struct vfu_region *is;

	if (region < 0 || r->space != BUS_MEMORY)
		return fail(ENXIO);
	is = &b->region[region];
	for (unsigned i = 0; b->file[region] >= 0 && i < is->nr_areas; i++) {
		const struct vfu_area *a = &is->area[i];

		if (offset < a->offset || offset - a->offset >= a->size ||
		    r->size > a->size - (offset - a->offset))
			continue;
		*fd = b->file[region];
		*at = is->file_offset + offset;
		return 0;
	}
	return fail(EOPNOTSUPP);
}

static bool is_sound(const struct bus_request *r)
{
	const uint64_t most = r->space == BUS_PORTS ? 4 : 8;

	if (r->space > BUS_PORTS || !r->size || r->size > INT64_MAX)
		return false;
	if (r->op == BUS_MAP)
		return true;
	return r->op <= BUS_WRITE && r->size <= most && !(r->size & (r->size - 1)) &&
	       !(r->address & (r->size - 1));
}

/* *fd: what goes with the answer, ours; -1: nothing. */
static void carry_out(const struct bus *b, struct server *s, const struct vdev_page *page,
		      const struct bus_request *r, struct bus_answer *answer, int *fd)
{
	uint64_t offset = 0;
	int region, rc;

	if (!is_sound(r)) {
		answer->err = EINVAL;
		return;
	}
	region = region_of(b, page, r, &offset);
	if (r->op == BUS_READ)
		rc = read_bus(b, s, r, region, offset, &answer->value);
	else if (r->op == BUS_WRITE)
		rc = write_bus(b, s, r, region, offset);
	else
		rc = map_bus(b, r, region, offset, fd, &answer->value);
	if (rc)
		answer->err = (uint32_t)(r->op == BUS_MAP ? errno : s->fd < 0 ? ENODEV : EIO);
}

static int send_answer(int client, struct bus_answer *answer, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { answer, sizeof(*answer) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(client, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* 0, or -1: the client is to be let go. Descriptors that it sends are the kernel's to close. */
static int serve(const struct bus *b, int client, struct server *s, const struct vdev_page *page)
{
	struct bus_request r;
	struct bus_answer answer = { 0 };
	int fd = -1;
	ssize_t n = recv(client, &r, sizeof(r), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n != sizeof(r))
		return -1;
	carry_out(b, s, page, &r, &answer, &fd);
	return send_answer(client, &answer, fd);
}

/* Who finds no place is let go at once. */
static void take_in(struct bus *b)
{
	int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

	for (unsigned i = 0; fd >= 0 && i < BUS_CLIENTS; i++) {
		if (b->client[i] >= 0)
			continue;
		b->client[i] = fd;
		fd = -1;
	}
	close_keep(fd);
}

void bus_turn(struct bus *b, const struct pollfd p[BUS_POLLS], struct server *s,
	      const struct vdev_page *page)
{
	for (unsigned i = 0; i < BUS_CLIENTS; i++) {
		if (!p[i].revents || b->client[i] < 0 || !serve(b, b->client[i], s, page))
			continue;
		close_keep(b->client[i]);
		b->client[i] = -1;
	}
	if (p[BUS_CLIENTS].revents)
		take_in(b);
}
