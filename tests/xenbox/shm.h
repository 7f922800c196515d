/* SPDX-License-Identifier: MIT */
/*
 * The event channel fast path: port records in memory that every process of the box shares, so that
 * notify and unmask need the hypervisor no more than a pending bit in a real shared_info page does.
 *
 * As with the kernel's evtchn device, delivering an event masks the port and puts its number into
 * the queue (here: a pipe) of the handle that owns it; an event that comes while the port is masked
 * is remembered and delivered by the unmask.
 */
#ifndef XENBOX_SHM_H
#define XENBOX_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define XB_PORTS 65536u	  /* records in all; record 0 stands for "none" */
#define XB_SLOTS 16384u	  /* event channel handles open at once; slot 0 stands for "none" */
#define XB_DOM_PORTS 4096u /* per domain, as with Xen's 2-level event channels */

#define XB_MASKED 1u
#define XB_PENDING 2u /* only ever set together with XB_MASKED */

struct xb_port {
	_Atomic uint32_t state;
	_Atomic uint32_t peer;	/* record at the other end; 0: closed, notifies are dropped */
	_Atomic uint32_t owner; /* slot | generation << 16 of the handle that gets the events */
	uint32_t token;		/* what that handle reads from its pipe: the port number */
	uint32_t spare[4];
};

struct xb_shm {
	/* Per handle: the record that it is just delivering to. A process killed between marking
	 * a port and writing the pipe would silence that port for ever; the hypervisor repairs. */
	_Atomic uint32_t inflight[XB_SLOTS];
	struct xb_port port[XB_PORTS];
};

/* Mark an event. True: the caller must write the token into the owner's pipe. */
static inline bool xb_port_raise(struct xb_port *p)
{
	uint32_t old = atomic_load(&p->state);

	while (!atomic_compare_exchange_weak(&p->state, &old,
					     old & XB_MASKED ? old | XB_PENDING : XB_MASKED))
		;
	return !(old & XB_MASKED);
}

/* Unmask. True: an event came meanwhile (the port stays masked) and its token must be written. */
static inline bool xb_port_unmask(struct xb_port *p)
{
	uint32_t old = atomic_load(&p->state);

	while (!atomic_compare_exchange_weak(&p->state, &old, old & XB_PENDING ? XB_MASKED : 0))
		;
	return old & XB_PENDING;
}

#endif
