/* SPDX-License-Identifier: MIT */
#include "frontend/states.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "protocol/nodes.h"

#define TOKEN_SELF    "self"
#define TOKEN_BACKEND "backend"
#define MAX_EVENTS_AT_ONCE 1024
#define MAX_DOMID 0x7fef /* DOMID_FIRST_RESERVED - 1 */

static void refuse(struct xenpcifront *fe, const char *node, const char *value)
{
	if (!fe->complained)
		log_warn(fe->lg, "%s/%s is refused: '%.64s'", NODE_FRONTEND_DIR, node, value);
	fe->complained = true;
}

/* "/local/domain/<id>/backend/pci/<anything>", with the id of backend-id. */
static bool plausible(const char *path, uint64_t id)
{
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "/local/domain/%u/backend/pci/", (unsigned)id);

	return !strncmp(path, prefix, (size_t)n);
}

static void forget_backend(struct xenpcifront *fe)
{
	char path[STORE_PATH_MAX];

	if (!fe->backend[0])
		return;
	if (snprintf(path, sizeof(path), "%.200s/%s", fe->backend, NODE_STATE) > 0)
		xs_unwatch(fe->xen.xs, path, TOKEN_BACKEND);
	fe->backend[0] = 0;
	fe->backend_known = false;
}

static int learn_backend(struct xenpcifront *fe)
{
	char path[200], watch[STORE_PATH_MAX];
	uint64_t id;

	if (fe->backend_known)
		return 0;
	if (store_read(fe->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_BACKEND, path,
		       sizeof(path)) < 0 ||
	    store_read_number(fe->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_BACKEND_ID, 10,
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
		forget_backend(fe);
		snprintf(watch, sizeof(watch), "%s/%s", path, NODE_STATE);
		if (!xs_watch(fe->xen.xs, watch, TOKEN_BACKEND))
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

int states_read(struct xenpcifront *fe, struct states *st)
{
	st->peer = XenbusStateUnknown;
	if (learn_backend(fe) || read_state(fe, NODE_FRONTEND_DIR, &st->own))
		return -1;
	return fe->backend[0] ? read_state(fe, fe->backend, &st->peer) : 0;
}

/* The nodes of `offer` (NULL: none) and the state, if the state node is there. */
static int write_nodes(struct xenpcifront *fe, const struct offer *offer, unsigned state)
{
	struct xs_handle *xs = fe->xen.xs;
	const char *dir = NODE_FRONTEND_DIR;
	xs_transaction_t t;
	int rc;

	do {
		t = xs_transaction_start(xs);
		if (t == XBT_NULL)
			return -1;
		rc = store_exists(xs, t, dir, NODE_STATE);
		if (rc <= 0) {
			store_abort(xs, t);
			return rc < 0 ? -1 : fail(ENOENT);
		}
		if ((offer && (store_write(xs, t, dir, NODE_PCI_OP_REF, "%u", offer->ref) ||
			       store_write(xs, t, dir, NODE_EVENT_CHANNEL, "%u", offer->port) ||
			       store_write(xs, t, dir, NODE_MAGIC, "%s", PCIIF_MAGIC))) ||
		    store_write(xs, t, dir, NODE_STATE, "%u", state)) {
			store_abort(xs, t);
			return -1;
		}
		rc = store_commit(xs, t);
	} while (rc > 0);
	if (!rc)
		log_debug(fe->lg, "%s: state %u (%s)", dir, state, pciif_state_name(state));
	return rc;
}

int states_write(struct xenpcifront *fe, unsigned state)
{
	return write_nodes(fe, NULL, state);
}

int states_publish(struct xenpcifront *fe, uint32_t ref, uint32_t port)
{
	struct offer offer = { .ref = ref, .port = port };

	return write_nodes(fe, &offer, XenbusStateInitialised);
}

int states_watch(struct xenpcifront *fe)
{
	if (fe->watching_self)
		return 0;
	if (!xs_watch(fe->xen.xs, NODE_FRONTEND_DIR "/" NODE_BACKEND, TOKEN_SELF))
		return -1;
	fe->watching_self = true;
	return 0;
}

void states_drain(struct xenpcifront *fe)
{
	int saved = errno;

	for (int i = 0; i < MAX_EVENTS_AT_ONCE; i++) {
		char **event = xs_check_watch(fe->xen.xs);

		if (!event) {
			errno = saved;
			return;
		}
		if (!strcmp(event[XS_WATCH_TOKEN], TOKEN_SELF))
			fe->backend_known = false;
		free(event);
	}
	front_wake(fe);
	errno = saved;
}

int states_wait(struct xenpcifront *fe, unsigned wanted, uint32_t ms)
{
	uint64_t deadline = now_ns() + (uint64_t)ms * NS_PER_MS;
	struct pollfd pfd = { .fd = xs_fileno(fe->xen.xs), .events = POLLIN };

	for (;;) {
		struct states st;
		uint64_t now;

		states_drain(fe);
		if (states_read(fe, &st))
			return -1;
		if (1u << st.peer & wanted)
			return 0;
		now = now_ns();
		if (now >= deadline)
			return fail(ETIMEDOUT);
		poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	}
}
