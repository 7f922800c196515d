/* SPDX-License-Identifier: MIT */
/*
 * What must outlive the process, so that a successor can go on for guests that
 * notice nothing (kill -9, upgrade). It lives in xenstore, readable by us only; which nodes there are
 * and in what form is in common/state.h. What changes with ordinary requests is in each guest's ledger
 * (ledgers.h), a file below the state directory. One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_SUCCESSOR_H
#define XENPCI_BACKEND_SUPERVISOR_SUCCESSOR_H

#include <stdbool.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "backend/supervisor/guest_id.h"
#include "common/state.h"
#include "host/device/pcidev.h"
#include "protocol/nodes.h"

#define SUCCESSOR_DIR_MAX 64
#define SUCCESSOR_PATH_MAX 512
#define SUCCESSOR_STATE_DIR STATE_DIR
#define SUCCESSOR_LIFE_MAX 40 /* a uuid as text */

struct successor {
	struct xs_handle *xs; /* NULL: nothing is remembered; or xenstored is lost, and it will be (successor_again) */
	xentoollog_logger *lg;
	char dir[SUCCESSOR_DIR_MAX];
	const char *state_dir; /* for files; NULL: none are wanted */
	bool told_no_file;
};

/* One device's place. Zeroed: nothing is remembered of it. */
struct successor_device {
	struct successor *successor;
	struct guest_id id;
	struct sbdf host;
};

/* Of a device that its guest has. */
struct successor_facts {
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
int successor_open(struct successor *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		xentoollog_logger *lg);
/*
 * xenstored is another one, by xs: our directory is made and claimed anew; what was in it is the
 * caller's to write again. *empty: there was none, so that all of xenstore is new. Does not log. 0, or
 * -1 with errno: EBUSY (another xenpcid has claimed it meanwhile), or xenstore's; then nothing is
 * remembered as before.
 */
int successor_again(struct successor *m, struct xs_handle *xs, uint32_t own_domid, const char *state_dir,
		 bool *empty);
/* With forget, removes what is of use only to a successor. Safe on a zeroed *m. */
void successor_close(struct successor *m, bool forget);

/*
 * A guest that is ours to serve. life: what tells it from others that had or will have its domid, ""
 * where that is not known. begin: 0, or -1 with errno; life: "" also where nothing is remembered.
 */
int successor_guest_begin(struct successor *m, struct guest_id id, const char *life);
const char *successor_guest_life(struct successor *m, struct guest_id id, char life[SUCCESSOR_LIFE_MAX]);
void successor_guest_end(struct successor *m, struct guest_id id);
/* 1, 0, or -1 with xenstore's errno. */
int successor_knows_guest(struct successor *m, struct guest_id id);
/* All that are remembered; the caller frees *list. Returns how many. */
unsigned successor_guests(struct successor *m, struct guest_id **list);
/* The devices remembered of it; the caller frees *list. Returns how many. */
unsigned successor_guest_devices(struct successor *m, struct guest_id id, struct sbdf **list);

/* Gives the device a place; nothing is written yet. */
void successor_device_init(struct successor_device *d, struct successor *m, struct guest_id id, struct sbdf host);
/* Writes all that is remembered of it, or removes it (inside t). 0, or -1 with errno. */
int successor_device_record(struct successor_device *d, struct sbdf virt, const struct successor_facts *facts,
			 const char *saved);
int successor_device_forget(struct successor *m, xs_transaction_t t, struct guest_id id, struct sbdf host);
/* Forgets the place; what is in xenstore stays. */
void successor_device_dispose(struct successor_device *d);

/*
 * Instead of successor_device_init, for a device that is remembered: reads it back. saved
 * holds size bytes. 0, or -1 with errno
 * (ENOENT, EINVAL: damaged).
 */
int successor_device_recall(struct successor_device *d, struct successor *m, struct guest_id id,
			 struct sbdf host, struct sbdf *virt, struct successor_facts *facts, char *saved,
			 unsigned size);

/* The interrupts of the device, as text. 0, or -1 with errno (read: ENOTCONN, xenstored is lost). */
int successor_interrupts_write(struct successor_device *d, const char *text);
int successor_interrupts_read(struct successor_device *d, char *text, unsigned size);

/* There is no file for a ledger, and why (errno): logged, once. */
void successor_tell_no_file(struct successor *m);

#endif
