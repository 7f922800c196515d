/* SPDX-License-Identifier: MIT */
/* A connection to the box's hypervisor: one per handle of a Xen library. */
#ifndef XENBOX_CLIENT_H
#define XENBOX_CLIENT_H

#include <pthread.h>

#include "wire.h"

struct xb_conn {
	int fd;
	pthread_mutex_t lock; /* one request at a time */
};

#define XB_CONN_NONE { .fd = -1 }

/* The box and domain that the environment names. Run directory, or NULL with errno ENOENT. */
const char *xb_rundir(void);
unsigned int xb_domid(void);

/*
 * Connect as a process of domid in the box at rundir. 0, or -1 with errno: ESRCH when there is no
 * such domain. What the answer carried is in *fd (evtchn's pipe, else -1) and *slot; both may be
 * NULL.
 */
int xb_connect(struct xb_conn *c, const char *rundir, unsigned int domid, enum xb_kind kind,
	       int *fd, uint32_t *slot);
void xb_disconnect(struct xb_conn *c);
/*
 * One request with len bytes of data; the answer's data, at most outmax bytes, goes to out, its
 * length to m->len. Returns the answer's ret, or -1 with errno. fd as above. Thread safe.
 */
int xb_call(struct xb_conn *c, struct xb_msg *m, const void *data, uint32_t len, void *out,
	    uint32_t outmax, int *fd);

#endif
