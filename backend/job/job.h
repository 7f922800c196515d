/* SPDX-License-Identifier: MIT */
/*
 * A job: one task on one device that may have to wait for it, done by a process of its own that then
 * ends. It gets an order, returns a result, and shares no memory with anybody: whoever hangs with
 * the device, it is nobody who serves guests. It makes its own hypercalls and logs to stderr, as the
 * toolstack or the operator asked for what it does.
 */
#ifndef XENPCI_BACKEND_JOB_JOB_H
#define XENPCI_BACKEND_JOB_JOB_H

#include <xenstore.h>

#include "backend/env.h"
#include "backend/messages/messages.h"
#include "common/problem.h"
#include "common/talk.h"
#include "host/hypercall.h"
#include "host/quarantine.h"
#include "host/topology.h"

struct job {
	const struct env *env;
	const struct message_order *order;
	const struct message_owner *owners;
	struct message_result *result;
	struct problem problem;
	struct talk talk;
	struct hypercall *hypercall;
	struct provider *provider;
	struct pcidev *dev;
	struct pcidev_saved *saved;
	unsigned msi, msix; /* offsets of the capabilities; 0: none */
	uint32_t irq_line;
	int told; /* the socket of who does not know the machine yet; -1: nobody is to be told */
	int lock; /* the device's, held while it is open; -1: none */
	bool unreset;		 /* it should have been reset, or put back, and was not */
	struct xs_handle *xs;	 /* job_xs */
	struct topology machine; /* of provider */
	int at;			 /* the device's place in it */
};

/*
 * The process: takes an order from sock, does it, sends the result, and returns the exit status.
 */
int job_main(const struct env *env, int sock);

/*
 * The same in this process, for tests and for job_main: does order (nr_owners of owners) and fills
 * *result. machine: in: as it was known, or empty; out: as it is now, the caller's to dispose of. told:
 * the socket that hears of the machine before a reset; -1: nobody.
 */
void job_run(const struct env *env, struct hypercall *hc, const struct message_order *order,
	     const struct message_owner *owners, struct topology *machine,
	     struct message_result *result, int told);

/* ---- Between the files of this room ---- */

/* The problem, filled in; for `return job_refuse(...)`. Returns -1 with errno err. */
#define job_refuse(job, err, ...) problem_set(&(job)->problem, err, __VA_ARGS__)
#define job_name(job, buf) sbdf_format((job)->order->sbdf, buf)

/* open.c: a device that job->order names, opened and locked. 0, or -1 with errno and the problem. */
int job_open(struct job *job);
/* xenstore, connected when it is first needed; NULL where there is none. */
struct xs_handle *job_xs(struct job *job);
/* Where it is remembered that a device is held back. */
struct quarantine job_quarantine(struct job *job);

/* take.c */
int job_take(struct job *job);
int job_carry_on(struct job *job);
/* give_back.c */
int job_give_back(struct job *job);
int job_recover(struct job *job);
int job_decode(struct job *job);
/* hide.c */
int job_hide(struct job *job);
/* idle.c */
int job_idle(struct job *job);
int job_awake(struct job *job);
/*
 * The device, which is open, is about to be used, and wakes if we have put it to sleep; others: by a guest's device
 * model, already perhaps. 0, or -1 with errno EIO and the problem.
 */
int job_wake_up(struct job *job, bool others);
/*
 * The kernel is kept from putting it to sleep, as it may one that pciback does not hold. Whether that brought it out of
 * D3cold, so that it is to be opened anew. May wait a second; logs.
 */
bool job_power_on(struct job *job);

/* machine.c: the machine as it is now, job->at the device's place in it. 0, or -1 with errno. */
int machine_look(struct job *job);
/* Tells the supervisor of it, once, where it does not know any: before what may take long. */
void machine_tell(struct job *job);
/* From and to a descriptor, for the next job. import: 0, or -1 (it is then empty). */
int machine_import(struct topology *t, int fd);
int machine_export(const struct topology *t);

/*
 * judge.c: may the device be given to its guest? Each rule that stands against it is logged, also
 * where a setting overrides it. 0, or -1 with errno and the problem (the first rule): EBUSY
 * (others have it), EIO (quarantined), EPERM (any other), or the OS's.
 */
int judge(struct job *job);
/* The same for its line alone: whether that is shared. Logs nothing. */
bool judge_line_shared(struct job *job);

/*
 * line.c: settles the device's INTx line: tells Xen of its GSI, or withholds the line from the guest
 * where it is shared or its GSI is not known, so that MSI remains. 0, or -1 with errno ENODATA and
 * the problem (there is no MSI either).
 */
int line_take(struct job *job);

/*
 * reset.c: resets the device; job->saved is put back. Logs how, or why not. 1: it was reset, in
 * full, and is as saved says; 0: it was not; -1 with errno EIO: it did not come back.
 */
int reset_device(struct job *job);
/*
 * After it: whether the device may be given, by the rule unreset. 0, or -1 with errno EIO and the
 * problem. A device that should have been reset and was not is remembered as held back, and logged.
 */
int reset_judge(struct job *job);
/* The device's configuration could not be put back: it is held back, which is remembered and logged. */
void reset_hold_back(struct job *job, const char *why);

/*
 * pristine.c: devices that nobody can have used since we reset them are given without a second
 * reset. Whether this one is; *command: as read, or as it was before it was left without decoding.
 */
bool pristine_take(struct job *job, uint16_t *command);
/* The command register now, or where it is as we left it: as it was before. */
uint16_t pristine_command(const struct job *job, uint16_t now);
/* Whether the device, which is about to be taken back, is to be left so. */
bool pristine_wanted(const struct job *job);
/* It was reset and is left without decoding. 0, or -1 with errno. */
int pristine_note(struct job *job, uint16_t command);

#endif
