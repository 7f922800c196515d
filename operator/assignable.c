/* SPDX-License-Identifier: MIT */
/*
 * xenpci assignable: devices pass from their host drivers to pciback and back, as
 * `xl pci-assignable-*` does it, and with its memory (/libxl/pci/<address>/driver_path).
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "backend/device/sysfs_attr.h"
#include "common/util.h"
#include "operator/operator.h"

#define PCIBACK "pciback"
#define DOMID_QUARANTINE 0x7ff1u /* Xen's DOMID_IO: devices that are nobody's */

/* Where sysfs is, NULL for an image's devices, which have no drivers. */
static const char *sysfs_root(const struct place *place)
{
	const char *spec = place->machine->spec;

	if (strncmp(spec, "sysfs", 5)) {
		complain("%s: a captured device has no driver to take it from", place->name);
		return NULL;
	}
	return spec[5] == ':' ? spec + 6 : "/sys";
}

/* Writes the address into root/`dir`/`file`. 0, or -1 having complained. */
static int write_address(const struct place *place, const char *root, const char *dir,
			 const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", root, dir, file);
	if (!sysfs_attr_write(AT_FDCWD, path, place->name))
		return 0;
	complain("%s: cannot write to %s: %s", place->name, path, strerror(errno));
	return -1;
}

/* Whether pciback's list `slots` has the device already. */
static bool has_slot(const struct place *place, const char *root)
{
	char path[PATH_MAX], line[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/" PCIBACK "/slots", root);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strcmp(line, place->name);
	}
	if (f)
		fclose(f);
	return found;
}

/* Takes it from its driver, which is remembered. */
static int leave_driver(struct operator *op, const struct place *place, const char *root)
{
	char link[PATH_MAX], path[PATH_MAX];
	char device[SBDF_TEXT + 32];

	snprintf(link, sizeof(link), "%s/bus/pci/devices/%s/driver", root, place->name);
	if (!realpath(link, path)) {
		complain("%s: cannot follow %s: %s", place->name, link, strerror(errno));
		return -1;
	}
	if (operator_remember(op, place->fn->info.sbdf, "driver_path", path))
		return -1;
	snprintf(device, sizeof(device), "bus/pci/devices/%s/driver", place->name);
	return write_address(place, root, device, "unbind");
}

/* Nobody's device must not reach memory. Without an IOMMU there is nothing to do. */
static int quarantine(struct operator *op, const struct place *place, bool on)
{
	struct sbdf a = place->fn->info.sbdf;
	int rc = on ? hypercall_assign(op->hypercall, DOMID_QUARANTINE, a, true) :
		      hypercall_deassign(op->hypercall, DOMID_QUARANTINE, a);

	if (!rc || errno == ENOSYS || errno == EOPNOTSUPP)
		return 0;
	complain("%s: Xen does not %s quarantine: %s", place->name,
		 on ? "put it into" : "let it out of", strerror(errno));
	return -1;
}

static int add(struct operator *op, const struct place *place)
{
	const char *root = sysfs_root(place);

	if (!root)
		return OPERATOR_FAILED;
	if (topology_traits(&place->machine->topology, place->i) & TOPOLOGY_BRIDGE)
		return complain("%s: is a %s, which serves the host", place->name,
				topology_kind_name(place->fn->kind));
	if (!strcmp(place->fn->driver, PCIBACK)) {
		printf("%s: is held already\n", place->name);
		return OPERATOR_OK;
	}
	if (place->fn->driver[0] && leave_driver(op, place, root))
		return OPERATOR_FAILED;
	if (!has_slot(place, root) &&
	    write_address(place, root, "bus/pci/drivers/" PCIBACK, "new_slot"))
		return complain("%s: is pciback there (modprobe xen-pciback)?", place->name);
	if (write_address(place, root, "bus/pci/drivers/" PCIBACK, "bind") ||
	    quarantine(op, place, true))
		return OPERATOR_FAILED;
	printf("%s: held%s%s\n", place->name, place->fn->driver[0] ? ", taken from " : "",
	       place->fn->driver);
	return OPERATOR_OK;
}

/* Back to the driver that is remembered, if there is one. */
static int rebind(struct operator *op, const struct place *place)
{
	struct sbdf a = place->fn->info.sbdf;
	char path[PATH_MAX], bind[PATH_MAX + 8];

	if (operator_remembered(op, a, "driver_path", path, sizeof(path)) < 0) {
		fprintf(stderr, "xenpci: %s: no driver is remembered that had it\n", place->name);
		return 0;
	}
	snprintf(bind, sizeof(bind), "%s/bind", path);
	if (sysfs_attr_write(AT_FDCWD, bind, place->name)) {
		complain("%s: cannot write to %s: %s", place->name, bind, strerror(errno));
		return -1;
	}
	operator_forget(op, a, "driver_path");
	return 0;
}

static int remove_(struct operator *op, const struct place *place)
{
	const char *root = sysfs_root(place);

	if (!root)
		return OPERATOR_FAILED;
	if (place->fn->guest != TOPOLOGY_NO_GUEST)
		return complain("%s: guest %u has it: detach it there first", place->name,
				place->fn->guest);
	if (strcmp(place->fn->driver, PCIBACK))
		return complain("%s: is not held for guests", place->name);
	if (quarantine(op, place, false) ||
	    write_address(place, root, "bus/pci/drivers/" PCIBACK, "unbind"))
		return OPERATOR_FAILED;
	if (has_slot(place, root) &&
	    write_address(place, root, "bus/pci/drivers/" PCIBACK, "remove_slot"))
		return OPERATOR_FAILED;
	if (op->rebind && rebind(op, place))
		return OPERATOR_FAILED;
	printf("%s: no longer held\n", place->name);
	return OPERATOR_OK;
}

static void list_machine(struct operator *op, struct machine *m)
{
	bool sysfs = !strncmp(m->spec, "sysfs", 5);
	char name[SBDF_TEXT], label[128];

	for (int i = 0; i < m->topology.nr; i++) {
		const struct topology_function *fn = &m->topology.function[i];

		if (fn->guest != TOPOLOGY_NO_GUEST ||
		    (sysfs ? strcmp(fn->driver, PCIBACK) :
			     (topology_traits(&m->topology, i) & TOPOLOGY_BRIDGE) != 0))
			continue;
		printf("%s", sbdf_format(fn->info.sbdf, name));
		if (op->xs &&
		    operator_remembered(op, fn->info.sbdf, "name", label, sizeof(label)) > 0)
			printf(" %s", label);
		putchar('\n');
	}
}

int run_assignable(struct operator *op, int argc, char **argv)
{
	bool adding = !strcmp(argv[0], "add"), removing = !strcmp(argv[0], "remove");
	int status = OPERATOR_OK;
	struct place place;

	if (!adding && !removing && strcmp(argv[0], "list")) {
		complain("assignable: \"%s\" is neither list, add nor remove", argv[0]);
		return OPERATOR_USAGE;
	}
	if ((adding || removing) != (argc > 1) || (op->rebind && !removing)) {
		complain("assignable %s: wrong arguments (see xenpci --help)", argv[0]);
		return OPERATOR_USAGE;
	}
	if (operator_open_xen(op, adding || removing) || operator_open_machines(op))
		return OPERATOR_FAILED;
	if (!adding && !removing) {
		for (unsigned m = 0; m < op->nr_machines; m++)
			list_machine(op, &op->machine[m]);
		return OPERATOR_OK;
	}
	for (int k = 1; k < argc; k++) {
		if (operator_find(op, argv[k], &place) ||
		    (adding ? add(op, &place) : remove_(op, &place)))
			status = OPERATOR_FAILED;
	}
	return status;
}
