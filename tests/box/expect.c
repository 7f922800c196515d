/* SPDX-License-Identifier: MIT */
/*
 * What a guest should see of a captured device, worked out a second time from
 * the text of the dump and PROTOCOL.md 4, with no line of the
 * backend's code:
 *   expect DUMP list            the functions a guest can have (header type 0)
 *   expect DUMP config BDF      the first sight of its config space, 16 bytes a line
 *   expect DUMP config-reset BDF    the same of a function that could be reset before
 *   expect DUMP bars BDF        "INDEX KIND SIZE" of each region with a [size=]
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 512
#define REGIONS 7 /* six BARs and the ROM */
#define ROM 6

struct region {
	bool there;
	char kind[8]; /* "io", "mem32", "mem64", "rom" */
	unsigned long long start, size;
	uint8_t flags;
};

struct device {
	char bdf[24];
	unsigned bytes; /* of config space in the dump */
	uint8_t config[4096];
	long irq; /* -1: the dump does not say */
	struct region region[REGIONS];
};

static struct device devices[DEVICES_MAX];
static unsigned nr_devices;

static unsigned get16(const struct device *d, unsigned at)
{
	return d->config[at] | (unsigned)d->config[at + 1] << 8;
}

static void put16(struct device *d, unsigned at, unsigned value)
{
	d->config[at] = (uint8_t)value;
	d->config[at + 1] = (uint8_t)(value >> 8);
}

static void put32(struct device *d, unsigned at, unsigned long long value)
{
	for (unsigned i = 0; i < 4; i++)
		d->config[at + i] = (uint8_t)(value >> (8 * i));
}

/* "[size=16K]" */
static unsigned long long size_in(const char *line)
{
	const char *at = strstr(line, "[size=");
	unsigned long long n;
	char *end;

	if (!at)
		return 0;
	n = strtoull(at + 6, &end, 10);
	switch (*end) {
	case 'T': n <<= 10; /* fall through */
	case 'G': n <<= 10; /* fall through */
	case 'M': n <<= 10; /* fall through */
	case 'K': n <<= 10; /* fall through */
	default: return n;
	}
}

/* "Region 0: Memory at febf0000 (64-bit, prefetchable) [size=16K]" or "Expansion ROM at ..." */
static void parse_region(struct device *d, const char *line)
{
	const char *at = strstr(line, " at ");
	struct region *r;
	unsigned index = ROM;
	bool io = strstr(line, "I/O ports");

	if (!at || !size_in(line) || (sscanf(line, " Region %u", &index) == 1 && index >= ROM))
		return;
	r = &d->region[index];
	r->there = true;
	r->size = size_in(line);
	/* "<unassigned>", "<ignored>": no number, so 0 */
	r->start = strtoull(at + 4, NULL, 16);
	if (index == ROM) {
		strcpy(r->kind, "rom");
	} else if (io) {
		strcpy(r->kind, "io");
		r->flags = 1;
	} else {
		bool wide = strstr(line, "(64-bit");

		strcpy(r->kind, wide ? "mem64" : "mem32");
		r->flags = (uint8_t)((wide ? 4 : 0) | (strstr(line, "low-1M") ? 2 : 0) |
				     (strstr(line, ", prefetchable") ? 8 : 0));
	}
}

/* "1c0: 00 01 ..." */
static bool parse_hex(struct device *d, const char *line)
{
	unsigned at, byte[16];
	int n = 0;

	if (sscanf(line, "%x:%n", &at, &n) != 1 || n < 3 || n > 4 || at % 16 || at > 0xff0)
		return false;
	for (unsigned i = 0; i < 16; i++) {
		int used = 0;

		if (sscanf(line + n, " %2x%n", &byte[i], &used) != 1)
			return false;
		n += used;
	}
	for (unsigned i = 0; i < 16; i++)
		d->config[at + i] = (uint8_t)byte[i];
	if (d->bytes < at + 16)
		d->bytes = at + 16;
	return true;
}

/* "0000:00:1f.2 Class" or "00:1f.2 Class" in the first column */
static bool parse_heading(const char *line)
{
	unsigned segment = 0, bus, slot, function;
	int n = 0;

	if (sscanf(line, "%x:%2x:%2x.%1x %n", &segment, &bus, &slot, &function, &n) != 4 || !n) {
		segment = 0;
		n = 0;
		if (sscanf(line, "%2x:%2x.%1x %n", &bus, &slot, &function, &n) != 3 || !n)
			return false;
	}
	if (nr_devices == DEVICES_MAX)
		exit(3);
	snprintf(devices[nr_devices].bdf, sizeof(devices[0].bdf), "%04x:%02x:%02x.%x", segment, bus, slot,
		 function);
	devices[nr_devices++].irq = -1;
	return true;
}

static void load(const char *file)
{
	FILE *f = fopen(file, "r");
	char line[4096];

	if (!f) {
		perror(file);
		exit(3);
	}
	while (fgets(line, sizeof(line), f)) {
		struct device *d = nr_devices ? &devices[nr_devices - 1] : NULL;
		unsigned irq;
		const char *at;

		if (line[0] != '\t' && line[0] != ' ' && (!d || !parse_hex(d, line)))
			parse_heading(line);
		if (!d || (line[0] != '\t' && line[0] != ' '))
			continue;
		/* One tab is the function's own; deeper ones are, for instance, its VFs'. */
		if (strspn(line, "\t ") > 8 || !strncmp(line, "\t\t", 2))
			continue;
		if (strstr(line, "Region ") || strstr(line, "Expansion ROM at "))
			parse_region(d, line);
		at = strstr(line, "routed to IRQ ");
		if (at && sscanf(at + 14, "%u", &irq) == 1)
			d->irq = irq;
	}
	fclose(f);
}

/* Offset of capability id, 0 where there is none. */
static unsigned find_capability(const struct device *d, uint8_t id)
{
	unsigned at = d->config[0x34] & 0xfcu;

	if (!(d->config[0x06] & 0x10))
		return 0;
	for (unsigned hops = 0; at >= 0x40 && at < 0x100 && hops < 48; hops++) {
		if (d->config[at] == id)
			return at;
		at = d->config[at + 1] & 0xfcu;
	}
	return 0;
}

/*
 * PROTOCOL.md 4.2 and 5.1: IO, MEMORY, PARITY, SERR, INTX_DISABLE are a shadow
 * of what stood there; bus mastering, and memory write and invalidate with it, are off.
 */
static void filter_command(struct device *d)
{
	put16(d, 0x04, get16(d, 0x04) & ~0x0014u);
}

/* What a reset clears beside that: the interrupt's and the errors' status. */
static void filter_reset(struct device *d)
{
	unsigned pm = find_capability(d, 0x01), express = find_capability(d, 0x10);

	put16(d, 0x06, get16(d, 0x06) & ~0xf908u);
	if (pm)
		put16(d, pm + 4, get16(d, pm + 4) & ~0x8000u);
	if (express)
		put16(d, express + 0x0a, get16(d, express + 0x0a) & ~0x000fu);
}

/*
 * 0x3c: the INTx line. lspci prints MSI's number while MSI (not MSI-X) is on; the
 * line is then what the register says. 255 is none, as 0 is.
 */
static void filter_interrupt(struct device *d)
{
	unsigned msi = find_capability(d, 0x05);

	if (d->irq >= 0 && !(msi && d->config[msi + 2] & 0x01))
		d->config[0x3c] = (uint8_t)d->irq;
	if (d->config[0x3c] == 0xff)
		d->config[0x3c] = 0;
}

/* 4.3: the OS's idea of each region, not the register. */
static void filter_bars(struct device *d)
{
	for (unsigned i = 0; i < ROM; i++) {
		const struct region *r = &d->region[i];

		if (!r->there)
			continue;
		put32(d, 0x10 + 4 * i, r->start | r->flags);
		if (r->flags & 4 && !(r->flags & 1) && i + 1 < ROM)
			put32(d, 0x10 + 4 * ++i, r->start >> 32);
	}
	/* The ROM's enable bit is never shown set. */
	if (d->region[ROM].there)
		put32(d, 0x30, d->region[ROM].start);
	else
		d->config[0x30] &= 0xfe;
}

/* 4.4, in the state a new guest finds: PME off, MSI and MSI-X off, D0. */
static void filter_capabilities(struct device *d)
{
	unsigned pm = find_capability(d, 0x01);
	unsigned msi = find_capability(d, 0x05);
	unsigned msix = find_capability(d, 0x11);

	if (pm) {
		put16(d, pm + 2, get16(d, pm + 2) & ~0xf800u);
		put16(d, pm + 4, get16(d, pm + 4) & ~0x0103u);
	}
	if (msi)
		put16(d, msi + 2, get16(d, msi + 2) & ~0x0001u);
	if (msix)
		put16(d, msix + 2, get16(d, msix + 2) & ~0x8000u);
}

static void filter(struct device *d, bool reset)
{
	if (reset)
		filter_reset(d);
	filter_command(d);
	filter_bars(d);
	filter_interrupt(d);
	filter_capabilities(d);
}

static bool usable(const struct device *d)
{
	return d->bytes >= 64 && (d->config[0x0e] & 0x7f) == 0 && d->config[0x0b] != 6 &&
	       get16(d, 0) != 0xffff;
}

static struct device *find(const char *bdf)
{
	for (unsigned i = 0; i < nr_devices; i++)
		if (!strcmp(devices[i].bdf, bdf))
			return &devices[i];
	fprintf(stderr, "expect: no %s\n", bdf);
	exit(3);
}

static void print_config(struct device *d, bool reset)
{
	unsigned bytes = d->bytes <= 256 ? 256 : 4096;

	filter(d, reset);
	for (unsigned at = 0; at < bytes; at++) {
		if (at % 16 == 0)
			printf("%02x:", at);
		printf(" %02x%s", d->config[at], at % 16 == 15 ? "\n" : "");
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: expect DUMP list|config|config-reset|bars [BDF]\n");
		return 2;
	}
	load(argv[1]);
	if (!strcmp(argv[2], "list")) {
		for (unsigned i = 0; i < nr_devices; i++)
			if (usable(&devices[i]))
				puts(devices[i].bdf);
	} else if (argc == 4 && !strncmp(argv[2], "config", 6)) {
		print_config(find(argv[3]), !strcmp(argv[2], "config-reset"));
	} else if (argc == 4 && !strcmp(argv[2], "bars")) {
		struct device *d = find(argv[3]);

		for (unsigned i = 0; i < REGIONS; i++)
			if (d->region[i].there)
				printf("%u %s %llu\n", i, d->region[i].kind, d->region[i].size);
	} else {
		return 2;
	}
	return 0;
}
