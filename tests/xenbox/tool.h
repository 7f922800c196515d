/* SPDX-License-Identifier: MIT */
/* The command's own connections to a box: it is the toolstack in dom0. */
#ifndef XENBOX_TOOL_H
#define XENBOX_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <xenstore.h>

#include "box.h"
#include "client.h"

struct xen_domctl;

#define TOOL_WAIT_MS 10000 /* as long as xl waits for anything */

struct tool {
	struct box box;
	struct xb_conn hv;
	struct xs_handle *xs; /* NULL until tool_store() */
};

/* Exit codes of the command. */
enum { TOOL_OK, TOOL_FAILED, TOOL_USAGE };

/* One line on stderr; returns TOOL_FAILED. */
int tool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A command line that is wrong: says so and returns TOOL_USAGE. what may be NULL. */
int usage(const char *why, const char *what);
/* A domain's number in an argument; dom0: 0 is one. 0, or TOOL_USAGE after a message. */
int domid_arg(const char *text, bool dom0, unsigned int *domid);
/* The commands that are not in main.c. */
int cmd_run(int argc, char **argv);
int cmd_env(int argc, char **argv);

/* Connect to the box in dir. 0, or -1 after an error message. */
int tool_open(struct tool *t, const char *dir);
/* Connect to its xenstored, too. 0, or -1 after an error message. */
int tool_store(struct tool *t);
void tool_close(struct tool *t);

/* How long an answer of the hypervisor may take; 0: for ever. 0, or -1 with errno. */
int tool_hv_timeout(struct tool *t, int ms);
/* A hypercall. 0, or -1 with errno. */
int tool_domctl(struct tool *t, struct xen_domctl *ctl);
/* Ports and frame of a domain's xenstore ring, and whether a process has run in it. */
int tool_domain(struct tool *t, unsigned int domid, uint32_t *port, uint32_t *pfn, bool *started);

/* Store helpers: printf paths and values. All return 0, or -1 with errno. */
int tool_write(struct tool *t, xs_transaction_t tx, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The value, malloced, or NULL with errno. */
char *tool_read(struct tool *t, xs_transaction_t tx, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int tool_rm(struct tool *t, xs_transaction_t tx, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* mkdir with an owner who has everything and one more domain that may read (owner: nobody). */
int tool_mkdir(struct tool *t, xs_transaction_t tx, unsigned int owner, unsigned int reader,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*
 * Make, and take away, what libxl keeps of a domain (toolstack.c). uuid: of one that was saved; NULL: another for
 * each. TOOL_OK, TOOL_FAILED or TOOL_USAGE (no uuid).
 */
int tool_create(struct tool *t, unsigned int domid, const char *name, const char *uuid, bool hvm);
/* What libxl does for one that is to be the device model of an HVM guest. TOOL_OK or TOOL_FAILED. */
int tool_target(struct tool *t, unsigned int domid, unsigned int target);
/* The domid of its stub domain; 0: it has none. */
unsigned int tool_stub(struct tool *t, unsigned int domid);
/* The domain stops running, as one that powered off, and keeps its grants, ports and nodes. */
int tool_halt(struct tool *t, unsigned int domid);
/* It stops as for a save, with all that it has; and goes on, as where that is cancelled. */
int tool_suspend(struct tool *t, unsigned int domid);
int tool_resume(struct tool *t, unsigned int domid);
int tool_destroy(struct tool *t, unsigned int domid, bool crash);

/* `xl pci-*` (xl.c). */
struct xl_device {
	uint32_t sbdf;
	bool permissive, msitranslate, power_mgmt;
	bool rdm_relaxed;
	char name[65];
};

/* BDF[,option=value]..., as in `pci=[]`. 0, or -1 with a message. */
int xl_parse(struct xl_device *dev, const char *spec);
int xl_attach(struct tool *t, unsigned int domid, const struct xl_device *devs, unsigned int n,
	      bool wait);
int xl_detach(struct tool *t, unsigned int domid, const struct xl_device *dev, bool force,
	      bool wait);
int xl_list(struct tool *t, unsigned int domid);
/* Force-remove all devices of a domain that is about to be destroyed. */
void xl_destroy_all(struct tool *t, unsigned int domid);
/* Let no device be the property of a domain that is gone (libxl would, if nodes were lost). */
void xl_forget(struct tool *t, unsigned int domid);

/*
 * xenstored's pid on stdout, its death (keep: what it knows is kept), and another in its place: "pid",
 * "kill", "start" (restart.c).
 */
int tool_restart(struct tool *t, const char *what, bool keep);

/* Life of the box (up.c). */
struct up_options {
	unsigned int xen_minor, gsis, extra_irqs;
	bool pvh_dom0, no_iommu;
	bool shared_gsi[256];
	const char **devices;
	unsigned int ndevices;
};

int box_up(const char *dir, const struct up_options *opt);
int box_down(const char *dir);
/* The file of this program, with its own name replaced. */
int box_sibling(char *path, size_t size, const char *name);

#endif
