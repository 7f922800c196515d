/* SPDX-License-Identifier: MIT */
#include "backend/keeper/instance.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/state.h"
#include "common/store.h"
#include "common/util.h"

int instance_lock(const char *state_dir)
{
	int fd;

	if (mkdir(state_dir, 0711) && errno != EEXIST)
		return -1;
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close_keep(fd);
	return errno == EWOULDBLOCK ? fail(EBUSY) : -1;
}

static bool is_locked(const char *state_dir)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	close_keep(fd);
	return locked;
}

struct lock {
	const char *dir, *ours;
};

static int write_lock(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct lock *l = context;
	char theirs[STORE_PATH_MAX];

	if (store_read(xs, t, l->dir, STATE_NODE_LOCK, theirs, sizeof(theirs)) >= 0 &&
	    strcmp(theirs, l->ours) != 0 && is_locked(theirs))
		return fail(EBUSY);
	return store_write(xs, t, l->dir, STATE_NODE_LOCK, "%s", l->ours);
}

int instance_claim(struct xs_handle *xs, const char *dir, const char *state_dir)
{
	char ours[PATH_MAX];
	struct lock l = { dir, ours };

	if (!realpath(state_dir, ours))
		return -1;
	return store_transaction(xs, write_lock, &l);
}

void instance_release(struct xs_handle *xs, const char *dir)
{
	store_remove(xs, XBT_NULL, dir, STATE_NODE_LOCK);
}
