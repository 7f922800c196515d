/* SPDX-License-Identifier: MIT */
/* pci.ids, through libpci. In a header, so that only who asks for names is linked with it. */
#ifndef XENPCI_COMMON_CLI_NAMES_H
#define XENPCI_COMMON_CLI_NAMES_H

#include <pci/pci.h>

/*
 * Only the names are wanted: an empty dump is the machine. pci_init is called all the same: what is not
 * found is reported through what it sets. The caller's, for pci_cleanup.
 */
static inline struct pci_access *names_open(void)
{
	static char parameter[] = "dump.name", empty[] = "/dev/null"; /* libpci knows no const */
	struct pci_access *names = pci_alloc();

	names->method = PCI_ACCESS_DUMP;
	pci_set_param(names, parameter, empty);
	pci_init(names);
	return names;
}

#endif
