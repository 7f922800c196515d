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
	int passed; /* a descriptor that came with the last reply; -1: none */
	uint16_t id;
	uint8_t message[VFU_MESSAGE_MAX];
};

/* Begins with the connected socket fd. */
void server_init(struct server *s, int fd);
/* Agrees on a version, and learns what there is. */
int server_greet(struct server *s, struct vfu_device *out);
/* *file (NULL: not wanted): where the region is shared, the file that has it, the caller's; else -1. */
int server_region(struct server *s, uint32_t region, struct vfu_region *out, int *file);
int server_irq(struct server *s, enum vfu_irq irq, struct vfu_irq_info *out);
/* eventfd: for VFU_SET_ON, else -1; stays the caller's. */
int server_set_irq(struct server *s, enum vfu_irq irq, enum vfu_set what, uint32_t nr, int eventfd);
/* Any count within the region; in pieces where it is more than a message takes. */
int server_read(struct server *s, uint32_t region, uint64_t offset, uint32_t count, uint8_t *data);
/* Up to VFU_DATA_MAX bytes. */
int server_write(struct server *s, uint32_t region, uint64_t offset, uint32_t count,
		 const uint8_t *data);
int server_reset(struct server *s);

#endif
