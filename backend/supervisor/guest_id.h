/* SPDX-License-Identifier: MIT */
/*
 * Who is served: a domain, and which of its PCI frontends, as xenbus numbers them (device/pci/<devid> there,
 * backend/pci/<domid>/<devid> here). Most domains have one, 0. What is Xen's is the domain's: vectors, life and
 * death, its kind. What is the protocol's is each frontend's own: page, worker, gate, devices and their virtual
 * addresses, records, ledger.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_ID_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_ID_H

#include <stdint.h>

struct guest_id {
	uint32_t domid, devid;
};

#define GUEST_ID_NAME_MAX 24

/* "7"; of another than the first "7-1". Names nodes and files of what outlives us (common/state.h). Returns buf. */
const char *guest_id_name(struct guest_id id, char buf[GUEST_ID_NAME_MAX]);
/* The reverse. 0, or -1 with errno EINVAL or ERANGE. */
int guest_id_parse(const char *name, struct guest_id *id);

#endif
