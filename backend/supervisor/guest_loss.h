/* SPDX-License-Identifier: MIT */
/* A device that its guest loses though no entry of the toolstack's asks for that. */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_LOSS_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_LOSS_H

struct claim;
struct guest;

/*
 * Takes one device away for good, whatever the guest does: it is given back, its state-N becomes 6, the
 * error node says why.
 */
void guest_loses(struct guest *g, struct claim *claim, const char *why);
/* The same where its host has taken it: claim_lose. In any phase. */
void guest_loses_to_host(struct guest *g, struct claim *claim, const char *why);
/* The same where its gate could not open it, which was told: its entry is not tried again by itself. */
void guest_gate_refuses(struct claim *claim);

/* Entries that could not be closed because xenstored was lost are closed now. */
void guest_losses_settle(struct guest *g);

#endif
