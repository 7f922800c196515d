/* SPDX-License-Identifier: MIT */
/* Where a box keeps its files, shared by the command, the hypervisor and the preloaded library. */
#ifndef XENBOX_BOX_H
#define XENBOX_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BOX_PATH_MAX 4096
#define BOX_NAME_MAX 16

/* In the run directory. Names are short: a socket's path has only 108 bytes. */
#define BOX_HV_SOCKET "hv"
#define BOX_XS_SOCKET "socket" /* xenstored's own name for it */
#define BOX_STORE_DIR "store"
#define BOX_STORE_SAVED BOX_STORE_DIR "/saved" /* what a xenstored that was killed had */
#define BOX_LIB "libxenbox.so"
/* In the box's directory. */
#define BOX_LOG "hypercalls.log"
#define BOX_OUT "xenbox.log" /* what the hypervisor and xenstored print */
#define BOX_MADE "made-by-xenbox" /* the directory did not exist before */

/* Environment of a process in the box. */
#define BOX_ENV_DIR "XENBOX_DIR" /* the run directory */
#define BOX_ENV_DOMID "XENBOX_DOMID"
#define BOX_ENV_OXENSTORED "XENBOX_OXENSTORED" /* this process is oxenstored, and has its socket here */
#define BOX_ENV_EVTCHN "XENBOX_EVTCHN" /* what a handle of event channels is, to who is executed next */

struct box {
	char dir[BOX_PATH_MAX];
	char rundir[BOX_PATH_MAX]; /* the same, or a short one in /tmp when dir is no fit place */
};

/* Fill in the paths of the box in dir, which must exist. 0, or -1 with errno. */
int box_init(struct box *b, const char *dir);
/*
 * A PCI address at the start of text, [SSSS:]BB:DD.F in hexadecimal, then a comma or nothing.
 * 0 with segment << 16 | bus << 8 | devfn in *sbdf and what follows in *rest; -1: it is none.
 */
int box_parse_sbdf(const char *text, uint32_t *sbdf, const char **rest);
/* Name of the xenstore socket for processes in a domain. */
void box_store_socket(unsigned int domid, char name[static BOX_NAME_MAX]);
/* A listening, non-blocking socket rundir/name; whatever had the name before is removed. */
int box_listen(const char *rundir, const char *name, int type);
/* A connection to rundir/name. Descriptor, or -1 with errno. */
int box_connect(const char *rundir, const char *name, int type);
void box_unlink(const char *rundir, const char *name);
/*
 * Signal the processes that run in a domain of the box; domid -1: in any. *left, unless NULL, is how
 * many were found. The calling process and its ancestors are spared.
 */
void box_signal_processes(const char *rundir, int domid, int signal, unsigned int *left);
/* The same with SIGKILL. */
void box_kill_processes(const char *rundir, int domid, unsigned int *left);

#endif
