/* SPDX-License-Identifier: MIT */
#include "host/hypercall.h"

#include <string.h>
#include <xencall.h>
#include <xen/xen.h>
#include <xen/physdev.h>
#include <xen/sched.h>

#include "common/log.h"
#include "common/util.h"
#include "host/control.h"

/* Newer than the headers of Xen 4.17: argument and numbers from 4.20's xen/physdev.h. */
#define DEVICE_RESET 32
struct physdev_device_reset {
	physdev_pci_device_t dev;
	uint32_t flags;
};

#define GSI_LEVEL 1
#define GSI_LOW 1

#define PAGE_SHIFT 12 /* Xen's, on every architecture */
#define LIST_MAX 64   /* domains that one call tells of */

struct hypercall {
	xencall_handle *xcall;
	struct control control;
};

struct hypercall *hypercall_open(xentoollog_logger *lg, xentoollog_logger *mute)
{
	struct hypercall *hc = calloc(1, sizeof(*hc));

	if (!hc)
		goto no_memory;
	hc->xcall = xencall_open(mute, 0);
	if (!hc->xcall) {
		log_error(lg, "cannot open the hypercall device: %s; is the xen-privcmd module loaded, "
			  "and are we root?", strerror(errno));
		goto out;
	}
	if (!control_init(&hc->control, hc->xcall, lg))
		return hc;
no_memory:
	log_error(lg, "cannot ask Xen anything: %s", strerror(errno));
out:
	hypercall_close(hc);
	return NULL;
}

void hypercall_close(struct hypercall *hc)
{
	int saved = errno;

	if (!hc)
		return;
	if (hc->xcall)
		xencall_close(hc->xcall);
	free(hc);
	errno = saved;
}

static bool is_suspended(const struct control_domain *info)
{
	return !(info->flags & CONTROL_DOMAIN_DYING) && info->flags & CONTROL_DOMAIN_SHUTDOWN &&
	       CONTROL_DOMAIN_REASON(info->flags) == SHUTDOWN_suspend;
}

static bool runs(const struct control_domain *info)
{
	return !(info->flags & (CONTROL_DOMAIN_DYING | CONTROL_DOMAIN_SHUTDOWN)) || is_suspended(info);
}

/* Up to max (LIST_MAX) domains from first on. How many, or -1 with errno. */
static int list_domains(struct hypercall *hc, uint32_t first, uint32_t max,
			struct control_domain *info)
{
	struct control_sysctl call = { .cmd = CONTROL_LIST_DOMAINS };
	struct control_domain *buf;
	int rc;

	if (first >= DOMID_FIRST_RESERVED)
		return 0;
	buf = xencall_alloc_buffer(hc->xcall, max * sizeof(*buf));
	if (!buf)
		return fail(ENOMEM);
	call.u.list.first = (uint16_t)first;
	call.u.list.max = max;
	call.u.list.buffer = (uintptr_t)buf;
	rc = control_sysctl(&hc->control, &call);
	if (rc >= 0 && call.u.list.nr > max)
		rc = fail(EPROTO);
	if (rc >= 0)
		memcpy(info, buf, call.u.list.nr * sizeof(*info));
	rc = rc < 0 ? -1 : (int)call.u.list.nr;
	xencall_free_buffer(hc->xcall, buf);
	return rc;
}

/* 1 and *info, 0 (there is no such domain), or -1 with errno. */
static int find_domain(struct hypercall *hc, uint32_t domid, struct control_domain *info)
{
	int n = list_domains(hc, domid, 1, info); /* it or the next one */

	return n < 0 ? -1 : n == 1 && info->domid == domid;
}

int hypercall_domain_halted(struct hypercall *hc, uint32_t domid)
{
	struct control_domain info;
	int found = find_domain(hc, domid, &info);

	return found < 0 ? -1 : !found || !runs(&info);
}

int hypercall_domain_suspended(struct hypercall *hc, uint32_t domid)
{
	struct control_domain info;
	int found = find_domain(hc, domid, &info);

	return found <= 0 ? found : is_suspended(&info);
}

int hypercall_domain_is_hvm(struct hypercall *hc, uint32_t domid)
{
	struct control_domain info;
	int found = find_domain(hc, domid, &info);

	if (found <= 0)
		return found < 0 ? -1 : fail(ESRCH);
	return (info.flags & CONTROL_DOMAIN_HVM) != 0;
}

int hypercall_domain_handle(struct hypercall *hc, uint32_t domid, uint8_t handle[16])
{
	struct control_domain info;
	int found = find_domain(hc, domid, &info);

	if (found > 0 && !(info.flags & CONTROL_DOMAIN_DYING))
		memcpy(handle, info.handle, sizeof(info.handle));
	return found > 0 ? !(info.flags & CONTROL_DOMAIN_DYING) : found;
}

int hypercall_domains_running(struct hypercall *hc, bool *running, uint32_t nr)
{
	struct control_domain info[LIST_MAX];
	uint32_t first = 0;
	int n;

	memset(running, 0, nr * sizeof(*running));
	while ((n = list_domains(hc, first, LIST_MAX, info)) > 0) {
		for (int i = 0; i < n; i++)
			if (info[i].domid < nr)
				running[info[i].domid] = runs(&info[i]);
		first = info[n - 1].domid + 1u;
	}
	return n;
}

int hypercall_iommu(struct hypercall *hc)
{
	struct control_sysctl call = { .cmd = CONTROL_PHYSINFO };

	if (control_sysctl(&hc->control, &call) < 0)
		return -1;
	return (call.u.physinfo.capabilities & CONTROL_CAP_IOMMU) != 0;
}

/* One physdev operation; arg (size bytes) goes in and comes back. */
static int physdev(struct hypercall *hc, unsigned op, void *arg, size_t size)
{
	void *buf = xencall_alloc_buffer(hc->xcall, size);
	int rc, saved;

	if (!buf)
		return -1;
	memcpy(buf, arg, size);
	rc = xencall2(hc->xcall, __HYPERVISOR_physdev_op, op, (uint64_t)(uintptr_t)buf);
	saved = errno;
	memcpy(arg, buf, size);
	xencall_free_buffer(hc->xcall, buf);
	errno = saved;
	return rc < 0 ? -1 : 0;
}

/* Xen's physdev structures hold 16 bits of segment; more exist only in Linux's numbering. */
static int physdev_device(struct sbdf a, physdev_pci_device_t *out)
{
	if (a.segment > UINT16_MAX)
		return fail(EINVAL);
	*out = (physdev_pci_device_t){ .seg = (uint16_t)a.segment, .bus = a.bus, .devfn = a.devfn };
	return 0;
}

int hypercall_map_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, int entry,
		      uint64_t table_base, uint32_t *pirq)
{
	physdev_map_pirq_t map = {
		.domid = (domid_t)domid,
		.type = a.segment ? MAP_PIRQ_TYPE_MSI_SEG : MAP_PIRQ_TYPE_MSI,
		.index = -1,
		.pirq = -1,
		.bus = (int)(a.segment << 16 | a.bus),
		.devfn = a.devfn,
		.entry_nr = entry == HYPERCALL_MSI ? 0 : entry,
		.table_base = entry == HYPERCALL_MSI ? 0 : table_base,
	};

	if (a.segment > UINT16_MAX)
		return fail(EINVAL);
	if (physdev(hc, PHYSDEVOP_map_pirq, &map, sizeof(map)))
		return -1;
	if (map.pirq <= 0)
		return fail(EPROTO);
	*pirq = (uint32_t)map.pirq;
	return 0;
}

int hypercall_map_multi_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, uint32_t *count,
			    uint32_t *pirq)
{
	physdev_map_pirq_t map = {
		.domid = (domid_t)domid,
		.type = MAP_PIRQ_TYPE_MULTI_MSI,
		.index = -1,
		.pirq = -1,
		.bus = (int)(a.segment << 16 | a.bus),
		.devfn = a.devfn,
		.entry_nr = (int)*count,
	};

	if (a.segment > UINT16_MAX || *count > HYPERCALL_MULTI_MSI_MAX)
		return fail(EINVAL);
	if (physdev(hc, PHYSDEVOP_map_pirq, &map, sizeof(map))) {
		if (errno == ENFILE && map.entry_nr > 0)
			*count = (uint32_t)map.entry_nr;
		return -1;
	}
	if (map.pirq <= 0)
		return fail(EPROTO);
	*pirq = (uint32_t)map.pirq;
	return 0;
}

int hypercall_unmap_pirq(struct hypercall *hc, uint32_t domid, uint32_t pirq)
{
	physdev_unmap_pirq_t unmap = { .domid = (domid_t)domid, .pirq = (int)pirq };

	if (physdev(hc, PHYSDEVOP_unmap_pirq, &unmap, sizeof(unmap)) && errno != ESRCH)
		return -1;
	return 0;
}

int hypercall_prepare_msix(struct hypercall *hc, struct sbdf a)
{
	physdev_pci_device_t dev;

	return physdev_device(a, &dev) ? -1 : physdev(hc, PHYSDEVOP_prepare_msix, &dev, sizeof(dev));
}

int hypercall_release_msix(struct hypercall *hc, struct sbdf a)
{
	physdev_pci_device_t dev;

	return physdev_device(a, &dev) ? -1 : physdev(hc, PHYSDEVOP_release_msix, &dev, sizeof(dev));
}

int hypercall_restore_msi(struct hypercall *hc, struct sbdf a)
{
	physdev_pci_device_t dev;

	return physdev_device(a, &dev) ? -1 :
					 physdev(hc, PHYSDEVOP_restore_msi_ext, &dev, sizeof(dev));
}

int hypercall_setup_gsi(struct hypercall *hc, uint32_t gsi)
{
	physdev_setup_gsi_t setup = { .gsi = (int)gsi, .triggering = GSI_LEVEL, .polarity = GSI_LOW };

	if (physdev(hc, PHYSDEVOP_setup_gsi, &setup, sizeof(setup)) && errno != EEXIST)
		return -1;
	return 0;
}

int hypercall_device_reset(struct hypercall *hc, struct sbdf a, enum hypercall_reset how)
{
	struct physdev_device_reset reset = { .flags = how };

	if (physdev_device(a, &reset.dev))
		return -1;
	return physdev(hc, DEVICE_RESET, &reset, sizeof(reset));
}

int hypercall_irq_shared(struct hypercall *hc, uint32_t irq, bool *shared)
{
	physdev_irq_status_query_t query = { .irq = irq };

	if (physdev(hc, PHYSDEVOP_irq_status_query, &query, sizeof(query)))
		return -1;
	*shared = query.flags & XENIRQSTAT_shared;
	return 0;
}

/* A domctl about domid, of which nothing comes back. 0, or -1 with errno. */
static int domctl(struct hypercall *hc, uint32_t domid, struct control_domctl call)
{
	if (domid > UINT16_MAX)
		return fail(ESRCH);
	call.domid = (uint16_t)domid;
	return control_domctl(&hc->control, &call) < 0 ? -1 : 0;
}

int hypercall_allow_memory(struct hypercall *hc, uint32_t domid, uint64_t start, uint64_t size,
			   bool allow)
{
	uint64_t first = start >> PAGE_SHIFT;
	uint64_t last = (start + size - 1) >> PAGE_SHIFT;

	if (!size || start + size < start)
		return fail(EINVAL);
	return domctl(hc, domid, (struct control_domctl){
		.cmd = CONTROL_ALLOW_MEMORY,
		.u.memory = { .first = first, .nr = last - first + 1, .allow = allow } });
}

int hypercall_allow_ports(struct hypercall *hc, uint32_t domid, uint32_t first, uint32_t nr,
			  bool allow)
{
	return domctl(hc, domid, (struct control_domctl){
		.cmd = CONTROL_ALLOW_PORTS,
		.u.ports = { .first = first, .nr = nr, .allow = allow } });
}

int hypercall_allow_irq(struct hypercall *hc, uint32_t domid, uint32_t pirq, bool allow)
{
	return domctl(hc, domid, (struct control_domctl){
		.cmd = CONTROL_ALLOW_IRQ, .u.irq = { .pirq = pirq, .allow = allow } });
}

int hypercall_allow_gsi(struct hypercall *hc, uint32_t domid, uint32_t gsi, bool allow)
{
	return domctl(hc, domid, (struct control_domctl){
		.cmd = CONTROL_ALLOW_GSI, .u.gsi = { .gsi = gsi, .allow = allow } });
}

int hypercall_map_gsi(struct hypercall *hc, uint32_t domid, uint32_t gsi, int *pirq)
{
	physdev_map_pirq_t map = {
		.domid = (domid_t)domid,
		.type = MAP_PIRQ_TYPE_GSI,
		.index = (int)gsi,
		.pirq = *pirq,
	};

	if (gsi > INT32_MAX)
		return fail(EINVAL);
	if (physdev(hc, PHYSDEVOP_map_pirq, &map, sizeof(map)))
		return -1;
	*pirq = map.pirq;
	return 0;
}

/* A device as a domctl names it, which has 16 bits of segment. */
static int device(struct hypercall *hc, uint32_t cmd, uint32_t domid, struct sbdf a, uint32_t flags)
{
	if (a.segment > UINT16_MAX)
		return fail(EINVAL);
	return domctl(hc, domid, (struct control_domctl){
		.cmd = cmd,
		.u.device = { .kind = CONTROL_DEVICE_PCI, .flags = flags,
			      .sbdf = a.segment << 16 | (uint32_t)a.bus << 8 | a.devfn } });
}

int hypercall_assign(struct hypercall *hc, uint32_t domid, struct sbdf a, bool relaxed)
{
	return device(hc, CONTROL_ASSIGN, domid, a, relaxed ? CONTROL_DEVICE_RELAXED : 0);
}

const char *hypercall_assign_cause(int err, bool relaxed)
{
	static const struct { int err; const char *cause; } rows[] = {
		{ EPERM, "; the firmware has reserved memory (RMRR) that this device shares with others, "
			 "and Xen is strict: rdm_policy=relaxed with the device gives it all the same, at "
			 "the risk that each of them reaches, and the firmware still writes, what a guest "
			 "has there" },
		{ EINVAL, "; the guest is being destroyed, or the address is none that Xen has a name for" },
		{ ENODEV, "; Xen does not know the device: dom0's kernel has not told it (was it plugged in "
			  "later, or does it hang from a VMD device?), or no IOMMU covers it" },
		{ EBUSY, "; another domain has it: xl pci-list and xenpci list tell which, and a domain that "
			 "is dying keeps its devices until it is gone" },
		{ ESRCH, "; there is no such domain any more" },
		{ EXDEV, "; the guest's memory is shared, paged or tracked, with which Xen gives no devices" },
		{ EOPNOTSUPP, "; Xen gives no devices to this kind of domain here" },
	};

	if (err == EPERM && relaxed)
		return "; not for reserved memory, of which rdm_policy=relaxed disposes: Xen's log (xl dmesg) "
		       "may tell why";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].err == err)
			return rows[i].cause;
	}
	return "";
}

int hypercall_deassign(struct hypercall *hc, uint32_t domid, struct sbdf a)
{
	return device(hc, CONTROL_DEASSIGN, domid, a, 0);
}

int hypercall_pause(struct hypercall *hc, uint32_t domid)
{
	return domctl(hc, domid, (struct control_domctl){ .cmd = CONTROL_PAUSE }) &&
	       errno != ESRCH ? -1 : 0;
}

int hypercall_destroy(struct hypercall *hc, uint32_t domid)
{
	return domctl(hc, domid, (struct control_domctl){ .cmd = CONTROL_DESTROY }) &&
	       errno != ESRCH ? -1 : 0;
}
