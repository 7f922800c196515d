/* SPDX-License-Identifier: MIT */
/*
 * "May it be assigned?" The rules that stand between a device and a guest, each a row of one table:
 * what is wrong, who else is involved, and what the operator can do. Pure functions over a topology
 * whose `guest`, `quarantined` and `unreset` the caller has filled in, and whose drivers are known
 * (assignable_look). Nothing logs; everything may be called from several threads.
 *
 * A group (a slot without FLR, a PCI bus) goes to one guest, one function at a time: each member
 * must be that guest's or in nobody's hands, so that two owners never share a group.
 */
#ifndef XENPCI_HOST_ASSIGNABLE_H
#define XENPCI_HOST_ASSIGNABLE_H

#include <stddef.h>

#include "host/topology.h"

/* Rule, its name in settings, whether a setting overrides it, what is wrong, what else helps. */
#define ASSIGNABLE_RULES(X) \
	X(BRIDGE, "bridge", true, "it serves the host as a bridge", NULL) \
	X(SEGMENT, "segment", false, "Linux made up its segment, which Xen has no name for", \
	  "give the VMD device that it hangs from") \
	X(ASLEEP, "asleep", false, "it is in D3cold, as the kernel says, and its registers read ones", \
	  "echo on > its power/control in sysfs, or power on what it is plugged into") \
	X(DEAD, "dead", false, "it does not answer: its registers read ones", \
	  "it is in D3cold, without power, or dead: xenpci reset it, power it off and on, or have " \
	  "the host rescan the bus") \
	X(QUARANTINE, "quarantine", false, "it did not come back from a reset", \
	  "power it off and on, or xenpci reset it") \
	X(HOST_DRIVER, "host-driver", false, "a driver of the host uses it", \
	  "xenpci assignable add it") \
	X(NOT_HELD, "not-held", true, \
	  "nothing holds it for guests, so that a driver of the host may take it at any time", \
	  "xenpci assignable add it") \
	X(OTHER_GUEST, "other-guest", false, "another guest has it", "detach it there first") \
	X(SLOT, "slot", true, \
	  "a function of its slot has no FLR, so that all of them go to one guest", NULL) \
	X(PCI_BUS, "pci-bus", true, \
	  "all devices behind its uppermost PCI bridge go to one guest", NULL) \
	X(SRIOV, "sriov", true, \
	  "who has a physical function rules over its virtual functions", NULL) \
	X(NO_RESET, "no-reset", true, \
	  "nothing can reset it: it has no FLR, AF FLR, PM or bus reset that may be used", NULL) \
	X(UNRESET, "unreset", true, \
	  "it was not reset, or its configuration not put back, since a guest had it", \
	  "xenpci reset it") \
	X(SMALL_BAR, "small-bar", true, \
	  "guests are given whole pages, and that of a memory BAR is also another device's", NULL) \
	X(UNALIGNED_BAR, "unaligned-bar", true, \
	  "a memory BAR neither begins where a page does nor lies within one", NULL) \
	X(SHARED_PAGE, "shared-page", true, "a page of its memory BARs is also another owner's", \
	  NULL) \
	X(SHARED_IRQ, "shared-irq", true, \
	  "others listen to its interrupt line, and it has no MSI to use instead", NULL)

/* What is worth knowing and stands against nothing. */
#define ASSIGNABLE_NOTES(X) \
	X(SMALL_BAR, "it gets the whole page of a memory BAR that is smaller; nothing else is known " \
	  "there") \
	X(ASLEEP, "it sleeps in D3hot while nobody has it, and is woken before it is given") \
	X(CAPS_UNSEEN, "its capabilities could not be read: there may be resets and MSI that are not " \
	  "known") \
	X(NO_LINE, "it has an interrupt pin without a line, and no MSI: its driver gets no " \
	  "interrupts")

enum assignable_note_kind {
#define X(id, text) ASSIGNABLE_NOTE_##id,
	ASSIGNABLE_NOTES(X)
#undef X
	ASSIGNABLE_NOTES_COUNT
};

enum assignable_rule {
#define X(id, name, overridable, wrong, remedy) ASSIGNABLE_##id,
	ASSIGNABLE_RULES(X)
#undef X
	ASSIGNABLE_RULES_COUNT
};

/* A set of rules, e.g. those that the operator allows to be broken. */
#define ASSIGNABLE_BIT(rule) (1u << (rule))
#define ASSIGNABLE_ALL (ASSIGNABLE_BIT(ASSIGNABLE_RULES_COUNT) - 1)

enum {
	ASSIGNABLE_OTHERS_MAX = 8, /* that are named; more are counted */
	ASSIGNABLE_TEXT_MAX = 640,
};

struct assignable_refusal {
	enum assignable_rule rule;
	bool allowed; /* broken, but a setting overrides it */
	int bar;      /* of the BAR rules; -1 otherwise */
	unsigned nr_others;
	int others[ASSIGNABLE_OTHERS_MAX]; /* the functions involved */
};

struct assignable {
	unsigned nr;	  /* rules that are broken */
	unsigned refused; /* of them, those that nothing overrides */
	struct assignable_refusal refusal[ASSIGNABLE_RULES_COUNT];
	unsigned notes;	  /* a set: 1 << ASSIGNABLE_NOTE_... */
	bool line_shared; /* with the host (line_users) or another guest's function: */
	int line_other;	  /* which; TOPOLOGY_NONE where it is the host */
	bool hide_intx;	  /* it is shared, but there is MSI: the guest must not use the line */
};

/*
 * Before assignable_check of function i: reads anew which drivers have the functions that its rules
 * look at, which resets the OS offers for them, and whether i answers.
 */
void assignable_look(struct topology *t, struct provider *p, int i);

/*
 * Judges function i for guest domid (TOPOLOGY_NO_GUEST: a guest that has nothing
 * yet). `allow` is a set of rules that may be broken; a rule that no setting overrides
 * stays. Returns whether it may be assigned; *out says why (not), in the table's order.
 */
bool assignable_check(const struct topology *t, int i, uint32_t domid, unsigned allow,
		      struct assignable *out);

/*
 * "it has no FLR, so that ...: 0000:03:00.1 (guest 5), 0000:03:00.2 (host, e1000e)
 * [rule slot; allow = ["slot"] overrides it]": why function i was refused, into
 * buf of ASSIGNABLE_TEXT_MAX bytes. Returns buf.
 */
const char *assignable_text(const struct topology *t, int i,
			    const struct assignable_refusal *refusal,
			    char buf[ASSIGNABLE_TEXT_MAX]);

/* What a note of assignable.notes says. Static. */
const char *assignable_note_text(enum assignable_note_kind note);

/* The first refusal that nothing overrides, or NULL. */
const struct assignable_refusal *assignable_first(const struct assignable *a);

/*
 * Whether what happens to function i matters to j, whatever the settings: they are the same
 * function, or a reset of one may reach the other. With judged, j is about to be judged by the
 * rules above: then a function that shares an interrupt line or a BAR's page with it matters, too.
 */
bool assignable_concerns(const struct topology *t, int i, int j, bool judged);

/*
 * The set that `name` stands for: one rule that a setting overrides, or "all" of them. 0
 * where there is none of that name (or it cannot be overridden).
 */
unsigned assignable_rules_parse(const char *name);
/* "no-reset". Static. */
const char *assignable_rule_name(enum assignable_rule rule);

/* Whether the host's driver of that name merely holds devices for guests, or there is none. */
bool assignable_is_holder(const char *driver);

/* Appends to the string in buf, of size bytes: fn's address, and the guest or driver it has. */
void assignable_append(char *buf, size_t size, const struct topology_function *fn);

#endif
