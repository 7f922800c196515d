/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/successor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/keeper/instance.h"
#include "backend/messages/ledger.h"
#include "common/log.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"

#define NODE_PID "pid"
#define NODE_GUESTS "guests"
#define NODE_INTERRUPTS "interrupts"
#define NO_LIFE "-"

/* Ours alone: a guest must not read, let alone write, what we will believe. */
static bool make_node(struct successor *m, uint32_t own_domid)
{
	struct xs_permissions perms = { .id = own_domid, .perms = XS_PERM_NONE };

	return xs_mkdir(m->xs, XBT_NULL, m->dir) &&
	       xs_set_permissions(m->xs, XBT_NULL, m->dir, &perms, 1);
}

static int write_pid(struct successor *m)
{
	return store_write(m->xs, XBT_NULL, m->dir, NODE_PID, "%d", getpid());
}

static int make_directory(struct successor *m, uint32_t own_domid, const char *state_dir)
{
	uint64_t pid = 0;

	if (!make_node(m, own_domid)) {
		log_error(m->lg, "cannot make %s: %s%s", m->dir, strerror(errno),
			  own_domid ? "; its toolstack gives a domain a directory data of its own" : "");
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
	if (!write_pid(m))
		return 0;
	log_error(m->lg, "cannot write %s/" NODE_PID ": %s", m->dir, strerror(errno));
	return -1;
}

int successor_again(struct successor *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		 bool *empty)
{
	int there = store_exists(xs, XBT_NULL, m->dir, NULL);

	m->xs = xs;
	*empty = !there;
	if (there >= 0 && make_node(m, own_domid) && !instance_claim(xs, m->dir, state_dir) &&
	    !write_pid(m))
		return 0;
	m->xs = NULL;
	return -1;
}

void successor_tell_no_file(struct successor *m)
{
	if (m->told_no_file)
		return;
	log_warn(m->lg, "no file below %s (%s): another xenpcid could not carry on with the guests' "
		 "command registers; --state-dir names another place", m->state_dir, strerror(errno));
	m->told_no_file = true;
}

/*
 * Whether there is room for a ledger: found out now rather than when a guest comes. One name: what is
 * left where we are killed meanwhile, the next of us takes away.
 */
static void try_state_dir(struct successor *m)
{
	char path[SUCCESSOR_PATH_MAX];
	int fd = -1, err = 0;

	if (snprintf(path, sizeof(path), "%s/probe", m->state_dir) >= (int)sizeof(path))
		err = ENAMETOOLONG;
	else if ((mkdir(m->state_dir, 0711) && errno != EEXIST) ||
		 (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		err = errno;
	else
		err = posix_fallocate(fd, 0, sizeof(struct ledger));
	if (fd >= 0)
		unlink(path);
	close_keep(fd);
	errno = err;
	if (err)
		successor_tell_no_file(m);
}

void successor_close(struct successor *m, bool forget)
{
	if (!m->xs)
		return;
	if (forget) {
		store_remove(m->xs, XBT_NULL, m->dir, NODE_GUESTS);
		store_remove(m->xs, XBT_NULL, m->dir, NODE_PID);
		instance_release(m->xs, m->dir);
	}
	memset(m, 0, sizeof(*m));
}

static const char *guest_dir(const struct successor *m, struct guest_id id, char buf[2 * SUCCESSOR_DIR_MAX])
{
	char name[GUEST_ID_NAME_MAX];

	snprintf(buf, 2 * SUCCESSOR_DIR_MAX, "%s/" NODE_GUESTS "/%s", m->dir, guest_id_name(id, name));
	return buf;
}

int successor_guest_begin(struct successor *m, struct guest_id id, const char *life)
{
	char dir[2 * SUCCESSOR_DIR_MAX];

	if (!m->xs)
		return 0;
	return store_write_state(m->xs, XBT_NULL, STATE_GUEST, guest_dir(m, id, dir), NULL, "%s",
				 STATE_VERSION == 1 ? "" : life[0] ? life : NO_LIFE);
}

const char *successor_guest_life(struct successor *m, struct guest_id id, char life[SUCCESSOR_LIFE_MAX])
{
	char dir[2 * SUCCESSOR_DIR_MAX], buf[STORE_VALUE_MAX + 1], *text = buf;

	life[0] = '\0';
	if (m->xs && store_read_state(m->xs, STATE_GUEST, guest_dir(m, id, dir), NULL, buf, sizeof(buf),
				      &text) > 1 &&
	    strcmp(text, NO_LIFE) != 0)
		snprintf(life, SUCCESSOR_LIFE_MAX, "%.*s", SUCCESSOR_LIFE_MAX - 1, text);
	return life;
}

void successor_guest_end(struct successor *m, struct guest_id id)
{
	char dir[2 * SUCCESSOR_DIR_MAX];

	if (m->xs)
		store_remove(m->xs, XBT_NULL, guest_dir(m, id, dir), NULL);
}

int successor_knows_guest(struct successor *m, struct guest_id id)
{
	char dir[2 * SUCCESSOR_DIR_MAX];

	return m->xs ? store_exists(m->xs, XBT_NULL, guest_dir(m, id, dir), NULL) : 0;
}

unsigned successor_guests(struct successor *m, struct guest_id **list)
{
	char dir[2 * SUCCESSOR_DIR_MAX];
	unsigned n = 0, found = 0;
	char **names;

	*list = NULL;
	snprintf(dir, sizeof(dir), "%s/" NODE_GUESTS, m->dir);
	names = m->xs ? xs_directory(m->xs, XBT_NULL, dir, &n) : NULL;
	if (names && n)
		*list = calloc(n, sizeof(**list));
	for (unsigned i = 0; *list && i < n; i++)
		if (!guest_id_parse(names[i], &(*list)[found]))
			found++;
	free(names);
	return found;
}

unsigned successor_guest_devices(struct successor *m, struct guest_id id, struct sbdf **list)
{
	char dir[2 * SUCCESSOR_DIR_MAX];
	unsigned n = 0, found = 0;
	char **names;

	*list = NULL;
	names = m->xs ? xs_directory(m->xs, XBT_NULL, guest_dir(m, id, dir), &n) : NULL;
	if (names && n)
		*list = calloc(n, sizeof(**list));
	for (unsigned i = 0; *list && i < n; i++)
		if (!node_bdf_parse(names[i], &(*list)[found]))
			found++;
	free(names);
	return found;
}

static const char *device_dir(const struct successor *m, struct guest_id id, struct sbdf host,
			      char buf[3 * SUCCESSOR_DIR_MAX])
{
	char guest[2 * SUCCESSOR_DIR_MAX], bdf[NODE_VALUE_MAX];

	snprintf(buf, 3 * SUCCESSOR_DIR_MAX, "%s/%s", guest_dir(m, id, guest),
		 node_bdf_format(host, bdf));
	return buf;
}

static const char *dir_of(const struct successor_device *d, char buf[3 * SUCCESSOR_DIR_MAX])
{
	return device_dir(d->successor, d->id, d->host, buf);
}

void successor_device_init(struct successor_device *d, struct successor *m, struct guest_id id, struct sbdf host)
{
	*d = (struct successor_device){ .successor = m, .id = id, .host = host };
}

void successor_device_dispose(struct successor_device *d)
{
	memset(d, 0, sizeof(*d));
}

/* Of FLAGS; version 1 knew the first only. */
enum { FLAG_PREPARED = 1, FLAG_LINE_JUDGED = 2, FLAG_HIDE_INTX = 4, FLAGS_ALL = 7 };

static unsigned flags_of(const struct successor_facts *facts)
{
	unsigned flags = facts->prepared ? FLAG_PREPARED : 0;

	if (STATE_VERSION > 1 && facts->line_judged)
		flags |= FLAG_LINE_JUDGED | (facts->hide_intx ? FLAG_HIDE_INTX : 0);
	return flags;
}

/* "VDEV SLOT FLAGS PROVIDER COMMAND [@BINDING] SAVED" */
int successor_device_record(struct successor_device *d, struct sbdf virt, const struct successor_facts *facts,
			 const char *saved)
{
	char dir[3 * SUCCESSOR_DIR_MAX], vdev[NODE_VALUE_MAX], binding[32] = "";

	if (STATE_VERSION > 1 && facts->bound)
		snprintf(binding, sizeof(binding), "@%" PRIu64 " ", facts->binding);
	if (!d->successor || !d->successor->xs)
		return 0;
	return store_write_state(d->successor->xs, XBT_NULL, STATE_DEVICE, dir_of(d, dir), NULL,
				 "%s %u %u %u %u %s%s", node_vdev_format(virt, vdev), facts->slot,
				 flags_of(facts), facts->provider, facts->command, binding, saved);
}

int successor_device_forget(struct successor *m, xs_transaction_t t, struct guest_id id, struct sbdf host)
{
	char dir[3 * SUCCESSOR_DIR_MAX];

	return m->xs ? store_remove(m->xs, t, device_dir(m, id, host, dir), NULL) : 0;
}

static int next_number(char **at, uint64_t max, uint64_t *out)
{
	const char *item = strsep(at, " ");

	return item ? number_parse(item, 10, max, out) : fail(EINVAL);
}

/* text, as successor_device_record wrote it. */
static int parse_record(char *text, struct sbdf *virt, struct successor_facts *facts, const char **saved)
{
	uint64_t slot, flags, provider, command, binding = 0;
	bool bound;
	const char *vdev = strsep(&text, " ");

	if (next_number(&text, NODES_MAX_DEVS - 1, &slot) || next_number(&text, FLAGS_ALL, &flags) ||
	    next_number(&text, UINT32_MAX, &provider) || next_number(&text, UINT16_MAX, &command) ||
	    !text || node_vdev_parse(vdev, virt))
		return fail(EINVAL);
	bound = *text == '@';
	text += bound;
	if (bound && (next_number(&text, UINT64_MAX, &binding) || !text))
		return fail(EINVAL);
	*facts = (struct successor_facts){
		.slot = (unsigned)slot,
		.prepared = flags & FLAG_PREPARED,
		.provider = (uint32_t)provider,
		.command = (uint16_t)command,
		.line_judged = flags & FLAG_LINE_JUDGED,
		.hide_intx = flags & FLAG_HIDE_INTX,
		.bound = bound,
		.binding = binding,
	};
	*saved = text;
	return 0;
}

int successor_device_recall(struct successor_device *d, struct successor *m, struct guest_id id,
			 struct sbdf host, struct sbdf *virt, struct successor_facts *facts, char *saved,
			 unsigned size)
{
	char dir[3 * SUCCESSOR_DIR_MAX], buf[STORE_VALUE_MAX], *text;
	const char *from;

	successor_device_init(d, m, id, host);
	if (!m->xs)
		return fail(ENOTCONN);
	if (store_read_state(m->xs, STATE_DEVICE, dir_of(d, dir), NULL, buf, sizeof(buf), &text) < 0 ||
	    parse_record(text, virt, facts, &from))
		return -1;
	if (strlen(from) >= size)
		return fail(EINVAL);
	memcpy(saved, from, strlen(from) + 1);
	return 0;
}

int successor_open(struct successor *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		xentoollog_logger *lg)
{
	memset(m, 0, sizeof(*m));
	m->xs = xs;
	m->lg = lg;
	snprintf(m->dir, sizeof(m->dir), "/local/domain/%u/%s", own_domid, state_nodes(own_domid));
	if (make_directory(m, own_domid, state_dir)) {
		m->xs = NULL;
		return -1;
	}
	m->state_dir = state_dir;
	try_state_dir(m);
	return 0;
}

int successor_interrupts_write(struct successor_device *d, const char *text)
{
	char dir[3 * SUCCESSOR_DIR_MAX];

	if (!d->successor || !d->successor->xs)
		return 0;
	return store_write_state(d->successor->xs, XBT_NULL, STATE_INTERRUPTS, dir_of(d, dir), NODE_INTERRUPTS,
				 "%s", text);
}

int successor_interrupts_read(struct successor_device *d, char *text, unsigned size)
{
	char dir[3 * SUCCESSOR_DIR_MAX], buf[STORE_VALUE_MAX + 1], *inner;

	if (!d->successor->xs)
		return fail(ENOTCONN);
	if (store_read_state(d->successor->xs, STATE_INTERRUPTS, dir_of(d, dir), NODE_INTERRUPTS, buf,
			     sizeof(buf), &inner) < 0)
		return -1;
	return snprintf(text, size, "%s", inner) < (int)size ? 0 : fail(E2BIG);
}
