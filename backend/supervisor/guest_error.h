/* SPDX-License-Identifier: MIT */
/* The error node that xenbus has for an instance. */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_ERROR_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_ERROR_H

#include <stdbool.h>

#include "common/problem.h"

struct guest;

/* Logs p, bounded where it is by_guest, and writes it into the node. */
void guest_report(struct guest *g, const struct problem *p, bool by_guest);
/*
 * What errno says of a node of g's that was not read: true where it may well hold what was wanted, but the
 * request failed. No event tells of one that would not, so the guest is looked at again in a second, and the
 * log says so. false: the node is absent, or holds something else.
 */
bool guest_unread(struct guest *g, const char *dir, const char *node);
/* Nothing is wrong with the instance any more: the node goes. */
void guest_error_over(struct guest *g);

#endif
