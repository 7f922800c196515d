/* SPDX-License-Identifier: MIT */
#include "host/uevent.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"

#define UEVENTS_OF_KERNEL 1 /* netlink group */

/* The socket that stands for the kernel's below another root. */
static int listen_in_tree(const char *sysfs_root, const char *suffix)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/uevents/%d%s", sysfs_root, getpid(),
		     suffix) >= (int)sizeof(addr.sun_path))
		return fail(ENAMETOOLONG);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	unlink(addr.sun_path);
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close_keep(fd);
	return -1;
}

int uevent_listen(const char *sysfs_root, const char *suffix)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = UEVENTS_OF_KERNEL };
	int fd;

	if (strcmp(sysfs_root, "/sys") != 0)
		return listen_in_tree(sysfs_root, suffix);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close_keep(fd);
	return -1;
}

ssize_t uevent_receive(int fd, char text[UEVENT_MAX])
{
	/* Holds an address of either family; what a unix socket says of the sender is not looked at. */
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, text, UEVENT_MAX, 0, (struct sockaddr *)&from, &size);

	if (n < 0)
		return -1;
	/* From the kernel, not from another process. */
	return from.ss_family == AF_NETLINK && ((struct sockaddr_nl *)&from)->nl_pid ? 0 : n;
}

const char *uevent_value(const char *text, size_t len, const char *key)
{
	size_t n = strlen(key);

	for (size_t at = 0; at < len; at += strnlen(text + at, len - at) + 1)
		if (len - at > n && !strncmp(text + at, key, n))
			return text + at + n;
	return NULL;
}
