/* SPDX-License-Identifier: MIT */
/*
 * The bus of a virtual device, in its process: clients' accesses (protocol/bus.h), decoded by the BARs and the
 * command register as they are at that moment, so that a BAR that moved answers at its new place only.
 * Clients are judged as outside input: one that breaks the rules or takes no answers is let go.
 * Nothing logs. Each access waits for the server as server.h has it.
 */
#ifndef XENPCI_HOST_DEVICE_VFIO_USER_VDEV_BUS_H
#define XENPCI_HOST_DEVICE_VFIO_USER_VDEV_BUS_H

#include <poll.h>

#include "host/device/vfio_user/server.h"
#include "host/device/vfio_user/vdev.h"

enum { BUS_CLIENTS = 8, BUS_POLLS = BUS_CLIENTS + 1 };

struct bus {
	int listener; /* -1: nobody connects */
	int client[BUS_CLIENTS]; /* -1: none */
	struct vfu_region region[PCIDEV_RESOURCES];
	int file[PCIDEV_RESOURCES]; /* what is shared of a region; -1: nothing */
};

void bus_init(struct bus *b, int listener);
/* Fills p, which is to be polled. */
void bus_polls(const struct bus *b, struct pollfd p[BUS_POLLS]);
/* One request of each client that has one, and who is new. */
void bus_turn(struct bus *b, const struct pollfd p[BUS_POLLS], struct server *s,
	      const struct vdev_page *page);

#endif
