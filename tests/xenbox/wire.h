/* SPDX-License-Identifier: MIT */
/*
 * What a process in the box and the box's hypervisor say to each other.
 *
 * Every open handle of a Xen library (an event channel handle, a grant handle, a hypercall
 * handle...) is one SOCK_SEQPACKET connection, so that closing it or dying is seen by the
 * hypervisor as the kernel sees the close of a device file. One request is one packet, and has
 * one answer.
 */
#ifndef XENBOX_WIRE_H
#define XENBOX_WIRE_H

#include <stdint.h>

#define XB_PAGE_SIZE 4096u
#define XB_DATA_MAX 65536u /* bytes behind a message header, either way */
#define XB_MAP_MAX 512u    /* pages in one grant or foreign mapping */

/* What kind of device file the connection stands for; said in the hello. */
enum xb_kind {
	XB_KIND_CALL, /* hypercalls, and the command line's own requests */
	XB_KIND_EVTCHN,
	XB_KIND_GNTTAB,
	XB_KIND_GNTSHR,
	XB_KIND_FOREIGN,
	XB_KIND_COUNT
};

/* The arguments of each request and what its answer holds. "fd" travels beside the answer. */
enum xb_op {
	XB_HELLO = 1,	    /* a0 domid, a1 kind, a2 pid -> a0 slot, fd: pipe (evtchn) */
	XB_SHM,		    /* -> fd: the shared port records */
	XB_HYPERCALL,	    /* a0 number, a1..a5 arguments; data: the structure pointed to */
	XB_EVTCHN_ALLOC,    /* a0 remote domid -> a0 port, a1 record */
	XB_EVTCHN_BIND,	    /* a0 remote domid, a1 remote port -> a0 port, a1 record */
	XB_EVTCHN_VIRQ,	    /* a0 virq -> a0 port, a1 record */
	XB_EVTCHN_UNBIND,   /* a0 port */
	XB_EVTCHN_OWNER,    /* a0 record -> a0 owner as in the record, fd: where its events go */
	XB_EVTCHN_RESTRICT, /* a0 domid */
	XB_EVTCHN_RECORD,   /* a0 port -> a0 record; of a handle that another program had opened */
	XB_GNT_MAP,	    /* a0 count, a1 writable; data: count x xb_gref
			     * -> a0 id; data: count x xb_frame; no fd: ask XB_MEMORY */
	XB_GNT_UNMAP,	    /* a0 id */
	XB_GNT_NOTIFY,	    /* a0 id, a1 offset, a2 port; -1: none */
	XB_GNT_SHARE,	    /* a0 remote domid, a1 count, a2 writable
			     * -> a0 id, a1 pfn, a2 memory; data: references */
	XB_GNT_UNSHARE,	    /* a0 id */
	XB_GNT_SHARE_NOTIFY, /* as XB_GNT_NOTIFY */
	XB_MEMORY,	    /* a0 memory handle of xb_frame -> fd: that domain's memory */
	XB_FOREIGN_MAP,	    /* a0 domid, a1 count; data: count x uint64_t pfn -> data: xb_frame */
	XB_GET_GSI,	    /* a0 sbdf -> a0 GSI */
	XB_SPECIAL,	    /* a0 enum xb_special -> fd: its content */
	XB_CTL_STAT,	    /* a0 domid or -1 -> data: text */
	XB_CTL_FAIL,	    /* data: struct xb_failure; an empty op clears all */
	XB_CTL_DOMAIN,	    /* a0 domid -> a0 store port, a1 store pfn, a2 started, a3 xen minor */
	XB_CTL_GONE,	    /* a0 domid; answered when nothing of a dying domain is left */
	XB_CTL_NAME,	    /* a0 domid; data: name */
	XB_CTL_STORE,	    /* a0 enum xb_store -> a0 xenstored's pid */
	XB_CTL_DOWN	    /* answered last of all */
};

/* What is to be done with xenstored. */
enum xb_store {
	XB_STORE_PID,
	XB_STORE_KILL,	/* SIGKILL; answered when it has ended */
	XB_STORE_START, /* where nobody looks for it: BOX_STORE_DIR/BOX_XS_SOCKET */
	XB_STORE_SHOW	/* it knows what it is to know: clients find it, guests' kernels go on; a1: with their watches */
};

/* Files that a kernel makes for Xen userland. */
enum xb_special { XB_XSD_PORT, XB_XSD_KVA };

struct xb_msg {
	uint32_t op;
	int32_t ret;  /* answer: 0 or more, or a negative errno */
	uint32_t len; /* bytes of data that follow */
	uint32_t pad;
	uint64_t a[6];
};

struct xb_gref {
	uint32_t domid;
	uint32_t ref;
};

/* One page of some domain's memory: ask for the memory's descriptor with XB_MEMORY. */
struct xb_frame {
	uint32_t memory; /* handle, valid while the mapping is */
	uint32_t pfn;
	int32_t err; /* foreign maps only: negative errno of this page */
	uint32_t pad;
};

/* A failure to inject: the skip first calls pass, the count next ones fail. */
struct xb_failure {
	char op[32];
	int32_t err;	/* positive errno */
	uint32_t skip;
	uint32_t count; /* 0: for ever */
	int32_t domid;	/* only calls made by this domain; -1: by any */
};

#endif
