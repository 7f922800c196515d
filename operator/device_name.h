/* SPDX-License-Identifier: MIT */
/* "Intel Corporation 82574L Gigabit Network Connection": what libpci's list calls a device. */
#ifndef XENPCI_OPERATOR_DEVICE_NAME_H
#define XENPCI_OPERATOR_DEVICE_NAME_H

#include <stddef.h>
#include <stdint.h>

/* Into out, which is cut; "" where the list is missing. */
void device_name(uint16_t vendor, uint16_t device, char *out, size_t room);

#endif
