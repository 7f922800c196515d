/* SPDX-License-Identifier: MIT */
/*
 * A small vfio-user server with one device, one client at a time: vfio_server SOCKET [WRONG]. Its
 * config space has a BAR of each kind and a ROM; SIGUSR1 adds one to the byte at 0x64, with
 * nobody asking. WRONG is what it does wrong: "mute" (no answer to the version), "version",
 * "long" (a message of 2^31 bytes), "torn" (half a reply, then nothing), "stranger" (another id),
 * "short" (one byte less than was to be read), "bar" (an impossible BAR), "dma" (asks for memory
 * before each answer; it ends with 3 where that is not refused).
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY = 1, FAILED = 1 << 5, REGIONS = 9, CONFIG = 7, MESSAGE = 8192 };

struct head {
	uint16_t id, command;
	uint32_t size, flags, error;
};

static uint8_t config[256], writable[256];
static const char *wrong = "";
/* I/O, 32 bits, below 1M, 64 bits of 4K, none, none, ROM, config. */
static const uint64_t region_size[REGIONS] = { 32, 4096, 8192, 1ull << 33, 0, 0, 65536, 256 };

static int is(const char *what) { return !strcmp(wrong, what); }

static void put(unsigned at, uint32_t value, uint32_t mask)
{
	value = htole32(value);
	mask = htole32(mask);
	memcpy(config + at, &value, 4);
	memcpy(writable + at, &mask, 4);
}

static void power_on(void)
{
	memset(config, 0, sizeof(config));
	put(0x00, 0x00051af4, 0);
	put(0x04, 0x00100000, 0x0547);
	put(0x08, 0xff000002, 0);
	put(0x10, 0x00000001, 0xffffffe0);
	put(0x14, 0x00000000, 0xfffff000);
	put(0x18, 0x00000002, 0xffffe000);
	put(0x1c, is("bar") ? 0x6 : 0xc, 0);
	put(0x20, 0x00000000, 0xfffffffe);
	put(0x2c, 0x11001af4, 0);
	put(0x30, 0x00000000, 0xffff0001);
	put(0x34, 0x00000040, 0);
	put(0x3c, 0x00000000, 0xff);
	put(0x40, 0x00035001, 0); /* power management 3 */
	put(0x50, 0x00000005, 0x00010000); /* MSI of 32 bits, the last */
	put(0x60, 0xcafe0000, 0xffff);
}

static int all(int fd, void *bytes, size_t size, int out)
{
	uint8_t *at = bytes;

	while (size) {
		ssize_t n = out ? send(fd, at, size, MSG_NOSIGNAL) : recv(fd, at, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Whether the client refuses to have its memory read. */
static int dma_refused(int fd)
{
	struct head h = { 77, 11, 32, 0, 0 };
	uint64_t where[2] = { 0x1000, 16 };

	return !all(fd, &h, sizeof(h), 1) && !all(fd, where, sizeof(where), 1) && !all(fd, &h, sizeof(h), 0) && h.id == 77 &&
	       h.command == 11 && h.flags == (REPLY | FAILED) && h.error && h.size == sizeof(h);
}

/* A read or write of a region; only config space has something to say. */
static uint32_t access_region(uint8_t *m, uint32_t command, uint32_t *size)
{
	uint64_t offset;
	uint32_t region, count;

	memcpy(&offset, m + 16, 8);
	memcpy(&region, m + 24, 4);
	memcpy(&count, m + 28, 4);
	if (region != CONFIG || offset > sizeof(config) || count > sizeof(config) - offset)
		return EINVAL;
	if (command == 9) {
		memcpy(m + 32, config + offset, count);
		*size = 32 + count - (is("short") && count);
		return 0;
	}
	for (uint32_t i = 0; i < count; i++)
		config[offset + i] = (uint8_t)((config[offset + i] & ~writable[offset + i]) |
					       (m[32 + i] & writable[offset + i]));
	*size = 32;
	return 0;
}

/* The reply to the message in m, whose size is put into *size; an errno. */
static uint32_t answer(uint8_t *m, uint32_t command, uint32_t *size)
{
	uint32_t index, info[4] = { 16, 3, REGIONS, 5 };

	switch (command) {
	case 1:
		memcpy(m + 16, is("version") ? "\1\0\0\0" : "\0\0\1\0", 4);
		memcpy(m + 20, "{\"capabilities\":{}}", 20);
		*size = 40;
		return 0;
	case 4:
		memcpy(m + 16, info, sizeof(info));
		*size = 32;
		return 0;
	case 5:
		memcpy(&index, m + 24, 4);
		if (index >= REGIONS)
			return EINVAL;
		memset(m + 16, 0, 32);
		m[16] = 32;
		m[20] = region_size[index] ? 3 : 0;
		memcpy(m + 24, &index, 4);
		memcpy(m + 32, &region_size[index], 8);
		*size = 48;
		return 0;
	case 9:
	case 10:
		return access_region(m, command, size);
	case 13:
		power_on();
		*size = 16;
		return 0;
	default:
		return EOPNOTSUPP;
	}
}

static void serve(int fd)
{
	uint8_t m[MESSAGE];
	struct head h;

	while (!all(fd, &h, sizeof(h), 0)) {
		if (h.size < sizeof(h) || h.size > MESSAGE ||
		    all(fd, m + sizeof(h), h.size - sizeof(h), 0))
			return;
		if (is("mute"))
			continue;
		if (is("dma") && !dma_refused(fd))
			exit(3);
		h.flags = REPLY;
		h.error = answer(m, h.command, &h.size);
		if (h.error) {
			h.flags |= FAILED;
			h.size = sizeof(h);
		}
		if (is("long"))
			h.size = 1u << 31;
		if (is("stranger"))
			h.id++;
		memcpy(m, &h, sizeof(h));
		if (all(fd, m, is("long") ? 64 : is("torn") ? 20 : h.size, 1))
			return;
	}
}

static void on_signal(int nr)
{
	(void)nr;
	config[0x64]++;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 2 || strlen(argv[1]) >= sizeof(a.sun_path))
		return 2;
	wrong = argc > 2 ? argv[2] : "";
	power_on();
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	if (sigaction(SIGUSR1, &act, NULL) || bind(listener, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(listener, 4)) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}
