/* SPDX-License-Identifier: MIT */
/* Waiting for a device. Whoever calls this serves nobody but who wants that device. */
#ifndef XENPCI_HOST_DEVICE_SLOW_H
#define XENPCI_HOST_DEVICE_SLOW_H

#include <stdint.h>

/* Keeps errno. */
void slow_sleep(uint64_t ns);

#endif
