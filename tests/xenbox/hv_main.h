/* SPDX-License-Identifier: MIT */
/* How the hypervisor's process is started and ended (up.c), and what it needs of hv.c. */
#ifndef XENBOX_HV_MAIN_H
#define XENBOX_HV_MAIN_H

#include <sys/types.h>

/* Set up all state and the socket; 0, or -1 with errno. hv_config is filled in before. */
int hv_init(void);
/* Serve until told to stop. */
void hv_loop(void);
/* Tell whoever asked for the end that it is done. */
void hv_answer_down(void);
/* A child process (xenstored) has ended. */
void hv_main_child(void);
/* An XB_CTL_STORE. Returns the answer's ret. */
struct xb_msg;
int hv_main_store_request(struct xb_msg *m);
/* xenstored's pid, -1 when there is none. */
pid_t hv_main_store(void);

#endif
