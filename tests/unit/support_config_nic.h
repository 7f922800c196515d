/* SPDX-License-Identifier: MIT */
/* What most tests of backend/config begin with: the e1000e, and no config yet. */
#ifndef XENPCI_TESTS_UNIT_SUPPORT_CONFIG_NIC_H
#define XENPCI_TESTS_UNIT_SUPPORT_CONFIG_NIC_H

#include "tests/unit/support_config.h"

extern struct fake nic;
extern struct config *cfg;

/* As a test's setup and teardown; what it opened as cfg is closed after it. */
int open_nic(void **state);
int close_cfg(void **state);

#endif
