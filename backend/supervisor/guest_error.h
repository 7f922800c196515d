/* SPDX-License-Identifier: MIT */
/* The error node that xenbus has for an instance. */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_ERROR_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_ERROR_H

#include <stdbool.h>

#include "common/problem.h"

struct guest;

/* Logs p, bounded where it is by_guest, and writes it into the node. */
void guest_report(struct guest *g, const struct problem *p, bool by_guest);
/* Nothing is wrong with the instance any more: the node goes. */
void guest_error_over(struct guest *g);

#endif
