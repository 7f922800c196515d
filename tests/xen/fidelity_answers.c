/* SPDX-License-Identifier: MIT */
/* What xenstored and Xen answer to one domain alone: nodes, hypercalls, the machine's registers. */
#include "tests/xen/fidelity.h"

#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>

void see_store(void)
{
	same("guest: its own number, by a relative path", ask(GUEST, "read domid"), domid);
	saw("guest: write below data", ask(GUEST, "write " NODE "/x 1"));
	saw("guest: read it by its full path",
	    ask(GUEST, "read /local/domain/%u/" NODE "/x", domid));
	saw("dom0: reads it", ask(DOM0, "read /local/domain/%u/" NODE "/x", domid));
	saw("guest: write its own name", ask(GUEST, "write name other"));
	saw("guest: write its own top", ask(GUEST, "write x 1"));
	saw("guest: read dom0's name", ask(GUEST, "read /local/domain/0/name"));
	saw("guest: write to dom0", ask(GUEST, "write /local/domain/0/x 1"));
	saw("guest: read what is not there", ask(GUEST, "read " NODE "/nothing"));
	saw("guest: remove its directory", ask(GUEST, "rm /local/domain/%u", domid));
	saw("guest: introduce a domain", ask(GUEST, "introduce"));
}

#define DEV(bdf) "2@0=%u 1@2=%u 1@3=%u", (bdf) >> 16, (bdf) >> 8 & 0xff, (bdf) & 0xff
#define ABSENT 0xfff8u /* 0000:ff:1f.0 */

void see_physdev(void)
{
	const unsigned int d = domid;

	saw("map_pirq MSI, absent device", ask(DOM0, MAP, d, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("map_pirq MSI, absent domain", ask(DOM0, MAP, 30000u, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("map_pirq of type UNKNOWN", ask(DOM0, MAP, d, 2, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq of type 9", ask(DOM0, MAP, d, 9, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq MULTI_MSI with a table", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 2, 4096LL));
	saw("map_pirq MULTI_MSI of 0", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq MULTI_MSI of 33", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 33, 0LL));
	saw("map_pirq GSI 200", ask(DOM0, MAP, d, 1, 200, 0u, 0u, 0, 0LL));
	saw("map_pirq GSI -1", ask(DOM0, MAP, d, 1, -1, 0u, 0u, 0, 0LL));
	saw("unmap_pirq that is not mapped", ask(DOM0, "physdev 14 2@0=%u 4@4=50", d));
	saw("unmap_pirq 5000", ask(DOM0, "physdev 14 2@0=%u 4@4=5000", d));
	saw("unmap_pirq of an absent domain", ask(DOM0, "physdev 14 2@0=30000 4@4=50"));
	saw("setup_gsi 200", ask(DOM0, "physdev 21 4@0=200 1@4=1 1@5=1"));
	saw("prepare_msix, absent device", ask(DOM0, "physdev 30 " DEV(ABSENT)));
	saw("release_msix, absent device", ask(DOM0, "physdev 31 " DEV(ABSENT)));
	saw("pci_device_reset, absent device", ask(DOM0, "physdev 32 " DEV(ABSENT)));
	saw("irq_status_query 5000", ask(DOM0, "physdev 5 4@0=5000"));
	saw("physdev operation 99", ask(DOM0, "physdev 99"));
	saw("guest: map_pirq MSI", ask(GUEST, MAP, DOMID_SELF, 3, -1, 0u, 0u, 0, 0LL));
	saw("guest: setup_gsi", ask(GUEST, "physdev 21 4@0=16 1@4=1 1@5=1"));
	saw("guest: prepare_msix", ask(GUEST, "physdev 30 " DEV(ABSENT)));
	saw("guest: getdomaininfo", ask(GUEST, "domctl 5 %u", d));
}

static long vector(const char *what, long rc)
{
	saw(what, rc);
	return rc < 0 || strncmp(said, "pirq=", 5) ? rc : strtol(said + 5, NULL, 10);
}

void see_vectors(unsigned int bdf, long long table)
{
	const unsigned int d = domid, bus = bdf >> 8, devfn = bdf & 0xff;
	long a, b;

	a = vector("map_pirq MSI", ask(DOM0, MAP, d, 3, -1, bus, devfn, 0, 0LL));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	saw("unmap_pirq twice", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	ask(DOM0, "physdev 30 " DEV(bdf)); /* the kernel's pciback may have done it */
	saw("prepare_msix when prepared", ask(DOM0, "physdev 30 " DEV(bdf)));
	a = vector("map_pirq MSI-X entry 0", ask(DOM0, MAP, d, 3, -1, bus, devfn, 0, table));
	b = vector("map_pirq MSI-X entry 1", ask(DOM0, MAP, d, 3, -1, bus, devfn, 1, table));
	saw("map_pirq MSI-X beyond the table", ask(DOM0, MAP, d, 3, -1, bus, devfn, 2000, table));
	saw("release_msix in use", ask(DOM0, "physdev 31 " DEV(bdf)));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, b));
}
