/* SPDX-License-Identifier: MIT */
/*
 * Devices that are held for guests and that nobody has: whether and when they go to sleep (host/asleep.h), as
 * xenpci.conf's idle_d3 says. Some time after one has changed hands all are looked at, once; what is found is left to
 * jobs, each in line for its device (JOB_IDLE), so that who is to get one waits for the 10 ms that it takes, and is
 * waited for. None here waits but for xenstored.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_IDLE_H
#define XENPCI_BACKEND_SUPERVISOR_IDLE_H

struct backend;

/* We begin to serve, or the host has slept and woken all: also what was asleep before is looked at. */
void idle_begin(struct backend *be);
/* It is time (be->idle_ns). */
void idle_look(struct backend *be);
/* We end: those that sleep are woken; then nr_jobs is 0. */
void idle_end(struct backend *be);

#endif
