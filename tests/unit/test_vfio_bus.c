/* SPDX-License-Identifier: MIT */
/* The bus of a virtual device: which BAR an address belongs to, and clients that break its rules. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"
#include "host/device/vfio_user/vdev_bus.h"
#include "protocol/bus.h"

static struct bus bus;
static struct server server;
static struct vdev_page page;
static int client;

static void put(unsigned at, uint32_t value)
{
	memcpy(page.config + at, &value, sizeof(value));
}

/* A client, a page of 32 bits at 0xe0000000, and no server behind it: whoever asks that is told so. */
static int setup(void **state)
{
	int pair[2];

	(void)state;
	memset(&page, 0, sizeof(page));
	bus_init(&bus, -1);
	server_init(&server, -1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	client = pair[0];
	bus.client[0] = pair[1];
	bus.region[1] = (struct vfu_region){ .readable = true, .writable = true, .size = 4096, .file_offset = 0x3000,
					     .nr_areas = 1, .area = { { 1024, 2048 } } };
	put(PCI_COMMAND, PCI_COMMAND_MEMORY);
	put(PCI_BASE_ADDRESS_0 + 4, 0xe0000000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_keep(client);
	for (unsigned i = 0; i < BUS_CLIENTS; i++)
		close_keep(bus.client[i]);
	return 0;
}

static void turn(void)
{
	struct pollfd p[BUS_POLLS];

	bus_polls(&bus, p);
	assert_true(poll(p, BUS_POLLS, 1000) > 0);
	bus_turn(&bus, p, &server, &page);
}

static struct bus_answer ask(enum bus_op op, uint32_t space, uint64_t address, uint64_t size)
{
	const struct bus_request r = { (uint32_t)op, space, address, size, 0 };
	struct bus_answer a;

	assert_int_equal(send(client, &r, sizeof(r), 0), sizeof(r));
	turn();
	assert_int_equal(recv(client, &a, sizeof(a), MSG_DONTWAIT), sizeof(a));
	return a;
}

/* Ones without an error: the server was not asked. */
static void nobody_answers(uint64_t address)
{
	struct bus_answer a = ask(BUS_READ, BUS_MEMORY, address, 4);

	assert_int_equal(a.err, 0);
	assert_true(a.value == 0xffffffff);
}

static void nobody_decodes(void **state)
{
	static const struct { uint32_t space; uint64_t address, size, ones; } cases[] = {
		{ BUS_MEMORY, 0xdffffffc, 4, 0xffffffff },	{ BUS_MEMORY, 0xe0001000, 1, 0xff },
		{ BUS_PORTS, 0xe0000000, 2, 0xffff },		{ BUS_MEMORY, UINT64_MAX - 7, 8, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bus_answer a = ask(BUS_READ, cases[i].space, cases[i].address, cases[i].size);

		assert_int_equal(a.err, 0);
		assert_true(a.value == cases[i].ones);
		assert_int_equal(ask(BUS_WRITE, cases[i].space, cases[i].address, cases[i].size).err, 0);
	}
	put(PCI_COMMAND, PCI_COMMAND_IO);
	nobody_answers(0xe0000000);
	put(PCI_COMMAND, PCI_COMMAND_MEMORY);
	put(PCI_BASE_ADDRESS_0 + 4, 0xe1000000);
	nobody_answers(0xe0000000);
	page.held = 1;
	nobody_answers(0xe1000000);
}

static void the_server_is_asked_where_one_does(void **state)
{
	(void)state;
	assert_int_equal(ask(BUS_READ, BUS_MEMORY, 0xe0000ffc, 4).err, ENODEV);
	assert_int_equal(ask(BUS_WRITE, BUS_MEMORY, 0xe0000000, 8).err, ENODEV);
	put(PCI_BASE_ADDRESS_0 + 4, 0xe1000000);
	assert_int_equal(ask(BUS_READ, BUS_MEMORY, 0xe1000000, 1).err, ENODEV);
}

static void no_such_request(void **state)
{
	static const struct { uint32_t op, space; uint64_t address, size; } cases[] = {
		{ BUS_MAP + 1, BUS_MEMORY, 0, 4 },  { UINT32_MAX, BUS_MEMORY, 0, 4 }, { BUS_READ, BUS_PORTS + 1, 0, 4 },
		{ BUS_READ, BUS_MEMORY, 0, 0 },	    { BUS_READ, BUS_MEMORY, 0, 3 },   { BUS_READ, BUS_MEMORY, 0, 16 },
		{ BUS_WRITE, BUS_MEMORY, 2, 4 },    { BUS_READ, BUS_PORTS, 0, 8 },    { BUS_MAP, BUS_MEMORY, 0, 0 },
		{ BUS_MAP, BUS_MEMORY, 0, 1ull << 63 }, { BUS_WRITE, BUS_MEMORY, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ask((enum bus_op)cases[i].op, cases[i].space, cases[i].address, cases[i].size).err, EINVAL);
	assert_true(bus.client[0] >= 0);
}

static void what_is_shared_is_mapped(void **state)
{
	struct bus_answer a;

	(void)state;
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xe0000400, 2048).err, EOPNOTSUPP); /* no file came */
	bus.file[1] = client;
	a = ask(BUS_MAP, BUS_MEMORY, 0xe0000404, 2044);
	assert_int_equal(a.err, 0);
	assert_true(a.value == 0x3404);
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xe0000400, 2049).err, EOPNOTSUPP);
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xe00003ff, 4).err, EOPNOTSUPP);
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xe0000c00, 4).err, EOPNOTSUPP);
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xe0000400, 1ull << 62).err, ENXIO);
	assert_int_equal(ask(BUS_MAP, BUS_MEMORY, 0xd0000000, 4096).err, ENXIO);
}

static void who_breaks_the_rules_is_let_go(void **state)
{
	static const size_t sizes[] = { 1, sizeof(struct bus_request) - 1, sizeof(struct bus_request) + 1, 4096 };
	static const uint8_t noise[4096];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(send(client, noise, sizes[i], 0), sizes[i]);
		turn();
		assert_int_equal(bus.client[0], -1);
		assert_int_equal(recv(client, &(uint8_t){ 0 }, 1, MSG_DONTWAIT), 0);
		teardown(state);
		setup(state);
	}
	close(client);
	turn();
	assert_int_equal(bus.client[0], -1);
	client = -1;
}

/* Answers pile up until there is no room: then it is let go, and nobody waited. */
static void who_takes_no_answers_is_let_go(void **state)
{
	const struct bus_request r = { BUS_READ, BUS_MEMORY, 0, 4, 0 };
	unsigned n = 0;

	(void)state;
	while (bus.client[0] >= 0 && n++ < 100000) {
		assert_int_equal(send(client, &r, sizeof(r), 0), sizeof(r));
		turn();
	}
	assert_int_equal(bus.client[0], -1);
}

static void clients_have_places(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a.sun_family);
	int many[BUS_CLIENTS];

	(void)state;
	bus.listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(bus.listener, (struct sockaddr *)&a, len), 0); /* a name of the kernel's choice */
	assert_int_equal(listen(bus.listener, BUS_CLIENTS), 0);
	len = sizeof(a);
	assert_int_equal(getsockname(bus.listener, (struct sockaddr *)&a, &len), 0);
	for (unsigned i = 0; i < BUS_CLIENTS; i++) {
		many[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		assert_int_equal(connect(many[i], (struct sockaddr *)&a, len), 0);
		turn();
	}
	for (unsigned i = 0; i < BUS_CLIENTS; i++)
		assert_true(bus.client[i] >= 0);
	/* One has the first place: the last who came has none. */
	assert_int_equal(recv(many[BUS_CLIENTS - 1], &(uint8_t){ 0 }, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(many[0], &(uint8_t){ 0 }, 1, MSG_DONTWAIT), -1);
	for (unsigned i = 0; i < BUS_CLIENTS; i++)
		close(many[i]);
	close(bus.listener);
	bus.listener = -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_decodes), TEST(the_server_is_asked_where_one_does), TEST(no_such_request),
		TEST(what_is_shared_is_mapped), TEST(who_breaks_the_rules_is_let_go),
		TEST(who_takes_no_answers_is_let_go), TEST(clients_have_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
