/* SPDX-License-Identifier: MIT */
#include "tests/unit/support_config_nic.h"

struct fake nic;
struct config *cfg;

int open_nic(void **state)
{
	(void)state;
	fake_nic(&nic);
	cfg = NULL;
	return 0;
}

int close_cfg(void **state)
{
	(void)state;
	config_close(cfg);
	cfg = NULL;
	return 0;
}
