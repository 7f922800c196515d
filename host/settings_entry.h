/* SPDX-License-Identifier: MIT */
/* What settings.c reads and settings_fit.c applies: the elements of `devices` and `quirks`. */
#ifndef XENPCI_HOST_SETTINGS_ENTRY_H
#define XENPCI_HOST_SETTINGS_ENTRY_H

#include "host/settings.h"

/* Whom an element is about: all that it names must fit. */
struct settings_fit {
	bool by_address;
	bool by_ids;
	bool by_subsystem;
	bool by_class;
	struct sbdf sbdf;
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem_device;
	uint16_t class_code; /* base and sub */
};

/* One element: whom it fits, what it grants, where it stands. */
struct settings_entry {
	struct settings_fit fit;
	bool permissive;
	bool interrupt_control;
	bool reset_always;
	bool idle_d3, idle_d3_said;
	bool is_quirk;
	struct config_quirk quirk;
	unsigned allow;	  /* ASSIGNABLE_BIT()s */
	unsigned methods; /* RESET_BIT()s; 0: not said */
	char source[SETTINGS_SOURCE_MAX];
};

#endif
