/* SPDX-License-Identifier: MIT */
#include "backend/config/fields.h"

#include "common/util.h"

#define ALL 0xffffffffu

/* Command bits read from the hardware: master, special cycles, MWI, palette, wait, fast back. */
#define COMMAND_HW 0x02bcu

/* at, width, name, read rule, bits from hardware, write rule, bits to hardware, reset rule, more */
#define ROW(at_, width_, name_, read_, hw_, write_, bits_, reset_, ...)                       \
	{                                                                                     \
		.at = (at_), .width = (width_), .read = READ_##read_, .write = WRITE_##write_, \
		.reset = RESET_##reset_, .hw = (hw_), .bits = (bits_), .name = (name_),        \
		__VA_ARGS__                                                                   \
	}

/* Read as it stands, and named so that a refusal can say what was refused. */
#define OPEN(at, width, name, ...) ROW(at, width, name, HW, ALL, OPEN, 0, NONE, __VA_ARGS__)
/* The same, closed in permissive mode too. */
#define CLOSED(at, width, name, ...) ROW(at, width, name, HW, ALL, NEVER, 0, NONE, __VA_ARGS__)
/* Read-only or set by firmware once, says the PCI specification (HwInit, RO), and not a status. */
#define FIXED .fixed = ALL
#define BAR(n) ROW(0x10 + 4 * (n), 4, "BAR " #n, BAR, 0, BAR, 0, HOME)

static const struct config_row common[] = {
	ROW(0x00, 2, "vendor id",	VENDOR, 0, NEVER, 0, NONE),
	ROW(0x02, 2, "device id",	DEVICE, 0, NEVER, 0, NONE),
	ROW(0x04, 2, "command",		SHADOW, COMMAND_HW, COMMAND, 0x0014, HOME),
	OPEN(0x06, 2, "status", .w1c = 0xf900),
	OPEN(0x08, 4, "revision and class", FIXED),
	ROW(0x0c, 1, "cache line size", HW, ALL, CACHE_LINE, 0xff, NONE),
	CLOSED(0x0d, 1, "latency timer"),
	OPEN(0x0e, 1, "header type", FIXED),
	ROW(0x0f, 1, "BIST",		HW, ALL, BIST, 0x40, NONE),
	ROW(0x3c, 1, "interrupt line",	LINE, 0, NEVER, 0, NONE),
	ROW(0x3d, 1, "interrupt pin",	PIN, 0, NEVER, 0, NONE),
};

static const struct config_row type0[] = {
	BAR(0), BAR(1), BAR(2), BAR(3), BAR(4), BAR(5),
	OPEN(0x28, 4, "CardBus CIS pointer", FIXED),
	OPEN(0x2c, 2, "subsystem vendor id", FIXED),
	OPEN(0x2e, 2, "subsystem id", FIXED),
	ROW(0x30, 4, "expansion ROM", ROM, 0, ROM, 0, HOME),
	OPEN(0x34, 1, "capabilities pointer", FIXED),
	OPEN(0x3e, 1, "minimum grant", FIXED),
	OPEN(0x3f, 1, "maximum latency", FIXED),
};

static const struct config_row type1[] = {
	BAR(0), BAR(1),
	OPEN(0x18, 1, "primary bus"),
	OPEN(0x19, 1, "secondary bus"),
	OPEN(0x1a, 1, "subordinate bus"),
	OPEN(0x1b, 1, "secondary latency timer"),
	OPEN(0x1c, 1, "I/O base"),
	OPEN(0x1d, 1, "I/O limit"),
	OPEN(0x1e, 2, "secondary status", .w1c = 0xf900),
	OPEN(0x20, 2, "memory base"),
	OPEN(0x22, 2, "memory limit"),
	OPEN(0x24, 2, "prefetchable base"),
	OPEN(0x26, 2, "prefetchable limit"),
	OPEN(0x28, 4, "prefetchable base high"),
	OPEN(0x2c, 4, "prefetchable limit high"),
	OPEN(0x30, 2, "I/O base high"),
	OPEN(0x32, 2, "I/O limit high"),
	OPEN(0x34, 1, "capabilities pointer", FIXED),
	ROW(0x38, 4, "expansion ROM", ROM, 0, ROM, 0, HOME),
	OPEN(0x3e, 2, "bridge control"),
};

static const struct config_row vpd[] = {
	CLOSED(0x00, 2, "VPD capability", FIXED),
	ROW(0x02, 2, "VPD address", HW, ALL, VPD, 0x7fff, NONE),
	CLOSED(0x04, 4, "VPD data"),
};

static const struct config_row pm[] = {
	CLOSED(0x00, 2, "PM capability", FIXED),
	/* A guest cannot be woken: PME support is hidden. */
	ROW(0x02, 2, "PM capabilities",	  HW, 0x07ff, NEVER, 0,	     NONE, FIXED),
	/* PME status, data select, power state; PME enable is off and stays off. */
	ROW(0x04, 2, "PM control/status", HW, ALL,    POWER, 0x9e03, NONE),
	CLOSED(0x06, 1, "PM bridge extensions"),
	CLOSED(0x07, 1, "PM data"),
};

/* Address, data, masks and table are Xen's; enable is the guest's only for a device model. */
static const struct config_row msi[] = {
	CLOSED(0x00, 2, "MSI capability", FIXED),
	ROW(0x02, 2, "MSI control", HW, ALL, CONTROL, 0x0001, NONE, .enable = 0x0001,
	    .hardwired = 0xfb8e),
	OPEN(0x04, 4, "MSI address"),
};

static const struct config_row msi32[] = {
	OPEN(0x08, 2, "MSI data"),
};

static const struct config_row msi32_mask[] = {
	OPEN(0x0c, 4, "MSI mask"),
	OPEN(0x10, 4, "MSI pending"),
};

static const struct config_row msi64[] = {
	OPEN(0x08, 4, "MSI address high"),
	OPEN(0x0c, 2, "MSI data"),
};

static const struct config_row msi64_mask[] = {
	OPEN(0x10, 4, "MSI mask"),
	OPEN(0x14, 4, "MSI pending"),
};

static const struct config_row msix[] = {
	CLOSED(0x00, 2, "MSI-X capability", FIXED),
	ROW(0x02, 2, "MSI-X control", HW, ALL, CONTROL, 0xc000, NONE, .enable = 0x8000,
	    .hardwired = 0x3fff),
	OPEN(0x04, 4, "MSI-X table", FIXED),
	OPEN(0x08, 4, "MSI-X pending bits", FIXED),
};

static const struct config_row pcie[] = {
	OPEN(0x00, 2, "PCIe capability", FIXED),
	/* Not the interrupt message number, which follows the vectors in use. */
	OPEN(0x02, 2, "PCIe capabilities", .fixed = 0xc1ff),
	/* Not the slot power limit, which a message from above sets. */
	OPEN(0x04, 4, "device capabilities", .fixed = 0xf003ffff),
	OPEN(0x08, 2, "device control"),
	OPEN(0x0a, 2, "device status", .w1c = 0x004f),
	OPEN(0x0c, 4, "link capabilities"),
	OPEN(0x10, 2, "link control"),
	OPEN(0x12, 2, "link status", .w1c = 0xc000),
};

static const struct config_row pcie2[] = {
	OPEN(0x14, 4, "slot capabilities"),
	OPEN(0x18, 2, "slot control"),
	OPEN(0x1a, 2, "slot status", .w1c = 0x011f),
	OPEN(0x1c, 2, "root control"),
	OPEN(0x1e, 2, "root capabilities"),
	OPEN(0x20, 4, "root status", .w1c = 0x00010000),
	OPEN(0x24, 4, "device capabilities 2", FIXED),
	OPEN(0x28, 2, "device control 2"),
	OPEN(0x2a, 2, "device status 2"),
	OPEN(0x2c, 4, "link capabilities 2"),
	OPEN(0x30, 2, "link control 2"),
	OPEN(0x32, 2, "link status 2", .w1c = 0x8020),
	OPEN(0x34, 4, "slot capabilities 2"),
	OPEN(0x38, 2, "slot control 2"),
	OPEN(0x3a, 2, "slot status 2"),
};

static const struct config_row af[] = {
	OPEN(0x00, 2, "AF capability", FIXED),
	OPEN(0x02, 2, "AF capabilities"),
	OPEN(0x04, 1, "AF control"),
	OPEN(0x05, 1, "AF status"),
};

const struct config_row config_row_unlisted = OPEN(0, 1, "unlisted");
const struct config_row config_row_quirk = ROW(0, 4, "quirk", HW, ALL, QUIRK, ALL, NONE);

#define TABLE(id, rows_, name_) [TABLE_##id] = { (name_), (rows_), ARRAY_SIZE(rows_) }

const struct config_table config_tables[TABLE_COUNT] = {
	TABLE(COMMON, common, "every header"),
	TABLE(TYPE0, type0, "header type 0"),
	TABLE(TYPE1, type1, "header type 1 (bridge)"),
	TABLE(VPD, vpd, "vital product data"),
	TABLE(PM, pm, "power management"),
	TABLE(MSI, msi, "MSI"),
	TABLE(MSI32, msi32, "MSI, 32-bit address"),
	TABLE(MSI32_MASK, msi32_mask, "MSI, 32-bit address, maskable"),
	TABLE(MSI64, msi64, "MSI, 64-bit address"),
	TABLE(MSI64_MASK, msi64_mask, "MSI, 64-bit address, maskable"),
	TABLE(MSIX, msix, "MSI-X"),
	TABLE(PCIE, pcie, "PCI Express"),
	TABLE(PCIE2, pcie2, "PCI Express, version 2"),
	TABLE(AF, af, "advanced features"),
};
