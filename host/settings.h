/* SPDX-License-Identifier: MIT */
/*
 * /etc/xenpci/xenpci.conf: what the operator lets devices do, and the daemon's own
 * few numbers. Read once at start with libconfig; a key that is not known is an
 * error that names file and line.
 *
 *	slots = "vpci";			# or "passthrough"
 *	answer_warning_ms = 500;
 *	aer_timeout_ms = 5000;
 *	aer_failed = "detach";		# or "pause", "destroy": a guest that does not recover
 *	poll_us = 1000;
 *	reset_always = false;		# also before it is given, where nobody can have used it since
 *	allow = [ "small-bar" ];	# rules of assignable.h that any device may break
 *	hide = [ "0000:03:00.0" ];	# taken from the host's drivers at start
 *	devices = (
 *		{ bdf = "0000:03:00.0"; permissive = true; allow = [ "slot" ]; reset = [ "flr" ]; },
 *		{ vendor = 0x8086; device = 0x10d3; interrupt_control = true; }
 *	);
 *	quirks = (
 *		{ vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2; mask = 0x7000;
 *		  reason = "the driver sets the read request size"; }
 *	);
 */
#ifndef XENPCI_HOST_SETTINGS_H
#define XENPCI_HOST_SETTINGS_H

#include <xentoollog.h>

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

struct settings {
	enum slots_mode slots;
	uint32_t answer_warning_ms; /* an answer that took longer is warned of */
	uint32_t aer_timeout_ms;    /* how long a guest may take for an AER step */
	enum settings_aer_failed aer_failed;
	uint32_t poll_us;	    /* looking for the next request before sleeping; 0 off */
	bool reset_always;	    /* also what nobody can have used since its last reset */
	unsigned allow;		    /* rules that any device may break (assignable.h) */
	char allow_source[SETTINGS_SOURCE_MAX];
	struct sbdf *hide; /* devices to take from the host's drivers at start */
	unsigned nr_hide;
	struct settings_entry *entries; /* devices and quirks, in the file's order */
	unsigned nr_entries;
};

/* What one assignment may do and who said so, in its own storage: policy points into it. */
struct settings_policy {
	struct config_policy policy;
	char permissive_source[SETTINGS_SOURCE_MAX];
	char interrupt_control_source[SETTINGS_SOURCE_MAX];
	struct config_quirk quirks[SETTINGS_QUIRKS_MAX];
};

/* What stands against assigning a device, and how it is reset. */
struct settings_life {
	unsigned allow;	  /* rules that it may break */
	unsigned methods; /* resets to choose from */
	bool reset_always; /* also where nobody can have used it since its last reset */
	char allow_source[SETTINGS_SOURCE_MAX];
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
 * node opts_node. A switch is on where opts or any fitting entry says so.
 */
void settings_policy(const struct settings *s, const struct pcidev_info *info,
		     const struct node_opts *opts, const char *opts_node,
		     struct settings_policy *out);

/* Of the device that info tells of: what any fitting entry says, and all methods where none does. */
void settings_life(const struct settings *s, const struct pcidev_info *info,
		   struct settings_life *out);
/* Adds to s->hide. 0, or -1 with errno ENOMEM. */
int settings_hide(struct settings *s, struct sbdf a);

#endif
