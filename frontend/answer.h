/* SPDX-License-Identifier: MIT */
/* What an answer's error number means to the caller. Nothing here logs or waits. */
#ifndef XENPCI_FRONTEND_ANSWER_H
#define XENPCI_FRONTEND_ANSWER_H

#include "protocol/pciif.h"
#include "xenpci/xenpcifront.h"

/* Fills *answer (may be NULL) from op, and returns 0 or -1 with errno by op->err. */
int answer_judge(const struct xen_pci_op *op, struct xenpcifront_answer *answer);
/* *answer for a request that was never answered; returns -1, keeping errno. */
int answer_none(struct xenpcifront_answer *answer);
/* *answer says success, but its value cannot be true: returns -1 with errno EPROTO. */
int answer_nonsense(struct xenpcifront_answer *answer);

#endif
