/* SPDX-License-Identifier: MIT */
/* Hypercalls other than physdev_op: domctl, sysctl, xen_version, event_channel_op. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "box.h"
#include "hv.h"

#define GUEST_PAGES 65536u /* what a domain is said to have */

/* ---- versions ---- */

/* 0, or -EACCES: the call is of another version of domctl or sysctl than this Xen's. */
static int check_version(bool domctl, uint32_t version, uint64_t who)
{
	uint32_t ours = 0;

#define X(minor, of_domctl, of_sysctl)                                                           \
	if (hv_config.xen_minor == (minor))                                                      \
		ours = domctl ? (of_domctl) : (of_sysctl);
	ABI_XENS(X)
#undef X
	return who == ABI_TOOLS_OF_THIS_XEN || version == ours ? 0 : -EACCES;
}

/* ---- domctl ---- */

static void domain_info(const struct hv_domain *d, struct xen_domctl_getdomaininfo *info)
{
	memset(info, 0, sizeof(*info));
	info->domain = d->domid;
	if (d->life == HV_DYING)
		info->flags = XEN_DOMINF_dying;
	else if (d->shutdown)
		info->flags = XEN_DOMINF_shutdown |
			      (uint32_t)d->shutdown_reason << XEN_DOMINF_shutdownshift;
	else
		info->flags = d->paused ? XEN_DOMINF_paused : XEN_DOMINF_running;
	if (d->hvm)
		info->flags |= XEN_DOMINF_hvm_guest;
	info->tot_pages = GUEST_PAGES;
	info->max_pages = GUEST_PAGES;
	info->nr_online_vcpus = 1;
	info->gpaddr_bits = 64;
	memcpy(info->handle, d->uuid, sizeof(info->handle));
}

/* The domain with the lowest number from domid on, dying ones included. */
static const struct hv_domain *domain_from(unsigned int domid)
{
	const struct hv_domain *best = NULL;

	for (const struct hv_domain *d = hv_domains; d; d = d->next)
		if (d->domid >= domid && (!best || d->domid < best->domid))
			best = d;
	return best;
}

static int ctl_create(struct xen_domctl *ctl)
{
	struct hv_domain *d;
	unsigned int id = ctl->domain;
	int rc;

	while (!ctl->domain && ++id < HV_DOMID_MAX && domain_from(id) &&
	       domain_from(id)->domid == id)
		;
	rc = hv_domain_create(id, &d);
	if (rc)
		return rc;
	memcpy(d->uuid, ctl->u.createdomain.handle, sizeof(d->uuid));
	d->hvm = ctl->u.createdomain.flags & XEN_DOMCTL_CDF_hvm;
	ctl->domain = (domid_t)id;
	return 0;
}

static int ctl_device(struct hv_domain *d, const struct xen_domctl *ctl)
{
	uint32_t sbdf = ctl->u.assign_device.u.pci.machine_sbdf;
	unsigned int domid = d ? d->domid : ctl->domain;

	if (ctl->u.assign_device.dev != XEN_DOMCTL_DEV_PCI)
		return -ENODEV;
	if (!d && ctl->domain != HV_DOMID_IO)
		return ctl->cmd == XEN_DOMCTL_test_assign_device && ctl->domain == DOMID_INVALID ?
			       hv_device_assign(0, sbdf, true) : -ESRCH;
	if (d && (!d->domid || d->life == HV_DYING))
		return -EINVAL;
	if (ctl->cmd == XEN_DOMCTL_deassign_device)
		return hv_device_deassign(domid, sbdf);
	return hv_device_assign(domid, sbdf, ctl->cmd == XEN_DOMCTL_test_assign_device);
}

static int ctl_info(struct xen_domctl *ctl)
{
	const struct hv_domain *d = domain_from(ctl->domain);

	if (!d)
		return -ESRCH;
	domain_info(d, &ctl->u.getdomaininfo);
	ctl->domain = d->domid;
	return 0;
}

static int ctl_target(struct hv_domain *d, unsigned int target)
{
	struct hv_domain *to = hv_domain_find(target);

	if (!to)
		return -ESRCH;
	if (d == to || d->target)
		return -EINVAL;
	d->target = to;
	return 0;
}

/* What was shut down runs on; those that powered off have nothing left that could. */
static int ctl_resume(struct hv_domain *d)
{
	if (!d->domid)
		return -EINVAL;
	d->shutdown = false;
	box_signal_processes(hv_config.rundir, (int)d->domid, SIGCONT, NULL);
	return 0;
}

static int ctl_run(struct xen_domctl *ctl)
{
	struct hv_domain *d = hv_domain_find(ctl->domain);

	switch (ctl->cmd) {
	case XEN_DOMCTL_createdomain:
		return ctl_create(ctl);
	case XEN_DOMCTL_getdomaininfo:
		return ctl_info(ctl);
	case XEN_DOMCTL_assign_device:
	case XEN_DOMCTL_test_assign_device:
	case XEN_DOMCTL_deassign_device:
		return ctl_device(d, ctl);
	default:
		break;
	}
	if (!d)
		return -ESRCH;
	switch (ctl->cmd) {
	case XEN_DOMCTL_destroydomain:
		if (!d->domid)
			return -EINVAL;
		hv_domain_kill(d);
		return 0;
	case XEN_DOMCTL_pausedomain:
		d->paused = true;
		return d->domid ? 0 : -EINVAL;
	case XEN_DOMCTL_unpausedomain:
		d->paused = false;
		return 0;
	case XEN_DOMCTL_set_target:
		return ctl_target(d, ctl->u.set_target.target);
	case XEN_DOMCTL_resumedomain:
		return ctl_resume(d);
	case XEN_DOMCTL_irq_permission:
		return ctl->u.irq_permission.pirq < d->npirqs ? 0 : -EINVAL;
	case ABI_DOMCTL_GSI_PERMISSION:
		return ((struct abi_gsi_permission *)&ctl->u)->gsi < hv_config.gsis ? 0 : -EINVAL;
	default: /* permissions and limits that nothing in the box depends on */
		return 0;
	}
}

static const char *ctl_name(uint32_t cmd)
{
	switch (cmd) {
#define X(name) case XEN_DOMCTL_##name: return #name;
	ABI_DOMCTLS(X)
#undef X
	case ABI_DOMCTL_GSI_PERMISSION: return hv_config.xen_minor < 20 ? NULL : "gsi_permission";
	default: return NULL;
	}
}

static void ctl_args(const struct xen_domctl *ctl, char *text, size_t size)
{
	uint32_t sbdf = ctl->u.assign_device.u.pci.machine_sbdf;
	const struct abi_gsi_permission *gsi;
	unsigned long long first, n;

	switch (ctl->cmd) {
	case XEN_DOMCTL_assign_device:
	case XEN_DOMCTL_test_assign_device:
	case XEN_DOMCTL_deassign_device:
		snprintf(text, size, "dom=%u dev=%04x:%02x:%02x.%x flags=%u", ctl->domain,
			 sbdf >> 16, sbdf >> 8 & 0xff, sbdf >> 3 & 0x1f, sbdf & 7,
			 ctl->u.assign_device.flags);
		return;
	case XEN_DOMCTL_irq_permission:
		snprintf(text, size, "dom=%u pirq=%u allow=%u", ctl->domain,
			 ctl->u.irq_permission.pirq, ctl->u.irq_permission.allow_access);
		return;
	case ABI_DOMCTL_GSI_PERMISSION:
		gsi = (const void *)&ctl->u;
		snprintf(text, size, "dom=%u gsi=%u allow=%u", ctl->domain, gsi->gsi, gsi->flags);
		return;
	case XEN_DOMCTL_iomem_permission:
		first = ctl->u.iomem_permission.first_mfn;
		n = ctl->u.iomem_permission.nr_mfns;
		snprintf(text, size, "dom=%u first=%#llx count=%llu allow=%u", ctl->domain, first,
			 n, ctl->u.iomem_permission.allow_access);
		return;
	case XEN_DOMCTL_ioport_permission:
		snprintf(text, size, "dom=%u first=%#x count=%u allow=%u", ctl->domain,
			 ctl->u.ioport_permission.first_port, ctl->u.ioport_permission.nr_ports,
			 ctl->u.ioport_permission.allow_access);
		return;
	case XEN_DOMCTL_set_target:
		snprintf(text, size, "dom=%u target=%u", ctl->domain, ctl->u.set_target.target);
		return;
	default:
		snprintf(text, size, "dom=%u", ctl->domain);
	}
}

static int domctl(struct hv_domain *caller, struct xen_domctl *ctl, uint32_t len, uint64_t who)
{
	const char *name = ctl_name(ctl->cmd);
	struct hv_call c;
	char text[128];
	int rc;

	if (len < sizeof(*ctl))
		return -EFAULT;
	if (check_version(true, ctl->interface_version, who)) {
		rc = hv_call_begin(&c, caller, "domctl", "version=%#x", ctl->interface_version);
		return hv_call_end(&c, rc ? rc : -EACCES);
	}
	if (!name) {
		rc = hv_call_begin(&c, caller, "domctl", "cmd=%u dom=%u", ctl->cmd, ctl->domain);
		return hv_call_end(&c, rc ? rc : -EOPNOTSUPP);
	}
	ctl_args(ctl, text, sizeof(text));
	rc = hv_call_begin(&c, caller, name, "%s", text);
	if (!rc && caller->domid)
		rc = -EPERM;
	if (!rc)
		rc = ctl_run(ctl);
	return hv_call_end(&c, rc);
}

/* ---- sysctl ---- */

/* The answer is the structure with the list behind it. */
static int list_domains(struct xen_sysctl *ctl, uint32_t *len)
{
	struct xen_domctl_getdomaininfo *info = (void *)(ctl + 1);
	const uint32_t room = (XB_DATA_MAX - sizeof(*ctl)) / sizeof(*info);
	const struct hv_domain *d = domain_from(ctl->u.getdomaininfolist.first_domain);
	uint32_t n = 0, max = ctl->u.getdomaininfolist.max_domains;

	for (; d && n < max && n < room; d = domain_from(d->domid + 1u))
		domain_info(d, &info[n++]);
	ctl->u.getdomaininfolist.num_domains = n;
	*len = (uint32_t)(sizeof(*ctl) + n * sizeof(*info));
	return 0;
}

static int phys_info(struct xen_sysctl_physinfo *p)
{
	memset(p, 0, sizeof(*p));
	p->threads_per_core = p->cores_per_socket = p->nr_cpus = p->nr_nodes = 1;
	p->capabilities = XEN_SYSCTL_PHYSCAP_pv;
	if (!hv_config.no_iommu)
		p->capabilities |= XEN_SYSCTL_PHYSCAP_directio;
	p->total_pages = p->max_mfn = 1u << 20;
	p->free_pages = 1u << 19;
	return 0;
}

static int sysctl(struct hv_domain *caller, struct xen_sysctl *ctl, uint32_t *len, uint64_t who)
{
	struct hv_call c;
	int rc;

	if (*len < sizeof(*ctl))
		return -EFAULT;
	if (check_version(false, ctl->interface_version, who)) {
		rc = hv_call_begin(&c, caller, "sysctl", "version=%#x", ctl->interface_version);
		return hv_call_end(&c, rc ? rc : -EACCES);
	}
	if (ctl->cmd == XEN_SYSCTL_getdomaininfolist)
		rc = hv_call_begin(&c, caller, "getdomaininfolist", "first=%u max=%u",
				   ctl->u.getdomaininfolist.first_domain,
				   ctl->u.getdomaininfolist.max_domains);
	else if (ctl->cmd == XEN_SYSCTL_physinfo)
		rc = hv_call_begin(&c, caller, "physinfo", "%s", "");
	else
		rc = hv_call_begin(&c, caller, "sysctl", "cmd=%u", ctl->cmd);
	if (!rc && caller->domid)
		rc = -EPERM;
	if (!rc)
		rc = ctl->cmd == XEN_SYSCTL_getdomaininfolist ? list_domains(ctl, len) :
		     ctl->cmd == XEN_SYSCTL_physinfo ? phys_info(&ctl->u.physinfo) : -EOPNOTSUPP;
	return hv_call_end(&c, rc);
}

/* ---- xen_version ---- */

static int version(struct hv_domain *caller, unsigned int cmd, void *arg, uint32_t len)
{
	struct hv_call c;
	int rc = hv_call_begin(&c, caller, "xen_version", "cmd=%u", cmd);

	if (rc)
		return hv_call_end(&c, rc);
	memset(arg, 0, len);
	switch (cmd) {
	case XENVER_version:
		return hv_call_end(&c, 4 << 16 | (int)hv_config.xen_minor);
	case XENVER_pagesize:
		return hv_call_end(&c, XB_PAGE_SIZE);
	case XENVER_extraversion:
		snprintf(arg, len, ".0-xenbox");
		return hv_call_end(&c, 0);
	case XENVER_capabilities:
		snprintf(arg, len, "xen-3.0-x86_64 ");
		return hv_call_end(&c, 0);
	case XENVER_guest_handle:
		memcpy(arg, caller->uuid, len < 16 ? len : 16);
		return hv_call_end(&c, 0);
	case XENVER_compile_info:
	case XENVER_changeset:
	case XENVER_platform_parameters:
	case XENVER_get_features:
	case XENVER_commandline:
		return hv_call_end(&c, 0);
	default:
		return hv_call_end(&c, -ENOSYS);
	}
}

/* ---- event_channel_op, as the toolstack uses it for other domains ---- */

static int evtchn_alloc_unbound(struct hv_domain *caller, struct evtchn_alloc_unbound *a)
{
	struct hv_domain *d = a->dom == DOMID_SELF ? caller : hv_domain_find(a->dom);
	uint32_t rec;
	int port;

	if (!d)
		return -ESRCH;
	if (caller->domid && d != caller && caller->target != d)
		return -EPERM;
	if (d->life == HV_DYING)
		return -EINVAL;
	port = hv_evtchn_alloc(d, NULL, a->remote_dom == DOMID_SELF ? caller->domid : a->remote_dom,
			       &rec);
	if (port < 0)
		return port;
	a->port = (evtchn_port_t)port;
	return 0;
}

static int evtchn_status(struct hv_domain *caller, struct evtchn_status *s)
{
	const struct hv_domain *d = s->dom == DOMID_SELF ? caller : hv_domain_find(s->dom);
	const struct hv_chan *c;

	if (!d)
		return -ESRCH;
	if (s->port >= d->nports)
		return -EINVAL;
	c = &hv_chans[d->ports[s->port]];
	s->vcpu = 0;
	s->status = EVTCHNSTAT_closed;
	if (!d->ports[s->port])
		return 0;
	if (c->state == HV_UNBOUND) {
		s->status = EVTCHNSTAT_unbound;
		s->u.unbound.dom = c->remote;
	} else if (c->state == HV_VIRQ) {
		s->status = EVTCHNSTAT_virq;
		s->u.virq = c->virq;
	} else {
		const struct hv_chan *peer =
			&hv_chans[atomic_load(&hv_shm->port[d->ports[s->port]].peer)];

		s->status = EVTCHNSTAT_interdomain;
		s->u.interdomain.dom = peer->dom->domid;
		s->u.interdomain.port = peer->port;
	}
	return 0;
}

static int evtchn_op(struct hv_domain *caller, unsigned int cmd, void *arg, uint32_t len)
{
	static const struct {
		const char *name;
		uint32_t size;
	} ops[] = {
#define X(op, type) [EVTCHNOP_##op] = { "evtchnop_" #op, sizeof(type) },
		ABI_EVTCHN_OPS(X)
#undef X
	};
	const bool known = cmd < sizeof(ops) / sizeof(ops[0]) && ops[cmd].name;
	uint32_t port = len >= 4 ? *(uint32_t *)arg : 0; /* of close and send */
	struct hv_call c;
	int rc = hv_call_begin(&c, caller, known ? ops[cmd].name : "event_channel_op", "cmd=%u",
			       cmd);

	if (rc || !known)
		return hv_call_end(&c, rc ? rc : -ENOSYS);
	if (len < ops[cmd].size)
		return hv_call_end(&c, -EFAULT);
	if (cmd == EVTCHNOP_alloc_unbound)
		rc = evtchn_alloc_unbound(caller, arg);
	else if (cmd == EVTCHNOP_status)
		rc = evtchn_status(caller, arg);
	else if (port >= caller->nports || !caller->ports[port])
		rc = -EINVAL;
	else if (cmd == EVTCHNOP_send)
		hv_evtchn_send(caller->ports[port]);
	else
		rc = hv_evtchn_unbind(caller, NULL, port);
	return hv_call_end(&c, rc);
}

/* ---- sched_op, as the toolstack uses it: a domain stops, and keeps what it has ---- */

static int sched_op(struct hv_domain *caller, unsigned int cmd, const void *arg, uint32_t len)
{
	const struct sched_remote_shutdown *s = arg;
	const bool known = cmd == SCHEDOP_remote_shutdown && len >= sizeof(*s);
	struct hv_domain *d = known ? hv_domain_find(s->domain_id) : NULL;
	struct hv_call c;
	int rc = hv_call_begin(&c, caller, known ? "remote_shutdown" : "sched_op",
			       "cmd=%u dom=%u reason=%u", cmd, known ? s->domain_id : 0u,
			       known ? s->reason : 0u);

	if (rc || !known)
		return hv_call_end(&c, rc ? rc : -ENOSYS);
	if (caller->domid || !d)
		return hv_call_end(&c, d ? -EPERM : -ESRCH);
	if (!d->domid || d->life == HV_DYING)
		return hv_call_end(&c, -EINVAL);
	if (d->shutdown) /* the first reason counts */
		return hv_call_end(&c, 0);
	d->shutdown = true;
	d->shutdown_reason = (uint8_t)s->reason;
	box_signal_processes(hv_config.rundir, (int)d->domid,
			     s->reason == SHUTDOWN_suspend ? SIGSTOP : SIGKILL, NULL);
	hv_virq_raise(VIRQ_DOM_EXC);
	return hv_call_end(&c, 0);
}

int hv_hypercall(struct hv_domain *caller, const struct xb_msg *m, void *data, uint32_t *len)
{
	struct hv_call c;
	int rc;

	switch (m->a[0]) {
	case __HYPERVISOR_physdev_op:
		return hv_physdev_op(caller, (unsigned int)m->a[1], data, *len);
	case __HYPERVISOR_domctl:
		return domctl(caller, data, *len, m->a[2]);
	case __HYPERVISOR_sysctl:
		return sysctl(caller, data, len, m->a[2]);
	case __HYPERVISOR_xen_version:
		return version(caller, (unsigned int)m->a[1], data, *len);
	case __HYPERVISOR_event_channel_op:
		return evtchn_op(caller, (unsigned int)m->a[1], data, *len);
	case __HYPERVISOR_sched_op:
		return sched_op(caller, (unsigned int)m->a[1], data, *len);
	default:
		rc = hv_call_begin(&c, caller, "hypercall", "nr=%llu", (unsigned long long)m->a[0]);
		return hv_call_end(&c, rc ? rc : -ENOSYS);
	}
}
