/* SPDX-License-Identifier: MIT */
/*
 * The conversation with a vfio-user server over a connected socket: one command, its reply, each
 * within SERVER_WAIT_MS whatever the server does. A server that broke the protocol or let its time
 * pass is not asked again (ENODEV): what it would say next may answer something else.
 * Nothing logs. -1 with errno: ENODEV, ETIMEDOUT, EBADMSG and others of wire.h, or the server's own.
 */
#ifndef XENPCI_HOST_DEVICE_VFIO_USER_SERVER_H
#define XENPCI_HOST_DEVICE_VFIO_USER_SERVER_H

#include "host/device/vfio_user/wire.h"

enum { SERVER_WAIT_MS = 1000 };

struct server {
	int fd; /* the owner's; -1: it is not asked again */
	uint16_t id;
	uint8_t message[VFU_MESSAGE_MAX];
};

/* Agrees on a version, and learns what there is. */
int server_greet(struct server *s, struct vfu_device *out);
int server_region(struct server *s, uint32_t region, struct vfu_region *out);
/* Any count within the region; in pieces where it is more than a message takes. */
int server_read(struct server *s, uint32_t region, uint64_t offset, uint32_t count, uint8_t *data);
/* Up to VFU_DATA_MAX bytes. */
int server_write(struct server *s, uint32_t region, uint64_t offset, uint32_t count,
		 const uint8_t *data);
int server_reset(struct server *s);

#endif
