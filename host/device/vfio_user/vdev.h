/* SPDX-License-Identifier: MIT */
/*
 * The process of one virtual device. It alone reads what the server sends; it has the server's
 * socket, a page that others may read, and no rights. Everybody else asks it by messages over one
 * socket that all share: each brings the pipe in which it wants its answer, so that no answer
 * reaches another, and a slow or dead server makes who asks wait VDEV_WAIT_MS at most.
 * It ends when nobody has that socket any more. Nothing logs.
 */
#ifndef XENPCI_HOST_DEVICE_VFIO_USER_VDEV_H
#define XENPCI_HOST_DEVICE_VFIO_USER_VDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "host/device/pcidev.h"

enum { VDEV_WAIT_MS = 5000, VDEV_CONFIG_MAX = 4096 };

/* What a worker reads, in a file that keeps its size. */
struct vdev_page {
	uint8_t config[VDEV_CONFIG_MAX]; /* as the server told it last */
	uint8_t held;			 /* the server is gone: all reads ones */
};

enum vdev_op { VDEV_READ, VDEV_WRITE, VDEV_RESET, VDEV_FOLLOW, VDEV_LEAVE, VDEV_VECTOR };

/* What the process found when it began: not yet to be trusted. */
struct vdev_facts {
	int32_t err;	/* 0, or the errno that it ended with */
	uint32_t resets; /* whether the server can reset the device */
	uint64_t size[PCIDEV_RESOURCES]; /* of its regions */
	uint64_t config_size;
};

struct vdev {
	int requests;			/* -1: none */
	int memory;			/* struct vdev_page; -1: none */
	struct vdev_page *page;		/* the same, mapped to be read only; NULL: none */
};

/*
 * Starts the process for the connected socket `server`, which stays the caller's as does bus, where
 * its bus's clients connect (-1: none), and waits for what it finds. 0, or -1 with errno: ETIMEDOUT (nothing came), EPIPE (it died), facts' err, or the
 * OS's. vdev_dispose is allowed in any case.
 */
int vdev_start(struct vdev *v, int server, int bus, struct vdev_facts *facts);
void vdev_dispose(struct vdev *v);

/*
 * An access of config space (size 1, 2 or 4), a reset, or whether the page is to follow what the
 * server changes by itself (VDEV_FOLLOW, VDEV_LEAVE). 0, or -1 with errno: ETIMEDOUT, ENODEV (the
 * server is gone), EPIPE (the process is), ENOTTY (no reset), EBUSY (too many ask), the server's.
 */
int vdev_ask(const struct vdev *v, enum vdev_op op, unsigned offset, unsigned size, uint32_t *value);
/* As pcidev_vector. Errors also as above; ENXIO: the device has no such interrupt. */
int vdev_vector(const struct vdev *v, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
		int eventfd);

/* ---- The process's own part (vdev_process.c) ---- */

/* Serves until nobody asks any more; told tells what was found. Never returns. */
_Noreturn void vdev_run(int server, int requests, int told, int bus, struct vdev_page *page);

struct vdev_request {
	uint32_t op, offset, size, value; /* VDEV_VECTOR: kind, number and what */
};

struct vdev_answer {
	int32_t err;
	uint32_t value;
};

#endif
