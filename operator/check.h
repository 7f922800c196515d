/* SPDX-License-Identifier: MIT */
/* A verdict in a line: for programs, and in a table. Private to check.c and check_line.c. */
#ifndef XENPCI_OPERATOR_CHECK_H
#define XENPCI_OPERATOR_CHECK_H

#include "operator/columns.h"
#include "operator/operator.h"

/* A line of JSON. 0, or -1 having told why. */
int check_json(const struct operator *op, const struct place *place, const struct assignable *result);
/* The table's headings, and a row of it. 0, or -1 with errno. */
int check_columns(struct columns *c);
int check_row(const struct place *place, const struct assignable *result, struct columns *c);

#endif
