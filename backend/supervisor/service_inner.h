/* SPDX-License-Identifier: MIT */
/*
 * What the files of a guest's service tell each other, from the upper ones to the lower: service_gate.c and
 * service_worker.c (what the two processes say), service.c (its phases), service_watch.c (whether the worker goes
 * on), service_devices.c (what the two are told). Nobody else includes it. Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_SERVICE_INNER_H
#define XENPCI_BACKEND_SUPERVISOR_SERVICE_INNER_H

#include "backend/supervisor/service.h"

/* A worker that has not let go of a device by then is replaced, however busy it says that it is. */
#define SERVICE_DROP_NS 3000000000u
/* A worker that does not serve by then hangs: one that stood ready needs some milliseconds. */
#define SERVICE_READY_NS 6000000000u
/* And one that is asked something answers by then, or hangs: it needs a system call or two, and its turn. */
#define SERVICE_ANSWER_NS 3000000000u
/* A guest that connects has looked at its buses by then: under emulation that takes half of it. */
#define SERVICE_STANDBY_NS 1000000000u

/* ---- service.c ---- */

/* Logs who serves it, once it is served and both have told their pids. context: the guest. */
void service_tell_processes(void *context);
/* Starts to serve if all that the guest has is known to a worker that is ready. */
void service_check_up(struct guest *g);
/* It cannot be served: service_connect will tell err and what. */
void service_failed(struct guest *g, int err, const char *what);
/* The worker is gone: interrupts go off, and the shadow begins anew. */
void service_quiet_devices(struct guest *g);
/* The service has ended if nothing of it is awaited any more. */
void service_finish_ending(struct guest *g);
/* A process has died: told. true: another is to take its place at once; false: somewhat later. */
bool service_at_once(struct guest *g, const char *who, const char *how);
/* What is missing of the guest's processes is started. */
void service_restart(struct guest *g);

/* ---- service_watch.c ---- */

/* Its worker has work from its next event on, and is watched then. */
void service_watch_events(struct guest *g);
void service_stop_watching(struct guest *g);
/* The worker was asked for something that it answers by then, or hangs; it has answered. */
void service_await_answer(struct guest *g);
void service_has_answer(struct guest *g);
/* The timer has come: a worker that has had its time to begin, to answer, or to let go of a device, is ended. */
void service_watch_deadlines(struct guest *g, uint64_t now);
/* ... so is one that has work and makes no progress. */
void service_watch_progress(struct guest *g, uint64_t now);

/* ---- service_devices.c ---- */

/* The guest's claim at that slot of the messages, or NULL. */
struct claim *service_claim_at(struct guest *g, unsigned slot);
/* The guest's gate is there, for the first device or the first worker. 0, or -1 with errno: no process. */
int service_start_gate(struct guest *g);
/* A new worker is told of all that the guest has, and had. */
void service_tell_of_devices(struct guest *g);
/* The worker does not know the device (any more): the gate is to let go of it. */
void service_drop_from_gate(struct claim *claim);

#endif
