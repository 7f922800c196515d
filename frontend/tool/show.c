/* SPDX-License-Identifier: MIT */
/* list, bars, dump: the devices for people and for lspci. */
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "common/cli/names.h"
#include "frontend/tool/tool.h"

struct list_options {
	int numeric; /* 1: numbers; 2: both */
	bool verbose, segments;
	struct pci_access *names;
};

/* The two styles of a name: one function for libpci's three calls with different argument lists. */
#define LOOKUP(o, buf, what, ...)                                                             \
	pci_lookup_name((o)->names, (buf), sizeof(buf),                                       \
			(what) | ((o)->numeric == 1 ? PCI_LOOKUP_NUMERIC :                    \
				  (o)->numeric	    ? PCI_LOOKUP_MIXED : 0), __VA_ARGS__)

static void print_address(const struct xenpcifront_device *dev, bool segments)
{
	const char *name = tool_name(dev->address);

	fputs(segments || dev->address.segment ? name : strchr(name, ':') + 1, stdout);
}

static void print_line(const struct list_options *o, const struct xenpcifront_device *dev)
{
	char class[128], device[128];

	print_address(dev, o->segments);
	printf(" %s: %s", LOOKUP(o, class, PCI_LOOKUP_CLASS, dev->class_code >> 8),
	       LOOKUP(o, device, PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, dev->vendor, dev->device));
	if (dev->revision)
		printf(" (rev %02x)", dev->revision);
	putchar('\n');
}

static const char *human(uint64_t size, char buf[16])
{
	static const char units[] = " KMGTPE";
	unsigned u = 0;

	while (size >= 1024 && size % 1024 == 0) {
		size /= 1024;
		u++;
	}
	snprintf(buf, 16, "%llu%.*s", (unsigned long long)size, u ? 1 : 0, &units[u]);
	return buf;
}

/* A range in lspci's words: "Memory at feb40000 (32-bit, non-prefetchable) [size=128K]". */
static void print_range(const struct xenpcifront_bar *bar)
{
	static const char *const widths[] = {
		[XENPCIFRONT_BAR_MEM32] = "32-bit",
		[XENPCIFRONT_BAR_BELOW_1M] = "low-1M",
		[XENPCIFRONT_BAR_MEM64] = "64-bit",
	};
	char size[16];

	switch (bar->kind) {
	case XENPCIFRONT_BAR_IO:
		printf("I/O ports at %04llx", (unsigned long long)bar->start);
		break;
	case XENPCIFRONT_BAR_ROM:
		printf("Expansion ROM at %08llx", (unsigned long long)bar->start);
		break;
	default:
		printf("Memory at %0*llx (%s, %sprefetchable)",
		       bar->kind == XENPCIFRONT_BAR_MEM64 ? 10 : 8, (unsigned long long)bar->start,
		       widths[bar->kind], bar->prefetchable ? "" : "non-");
	}
	printf("%s [size=%s]\n", bar->decoded ? "" : " [disabled]", human(bar->size, size));
}

static bool has_range(const struct xenpcifront_bar *bar)
{
	return bar->kind != XENPCIFRONT_BAR_NONE && bar->kind != XENPCIFRONT_BAR_HIGH;
}

/* X(id, name as lspci has it) */
#define CAPABILITIES(X)                                 \
	X(PCI_CAP_ID_PM, "Power Management")            \
	X(PCI_CAP_ID_AGP, "AGP")                        \
	X(PCI_CAP_ID_VPD, "Vital Product Data")         \
	X(PCI_CAP_ID_SLOTID, "Slot ID")                 \
	X(PCI_CAP_ID_MSI, "MSI")                        \
	X(PCI_CAP_ID_PCIX, "PCI-X")                     \
	X(PCI_CAP_ID_HT, "HyperTransport")              \
	X(PCI_CAP_ID_VNDR, "Vendor Specific Information") \
	X(PCI_CAP_ID_DBG, "Debug port")                 \
	X(PCI_CAP_ID_SSVID, "Subsystem")                \
	X(PCI_CAP_ID_EXP, "Express")                    \
	X(PCI_CAP_ID_MSIX, "MSI-X")                     \
	X(PCI_CAP_ID_SATA, "SATA HBA")                  \
	X(PCI_CAP_ID_AF, "PCI Advanced Features")       \
	X(PCI_CAP_ID_EA, "Enhanced Allocation (EA)")

#define CAPABILITY_ROW(id, name) { (id), (name) },
static const struct {
	unsigned id;
	const char *name;
} capability_names[] = { CAPABILITIES(CAPABILITY_ROW) };

static void print_capability(const struct xenpcifront_capability *cap)
{
	if (cap->extended) {
		printf("\tCapabilities: [%x v%u] extended, id %04x\n", cap->offset, cap->version,
		       cap->id);
		return;
	}
	for (size_t i = 0; i < sizeof(capability_names) / sizeof(capability_names[0]); i++) {
		if (capability_names[i].id == cap->id) {
			printf("\tCapabilities: [%x] %s\n", cap->offset, capability_names[i].name);
			return;
		}
	}
	printf("\tCapabilities: [%x] id %02x\n", cap->offset, cap->id);
}

static int print_details(struct tool *tool, const struct xenpcifront_device *dev)
{
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	struct xenpcifront_capability caps[128];
	int n;

	if (xenpcifront_bars(tool->fe, dev->address, bars))
		return tool_refused("sizing the BARs", dev->address, NULL);
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		if (!has_range(&bars[i]))
			continue;
		putchar('\t');
		print_range(&bars[i]);
	}
	n = xenpcifront_capabilities(tool->fe, dev->address, caps, 128);
	if (n < 0)
		return tool_refused("reading the capabilities", dev->address, NULL);
	for (int i = 0; i < n; i++)
		print_capability(&caps[i]);
	putchar('\n');
	return EXIT_OK;
}

/* lspci's manner: segments are shown where one of them is not 0. */
static bool any_segment(const struct xenpcifront_device *devices, int n)
{
	for (int i = 0; i < n; i++)
		if (devices[i].address.segment)
			return true;
	return false;
}

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
	struct list_options *o = state->input;

	(void)arg;
	switch (key) {
	case 'n':
		o->numeric++;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'D':
		o->segments = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int run_list(struct tool *tool, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ NULL, 'n', NULL, 0, "Numbers for names; twice: both", 0 },
		{ NULL, 'v', NULL, 0, "BARs and capabilities, too", 0 },
		{ NULL, 'D', NULL, 0, "Segments, too, where all are 0", 0 },
		{ 0 }
	};
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	struct list_options o = { 0 };
	int n, status;

	tool_options(tool, options, parse_list, &o, 0, 1, &argc, &argv);
	n = tool_devices(tool, argv[1], devices, &status);
	if (n < 0)
		return status;
	status = EXIT_OK;
	o.segments |= any_segment(devices, n);
	o.names = names_open();
	for (int i = 0; i < n && !tool_lost(); i++) {
		print_line(&o, &devices[i]);
		if (o.verbose && print_details(tool, &devices[i]))
			status = EXIT_FAILED;
	}
	pci_cleanup(o.names);
	return status;
}

int run_bars(struct tool *tool, int argc, char **argv)
{
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	int n, status;

	tool_options(tool, NULL, NULL, NULL, 0, 1, &argc, &argv);
	n = tool_devices(tool, argv[1], devices, &status);
	if (n < 0)
		return status;
	status = EXIT_OK;
	for (int i = 0; i < n && !tool_lost(); i++) {
		if (xenpcifront_bars(tool->fe, devices[i].address, bars)) {
			status = tool_refused("sizing the BARs", devices[i].address, NULL);
			continue;
		}
		for (unsigned k = 0; k < XENPCIFRONT_BARS; k++) {
			if (!has_range(&bars[k]))
				continue;
			printf("%s ", tool_name(devices[i].address));
			if (k == XENPCIFRONT_BAR_ROM_INDEX)
				fputs("ROM  ", stdout);
			else
				printf("BAR%u ", k);
			print_range(&bars[k]);
		}
	}
	return status;
}

static int dump_one(struct tool *tool, const struct list_options *o,
		    const struct xenpcifront_device *dev, unsigned bytes)
{
	uint8_t config[XENPCIFRONT_CONFIG_SIZE];
	int got = xenpcifront_pull(tool->fe, dev->address, config,
				   bytes > 256 ? XENPCIFRONT_CONFIG_SIZE : 256);

	if (got < 0)
		return tool_refused("reading the config space", dev->address, NULL);
	if (bytes > (unsigned)got)
		bytes = (unsigned)got;
	print_line(o, dev);
	for (unsigned i = 0; i < bytes; i++) {
		if (i % 16 == 0)
			printf("%02x:", i);
		printf(" %02x%s", config[i], i % 16 == 15 ? "\n" : "");
	}
	putchar('\n');
	return EXIT_OK;
}

static error_t parse_dump(int key, char *arg, struct argp_state *state)
{
	unsigned *x = state->input;

	(void)arg;
	if (key != 'x')
		return ARGP_ERR_UNKNOWN;
	if (++*x > 4)
		argp_error(state, "-xxxx is all there is");
	return 0;
}

int run_dump(struct tool *tool, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ NULL, 'x', NULL, 0, "64 bytes; three times: 256, four times: 4096", 0 },
		{ 0 }
	};
	static const unsigned widths[] = { 4096, 64, 64, 256, 4096 };
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	struct list_options o = { 0 };
	int n, status;
	unsigned x = 0;

	tool_options(tool, options, parse_dump, &x, 0, 1, &argc, &argv);
	n = tool_devices(tool, argv[1], devices, &status);
	if (n < 0)
		return status;
	status = EXIT_OK;
	o.segments = any_segment(devices, n);
	o.names = names_open();
	for (int i = 0; i < n && !tool_lost(); i++)
		if (dump_one(tool, &o, &devices[i], widths[x]))
			status = EXIT_FAILED;
	pci_cleanup(o.names);
	return status;
}
