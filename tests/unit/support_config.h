/* SPDX-License-Identifier: MIT */
/*
 * A PCI function in memory for the tests of backend/config: every bit is the
 * device's to keep unless `writable` says otherwise, every raw access is logged, and
 * failures happen on demand.
 */
#ifndef XENPCI_TESTS_UNIT_SUPPORT_CONFIG_H
#define XENPCI_TESTS_UNIT_SUPPORT_CONFIG_H

#include <stdio.h>

#include "backend/config/config.h"
#include "protocol/pciif.h"

#define FAKE_LOG_MAX 64

struct fake_access {
	bool write;
	unsigned offset;
	unsigned size;
	uint32_t value;
};

struct fake {
	struct pcidev dev;
	uint8_t space[4096];
	uint8_t writable[4096];
	uint8_t w1c[4096]; /* bits that a one clears and nothing sets */
	struct fake_access log[FAKE_LOG_MAX]; /* the first since fake_forget_log */
	unsigned reads;
	unsigned writes;
	unsigned enables; /* calls */
	unsigned disables;
	int fail_reads; /* errno for every read; 0: they work */
	unsigned fail_read; /* the read that fails, so many from now, with EIO; 0: none */
	int fail_writes;
	int fail_enable;
	unsigned pm; /* PM capability: D3hot to D0 clears the header, unless No_Soft_Reset */
	unsigned slow_writes; /* header writes that a device just back in D0 loses */
	unsigned losing;
};

/* A device with an empty config space, all bits writable, ids 10d3:8086. */
void fake_init(struct fake *f, uint8_t header_type, uint16_t config_size);
/* Sets and gets registers without logging. */
void fake_put(struct fake *f, unsigned offset, unsigned size, uint32_t value);
uint32_t fake_get(const struct fake *f, unsigned offset, unsigned size);
/* Puts a capability in front of the list. */
void fake_cap(struct fake *f, unsigned at, uint8_t id);
/* An assigned BAR (number 6: the ROM), in info and in the registers. */
void fake_bar(struct fake *f, unsigned number, uint64_t start, uint64_t size, uint8_t flags);
void fake_forget_log(struct fake *f);

/* The e1000e of PROTOCOL.md 10. */
void fake_nic(struct fake *f);

/* config_open that must succeed; NULL policy: filtered. */
struct config *fake_open(struct fake *f, const struct config_policy *policy);

/* Values and errors as the guest gets them; each fails the test with the numbers. */
#define read_is(cfg, offset, size, value) \
	check_read(cfg, offset, size, XEN_PCI_ERR_success, value, __FILE__, __LINE__)
#define read_fails(cfg, offset, size, err, value) \
	check_read(cfg, offset, size, err, value, __FILE__, __LINE__)
#define write_is(cfg, offset, size, value, err) \
	check_write(cfg, offset, size, value, err, __FILE__, __LINE__)
void check_read(struct config *cfg, int32_t offset, int32_t size, int err, uint32_t value,
		const char *file, int line);
void check_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value, int err,
		 const char *file, int line);

/* Short names for the protocol's errors in tables. */
enum {
	OK = XEN_PCI_ERR_success,
	INVALID = XEN_PCI_ERR_invalid_offset,
	DENIED = XEN_PCI_ERR_access_denied,
	FAILED = XEN_PCI_ERR_op_failed,
};

/*
 * The bits of byte `offset` that a guest's write can change, in the device or in
 * what it reads back (shadow, BAR sizing); 0 outside the space.
 */
uint8_t writable_byte(const struct config *cfg, unsigned offset);

/* Prints the table as in a data book: a line per register, in address order. */
void print_table(const struct config *cfg, FILE *out);

/* Reproducible numbers. */
uint32_t test_random(uint64_t *state);

#endif
