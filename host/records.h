/* SPDX-License-Identifier: MIT */
/*
 * What xenpcid tells on its control socket, and `xenpci` shows: records of documented fields. The tables
 * below are their one place: structures, the JSON on the socket, docs/control.md and the tests are made
 * from them or compared with them. Nothing here logs or allocates.
 */
#ifndef XENPCI_HOST_RECORDS_H
#define XENPCI_HOST_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDS_VERSION 1	  /* of what is said on the socket */
#define RECORDS_SOCKET "control"  /* below the state directory */
#define RECORDS_GROUP "xenpci"	  /* who may ask without being root */
#define RECORDS_REQUEST_MAX 1024  /* bytes of a request */
#define RECORDS_LINE_MAX 8192	  /* bytes of a record */
#define RECORDS_BUCKETS 32	  /* of the latency histogram */
#define RECORDS_NO_GUEST (-1)	  /* a domid: nobody has it */

/* What of a guest's requests is wanted; 0: nothing. */
enum { TRACE_ALL = 1, TRACE_WRITES = 2, TRACE_DENIED = 4 };

/* X(command, whether only root may have it done, what is answered) */
#define RECORDS_COMMANDS(X)                                                               \
	X(status, false, "daemon, and of each guest: guest, its devices")                 \
	X(stats, false, "daemon, and of each guest: stats")                               \
	X(denied, false, "of each guest: denied, one for each register")                  \
	X(trace, false, "trace and lost, until the connection is closed")                 \
	X(reload, true, "reads the settings, and starts anew with them where they are right") \
	X(restart, true, "the serving process starts anew; guests keep running")          \
	X(upgrade, true, "the program starts anew, as it is installed now; guests keep running") \
	X(release, true, "gives everything back to the kernel's backend, and ends")       \
	X(loglevel, true, "sets how much is logged: level is " RECORDS_LEVEL_NAMES)

/* X(name of a level, xentoollog's), the gravest first */
#define RECORDS_LEVELS(X) X(error, ERROR) X(warn, WARN) X(info, INFO) X(detail, DETAIL) X(debug, DEBUG)
#define RECORDS_LEVEL_NAMES "error, warn, info, detail or debug"

/* X(type, name, room, what it is): TEXT of so many bytes, NUMBER, FLAG, LIST of so many numbers. */
#define RECORDS_DAEMON(X)                                                                 \
	X(NUMBER, version, 1, "of the protocol: 1")                                       \
	X(TEXT, program, 16, "the program's version")                                     \
	X(NUMBER, pid, 1, "the process that serves")                                      \
	X(NUMBER, keeper, 1, "the keeper's process; 0: there is none")                    \
	X(NUMBER, started, 1, "changes with each start")                                  \
	X(NUMBER, since, 1, "when it started, in seconds since 1970")                     \
	X(TEXT, phase, 16, "starting, serving, no xenstore, asking, ending")                           \
	X(NUMBER, guests, 1, "how many it knows")                                         \
	X(NUMBER, devices, 1, "how many devices they have or wait for")                   \
	X(TEXT, log_level, 12, "what is logged, and all that is graver")                  \
	X(TEXT, slots, 16, "how guests see their devices: vpci or passthrough")           \
	X(TEXT, settings, 256, "the settings' file")                                      \
	X(NUMBER, domain, 1, "the domain that it serves from")                            \
	X(TEXT, denied, 64, "what Xen refuses to that domain: words of vectors, tables, lines, resets, domains, giving; empty: nothing")

#define RECORDS_GUEST(X)                                                                  \
	X(NUMBER, domid, 1, "the guest")                                                  \
	X(NUMBER, devid, 1, "which of its PCI frontends; 0: the first")                   \
	X(TEXT, name, 64, "its name, as the toolstack wrote it")                          \
	X(TEXT, state, 32, "the backend's state in xenstore, by name")                    \
	X(TEXT, frontend, 32, "the frontend's, by name")                                  \
	X(TEXT, service, 16, "none, starting, up, failed, ending")                        \
	X(FLAG, hvm, 1, "it is no PV guest: its devices are QEMU's or Xen's")             \
	X(NUMBER, since, 1, "since when this server knows it, in seconds since 1970")     \
	X(NUMBER, devices, 1, "how many it has or waits for")                             \
	X(NUMBER, worker, 1, "the process that serves it; 0: none")                       \
	X(TEXT, confined, 96, "how that process is confined, as the kernel tells")        \
	X(NUMBER, gate, 1, "the process that writes for it; 0: none")                     \
	X(NUMBER, requests, 1, "of the guest's, so far")                                  \
	X(NUMBER, refused, 1, "writes that were refused, so far")                         \
	X(TEXT, error, 256, "the last error that was reported; empty: none")              \
	X(NUMBER, error_time, 1, "when, in seconds since 1970; 0: never")

#define RECORDS_DEVICE(X)                                                                 \
	X(TEXT, host, 16, "the host's address")                                           \
	X(TEXT, guest_address, 16, "where the guest sees it; empty: nowhere (yet)")       \
	X(NUMBER, domid, 1, "whose it is; -1: nobody's, it is held for guests")           \
	X(NUMBER, devid, 1, "which of that guest's PCI frontends has it; 0: the first")   \
	X(TEXT, guest, 64, "that guest's name")                                           \
	X(TEXT, state, 16, "queued, taking, refused, taken, leaving, returning, left; held, asleep") \
	X(NUMBER, vendor, 1, "id")                                                        \
	X(NUMBER, device, 1, "id")                                                        \
	X(NUMBER, class, 1, "24 bits: base class, sub class, interface")                  \
	X(TEXT, name, 96, "of vendor and device, as libpci has it: filled in by xenpci")  \
	X(TEXT, irq, 8, "none, INTx, MSI or MSI-X: how it interrupts its guest now")      \
	X(NUMBER, line, 1, "the interrupt line that the guest is told; 0: none")          \
	X(NUMBER, vectors, 1, "of MSI or MSI-X, mapped")                                  \
	X(FLAG, permissive, 1, "the guest may write what no rule forbids")                \
	X(TEXT, permissive_source, 128, "who said so")                                    \
	X(FLAG, interrupt_control, 1, "the guest may switch MSI and MSI-X in config space") \
	X(TEXT, interrupt_control_source, 128, "who said so")                             \
	X(NUMBER, quirks, 1, "registers that settings open")                              \
	X(NUMBER, requests, 1, "for it, since the guest connected")                                          \
	X(NUMBER, refused, 1, "writes that were refused, so far")                         \
	X(TEXT, error, 256, "why it was refused; empty: it was not")                      \
	X(NUMBER, since, 1, "when this server took it up, in seconds since 1970; 0: it did not")

/* The protocol's commands that guests send, counted by kind. */
#define RECORDS_OPERATIONS(X)                                                             \
	X(NUMBER, conf_read, 1, "reads of config space")                                  \
	X(NUMBER, conf_write, 1, "writes of config space")                                \
	X(NUMBER, enable_msi, 1, "MSI turned on")                                         \
	X(NUMBER, disable_msi, 1, "MSI turned off")                                       \
	X(NUMBER, enable_msix, 1, "MSI-X turned on")                                      \
	X(NUMBER, disable_msix, 1, "MSI-X turned off")                                    \
	X(NUMBER, enable_multi_msi, 1, "MSI with several vectors turned on")

#define RECORDS_STATS(X)                                                                  \
	X(NUMBER, domid, 1, "the guest")                                                  \
	X(NUMBER, devid, 1, "which of its PCI frontends; 0: the first")                   \
	X(TEXT, name, 64, "its name")                                                     \
	X(NUMBER, requests, 1, "all of them")                                             \
	RECORDS_OPERATIONS(X)                                                             \
	X(NUMBER, other, 1, "commands that no guest may send, or nobody knows")           \
	X(NUMBER, polled, 1, "requests that were found by looking, not by an event")      \
	X(NUMBER, refused, 1, "writes that were refused")                                 \
	X(NUMBER, took, 1, "microseconds that all answers took")                          \
	X(LIST, latency, RECORDS_BUCKETS, "answers by time: item n took less than 2^n microseconds, and no less than half of it") \
	X(NUMBER, worker_restarts, 1, "workers that died and were replaced, since this server took the guest up") \
	X(NUMBER, gate_restarts, 1, "gates, likewise")

#define RECORDS_DENIED(X)                                                                 \
	X(NUMBER, domid, 1, "the guest")                                                  \
	X(NUMBER, devid, 1, "which of its PCI frontends; 0: the first")                   \
	X(TEXT, name, 64, "its name")                                                     \
	X(TEXT, host, 16, "the device's address on the host")                             \
	X(NUMBER, offset, 1, "of the register; where it has no name, of its dword")       \
	X(NUMBER, width, 1, "of the register, in bytes")                                  \
	X(TEXT, field, 40, "the register's name, or unlisted")                            \
	X(NUMBER, bits, 1, "all bits of it that were refused so far")                     \
	X(NUMBER, times, 1, "how often")                                                  \
	X(NUMBER, first, 1, "when, in seconds since 1970")                                \
	X(NUMBER, last, 1, "when, in seconds since 1970")                                 \
	X(TEXT, remedy, 96, "what would allow it; empty: nothing does")                   \
	X(TEXT, quirk, 200, "the entry of quirks in xenpci.conf that allows just these bits; empty: there is none")

#define RECORDS_TRACE(X)                                                                  \
	X(NUMBER, domid, 1, "the guest")                                                  \
	X(NUMBER, devid, 1, "which of its PCI frontends; 0: the first")                   \
	X(NUMBER, time, 1, "when it was answered, in microseconds since 1970")            \
	X(TEXT, host, 16, "the device's address on the host; empty: the guest has none there") \
	X(TEXT, guest_address, 16, "which the guest named")                               \
	X(TEXT, command, 20, "by name; a number where nobody knows it")                   \
	X(NUMBER, offset, 1, "in config space")                                           \
	X(NUMBER, size, 1, "in bytes")                                                    \
	X(NUMBER, value, 1, "read or written")                                            \
	X(TEXT, field, 24, "the register's name")                                         \
	X(NUMBER, refused, 1, "bits of the write that were refused")                      \
	X(NUMBER, answer, 1, "the error number of the protocol; 0: success")              \
	X(NUMBER, took, 1, "microseconds to the answer")

#define RECORDS_LOST(X)                                                                   \
	X(NUMBER, domid, 1, "the guest")                                                  \
	X(NUMBER, devid, 1, "which of its PCI frontends; 0: the first")                   \
	X(NUMBER, lines, 1, "requests that are not told of, for want of room, since the last such line")

#define RECORDS_RESULT(X)                                                                 \
	X(FLAG, ok, 1, "it was done")                                                     \
	X(TEXT, text, 512, "why not, or what was done")

/* X(name, table, what it is) */
#define RECORDS(X)                                                                        \
	X(daemon, RECORDS_DAEMON, "xenpcid itself")                                       \
	X(guest, RECORDS_GUEST, "a guest with PCI devices")                               \
	X(device, RECORDS_DEVICE, "a device that a guest has or waits for, or (by xenpci) that is held for guests") \
	X(stats, RECORDS_STATS, "what a guest has asked; all since its first worker")     \
	X(denied, RECORDS_DENIED, "a register whose writes were refused")                 \
	X(trace, RECORDS_TRACE, "one request")                                            \
	X(lost, RECORDS_LOST, "a trace that has gaps")                                    \
	X(result, RECORDS_RESULT, "the last of an answer")

enum record_type { RECORD_TEXT, RECORD_NUMBER, RECORD_FLAG, RECORD_LIST };

#define RECORDS_TEXT(name, room) char name[room];
#define RECORDS_NUMBER(name, room) int64_t name;
#define RECORDS_FLAG(name, room) bool name;
#define RECORDS_LIST(name, room) int64_t name[room];
#define RECORDS_MEMBER(type, name, room, text) RECORDS_##type(name, room)
#define RECORDS_STRUCT(record, table, text) struct record_##record { table(RECORDS_MEMBER) };
RECORDS(RECORDS_STRUCT)

enum record_kind {
#define X(record, table, text) RECORD_OF_##record,
	RECORDS(X)
#undef X
	RECORD_KINDS
};

/* Any of them. */
union record {
#define X(record, table, text) struct record_##record record;
	RECORDS(X)
#undef X
};

enum records_command {
#define X(command, root, text) COMMAND_##command,
	RECORDS_COMMANDS(X)
#undef X
	COMMAND_COUNT
};

struct record_field {
	const char *name;
	enum record_type type;
	size_t at, room; /* in its structure; of a text: bytes, of a list: items */
};

/* The fields of a kind, *nr of them, and its name. */
const struct record_field *record_fields(enum record_kind kind, size_t *nr);
const char *record_name(enum record_kind kind);

/* A command's number, or -1; its name; whether only root may have it done. */
int records_command(const char *name);
const char *records_command_name(enum records_command command);
bool records_command_is_roots(enum records_command command);

#endif
