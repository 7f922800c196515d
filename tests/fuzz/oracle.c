/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/oracle.h"

#include <string.h>

enum {
	COMMAND = 0x04, STATUS = 0x06, CACHE_LINE = 0x0c, LATENCY = 0x0d, HEADER_TYPE = 0x0e, BIST = 0x0f,
	BARS = 0x10, CAP_POINTER = 0x34, LINE = 0x3c,
	CAP_PM = 0x01, CAP_VPD = 0x03, CAP_MSI = 0x05, CAP_EXP = 0x10, CAP_MSIX = 0x11,
};

static void grant(struct oracle *o, unsigned at, uint32_t bits)
{
	for (; bits && at < o->size; at++, bits >>= 8)
		o->may[at] |= (uint8_t)bits;
}

static void close_bytes(struct oracle *o, unsigned at, unsigned n)
{
	for (; n-- && at < o->size; at++)
		o->may[at] = 0;
}

/* The n bytes at `at` of one, as far as they are in the first 256 bytes: what follows is no capability's of these. */
static void close_capability(struct oracle *o, unsigned at, unsigned n)
{
	close_bytes(o, at, at + n > 256 ? 256 - at : n);
}

/* One capability. Permissive opens all but what only the OS may ever touch. */
static void capability(struct oracle *o, unsigned at, uint8_t id, bool permissive, bool interrupts)
{
	switch (id) {
	case CAP_PM:
		if (permissive)
			close_capability(o, at, 8);
		if (at + 6 > 256)
			break;
		grant(o, at + 4, 0x9e03); /* power state, data select, PME status */
		if (at + 5 < o->size) {
			o->clear[at + 5] |= 0x01; /* PME enable goes off and stays off */
			o->w1c[at + 5] |= 0x80;
		}
		break;
	case CAP_VPD:
		if (permissive)
			close_capability(o, at, 8);
		grant(o, at + 2, 0x7fff); /* the address; its flag asks for a write */
		if (at + 3 < o->size)
			o->clear[at + 3] |= 0x80;
		break;
	case CAP_MSI:
		if (interrupts || permissive)
			grant(o, at + 2, permissive ? 0xffff : 0x0001);
		break;
	case CAP_MSIX:
		if (interrupts || permissive)
			grant(o, at + 2, permissive ? 0xffff : 0xc000);
		break;
	default:
		break;
	}
}

/* The list as the specification has it: dword-aligned, in the first 256 bytes, not for ever. */
static void capabilities(struct oracle *o, bool permissive, bool interrupts)
{
	bool seen[256] = { false };
	unsigned at = o->home[CAP_POINTER] & 0xfcu;

	if (!(o->home[STATUS] & 0x10))
		return;
	for (unsigned n = 0; n < 48 && at >= 0x40; n++) {
		uint8_t id = o->home[at];

		if (id == 0xff)
			return;
		if (!seen[id])
			capability(o, at, id, permissive, interrupts);
		seen[id] = true;
		at = o->home[at + 1] & 0xfcu;
	}
}

void oracle_init(struct oracle *o, const uint8_t *config, unsigned size, bool permissive,
		 bool interrupt_control)
{
	bool bridge = (config[HEADER_TYPE] & 0x7f) == 1;

	memset(o, 0, sizeof(*o));
	memcpy(o->home, config, size);
	o->size = size;
	o->nr_bars = bridge ? 2 : 6;
	o->rom = bridge ? 0x38 : 0x30;
	o->decoded = (uint16_t)(config[COMMAND] | config[COMMAND + 1] << 8);
	if (permissive)
		memset(o->may, 0xff, size);
	close_bytes(o, 0, 6); /* ids, command */
	close_bytes(o, LATENCY, 1);
	close_bytes(o, BIST, 1);
	close_bytes(o, BARS, 4 * o->nr_bars);
	close_bytes(o, o->rom, 4);
	close_bytes(o, LINE, 2);
	grant(o, COMMAND, 0x0014); /* bus master; memory write and invalidate */
	if (interrupt_control)
		grant(o, COMMAND, 0x0400);
	if (permissive)
		grant(o, COMMAND, 0x02bc);
	grant(o, CACHE_LINE, 0xff);
	grant(o, BIST, 0xff); /* judged by its value below */
	o->w1c[STATUS + 1] = 0xf9;
	if (bridge)
		o->w1c[0x1f] = 0xf9;
	capabilities(o, permissive, interrupt_control);
}

void oracle_open(struct oracle *o, unsigned offset, unsigned width, uint32_t mask)
{
	for (unsigned i = 0; i < width; i++)
		grant(o, offset + i, mask >> (8 * i) & 0xff);
}

static bool is_bar(const struct oracle *o, unsigned at)
{
	return (at >= BARS && at < BARS + 4 * o->nr_bars) || (at >= o->rom && at < o->rom + 4);
}

bool oracle_is_foreign(const struct oracle *o, unsigned at, uint32_t value)
{
	const uint8_t *home = &o->home[at & ~3u];

	return is_bar(o, at) && !o->movable &&
	       value != (home[0] | (uint32_t)home[1] << 8 | (uint32_t)home[2] << 16 | (uint32_t)home[3] << 24);
}

bool oracle_allows(const struct oracle *o, unsigned at, uint8_t old, uint8_t new, const char **why)
{
	uint8_t changed = old ^ new, closed = (uint8_t)~o->may[at];

	*why = "bits that nothing opens";
	if (is_bar(o, at)) {
		*why = "an address that is not the host's";
		return !changed || new == o->home[at] || o->movable;
	}
	if (at == COMMAND || at == COMMAND + 1) {
		uint8_t was = (uint8_t)(o->decoded >> (8 * (at - COMMAND)));

		/* Decoding is the OS's: what it has set may come back after a reset; nobody turns it off. */
		*why = "a command bit that is the OS's";
		return !(changed & closed & (uint8_t)~(new & was));
	}
	if (old & new & o->w1c[at] & closed) {
		*why = "a one where it clears";
		return false;
	}
	return !(changed & closed & (uint8_t)~(old & o->clear[at]));
}
