/* SPDX-License-Identifier: MIT */
#include "host/gsi.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/number.h"
#include "common/util.h"
#include "host/device/sysfs/attr.h"

/* Of newer kernels' xen/privcmd.h (6.13). */
struct pcidev_get_gsi {
	uint32_t sbdf;
	uint32_t gsi;
};
#define PRIVCMD_PCIDEV_GET_GSI _IOC(_IOC_NONE, 'P', 10, sizeof(struct pcidev_get_gsi))

static int ask_kernel(struct sbdf a, uint32_t *gsi)
{
	struct pcidev_get_gsi arg = {
		.sbdf = a.segment << 16 | (uint32_t)a.bus << 8 | a.devfn,
	};
	int fd, rc;

	if (a.segment > UINT16_MAX)
		return fail(EINVAL);
	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = ioctl(fd, PRIVCMD_PCIDEV_GET_GSI, &arg);
	close_keep(fd);
	if (rc < 0)
		return -1;
	*gsi = arg.gsi;
	return 0;
}

static int ask_sysfs(struct provider *p, struct sbdf a, uint32_t *gsi)
{
	char text[16];

	return provider_attribute(p, a, "gsi", text, sizeof(text)) < 0 ? -1 : number_u32(text, gsi);
}

int gsi_find(struct provider *p, const struct pcidev_info *info, struct hypercall *hc,
	     uint32_t *gsi, bool *pirqs)
{
	bool shared;

	if (!pcidev_is_line(info->irq))
		return fail(ENOENT);
	/* A domain that has no pirqs is told so: its irq numbers are its own. */
	*pirqs = !hypercall_irq_shared(hc, info->irq, &shared) || errno != ENOSYS;
	if (*pirqs) {
		*gsi = info->irq;
		return 0;
	}
	if (!ask_kernel(info->sbdf, gsi) || !ask_sysfs(p, info->sbdf, gsi))
		return 0;
	return fail(ENODATA);
}

bool gsi_in_register(const char *sysfs_root)
{
	char path[PATH_MAX], type[8];

	snprintf(path, sizeof(path), "%s/hypervisor/guest_type", sysfs_root);
	return sysfs_attr_read(AT_FDCWD, path, type, sizeof(type)) <= 0 || !strcmp(type, "PV");
}
