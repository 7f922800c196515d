/* SPDX-License-Identifier: MIT */
/*
 * The few domctls and sysctls that are made here, without libxenctrl: that library's name changes
 * with each Xen, and Xen takes these calls only with the number of its own interface version, which
 * is asked for here. Of the commands below the layout is the same in all versions that control.c
 * lists; the unit test compares it with the Xen headers that are installed. One thread at a time,
 * as libxencall has it.
 */
#ifndef XENPCI_HOST_CONTROL_H
#define XENPCI_HOST_CONTROL_H

#include <stdint.h>
#include <xencall.h>
#include <xentoollog.h>

/* Eight bytes that are aligned to eight on 32-bit machines too. */
typedef uint64_t control_u64 __attribute__((aligned(8)));

enum control_domctl_command {
	CONTROL_DESTROY = 2,
	CONTROL_PAUSE = 3,
	CONTROL_DOMAIN_INFO = 5,
	CONTROL_ALLOW_IRQ = 19,
	CONTROL_ALLOW_MEMORY = 20,
	CONTROL_ALLOW_PORTS = 21,
	CONTROL_ASSIGN = 37,
	CONTROL_DEASSIGN = 47,
	CONTROL_ALLOW_GSI = 88, /* since Xen 4.20, which did not count its version up for it */
};

enum control_sysctl_command {
	CONTROL_PHYSINFO = 3,
	CONTROL_LIST_DOMAINS = 6,
};

/* Flags of control_domain. */
#define CONTROL_DOMAIN_DYING 1u
#define CONTROL_DOMAIN_HVM 2u /* PVH, too */
#define CONTROL_DOMAIN_SHUTDOWN 4u
#define CONTROL_DOMAIN_REASON(flags) ((flags) >> 16 & 0xff) /* SHUTDOWN_* of xen/sched.h */

#define CONTROL_DEVICE_PCI 0u	  /* device.kind */
#define CONTROL_DEVICE_RELAXED 1u /* device.flags of CONTROL_ASSIGN */

#define CONTROL_CAP_IOMMU 4u /* physinfo.capabilities */

/* struct xen_domctl_getdomaininfo */
struct control_domain {
	uint16_t domid;
	uint16_t pad1;
	uint32_t flags;
	control_u64 pages[6], cpu_time;
	uint32_t nr_online_vcpus, max_vcpu_id, ssidref;
	uint8_t handle[16];
	uint32_t cpupool;
	uint8_t gpaddr_bits, pad2[7];
#if defined(__x86_64__) || defined(__i386__)
	uint32_t arch[2];
#else
	uint32_t arch[3];
#endif
};

/* struct xen_domctl */
struct control_domctl {
	uint32_t cmd;
	uint32_t version; /* control_domctl fills it in */
	uint16_t domid;
	uint16_t pad[3];
	union {
		struct control_domain info;
		struct {
			uint32_t pirq;
			uint8_t allow, pad[3];
		} irq;
		struct {
			control_u64 first, nr; /* pages */
			uint8_t allow;
		} memory;
		struct {
			uint32_t first, nr;
			uint8_t allow;
		} ports;
		struct {
			uint32_t gsi;
			uint32_t allow; /* 0 or 1 */
		} gsi;
		struct {
			uint32_t kind, flags, sbdf;
		} device;
		control_u64 room[16];
	} u;
};

/* struct xen_sysctl */
struct control_sysctl {
	uint32_t cmd;
	uint32_t version; /* control_sysctl fills it in */
	union {
		struct {
			uint32_t counts[6], cpu_khz, capabilities;
		} physinfo;
		struct {
			uint16_t first, pad;
			uint32_t max;
			control_u64 buffer; /* address of memory from xencall_alloc_buffer */
			uint32_t nr;
		} list;
		control_u64 room[16];
	} u;
};

struct control {
	xencall_handle *xcall; /* not ours */
	uint32_t domctl, sysctl; /* Xen's versions; 0: none that we know */
};

/*
 * Asks Xen for its versions, through xcall, which must outlive c. Where one is none of ours, that
 * is logged to lg with what will not work, and is no failure: the calls of that kind fail. 0, or
 * -1 with errno ENOMEM. Logs; waits for hypercalls only.
 */
int control_init(struct control *c, xencall_handle *xcall, xentoollog_logger *lg);

/*
 * Makes one call; *call goes in and comes back, also where it fails. 0 or what Xen returns, or -1
 * with errno: EPROTONOSUPPORT (Xen's version is none of ours), ENOMEM, EPERM (not ours to
 * ask), ENOSYS or EOPNOTSUPP (this Xen has no such command), and the command's own. Never logs.
 */
int control_domctl(const struct control *c, struct control_domctl *call);
int control_sysctl(const struct control *c, struct control_sysctl *call);

#endif
