/* SPDX-License-Identifier: MIT */
#include "operator/device_name.h"

#include <stdio.h>

#include "common/cli/names.h"

void device_name(uint16_t vendor, uint16_t device, char *out, size_t room)
{
	static struct pci_access *access;
	char buf[256];
	const char *name;

	out[0] = '\0';
	if (!vendor)
		return;
	if (!access)
		access = names_open();
	name = pci_lookup_name(access, buf, sizeof(buf),
			       PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, vendor, device);
	if (name)
		snprintf(out, room, "%s", name);
}
