/* SPDX-License-Identifier: MIT */
#include "host/kernel_backend.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/store.h"
#include "common/util.h"

#define SWITCH "drivers_autoprobe"
#define PROBE "drivers_probe"
#define NODE_AUTOPROBE "autoprobe" /* in our directory: the switch's position before we came */
#define SUBSYSTEM "xen-backend"
#define OURS "pci-" /* devices of our type begin so */
#define NEWS_MAX 256
#define UEVENTS_OF_KERNEL 1 /* netlink group */

/* The kernel's driver for pci nodes, under the names that it has had. */
static const char *const pci_drivers[] = { "xen-pciback", "pciback", "pci" };

static bool exists(const struct takeover *t, const char *dir, const char *name)
{
	char path[4 * TAKEOVER_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", t->bus, dir, name);
	return !access(path, F_OK);
}

/* Writes text into file `name` of the bus. 0, or -1 with errno. */
static int write_file(const struct takeover *t, const char *name, const char *text)
{
	char path[2 * TAKEOVER_PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t->bus, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close_keep(fd);
	return n < 0 ? -1 : 0;
}

/* The switch's position: 1, 0, or -1 with errno. */
static int read_switch(const struct takeover *t)
{
	char path[2 * TAKEOVER_PATH_MAX], c = 0;
	int fd, rc = -1;

	snprintf(path, sizeof(path), "%s/" SWITCH, t->bus);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, &c, 1) == 1)
		rc = c == '1';
	close_keep(fd);
	return rc;
}

/* Lets the kernel bind one device of another type; ours stay unbound. */
static void probe(const struct takeover *t, const char *device)
{
	if (!strncmp(device, OURS, strlen(OURS)))
		return;
	/* ENODEV: gone again. EINVAL: no driver for it yet; the driver will be announced. */
	if (write_file(t, PROBE, device) && errno != ENODEV && errno != EINVAL)
		log_warn(t->lg, "cannot let the kernel bind %s: %s; write its name into %s/" PROBE,
			 device, strerror(errno), t->bus);
}

/* Every device that is there and unbound. */
static void probe_all(const struct takeover *t)
{
	char path[2 * TAKEOVER_PATH_MAX], link[2 * TAKEOVER_PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/devices", t->bus);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(link, sizeof(link), "%.64s/driver", e->d_name);
		if (!exists(t, "devices", link))
			probe(t, e->d_name);
	}
	if (d)
		closedir(d);
}

static int listen_to_kernel(struct takeover *t)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = UEVENTS_OF_KERNEL };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close_keep(fd);
		return -1;
	}
	t->uevent_fd = fd;
	return 0;
}

/* The position to leave the switch in: what a process before us remembered, else what it is. */
static int remember_switch(struct takeover *t)
{
	uint64_t was;
	int now;

	if (!store_read_number(t->xs, XBT_NULL, t->dir, NODE_AUTOPROBE, 10, 1, &was)) {
		t->was_on = was;
		return 0;
	}
	now = read_switch(t);
	if (now < 0)
		return -1;
	t->was_on = now;
	return store_write(t->xs, XBT_NULL, t->dir, NODE_AUTOPROBE, "%d", now);
}

int takeover_begin(struct takeover *t, const char *sysfs_root, struct xs_handle *xs,
		   const char *dir, xentoollog_logger *lg)
{
	bool found = false;

	*t = (struct takeover){ .lg = lg, .xs = xs, .uevent_fd = -1 };
	snprintf(t->dir, sizeof(t->dir), "%s", dir);
	if (snprintf(t->bus, sizeof(t->bus), "%s/bus/" SUBSYSTEM, sysfs_root) >=
	    (int)sizeof(t->bus)) {
		log_error(lg, "%s: too long a path", sysfs_root);
		t->bus[0] = 0;
		return fail(ENAMETOOLONG);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pci_drivers); i++)
		found |= exists(t, "drivers", pci_drivers[i]);
	if (!found) {
		t->bus[0] = 0;
		return 0;
	}
	/* Listening comes first: what is announced meanwhile is probed twice, not never. */
	if (listen_to_kernel(t) || remember_switch(t) || write_file(t, SWITCH, "0")) {
		log_error(lg, "the kernel's xen-pciback serves the same guests, and %s/" SWITCH
			  " cannot be turned off: %s; run as root, or unload xen-pciback", t->bus,
			  strerror(errno));
		close_keep(t->uevent_fd);
		t->uevent_fd = -1;
		t->bus[0] = 0;
		return -1;
	}
	log_info(lg, "the kernel's xen-pciback is loaded: %s/" SWITCH " is off while we run, and every "
		 "backend device that is not pci is probed by name", t->bus);
	probe_all(t);
	return 0;
}

void takeover_end(struct takeover *t, bool keep)
{
	if (!t->bus[0])
		return;
	close_keep(t->uevent_fd);
	t->uevent_fd = -1;
	if (!keep) {
		if (t->was_on && write_file(t, SWITCH, "1"))
			log_error(t->lg, "cannot turn %s/" SWITCH " on again: %s", t->bus,
				  strerror(errno));
		store_remove(t->xs, XBT_NULL, t->dir, NODE_AUTOPROBE);
	}
	t->bus[0] = 0;
}

int takeover_fd(const struct takeover *t)
{
	return t->bus[0] ? t->uevent_fd : -1;
}

/* The value of KEY= in an announcement, or NULL. */
static const char *value_of(const char *text, size_t len, const char *key)
{
	size_t n = strlen(key);

	for (size_t at = 0; at < len; at += strnlen(text + at, len - at) + 1)
		if (len - at > n && !strncmp(text + at, key, n))
			return text + at + n;
	return NULL;
}

void takeover_announced(struct takeover *t, const char *text, size_t len)
{
	const char *subsystem, *path, *name;

	if (!len || text[len - 1] || strncmp(text, "add@", 4))
		return;
	subsystem = value_of(text, len, "SUBSYSTEM=");
	path = value_of(text, len, "DEVPATH=");
	name = path ? strrchr(path, '/') : NULL;
	if (!subsystem || !name)
		return;
	if (!strcmp(subsystem, SUBSYSTEM))
		probe(t, name + 1);
	else if (!strcmp(subsystem, "drivers") && strstr(path, "/" SUBSYSTEM "/"))
		probe_all(t); /* a driver that its devices have been waiting for */
}

void takeover_news(struct takeover *t)
{
	char text[4096];

	for (int i = 0; i < NEWS_MAX; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(t->uevent_fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size);

		if (n < 0 && errno == ENOBUFS)
			probe_all(t); /* some were lost */
		else if (n <= 0)
			return;
		else if (!from.nl_pid) /* from the kernel, not from another process */
			takeover_announced(t, text, (size_t)n);
	}
}

bool takeover_kernel_serves(const struct takeover *t, uint32_t domid)
{
	char link[64];

	if (!t->bus[0])
		return false;
	snprintf(link, sizeof(link), OURS "%u-0/driver", domid);
	return exists(t, "devices", link);
}

bool takeover_kernel_serves_any(const struct takeover *t)
{
	char path[2 * TAKEOVER_PATH_MAX];
	bool any = false;

	for (size_t i = 0; t->bus[0] && !any && i < ARRAY_SIZE(pci_drivers); i++) {
		struct dirent *e;
		DIR *d;

		snprintf(path, sizeof(path), "%s/drivers/%s", t->bus, pci_drivers[i]);
		d = opendir(path);
		while (d && !any && (e = readdir(d)))
			any = !strncmp(e->d_name, OURS, strlen(OURS));
		if (d)
			closedir(d);
	}
	return any;
}
