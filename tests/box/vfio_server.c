/* SPDX-License-Identifier: MIT */
/*
 * A small vfio-user server with one device, one client at a time: vfio_server SOCKET [WRONG]. Its
 * config space has a BAR of each kind and a ROM; SIGUSR1 adds one to the byte at 0x64, with
 * nobody asking, and SIGUSR2 raises MSI-X 2, or MSI 0, or the line, whichever the guest has on. Behind the BARs:
 *	0 (32 ports)	port 0, 4 bytes: KIND << 8 | NR raises that interrupt (kinds 0 line, 1 MSI, 2 MSI-X)
 *	1 (4K)		0x10, 4 bytes: whether the line is up; any write takes it down. Else memory
 *	2 (8K)		memory, whose second half is shared
 *	3 (8G)		memory, shared, from 64K of its file on
 *	ROM (64K)	55 aa, then zeros
 *
 * WRONG is what it does wrong: "mute" (no answer to the version), "version", "long" (a message of 2^31
 * bytes), "torn" (half a reply, then nothing), "stranger" (another id), "short" (one byte less than was to
 * be read), "bar" (an impossible BAR), "dma" (asks for memory, to be read and written, before each answer;
 * it ends with 3 where that is not refused), "outside" (shares what is no part of a region), "circle"
 * (a region's capabilities have no end), "counts" (2^32 - 1 interrupts of each kind), "fds" (sixteen
 * descriptors with each reply), "deaf" (no answer to what sets interrupts), "unwilling" (refuses that),
 * "late" (an access of a BAR takes 3 s), "cut" (closes in the midst of the answer to one).
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	REPLY = 1, FAILED = 1 << 5, REGIONS = 9, ROM = 6, CONFIG = 7, MESSAGE = 8192, KINDS = 3, VECTORS = 8,
	FILE_OFFSET = 65536, SHARED_FROM = 4096, FDS = 16,
	MMAP = 4, CAPS = 8, LINE_UP = 0x10, MSI = 0x50, MSIX = 0x70,
	SET_EVENTFD = 4, SET_UNMASK = 16,
};

struct head {
	uint16_t id, command;
	uint32_t size, flags, error;
};

static uint8_t config[256], writable[256], ports[32], page[4096], rom[65536];
static uint8_t *half, *big; /* what is behind BARs 2 and 3 */
static int half_fd, big_fd;
static const char *wrong = "";
/* I/O, 32 bits, below 1M, 64 bits of 4K, none, none, ROM, config. */
static const uint64_t region_size[REGIONS] = { 32, 4096, 8192, 1ull << 33, 0, 0, 65536, 256 };
static uint8_t *memory[REGIONS] = { ports, page, NULL, NULL, NULL, NULL, rom, config };

static const uint32_t irq_count[KINDS] = { 1, 4, VECTORS };
static int irq[KINDS][VECTORS];
static int line_up, line_masked;
static int received = -1; /* the descriptor that came with the last command */

static _Bool is(const char *what) { return !strcmp(wrong, what); }

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
	put(0x3c, 0x00000100, 0xff);
	put(0x40, 0x00035001, 0); /* power management 3 */
	put(MSI, 0x00040005 | MSIX << 8, 0x00710000); /* of 32 bits, 4 messages */
	put(0x60, 0xcafe0000, 0xffff);
	put(MSIX, 0x00000011 | (VECTORS - 1) << 16, 0xc0000000); /* the last */
	put(MSIX + 4, 0x00000801, 0);
	put(MSIX + 8, 0x00000c01, 0);
	rom[0] = 0x55;
	rom[1] = 0xaa;
}

/* ---- Interrupts ---- */

static void signal_irq(unsigned kind, unsigned nr)
{
	const uint64_t one = 1;

	if (irq[kind][nr] >= 0 && write(irq[kind][nr], &one, sizeof(one)) < 0)
		perror("eventfd");
}

static void show_line(void)
{
	if (!line_up || line_masked || config[MSI + 2] & 1 || config[MSIX + 3] & 0x80)
		return;
	line_masked = 1;
	signal_irq(0, 0);
}

/* As hardware: only what the guest has turned on. */
static void raise_irq(unsigned kind, unsigned nr)
{
	if (kind >= KINDS || nr >= irq_count[kind])
		return;
	line_up |= !kind;
	show_line();
	if ((kind == 1 && config[MSI + 2] & 1) || (kind == 2 && config[MSIX + 3] & 0x80))
		signal_irq(kind, nr);
}

static void forget_irqs(unsigned kind)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		if (irq[kind][i] >= 0)
			close(irq[kind][i]);
		irq[kind][i] = -1;
	}
}

static uint32_t set_irqs(const uint8_t *m)
{
	uint32_t f[5]; /* argsz, flags, kind, first, count */

	memcpy(f, m + 16, sizeof(f));
	if (is("unwilling") || f[2] >= KINDS || f[3] > irq_count[f[2]] || f[4] > irq_count[f[2]] - f[3])
		return EINVAL;
	if (f[1] & SET_UNMASK) {
		line_masked = 0;
		show_line();
		return 0;
	}
	if (!f[4])
		forget_irqs(f[2]);
	if (!(f[1] & SET_EVENTFD) || !f[4])
		return 0;
	if (f[4] != 1 || received < 0)
		return EINVAL;
	if (irq[f[2]][f[3]] >= 0)
		close(irq[f[2]][f[3]]);
	irq[f[2]][f[3]] = received;
	received = -1;
	return 0;
}

/* ---- The socket ---- */

static int send_all(int fd, const void *bytes, size_t size)
{
	for (const uint8_t *at = bytes; size;) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The last descriptor that comes is kept in `received`. */
static int receive_all(int fd, void *bytes, size_t size)
{
	for (uint8_t *at = bytes; size;) {
		char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
		struct iovec iov = { at, size };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		if (CMSG_FIRSTHDR(&m)) {
			if (received >= 0)
				close(received);
			memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(received));
		}
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int send_with(int fd, const void *bytes, size_t size, int pass, unsigned n)
{
	char room[CMSG_SPACE(FDS * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)bytes, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &pass, sizeof(pass));
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* Whether the client refuses to have its memory read (11) or written (12). */
static int dma_refused(int fd, uint16_t command)
{
	struct { struct head h; uint64_t where[2]; uint8_t data[16]; } ask = {
		{ 77, command, command == 11 ? 32 : 48, 0, 0 }, { 0x1000, 16 }, { 0 },
	};
	struct head h;

	return !send_all(fd, &ask, ask.h.size) && !receive_all(fd, &h, sizeof(h)) && h.id == 77 &&
	       h.command == command && h.flags == (REPLY | FAILED) && h.error && h.size == sizeof(h);
}

/* ---- Regions ---- */

static void write_bytes(uint32_t region, uint64_t offset, const uint8_t *data, uint32_t count)
{
	uint32_t value = 0;

	if (region == ROM)
		return;
	if (region == CONFIG) {
		for (uint32_t i = 0; i < count; i++)
			config[offset + i] = (uint8_t)((config[offset + i] & ~writable[offset + i]) |
						       (data[i] & writable[offset + i]));
		return;
	}
	memcpy(memory[region] + offset, data, count);
	memcpy(&value, data, count < 4 ? count : 4);
	if (region == 0 && !offset)
		raise_irq(value >> 8, value & 0xff);
	if (region == 1 && offset == LINE_UP)
		line_up = 0;
}

static uint32_t access_region(uint8_t *m, uint32_t command, uint32_t *size)
{
	uint64_t offset;
	uint32_t region, count;

	memcpy(&offset, m + 16, 8);
	memcpy(&region, m + 24, 4);
	memcpy(&count, m + 28, 4);
	if (region >= REGIONS || offset > region_size[region] || count > region_size[region] - offset ||
	    count > MESSAGE - 32)
		return EINVAL;
	if (region != CONFIG && is("late"))
		sleep(3);
	page[LINE_UP] = (uint8_t)line_up;
	if (command == 9) {
		memcpy(m + 32, memory[region] + offset, count);
		*size = 32 + count - (is("short") && count);
		return 0;
	}
	write_bytes(region, offset, m + 32, count);
	*size = 32;
	return 0;
}

/* What is shared of a region: its descriptor, or -1. */
static int region_info(uint8_t *m, uint32_t index, uint32_t *size)
{
	/* argsz, flags, index, capabilities' offset; its capability: id and version, next, parts, 0 */
	uint32_t f[4] = { 32, region_size[index] ? 3 : 0, index, 0 }, cap[4] = { 1 | 1 << 16, 0, 1, 0 };
	uint64_t part[2] = { SHARED_FROM, SHARED_FROM }, at[2] = { region_size[index], 0 };

	*size = 48;
	if (index == 2) {
		f[1] |= MMAP | CAPS;
		f[0] = 64;
		f[3] = 32;
		part[1] += (uint64_t)is("outside");
		if (is("circle")) {
			cap[0]++;
			cap[1] = 32;
		}
		memcpy(m + 48, cap, sizeof(cap));
		memcpy(m + 64, part, sizeof(part));
		*size = 80;
	}
	if (index == 3) {
		f[1] |= MMAP;
		at[1] = FILE_OFFSET;
	}
	memcpy(m + 16, f, sizeof(f));
	memcpy(m + 32, at, sizeof(at));
	return index == 2 ? half_fd : index == 3 ? big_fd : -1;
}

/* The reply to the message in m, whose size is put into *size; an errno. *pass: goes with it. */
static uint32_t answer(uint8_t *m, uint32_t command, uint32_t *size, int *pass)
{
	uint32_t index, info[4] = { 16, 3, REGIONS, 5 };

	*size = 16;
	memcpy(&index, m + 24, 4);
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
		if (index >= REGIONS)
			return EINVAL;
		*pass = region_info(m, index, size);
		return 0;
	case 7:
		if (index >= KINDS)
			return EINVAL;
		info[1] = index ? 1 : 7; /* a line masks itself */
		info[2] = index;
		info[3] = is("counts") ? UINT32_MAX : irq_count[index];
		memcpy(m + 16, info, sizeof(info));
		*size = 32;
		return 0;
	case 8:
		return set_irqs(m);
	case 9:
	case 10:
		return access_region(m, command, size);
	case 13:
		power_on();
		return 0;
	default:
		return EOPNOTSUPP;
	}
}

static int send_reply(int fd, const uint8_t *m, uint32_t size, int pass)
{
	if (is("fds") || pass >= 0)
		return send_with(fd, m, size, pass >= 0 ? pass : half_fd, is("fds") ? FDS : 1);
	return send_all(fd, m, is("long") ? 64 : is("torn") ? 20 : size);
}

/* An access of a BAR or the ROM. */
static int is_access(const uint8_t *m, const struct head *h)
{
	return (h->command == 9 || h->command == 10) && m[24] != CONFIG;
}

static void serve(int fd)
{
	uint8_t m[MESSAGE];
	struct head h;

	while (!receive_all(fd, &h, sizeof(h))) {
		int pass = -1, cut;

		if (h.size < sizeof(h) || h.size > MESSAGE || receive_all(fd, m + sizeof(h), h.size - sizeof(h)))
			return;
		if (is("mute") || (is("deaf") && h.command == 8))
			continue;
		if (is("dma") && (!dma_refused(fd, 11) || !dma_refused(fd, 12)))
			exit(3);
		cut = is("cut") && is_access(m, &h);
		h.flags = REPLY;
		h.error = answer(m, h.command, &h.size, &pass);
		if (h.error) {
			h.flags |= FAILED;
			h.size = sizeof(h);
		}
		if (is("long"))
			h.size = 1u << 31;
		if (is("stranger"))
			h.id++;
		memcpy(m, &h, sizeof(h));
		if (send_reply(fd, m, cut ? 20 : h.size, pass) || cut)
			return;
	}
}

static void on_signal(int nr)
{
	if (nr == SIGUSR1)
		config[0x64]++;
	else if (config[MSIX + 3] & 0x80)
		raise_irq(2, 2);
	else
		raise_irq(config[MSI + 2] & 1, 0);
}

/* Memory that is shared: a file, of which nothing takes room before it is used. */
static int make_memory(const char *name, uint64_t size, int *fd, uint8_t **at)
{
	void *p;

	*fd = memfd_create(name, 0);
	if (*fd < 0 || ftruncate(*fd, (off_t)size))
		return -1;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, *fd, 0);
	*at = p;
	return p == MAP_FAILED ? -1 : 0;
}

static void forget_client(int fd)
{
	close(fd);
	for (unsigned i = 0; i < KINDS; i++)
		forget_irqs(i);
	line_up = line_masked = 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 2 || strlen(argv[1]) >= sizeof(a.sun_path))
		return 2;
	wrong = argc > 2 ? argv[2] : "";
	memset(irq, 0xff, sizeof(irq));
	power_on();
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	if (make_memory("half", region_size[2], &half_fd, &half) ||
	    make_memory("big", region_size[3] + FILE_OFFSET, &big_fd, &big) || sigaction(SIGUSR1, &act, NULL) ||
	    sigaction(SIGUSR2, &act, NULL) ||
	    bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 4)) {
		perror(argv[1]);
		return 1;
	}
	memory[2] = half;
	memory[3] = big + FILE_OFFSET;
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		forget_client(fd);
	}
}
