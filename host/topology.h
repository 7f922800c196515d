/* SPDX-License-Identifier: MIT */
/*
 * The tree of PCI functions: every function of a provider, what kind it is, the bridge above it,
 * and which resets its capabilities offer. Read once and refreshed before each use, as far as it
 * matters there; the questions are pure functions over it. Functions are named by their index.
 * Nothing logs unless it says so. One thread.
 */
#ifndef XENPCI_HOST_TOPOLOGY_H
#define XENPCI_HOST_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>
#include <xentoollog.h>

#include "host/device/pcidev.h"

/* What a kind is. */
enum {
	TOPOLOGY_BRIDGE = 1,  /* serves the host, not a guest */
	TOPOLOGY_EXPRESS = 2, /* its own side is PCI Express */
	/* Requests from behind it carry one requester id: no IOMMU can tell the devices apart. */
	TOPOLOGY_MERGES = 4,
	TOPOLOGY_LINK = 8, /* behind it is one link with one device */
};

#define TOPOLOGY_KINDS(X) \
	X(HOST_BRIDGE, "host bridge", TOPOLOGY_BRIDGE) \
	X(OTHER_BRIDGE, "bridge to a bus that is not PCI", TOPOLOGY_BRIDGE) \
	X(ROOT_PORT, "PCIe root port", TOPOLOGY_BRIDGE | TOPOLOGY_EXPRESS | TOPOLOGY_LINK) \
	X(UPSTREAM, "PCIe switch upstream port", TOPOLOGY_BRIDGE | TOPOLOGY_EXPRESS) \
	X(DOWNSTREAM, "PCIe switch downstream port", \
	  TOPOLOGY_BRIDGE | TOPOLOGY_EXPRESS | TOPOLOGY_LINK) \
	X(PCIE_TO_PCI, "PCIe-to-PCI bridge", \
	  TOPOLOGY_BRIDGE | TOPOLOGY_EXPRESS | TOPOLOGY_MERGES) \
	X(PCI_TO_PCIE, "PCI-to-PCIe bridge", TOPOLOGY_BRIDGE | TOPOLOGY_MERGES | TOPOLOGY_LINK) \
	X(PCI_BRIDGE, "PCI bridge", TOPOLOGY_BRIDGE | TOPOLOGY_MERGES) \
	X(CARDBUS, "CardBus bridge", TOPOLOGY_BRIDGE | TOPOLOGY_MERGES) \
	X(ENDPOINT, "PCIe endpoint", TOPOLOGY_EXPRESS) \
	X(ROOT_ENDPOINT, "PCIe endpoint of the root complex", TOPOLOGY_EXPRESS) \
	X(EVENT_COLLECTOR, "root complex event collector", TOPOLOGY_BRIDGE | TOPOLOGY_EXPRESS) \
	X(CONVENTIONAL, "conventional PCI device", 0)

enum topology_kind {
#define X(id, name, traits) TOPOLOGY_##id,
	TOPOLOGY_KINDS(X)
#undef X
};

enum {
	TOPOLOGY_NONE = -1,	  /* no such function */
	TOPOLOGY_DRIVER_MAX = 32, /* bytes of a driver's name, with its end */
	TOPOLOGY_USERS_MAX = 48,
};
#define TOPOLOGY_NO_GUEST UINT32_MAX

/* Resets that the OS may list: in sysfs, the words of reset_method. */
enum {
	TOPOLOGY_WAY_FLR = 1,
	TOPOLOGY_WAY_AF_FLR = 2,
	TOPOLOGY_WAY_PM = 4,
	TOPOLOGY_WAY_BUS = 8, /* of the bus, or of the slot, where nobody else is there */
};

struct topology_function {
	struct pcidev_info info;
	enum topology_kind kind;
	int parent; /* the bridge above; TOPOLOGY_NONE on a root bus */
	int pf;	    /* a VF's physical function; TOPOLOGY_NONE otherwise, or where it is not there */
	bool flr;   /* by the express capability */
	bool af_flr;
	bool pm_reset;	   /* D3hot to D0 resets it */
	bool intx;	   /* has an interrupt pin */
	bool msi;	   /* has MSI or MSI-X */
	bool kernel_reset; /* the OS knows a way */
	bool os;	   /* an OS tells of it: its drivers, its resets; an image has none */
	bool os_tells;	   /* which resets it offers: os_ways */
	unsigned os_ways;  /* TOPOLOGY_WAY_FLR, ... */
	bool dead;	   /* it reads ones, as of the last look at its registers */
	bool unread;	   /* it read ones when it was read: what is said of its registers is not so */
	bool d3hot;	   /* ... or sleeps, and reads as ever */
	bool d3cold;	   /* the OS says so: then it may be dead for that alone */
	char driver[TOPOLOGY_DRIVER_MAX]; /* the host's, "" for none */
	/* What only the caller knows; topology_read sets: no guest has it, not quarantined. */
	uint32_t guest; /* domid that has it, TOPOLOGY_NO_GUEST */
	bool quarantined;
	bool unreset; /* a reset or a restoring that it should have had failed (quarantine.h) */
	char line_users[TOPOLOGY_USERS_MAX]; /* who on the host listens to its line, "" for nobody */
};

struct topology {
	struct topology_function *function; /* in address order */
	int nr;
	unsigned reads; /* how often it was read whole again, since functions came or went */
};

/*
 * Reads every function of p. One that cannot be read is logged and left out.
 * 0, or -1 with errno: EACCES (needs root), ENOMEM, or the OS's; *t is then empty.
 */
int topology_read(struct topology *t, struct provider *p, xentoollog_logger *lg);
/* Safe on a zeroed one, and twice. */
void topology_dispose(struct topology *t);
/*
 * Brings up to date which functions there are. Of those that stayed, what the caller knew is kept,
 * and so is what their registers said before: a function may be in reset now and read ones. Returns
 * as topology_read; on failure *t is as it was. Drivers and the kernel's resets are not read again:
 * topology_look does that.
 */
int topology_refresh(struct topology *t, struct provider *p, xentoollog_logger *lg);
/* What the OS says of function i now: its driver, and which resets it knows. */
void topology_look(struct topology *t, struct provider *p, int i);
/*
 * Whether function i answers now, and sleeps. One that cannot be opened does not answer; one that does for the
 * first time is read.
 */
void topology_probe(struct topology *t, struct provider *p, int i);

/* Index of a, or TOPOLOGY_NONE. */
int topology_find(const struct topology *t, struct sbdf a);

const char *topology_kind_name(enum topology_kind kind);
/* Traits of function i's kind: TOPOLOGY_BRIDGE, ... */
unsigned topology_traits(const struct topology *t, int i);

/* Whether i is somewhere behind bridge. */
bool topology_is_below(const struct topology *t, int i, int bridge);
/*
 * Whether i and j (not the same) are functions of one device: of one slot, or, with
 * ARI, of one link. Virtual functions are none.
 */
bool topology_same_slot(const struct topology *t, int i, int j);
/*
 * The highest bridge above i that merges requester ids (TOPOLOGY_MERGES): all devices
 * behind it go to one guest. TOPOLOGY_NONE where there is none.
 */
int topology_uppermost_pci_bridge(const struct topology *t, int i);
/* Whether i and j are a physical function and a virtual one of it. */
bool topology_pf_and_vf(const struct topology *t, int i, int j);

/* The function on a root bus that is above i, or i itself. */
int topology_root(const struct topology *t, int i);
/*
 * Copies i's root and all functions below it into *tree, which the caller disposes of; i's index in
 * it into *at. 0, or -1 with errno ENOMEM.
 */
int topology_tree(const struct topology *t, int i, struct topology *tree, int *at);

#endif
