/* SPDX-License-Identifier: MIT */
/*
 * What a guest's processes have to tell the log: within the guest's budget, and with a stranger's
 * texts as printable characters.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_TOLD_H
#define XENPCI_BACKEND_SUPERVISOR_TOLD_H

#include "backend/messages/messages.h"

struct guest;
struct claim;

/* claim: NULL where the guest has no such device. */
void tell_denied(struct guest *g, const struct claim *claim, const struct message_denied *d);
void tell_late(struct guest *g, const struct message_late *late);
void tell_said(struct guest *g, const struct message_say *say);

#endif
