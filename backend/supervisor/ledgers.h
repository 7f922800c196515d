/* SPDX-License-Identifier: MIT */
/* The ledgers of guests as the supervisor has them: files below its state directory. */
#ifndef XENPCI_BACKEND_SUPERVISOR_LEDGERS_H
#define XENPCI_BACKEND_SUPERVISOR_LEDGERS_H

#include "backend/messages/ledger.h"
#include "backend/supervisor/successor.h"

/*
 * Opens the ledger of that guest, and locks it for whoever has *fd: with keep, the one that a
 * predecessor left, if it is sound (else a new one, and that is logged). 0; 1: somebody has it still,
 * try again soon; -1 with errno. Where there can be no file it is in memory, and a successor will
 * not find it.
 */
int ledger_open(struct successor *successor, struct guest_id id, bool keep, struct ledger **ledger, int *fd);
/* Unmaps and closes; safe on NULL and -1. */
void ledger_close(struct ledger *ledger, int fd);
/* Whether the guest's ledger, if there is one, has a version that we know; path is set. */
bool ledger_is_known(const struct successor *m, struct guest_id id, char path[SUCCESSOR_PATH_MAX]);

/* Removes the file; absent is success. 0, or -1 with errno. */
int ledger_remove(struct successor *successor, struct guest_id id);
/*
 * At start: removes those of guests that are not remembered; one of us died between forgetting the guest and removing
 * its ledger. Waits for xenstored, a request for each.
 */
void ledgers_sweep(struct successor *successor);
/* A device's shadow begins anew, with that command register. NULL is allowed. */
void ledger_fresh(struct ledger *ledger, unsigned slot, uint16_t command);

#endif
