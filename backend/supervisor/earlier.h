/* SPDX-License-Identifier: MIT */
/*
 * Who a guest is, apart from its number, and what an earlier xenpcid left of a domid that is not, or no
 * more, the guest it served: of one that died, lost its nodes or was followed by another while no
 * xenpcid ran. That is taken back before anything else. One thread, waits for nobody but xenstored.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_EARLIER_H
#define XENPCI_BACKEND_SUPERVISOR_EARLIER_H

#include "backend/supervisor/guest.h"

/*
 * The domain's uuid, as text: Xen's, or where we may not ask that, xenstore's. "" where neither knows
 * one. Returns false where Xen says that there is no such domain.
 */
bool guest_life(struct guest *g, char life[SUCCESSOR_LIFE_MAX]);

/*
 * Before the guest, whose instance is in state own, is served or resumed: what is remembered of
 * another life is taken back. true: there is nothing of that kind; false: something has to end first,
 * and the guest will be looked at again. Logs.
 */
bool earlier_settle(struct guest *g, unsigned own);

/* Nothing of the guest is left to a successor: its record and its ledger go. Logs a ledger that stays. */
void earlier_forget(struct guest *g);

#endif
