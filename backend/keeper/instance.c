/* SPDX-License-Identifier: MIT */
#include "backend/keeper/instance.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/store.h"
#include "common/util.h"

#define NODE_LOCK "lock"
#define TRIES 100 /* each was overtaken by another change in xenstore */

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

int instance_claim(struct xs_handle *xs, const char *dir, const char *state_dir)
{
	char ours[PATH_MAX], theirs[STORE_PATH_MAX];
	int rc = 1;

	if (!realpath(state_dir, ours))
		return -1;
	for (int i = 0; i < TRIES && rc > 0; i++) {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return -1;
		if (store_read(xs, t, dir, NODE_LOCK, theirs, sizeof(theirs)) >= 0 &&
		    strcmp(theirs, ours) != 0 && is_locked(theirs)) {
			store_abort(xs, t);
			return fail(EBUSY);
		}
		if (store_write(xs, t, dir, NODE_LOCK, "%s", ours)) {
			store_abort(xs, t);
			return -1;
		}
		rc = store_commit(xs, t);
	}
	return rc > 0 ? fail(EAGAIN) : rc;
}

void instance_release(struct xs_handle *xs, const char *dir)
{
	store_remove(xs, XBT_NULL, dir, NODE_LOCK);
}
