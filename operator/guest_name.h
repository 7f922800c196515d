/* SPDX-License-Identifier: MIT */
/* "nic (7)": what a guest is called in tables. */
#ifndef XENPCI_OPERATOR_GUEST_NAME_H
#define XENPCI_OPERATOR_GUEST_NAME_H

#include <stdint.h>

#define GUEST_NAME_MAX 96

/*
 * Its name and number, or the number alone; "7-1" is another PCI frontend of guest 7's than its first, "-" nobody
 * (RECORDS_NO_GUEST). Returns buf.
 */
const char *guest_name(const char *name, int64_t domid, int64_t devid, char buf[GUEST_NAME_MAX]);

#endif
