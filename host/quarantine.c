/* SPDX-License-Identifier: MIT */
#include "host/quarantine.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/store.h"
#include "common/util.h"
#include "host/device_file.h"
#include "host/own_nodes.h"
#include "protocol/nodes.h"

#define QUARANTINE_DIR_MAX 32
#define KIND "quarantine"
#define UNRESET "unreset: " /* what the text of one that is held back begins with */

/* ---- In the state directory ---- */

/* One that was written in part is not understood, and holds the device back. */
static int file_write(const char *dir, struct sbdf a, const char *text)
{
	char path[DEVICE_FILE_PATH], value[STORE_VALUE_MAX], head[STATE_HEAD_MAX];
	int fd, n, rc;

	state_head(STATE_QUARANTINE, strlen(text), head);
	n = snprintf(value, sizeof(value), "%s%s", head, text);
	if (n >= (int)sizeof(value))
		return fail(E2BIG);
	if (device_file(dir, KIND, a, "", path))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	rc = write(fd, value, (size_t)n) == n ? 0 : -1;
	close_keep(fd);
	return rc;
}

/* As store_read_state, but for the version. */
static int file_read(const char *dir, struct sbdf a, char *buf, size_t size, char **text)
{
	char path[DEVICE_FILE_PATH];

	if (device_file(dir, KIND, a, "", path) || file_text(AT_FDCWD, path, buf, size) < 0)
		return -1;
	return state_open(STATE_QUARANTINE, buf, text);
}

static int file_remove(const char *dir, struct sbdf a)
{
	char path[DEVICE_FILE_PATH];

	return !dir || (!device_file(dir, KIND, a, "", path) && !unlink(path)) || errno == ENOENT ? 0 : -1;
}

/* ---- In both places ---- */

/* Below our own nodes, relative to our domain. */
static const char *quarantine_dir(struct xs_handle *xs, char dir[QUARANTINE_DIR_MAX])
{
	snprintf(dir, QUARANTINE_DIR_MAX, "%s/quarantine", own_nodes(xs));
	return dir;
}

static int remember(struct quarantine q, struct sbdf a, const char *kind, const char *why)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX], text[STORE_VALUE_MAX - STATE_HEAD_MAX];
	bool kept;

	snprintf(text, sizeof(text), "%s%s", kind, why);
	kept = !file_write(q.state_dir, a, text);
	if (!q.xs)
		return kept ? 0 : fail(ENOTCONN);
	return store_write_state(q.xs, XBT_NULL, STATE_QUARANTINE, quarantine_dir(q.xs, dir),
				 node_bdf_format(a, name), "%s", text) && !kept ? -1 : 0;
}

int quarantine_add(struct quarantine q, struct sbdf a, const char *why)
{
	return remember(q, a, "", why);
}

int quarantine_hold(struct quarantine q, struct sbdf a, const char *why)
{
	return remember(q, a, UNRESET, why);
}

int quarantine_remove(struct quarantine q, struct sbdf a)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX];

	if (file_remove(q.state_dir, a))
		return -1;
	return q.xs ? store_remove(q.xs, XBT_NULL, quarantine_dir(q.xs, dir), node_bdf_format(a, name)) : 0;
}

void quarantine_mark(struct quarantine q, struct topology_function *fn)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX], buf[STORE_VALUE_MAX + 1], *why = NULL;

	fn->quarantined = fn->unreset = false;
	errno = ENOENT;
	if ((!q.xs || store_read_state(q.xs, STATE_QUARANTINE, quarantine_dir(q.xs, dir),
				       node_bdf_format(fn->info.sbdf, name), buf, sizeof(buf), &why) < 0) &&
	    errno != EINVAL && errno != EPROTONOSUPPORT)
		file_read(q.state_dir, fn->info.sbdf, buf, sizeof(buf), &why);
	/* What we do not understand holds it back all the same. */
	if (!why) {
		fn->quarantined = errno == EINVAL || errno == EPROTONOSUPPORT;
		return;
	}
	fn->unreset = !strncmp(why, UNRESET, strlen(UNRESET));
	fn->quarantined = !fn->unreset;
}

int quarantine_after_reset(struct quarantine q, const struct topology *t, int i, uint32_t user,
			   const struct reset_result *result, bool held, char why[RESET_TEXT_MAX])
{
	struct sbdf a = t->function[i].info.sbdf;
	bool kept = q.xs || q.state_dir;

	if (result->lost)
		return 0;
	if (reset_owed(t, user, result, why))
		return kept && quarantine_hold(q, a, why) ? -1 : 1;
	if (kept && held && result->method != RESET_METHODS_COUNT && quarantine_remove(q, a))
		return -1;
	return 0;
}
