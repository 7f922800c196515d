/* SPDX-License-Identifier: MIT */
#include "backend/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "backend/keeper/instance.h"
#include "common/log.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"

#define NODE_PID "pid"
#define NODE_SHADOW "shadow"
#define NODE_GUESTS "guests"
#define NODE_INTERRUPTS "interrupts"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 40
#define PROGRAM "xenpcid"

/* The file. */
struct remembered {
	struct config_state shadows[MEMORY_SLOTS];
	char boot[BOOT_ID_MAX]; /* the boot that what follows is of */
	struct memory_untouched untouched[MEMORY_UNTOUCHED];
};
#define FILE_SIZE sizeof(struct remembered)

/* Ours alone: a guest must not read, let alone write, what we will believe. */
static int make_directory(struct memory *m, uint32_t own_domid, const char *state_dir)
{
	struct xs_permissions perms = { .id = own_domid, .perms = XS_PERM_NONE };
	uint64_t pid = 0;

	if (!xs_mkdir(m->xs, XBT_NULL, m->dir) ||
	    !xs_set_permissions(m->xs, XBT_NULL, m->dir, &perms, 1)) {
		log_error(m->lg, "cannot make %s: %s", m->dir, strerror(errno));
		return -1;
	}
	if (instance_claim(m->xs, m->dir, state_dir)) {
		int error = errno;

		store_read_number(m->xs, XBT_NULL, m->dir, NODE_PID, 10, INT32_MAX, &pid);
		if (error == EBUSY)
			log_error(m->lg, "another xenpcid, process %" PRIu64 ", serves this domain's guests "
				  "already", pid);
		else
			log_error(m->lg, "cannot claim %s: %s", m->dir, strerror(error));
		return fail(error);
	}
	return store_write(m->xs, XBT_NULL, m->dir, NODE_PID, "%d", getpid());
}

/* A device was reset, or worse, by what ended that boot, but nobody says how. */
static void forget_other_boot(struct remembered *file)
{
	char boot[BOOT_ID_MAX] = "";
	FILE *f = fopen(BOOT_ID, "re");

	if (f && !fgets(boot, sizeof(boot), f))
		boot[0] = 0;
	if (f)
		fclose(f);
	if (!boot[0] || strncmp(boot, file->boot, sizeof(boot)))
		memset(file->untouched, 0, sizeof(file->untouched));
	memcpy(file->boot, boot, sizeof(boot));
}

static int map_file(struct memory *m, int fd)
{
	struct remembered *p = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	m->shadows = p->shadows;
	m->untouched = p->untouched;
	forget_other_boot(p);
	return 0;
}

static void unmap_file(struct memory *m)
{
	if (m->shadows)
		munmap(m->shadows, FILE_SIZE);
	else
		free(m->untouched);
	m->shadows = NULL;
	m->untouched = NULL;
}

/* The file that the process before us left, if it did and nobody changed it since. */
static int open_file(struct memory *m)
{
	struct stat st;
	int fd, rc = -1;

	if (store_read(m->xs, XBT_NULL, m->dir, NODE_SHADOW, m->file, sizeof(m->file)) < 0)
		return -1;
	fd = open(m->file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_size == (off_t)FILE_SIZE)
		rc = map_file(m, fd);
	close_keep(fd);
	if (rc)
		log_warn(m->lg, "%s, where an earlier " PROGRAM " left the shadows of config space, "
			 "is lost; guests may see command registers as they were at attach", m->file);
	return rc;
}

static void create_file(struct memory *m, const char *state_dir)
{
	int fd = -1, rc = -1;

	if (snprintf(m->file, sizeof(m->file), "%s/shadow-XXXXXX", state_dir) <
		    (int)sizeof(m->file) &&
	    (!mkdir(state_dir, 0700) || errno == EEXIST))
		fd = mkostemp(m->file, O_CLOEXEC);
	/* With all its blocks: where one is missing when it is written to, the signal would be SIGBUS. */
	if (fd >= 0 && !(errno = posix_fallocate(fd, 0, FILE_SIZE)) && !map_file(m, fd))
		rc = store_write(m->xs, XBT_NULL, m->dir, NODE_SHADOW, "%s", m->file);
	close_keep(fd);
	if (!rc)
		return;
	log_warn(m->lg, "no file below %s (%s): shadows of config space go to xenstore, which is "
		 "slower; --state-dir names another place", state_dir, strerror(errno));
	unmap_file(m);
	if (fd >= 0)
		unlink(m->file);
	m->file[0] = 0;
	m->untouched = calloc(MEMORY_UNTOUCHED, sizeof(*m->untouched));
}

void memory_close(struct memory *m, bool forget)
{
	if (!m->xs)
		return;
	unmap_file(m);
	if (forget) {
		if (m->file[0])
			unlink(m->file);
		store_remove(m->xs, XBT_NULL, m->dir, NODE_SHADOW);
		store_remove(m->xs, XBT_NULL, m->dir, NODE_GUESTS);
		store_remove(m->xs, XBT_NULL, m->dir, NODE_PID);
		instance_release(m->xs, m->dir);
	}
	memset(m, 0, sizeof(*m));
}

static const char *guest_dir(const struct memory *m, uint32_t domid, char buf[2 * MEMORY_DIR_MAX])
{
	snprintf(buf, 2 * MEMORY_DIR_MAX, "%s/" NODE_GUESTS "/%u", m->dir, domid);
	return buf;
}

int memory_guest_begin(struct memory *m, xs_transaction_t t, uint32_t domid)
{
	char dir[2 * MEMORY_DIR_MAX];

	if (!m->xs)
		return 0;
	return xs_mkdir(m->xs, t, guest_dir(m, domid, dir)) ? 0 : -1;
}

void memory_guest_end(struct memory *m, uint32_t domid)
{
	char dir[2 * MEMORY_DIR_MAX];

	if (m->xs)
		store_remove(m->xs, XBT_NULL, guest_dir(m, domid, dir), NULL);
}

bool memory_knows_guest(struct memory *m, uint32_t domid)
{
	char dir[2 * MEMORY_DIR_MAX];

	return m->xs && store_exists(m->xs, XBT_NULL, guest_dir(m, domid, dir), NULL) > 0;
}

unsigned memory_guest_devices(struct memory *m, uint32_t domid, struct sbdf **list)
{
	char dir[2 * MEMORY_DIR_MAX];
	unsigned n = 0, found = 0;
	char **names;

	*list = NULL;
	names = m->xs ? xs_directory(m->xs, XBT_NULL, guest_dir(m, domid, dir), &n) : NULL;
	if (names && n)
		*list = calloc(n, sizeof(**list));
	for (unsigned i = 0; *list && i < n; i++)
		if (!node_bdf_parse(names[i], &(*list)[found]))
			found++;
	free(names);
	return found;
}

static const char *device_dir(const struct memory *m, uint32_t domid, struct sbdf host,
			      char buf[3 * MEMORY_DIR_MAX])
{
	char guest[2 * MEMORY_DIR_MAX], bdf[NODE_VALUE_MAX];

	snprintf(buf, 3 * MEMORY_DIR_MAX, "%s/%s", guest_dir(m, domid, guest),
		 node_bdf_format(host, bdf));
	return buf;
}

static const char *dir_of(const struct memory_device *d, char buf[3 * MEMORY_DIR_MAX])
{
	return device_dir(d->memory, d->domid, d->host, buf);
}

static int take_slot(struct memory *m)
{
	if (!m->shadows)
		return -1;
	for (int i = 0; i < MEMORY_SLOTS; i++) {
		if (m->used[i / 8] & 1u << i % 8)
			continue;
		m->used[i / 8] |= (uint8_t)(1u << i % 8);
		return i;
	}
	return -1;
}

void memory_device_init(struct memory_device *d, struct memory *m, uint32_t domid, struct sbdf host)
{
	*d = (struct memory_device){ .memory = m, .domid = domid, .host = host };
	d->slot = m->xs ? take_slot(m) : -1;
	if (d->slot >= 0)
		memset(&m->shadows[d->slot], 0, sizeof(*m->shadows));
}

void memory_device_dispose(struct memory_device *d)
{
	if (d->memory && d->slot >= 0)
		d->memory->used[d->slot / 8] &= (uint8_t)~(1u << d->slot % 8);
	memset(d, 0, sizeof(*d));
}

int memory_device_record(struct memory_device *d, struct sbdf virt, bool prepared, const char *saved)
{
	char dir[3 * MEMORY_DIR_MAX], vdev[NODE_VALUE_MAX];

	if (!d->memory || !d->memory->xs)
		return 0;
	return store_write(d->memory->xs, XBT_NULL, dir_of(d, dir), NULL, "%s %d %d %s",
			   node_vdev_format(virt, vdev), d->slot, prepared, saved);
}

int memory_device_forget(struct memory *m, xs_transaction_t t, uint32_t domid, struct sbdf host)
{
	char dir[3 * MEMORY_DIR_MAX];

	return m->xs ? store_remove(m->xs, t, device_dir(m, domid, host, dir), NULL) : 0;
}

/* What memory_device_record wrote. */
struct record {
	struct sbdf virt;
	int slot;
	bool prepared;
	char text[STORE_VALUE_MAX];
	const char *saved; /* in text */
};

static int read_record(struct memory *m, const char *dir, struct record *r)
{
	const char *vdev, *slot, *prepared;
	char *at = r->text;
	uint64_t n;

	if (store_read(m->xs, XBT_NULL, dir, NULL, r->text, sizeof(r->text)) < 0)
		return -1;
	vdev = strsep(&at, " ");
	slot = strsep(&at, " ");
	prepared = strsep(&at, " ");
	if (!at || node_vdev_parse(vdev, &r->virt))
		return fail(EINVAL);
	r->slot = m->shadows && !number_parse(slot, 10, MEMORY_SLOTS - 1, &n) ? (int)n : -1;
	r->prepared = !strcmp(prepared, "1");
	r->saved = at;
	return 0;
}

int memory_device_recall(struct memory_device *d, struct memory *m, uint32_t domid,
			 struct sbdf host, struct sbdf *virt, bool *prepared, char *saved,
			 unsigned size)
{
	char dir[3 * MEMORY_DIR_MAX];
	struct record r = { .slot = -1 };

	*d = (struct memory_device){ .memory = m, .domid = domid, .host = host, .slot = -1 };
	if (read_record(m, dir_of(d, dir), &r))
		return -1;
	if (strlen(r.saved) >= size)
		return fail(EINVAL);
	d->slot = r.slot;
	*virt = r.virt;
	*prepared = r.prepared;
	memcpy(saved, r.saved, strlen(r.saved) + 1);
	return 0;
}

/* Places that devices not yet resumed still have must not be given to new ones. */
static void find_used_slots(struct memory *m)
{
	char root[2 * MEMORY_DIR_MAX], dir[3 * MEMORY_DIR_MAX];
	unsigned nr_guests = 0;
	struct sbdf *devices;
	struct record r = { 0 };
	char **guests;

	snprintf(root, sizeof(root), "%s/" NODE_GUESTS, m->dir);
	guests = xs_directory(m->xs, XBT_NULL, root, &nr_guests);
	for (unsigned i = 0; guests && i < nr_guests; i++) {
		uint32_t domid;
		unsigned n;

		if (number_u32(guests[i], &domid))
			continue;
		n = memory_guest_devices(m, domid, &devices);
		for (unsigned k = 0; k < n; k++)
			if (!read_record(m, device_dir(m, domid, devices[k], dir), &r) && r.slot >= 0)
				m->used[r.slot / 8] |= (uint8_t)(1u << r.slot % 8);
		free(devices);
	}
	free(guests);
}

int memory_open(struct memory *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		xentoollog_logger *lg)
{
	memset(m, 0, sizeof(*m));
	m->xs = xs;
	m->lg = lg;
	snprintf(m->dir, sizeof(m->dir), "/local/domain/%u/xenpci", own_domid);
	if (make_directory(m, own_domid, state_dir)) {
		m->xs = NULL;
		return -1;
	}
	if (open_file(m))
		create_file(m, state_dir);
	find_used_slots(m);
	return 0;
}

int memory_interrupts_write(struct memory_device *d, const char *text)
{
	char dir[3 * MEMORY_DIR_MAX];

	if (!d->memory || !d->memory->xs)
		return 0;
	if (!store_write(d->memory->xs, XBT_NULL, dir_of(d, dir), NODE_INTERRUPTS, "%s", text))
		return 0;
	log_warn(d->memory->lg, "cannot write %s/" NODE_INTERRUPTS ": %s", dir, strerror(errno));
	return -1;
}

int memory_interrupts_read(struct memory_device *d, char *text, unsigned size)
{
	char dir[3 * MEMORY_DIR_MAX];

	return store_read(d->memory->xs, XBT_NULL, dir_of(d, dir), NODE_INTERRUPTS, text, size) < 0 ? -1
												    : 0;
}

static bool same_state(const struct config_state *a, const struct config_state *b)
{
	return a->command == b->command && a->command_home == b->command_home &&
	       a->enabled == b->enabled && a->latches == b->latches &&
	       !memcmp(a->bar, b->bar, sizeof(a->bar));
}

void memory_shadow_write(struct memory_device *d, const struct config_state *state)
{
	char dir[3 * MEMORY_DIR_MAX], path[4 * MEMORY_DIR_MAX];

	if (!d->memory || !d->memory->xs || same_state(&d->last, state))
		return;
	d->last = *state;
	if (d->slot >= 0) {
		d->memory->shadows[d->slot] = *state;
		return;
	}
	snprintf(path, sizeof(path), "%s/" NODE_SHADOW, dir_of(d, dir));
	if (!xs_write(d->memory->xs, XBT_NULL, path, state, sizeof(*state)))
		log_warn(d->memory->lg, "cannot write %s: %s", path, strerror(errno));
}

int memory_shadow_read(struct memory_device *d, struct config_state *state)
{
	char dir[3 * MEMORY_DIR_MAX], path[4 * MEMORY_DIR_MAX];
	unsigned len = 0;
	void *value;

	if (d->slot >= 0) {
		*state = d->memory->shadows[d->slot];
		d->last = *state;
		return 0;
	}
	snprintf(path, sizeof(path), "%s/" NODE_SHADOW, dir_of(d, dir));
	value = xs_read(d->memory->xs, XBT_NULL, path, &len);
	if (!value)
		return -1;
	if (len == sizeof(*state))
		memcpy(state, value, sizeof(*state));
	free(value);
	d->last = *state;
	return len == sizeof(*state) ? 0 : fail(EINVAL);
}
