/* SPDX-License-Identifier: MIT */
/*
 * xenpci attach, detach: what xl's pci commands do for a PV guest, where there is
 * no xl. Unlike libxl, attach is all or nothing, and detach tells the guest first
 * and revokes then, so that the device is silent before its memory is anyone's. With --backend
 * the guest is served by a driver domain, of which libxl knows nothing, with --virtual by a program.
 */
#include <stdio.h>
#include <string.h>

#include "host/pciback.h"
#include "host/stub.h"
#include "common/util.h"
#include "operator/give.h"
#include "operator/lend.h"
#include "operator/nodes.h"

/* "BDF[,option=value...]": what is behind the address, which is left in text, into *device. */
static int parse_options(char *text, struct nodes_device *device)
{
	char *options = strchr(text, ','), *name, bad[NODE_OPTS_BAD_MAX];

	memset(device, 0, sizeof(*device));
	if (options)
		*options++ = '\0';
	name = options ? strstr(options, "name=") : NULL;
	/* The name is no option of the assignment: cut it out, with the comma before it. */
	if (name && (name == options || name[-1] == ',')) {
		size_t len = strcspn(name, ",");

		snprintf(device->name, sizeof(device->name), "%.*s", (int)(len - 5), name + 5);
		memmove(name, name + len + (name[len] == ','), strlen(name + len) + 1);
		if (!*name && name != options)
			name[-1] = '\0';
	}
	if (node_opts_parse(options, &device->opts, bad)) {
		operator_fail("%s: option \"%s\" is not understood", text, bad);
		return -1;
	}
	return 0;
}

/* The whole of it, of a device of this machine's, into *device and *place. */
static int parse_device(struct operator *op, char *text, struct nodes_device *device,
			struct place *place)
{
	if (parse_options(text, device) || operator_find(op, text, place))
		return -1;
	device->a = place->fn->info.sbdf;
	device->seen = op->backend == op->domid ? device->a : lend_seen(op, device->a);
	return 0;
}

/* lent: it is the backend's own, which is no other guest. */
static int may_attach(struct operator *op, const struct place *place, uint32_t domid, bool lent)
{
	const struct topology *t = &place->machine->topology;
	char buf[ASSIGNABLE_TEXT_MAX];
	struct assignable result;

	if (place->fn->guest == domid) {
		operator_fail("%s: guest %u has it already", place->name, domid);
		return -1;
	}
	if (domid == op->backend) {
		operator_fail("%s: domain %u cannot serve itself", place->name, domid);
		return -1;
	}
	if (stub_target(op->xs, domid) != domid) {
		operator_fail("%s: domain %u is the device model of guest %u, to whom xl pci-attach gives it",
			      place->name, domid, stub_target(op->xs, domid));
		return -1;
	}
	if (lent && place->fn->guest == op->backend)
		place->fn->guest = TOPOLOGY_NO_GUEST;
	if (assignable_check(t, place->i, domid, operator_allowed(op, place), &result)) {
		if (result.notes & 1u << ASSIGNABLE_NOTE_NO_LINE)
			fprintf(stderr, "xenpci: warning: %s: %s\n", place->name,
				assignable_note_text(ASSIGNABLE_NOTE_NO_LINE));
		return 0;
	}
	operator_fail("%s: %s", place->name,
		      assignable_text(t, place->i, assignable_first(&result), buf));
	return -1;
}

static int attach(struct operator *op, uint32_t domid, char *text)
{
	struct nodes_device device;
	struct place place;
	struct nodes n;
	char owner[16];
	bool lent;

	if (parse_device(op, text, &device, &place))
		return -1;
	lent = lend_is_backends(op, device.a);
	if (may_attach(op, &place, domid, lent))
		return -1;
	nodes_init(&n, op, domid, op->devid);
	snprintf(owner, sizeof(owner), "%u", domid);
	/* Keeps xl's hands off it from here on; what is lent is the backend's to xl, before and after. */
	if (!lent && pciback_note_write(op->xs, device.a, "domid", owner)) {
		operator_fail("%s: cannot write to xenstore: %s", place.name, strerror(errno));
		return -1;
	}
	if (lent && lend_begin(op, &place))
		return -1;
	if (give_device(op, &place, domid, device.opts.rdm_relaxed))
		goto forget;
	if (nodes_add(&n, &device, !op->no_wait))
		goto take;
	place.fn->guest = domid;
	return 0;
take:
	take_device_back(op, &place, domid);
forget:
	if (lent)
		lend_end(op, &place);
	else
		pciback_note_forget(op->xs, device.a, "domid");
	return -1;
}

/* The address of a device that a program is, which only its xenpcid sees. */
static int parse_virtual(const char *text, struct sbdf *a)
{
	return sbdf_parse(text, a) ? operator_fail("\"%s\" is no address like ff00:00:00.0", text) : 0;
}

/* A device that a program is: no hardware of it is the guest's, so that its nodes are all. */
static int attach_virtual(struct operator *op, uint32_t domid, char *text)
{
	struct nodes_device device;
	struct nodes n;

	if (parse_options(text, &device) || parse_virtual(text, &device.a))
		return -1;
	if (domid == op->backend)
		return operator_fail("%s: domain %u cannot serve itself", text, domid);
	device.seen = device.a;
	nodes_init(&n, op, domid, op->devid);
	if (nodes_find(&n, device.a) >= 0)
		return operator_fail("%s: guest %u has it already", text, domid);
	return nodes_add(&n, &device, !op->no_wait);
}

static int does_not_have(const struct operator *op, uint32_t domid, const char *name)
{
	char of[48] = "";

	if (op->backend != op->domid)
		snprintf(of, sizeof(of), ", from domain %u", op->backend);
	if (op->devid)
		return operator_fail("guest %u does not have %s at its PCI frontend %u%s", domid, name,
				     op->devid, of);
	return operator_fail("guest %u does not have %s%s", domid, name, of);
}

/*
 * Has the guest let device a go. With -f one that does not is no failure: what was asked
 * for is done without it. 0, or -1 having told that the device stays.
 */
static int let_go(struct operator *op, struct nodes *n, struct sbdf a, const char *name)
{
	if (!nodes_leave(n, a, !op->no_wait))
		return 0;
	if (!op->force) {
		operator_fail("%s: still attached (-f: take it all the same)", name);
		return -1;
	}
	fprintf(stderr, "xenpci: warning: %s: guest %u did not let it go: taken all the same\n", name, n->guest);
	return 0;
}

static int detach_virtual(struct operator *op, uint32_t domid, const char *text)
{
	struct nodes n;
	struct sbdf a;

	if (parse_virtual(text, &a))
		return OPERATOR_FAILED;
	nodes_init(&n, op, domid, op->devid);
	if (nodes_find(&n, a) < 0)
		return does_not_have(op, domid, text);
	return let_go(op, &n, a, text) || nodes_remove(&n, a) ? OPERATOR_FAILED : OPERATOR_OK;
}

int run_attach(struct operator *op, int argc, char **argv)
{
	uint32_t domid;

	if (operator_open_xen(op, true) || operator_domain(op, argv[0], &domid) ||
	    (!op->is_virtual && operator_open_machines(op)))
		return OPERATOR_FAILED;
	for (int k = 1; k < argc; k++) {
		if (op->is_virtual ? attach_virtual(op, domid, argv[k]) : attach(op, domid, argv[k]))
			return OPERATOR_FAILED;
	}
	return OPERATOR_OK;
}

int run_detach(struct operator *op, int argc, char **argv)
{
	int status = OPERATOR_OK;
	struct place place;
	struct nodes n;
	uint32_t domid;

	(void)argc;
	if (operator_open_xen(op, true) || operator_domain(op, argv[0], &domid))
		return OPERATOR_FAILED;
	if (op->is_virtual)
		return detach_virtual(op, domid, argv[1]);
	if (operator_open_machines(op) || operator_find(op, argv[1], &place))
		return OPERATOR_FAILED;
	nodes_init(&n, op, domid, op->devid);
	if (nodes_find(&n, place.fn->info.sbdf) < 0)
		return does_not_have(op, domid, place.name);
	if (let_go(op, &n, place.fn->info.sbdf, place.name))
		return OPERATOR_FAILED;
	if (take_device_back(op, &place, domid))
		status = OPERATOR_FAILED;
	if (nodes_remove(&n, place.fn->info.sbdf))
		status = OPERATOR_FAILED;
	if (!lend_is_backends(op, place.fn->info.sbdf))
		pciback_note_forget(op->xs, place.fn->info.sbdf, "domid");
	else if (lend_end(op, &place))
		status = OPERATOR_FAILED;
	return status;
}
