/* SPDX-License-Identifier: MIT */
/*
 * What must outlive the process, so that a successor can go on for guests that
 * notice nothing (kill -9, upgrade). It lives in xenstore, readable by us only; which nodes there are
 * and in what form is in common/state.h. What changes with ordinary requests is in each guest's ledger
 * (ledgers.h), a file below the state directory. One thread.
 */
#ifndef XENPCI_BACKEND_MEMORY_H
#define XENPCI_BACKEND_MEMORY_H

#include <stdbool.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "backend/supervisor/guest_id.h"
#include "common/state.h"
#include "host/device/pcidev.h"
#include "protocol/nodes.h"

#define MEMORY_DIR_MAX 64
#define MEMORY_PATH_MAX 512
#define MEMORY_STATE_DIR STATE_DIR
#define MEMORY_LIFE_MAX 40 /* a uuid as text */

struct memory {
	struct xs_handle *xs; /* NULL: nothing is remembered; or xenstored is lost, and it will be (memory_again) */
	xentoollog_logger *lg;
	char dir[MEMORY_DIR_MAX];
	const char *state_dir; /* for files; NULL: there can be none */
};

/* One device's place. Zeroed: nothing is remembered of it. */
struct memory_device {
	struct memory *memory;
	struct guest_id id;
	struct sbdf host;
};

/* Of a device that its guest has. */
struct memory_facts {
	unsigned slot;	   /* its number in the ledger */
	bool prepared;	   /* we prepared its MSI-X table, so we release it */
	uint32_t provider;
	uint16_t command;  /* that the guest began with */
	bool line_judged;  /* version 1 did not remember whether ... */
	bool hide_intx;	   /* ... its line is withheld from the guest, as others share it */
	bool bound;	   /* binding is known; version 1 did not remember it */
	uint64_t binding;  /* to its driver (provider_binding); 0: it had none, or is not the kernel's to bind */
};

/*
 * Makes our directory in xenstore, and state_dir if it can be. Logs. 0, or -1 with errno:
 * EBUSY (another xenpcid serves this domain), or xenstore's.
 */
int memory_open(struct memory *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		xentoollog_logger *lg);
/*
 * xenstored is another one, by xs: our directory is made and claimed anew; what was in it is the
 * caller's to write again. *empty: there was none, so that all of xenstore is new. Does not log. 0, or
 * -1 with errno: EBUSY (another xenpcid has claimed it meanwhile), or xenstore's; then nothing is
 * remembered as before.
 */
int memory_again(struct memory *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		 bool *empty);
/* With forget, removes what is of use only to a successor. Safe on a zeroed *m. */
void memory_close(struct memory *m, bool forget);

/*
 * A guest that is ours to serve. life: what tells it from others that had or will have its domid, ""
 * where that is not known. begin: 0, or -1 with errno; life: "" also where nothing is remembered.
 */
int memory_guest_begin(struct memory *m, struct guest_id id, const char *life);
const char *memory_guest_life(struct memory *m, struct guest_id id, char life[MEMORY_LIFE_MAX]);
void memory_guest_end(struct memory *m, struct guest_id id);
/* 1, 0, or -1 with xenstore's errno. */
int memory_knows_guest(struct memory *m, struct guest_id id);
/* All that are remembered; the caller frees *list. Returns how many. */
unsigned memory_guests(struct memory *m, struct guest_id **list);
/* The devices remembered of it; the caller frees *list. Returns how many. */
unsigned memory_guest_devices(struct memory *m, struct guest_id id, struct sbdf **list);

/* Gives the device a place; nothing is written yet. */
void memory_device_init(struct memory_device *d, struct memory *m, struct guest_id id, struct sbdf host);
/* Writes all that is remembered of it, or removes it (inside t). 0, or -1 with errno. */
int memory_device_record(struct memory_device *d, struct sbdf virt, const struct memory_facts *facts,
			 const char *saved);
int memory_device_forget(struct memory *m, xs_transaction_t t, struct guest_id id, struct sbdf host);
/* Forgets the place; what is in xenstore stays. */
void memory_device_dispose(struct memory_device *d);

/*
 * Instead of memory_device_init, for a device that is remembered: reads it back. saved
 * holds size bytes. 0, or -1 with errno
 * (ENOENT, EINVAL: damaged).
 */
int memory_device_recall(struct memory_device *d, struct memory *m, struct guest_id id,
			 struct sbdf host, struct sbdf *virt, struct memory_facts *facts, char *saved,
			 unsigned size);

/* The interrupts of the device, as text. 0, or -1 with errno (read: ENOTCONN, xenstored is lost). */
int memory_interrupts_write(struct memory_device *d, const char *text);
int memory_interrupts_read(struct memory_device *d, char *text, unsigned size);

/* There is no file for a ledger, and why (errno): logged, once. */
void memory_tell_no_file(struct memory *m);

#endif
