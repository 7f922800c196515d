/* SPDX-License-Identifier: MIT */
#include "host/pciback.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/device/sysfs/attr.h"
#include "common/store.h"
#include "common/util.h"
#include "protocol/nodes.h"

#define NODE_DRIVER_PATH "driver_path"
#define DRIVER_DIR "bus/pci/drivers/" PCIBACK_DRIVER
#define DOMID_QUARANTINE 0x7ff1u /* Xen's DOMID_IO: devices that are nobody's */

static void memory_dir(struct sbdf a, char dir[STORE_PATH_MAX])
{
	char name[NODE_VALUE_MAX];

	snprintf(dir, STORE_PATH_MAX, PCIBACK_NOTES "/%s", node_bdf_format(a, name));
}

int pciback_note_read(struct xs_handle *xs, struct sbdf a, const char *node, char *buf,
		      unsigned size)
{
	char dir[STORE_PATH_MAX];

	memory_dir(a, dir);
	return store_read(xs, XBT_NULL, dir, node, buf, size);
}

int pciback_note_write(struct xs_handle *xs, struct sbdf a, const char *node, const char *value)
{
	char dir[STORE_PATH_MAX];

	memory_dir(a, dir);
	return store_write(xs, XBT_NULL, dir, node, "%s", value);
}

int pciback_note_forget(struct xs_handle *xs, struct sbdf a, const char *node)
{
	char dir[STORE_PATH_MAX];
	unsigned n = 0;
	char **left;

	memory_dir(a, dir);
	if (store_remove(xs, XBT_NULL, dir, node))
		return -1;
	left = xs_directory(xs, XBT_NULL, dir, &n);
	free(left);
	return left && !n ? store_remove(xs, XBT_NULL, dir, NULL) : 0;
}

/* One device on its way. */
struct passage {
	const struct pciback *h;
	struct sbdf a;
	char name[SBDF_TEXT];
	struct problem *p;
};

static int write_name(struct passage *to, const char *dir, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", to->h->sysfs, dir, file);
	if (!sysfs_attr_write(AT_FDCWD, path, to->name))
		return 0;
	return problem_set(to->p, errno, "%s: cannot write to %s: %s", to->name, path,
			   strerror(errno));
}

/* Whether pciback's list `slots` has the device. */
static bool has_slot(const struct passage *to)
{
	char path[PATH_MAX], line[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" DRIVER_DIR "/slots", to->h->sysfs);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strcmp(line, to->name);
	}
	if (f)
		fclose(f);
	return found;
}

/* Takes it from its driver, which is remembered before. */
static int leave_driver(struct passage *to)
{
	char link[PATH_MAX], path[PATH_MAX], dir[SBDF_TEXT + 32];

	snprintf(link, sizeof(link), "%s/bus/pci/devices/%s/driver", to->h->sysfs, to->name);
	if (!realpath(link, path))
		return problem_set(to->p, errno, "%s: cannot follow %s: %s", to->name, link,
				   strerror(errno));
	if (pciback_note_write(to->h->xs, to->a, NODE_DRIVER_PATH, path))
		return problem_set(to->p, errno, "%s: cannot remember its driver in xenstore: %s",
				   to->name, strerror(errno));
	snprintf(dir, sizeof(dir), "bus/pci/devices/%s/driver", to->name);
	return write_name(to, dir, "unbind");
}

/* Nobody's device must not reach memory. Without an IOMMU there is nothing to do. */
static int quarantine(struct passage *to, bool on)
{
	int rc = on ? hypercall_assign(to->h->hypercall, DOMID_QUARANTINE, to->a, true) :
		      hypercall_deassign(to->h->hypercall, DOMID_QUARANTINE, to->a);

	if (!rc || errno == ENOSYS || errno == EOPNOTSUPP)
		return 0;
	return problem_set(to->p, errno, "%s: Xen does not %s quarantine: %s%s", to->name,
			   on ? "put it into" : "let it out of", strerror(errno),
			   on ? hypercall_assign_cause(errno, true) : "");
}

/* Which of the kernel's resets the device may have; kernels before 5.15 do not let us choose. */
static void choose_resets(const struct passage *to, const char *which)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/reset_method", to->h->sysfs, to->name);
	sysfs_attr_write(AT_FDCWD, path, which);
}

static bool on_pvh_dom0(const struct passage *to)
{
	char path[PATH_MAX], type[8];

	snprintf(path, sizeof(path), "%s/hypervisor/guest_type", to->h->sysfs);
	return sysfs_attr_read(AT_FDCWD, path, type, sizeof(type)) > 0 && !strcmp(type, "PVH");
}

/*
 * pciback resets what it takes and tells Xen before it puts the BARs back. On a PVH dom0, Xen
 * (4.20 at least) then looks for the MSI-X table at address 0, in the way of dom0's memory: EEXIST,
 * and the BARs stay lost. Without a reset all is well; we do our own before a guest gets it.
 */
static int bind_to_pciback(struct passage *to)
{
	bool pvh = on_pvh_dom0(to);
	int rc;

	if (pvh)
		choose_resets(to, "\n");
	rc = write_name(to, DRIVER_DIR, "bind");
	if (pvh) {
		int err = errno;

		choose_resets(to, "default\n");
		errno = err;
	}
	return rc;
}

int pciback_take(const struct pciback *h, struct sbdf a, const char *driver, struct problem *p)
{
	struct passage to = { .h = h, .a = a, .p = p };

	sbdf_format(a, to.name);
	if (!strcmp(driver, PCIBACK_DRIVER))
		return 0;
	if (driver[0] && leave_driver(&to))
		return -1;
	if (!has_slot(&to) && write_name(&to, DRIVER_DIR, "new_slot"))
		return problem_set(p, errno, "%s: " PCIBACK_DRIVER " does not take it: %s; is the "
				   "xen-pciback module loaded?", to.name, strerror(errno));
	return bind_to_pciback(&to) || quarantine(&to, true) ? -1 : 0;
}

/* Back to the driver that is remembered, if there is one. */
static int rebind_driver(struct passage *to)
{
	char path[PATH_MAX], bind[PATH_MAX + 8];

	if (pciback_note_read(to->h->xs, to->a, NODE_DRIVER_PATH, path, sizeof(path)) < 0)
		return 1;
	snprintf(bind, sizeof(bind), "%s/bind", path);
	if (sysfs_attr_write(AT_FDCWD, bind, to->name))
		return problem_set(to->p, errno, "%s: cannot write to %s: %s", to->name, bind,
				   strerror(errno));
	pciback_note_forget(to->h->xs, to->a, NODE_DRIVER_PATH);
	return 0;
}

int pciback_give_up(const struct pciback *h, struct sbdf a, bool rebind, struct problem *p)
{
	struct passage to = { .h = h, .a = a, .p = p };

	sbdf_format(a, to.name);
	if (quarantine(&to, false) || write_name(&to, DRIVER_DIR, "unbind"))
		return -1;
	if (has_slot(&to) && write_name(&to, DRIVER_DIR, "remove_slot"))
		return -1;
	return rebind ? rebind_driver(&to) : 0;
}
