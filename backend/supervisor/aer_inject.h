/* SPDX-License-Identifier: MIT */
/*
 * AER by hand: an operator (dom0 only; the directory is ours) writes a step into
 *   /local/domain/<us>/<state_nodes()>/aer/<0000-03-00-0>/step	"detected frozen", "mmio", "slotreset", "resume"
 * xenpcid takes it away, asks the guest, and writes the verdict into .../result:
 * a name of PCIIF_AER_RESULTS, or "error: why". One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_AER_INJECT_H
#define XENPCI_BACKEND_SUPERVISOR_AER_INJECT_H

#include "backend/supervisor/guest.h"

#define AER_INJECT_DIR "aer" /* below state_nodes() */

/* A change at path, below dir (which is ours and AER_INJECT_DIR). Logs each step. */
void aer_inject(struct backend *be, const char *dir, const char *path);

/* Looks whether g's step in flight has ended, and writes its verdict if so. */
void aer_finish(struct guest *g, uint64_t now);

#endif
