/* SPDX-License-Identifier: MIT */
#include "backend/control/listen.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/util.h"
#include "host/records.h"

#define BACKLOG 8
#define GROUPS "/etc/group"
#define GROUP_NONE ((gid_t)-1)

/*
 * The group of that name, of those that this host itself has: who asks the name service may wait for a machine
 * that does not answer, and guests with us. GROUP_NONE: there is none.
 */
static gid_t local_group(const char *name)
{
	FILE *f = fopen(GROUPS, "re");
	const struct group *group;
	gid_t gid = GROUP_NONE;

	while (f && gid == GROUP_NONE && (group = fgetgrent(f)))
		if (!strcmp(group->gr_name, name))
			gid = group->gr_gid;
	if (f)
		fclose(f);
	return gid;
}

static int address_of(const char *dir, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(a->sun_path, sizeof(a->sun_path), "%s/" RECORDS_SOCKET, dir) <
			       (int)sizeof(a->sun_path)
		       ? 0
		       : fail(ENAMETOOLONG);
}

/* Nobody may connect until its mode is set. The file is made with the group: to change it would take CAP_CHOWN. */
static int bind_closed(int fd, const struct sockaddr_un *a, gid_t group)
{
	mode_t before = umask(0777);
	int old = group != GROUP_NONE ? setfsgid(group) : 0, rc;

	unlink(a->sun_path);
	rc = bind(fd, (const struct sockaddr *)a, sizeof(*a));
	if (group != GROUP_NONE)
		setfsgid((gid_t)old);
	umask(before);
	return rc;
}

int control_listen(const char *dir, xentoollog_logger *lg)
{
	gid_t group = local_group(RECORDS_GROUP);
	struct sockaddr_un a;
	int fd;

	if (group == GROUP_NONE)
		log_debug(lg, GROUPS " has no group " RECORDS_GROUP ": the control socket is root's alone");
	if (address_of(dir, &a))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind_closed(fd, &a, group) || listen(fd, BACKLOG) || chmod(a.sun_path, 0660)) {
		close_keep(fd);
		return -1;
	}
	return fd;
}

void control_unlisten(const char *dir)
{
	struct sockaddr_un a;

	if (!address_of(dir, &a))
		unlink(a.sun_path);
}
