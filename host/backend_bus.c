/* SPDX-License-Identifier: MIT */
#include "host/backend_bus.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/libc.h"
#include "common/util.h"
#include "host/uevent.h"

#define SUBSYSTEM "xen-backend"
#define OURS "pci-"		/* devices of our type begin so */
#define UEVENTS_OF_KERNEL 1	/* netlink group */
#define PROBE_PAUSE_MAX_MS 256	/* the longest of several, each four times the one before */
#define REMEMBERED "autoprobe"	/* in state_dir: the switch's position before we came */

/* The kernel's driver for pci nodes, under the names that it has had. */
static const char *const pci_drivers[] = { "xen-pciback", "pciback", "pci" };

/* A path below the bus: DIR/NAME/LEAF, the last two where they are given. */
struct path {
	char text[BACKEND_BUS_PATH_MAX + 2 * BACKEND_BUS_NAME_MAX];
};

static const char *path_of(struct path *p, const struct backend_bus *bus, const char *dir,
			   const char *name, const char *leaf)
{
	snprintf(p->text, sizeof(p->text), "%s/%s%s%.*s%s%s", bus->path, dir, name ? "/" : "",
		 BACKEND_BUS_NAME_MAX - 1, name ? name : "", leaf ? "/" : "", leaf ? leaf : "");
	return p->text;
}

static int write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close_keep(fd);
	return n < 0 ? -1 : 0;
}

/* The first byte of a file, 0 of an empty one; or -1 with errno. */
static int first_byte(const char *path)
{
	char text[2];

	return file_text(AT_FDCWD, path, text, sizeof(text)) < 0 ? -1 : text[0];
}

int backend_bus_init(struct backend_bus *bus, const char *sysfs_root)
{
	if (snprintf(bus->path, sizeof(bus->path), "%s/bus/" SUBSYSTEM, sysfs_root) <
	    (int)sizeof(bus->path))
		return 0;
	bus->path[0] = 0;
	return fail(ENAMETOOLONG);
}

bool backend_bus_is_pci(const char *device)
{
	return !strncmp(device, OURS, strlen(OURS));
}

bool backend_bus_has_pci_driver(const struct backend_bus *bus)
{
	struct path p;

	for (size_t i = 0; i < ARRAY_SIZE(pci_drivers); i++)
		if (!access(path_of(&p, bus, "drivers", pci_drivers[i], NULL), F_OK))
			return true;
	return false;
}

static bool is_bound(const struct backend_bus *bus, const char *device)
{
	struct path p;

	return !access(path_of(&p, bus, "devices", device, "driver"), F_OK);
}

bool backend_bus_serves(const struct backend_bus *bus, uint32_t domid, uint32_t devid)
{
	char device[BACKEND_BUS_NAME_MAX];

	snprintf(device, sizeof(device), OURS "%u-%u", domid, devid);
	return is_bound(bus, device);
}

/*
 * Calls each with the names in a directory until it returns true, and returns whether it did.
 * getdents64, since opendir allocates.
 */
static bool any_entry(const char *dir, bool (*each)(const char *name, void *arg), void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = false;
	ssize_t n;

	while (fd >= 0 && !found && (n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n && !found;) {
			const struct dirent64 *e = (const void *)(buf + at);

			if (e->d_name[0] != '.')
				found = each(e->d_name, arg);
			at += e->d_reclen;
		}
	}
	close_keep(fd);
	return found;
}

static bool is_pci_entry(const char *name, void *arg)
{
	(void)arg;
	return backend_bus_is_pci(name);
}

bool backend_bus_serves_any(const struct backend_bus *bus)
{
	struct path p;

	for (size_t i = 0; i < ARRAY_SIZE(pci_drivers); i++)
		if (any_entry(path_of(&p, bus, "drivers", pci_drivers[i], NULL), is_pci_entry, NULL))
			return true;
	return false;
}

int backend_bus_switch(const struct backend_bus *bus)
{
	struct path p;
	int c;

	if (!bus->path[0])
		return fail(ENOENT);
	c = first_byte(path_of(&p, bus, BACKEND_BUS_SWITCH, NULL, NULL));
	return c < 0 ? -1 : c == '1';
}

int backend_bus_turn(const struct backend_bus *bus, bool on)
{
	struct path p;

	return write_text(path_of(&p, bus, BACKEND_BUS_SWITCH, NULL, NULL), 0, on ? "1" : "0");
}

static const char *remembered_in(struct path *p, const char *state_dir)
{
	snprintf(p->text, sizeof(p->text), "%s/" REMEMBERED, state_dir);
	return p->text;
}

int backend_bus_remember(const struct backend_bus *bus, const char *state_dir)
{
	int now = backend_bus_switch(bus), before;
	struct path p;

	if (now < 0)
		return -1;
	before = first_byte(remembered_in(&p, state_dir));
	/* A file that nobody had the time to write in: on, as the kernel's default is. */
	if (before >= 0 && before != '0')
		now = 1;
	if (write_text(p.text, O_CREAT | O_TRUNC | O_NOFOLLOW, now ? "1\n" : "0\n"))
		return now;
	errno = 0;
	return now;
}

bool backend_bus_is_remembered(const char *state_dir)
{
	struct path p;

	return !access(remembered_in(&p, state_dir), F_OK);
}

int backend_bus_restore(const struct backend_bus *bus, const char *state_dir, bool was_on)
{
	struct path p;

	if (was_on && backend_bus_turn(bus, true))
		return -1;
	unlink(remembered_in(&p, state_dir));
	return 0;
}

/*
 * A device is announced before the kernel is through with adding it, and who asks that early gets
 * EINVAL from kernels that put its driver off until then (6.1.0-56 of Debian 12): with the switch
 * off nobody else would ask again. A driver's own refusal is EINVAL too, so we give up some time.
 */
int backend_bus_probe(const struct backend_bus *bus, const char *device)
{
	struct path p;

	path_of(&p, bus, BACKEND_BUS_PROBE, NULL, NULL);
	for (uint64_t ms = 1; write_text(p.text, 0, device); ms *= 4) {
		struct timespec nap = timespec_of(ms * 1000000);

		if (errno == ENODEV)
			return 0; /* gone again */
		if (errno != EINVAL || ms > PROBE_PAUSE_MAX_MS)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

struct others {
	const struct backend_bus *bus;
	char *failed;
	unsigned nr_failed;
	int error;
};

static bool probe_other(const char *device, void *arg)
{
	struct others *o = arg;

	if (backend_bus_is_pci(device) || is_bound(o->bus, device) ||
	    !backend_bus_probe(o->bus, device))
		return false;
	o->error = errno;
	o->nr_failed++;
	snprintf(o->failed, BACKEND_BUS_NAME_MAX, "%.*s", BACKEND_BUS_NAME_MAX - 1, device);
	return false;
}

unsigned backend_bus_probe_others(const struct backend_bus *bus, char failed[BACKEND_BUS_NAME_MAX])
{
	struct others o = { .bus = bus, .failed = failed };
	struct path p;

	any_entry(path_of(&p, bus, "devices", NULL, NULL), probe_other, &o);
	errno = o.error;
	return o.nr_failed;
}

int backend_bus_listen(const char *sysfs_root)
{
	return uevent_listen(sysfs_root, "");
}

enum backend_bus_news backend_bus_parse(const char *text, size_t len,
					char name[BACKEND_BUS_NAME_MAX])
{
	const char *subsystem, *path, *last;
	bool added, removed;

	if (!len || text[len - 1])
		return BACKEND_BUS_NOTHING;
	added = !strncmp(text, "add@", 4);
	removed = !strncmp(text, "remove@", 7);
	subsystem = uevent_value(text, len, "SUBSYSTEM=");
	path = uevent_value(text, len, "DEVPATH=");
	last = path ? strrchr(path, '/') : NULL;
	if (!(added || removed) || !subsystem || !last || strlen(last + 1) >= BACKEND_BUS_NAME_MAX)
		return BACKEND_BUS_NOTHING;
	snprintf(name, BACKEND_BUS_NAME_MAX, "%.*s", BACKEND_BUS_NAME_MAX - 1, last + 1);
	if (!strcmp(subsystem, SUBSYSTEM))
		return added ? BACKEND_BUS_APPEARED : BACKEND_BUS_GONE;
	if (added && !strcmp(subsystem, "drivers") && strstr(path, "/" SUBSYSTEM "/"))
		return BACKEND_BUS_DRIVER;
	return BACKEND_BUS_NOTHING;
}

int backend_bus_next(int fd, enum backend_bus_news *news, char name[BACKEND_BUS_NAME_MAX])
{
	char text[UEVENT_MAX];
	ssize_t n = uevent_receive(fd, text);

	name[0] = 0;
	*news = BACKEND_BUS_NOTHING;
	if (n < 0 && errno == ENOBUFS)
		*news = BACKEND_BUS_LOST;
	else if (n < 0)
		return -1;
	else
		*news = backend_bus_parse(text, (size_t)n, name);
	return 0;
}
