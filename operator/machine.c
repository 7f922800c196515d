/* SPDX-License-Identifier: MIT */
/* The machine's devices and their owners. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/entry.h"
#include "host/own_nodes.h"
#include "host/pciback.h"
#include "host/irq_lines.h"
#include "host/stub.h"
#include "common/number.h"
#include "common/util.h"
#include "operator/operator.h"
#include "protocol/nodes.h"

int operator_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("xenpci: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return OPERATOR_FAILED;
}

/* ---- Xen ---- */

int operator_open_xen(struct operator *op, bool wanted)
{
	uint64_t domid = 0;

	op->xs = xs_open(0);
	if (!op->xs) {
		if (wanted)
			operator_fail("cannot open xenstore: %s; %s", strerror(errno),
				      errno == EACCES ? "root may" : "is this a Xen host, and xenstored running?");
		return wanted ? -1 : 0;
	}
	if (store_read_number(op->xs, XBT_NULL, "domid", NULL, 10, UINT16_MAX, &domid) &&
	    errno != ENOENT) {
		operator_fail("cannot read our own domid from xenstore: %s", strerror(errno));
		return -1;
	}
	op->domid = op->backend = (uint32_t)domid;
	if (op->backend_name && operator_domain(op, op->backend_name, &op->backend))
		return -1;
	op->hypercall = hypercall_open(wanted ? op->lg : op->mute, op->mute);
	return op->hypercall || !wanted ? 0 : -1;
}

static int domain_exists(struct operator *op, uint32_t domid)
{
	char dir[STORE_PATH_MAX];

	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	return store_exists(op->xs, XBT_NULL, dir, NULL);
}

int operator_domain(struct operator *op, const char *text, uint32_t *domid)
{
	char **list = NULL;
	bool found = false;
	unsigned n = 0;

	if (!number_u32(text, domid)) {
		if (domain_exists(op, *domid) == 1)
			return 0;
		operator_fail("there is no domain %u", *domid);
		return -1;
	}
	list = xs_directory(op->xs, XBT_NULL, "/local/domain", &n);
	for (unsigned i = 0; i < n && !found; i++) {
		char dir[STORE_PATH_MAX], name[128];

		snprintf(dir, sizeof(dir), "/local/domain/%s", list[i]);
		found = store_read(op->xs, XBT_NULL, dir, "name", name, sizeof(name)) >= 0 &&
			!strcmp(name, text) && !number_u32(list[i], domid);
	}
	free(list);
	if (!found)
		operator_fail("there is no domain \"%s\"", text);
	return found ? 0 : -1;
}

/* ---- Owners ---- */

/* A guest that is gone has nothing, even where libxl left its nodes behind. */
static void own(struct operator *op, struct sbdf a, uint32_t domid)
{
	if (domain_exists(op, domid) == 0)
		return;
	for (unsigned m = 0; m < op->nr_machines; m++) {
		struct topology *t = &op->machine[m].topology;
		int i = topology_find(t, a);

		if (i == TOPOLOGY_NONE)
			continue;
		t->function[i].guest = domid;
		return;
	}
}

/* Entry i's device, as this host calls it: in another domain's directory dev-N is what that one sees. */
static int read_device(struct operator *op, uint32_t backend, const char *dir, unsigned i, struct sbdf *a)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];

	if (backend == op->domid)
		return entry_device(op->xs, XBT_NULL, dir, i, a);
	if (store_read(op->xs, XBT_NULL, dir, node_numbered(NODE_KEY_FMT, i, node), text, sizeof(text)) < 0)
		return -1;
	return node_dev_parse(text, a);
}

/* What one backend directory of a guest's lists, but for what the backend has refused. */
static void read_devices(struct operator *op, uint32_t backend, const char *dir, uint32_t domid)
{
	char node[NODE_NAME_MAX];
	uint64_t nr = 0, state;
	struct sbdf a;

	if (store_read_number(op->xs, XBT_NULL, dir, NODE_NUM_DEVS, 10, NODES_MAX_DEVS, &nr))
		return;
	for (unsigned i = 0; i < nr; i++) {
		node_numbered(NODE_STATE_FMT, i, node);
		if (!store_read_number(op->xs, XBT_NULL, dir, node, 10, XenbusStateReconfigured, &state) &&
		    state == XenbusStateClosed)
			continue;
		if (!read_device(op, backend, dir, i, &a))
			own(op, a, domid);
	}
}

static void read_guest_devices(struct operator *op, uint32_t backend, const char *guest)
{
	char dir[STORE_PATH_MAX], **list;
	uint32_t domid, devid, owner;
	unsigned n = 0;

	if (number_u32(guest, &domid))
		return;
	owner = stub_target(op->xs, domid);
	snprintf(dir, sizeof(dir), "/local/domain/%u/" NODE_BACKEND_ROOT "/%u", backend, domid);
	list = xs_directory(op->xs, XBT_NULL, dir, &n);
	for (unsigned i = 0; list && i < n; i++) {
		if (number_u32(list[i], &devid))
			continue;
		snprintf(dir, sizeof(dir), "/local/domain/%u/" NODE_BACKEND_ROOT "/%u/%u", backend, domid, devid);
		read_devices(op, backend, dir, owner);
	}
	free(list);
}

static void read_guests(struct operator *op, uint32_t backend)
{
	char root[STORE_PATH_MAX], **list;
	unsigned n = 0;

	snprintf(root, sizeof(root), "/local/domain/%u/" NODE_BACKEND_ROOT, backend);
	list = xs_directory(op->xs, XBT_NULL, root, &n);
	for (unsigned i = 0; list && i < n; i++)
		read_guest_devices(op, backend, list[i]);
	free(list);
}

/*
 * What libxl has noted of any backend's guests, then those of ours, then those of the backend that was
 * named: who has a device by way of a driver domain, has it rather than that domain.
 */
static void read_owners(struct operator *op)
{
	char text[NODE_VALUE_MAX];
	char **list;
	unsigned n = 0;

	list = xs_directory(op->xs, XBT_NULL, PCIBACK_NOTES, &n);
	for (unsigned i = 0; list && i < n; i++) {
		uint32_t domid;
		struct sbdf a;

		if (!node_bdf_parse(list[i], &a) &&
		    pciback_note_read(op->xs, a, "domid", text, sizeof(text)) >= 0 &&
		    !number_u32(text, &domid))
			own(op, a, domid);
	}
	free(list);
	read_guests(op, op->domid);
	if (op->backend != op->domid)
		read_guests(op, op->backend);
	for (unsigned m = 0; m < op->nr_machines; m++) {
		struct topology *t = &op->machine[m].topology;

		for (int i = 0; i < t->nr; i++)
			quarantine_mark(operator_quarantine(op), &t->function[i]);
	}
}

struct quarantine operator_quarantine(struct operator *op)
{
	if (!op->notes[0] && (!op->xs || store_read(op->xs, XBT_NULL, own_nodes(op->xs), STATE_NODE_LOCK, op->notes,
						    sizeof(op->notes)) <= 0))
		strcpy(op->notes, STATE_DIR);
	return (struct quarantine){ op->xs, op->state_dir ? op->state_dir : op->notes };
}

/* ---- Machines ---- */

static int open_machine(struct operator *op, const char *spec)
{
	struct machine *m = &op->machine[op->nr_machines];

	m->spec = spec;
	m->provider = provider_open(spec, op->lg);
	if (!m->provider) {
		operator_fail("devices %s: %s", spec, strerror(errno));
		return -1;
	}
	op->nr_machines++;
	if (!topology_read(&m->topology, m->provider, op->lg))
		return 0;
	operator_fail("devices %s: %s", spec, strerror(errno));
	return -1;
}

int operator_open_machines(struct operator *op)
{
	if (settings_read(&op->settings, op->config ? op->config : SETTINGS_PATH, op->config != NULL,
			  op->lg))
		return -1;
	for (unsigned k = 0; k < op->nr_specs; k++) {
		if (open_machine(op, op->spec[k]))
			return -1;
	}
	if (op->xs)
		read_owners(op);
	return 0;
}

void operator_close(struct operator *op)
{
	for (unsigned m = 0; m < op->nr_machines; m++) {
		topology_dispose(&op->machine[m].topology);
		provider_close(op->machine[m].provider);
	}
	settings_dispose(&op->settings);
	hypercall_close(op->hypercall);
	if (op->xs)
		xs_close(op->xs);
	if (op->mute)
		xtl_logger_destroy(op->mute);
	if (op->lg)
		xtl_logger_destroy(op->lg);
}

const char *machine_sysfs(const struct machine *m)
{
	if (strncmp(m->spec, "sysfs", 5) != 0)
		return NULL;
	return m->spec[5] == ':' ? m->spec + 6 : "/sys";
}

void operator_place(struct operator *op, unsigned m, int i, struct place *place)
{
	place->machine = &op->machine[m];
	place->i = i;
	place->fn = &place->machine->topology.function[i];
	sbdf_format(place->fn->info.sbdf, place->name);
	if (pcidev_is_line(place->fn->info.irq) && machine_sysfs(place->machine))
		lines_users(LINES_FILE, place->fn->info.irq, place->fn->line_users,
			    sizeof(place->fn->line_users));
}

int operator_find(struct operator *op, const char *text, struct place *place)
{
	struct sbdf a;

	if (sbdf_parse(text, &a)) {
		operator_fail("\"%s\" is no PCI address ([SSSS:]BB:DD.F)", text);
		return -1;
	}
	for (unsigned m = 0; m < op->nr_machines; m++) {
		int i = topology_find(&op->machine[m].topology, a);

		if (i == TOPOLOGY_NONE)
			continue;
		operator_place(op, m, i, place);
		return 0;
	}
	operator_fail("there is no device %s on this host", sbdf_format(a, place->name));
	return -1;
}

unsigned operator_allowed(const struct operator *op, const struct place *place)
{
	struct settings_life life;

	settings_life(&op->settings, &place->fn->info, &life);
	return op->allow | life.allow;
}

unsigned operator_methods(const struct operator *op, const struct place *place, bool *named)
{
	struct settings_life life;

	settings_life(&op->settings, &place->fn->info, &life);
	*named = op->methods ? op->methods != RESET_ALL : life.methods_named;
	return op->methods ? op->methods : life.methods;
}
