/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/ledgers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/util.h"

static int path_of(const struct memory *m, uint32_t domid, char path[MEMORY_PATH_MAX])
{
	return snprintf(path, MEMORY_PATH_MAX, "%s/guest-%u", m->state_dir, domid) < MEMORY_PATH_MAX
		       ? 0 : fail(ENAMETOOLONG);
}

static bool is_sound(const struct ledger *l)
{
	return l->magic == LEDGER_MAGIC && l->version == LEDGER_VERSION &&
	       l->length == sizeof(*l) && l->device_size == sizeof(l->device[0]);
}

static void begin(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
	l->version = LEDGER_VERSION;
	l->length = sizeof(*l);
	l->device_size = sizeof(l->device[0]);
	l->magic = LEDGER_MAGIC;
}

/* With all its blocks: where one is missing when it is written to, the signal would be SIGBUS. */
static int make_room(int fd)
{
	int err = posix_fallocate(fd, 0, sizeof(struct ledger));

	return err ? fail(err) : 0;
}

static int open_file(struct memory *m, uint32_t domid)
{
	char path[MEMORY_PATH_MAX];
	struct stat st;
	int fd;

	if (!m->state_dir || path_of(m, domid, path))
		return fail(ENOENT);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB))
		goto out;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		errno = EPERM;
		goto out;
	}
	/* Of another layout, or a stranger's: begun anew below. */
	if (st.st_size != (off_t)sizeof(struct ledger) && (ftruncate(fd, 0) || make_room(fd)))
		goto out;
	return fd;
out:
	close_keep(fd);
	return -1;
}

int ledger_open(struct memory *m, uint32_t domid, bool keep, struct ledger **ledger, int *fd)
{
	struct ledger *l;

	*fd = open_file(m, domid);
	if (*fd < 0 && errno == EWOULDBLOCK)
		return 1;
	if (*fd < 0) {
		memory_tell_no_file(m);
		*fd = memfd_create("ledger", MFD_CLOEXEC);
		if (*fd < 0 || make_room(*fd))
			goto out;
	}
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (l == MAP_FAILED)
		goto out;
	if (!keep || !is_sound(l)) {
		if (keep)
			log_warn(m->lg, "guest %u: the file where an earlier xenpcid left the shadows of "
				 "config space is lost or of another version; it may see command "
				 "registers as they were at attach", domid);
		begin(l);
	}
	*ledger = l;
	return 0;
out:
	close_keep(*fd);
	*fd = -1;
	return -1;
}

void ledger_close(struct ledger *ledger, int fd)
{
	if (ledger)
		munmap(ledger, sizeof(*ledger));
	close_keep(fd);
}

void ledger_remove(struct memory *m, uint32_t domid)
{
	char path[MEMORY_PATH_MAX];

	if (m->state_dir && !path_of(m, domid, path))
		unlink(path);
}

void ledger_fresh(struct ledger *ledger, unsigned slot, uint16_t command)
{
	struct ledger_device *d = ledger ? &ledger->device[slot] : NULL;

	if (!d)
		return;
	atomic_store(&d->shadow, LEDGER_NONE);
	atomic_store(&d->current, 0);
	d->requests = d->denied = 0;
	d->state[0] = (struct ledger_state){ .command = command, .command_home = command };
	atomic_store(&d->shadow, LEDGER_FRESH);
}
