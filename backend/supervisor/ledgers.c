/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/ledgers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/util.h"

#define LENGTH_MAX (1u << 20)
/* What a ledger is called in the state directory, before the guest. */
#define FILE_PREFIX "guest-"
/* Version 1 did not say how it was laid out. */
#define LEDGER_HEAD_1 432
#define LEDGER_STATE_1 36
#define LEDGER_DEVICES_1 256

static int path_of(const struct successor *m, struct guest_id id, char path[SUCCESSOR_PATH_MAX])
{
	char name[GUEST_ID_NAME_MAX];

	return snprintf(path, SUCCESSOR_PATH_MAX, "%s/" FILE_PREFIX "%s", m->state_dir, guest_id_name(id, name)) <
			       SUCCESSOR_PATH_MAX
		       ? 0 : fail(ENAMETOOLONG);
}

/* How a ledger is laid out, as it says itself, or as its version was. */
struct layout {
	uint32_t version, length, device_size, head_size, state_size, nr_devices;
};

/* What all versions begin with, and what comes next since the second. */
enum { HEAD_1 = 4, HEAD_2 = 7 };

/* From the first bytes of a ledger. 0, or -1 with errno EINVAL (it is none), EPROTONOSUPPORT. */
static int read_layout(const uint32_t head[HEAD_2], struct layout *l)
{
	if (head[0] != LEDGER_MAGIC)
		return fail(EINVAL);
	*l = (struct layout){ .version = head[1], .length = head[2], .device_size = head[3] };
	if (l->version < STATE_OLDEST || l->version > STATE_VERSION)
		return fail(EPROTONOSUPPORT);
	if (l->version == 1) {
		l->nr_devices = LEDGER_DEVICES_1;
		l->state_size = LEDGER_STATE_1;
		l->head_size = LEDGER_HEAD_1;
	} else {
		l->head_size = head[4];
		l->state_size = head[5];
		l->nr_devices = head[6];
	}
	if (l->length > LENGTH_MAX || l->head_size > l->length || l->nr_devices > l->length ||
	    l->device_size > l->length || l->state_size > l->length ||
	    l->head_size + (uint64_t)l->nr_devices * l->device_size > l->length ||
	    l->device_size != offsetof(struct ledger_device, state) + 2 * l->state_size)
		return fail(EINVAL);
	return 0;
}

static bool is_ours(const struct layout *as)
{
	return as->version == LEDGER_VERSION && as->length == sizeof(struct ledger) &&
	       as->device_size == sizeof(struct ledger_device) &&
	       as->head_size == offsetof(struct ledger, device);
}

static bool is_sound(const struct ledger *l)
{
	struct layout as;

	return !read_layout((const uint32_t *)l, &as) && is_ours(&as);
}

static void begin(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
	l->version = LEDGER_VERSION;
	l->length = sizeof(*l);
	l->device_size = sizeof(l->device[0]);
#if STATE_VERSION > 1
	l->head_size = offsetof(struct ledger, device);
	l->state_size = sizeof(l->device[0].state[0]);
	l->nr_devices = SLOT_COUNT;
#endif
	l->magic = LEDGER_MAGIC;
}

/* With all its blocks: where one is missing when it is written to, the signal would be SIGBUS. */
static int make_room(int fd)
{
	int err = posix_fallocate(fd, 0, sizeof(struct ledger));

	return err ? fail(err) : 0;
}

bool ledger_is_known(const struct successor *m, struct guest_id id, char path[SUCCESSOR_PATH_MAX])
{
	uint32_t head[HEAD_2] = { 0 };
	struct layout as;
	bool known = true;
	int fd;

	if (!m->state_dir || path_of(m, id, path))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
		known = !read_layout(head, &as) || errno != EPROTONOSUPPORT;
	close_keep(fd);
	return known;
}

/*
 * What the devices' shadows were in an older layout, from old (as long as it says), into l, which was
 * begun. Counters begin anew: they are of interest to people only.
 */
static void convert(const struct layout *as, const uint8_t *old, struct ledger *l)
{
	size_t size = as->state_size < sizeof(struct ledger_state) ? as->state_size
								   : sizeof(struct ledger_state);

	for (uint32_t i = 0; i < as->nr_devices && i < SLOT_COUNT; i++) {
		const uint8_t *d = old + as->head_size + (size_t)i * as->device_size;
		uint32_t shadow, current;

		memcpy(&shadow, d + offsetof(struct ledger_device, shadow), sizeof(shadow));
		memcpy(&current, d + offsetof(struct ledger_device, current), sizeof(current));
		d += offsetof(struct ledger_device, state) + (size_t)(current & 1) * as->state_size;
		memcpy(&l->device[i].state[0], d, size);
		atomic_store(&l->device[i].shadow, shadow <= LEDGER_KEPT ? shadow : LEDGER_NONE);
	}
}

/* A ledger of another layout, which the file at fd is, becomes one of ours. 0, or -1 with errno. */
static int upgrade(int fd, off_t size)
{
	uint32_t head[HEAD_2] = { 0 };
	struct layout as;
	struct ledger *l = NULL;
	uint8_t *old = NULL;
	int rc = -1;

	if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || read_layout(head, &as) ||
	    is_ours(&as) || size < (off_t)as.length)
		return fail(EINVAL);
	old = malloc(as.length);
	l = malloc(sizeof(*l));
	if (!old || !l || pread(fd, old, as.length, 0) != (ssize_t)as.length)
		goto out;
	begin(l);
	convert(&as, old, l);
	if (!make_room(fd) && pwrite(fd, l, sizeof(*l), 0) == (ssize_t)sizeof(*l) &&
	    !ftruncate(fd, sizeof(*l)))
		rc = 0;
out:
	free_keep(l);
	free_keep(old);
	return rc;
}

static int open_file(struct successor *m, struct guest_id id)
{
	char path[SUCCESSOR_PATH_MAX];
	struct stat st;
	int fd;

	if (!m->state_dir || path_of(m, id, path))
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
	/* Of an older layout; or a stranger's, or of no known one: begun anew below. */
	if (upgrade(fd, st.st_size) && st.st_size != (off_t)sizeof(struct ledger) &&
	    (ftruncate(fd, 0) || make_room(fd)))
		goto out;
	return fd;
out:
	close_keep(fd);
	return -1;
}

int ledger_open(struct successor *m, struct guest_id id, bool keep, struct ledger **ledger, int *fd)
{
	char name[GUEST_ID_NAME_MAX];
	struct ledger *l;

	*fd = open_file(m, id);
	if (*fd < 0 && errno == EWOULDBLOCK)
		return 1;
	if (*fd < 0) {
		successor_tell_no_file(m);
		/* What is left of it, or was there, is not what this guest's worker goes on with. */
		ledger_remove(m, id);
		*fd = memfd_create("ledger", MFD_CLOEXEC);
		if (*fd < 0 || make_room(*fd))
			goto out;
	}
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (l == MAP_FAILED)
		goto out;
	if (!keep || !is_sound(l)) {
		if (keep)
			log_warn(m->lg, "guest %s: the file where an earlier xenpcid left the shadows of "
				 "config space is lost or of another version; it may see command "
				 "registers as they were at attach", guest_id_name(id, name));
		begin(l);
	}
	/* Whoever looked on at an earlier server's has gone with it. */
	atomic_store_explicit(&l->tracing, 0, memory_order_relaxed);
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

int ledger_remove(struct successor *m, struct guest_id id)
{
	char path[SUCCESSOR_PATH_MAX];

	if (!m->state_dir || path_of(m, id, path))
		return 0;
	return unlink(path) && errno != ENOENT ? -1 : 0;
}

void ledgers_sweep(struct successor *m)
{
	DIR *dir = m->state_dir ? opendir(m->state_dir) : NULL;
	struct guest_id id;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (!strncmp(e->d_name, FILE_PREFIX, strlen(FILE_PREFIX)) &&
		    !guest_id_parse(e->d_name + strlen(FILE_PREFIX), &id) && successor_knows_guest(m, id) == 0)
			ledger_remove(m, id);
	if (dir)
		closedir(dir);
}

void ledger_fresh(struct ledger *ledger, unsigned slot, uint16_t command)
{
	struct ledger_device *d = ledger ? &ledger->device[slot] : NULL;

	if (!d)
		return;
	atomic_store(&d->shadow, LEDGER_NONE);
	atomic_store(&d->current, 0);
	ledger->count[slot] = (struct ledger_count){ 0 };
	ledger->on[slot] = VECTORS_NONE;
	d->state[0] = (struct ledger_state){ .command = command, .command_home = command };
	atomic_store(&d->shadow, LEDGER_FRESH);
}
