/* SPDX-License-Identifier: MIT */
/*
 * /etc/xenpci/xenpci.conf: what the operator lets devices do, and the daemon's own
 * few numbers. Read once at start with libconfig; a key that is not known is an
 * error that names file and line.
 *
 *	slots = "vpci";			# or "passthrough"
 *	answer_warning_ms = 500;
 *	aer_timeout_ms = 5000;
 *	reset_wait_ms = 60000;		# how long a device may take to come back from a reset
 *	aer_failed = "detach";		# or "pause", "destroy": a guest that does not recover
 *	poll_us = 1000;
 *	reset_always = false;		# also before it is given, where nobody can have used it since
 *	idle_d3 = false;		# what is held for guests, and nobody has, sleeps in D3hot
 *	idle_d3_after_ms = 10000;	# ... so long after the last change of hands
 *	allow = [ "small-bar" ];	# rules of assignable.h that any device may break
 *	hide = [ "0000:03:00.0", "0000:04:00.*", "0000:05:*.*" ];
 *					# taken from the host's drivers at start; bridges are left
 *	devices = (
 *		{ bdf = "0000:03:00.0"; permissive = true; allow = [ "slot" ]; reset = [ "flr" ]; },
 *		# with vendor and device: not for another device that has moved there
 *		{ bdf = "0000:04:00.0"; vendor = 0x14e4; device = 0x1657; permissive = true; },
 *		{ vendor = 0x8086; device = 0x10d3; interrupt_control = true; }
 *	);
 *	quirks = (
 *		{ vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2; mask = 0x7000;
 *		  reason = "the driver sets the read request size"; },
 *		# narrower, or all of a class as lspci -n prints it
 *		{ vendor = 0x10ec; device = 0x8168; subsystem_vendor = 0x1043;
 *		  subsystem_device = 0x8554; offset = 0x80; width = 2; mask = 0x100; reason = "..."; },
 *		{ class = 0x0403; offset = 0x44; width = 1; mask = 7; reason = "traffic class"; }
 *	);
 */
#ifndef XENPCI_HOST_SETTINGS_H
#define XENPCI_HOST_SETTINGS_H

#include <xentoollog.h>

#include "host/pciback_words.h"
#include "host/policy.h"
#include "host/device/pcidev.h"
#include "host/assignable.h"
#include "host/reset_function.h"
#include "host/slots.h"
#include "protocol/nodes.h"

#define SETTINGS_PATH "/etc/xenpci/xenpci.conf"
#define SETTINGS_SOURCE_MAX 128
#define SETTINGS_QUIRKS_MAX 64 /* for one device */

struct settings_entry;

/* What happens to a guest that does not recover from an error of its device: name, text. */
#define SETTINGS_AER_FAILED(X) \
	X(DETACH, "detach", "lose the device") \
	X(PAUSE, "pause", "be paused") \
	X(DESTROY, "destroy", "be destroyed")
enum settings_aer_failed {
#define X(id, name, text) SETTINGS_AER_##id,
	SETTINGS_AER_FAILED(X)
#undef X
};
/* "lose the device" */
const char *settings_aer_failed_name(enum settings_aer_failed what);

/* An address, or all functions of a slot, or of a bus. */
struct settings_range {
	struct sbdf first;
	bool any_slot;
	bool any_function;
};

struct settings {
	enum slots_mode slots;
	bool slots_said;	    /* by the file */
	uint32_t answer_warning_ms; /* an answer that took longer is warned of */
	uint32_t aer_timeout_ms;    /* how long a guest may take for an AER step */
	uint32_t reset_wait_ms;	    /* how long a device may take to come back from a reset */
	enum settings_aer_failed aer_failed;
	uint32_t poll_us;	    /* looking for the next request before sleeping; 0 off */
	bool reset_always;	    /* also what nobody can have used since its last reset */
	bool idle_d3;		    /* what nobody has sleeps (asleep.h) */
	uint32_t idle_d3_after_ms;
	unsigned allow;		    /* rules that any device may break (assignable.h) */
	char allow_source[SETTINGS_SOURCE_MAX];
	struct sbdf *hide; /* devices to take from the host's drivers at start */
	unsigned nr_hide;
	struct settings_range *ranges; /* to be hidden, too: settings_expand_hide */
	unsigned nr_ranges;
	const char *sysfs; /* where what pciback was told is read at each claim; NULL: nowhere */
	struct settings_entry *entries; /* devices and quirks, in the file's order */
	unsigned nr_entries;
};

/* What one assignment may do and who said so, in its own storage: policy points into it. */
struct settings_policy {
	struct config_policy policy;
	char permissive_source[SETTINGS_SOURCE_MAX];
	char interrupt_control_source[SETTINGS_SOURCE_MAX];
	struct config_quirk quirks[SETTINGS_QUIRKS_MAX];
	unsigned nr_adopted; /* quirks that pciback was told of */
};

/* What stands against assigning a device, and how it is reset. */
struct settings_life {
	unsigned allow;	  /* rules that it may break */
	unsigned methods; /* resets to choose from */
	bool methods_named; /* one by one: reset_request.named */
	bool reset_always; /* also where nobody can have used it since its last reset */
	bool idle_d3;	   /* it sleeps while nobody has it */
	char allow_source[SETTINGS_SOURCE_MAX];
	char moved_source[SETTINGS_SOURCE_MAX]; /* settings that are for another device here, "" */
};

/* Defaults: no entry, vpci. */
void settings_init(struct settings *s);
/*
 * Reads path over the defaults. An absent file is success where !must_exist.
 * 0, or -1 with errno (EINVAL: the file is wrong, or the OS's), logged with file and line;
 * *s is then as settings_init leaves it.
 */
int settings_read(struct settings *s, const char *path, bool must_exist, xentoollog_logger *lg);
void settings_dispose(struct settings *s);

/*
 * The policy of the device that info tells of, assigned with opts, which were read from
 * node opts_node. A switch is on where opts, any fitting entry or pciback's own settings say so; these
 * are read from sysfs now.
 */
void settings_policy(const struct settings *s, const struct pcidev_info *info,
		     const struct node_opts *opts, const char *opts_node,
		     struct settings_policy *out);

/* Of the device that info tells of: what any fitting entry says, and all methods where none does. */
void settings_life(const struct settings *s, const struct pcidev_info *info,
		   struct settings_life *out);
/* Whether any device is to sleep while nobody has it. */
bool settings_any_idle_d3(const struct settings *s);
/* "0000:03:00.0", "03:00.*", "03:*.*" into *out. 0, or -1 with errno EINVAL. */
int settings_range_parse(const char *text, struct settings_range *out);
bool settings_range_has(const struct settings_range *range, struct sbdf a);
/* Adds to s->hide, or to s->ranges. 0, or -1 with errno ENOMEM. */
int settings_hide(struct settings *s, const struct settings_range *range);
/* Adds p's functions that s->ranges have, but for bridges, to s->hide. 0, or -1 with errno. */
int settings_expand_hide(struct settings *s, struct provider *p);

/*
 * Takes over what xen-pciback was told: its parameters passthrough (where s does not say slots) and
 * hide now, logged; the rest at each settings_policy. sysfs is /sys, or what stands for it, and must
 * outlive s. May be called for a module that is not there.
 */
void settings_adopt_pciback(struct settings *s, const char *sysfs, xentoollog_logger *lg);

#endif
