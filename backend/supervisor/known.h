/* SPDX-License-Identifier: MIT */
/* Whether we know the form of all that an earlier xenpcid left (common/state.h). */
#ifndef XENPCI_BACKEND_SUPERVISOR_KNOWN_H
#define XENPCI_BACKEND_SUPERVISOR_KNOWN_H

#include "backend/supervisor/successor.h"

/*
 * Looks at every part of every guest that is remembered; nothing is changed. 0, also where one is
 * damaged, which concerns its device only; -1 with errno EPROTONOSUPPORT: one has a version that we do
 * not know (logged), and nothing may be touched.
 */
int known_check(struct successor *m);

#endif
