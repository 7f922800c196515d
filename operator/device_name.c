/* SPDX-License-Identifier: MIT */
#include "operator/device_name.h"

#include <pci/pci.h>
#include <stdio.h>

/*
 * Only the names are wanted: an empty dump is the machine. pci_init is called all the same: what is not
 * found is reported through what it sets.
 */
static struct pci_access *open_names(void)
{
	static char parameter[] = "dump.name", empty[] = "/dev/null"; /* libpci knows no const */
	struct pci_access *names = pci_alloc();

	names->method = PCI_ACCESS_DUMP;
	pci_set_param(names, parameter, empty);
	pci_init(names);
	return names;
}

void device_name(uint16_t vendor, uint16_t device, char *out, size_t room)
{
	static struct pci_access *access;
	char buf[256];
	const char *name;

	out[0] = '\0';
	if (!vendor)
		return;
	if (!access)
		access = open_names();
	name = pci_lookup_name(access, buf, sizeof(buf),
			       PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, vendor, device);
	if (name)
		snprintf(out, room, "%s", name);
}
