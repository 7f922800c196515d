/* SPDX-License-Identifier: MIT */
/*
 * The protocol conformance suite: cases, and what they are written with. A case asks
 * the backend, compares, puts back what it changed, and says nothing itself.
 */
#ifndef XENPCI_FRONTEND_CONFORM_H
#define XENPCI_FRONTEND_CONFORM_H

#include "frontend/tool/tool.h"
#include "protocol/pciif.h"
#include "xenpci/xenpcifront_raw.h"

/* What err is preset to, and what a table entry's vector holds before a request. */
#define UNANSWERED	999
#define VECTOR_BEFORE(i) ((uint16_t)(0xa500 + (i)))

/*
 * X(name, what the protocol asks, what the Linux backend is known to do instead: NULL where
 * nothing). Cases run in this order, and leave the device as they found it.
 */
#define CONFORM_LOOKUP(X)                                                                     \
	X(absent_function, "a function that is not exported answers -1 and echoes value", NULL)  \
	X(absent_bus, "so does another bus", NULL)                                            \
	X(absent_segment, "so does another segment", NULL)                                    \
	X(wide_devfn, "devfn beyond 255 is nobody's",                                          \
	  "in slot mode higher devfn bits are ignored: the device answers")                   \
	X(wide_bus, "bus beyond 255 is nobody's", NULL)                                       \
	X(lookup_before_command, "an absent device answers -1 to an unknown command", NULL)   \
	X(lookup_before_size, "an absent device answers -1 to a wrong size", NULL)            \
	X(unknown_commands, "unknown commands answer -4", NULL)                               \
	X(aer_commands, "AER commands in the request slot answer -4", NULL)

#define CONFORM_CONFIG(X)                                                                     \
	X(read_sizes, "reads of sizes other than 1, 2, 4 answer -2 and value 0", NULL)        \
	X(read_alignment, "unaligned reads answer -2 and value 0", NULL)                      \
	X(read_end, "a read at 4096 answers -2 or -22 and all ones", NULL)                    \
	X(read_negative, "negative offsets answer -2 or -22 and all ones",                    \
	  "they pass the check and read some register")                                       \
	X(read_lanes, "every width at every offset of the header shows the same bytes", NULL) \
	X(read_cut, "a value has no bits beyond the size of the read",                        \
	  "a read of part of a field shows the whole field")                                  \
	X(read_extended, "the extended space reads, or is refused from end to end", NULL)     \
	X(write_sizes, "writes of sizes other than 1, 2, 4 answer -2", NULL)                  \
	X(write_alignment, "unaligned writes answer -2", NULL)                                \
	X(write_end, "writes outside of the config space answer -2 or -22",                   \
	  "they are dropped and answered 0")                                                  \
	X(write_echo, "a write echoes its value", NULL)                                       \
	X(header_readonly, "read-only header fields take writes and keep their values", NULL) \
	X(command_shadow, "decode and INTx-disable bits read back as written", NULL)          \
	X(command_bytes, "byte writes change their half of the command register", NULL)       \
	X(command_status, "a 4-byte write at 4 leaves the status half alone", NULL)           \
	X(bar_sizing, "all ones give a size mask, the old value comes back", NULL)            \
	X(bar_partial, "ones in part of a BAR do not size it", NULL)                          \
	X(bar_move, "a BAR stays, or goes where it was put", NULL)                            \
	X(rom_sizing, "the ROM is sized with fffff800, its enable bit stays clear", NULL)

#define CONFORM_CAPS(X)                                                                       \
	X(cap_headers, "capability headers take writes and keep their values", NULL)          \
	X(pm_pme_hidden, "PME support is hidden, PME enable cannot be set", NULL)             \
	X(vpd_write, "starting a VPD write answers -3", NULL)                                 \
	X(msi_control, "setting MSI's enable bit by hand answers -3", NULL)                   \
	X(msix_control, "setting MSI-X's enable bit by hand answers -3", NULL)                \
	X(express_control, "writes to the express capability are dropped", NULL)              \
	X(extended_write, "writes to the extended space are dropped", NULL)

#define CONFORM_IRQ(X)                                                                        \
	X(msi_cycle, "MSI: on, on again (-5), off, off again", NULL)                          \
	X(msix_cycle, "MSI-X: on, on again (-114), off, off again", NULL)                     \
	X(msi_during_msix, "MSI while MSI-X is on answers -5", NULL)                          \
	X(msix_during_msi, "MSI-X while MSI is on answers -6", NULL)                          \
	X(msix_none, "MSI-X with 0 entries answers -22 and value -22", NULL)                  \
	X(msix_too_many, "MSI-X with more than 128 entries answers -22 and echoes", NULL)     \
	X(msix_duplicates, "MSI-X with an entry twice is refused, value is the error", NULL)  \
	X(msix_beyond, "MSI-X beyond the table is refused, value is the error", NULL)         \
	X(msix_decode_shadow, "the guest's decode bits do not matter to MSI-X", NULL)         \
	X(multi_msi, "multi-message MSI works, or answers -4", NULL)                          \
	X(multi_msi_bounds, "multi-message MSI of 0 and 33 is refused", NULL)                 \
	X(no_capability, "MSI and MSI-X of a device without them are refused", NULL)

#define CONFORM_PAGE(X)                                                                       \
	X(only_answer_fields, "err, value and vectors are written, nothing else", NULL)       \
	X(flags_kept, "the other bits of the flags word survive a request", NULL)             \
	X(tail_ignored, "what stands behind byte 572 does not matter and stays", NULL)        \
	X(idle_kicks, "kicks without a request change nothing", NULL)                         \
	X(double_kick, "two kicks are one request", NULL)                                     \
	X(steady, "1000 requests in a row are answered", NULL)

#define CONFORM_CASES(X)  \
	CONFORM_LOOKUP(X) \
	CONFORM_CONFIG(X) \
	CONFORM_CAPS(X)	  \
	CONFORM_IRQ(X)	  \
	CONFORM_PAGE(X)

enum verdict { VERDICT_OK, VERDICT_SKIP, VERDICT_DIFFERS, VERDICT_FAIL };

struct conform {
	struct tool *tool;
	struct xenpcifront *fe;
	struct xenpcifront_device dev; /* the one that is tried */
	enum verdict verdict;
	char detail[256]; /* of the first thing that made the verdict what it is */
};

#define CONFORM_DECLARE(name, text, linux_note) void conform_##name(struct conform *c);
CONFORM_CASES(CONFORM_DECLARE)
#undef CONFORM_DECLARE

/* Verdicts; a worse one replaces a better one, the first of its kind keeps its detail. */
void conform_skip(struct conform *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The backend does what the Linux backend is known to do. */
void conform_differs(struct conform *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void conform_fail(struct conform *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A request for the device under test: preset err, vectors and entries filled with a pattern. */
struct xenpcifront_request conform_request(const struct conform *c, uint32_t cmd);
struct xenpcifront_request conform_access(const struct conform *c, uint32_t cmd, int32_t offset,
					  int32_t size, uint32_t value);
/*
 * Sends *req. Fails the case where no answer comes, where err stays preset, or where
 * the backend wrote into a field that is not the answer's. Returns whether err was 0.
 */
bool conform_ask(struct conform *c, struct xenpcifront_request *req);
/* Asks and compares err and value. Returns whether both are as wanted. */
bool conform_expect(struct conform *c, const char *what, struct xenpcifront_request req,
		    int32_t err, uint32_t value);

/* An access that has to succeed (else the case fails, and 0 is read). Cut to the size. */
uint32_t conform_read(struct conform *c, unsigned offset, unsigned size);
void conform_write(struct conform *c, unsigned offset, unsigned size, uint32_t value);
/* Writes value and expects to find `want` under mask afterwards. */
void conform_write_gives(struct conform *c, unsigned offset, unsigned size, uint32_t value,
			 uint32_t mask, uint32_t want);

/* The offset of capability id, 0 where the device has none (the case is skipped, then). */
unsigned conform_capability(struct conform *c, unsigned id, const char *name);

#endif
