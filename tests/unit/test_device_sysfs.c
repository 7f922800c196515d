/* SPDX-License-Identifier: MIT */
/* The sysfs provider on a tree of plain files: what is read, and what would reach hardware. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

struct tree {
	struct logbook log;
	char root[64];
	char spec[80];
	struct provider *provider;
};

/* root/bus/pci/devices/SBDF/NAME */
static const char *path_of(const struct tree *t, const char *sbdf, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", t->root, sbdf, name);
	return path;
}

static void put_bytes(const struct tree *t, const char *sbdf, const char *name, const void *bytes,
		      size_t nr)
{
	int fd = open(path_of(t, sbdf, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, nr), nr);
	close(fd);
}

static void put(const struct tree *t, const char *sbdf, const char *name, const char *text)
{
	put_bytes(t, sbdf, name, text, strlen(text));
}

static const char *take(const struct tree *t, const char *sbdf, const char *name)
{
	static char text[256];
	int fd = open(path_of(t, sbdf, name), O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

#define NIC "0000:00:04.0"
#define NO_RESOURCE "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

static const char nic_resource[] =
	"0x00000000feb40000 0x00000000feb5ffff 0x0000000000040200\n"
	"0x000000000000c040 0x000000000000c05f 0x0000000000040101\n"
	"0x0000380000000000 0x00003800000fffff 0x000000000014220c\n"
	NO_RESOURCE
	"0x0000000000000000 0x0000000000003fff 0x0000000020040200\n"
	NO_RESOURCE
	"0x00000000feb00000 0x00000000feb3ffff 0x0000000000046200\n"
	NO_RESOURCE;

/* A NIC with 4096 bytes of config space, all attributes there. */
static void add_nic(const struct tree *t, const char *sbdf)
{
	uint8_t bytes[4096] = { 0 };

	assert_int_equal(mkdir(path_of(t, sbdf, ""), 0700), 0);
	bytes_init(bytes, 0x8086, 0x10d3);
	bytes_put(bytes, PCI_COMMAND, 2, 0x0103);
	bytes_put(bytes, 0x100, 4, 0x14020001);
	put_bytes(t, sbdf, "config", bytes, sizeof(bytes));
	put(t, sbdf, "vendor", "0x8086\n");
	put(t, sbdf, "device", "0x10d3\n");
	put(t, sbdf, "class", "0x020000\n");
	put(t, sbdf, "irq", "20\n");
	put(t, sbdf, "resource", nic_resource);
	put(t, sbdf, "enable", "");
	put(t, sbdf, "reset", "");
}

static int tree_begin(void **state)
{
	static const char *const dirs[] = { "/bus", "/bus/pci", "/bus/pci/devices" };
	struct tree *t = calloc(1, sizeof(*t));
	char path[128];

	logbook_init(&t->log);
	snprintf(t->root, sizeof(t->root), "/tmp/xenpci-sysfs-XXXXXX");
	if (!mkdtemp(t->root))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", t->root, dirs[i]);
		if (mkdir(path, 0700))
			return -1;
	}
	snprintf(t->spec, sizeof(t->spec), "sysfs:%s", t->root);
	add_nic(t, NIC);
	t->provider = open_provider(t->spec, &t->log);
	*state = t;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tree_end(void **state)
{
	struct tree *t = *state;

	provider_close(t->provider);
	nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

static void test_info(void **state)
{
	static const struct pcidev_resource want[PCIDEV_RESOURCES] = {
		{ 0xfeb40000, 128 << 10, 0, false }, { 0xc040, 32, 1, false },
		{ 0x380000000000, 1 << 20, 0xc, false }, { 0, 0, 0, false },
		{ 0, 16 << 10, 0, true },	     { 0, 0, 0, false },
		{ 0xfeb00000, 256 << 10, 0, false },
	};
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);

	assert_int_equal(dev->info.vendor, 0x8086);
	assert_int_equal(dev->info.device, 0x10d3);
	assert_int_equal(dev->info.class_code, 0x020000);
	assert_int_equal(dev->info.irq, 20);
	assert_int_equal(dev->info.config_size, 4096);
	assert_int_equal(dev->info.header_type, 0);
	assert_false(dev->info.is_vf);
	assert_false(dev->info.bars_movable);
	for (unsigned n = 0; n < PCIDEV_RESOURCES; n++) {
		const struct pcidev_resource *r = &dev->info.resource[n];

		if (r->start != want[n].start || r->size != want[n].size ||
		    r->flags != want[n].flags || r->disabled != want[n].disabled)
			fail_msg("region %u: %llx, %llu, %x, %d", n, (long long)r->start,
				 (long long)r->size, r->flags, r->disabled);
	}
	pcidev_close(dev);
}

/* Exactly the bytes of an access, in the file's order. */
static void test_access(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);
	uint8_t file[4096];
	int fd = open(path_of(t, NIC, "config"), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(get(dev, 0, 4), 0x10d38086);
	assert_int_equal(get(dev, 2, 2), 0x10d3);
	assert_int_equal(get(dev, 3, 1), 0x10);
	assert_int_equal(get(dev, 0x100, 4), 0x14020001);
	set(dev, 0x40, 4, 0x44332211);
	set(dev, 0x44, 2, 0xffff6655);
	set(dev, 0x46, 1, 0xffffff77);
	set(dev, 0xffc, 4, 0xddccbbaa);
	assert_int_equal(pread(fd, file, sizeof(file), 0), sizeof(file));
	assert_memory_equal(file + 0x40, "\x11\x22\x33\x44\x55\x66\x77\x00", 8);
	assert_memory_equal(file + 0xffc, "\xaa\xbb\xcc\xdd", 4);
	close(fd);
	pcidev_close(dev);
}

/* The device is unplugged: the file gives nothing any more. */
static void test_gone(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);
	uint32_t value = 0;

	assert_int_equal(truncate(path_of(t, NIC, "config"), 0), 0);
	assert_int_equal(pcidev_read(dev, 0, 4, &value), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(value, UINT32_MAX);
	pcidev_close(dev);
}

static void test_open_errors(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);

	assert_null(provider_open_device(t->provider, address(NIC)));
	assert_int_equal(errno, EBUSY);
	pcidev_close(dev);
	dev = open_device(t->provider, NIC);
	pcidev_close(dev);
	assert_null(provider_open_device(t->provider, address("0000:00:05.0")));
	assert_int_equal(errno, ENODEV);
}

static void test_header_types(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev;
	uint8_t bytes[256];

	bytes_init(bytes, 0x1234, 0x5678);
	bytes[PCI_HEADER_TYPE] = 0x81;
	put_bytes(t, NIC, "config", bytes, sizeof(bytes));
	dev = open_device(t->provider, NIC);
	assert_int_equal(dev->info.header_type, 1);
	assert_int_equal(dev->info.config_size, 256);
	pcidev_close(dev);
	bytes[PCI_HEADER_TYPE] = 2;
	put_bytes(t, NIC, "config", bytes, sizeof(bytes));
	assert_null(provider_open_device(t->provider, address(NIC)));
	assert_int_equal(errno, ENOTSUP);
}

/* Who is not root sees 64 bytes, and is told what to do. */
static void test_unprivileged(void **state)
{
	struct tree *t = *state;
	uint8_t bytes[256];

	bytes_init(bytes, 0x1234, 0x5678);
	put_bytes(t, NIC, "config", bytes, 64);
	assert_null(provider_open_device(t->provider, address(NIC)));
	assert_int_equal(errno, EACCES);
	assert_true(logbook_has(&t->log, NIC));
	assert_true(logbook_has(&t->log, "run as root, or use --devices image:FILE"));
}

static void test_malformed_attributes(void **state)
{
	static const char *const bad[][2] = {
		{ "vendor", "8086x\n" },  { "vendor", "0x18086\n" }, { "vendor", "\n" },
		{ "device", "-1\n" },	  { "class", "0x1020000\n" }, { "irq", "twenty\n" },
		{ "irq", "4294967296\n" }, { "resource", "" },	     { "resource", "0x0 0x0\n" },
		{ "resource", "0x0 0x0 0x0\n" },
		{ "resource", "0x2000 0x1000 0x200\n" NO_RESOURCE NO_RESOURCE NO_RESOURCE
			      NO_RESOURCE NO_RESOURCE NO_RESOURCE },
		{ "resource", "0x0 0xffffffffffffffff 0x200\n" NO_RESOURCE NO_RESOURCE NO_RESOURCE
			      NO_RESOURCE NO_RESOURCE NO_RESOURCE },
		{ "resource", "0x0 0x0 0x0 0x0\n" NO_RESOURCE NO_RESOURCE NO_RESOURCE NO_RESOURCE
			      NO_RESOURCE NO_RESOURCE },
	};
	struct tree *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char good[512], where[64];

		snprintf(good, sizeof(good), "%s",
			 strcmp(bad[i][0], "resource") ? take(t, NIC, bad[i][0]) : nic_resource);
		put(t, NIC, bad[i][0], bad[i][1]);
		logbook_init(&t->log);
		if (provider_open_device(t->provider, address(NIC)))
			fail_msg("%s \"%s\" is taken", bad[i][0], bad[i][1]);
		assert_true(errno == EINVAL || errno == ERANGE);
		snprintf(where, sizeof(where), NIC "/%s: ", bad[i][0]);
		if (!logbook_has(&t->log, where))
			fail_msg("%s: %s", bad[i][0], t->log.text);
		put(t, NIC, bad[i][0], good);
	}
	pcidev_close(open_device(t->provider, NIC));
	unlink(path_of(t, NIC, "irq"));
	assert_null(provider_open_device(t->provider, address(NIC)));
	assert_int_equal(errno, ENOENT);
}

/* The kernel's 0 and 255 both say that there is no line. */
static void test_no_irq(void **state)
{
	struct tree *t = *state;
	static const char *const none[] = { "0\n", "255\n" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct pcidev *dev;

		put(t, NIC, "irq", none[i]);
		dev = open_device(t->provider, NIC);
		assert_int_equal(dev->info.irq, 0);
		pcidev_close(dev);
	}
}

static void test_reset(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);

	assert_int_equal(pcidev_reset(dev), 0);
	assert_string_equal(take(t, NIC, "reset"), "1");
	/* No such file: the kernel knows no way. */
	unlink(path_of(t, NIC, "reset"));
	assert_int_equal(pcidev_reset(dev), -1);
	assert_int_equal(errno, ENOTTY);
	/* And what the OS says otherwise. */
	assert_int_equal(mkdir(path_of(t, NIC, "reset"), 0700), 0);
	assert_int_equal(pcidev_reset(dev), -1);
	assert_int_equal(errno, EISDIR);
	pcidev_close(dev);
}

/* The kernel counts; one enable of ours is one of its. */
static void test_enable(void **state)
{
	struct tree *t = *state;
	struct pcidev *dev = open_device(t->provider, NIC);

	set(dev, PCI_COMMAND, 2, 0);
	assert_int_equal(pcidev_enable(dev, true), 0);
	assert_string_equal(take(t, NIC, "enable"), "1");
	/* A plain file turns nothing on: it is made sure of. */
	assert_int_equal(get(dev, PCI_COMMAND, 2), PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	put(t, NIC, "enable", "");
	assert_int_equal(pcidev_enable(dev, true), 0);
	assert_string_equal(take(t, NIC, "enable"), "");
	set(dev, PCI_COMMAND, 2, 0x0407);
	assert_int_equal(pcidev_enable(dev, false), 0);
	assert_string_equal(take(t, NIC, "enable"), "0");
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0403);
	put(t, NIC, "enable", "");
	assert_int_equal(pcidev_enable(dev, false), 0);
	assert_string_equal(take(t, NIC, "enable"), "");
	/* Where there is no such file the register has to do. */
	unlink(path_of(t, NIC, "enable"));
	set(dev, PCI_COMMAND, 2, 0);
	assert_int_equal(pcidev_enable(dev, true), 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	/* And where it cannot be written, the caller is told. */
	assert_int_equal(mkdir(path_of(t, NIC, "enable"), 0700), 0);
	assert_int_equal(pcidev_enable(dev, true), -1);
	assert_int_equal(errno, EISDIR);
	pcidev_close(dev);
}

static void test_virtual_function(void **state)
{
	struct tree *t = *state;
	uint8_t vf_bytes[256] = { 0xff, 0xff, 0xff, 0xff };
	struct pcidev *dev;
	char link[256];

	add_nic(t, "0000:00:04.1");
	snprintf(link, sizeof(link), "%s", path_of(t, "0000:00:04.1", "physfn"));
	assert_int_equal(symlink("../0000:00:04.0", link), 0);
	put_bytes(t, "0000:00:04.1", "config", vf_bytes, sizeof(vf_bytes));
	dev = open_device(t->provider, "0000:00:04.1");
	assert_true(dev->info.is_vf);
	assert_true(sbdf_equal(dev->info.pf, address(NIC)));
	/* As the OS knows it, not as its registers read. */
	assert_int_equal(dev->info.vendor, 0x8086);
	assert_int_equal(dev->info.resource[0].size, 128 << 10);
	pcidev_close(dev);
	unlink(link);
	assert_int_equal(symlink("../nobody", link), 0);
	assert_null(provider_open_device(t->provider, address("0000:00:04.1")));
	assert_int_equal(errno, EINVAL);
	assert_true(logbook_has(&t->log, "0000:00:04.1/physfn: "));
}

/* Names that are addresses are devices; order is by address. */
static void test_list(void **state)
{
	static const char *const more[] = { "0001:00:00.0", "0000:ff:1f.7", "10000:01:00.0",
					    "0000:00:04.7" };
	static const char *const order[] = { NIC, "0000:00:04.7", "0000:ff:1f.7", "0001:00:00.0",
					     "10000:01:00.0" };
	struct tree *t = *state;
	struct sbdf list[8];

	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		assert_int_equal(mkdir(path_of(t, more[i], ""), 0700), 0);
	assert_int_equal(mkdir(path_of(t, "power", ""), 0700), 0);
	assert_int_equal(provider_list(t->provider, NULL, 0), 5);
	assert_int_equal(provider_list(t->provider, list, 1), 5);
	assert_int_equal(provider_list(t->provider, list, 8), 5);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		assert_true(sbdf_equal(list[i], address(order[i])));
	assert_int_equal(siblings(t->provider, address(NIC), list), 1);
	assert_true(sbdf_equal(list[0], address("0000:00:04.7")));
}

/* The links of a real tree tell what is behind what. */
static void test_parents(void **state)
{
	static const char *const links[][3] = {
		{ "0000:00:1c.0", "../../../devices/pci0000:00/0000:00:1c.0", NULL },
		{ "0000:01:00.0", "../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0",
		  "0000:00:1c.0" },
		{ "0000:02:00.0", "0000:02:00.0", NULL },
		{ "0000:03:00.0", "0000:00:1c.0/0000:03:00.0", "0000:00:1c.0" },
	};
	struct tree *t = *state;
	struct sbdf parent;

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		char path[256];
		int found;

		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", t->root, links[i][0]);
		assert_int_equal(symlink(links[i][1], path), 0);
		found = provider_parent(t->provider, address(links[i][0]), &parent);
		assert_int_equal(found, links[i][2] ? 1 : 0);
		if (found)
			assert_true(sbdf_equal(parent, address(links[i][2])));
	}
	assert_int_equal(provider_parent(t->provider, address(NIC), &parent), 0);
	assert_int_equal(provider_parent(t->provider, address("0000:00:09.0"), &parent), -1);
	assert_int_equal(errno, ENODEV);
}

int main(void)
{
#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_begin, tree_end)
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_info),
		TREE_TEST(test_access),
		TREE_TEST(test_gone),
		TREE_TEST(test_open_errors),
		TREE_TEST(test_header_types),
		TREE_TEST(test_unprivileged),
		TREE_TEST(test_malformed_attributes),
		TREE_TEST(test_no_irq),
		TREE_TEST(test_reset),
		TREE_TEST(test_enable),
		TREE_TEST(test_virtual_function),
		TREE_TEST(test_list),
		TREE_TEST(test_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
