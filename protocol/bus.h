/* SPDX-License-Identifier: MIT */
/*
 * The bus of a virtual device (xenpcid --devices vfio-user:SOCKET,bus=PATH): what a processor does on a
 * bus, for a guest's program that has no processor's way there, since no hardware decodes the addresses.
 * Over a SOCK_SEQPACKET socket, one request and one answer at a time. It knows addresses only, and the
 * BARs decide who answers: where none decodes an address, reads are ones and writes are lost.
 *
 * It is not Xen's and no guest's on a Xen host: the socket lies in the file system of the domain that
 * xenpcid runs in. Whoever may open it has the device's memory and ports.
 */
#ifndef XENPCI_PROTOCOL_BUS_H
#define XENPCI_PROTOCOL_BUS_H

#include <stdint.h>

/* Where libxenpcifront finds the path. */
#define BUS_VARIABLE "XENPCIFRONT_BUS"

enum bus_op {
	BUS_READ,
	BUS_WRITE,
	BUS_MAP, /* size bytes of memory that the server shares: a descriptor comes with the answer */
};

enum bus_space { BUS_MEMORY, BUS_PORTS };

struct bus_request {
	uint32_t op, space;
	uint64_t address;
	uint64_t size;	/* 1, 2, 4 or 8 (ports: up to 4), the address a multiple of it; of BUS_MAP: any */
	uint64_t value; /* of BUS_WRITE */
};

struct bus_answer {
	/*
	 * 0 or an errno: EINVAL (no such request), EIO (the server refused), ENODEV (it is gone); of BUS_MAP
	 * also ENXIO (no BAR decodes all of it), EOPNOTSUPP (the server does not share it).
	 */
	uint32_t err, reserved;
	uint64_t value; /* of BUS_READ; of BUS_MAP: where the address lies in the descriptor's file */
};

#endif
