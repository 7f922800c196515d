/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own state: domains, handles of their processes, and what one file of it offers
 * to the others. One thread, one epoll loop; nothing here blocks.
 */
#ifndef XENBOX_HV_H
#define XENBOX_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm.h"
#include "wire.h"

#define HV_DOMID_MAX 0x7ff0u /* first reserved domid: DOMID_SELF */
#define HV_DOMID_IO 0x7ff1u  /* owner of quarantined devices */
#define HV_NO_DOMID 0xffffu

/* ---- configuration, fixed by `xenbox up` ---- */

struct hv_config {
	unsigned int xen_minor; /* 4.xen_minor */
	bool pvh_dom0;
	bool no_iommu;
	unsigned int gsis;	 /* GSIs of the machine */
	unsigned int extra_irqs; /* pirqs of a guest beyond the GSIs */
	bool shared_gsi[256];	 /* a line that several domains use */
	const char *rundir;	 /* where the sockets are */
	const char *dir;	 /* where the log is */
};

extern struct hv_config hv_config;
extern struct xb_shm *hv_shm;
extern int hv_shm_fd;

/* ---- main loop (hv.c) ---- */

/* Something with a descriptor in the epoll set. Embed it; free the owner in `release`. */
struct hv_source {
	int fd;
	void (*ready)(struct hv_source *s, uint32_t events);
	void (*release)(struct hv_source *s);
	struct hv_source *next_dead;
	bool dead;
};

/* Watch s->fd for events (EPOLLIN...). 0, or -1 with errno. */
int hv_source_add(struct hv_source *s, uint32_t events);
int hv_source_modify(struct hv_source *s, uint32_t events);
/* Close s->fd and have s released once the current round of events is through. Idempotent. */
void hv_source_drop(struct hv_source *s);

/* ---- domains (domain.c) ---- */

enum hv_life { HV_ALIVE, HV_DYING };

struct hv_domain {
	uint16_t domid;
	enum hv_life life;
	bool paused;
	bool hvm;
	struct hv_domain *target; /* whose device model it is, which gives it some of that one's rights */
	bool started;	   /* a process has run in it */
	bool shutdown;
	uint8_t shutdown_reason;
	uint32_t memory;   /* handle of its memory, never reused */
	unsigned int refs; /* pages of it mapped by others; a dying domain goes with the last */
	char name[64];
	uint8_t uuid[16];
	struct hv_domain *next;

	uint32_t *ports; /* record of each port, 0: free */
	unsigned int nports;

	int mem_fd;
	uint8_t *pages; /* 1: in use */
	unsigned int npages;

	struct hv_grant *grants;
	unsigned int ngrants;

	struct hv_pirq *pirqs;
	unsigned int npirqs;

	struct hv_bus *bus; /* the guest kernel's half of xenstore */
};

/* Every domain object, dying ones included. */
extern struct hv_domain *hv_domains;

/*
 * The domain, or NULL with errno ESRCH. As in Xen, a dying one is found as long as others map pages
 * of it; _alive finds none that is dying.
 */
struct hv_domain *hv_domain_find(unsigned int domid);
struct hv_domain *hv_domain_alive(unsigned int domid);
/* The domain whose memory handle this is, dying ones included; NULL when gone. */
struct hv_domain *hv_domain_by_memory(uint32_t memory);
/* Create a domain with its xenstore ring, port and grant. -errno: EEXIST, EINVAL, ENOMEM. */
int hv_domain_create(unsigned int domid, struct hv_domain **dom);
/* Kill: processes, ports, grants, pirqs; what others still map stays until they let go. */
void hv_domain_kill(struct hv_domain *d);
/* Let go of n pages of d, mapped before (d->refs counts them). */
void hv_domain_put(struct hv_domain *d, unsigned int n);
/* n free consecutive pages. Returns the first pfn, or -errno. */
int64_t hv_pages_alloc(struct hv_domain *d, unsigned int n);
void hv_pages_free(struct hv_domain *d, uint32_t pfn, unsigned int n);

/* ---- handles of processes (hv.c) ---- */

struct hv_handle {
	struct hv_source src; /* first: the connection */
	struct hv_domain *dom; /* NULL before the hello, and when the domain has been killed */
	enum xb_kind kind;
	pid_t pid;
	struct hv_handle *next, **prev;

	uint16_t slot; /* event channels */
	uint16_t gen;
	int wfd;
	uint16_t restricted; /* HV_NO_DOMID: not */

	struct hv_map *maps;	 /* grants mapped through it */
	struct hv_share *shares; /* pages shared through it */
	uint64_t gone_domid;	 /* waiting for this domain to be gone; HV_NO_DOMID: not waiting */
};

extern struct hv_handle *hv_handles;
void hv_reply(struct hv_handle *h, struct xb_msg *m, const void *data, int fd);
/* Answer those that wait for a domain number to be free again. */
void hv_domain_gone(unsigned int domid);
/* Processes with an open handle in domain d. */
unsigned int hv_handle_count(const struct hv_domain *d);
/* Drop all connections of a domain's processes. */
void hv_handles_drop(struct hv_domain *d);

/* ---- the log and injected failures (log.c) ---- */

struct hv_call {
	const char *name;
	unsigned int domid;
	char args[256];
	char res[160];
};

int hv_log_open(const char *dir);
/* Who makes the calls that come next: xenstored, whose lines begin with its name, or others. */
void hv_log_caller(bool is_xenstored);
/* Begin a call: names it and its arguments. Returns 0, or the -errno that a test asked for. */
int hv_call_begin(struct hv_call *c, const struct hv_domain *caller, const char *name,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* What the log shows beside the result. */
void hv_call_result(struct hv_call *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* End it: one line in the log. Returns ret. */
int hv_call_end(struct hv_call *c, int ret);
/* Add a failure, or clear all of them when f->op is empty. 0, -EINVAL, -ENOSPC. */
int hv_fail_add(const struct xb_failure *f);

/* ---- event channels (evtchn.c) ---- */

enum hv_chan_state { HV_FREE, HV_UNBOUND, HV_INTERDOMAIN, HV_VIRQ };

struct hv_chan { /* beside each xb_port record, what only the hypervisor needs */
	struct hv_domain *dom;
	struct hv_handle *owner; /* NULL: a kernel's port (served by ring.c), or nobody's */
	uint32_t port;
	uint16_t remote; /* UNBOUND: the domain that may bind */
	uint16_t virq;
	enum hv_chan_state state;
	uint16_t notifies; /* unmap notifications that will be sent through it */
	bool orphan;	   /* its handle is closed, only those keep it */
};

extern struct hv_chan hv_chans[XB_PORTS];
#define HV_KERNEL_SLOT 1u /* events of ports that the guests' kernels hold */

int hv_evtchn_init(void);
int hv_evtchn_open(struct hv_handle *h); /* -> the descriptor for the process, or -errno */
void hv_evtchn_close(struct hv_handle *h);
/* The calls: -errno, or the new port with *rec its record. owner NULL: a kernel's port. */
int hv_evtchn_alloc(struct hv_domain *d, struct hv_handle *owner, unsigned int remote,
		    uint32_t *rec);
int hv_evtchn_bind(struct hv_domain *d, struct hv_handle *owner, unsigned int remote,
		   uint32_t remote_port, uint32_t *rec);
int hv_evtchn_virq(struct hv_domain *d, struct hv_handle *owner, unsigned int virq, uint32_t *rec);
int hv_evtchn_unbind(struct hv_domain *d, const struct hv_handle *owner, uint32_t port);
/* Close all ports of a dying domain. */
void hv_evtchn_destroy(struct hv_domain *d);
/* Raise a virq in dom0. */
void hv_virq_raise(unsigned int virq);
/* Notify the peer of a port; what a hypervisor's own user of a port does. */
void hv_evtchn_send(uint32_t rec);
void hv_evtchn_unmask(uint32_t rec);
/* Keep a port of d for an unmap notification, and let it go, sent or not. -EINVAL: no such port. */
int hv_evtchn_get(const struct hv_domain *d, uint32_t port);
void hv_evtchn_send_put(struct hv_domain *d, uint32_t port, bool send);
/* Descriptor to write tokens of this slot into, or -1. */
int hv_evtchn_wfd(unsigned int slot);
/* Handle the evtchn messages. Returns the answer's ret. */
int hv_evtchn_request(struct hv_handle *h, struct xb_msg *m, int *fd);

/* ---- grants (grant.c) ---- */

struct hv_grant {
	bool used;
	bool readonly;
	bool revoked; /* its owner has unshared it, but it is still mapped */
	uint16_t remote;
	uint32_t pfn;
	uint32_t maps;
};

/* Grant a page under a fixed reference (the toolstack's seeding of a new domain). */
int hv_grant_set(struct hv_domain *d, uint32_t ref, unsigned int remote, uint32_t pfn);
/* A grant message with len bytes of data; the answer's data goes to out. Returns its ret. */
int hv_grant_request(struct hv_handle *h, struct xb_msg *m, const void *data, uint32_t len,
		     void *out);
/* Undo all that a closing handle maps or shares. */
void hv_grant_close(struct hv_handle *h);
void hv_grant_destroy(struct hv_domain *d);
unsigned int hv_grant_count(const struct hv_domain *d, unsigned int *mapped);
unsigned int hv_map_count(const struct hv_domain *d);

/* ---- devices (device.c) ---- */

#define HV_MSI_MAX 32 /* vectors of MSI that a device can have */

struct hv_device {
	uint32_t sbdf;
	uint16_t owner; /* domid; 0 when not assigned */
	uint16_t msi;	/* vectors that it supports; 0: no capability */
	uint16_t msix;
	uint8_t gsi; /* of its INTx */
	bool prepared;	/* for MSI-X */
	bool removed;	/* by PHYSDEVOP_pci_device_remove */
	unsigned int vectors; /* mapped MSI-X entries */
	struct hv_device *next;
};

/* Add a device to the box; once one is added this way, all others are unknown. */
int hv_device_declare(const char *spec);
/* The device, made up if the box knows no list of devices; NULL: unknown. */
struct hv_device *hv_device_find(uint32_t sbdf);
int hv_device_assign(unsigned int domid, uint32_t sbdf, bool test_only);
int hv_device_deassign(unsigned int domid, uint32_t sbdf);
unsigned int hv_device_count(unsigned int domid);
/* PHYSDEVOP_pci_device_add and _remove. 0, or -errno. */
int hv_device_add(uint32_t sbdf);
int hv_device_remove(uint32_t sbdf);
/* What the dom0 kernel's privcmd says of a device's INTx: its GSI, or -errno. */
int hv_device_gsi(uint32_t sbdf);
/* A domain has died: its devices go into quarantine. */
void hv_devices_release(unsigned int domid);

/* ---- physdev and pirqs (physdev.c) ---- */

int hv_pirqs_init(struct hv_domain *d);
void hv_pirqs_destroy(struct hv_domain *d);
unsigned int hv_pirq_count(const struct hv_domain *d);
int hv_physdev_op(struct hv_domain *caller, unsigned int cmd, void *arg, uint32_t len);

/* ---- the other hypercalls (hypercall.c) ---- */

/* Run the hypercall m->a[0]; data is a copy of its structure, updated. 0 or more, or -errno. */
int hv_hypercall(struct hv_domain *caller, const struct xb_msg *m, void *data, uint32_t *len);

/* ---- guest xenstore (ring.c) ---- */

/* Give domain d its kernel's half of xenstore: ring page, port and socket. -errno on failure. */
int hv_bus_create(struct hv_domain *d);
void hv_bus_destroy(struct hv_domain *d);
/* The kernel's port with this record has an event. */
void hv_bus_event(uint32_t rec);
uint32_t hv_bus_port(const struct hv_bus *b);
uint32_t hv_bus_pfn(const struct hv_bus *b);
/* xenstored is gone: what was asked of it fails with EIO. Another has taken its place: they go on. */
void hv_bus_lost(struct hv_bus *b);
void hv_bus_back(struct hv_bus *b, bool watches); /* set anew */
void hv_bus_count(const struct hv_bus *b, unsigned int *clients, unsigned int *watches);

#endif
