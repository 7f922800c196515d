/* SPDX-License-Identifier: MIT */
/*
 * Names and formats of the xenstore nodes (PROTOCOL.md 2.1 to 2.3, as libxl
 * and the kernel's backend write them). Each name stands here once. Nothing here
 * logs or touches xenstore; everything may be called from several threads.
 */
#ifndef XENPCI_PROTOCOL_NODES_H
#define XENPCI_PROTOCOL_NODES_H

#include "common/sbdf.h"
#include "protocol/pciif.h"

/* Directories; the first takes the backend's domid, see nodes_*_dir below. */
#define NODE_BACKEND_ROOT "backend/pci"		/* relative to the backend's own domain */

/* Backend directory, written by the toolstack. */
#define NODE_FRONTEND	 "frontend"
#define NODE_FRONTEND_ID "frontend-id"
#define NODE_ONLINE	 "online"
#define NODE_STATE	 "state" /* both ends, in both directories */
#define NODE_DOMAIN	 "domain"
#define NODE_NUM_DEVS	 "num_devs"
#define NODE_KEY_FMT	 "key-%u"
#define NODE_DEV_FMT	 "dev-%u"
#define NODE_VDEVFN_FMT	 "vdevfn-%u"
#define NODE_NAME_FMT	 "name-%u"
#define NODE_OPTS_FMT	 "opts-%u"
#define NODE_STATE_FMT	 "state-%u"

/* Backend directory, written by the backend. */
#define NODE_VDEV_FMT	"vdev-%u"
#define NODE_ROOT_NUM	"root_num"
#define NODE_ROOT_FMT	"root-%u"
#define NODE_AER_STATE	"aerState"
#define NODE_AER_FAILED "aerfail"

/* Frontend directory. */
#define NODE_BACKEND	   "backend"
#define NODE_BACKEND_ID	   "backend-id"
#define NODE_PCI_OP_REF	   "pci-op-ref"
#define NODE_EVENT_CHANNEL "event-channel"
#define NODE_MAGIC	   "magic"

/* The frontend's directory, relative to its own domain. */
#define NODE_FRONTEND_DIR "device/pci/0"
#define NODE_FRONTEND_DIR_FMT "device/pci/%u" /* of a domain that has several */

#define NODE_NAME_MAX 32   /* bytes of any node's name with an index */
#define NODES_MAX_DEVS 256 /* more num_devs than any guest has slots and functions for */
#define NODES_MAX_ROOTS 256

/* The name of an entry's node: NODE_DEV_FMT and 3 are "dev-3". Returns buf. */
const char *node_numbered(const char *fmt, unsigned n, char buf[NODE_NAME_MAX]);

/* Values that the two ends exchange. A virtual address: what the guest sees. */
struct node_root {
	uint32_t segment;
	uint8_t bus;
};

#define NODE_VALUE_MAX 32

/* "0000:03:00.01": function in TWO hex digits, part of the protocol. Returns buf. */
const char *node_vdev_format(struct sbdf a, char buf[NODE_VALUE_MAX]);
/* Takes one or two digits for the function. 0, or -1 with errno EINVAL. */
int node_vdev_parse(const char *text, struct sbdf *out);
/* "0000:03". Returns buf. */
const char *node_root_format(struct node_root r, char buf[NODE_VALUE_MAX]);
int node_root_parse(const char *text, struct node_root *out);
/* dev-N and key-N: a full "SSSS:BB:DD.F". 0, or -1 with errno EINVAL. */
int node_dev_parse(const char *text, struct sbdf *out);

/*
 * An address as a node's name, as libxl forms it (a colon cannot be in a path):
 * "0000-03-00-0". format returns buf; parse: 0, or -1 with errno EINVAL.
 */
const char *node_bdf_format(struct sbdf a, char buf[NODE_VALUE_MAX]);
int node_bdf_parse(const char *text, struct sbdf *out);

/*
 * The assignment's options as libxl writes them into opts-N. Unknown keys and
 * malformed values are reported, never ignored: the first one is copied into bad.
 */
struct node_opts {
	bool msitranslate;
	bool power_mgmt;
	bool permissive;
	bool interrupt_control; /* ours: allow_interrupt_control of this assignment */
	bool rdm_relaxed;
};

#define NODE_OPTS_BAD_MAX 64

/*
 * Parses "key=value,key=value" (NULL or "" is all defaults: everything off) into *out.
 * Returns 0, or -1 with errno EINVAL and the offending item, cut to
 * NODE_OPTS_BAD_MAX - 1 printable characters, in bad. *out then holds what could be read.
 */
int node_opts_parse(const char *text, struct node_opts *out, char bad[NODE_OPTS_BAD_MAX]);

#endif
