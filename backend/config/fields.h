/* SPDX-License-Identifier: MIT */
/*
 * The registers of config space as a data book has them: one row per register,
 * in tables by header type and capability. A byte that no row names is read raw
 * and not written. Rules are those of PROTOCOL.md 4.1 to 4.5; where ours
 * differ from the kernel's backend, DIFFERENCES.md says why. Nothing here logs;
 * everything may be called from several threads.
 */
#ifndef XENPCI_BACKEND_CONFIG_FIELDS_H
#define XENPCI_BACKEND_CONFIG_FIELDS_H

#include <stdint.h>

/* X(name, text): what a guest reads in the bits that the row does not take from the hardware. */
#define READ_RULES(X)                         \
	X(HW, "hardware")                     \
	X(VENDOR, "id as the OS knows it")    \
	X(DEVICE, "id as the OS knows it")    \
	X(SHADOW, "as last written")          \
	X(BAR, "address or size mask")        \
	X(ROM, "address or size mask")        \
	X(LINE, "INTx line as the OS knows it") \
	X(PIN, "hardware; 0 where there is no line")

/* X(name, text): what a guest's write does. */
#define WRITE_RULES(X)                                                     \
	X(NEVER, "dropped")                                                \
	X(OPEN, "dropped; raw if permissive")                              \
	X(CACHE_LINE, "raw")                                               \
	X(COMMAND, "master and MWI; decode enables the device; rest shadow") \
	X(BAR, "all ones size; moves a movable BAR")                       \
	X(ROM, "all ones size; never the enable bit")                      \
	X(BIST, "the start bit alone")                                     \
	X(POWER, "power state by the PM rules, PME status, data select")   \
	X(VPD, "requests to read; requests to write refused")              \
	X(CONTROL, "enable and mask if interrupt_control; raw if permissive") \
	X(QUIRK, "the mask's bits")

/* X(name, text): what a reset of the device does to what the table holds. */
#define RESET_RULES(X)             \
	X(NONE, "-")               \
	X(HOME, "as at attach")

#define FIELDS_READ_ENUM(name, text) READ_##name,
#define FIELDS_WRITE_ENUM(name, text) WRITE_##name,
#define FIELDS_RESET_ENUM(name, text) RESET_##name,
enum read_rule { READ_RULES(FIELDS_READ_ENUM) };
enum write_rule { WRITE_RULES(FIELDS_WRITE_ENUM) };
enum reset_rule { RESET_RULES(FIELDS_RESET_ENUM) };
#undef FIELDS_READ_ENUM
#undef FIELDS_WRITE_ENUM
#undef FIELDS_RESET_ENUM

struct config_row {
	uint8_t at;	   /* offset from the start of the header or capability */
	uint8_t width;	   /* 1, 2 or 4; a row never crosses a dword */
	uint8_t read;	   /* enum read_rule */
	uint8_t write;	   /* enum write_rule */
	uint8_t reset;	   /* enum reset_rule */
	uint32_t hw;	   /* bits that a read takes from the hardware */
	uint32_t bits;	   /* bits that a write may carry to the hardware */
	uint32_t w1c;	   /* OPEN: bits that a one clears, a zero leaves */
	uint32_t enable;   /* CONTROL: the enable bit */
	uint32_t fixed;	   /* bits that nothing changes as long as the device is this device */
	uint32_t hardwired; /* CONTROL: bits that no device lets anyone change */
	const char *name;
};

enum config_table_id {
	TABLE_COMMON,
	TABLE_TYPE0,
	TABLE_TYPE1,
	TABLE_VPD,
	TABLE_PM,
	TABLE_MSI,
	TABLE_MSI32,	  /* behind TABLE_MSI where the address has 32 bits */
	TABLE_MSI32_MASK, /* ... and vectors can be masked */
	TABLE_MSI64,
	TABLE_MSI64_MASK,
	TABLE_MSIX,
	TABLE_PCIE,
	TABLE_PCIE2, /* behind TABLE_PCIE where its version is 2 or above */
	TABLE_AF,
	TABLE_COUNT
};

struct config_table {
	const char *name;
	const struct config_row *rows;
	unsigned nr;
};

extern const struct config_table config_tables[TABLE_COUNT];

/* The row of every byte that no table names, and of a quirk's window. */
extern const struct config_row config_row_unlisted;
extern const struct config_row config_row_quirk;

#endif
