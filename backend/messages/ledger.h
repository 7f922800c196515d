/* SPDX-License-Identifier: MIT */
/*
 * The ledger of a guest: a file that its worker writes while it serves, and that outlives it. It
 * holds what the next worker needs of each device (the shadow of config space, which the device
 * itself does not remember), and counters. The supervisor reads the counters as what they are, a
 * stranger's numbers; the shadows it only sets to their beginning. A taken-over worker can spoil its
 * own guest's ledger, and nobody else's. A part of an older version is read as far as it goes (ledgers.c).
 */
#ifndef XENPCI_BACKEND_MESSAGES_LEDGER_H
#define XENPCI_BACKEND_MESSAGES_LEDGER_H

#include <stdatomic.h>

#include "backend/config/config.h"
#include "backend/messages/messages.h"
#include "common/state.h"

#define LEDGER_MAGIC 0x6c706378u /* "xcpl" */
#define LEDGER_VERSION STATE_VERSION
#define LEDGER_BUCKETS 32 /* of the latency histogram: below 2^n microseconds */
#define LEDGER_DENIALS 64 /* registers whose refusals are written down */
#define LEDGER_TRACES 256 /* requests, while somebody looks on */

enum ledger_shadow {
	LEDGER_NONE,
	LEDGER_FRESH, /* only the command register that the guest begins with is known */
	LEDGER_KEPT,
};

/* config_state, in a form that a file can have. */
struct ledger_state {
	uint16_t command, command_home;
	uint8_t enabled, latches;
	uint16_t pad;
	uint32_t bar[PCIDEV_RESOURCES];
};

struct ledger_device {
	_Atomic uint32_t shadow;  /* enum ledger_shadow */
	_Atomic uint32_t current; /* which of the two is whole: the other one is written first */
	struct ledger_state state[2];
};

/* What one device was asked. */
struct ledger_count {
	uint64_t requests, denied;
};

/* What one register refused; times 0: there is none in this place. */
struct ledger_denial {
	uint64_t times;
	uint64_t first_ns, last_ns; /* the clock of boot_ns() */
	struct sbdf host;
	uint32_t bits; /* of the register; of its dword where it has no name */
	uint16_t offset;
	uint8_t width;
	char field[40];
	char remedy[80];
};

struct ledger_trace {
	uint64_t at_ns; /* when it was answered, by that clock */
	uint32_t took_ns;
	uint32_t cmd;
	int32_t err, offset, size;
	uint32_t value;
	uint32_t denied; /* bits */
	struct sbdf host; /* of the device, if known */
	uint32_t known;
	uint32_t domain, bus, devfn; /* as the guest named it */
	char field[24];
};

struct ledger {
	uint32_t magic, version, length;
	uint32_t device_size; /* of one ledger_device */
#if STATE_VERSION > 1
	/* Since version 2: so that fields can be added at the end of each part. */
	uint32_t head_size;	/* of all before the devices */
	uint32_t state_size;	/* of one ledger_state */
	uint32_t nr_devices, pad;
#endif
	/* What the worker is at, for who watches it: it changes with everything that it does. */
	_Atomic uint64_t progress;
	_Atomic uint32_t asleep;  /* it waits for events, and has seen to all before */
	_Atomic uint32_t at_gate; /* it waits for its gate, that is, for a device */
	/* Counters. */
	uint64_t commands[16]; /* by number; the last: all others */
	uint64_t latency[LEDGER_BUCKETS];
	uint64_t denied;
	uint64_t polled; /* requests that were found by looking, not by an event */
	struct ledger_device device[SLOT_COUNT];
	/* What no next worker needs: it may change with any build, and is not carried over. */
	struct ledger_count count[SLOT_COUNT];
	uint64_t took_ns; /* all requests together */
	struct ledger_denial denial[LEDGER_DENIALS];
	/*
	 * Requests, for those that look on: the supervisor says what they want (host/records.h). Entry n of all is
	 * in place n % LEDGER_TRACES; so many were written, and who reads too late has lost some.
	 */
	_Atomic uint32_t tracing;
	_Atomic uint64_t traced;
	struct ledger_trace trace[LEDGER_TRACES];
	/*
	 * For the next worker, which may find a request that its gate was told of: whether that was answered, and if
	 * it was not, whether vectors were on before it, so that the gate refused it, and does so again. Not carried
	 * over either: behind a change of the layout such a request counts as one that may have been carried out.
	 */
	_Atomic uint32_t answered, in_vain;
	uint8_t on[SLOT_COUNT]; /* enum vectors_mode, as the guest was told */
};

#endif
