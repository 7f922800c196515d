/* SPDX-License-Identifier: MIT */
/*
 * Domctls and sysctls as Xen gets them: a libxencall of our own takes the calls, and reads them
 * with the structures of the Xen headers that are installed, whichever Xen those are of.
 */
#include "tests/unit/unit.h"

/* domctl.h wants anonymous unions and does not know that C11 has them. */
#undef __STRICT_ANSI__
#include <string.h>
#include <xen/domctl.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#include <xencall.h>

#include "common/util.h"
#include "host/control.h"
#include "host/hypercall.h"
#include "host/privileges.h"
#include "host/records.h"

enum { GSI_PERMISSION = 88, DOMAINS = 100 };

/* The Xen behind the calls, and what it was asked last. */
static struct {
	uint32_t domctl_version, sysctl_version;
	int answer; /* 0 or a negative errno to every call of the right version */
	unsigned domctls, sysctls, refused;
	struct xen_domctl domctl;
	unsigned physdev_op, physdevs;
	union {
		struct physdev_map_pirq map;
		struct physdev_unmap_pirq unmap;
	} physdev;
	unsigned buffers; /* allocated and not yet freed */
} xen;

static unsigned warnings;
static char warning[1024];

/* ---- libxencall ---- */

xencall_handle *xencall_open(xentoollog_logger *logger, unsigned open_flags)
{
	(void)logger;
	(void)open_flags;
	return (xencall_handle *)&xen;
}

int xencall_close(xencall_handle *xcall)
{
	assert_ptr_equal(xcall, &xen);
	return 0;
}

void *xencall_alloc_buffer(xencall_handle *xcall, size_t size)
{
	(void)xcall;
	xen.buffers++;
	return calloc(1, size);
}

void xencall_free_buffer(xencall_handle *xcall, void *p)
{
	(void)xcall;
	xen.buffers--;
	free(p);
}

/* Every third is shut down, every fifth suspended, every seventh dying; 50 to 59 do not exist. */
static uint32_t flags_of(uint32_t domid)
{
	if (domid % 7 == 6)
		return XEN_DOMINF_dying;
	if (domid % 3 == 2)
		return XEN_DOMINF_shutdown | SHUTDOWN_crash << XEN_DOMINF_shutdownshift;
	if (domid % 5 == 4)
		return XEN_DOMINF_shutdown | SHUTDOWN_suspend << XEN_DOMINF_shutdownshift;
	return domid % 2 ? XEN_DOMINF_running : XEN_DOMINF_blocked;
}

static bool exists(uint32_t domid)
{
	return domid < DOMAINS && (domid < 50 || domid > 59);
}

static void list(struct xen_sysctl_getdomaininfolist *l)
{
	struct xen_domctl_getdomaininfo *info = l->buffer.p;

	l->num_domains = 0;
	for (uint32_t d = l->first_domain; d < DOMAINS && l->num_domains < l->max_domains; d++) {
		if (!exists(d))
			continue;
		memset(&info[l->num_domains], 0xff, sizeof(*info));
		info[l->num_domains].domain = (domid_t)d;
		info[l->num_domains++].flags = flags_of(d);
	}
}

static int answered(int rc)
{
	if (rc < 0)
		errno = -rc;
	return rc < 0 ? -1 : rc;
}

static int do_sysctl(struct xen_sysctl *ctl)
{
	xen.sysctls++;
	if (ctl->interface_version != xen.sysctl_version) {
		xen.refused++;
		return answered(-EACCES);
	}
	if (!xen.answer && ctl->cmd == XEN_SYSCTL_getdomaininfolist)
		list(&ctl->u.getdomaininfolist);
	if (!xen.answer && ctl->cmd == XEN_SYSCTL_physinfo)
		ctl->u.physinfo.capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_directio;
	return answered(xen.answer);
}

int xencall1(xencall_handle *xcall, unsigned op, uint64_t arg1)
{
	struct xen_domctl *ctl = (struct xen_domctl *)(uintptr_t)arg1;

	assert_ptr_equal(xcall, &xen);
	if (op == __HYPERVISOR_sysctl)
		return do_sysctl((struct xen_sysctl *)(uintptr_t)arg1);
	assert_int_equal(op, __HYPERVISOR_domctl);
	xen.domctls++;
	xen.domctl = *ctl;
	if (ctl->interface_version != xen.domctl_version) {
		xen.refused++;
		return answered(-EACCES);
	}
	return answered(xen.answer);
}

int xencall2(xencall_handle *xcall, unsigned op, uint64_t arg1, uint64_t arg2)
{
	assert_ptr_equal(xcall, &xen);
	if (op == __HYPERVISOR_xen_version)
		return 4 << 16 | 99;
	assert_int_equal(op, __HYPERVISOR_physdev_op);
	xen.physdev_op = (unsigned)arg1;
	xen.physdevs++;
	if (arg1 == PHYSDEVOP_map_pirq) {
		struct physdev_map_pirq *map = (struct physdev_map_pirq *)(uintptr_t)arg2;

		xen.physdev.map = *map;
		map->pirq = 55;
	} else if (arg1 == PHYSDEVOP_unmap_pirq) {
		xen.physdev.unmap = *(struct physdev_unmap_pirq *)(uintptr_t)arg2;
	}
	return answered(xen.answer);
}

/* ---- helpers ---- */

static void keep_warning(xentoollog_logger *lg, xentoollog_level level, int errnoval,
			 const char *context, const char *format, va_list al)
{
	(void)lg;
	(void)errnoval;
	(void)context;
	assert_int_equal(level, XTL_WARN);
	warnings++;
	vsnprintf(warning, sizeof(warning), format, al);
}

static xentoollog_logger logger = { .vmessage = keep_warning };

static struct hypercall *open_on(uint32_t domctl, uint32_t sysctl)
{
	struct hypercall *hc;

	memset(&xen, 0, sizeof(xen));
	xen.domctl_version = domctl;
	xen.sysctl_version = sysctl;
	warnings = 0;
	hc = hypercall_open(&logger, NULL);
	assert_non_null(hc);
	return hc;
}

static void done(struct hypercall *hc)
{
	hypercall_close(hc);
	assert_int_equal(xen.buffers, 0);
}

/* ---- the tests ---- */

/* What control.h says of a structure, against the headers. */
#define SAME(ours, theirs) \
	(assert_int_equal(offsetof(struct control_domctl, u.ours), \
			  offsetof(struct xen_domctl, u.theirs)), \
	 assert_int_equal(sizeof(((struct control_domctl *)0)->u.ours), \
			  sizeof(((struct xen_domctl *)0)->u.theirs)))

static void layouts_are_those_of_the_headers(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct control_domctl), sizeof(struct xen_domctl));
	assert_int_equal(sizeof(struct control_sysctl), sizeof(struct xen_sysctl));
	assert_int_equal(sizeof(struct control_domain), sizeof(struct xen_domctl_getdomaininfo));
	SAME(info.domid, getdomaininfo.domain);
	SAME(info.flags, getdomaininfo.flags);
	SAME(info.cpu_time, getdomaininfo.cpu_time);
	SAME(info.handle, getdomaininfo.handle);
	SAME(info.cpupool, getdomaininfo.cpupool);
	SAME(irq.pirq, irq_permission.pirq);
	SAME(irq.allow, irq_permission.allow_access);
	SAME(memory.first, iomem_permission.first_mfn);
	SAME(memory.nr, iomem_permission.nr_mfns);
	SAME(memory.allow, iomem_permission.allow_access);
	SAME(ports.first, ioport_permission.first_port);
	SAME(ports.nr, ioport_permission.nr_ports);
	SAME(ports.allow, ioport_permission.allow_access);
	SAME(device.kind, assign_device.dev);
	SAME(device.flags, assign_device.flags);
	SAME(device.sbdf, assign_device.u.pci.machine_sbdf);
#ifdef XEN_DOMCTL_gsi_permission
	assert_int_equal(CONTROL_ALLOW_GSI, XEN_DOMCTL_gsi_permission);
	SAME(gsi.gsi, gsi_permission.gsi);
	SAME(gsi.allow, gsi_permission.flags);
#endif
	assert_int_equal(offsetof(struct control_sysctl, u.physinfo.capabilities),
			 offsetof(struct xen_sysctl, u.physinfo.capabilities));
	assert_int_equal(offsetof(struct control_sysctl, u.list.buffer),
			 offsetof(struct xen_sysctl, u.getdomaininfolist.buffer));
	assert_int_equal(CONTROL_DESTROY, XEN_DOMCTL_destroydomain);
	assert_int_equal(CONTROL_PAUSE, XEN_DOMCTL_pausedomain);
	assert_int_equal(CONTROL_DOMAIN_INFO, XEN_DOMCTL_getdomaininfo);
	assert_int_equal(CONTROL_CAP_IOMMU, XEN_SYSCTL_PHYSCAP_directio);
	assert_int_equal(CONTROL_DOMAIN_DYING, XEN_DOMINF_dying);
	assert_int_equal(CONTROL_DOMAIN_SHUTDOWN, XEN_DOMINF_shutdown);
}

/* The headers' own version is one of the table, or the line above says nothing about it. */
static void the_headers_are_of_a_known_xen(void **state)
{
	struct hypercall *hc = open_on(XEN_DOMCTL_INTERFACE_VERSION, XEN_SYSCTL_INTERFACE_VERSION);

	(void)state;
	assert_int_equal(warnings, 0);
	done(hc);
}

static void each_xen_is_asked_for_its_version(void **state)
{
	static const struct {
		uint32_t domctl, sysctl;
		unsigned refused;
	} xens[] = { { 0x15, 0x15, 0 }, { 0x16, 0x15, 1 }, { 0x17, 0x15, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(xens); i++) {
		struct hypercall *hc = open_on(xens[i].domctl, xens[i].sysctl);

		assert_int_equal(xen.refused, xens[i].refused);
		assert_int_equal(warnings, 0);
		xen.refused = 0;
		assert_int_equal(hypercall_pause(hc, 7), 0);
		assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_pausedomain);
		assert_int_equal(xen.domctl.domain, 7);
		assert_int_equal(hypercall_iommu(hc), 1);
		assert_int_equal(xen.refused, 0);
		done(hc);
	}
}

static void an_unknown_xen_is_refused_aloud_and_physdev_works(void **state)
{
	struct hypercall *hc = open_on(0x18, 0x16);
	struct sbdf a = { .bus = 3 };
	bool running[4];
	uint32_t pirq = 0;

	(void)state;
	assert_int_equal(warnings, 2);
	assert_non_null(strstr(warning, "Xen (4.99) refuses the sysctl versions"));
	assert_non_null(strstr(warning, "0x15 of Xen 4.17 to 4.20"));
	xen.domctls = xen.sysctls = 0;
	assert_int_equal(hypercall_assign(hc, 7, a, false), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(hypercall_destroy(hc, 7), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(hypercall_domain_halted(hc, 7), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(hypercall_domains_running(hc, running, ARRAY_SIZE(running)), -1);
	assert_int_equal(hypercall_iommu(hc), -1);
	assert_int_equal(xen.domctls + xen.sysctls, 0);
	assert_int_equal(hypercall_map_msi(hc, 7, a, HYPERCALL_MSI, 0, &pirq), 0);
	assert_int_equal(pirq, 55);
	done(hc);
}

/* Xen looks at the version first, then at who asks: a driver domain is no reason to warn. */
static void a_driver_domain_has_a_version_too(void **state)
{
	struct hypercall *hc;

	(void)state;
	memset(&xen, 0, sizeof(xen));
	xen.domctl_version = 0x17;
	xen.sysctl_version = 0x15;
	xen.answer = -EPERM;
	warnings = 0;
	hc = hypercall_open(&logger, NULL);
	assert_non_null(hc);
	assert_int_equal(warnings, 0);
	assert_int_equal(hypercall_domain_halted(hc, 7), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(hypercall_pause(hc, 7), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(xen.domctl.interface_version, 0x17);
	done(hc);
}

/* Xen's answers to a driver domain, one refused and the others not; domain 0 asks nothing. */
static void privileges_are_found_out(void **state)
{
	struct hypercall *hc = open_on(0x17, 0x15);
	char text[PRIVILEGES_TEXT_MAX];
	unsigned calls;

	(void)state;
	calls = xen.domctls + xen.sysctls + xen.physdevs;
	xen.answer = -EPERM;
	assert_int_equal(privileges_denied(hc, 0), 0);
	assert_int_equal(xen.domctls + xen.sysctls + xen.physdevs, calls);
	assert_int_equal(privileges_denied(hc, 3), (1u << PRIVILEGES_COUNT) - 1);
	assert_int_equal(xen.physdev.map.domid, 3);
	assert_int_equal(xen.physdev.map.devfn, 0xff);
	xen.answer = -EACCES;
	assert_int_equal(privileges_denied(hc, 3), (1u << PRIVILEGES_COUNT) - 1);
	/* "There is no such thing" is said to those who may ask. */
	xen.answer = -ENODEV;
	assert_int_equal(privileges_denied(hc, 3), 0);
	assert_string_equal(privileges_text(0, text), "");
	assert_string_equal(privileges_text(PRIVILEGE_BIT(TABLES) | PRIVILEGE_BIT(RESETS), text),
			    "MSI-X tables, to hear of resets (which are made)");
	assert_true(strlen(privileges_text(~0u, text)) < PRIVILEGES_TEXT_MAX - 1);
	privileges_words(0, text, sizeof(text));
	assert_string_equal(text, "");
	privileges_words(PRIVILEGE_BIT(TABLES) | PRIVILEGE_BIT(RESETS), text, sizeof(text));
	assert_string_equal(text, "tables resets");
	/* All of them are told in full where they are (host/records.h). */
	privileges_words(~0u, text, sizeof(((struct record_daemon *)0)->denied));
	assert_string_equal(text, "vectors tables lines resets domains giving");
	privileges_words(~0u, text, 9);
	assert_string_equal(text, "vectors ");
	done(hc);
}

static void domains_are_told_apart(void **state)
{
	struct hypercall *hc = open_on(0x17, 0x15);
	bool running[DOMAINS + 20];
	unsigned calls;

	(void)state;
	calls = xen.sysctls;
	assert_int_equal(hypercall_domains_running(hc, running, ARRAY_SIZE(running)), 0);
	assert_int_equal(xen.sysctls - calls, 3); /* 64 at a time, of 90, and an end */
	for (uint32_t d = 0; d < ARRAY_SIZE(running); d++) {
		bool want = exists(d) && d % 7 != 6 && d % 3 != 2;

		if (running[d] != want)
			fail_msg("domain %u: %d", d, running[d]);
		assert_int_equal(hypercall_domain_halted(hc, d), !want);
		assert_int_equal(hypercall_domain_suspended(hc, d), want && d % 5 == 4);
	}
	assert_int_equal(hypercall_domain_halted(hc, DOMID_SELF), 1);
	assert_int_equal(hypercall_domain_suspended(hc, DOMID_SELF), 0);
	done(hc);
}

static void arguments_stand_where_xen_reads_them(void **state)
{
	struct hypercall *hc = open_on(0x17, 0x15);
	struct sbdf a = { .segment = 0x1234, .bus = 0x56, .devfn = 0x78 };
	uint32_t gsi[2];

	(void)state;
	assert_int_equal(hypercall_allow_memory(hc, 7, 0xfebf1800, 0x1000, true), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_iomem_permission);
	assert_int_equal(xen.domctl.domain, 7);
	assert_int_equal(xen.domctl.u.iomem_permission.first_mfn, 0xfebf1);
	assert_int_equal(xen.domctl.u.iomem_permission.nr_mfns, 2);
	assert_int_equal(xen.domctl.u.iomem_permission.allow_access, 1);
	assert_int_equal(hypercall_allow_ports(hc, 7, 0xc040, 0x20, false), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_ioport_permission);
	assert_int_equal(xen.domctl.u.ioport_permission.first_port, 0xc040);
	assert_int_equal(xen.domctl.u.ioport_permission.nr_ports, 0x20);
	assert_int_equal(xen.domctl.u.ioport_permission.allow_access, 0);
	assert_int_equal(hypercall_allow_irq(hc, 7, 300, true), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_irq_permission);
	assert_int_equal(xen.domctl.u.irq_permission.pirq, 300);
	assert_int_equal(xen.domctl.u.irq_permission.allow_access, 1);
	assert_int_equal(hypercall_allow_gsi(hc, 7, 19, true), 0);
	memcpy(gsi, &xen.domctl.u, sizeof(gsi));
	assert_int_equal(xen.domctl.cmd, GSI_PERMISSION);
	assert_int_equal(gsi[0], 19);
	assert_int_equal(gsi[1], 1);
	assert_int_equal(hypercall_assign(hc, 7, a, true), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_assign_device);
	assert_int_equal(xen.domctl.u.assign_device.dev, XEN_DOMCTL_DEV_PCI);
	assert_int_equal(xen.domctl.u.assign_device.flags, XEN_DOMCTL_DEV_RDM_RELAXED);
	assert_int_equal(xen.domctl.u.assign_device.u.pci.machine_sbdf, 0x12345678);
	assert_int_equal(hypercall_deassign(hc, 7, a), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_deassign_device);
	assert_int_equal(xen.domctl.u.assign_device.flags, 0);
	assert_int_equal(hypercall_destroy(hc, 7), 0);
	assert_int_equal(xen.domctl.cmd, XEN_DOMCTL_destroydomain);
	done(hc);
}

static void what_xen_cannot_name_is_not_sent(void **state)
{
	struct hypercall *hc = open_on(0x17, 0x15);
	struct sbdf a = { .segment = 0x10000 };
	unsigned before = xen.domctls;

	(void)state;
	assert_int_equal(hypercall_assign(hc, 7, a, false), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(hypercall_allow_memory(hc, 7, 0, 0, true), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(hypercall_allow_memory(hc, 7, UINT64_MAX, 2, true), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(hypercall_pause(hc, 0x10007), 0); /* it does not exist, so it stands still */
	assert_int_equal(hypercall_allow_irq(hc, 0x10007, 1, true), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(xen.domctls, before);
	xen.answer = -ESRCH;
	assert_int_equal(hypercall_pause(hc, 7), 0);
	assert_int_equal(hypercall_destroy(hc, 7), 0);
	xen.answer = -EINVAL;
	assert_int_equal(hypercall_destroy(hc, 7), -1);
	assert_int_equal(errno, EINVAL);
	done(hc);
}

static void an_msi_is_asked_for_by_segment_where_it_has_one(void **state)
{
	struct hypercall *hc = open_on(0x15, 0x15);
	struct sbdf a = { .bus = 3, .devfn = 0x10 };
	uint32_t pirq = 0;

	(void)state;
	assert_int_equal(hypercall_map_msi(hc, 7, a, 2, 0xfebf0000, &pirq), 0);
	assert_int_equal(xen.physdev.map.type, MAP_PIRQ_TYPE_MSI);
	assert_int_equal(xen.physdev.map.bus, 3);
	assert_int_equal(xen.physdev.map.devfn, 0x10);
	assert_int_equal(xen.physdev.map.entry_nr, 2);
	assert_int_equal(xen.physdev.map.table_base, 0xfebf0000);
	assert_int_equal(xen.physdev.map.pirq, -1);
	assert_int_equal(xen.physdev.map.index, -1);
	a.segment = 1;
	assert_int_equal(hypercall_map_msi(hc, 7, a, HYPERCALL_MSI, 1, &pirq), 0);
	assert_int_equal(xen.physdev.map.type, MAP_PIRQ_TYPE_MSI_SEG);
	assert_int_equal(xen.physdev.map.bus, 0x10003);
	assert_int_equal(xen.physdev.map.table_base, 0);
	assert_int_equal(hypercall_unmap_pirq(hc, 7, pirq), 0);
	assert_int_equal(xen.physdev_op, PHYSDEVOP_unmap_pirq);
	assert_int_equal(xen.physdev.unmap.domid, 7);
	assert_int_equal(xen.physdev.unmap.pirq, 55);
	done(hc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_are_those_of_the_headers),
		cmocka_unit_test(the_headers_are_of_a_known_xen),
		cmocka_unit_test(each_xen_is_asked_for_its_version),
		cmocka_unit_test(an_unknown_xen_is_refused_aloud_and_physdev_works),
		cmocka_unit_test(a_driver_domain_has_a_version_too),
		cmocka_unit_test(privileges_are_found_out),
		cmocka_unit_test(domains_are_told_apart),
		cmocka_unit_test(arguments_stand_where_xen_reads_them),
		cmocka_unit_test(what_xen_cannot_name_is_not_sent),
		cmocka_unit_test(an_msi_is_asked_for_by_segment_where_it_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
