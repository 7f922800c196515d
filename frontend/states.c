/* SPDX-License-Identifier: MIT */
#include "frontend/states.h"

#include <stdio.h>
#include <string.h>

#include "protocol/nodes.h"

#define DOMAIN_HOME "/local/domain/%u" /* what relative paths begin with */
#define TOKEN_SELF    "self"
#define TOKEN_BACKEND "backend"
#define MAX_EVENTS_AT_ONCE 1024
#define MAX_DOMID 0x7fef /* DOMID_FIRST_RESERVED - 1 */

/* Others may write it: what is no printable character is shown as a dot. */
static void refuse(struct xenpcifront *fe, const char *node, const char *value)
{
	char text[65];
	size_t n = 0;

	for (; n < sizeof(text) - 1 && value[n]; n++)
		text[n] = value[n] >= ' ' && value[n] <= '~' ? value[n] : '.';
	text[n] = 0;
	if (!fe->complained && front_may_log(fe))
		log_warn(fe->lg, "%s/%s is refused: '%s'", fe->dir, node, text);
	fe->complained = true;
}

/* What xenstored takes for a path. */
#define PATH_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_@"

/* Anything in the backends' directory of domain id, which is that of backend-id. */
static bool plausible(const char *path, uint64_t id)
{
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), DOMAIN_HOME "/" NODE_BACKEND_ROOT "/",
			 (unsigned)id);

	return !strncmp(path, prefix, (size_t)n) && !path[strspn(path, PATH_CHARS)];
}

static void forget_backend(struct xenpcifront *fe)
{
	char path[STORE_PATH_MAX];

	if (!fe->backend[0])
		return;
	if (snprintf(path, sizeof(path), "%.200s/%s", fe->backend, NODE_STATE) > 0)
		xs_unwatch(fe->xen.watches, path, TOKEN_BACKEND);
	fe->backend[0] = 0;
	fe->backend_known = fe->peer_known = false;
}

static int learn_backend(struct xenpcifront *fe)
{
	char path[200], watch[STORE_PATH_MAX];
	uint64_t id;

	if (fe->backend_known)
		return 0;
	if (store_read(fe->xen.xs, XBT_NULL, fe->dir, NODE_BACKEND, path,
		       sizeof(path)) < 0 ||
	    store_read_number(fe->xen.xs, XBT_NULL, fe->dir, NODE_BACKEND_ID, 10,
			      MAX_DOMID, &id)) {
		forget_backend(fe);
		return errno == ENOENT ? 0 : -1;
	}
	if (!plausible(path, id)) {
		refuse(fe, NODE_BACKEND, path);
		forget_backend(fe);
		return 0;
	}
	fe->backend_id = (uint32_t)id;
	if (strcmp(path, fe->backend)) {
		fe->moved = fe->moved || (fe->backend[0] && fe->channel.offer.page);
		forget_backend(fe);
		snprintf(watch, sizeof(watch), "%s/%s", path, NODE_STATE);
		if (!xs_watch(fe->xen.watches, watch, TOKEN_BACKEND))
			return -1;
		memcpy(fe->backend, path, sizeof(path));
	}
	fe->backend_known = fe->watching_self;
	return 0;
}

/* A state that cannot be read as one is none of the nine: no table has an action for it. */
static int read_state(struct xenpcifront *fe, const char *dir, unsigned *state)
{
	uint64_t v;

	*state = XenbusStateUnknown;
	if (!store_read_number(fe->xen.xs, XBT_NULL, dir, NODE_STATE, 10, PCIIF_STATE_COUNT - 1,
			       &v)) {
		*state = (unsigned)v;
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	*state = PCIIF_STATE_COUNT;
	return errno == EINVAL || errno == ERANGE || errno == E2BIG ? 0 : -1;
}

void states_forget(struct xenpcifront *fe)
{
	fe->own_known = fe->peer_known = fe->closed_above_known = fe->moved = false;
}

/*
 * Each is read once, and then when an event told of a change: the backend's directory has a watch on
 * its state, and our own state is written by us, or comes anew with our backend node.
 */
int states_read(struct xenpcifront *fe, struct states *st)
{
	bool following = fe->phase != PHASE_IDLE && fe->watching_self;

	if (learn_backend(fe))
		return -1;
	if (!fe->own_known && read_state(fe, fe->dir, &fe->own))
		return -1;
	if (!fe->backend[0])
		fe->peer = XenbusStateUnknown;
	else if (!fe->peer_known && read_state(fe, fe->backend, &fe->peer))
		return -1;
	/* One that is not there yet may be written without a word about our backend node. */
	fe->own_known = following && fe->own != XenbusStateUnknown && fe->own < PCIIF_STATE_COUNT;
	fe->peer_known = following && fe->backend[0];
	*st = (struct states){ .own = fe->own, .peer = fe->peer };
	/* Whoever has our page is gone; another knows nothing of it. */
	if (fe->moved)
		st->peer = XenbusStateUnknown;
	return 0;
}

/* Whether nobody but its owner may write path, who is not domain `self`: where not known, no. */
static bool closed_to(struct xenpcifront *fe, const char *path, unsigned self)
{
	unsigned n = 0;
	struct xs_permissions *perms = xs_get_permissions(fe->xen.xs, XBT_NULL, path, &n);
	bool closed = perms && n && perms[0].id != self;

	for (unsigned i = 0; closed && i < n; i++)
		closed = !(perms[i].perms & XS_PERM_WRITE);
	free(perms);
	return closed;
}

/*
 * Whether we could not bring a deleted directory back by writing into it: above it all is the
 * toolstack's alone, as libxl leaves it. Then a plain write is as good as a look in the same
 * transaction, and a quarter of the requests.
 */
static bool closed_above(struct xenpcifront *fe)
{
	struct xs_permissions *perms;
	char dir[sizeof(fe->dir)], home[32], *end;
	unsigned n = 0, self;

	if (fe->closed_above_known)
		return fe->closed_above;
	fe->closed_above = false;
	memcpy(dir, fe->dir, sizeof(dir));
	perms = xs_get_permissions(fe->xen.xs, XBT_NULL, dir, &n);
	if (perms && n) {
		self = perms[0].id;
		snprintf(home, sizeof(home), DOMAIN_HOME, self);
		fe->closed_above = closed_to(fe, home, self);
		while (fe->closed_above && (end = strrchr(dir, '/'))) {
			*end = '\0';
			fe->closed_above = closed_to(fe, dir, self);
		}
	}
	free(perms);
	fe->closed_above_known = fe->phase != PHASE_IDLE;
	return fe->closed_above;
}

/* The nodes of `offer` (NULL: none) and then the state. */
static int write_nodes(struct xenpcifront *fe, xs_transaction_t t, const struct offer *offer,
		       unsigned state)
{
	struct xs_handle *xs = fe->xen.xs;
	const char *dir = fe->dir;

	if (offer && (store_write(xs, t, dir, NODE_PCI_OP_REF, "%u", offer->ref) ||
		      store_write(xs, t, dir, NODE_EVENT_CHANNEL, "%u", offer->port) ||
		      store_write(xs, t, dir, NODE_MAGIC, "%s", PCIIF_MAGIC)))
		return -1;
	return store_write(xs, t, dir, NODE_STATE, "%u", state);
}

/* The same, if the state node is there: looked at and written in one transaction. */
struct writing {
	struct xenpcifront *fe;
	const struct offer *offer;
	unsigned state;
};

static int write_once(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct writing *w = context;
	int there = store_exists(xs, t, w->fe->dir, NODE_STATE);

	if (there <= 0)
		return there < 0 ? -1 : fail(ENOENT);
	return write_nodes(w->fe, t, w->offer, w->state);
}

static int write_if_there(struct xenpcifront *fe, const struct offer *offer, unsigned state)
{
	struct writing w = { fe, offer, state };

	return store_transaction(fe->xen.xs, write_once, &w);
}

/* The same where it could not come back: what is forbidden is then what is not there any more. */
static int write_plainly(struct xenpcifront *fe, const struct offer *offer, unsigned state)
{
	if (!write_nodes(fe, XBT_NULL, offer, state))
		return 0;
	if (errno == EACCES)
		return fail(store_exists(fe->xen.xs, XBT_NULL, fe->dir, NODE_STATE) == 1
				    ? EACCES
				    : ENOENT);
	return -1;
}

static int write_state(struct xenpcifront *fe, const struct offer *offer, unsigned state)
{
	if (closed_above(fe) ? write_plainly(fe, offer, state) : write_if_there(fe, offer, state))
		return -1;
	fe->own = state;
	if (front_may_log(fe))
		log_debug(fe->lg, "%s: state %u (%s)", fe->dir, state,
			  pciif_state_name(state));
	return 0;
}

int states_write(struct xenpcifront *fe, unsigned state)
{
	return write_state(fe, NULL, state);
}

int states_publish(struct xenpcifront *fe, uint32_t ref, uint32_t port)
{
	struct offer offer = { .ref = ref, .port = port };

	return write_state(fe, &offer, XenbusStateInitialised);
}

int states_watch(struct xenpcifront *fe)
{
	char path[sizeof(fe->dir) + sizeof(NODE_BACKEND) + 1];

	if (fe->watching_self)
		return 0;
	snprintf(path, sizeof(path), "%s/" NODE_BACKEND, fe->dir);
	if (!xs_watch(fe->xen.watches, path, TOKEN_SELF))
		return -1;
	fe->watching_self = true;
	return 0;
}

void states_drain(struct xenpcifront *fe)
{
	int saved = errno;

	for (int i = 0; i < MAX_EVENTS_AT_ONCE; i++) {
		char **event = xs_check_watch(fe->xen.watches);

		if (!event) {
			errno = saved;
			return;
		}
		if (!strcmp(event[XS_WATCH_TOKEN], TOKEN_SELF))
			fe->backend_known = fe->own_known = false;
		else
			fe->peer_known = false;
		free(event);
	}
	front_wake(fe);
	errno = saved;
}

int states_wait(struct xenpcifront *fe, unsigned wanted)
{
	const struct halt *halt = &fe->channel.halt;

	for (;;) {
		struct states st;
		int err;

		states_drain(fe);
		if (states_read(fe, &st))
			return -1;
		if (st.peer < PCIIF_STATE_COUNT && 1u << st.peer & wanted)
			return 0;
		err = halt_reason(halt);
		if (!err && now_ns() >= fe->limit)
			err = ETIMEDOUT;
		if (err)
			return fail(err);
		halt_wait(halt, xs_fileno(fe->xen.watches), fe->limit);
	}
}
