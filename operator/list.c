/* SPDX-License-Identifier: MIT */
/* xenpci list: what guests have, by xenstore alone. */
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "operator/columns.h"
#include "operator/json.h"
#include "operator/nodes.h"

/* One device, as its nodes have it. */
struct given {
	char vdev[NODES_TEXT_MAX], dev[NODES_TEXT_MAX], state[NODES_TEXT_MAX], opts[NODES_TEXT_MAX];
	const char *state_name;
};

static void read_given(const struct nodes *n, unsigned i, struct given *g)
{
	uint64_t state;

	nodes_text(n, NODE_VDEV_FMT, i, g->vdev);
	nodes_text(n, NODE_DEV_FMT, i, g->dev);
	nodes_text(n, NODE_STATE_FMT, i, g->state);
	nodes_text(n, NODE_OPTS_FMT, i, g->opts);
	g->state_name = g->state;
	if (!number_parse(g->state, 10, XenbusStateReconfigured, &state))
		g->state_name = pciif_state_name((unsigned)state);
}

/* "-" is for people. */
static const char *if_there(const char *text)
{
	return strcmp(text, "-") ? text : NULL;
}

static int tell(uint32_t domid, const char *name, const struct given *g)
{
	struct json j;

	json_begin(&j, JSON_RECORD_given);
	json_number(&j, JSON_given_domid, domid);
	json_text(&j, JSON_given_guest, name);
	json_text(&j, JSON_given_guest_address, if_there(g->vdev));
	json_text(&j, JSON_given_host, if_there(g->dev));
	json_text(&j, JSON_given_state, if_there(g->state_name));
	json_text(&j, JSON_given_options, if_there(g->opts));
	return json_end(&j);
}

static int list_frontend(struct operator *op, uint32_t domid, uint32_t devid, const char *name,
			 struct columns *c)
{
	struct given g;
	struct nodes n;
	int rc = 0;

	nodes_init(&n, op, domid, devid);
	for (unsigned i = 0; i < nodes_count(&n) && !rc; i++) {
		read_given(&n, i, &g);
		if (op->json)
			rc = tell(domid, name, &g);
		else
			rc = columns_add(c, "%u\t%s\t%s\t%s\t%s\t%s", domid, name, g.vdev, g.dev,
					 g.state_name, g.opts);
	}
	return rc;
}

/* Each of its PCI frontends; most have one. */
static int list_guest(struct operator *op, uint32_t domid, struct columns *c)
{
	char name[128], dir[STORE_PATH_MAX], **devids;
	unsigned n = 0;
	uint32_t devid;
	int rc = 0;

	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	if (store_read(op->xs, XBT_NULL, dir, "name", name, sizeof(name)) < 0)
		name[0] = '\0';
	snprintf(dir, sizeof(dir), "/local/domain/%u/" NODE_BACKEND_ROOT "/%u", op->backend, domid);
	devids = xs_directory(op->xs, XBT_NULL, dir, &n);
	for (unsigned i = 0; devids && i < n && !rc; i++)
		if (!number_u32(devids[i], &devid))
			rc = list_frontend(op, domid, devid, name, c);
	free(devids);
	return rc;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Every guest that our backend directory has, in order. */
static int list_all(struct operator *op, struct columns *c)
{
	char root[STORE_PATH_MAX], **names;
	uint32_t *domids;
	unsigned n = 0, nr = 0;
	int rc = 0;

	snprintf(root, sizeof(root), "/local/domain/%u/" NODE_BACKEND_ROOT, op->backend);
	names = xs_directory(op->xs, XBT_NULL, root, &n);
	domids = calloc((size_t)n + 1, sizeof(*domids));
	for (unsigned i = 0; names && domids && i < n; i++)
		if (!number_u32(names[i], &domids[nr]))
			nr++;
	if (domids && nr)
		qsort(domids, nr, sizeof(*domids), by_number);
	for (unsigned i = 0; i < nr && !rc; i++)
		rc = list_guest(op, domids[i], c);
	rc |= domids ? 0 : -1;
	free(domids);
	free(names);
	return rc;
}

int run_list(struct operator *op, int argc, char **argv)
{
	static const char *const headings[] = { ">DOMAIN", "NAME", "IN GUEST", "DEVICE", "STATE", "OPTIONS" };
	struct columns c;
	uint32_t domid;
	int rc = -1;

	if (operator_open_xen(op, true) || (argc && operator_domain(op, argv[0], &domid)))
		return OPERATOR_FAILED;
	if (!columns_init(&c, sizeof(headings) / sizeof(headings[0]), headings))
		rc = argc ? list_guest(op, domid, &c) : list_all(op, &c);
	if (rc)
		operator_fail("%s", strerror(ENOMEM));
	else
		columns_print(&c);
	columns_dispose(&c);
	return rc ? OPERATOR_FAILED : OPERATOR_OK;
}
