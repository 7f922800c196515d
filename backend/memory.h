/* SPDX-License-Identifier: MIT */
/*
 * What must outlive the process, so that a successor can go on for guests that
 * notice nothing (kill -9, upgrade). It lives in xenstore, readable by us only:
 *	/local/domain/<us>/xenpci/pid				who serves
 *	/local/domain/<us>/xenpci/lock				where its lock is (keeper/instance.h)
 *	/local/domain/<us>/xenpci/shadow			the file of shadows, below
 *	/local/domain/<us>/xenpci/guests/<domid>/<bdf>		virtual address, slot, golden image
 *	/local/domain/<us>/xenpci/guests/<domid>/<bdf>/interrupts
 * The shadows of config space (command register, sizing latches) change with
 * ordinary requests, for which a xenstore write is too slow: they are in a mapped file, which a killed
 * process leaves as it is; where there can be no file, in a node `shadow` of the device. Behind them
 * are the devices that nobody can have used since we reset them (untouched.h); without a file
 * a successor does not know of them.
 * One thread.
 */
#ifndef XENPCI_BACKEND_MEMORY_H
#define XENPCI_BACKEND_MEMORY_H

#include <stdbool.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "backend/config/config.h"
#include "host/device/pcidev.h"
#include "protocol/nodes.h"

#define MEMORY_DIR_MAX 64
#define MEMORY_STATE_DIR "/run/xenpci"
#define MEMORY_SLOTS 16384 /* devices with a shadow in the file */
#define MEMORY_UNTOUCHED 256

/* A device that we took back and reset, as it was then. */
struct memory_untouched {
	bool valid; /* written last, and cleared first */
	struct sbdf sbdf;
	uint16_t command; /* the register that belongs to it, in which it decodes */
	uint64_t binding; /* provider_binding */
	uint8_t config[PCIDEV_BASIC];
};

struct memory {
	struct xs_handle *xs; /* NULL: nothing is remembered */
	xentoollog_logger *lg;
	char dir[MEMORY_DIR_MAX];
	struct config_state *shadows; /* the mapped file, MEMORY_SLOTS of them; or NULL */
	struct memory_untouched *untouched; /* MEMORY_UNTOUCHED of them, in the file or our own; or NULL */
	char file[128];		      /* its name; empty: none */
	uint8_t used[MEMORY_SLOTS / 8];
};

/* One device's place. Zeroed: nothing is remembered of it. */
struct memory_device {
	struct memory *memory;
	uint32_t domid;
	struct sbdf host;
	int slot; /* of the shadow; -1: in xenstore */
	struct config_state last;
};

/*
 * Makes our directory and the file (below state_dir, which is made if it can
 * be), or finds those of the process before. Logs. 0, or -1 with errno:
 * EBUSY (another xenpcid serves this domain), or xenstore's.
 */
int memory_open(struct memory *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		xentoollog_logger *lg);
/* With forget, removes what is of use only to a successor. Safe on a zeroed *m. */
void memory_close(struct memory *m, bool forget);

/* A guest that is ours to serve. begin: inside t. 0, or -1 with errno. */
int memory_guest_begin(struct memory *m, xs_transaction_t t, uint32_t domid);
void memory_guest_end(struct memory *m, uint32_t domid);
bool memory_knows_guest(struct memory *m, uint32_t domid);
/* The devices remembered of it; the caller frees *list. Returns how many. */
unsigned memory_guest_devices(struct memory *m, uint32_t domid, struct sbdf **list);

/* Gives the device a place; nothing is written yet. */
void memory_device_init(struct memory_device *d, struct memory *m, uint32_t domid, struct sbdf host);
/* Writes all that is remembered of it, or removes it (inside t). 0, or -1 with errno. */
int memory_device_record(struct memory_device *d, struct sbdf virt, bool prepared, const char *saved);
int memory_device_forget(struct memory *m, xs_transaction_t t, uint32_t domid, struct sbdf host);
/* Frees the place of its shadow. */
void memory_device_dispose(struct memory_device *d);

/*
 * Instead of memory_device_init, for a device that is remembered: reads it back. saved
 * holds size bytes. 0, or -1 with errno
 * (ENOENT, EINVAL: damaged).
 */
int memory_device_recall(struct memory_device *d, struct memory *m, uint32_t domid,
			 struct sbdf host, struct sbdf *virt, bool *prepared, char *saved,
			 unsigned size);

/* The interrupts of the device, as text. 0, or -1 with errno; write logs its failure. */
int memory_interrupts_write(struct memory_device *d, const char *text);
int memory_interrupts_read(struct memory_device *d, char *text, unsigned size);

/* Remembers the shadow, if it changed. */
void memory_shadow_write(struct memory_device *d, const struct config_state *state);
/* 0, or -1 with errno (ENOENT). */
int memory_shadow_read(struct memory_device *d, struct config_state *state);

#endif
