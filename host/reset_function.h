/* SPDX-License-Identifier: MIT */
/*
 * Resets one function, with its configuration saved before and restored after: by
 * the kernel where it knows a way, otherwise through config space (PROTOCOL.md 5.3).
 * Every wait is bounded. Nothing logs; one thread at a time per provider.
 */
#ifndef XENPCI_HOST_RESET_FUNCTION_H
#define XENPCI_HOST_RESET_FUNCTION_H

#include "host/device/save.h"
#include "host/hypercall.h"
#include "host/topology.h"

/* In the order in which they are tried: name, what it is, what Xen is told of it. */
#define RESET_METHODS(X) \
	X(KERNEL, "kernel", "the kernel", HYPERCALL_RESET_FLR) \
	X(FLR, "flr", "PCIe function level reset", HYPERCALL_RESET_FLR) \
	X(AF_FLR, "af_flr", "function level reset (AF capability)", HYPERCALL_RESET_FLR) \
	X(PM, "pm", "power state D3hot and back", HYPERCALL_RESET_FLR) \
	X(SLOT, "slot", "the hot-plug slot", HYPERCALL_RESET_HOT) \
	X(BUS, "bus", "the secondary bus of the bridge above", HYPERCALL_RESET_HOT)

enum reset_method {
#define X(id, name, text, kind) RESET_##id,
	RESET_METHODS(X)
#undef X
	RESET_METHODS_COUNT
};

/* A set of methods. */
#define RESET_BIT(method) (1u << (method))
#define RESET_ALL (RESET_BIT(RESET_METHODS_COUNT) - 1)

enum {
	RESET_TEXT_MAX = 640,
	RESET_KERNEL_METHODS_MAX = 64,
	RESET_PATIENCE_MS = 60000, /* how long a device may take to come back, as the kernel grants */
	RESET_BRIEF_MS = 1000,	   /* ... that was dead before, while there are other ways to try */
};

/* How to wait; tests put a sleep in here that takes no time. */
struct reset_wait {
	void (*sleep)(void *context, unsigned ms);
	void *context;
	unsigned patience_ms; /* longest wait for the device to come back */
	/* NULL, or told after 1 s, 2 s, 4 s ... of that wait. */
	void (*progress)(void *context, unsigned waited_ms, unsigned patience_ms);
};
/* Sleeps for real, with RESET_PATIENCE_MS. */
extern const struct reset_wait reset_wait_default;

struct reset_request {
	struct provider *provider;
	const struct topology *topology; /* with `guest` filled in */
	int function;			 /* the one to reset: its index in topology */
	struct pcidev *dev;		 /* the function, open */
	/* Functions besides that the caller has open; others are opened when a bus is reset. */
	struct pcidev *const *open;
	unsigned nr_open;
	const struct pcidev_saved *image; /* put back afterwards; NULL: as found */
	unsigned methods;		  /* the set to choose from */
	bool named; /* by the operator: what is withheld (reset_offer.h) is used all the same */
	bool despite_guests; /* a bus reset may hit functions that guests are using */
	const struct reset_wait *wait;
};

/* Why a method was passed over, or failed. */
struct reset_passed {
	const char *why; /* NULL: it was not asked for, or not needed */
	int err;	 /* errno of its failure, 0 */
	int blocker;	 /* the function in the way, or TOPOLOGY_NONE */
};

struct reset_result {
	enum reset_method method; /* the one that was used; RESET_METHODS_COUNT: none */
	enum hypercall_reset kind;
	const char *against; /* why the method would have been withheld, but for `named`; or NULL */
	unsigned waited_ms;
	bool pending;  /* transactions were still pending when it was reset */
	bool lost;     /* it did not come back */
	bool restored; /* the whole configuration is as it should be */
	char kernel_methods[RESET_KERNEL_METHODS_MAX]; /* reset_method, "" */
	struct reset_passed passed[RESET_METHODS_COUNT];
};

/*
 * Does it. 0, or -1 with errno: ENOTTY (no method there, or none asked for; passed
 * says why), EBUSY (a bus reset would do it, but for another's function:
 * passed[].blocker), EIO (it does not come back: quarantine it), ENOMEM. A
 * configuration that was not restored in full is no failure: result->restored.
 */
int reset_function(const struct reset_request *request, struct reset_result *result);

/*
 * Whether the function of which result tells was not reset, or not put back, although there was a
 * way: what went wrong, as text in buf; NULL where nothing did. A method that is not there or is
 * withheld is no fault; nor is one that another function is in the way of, unless that is another's
 * than `user`, the guest that has used the device since it was last reset (TOPOLOGY_NO_GUEST: none, as
 * before it is given). Who releases a device and gets a text here holds it back
 * (quarantine_after_reset), and who takes one refuses it (ASSIGNABLE_UNRESET).
 */
const char *reset_owed(const struct topology *t, uint32_t user, const struct reset_result *result,
		       char buf[RESET_TEXT_MAX]);

/* Whether k would be reset with function i by method. */
bool reset_reaches(const struct topology *t, enum reset_method method, int i, int k);

/* "by PCIe function level reset, back after 101 ms", or why there was none; into buf. */
const char *reset_text(const struct topology *t, const struct reset_result *result,
		       char buf[RESET_TEXT_MAX]);

/* As the settings and --method have it. */
const char *reset_method_name(enum reset_method method);
/* The set that `name` stands for: one method, or "all"; 0: none of that name. */
unsigned reset_methods_parse(const char *name);

#endif
