/* SPDX-License-Identifier: MIT */
/*
 * What the daemon's processes say to each other: typed messages of fixed sizes over socket pairs,
 * with descriptors passed along. The list is closed; the table below is its only place. A message
 * that its sender may not send, of another version or of a wrong size is not received at all, and
 * ends the connection: a process that sends such a thing is not trusted any further.
 *
 * The door of this room, which every process of the daemon includes. Nothing here logs or allocates.
 */
#ifndef XENPCI_BACKEND_MESSAGES_MESSAGES_H
#define XENPCI_BACKEND_MESSAGES_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "host/device/pcidev.h"
#include "host/device/save.h"
#include "host/policy.h"
#include "host/settings.h"
#include "protocol/pciif.h"

#define MESSAGE_VERSION 1
#define MESSAGE_FDS_MAX 2

enum message_end {
	END_SUPERVISOR = 1,
	END_WORKER = 2,
	END_GATE = 4,
	END_JOB = 8,
	END_SPAWNER = 16,
};

/* Devices of one guest are numbered by the supervisor: 0 .. SLOT_COUNT - 1. */
#define SLOT_COUNT NODES_MAX_DEVS

/*
 * X(name, sender, receivers, body, descriptors, what it asks or tells; what is checked before)
 * An answer has the name ANSWER, or the same name where it has a body of its own.
 */
#define MESSAGES(X)                                                                            \
	/* --- supervisor and spawner --- */                                                    \
	X(SPAWN, END_SUPERVISOR, END_SPAWNER, spawn, "start a process of that role")            \
	X(STARTED, END_SPAWNER, END_SUPERVISOR, started, "it runs, as that process")            \
	X(EXITED, END_SPAWNER, END_SUPERVISOR, exited, "it has ended, or did not start")       \
	X(KILL, END_SUPERVISOR, END_SPAWNER, kill, "end it now; answered when that is done")    \
	/* --- supervisor and job --- */                                                        \
	X(ORDER, END_SUPERVISOR, END_JOB, order, "do this, for that device")                    \
	X(MACHINE, END_JOB, END_SUPERVISOR, machine, "the machine as it is now: before a reset, to who did not know it") \
	X(RESULT, END_JOB, END_SUPERVISOR, result, "what came of it")                           \
	/* --- supervisor and worker --- */                                                     \
	X(SETUP, END_SUPERVISOR, END_WORKER, setup, "serve this guest: map its page, bind its port") \
	X(READY, END_WORKER, END_SUPERVISOR, ready, "it is served, or why not")                 \
	X(ADD, END_SUPERVISOR, END_WORKER, add, "the guest has this device")                    \
	X(DROP, END_SUPERVISOR, END_WORKER, none, "it has that device no more")                 \
	X(GONE, END_SUPERVISOR, END_WORKER, gone, "what was there is another's: reads give ones, writes are dropped") \
	X(RELOAD, END_SUPERVISOR, END_WORKER, none, "it was reset: put the guest's BARs back")  \
	X(PAUSE, END_SUPERVISOR, END_WORKER, none, "answer nothing for now")                    \
	X(RESUME, END_SUPERVISOR, END_WORKER, resume, "go on; so far the host's sleeps are seen to")                                   \
	X(AER_POST, END_SUPERVISOR, END_WORKER, aer, "ask the guest this step of error recovery") \
	X(AER_WITHDRAW, END_SUPERVISOR, END_WORKER, none, "take the step back")                 \
	X(AER_ANSWER, END_WORKER, END_SUPERVISOR, aer, "what the guest answered; a step is awaited") \
	X(AER_UNHEARD, END_WORKER, END_SUPERVISOR, none, "it has no handler to ask; a step is awaited") \
	X(DENIED, END_WORKER, END_SUPERVISOR, denied, "a write was refused; told within a budget of its own") \
	X(LATE, END_WORKER, END_SUPERVISOR, late, "an answer took long; told within the guest's budget") \
	/* --- supervisor and gate --- */                                                       \
	X(HOLD, END_SUPERVISOR, END_GATE, hold, "open this device for the guest's writes")      \
	X(HELD, END_GATE, END_SUPERVISOR, held, "it is open; how it can be read, and its policy") \
	X(CONNECT, END_SUPERVISOR, END_GATE, none, "the socket of the guest's worker from now on") \
	X(LET_GO, END_SUPERVISOR, END_GATE, none, "vectors off and unmapped, device closed")    \
	X(DISOWN, END_SUPERVISOR, END_GATE, none, "it is another's: closed, no register touched") \
	X(QUIET, END_SUPERVISOR, END_GATE, none, "vectors off and unmapped: the guest is away") \
	X(MEND, END_SUPERVISOR, END_GATE, none, "if others have reset it, put it back")         \
	X(LEND, END_SUPERVISOR, END_GATE, none, "a job is to reset it: its lock is let go until TURN_ON") \
	X(TURN_ON, END_SUPERVISOR, END_GATE, none, "it was reset: vectors that are mapped go on again") \
	X(WAKE, END_SUPERVISOR, END_GATE, none, "the host slept: put back what its kernel does not") \
	X(LOOK, END_SUPERVISOR, END_GATE, none, "does it answer, was it reset?")                \
	X(FREE, END_SUPERVISOR, END_GATE, none, "answered when it waits for no device")          \
	X(LOOKED, END_GATE, END_SUPERVISOR, looked, "whether it does, and was")                 \
	X(MAP, END_GATE, END_SUPERVISOR, map, "vectors for a device that the guest has; none are mapped yet") \
	X(MAPPED, END_SUPERVISOR, END_GATE, mapped, "the vectors, or why not")                  \
	X(UNMAP, END_GATE, END_SUPERVISOR, none, "that device's vectors, all of them")          \
	X(RESTORE, END_GATE, END_SUPERVISOR, none, "have Xen write that device's messages anew") \
	X(SAY, END_GATE, END_SUPERVISOR, say, "a line for the log, within the guest's budget")  \
	/* --- worker and gate --- */                                                           \
	X(WRITE, END_WORKER, END_GATE, write, "this register; each bit that changes must be open") \
	X(ENABLE, END_WORKER, END_GATE, enable, "the OS is to enable the device, or to disable it") \
	X(INTERRUPT, END_WORKER, END_GATE, interrupt, "a guest's interrupt command")            \
	X(INTERRUPTED, END_GATE, END_WORKER, interrupt, "its answer")                           \
	/* --- any --- */                                                                       \
	X(ANSWER, END_SPAWNER | END_SUPERVISOR | END_WORKER | END_GATE, \
	  END_SUPERVISOR | END_WORKER | END_GATE, answer, \
	  "done, or errno")

enum message_kind {
#define X(name, from, to, body, text) MESSAGE_##name,
	MESSAGES(X)
#undef X
	MESSAGE_KINDS
};

enum role { ROLE_JOB, ROLE_GATE, ROLE_WORKER, ROLE_COUNT };

/* An empty body. */
struct message_none {
	uint32_t unused;
};

/* Descriptor: the process's end of its socket to the supervisor. */
struct message_spawn {
	uint32_t id; /* the supervisor's name for it */
	uint32_t role;
};
struct message_started {
	uint32_t id;
	int32_t pid;
};
struct message_exited {
	uint32_t id;
	int32_t status;	/* as waitpid tells; with err: it did not start */
	int32_t err;
};
struct message_kill {
	uint32_t id;
};

/* ---- Jobs ---- */

enum job_kind {
	JOB_TAKE,      /* judge it; if it may be given, save, reset and silence it */
	JOB_CARRY_ON,  /* a predecessor took it: settle its line again, touch nothing else */
	JOB_GIVE_BACK, /* reset it, and put back what was saved */
	JOB_RECOVER,   /* reset it under its guest, and put back what was saved */
	JOB_HIDE,      /* take it from its host driver to pciback */
	JOB_DECODE,    /* give it the command register that was withheld when it was taken back */
	JOB_IDLE,      /* nobody has it: put it to sleep, or wake it, as the settings say */
	JOB_AWAKE,     /* wake it */
};

/* A device that was reset when it was taken back, as it was left then (pristine.h). */
struct pristine {
	bool known;
	uint16_t command;
	uint64_t binding;
	uint8_t config[PCIDEV_BASIC];
};

/* Which guest has which device: the rules of assignment ask for it. */
struct message_owner {
	struct sbdf sbdf;
	uint32_t domid;
};
/* As many as fit into one message. */
#define MESSAGE_OWNERS_MAX 8192

/* Behind it in the same message: nr_owners of struct message_owner. Descriptor: the machine, or none. */
struct message_order {
	uint32_t kind;
	struct sbdf sbdf;
	uint32_t domid, devid; /* whose it is, is to be, or was */
	uint32_t owner;	      /* the same to Xen, and to the rules: domid, or the guest whose device model that is */
	uint32_t provider;    /* all but TAKE and HIDE */
	bool hands_off;	      /* TAKE, GIVE_BACK: a running HVM guest has it; nothing of it is touched */
	bool prepared;	      /* GIVE_BACK: the MSI-X table is ours to release */
	bool line_judged;     /* CARRY_ON: hide_intx is known; no other device is looked at */
	bool hide_intx;
	bool raw;	      /* its guest could write registers that nobody knows */
	bool stuck;	      /* a vector of it may still be mapped */
	bool unreset;	      /* it should have been reset, or put back, and was not */
	bool kernel_serves;   /* the kernel's backend serves some guest */
	bool reset_untold;    /* it was said that Xen does not want to know of resets */
	uint32_t irq_line;    /* GIVE_BACK: the line that the device has */
	uint32_t denied;      /* what Xen refuses to this domain (host/privileges.h) */
	char opts[256];
	char opts_node[16];
	char saved[PCIDEV_SAVED_TEXT];
	struct pristine pristine;
	uint32_t nr_owners;
};

/* Descriptor: the machine. */
struct message_machine {
	uint32_t provider;
};
/* Descriptor: the machine as it is now, or none. */
struct message_result {
	int32_t err; /* 0, or why the device is not given */
	char text[720];
	int32_t opts_err; /* what is wrong with the options; it goes on without */
	char opts_text[720];
	uint32_t provider;
	struct pcidev_info info; /* irq: what the guest is told */
	uint32_t irq_line;
	uint16_t command; /* what the guest begins with */
	uint16_t msi, msix;
	uint16_t msix_entries;
	uint64_t msix_base; /* of the BAR that holds the table; 0: none does */
	bool prepared, no_msix, hide_intx, raw;
	bool unreset;	   /* it should have been reset, or put back, and was not */
	bool lost;	   /* it did not come back from a reset */
	bool sleepless;	   /* IDLE: it cannot be put to sleep */
	bool reset_untold;
	char saved[PCIDEV_SAVED_TEXT];
	struct pristine pristine;
};

/* ---- The supervisor and a worker ---- */

/* Descriptors: the ledger; the socket to the gate. */
struct message_setup {
	uint32_t domid, ref, port;
	uint32_t poll_us;
	uint32_t late_ms;
	bool resumed; /* a request may have been carried out and not answered */
	uint64_t slept_ns; /* as in message_resume */
};
/* Where the host has slept for longer since it was booted, devices are not put back behind that yet: no answers. */
struct message_resume {
	uint64_t slept_ns; /* UINT64_MAX: nobody would notice */
};
/* Descriptor: event channels, for the supervisor to see that there is work. */
struct message_ready {
	int32_t err;
	char what[32]; /* what failed: "map", "bind" */
};
/* How a device's registers are read through a descriptor. */
struct message_reader {
	uint64_t base; /* where they begin in the file */
	uint64_t held; /* where a byte says that it is in reset and reads ones; 0: nowhere */
	uint32_t slow_ms;
};
struct message_policy {
	bool permissive, interrupt_control, shadow;
	uint32_t nr_quirks;
	struct config_quirk quirks[SETTINGS_QUIRKS_MAX];
};
/* Descriptor: the device's registers, to be read. */
struct message_add {
	struct sbdf virt;
	struct pcidev_info info;
	struct message_reader reader;
	struct message_policy policy;
	bool resumed;
};
struct message_aer {
	uint32_t cmd;
	int32_t err; /* channel; the answer's verdict */
	struct sbdf virt;
};
struct message_denied {
	uint16_t offset, access;
	uint8_t size, no_hardware;
	uint8_t quirk_width; /* 0: no quirk would allow it */
	uint16_t quirk_offset;
	uint32_t value, bits, quirk_mask;
	char field[40];
	char remedy[80]; /* "": none */
};
struct message_late {
	uint32_t cmd;
	uint32_t ms;
};

/* ---- The supervisor and a gate ---- */

enum vectors_mode { VECTORS_NONE, VECTORS_MSI, VECTORS_MSIX };

struct message_gone {
	struct sbdf virt;
};
struct message_hold {
	struct sbdf sbdf;
	uint32_t provider;
	uint32_t irq;	/* the line that the guest is told */
	uint32_t domid; /* the guest */
	bool no_msix;
	bool no_vectors; /* Xen lets this domain map none */
	bool resumed;	/* log the policy, which no job has */
	char opts[256];
	char opts_node[16];
	char saved[PCIDEV_SAVED_TEXT];
	uint32_t mode; /* of its vectors that are mapped: they are turned on */
	uint32_t vectors;
};
/* Descriptor: the device's registers, to be read. */
struct message_held {
	int32_t err;
	char text[256];
	struct message_reader reader;
	struct message_policy policy;
	uint16_t command; /* now, in the device */
};
struct message_looked {
	uint32_t alive, lost;
};
struct message_map {
	uint32_t mode;
	uint32_t multi; /* MSI: so many vectors at once; 0: one */
	uint32_t nr;	/* MSI-X: entries */
	uint32_t first;	/* it may have been asked for and granted before */
	uint16_t entry[SH_INFO_MAX_VEC];
};
struct message_mapped {
	int32_t err;
	uint32_t count; /* multi-MSI: how many the device has */
	bool again;	/* they were mapped already, for the same request */
	uint32_t pirq[SH_INFO_MAX_VEC];
};
struct message_say {
	uint32_t level;
	char text[256];
};

/* ---- A worker and its gate ---- */

struct message_write {
	uint32_t offset, size, value;
};
struct message_enable {
	uint32_t on;
};
struct message_interrupt {
	struct xen_pci_op op;
	uint32_t vectors; /* of the answer */
	uint32_t first;	  /* as in message_map */
	uint32_t reload;  /* of the answer: it was reset behind our back, and put back */
};

struct message_answer {
	uint32_t to;   /* enum message_kind */
	int32_t err;   /* 0 or errno */
	uint32_t changed; /* MEND, WAKE: it was; WRITE: it was a reset, and all is put back */
};

struct message {
	uint16_t version;
	uint16_t kind;
	uint16_t slot; /* which device; 0 where it is about none */
	uint16_t pad;
	uint32_t size; /* of the body */
	union message_body {
		struct message_none none;
		struct message_spawn spawn;
		struct message_started started;
		struct message_exited exited;
		struct message_kill kill;
		struct message_order order;
		struct message_machine machine;
		struct message_result result;
		struct message_setup setup;
		struct message_resume resume;
		struct message_ready ready;
		struct message_add add;
		struct message_gone gone;
		struct message_aer aer;
		struct message_denied denied;
		struct message_late late;
		struct message_hold hold;
		struct message_held held;
		struct message_looked looked;
		struct message_map map;
		struct message_mapped mapped;
		struct message_say say;
		struct message_write write;
		struct message_enable enable;
		struct message_interrupt interrupt;
		struct message_answer answer;
	} u;
};

/* A socket pair for messages, close-on-exec. 0, or -1 with errno. */
int message_pair(int sv[2]);

/*
 * Fills the head of a message of that kind about slot; the body is zeroed as far as the kind has
 * one, so that nothing of the sender's memory goes along.
 */
void message_init(struct message *m, enum message_kind kind, unsigned slot);

/*
 * Sends m, with nr descriptors, which stay the caller's, and len bytes of tail (an ORDER's owners).
 * Does not wait: 0, or -1 with errno: EAGAIN (the receiver does not take what it has), EPIPE, ...
 */
int message_send(int sock, const struct message *m, const int *fds, unsigned nr, const void *tail,
		 size_t len);

/*
 * Takes one message that `from` sent to `to`. fds (MESSAGE_FDS_MAX, or NULL) gets the descriptors
 * that came along, -1 in the places of those that did not; surplus ones are closed. Waits only
 * where the socket does. 1; 0: the other end is closed; -1 with errno: EAGAIN, EBADMSG (none that
 * `from` may send), or the OS's.
 */
int message_receive(int sock, enum message_end from, enum message_end to, struct message *m,
		    int *fds, void *tail, size_t *len);

/* "WRITE", for logs and tests; NULL for a number that is no kind. */
const char *message_name(unsigned kind);

/* The largest a text of `room` bytes (with its end) may be: copies what is printable, the rest as '?'. */
void message_text(char *out, size_t room, const char *text, size_t len);

#endif
