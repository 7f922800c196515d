/* SPDX-License-Identifier: MIT */
/* xenpci assignable: which devices are held for guests. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "host/asleep.h"
#include "host/pciback.h"
#include "operator/json.h"
#include "operator/operator.h"

static int pciback_of(struct operator *op, const struct place *place, struct pciback *h)
{
	if (!machine_sysfs(place->machine)) {
		operator_fail("%s: a captured device has no driver to take it from", place->name);
		return -1;
	}
	*h = (struct pciback){
		.sysfs = machine_sysfs(place->machine), .xs = op->xs, .hypercall = op->hypercall,
	};
	return 0;
}

static int add(struct operator *op, const struct place *place)
{
	struct problem p = { 0 };
	struct pciback h;

	if (pciback_of(op, place, &h))
		return OPERATOR_FAILED;
	if (topology_traits(&place->machine->topology, place->i) & TOPOLOGY_BRIDGE)
		return operator_fail("%s: is a %s, which serves the host", place->name,
				     topology_kind_name(place->fn->kind));
	if (pciback_take(&h, place->fn->info.sbdf, place->fn->driver, &p))
		return operator_fail("%s", p.text);
	printf("%s: held\n", place->name);
	return OPERATOR_OK;
}

/* The host's driver gets it as it was, not as it returns from D3hot. */
static int wake(struct operator *op, const struct place *place)
{
	const char *notes = operator_quarantine(op).state_dir;
	struct sbdf a = place->fn->info.sbdf;
	struct pcidev *dev = asleep_noted(notes, a) ? provider_open_device(place->machine->provider, a) : NULL;
	int rc = dev && asleep_end(notes, place->machine->provider, dev, false) < 0 ? -1 : 0, err = errno;

	pcidev_close(dev);
	errno = err;
	return rc;
}

static int give_up(struct operator *op, const struct place *place)
{
	struct problem p = { 0 };
	struct pciback h;
	int rc;

	if (pciback_of(op, place, &h))
		return OPERATOR_FAILED;
	if (place->fn->guest != TOPOLOGY_NO_GUEST)
		return operator_fail("%s: guest %u has it: detach it there first", place->name,
				     place->fn->guest);
	if (strcmp(place->fn->driver, PCIBACK_DRIVER))
		return operator_fail("%s: is not held for guests", place->name);
	if (wake(op, place))
		return operator_fail("%s: does not wake from D3hot as it was: %s; xenpci reset it", place->name,
				     strerror(errno));
	rc = pciback_give_up(&h, place->fn->info.sbdf, op->rebind, &p);
	if (rc < 0)
		return operator_fail("%s", p.text);
	printf("%s: no longer held%s\n", place->name,
	       rc ? "; no driver is remembered that had it" : "");
	return OPERATOR_OK;
}

/* Of an image's devices, all that could be: they have no drivers. */
static bool is_held(const struct machine *m, int i)
{
	const struct topology_function *fn = &m->topology.function[i];

	return machine_sysfs(m) ? !strcmp(fn->driver, PCIBACK_DRIVER) :
			     !(topology_traits(&m->topology, i) & TOPOLOGY_BRIDGE);
}

/* That nothing is held for want of the driver is worth a word. */
static void look_for_holder(const struct machine *m)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/" PCIBACK_DRIVER, machine_sysfs(m));
	if (access(path, F_OK))
		operator_fail("nothing can be held: there is no %s; is the xen-pciback module loaded?", path);
}

static int tell_held(const char *host, const char *label)
{
	struct json j;

	json_begin(&j, JSON_RECORD_held);
	json_text(&j, JSON_held_host, host);
	json_text(&j, JSON_held_name, label);
	return json_end(&j);
}

static int list_machine(struct operator *op, const struct machine *m)
{
	char name[SBDF_TEXT], label[128];

	if (machine_sysfs(m))
		look_for_holder(m);

	for (int i = 0; i < m->topology.nr; i++) {
		const struct topology_function *fn = &m->topology.function[i];

		if (fn->guest != TOPOLOGY_NO_GUEST || !is_held(m, i))
			continue;
		sbdf_format(fn->info.sbdf, name);
		if (!op->xs ||
		    pciback_note_read(op->xs, fn->info.sbdf, "name", label, sizeof(label)) < 0)
			label[0] = '\0';
		if (!op->json)
			printf("%s%s%s\n", name, label[0] ? " " : "", label);
		else if (tell_held(name, label))
			return -1;
	}
	return 0;
}

int run_assignable(struct operator *op, int argc, char **argv)
{
	bool adding = !strcmp(argv[0], "add"), removing = !strcmp(argv[0], "remove");
	int status = OPERATOR_OK;
	struct place place;

	if (!adding && !removing && strcmp(argv[0], "list")) {
		operator_fail("assignable: \"%s\" is neither list, add nor remove", argv[0]);
		return OPERATOR_USAGE;
	}
	if ((adding || removing) != (argc > 1) || (op->rebind && !removing) ||
	    (op->json && (adding || removing))) {
		operator_fail("assignable %s: wrong arguments (see xenpci --help)", argv[0]);
		return OPERATOR_USAGE;
	}
	if (operator_open_xen(op, adding || removing) || operator_open_machines(op))
		return OPERATOR_FAILED;
	for (unsigned m = 0; m < op->nr_machines && !adding && !removing; m++)
		if (list_machine(op, &op->machine[m]))
			return OPERATOR_FAILED;
	for (int k = 1; k < argc; k++) {
		if (operator_find(op, argv[k], &place) ||
		    (adding ? add(op, &place) : give_up(op, &place)))
			status = OPERATOR_FAILED;
	}
	return status;
}
