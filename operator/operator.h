/* SPDX-License-Identifier: MIT */
/*
 * What the commands of `xenpci` share: the machine's devices, who has them, and Xen
 * where there is one. One thread.
 */
#ifndef XENPCI_OPERATOR_OPERATOR_H
#define XENPCI_OPERATOR_OPERATOR_H

#include <stdbool.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "common/cli/exits.h"
#include "common/store.h"
#include "host/hypercall.h"
#include "host/assignable.h"
#include "host/quarantine.h"
#include "host/reset_function.h"
#include "host/settings.h"

#define OPERATOR_EXIT(name, number, text) OPERATOR_##name = (number),
enum { EXITS_XENPCI(OPERATOR_EXIT) };
enum { OPERATOR_PROVIDERS_MAX = 8 };

/* One provider with its topology. */
struct machine {
	const char *spec; /* as after --devices */
	struct provider *provider;
	struct topology topology;
};

struct operator {
	xentoollog_logger *lg;
	xentoollog_logger *mute; /* for libraries that say what we say better */
	/* Options. */
	const char *spec[OPERATOR_PROVIDERS_MAX];
	unsigned nr_specs;
	const char *config;
	unsigned allow;	  /* rules that may be broken */
	unsigned methods; /* of reset */
	bool force;
	bool no_wait;
	bool rebind;
	bool is_virtual; /* attach, detach: a device that a program is */
	/* Of what asks xenpcid. */
	const char *state_dir; /* where its socket is; NULL: the default */
	bool json, quirks, prometheus;
	const char *textfile;
	const char *backend_name; /* attach, detach, list: whose devices; NULL: our domain's */
	uint32_t devid;		  /* attach, detach: which of the guest's PCI frontends */
	const char *only;	/* trace: "writes", "denied" */
	unsigned seconds;	/* learn, trace: 0: not said */
	bool svg;
	const char *with; /* map, explain: options of the assignment; NULL: none said */
	/* The rest. */
	struct settings settings;
	struct machine machine[OPERATOR_PROVIDERS_MAX];
	unsigned nr_machines;
	struct xs_handle *xs; /* NULL: no Xen, or not asked for */
	struct hypercall *hypercall;
	uint32_t domid;	  /* our own */
	uint32_t backend; /* ... or the backend that was named */
	char notes[STORE_PATH_MAX]; /* operator_quarantine; empty: not looked for yet */
};

/* One function of one machine. */
struct place {
	struct machine *machine;
	struct topology_function *fn;
	int i; /* its index */
	char name[SBDF_TEXT];
};

/* Tells why a command fails: "xenpci: ..." on stderr, one line. Returns OPERATOR_FAILED. */
int operator_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Opens xenstore and the hypervisor. Where Xen is not wanted, its absence is no
 * failure (op->xs stays NULL). The backend that was named must exist. 0, or -1 having told why.
 */
int operator_open_xen(struct operator *op, bool wanted);
/*
 * Reads settings, opens the providers and reads their topologies, with owners where xenstore is
 * open. 0, or -1 having told why.
 */
int operator_open_machines(struct operator *op);
void operator_close(struct operator *op);

/* Where it is remembered which devices are held back: in xenstore, and in the directory of who serves. */
struct quarantine operator_quarantine(struct operator *op);

/* Where m's sysfs is; NULL: it is a captured machine. */
const char *machine_sysfs(const struct machine *m);
/* Function i of machine m into *place, with who listens to its line. */
void operator_place(struct operator *op, unsigned m, int i, struct place *place);
/* Finds the function that text names. 0, or -1 having told why. */
int operator_find(struct operator *op, const char *text, struct place *place);

/* The function's rules that may be broken: --allow and the settings. */
unsigned operator_allowed(const struct operator *op, const struct place *place);
/* Its resets to choose from: --method and the settings; *named: they were named one by one. */
unsigned operator_methods(const struct operator *op, const struct place *place, bool *named);

/* The domain that text names, by number or by name, which must exist. 0, or -1 having told why. */
int operator_domain(struct operator *op, const char *text, uint32_t *domid);

/* The commands: arguments after the command's name. They return the exit status. */
int run_check(struct operator *op, int argc, char **argv);
int run_reset(struct operator *op, int argc, char **argv);
int run_assignable(struct operator *op, int argc, char **argv);
int run_attach(struct operator *op, int argc, char **argv);
int run_detach(struct operator *op, int argc, char **argv);
int run_list(struct operator *op, int argc, char **argv);
int run_status(struct operator *op, int argc, char **argv);
int run_stats(struct operator *op, int argc, char **argv);
int run_denied(struct operator *op, int argc, char **argv);
int run_trace(struct operator *op, int argc, char **argv);
int run_learn(struct operator *op, int argc, char **argv);
int run_reload(struct operator *op, int argc, char **argv);
int run_restart(struct operator *op, int argc, char **argv);
int run_upgrade(struct operator *op, int argc, char **argv);
int run_release(struct operator *op, int argc, char **argv);
int run_loglevel(struct operator *op, int argc, char **argv);
int run_map(struct operator *op, int argc, char **argv);
int run_explain(struct operator *op, int argc, char **argv);

#endif
