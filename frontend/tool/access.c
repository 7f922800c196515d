/* SPDX-License-Identifier: MIT */
/* read, write, msi, msix: one request each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/tool/tool.h"

enum { KEY_NO_VERIFY = 256 };

/* BDF, OFFSET and, at argv[size_at] where it is, SIZE. */
static int parse_register(int argc, char **argv, int size_at, struct xenpcifront_address *a,
			  unsigned *offset, unsigned *size)
{
	uint64_t off, width = 4;

	if (tool_address(argv[1], a) ||
	    tool_number(argv[2], "offset", XENPCIFRONT_CONFIG_SIZE - 1, &off) ||
	    (argc > size_at && tool_number(argv[size_at], "size", 4, &width)))
		return -1;
	if ((width != 1 && width != 2 && width != 4) || off % width) {
		tool_usage("sizes are 1, 2 and 4, and an offset is a multiple of the size");
		return -1;
	}
	*offset = (unsigned)off;
	*size = (unsigned)width;
	return 0;
}

int run_read(struct tool *tool, int argc, char **argv)
{
	struct xenpcifront_answer answer;
	struct xenpcifront_address a;
	unsigned offset, size;
	uint32_t value;

	tool_options(tool, NULL, NULL, NULL, 2, 3, &argc, &argv);
	if (parse_register(argc, argv, 3, &a, &offset, &size))
		return EXIT_USAGE;
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	if (xenpcifront_read(tool->fe, a, offset, size, &value, &answer))
		return tool_refused("reading a register", a, &answer);
	printf("%0*x\n", (int)size * 2, value);
	return EXIT_OK;
}

/* A register, and what is to be written there. */
struct write {
	struct xenpcifront_address a;
	unsigned offset, size;
	uint32_t value;
};

static int write_plainly(struct tool *tool, const struct write *w)
{
	struct xenpcifront_answer answer;

	if (xenpcifront_write(tool->fe, w->a, w->offset, w->size, w->value, &answer))
		return tool_refused("writing a register", w->a, &answer);
	return EXIT_OK;
}

/* A backend answers success, too, where it drops a write: only reading tells. */
static int write_and_look(struct tool *tool, const struct write *w)
{
	int digits = (int)w->size * 2, status;
	struct xenpcifront_answer answer;
	uint32_t before, after;

	if (xenpcifront_read(tool->fe, w->a, w->offset, w->size, &before, &answer))
		return tool_refused("reading the register before the write", w->a, &answer);
	status = write_plainly(tool, w);
	if (status)
		return status;
	if (xenpcifront_read(tool->fe, w->a, w->offset, w->size, &after, &answer))
		return tool_refused("reading the register back", w->a, &answer);
	if (after == w->value)
		return EXIT_OK;
	if (after == before) {
		tool_failed("%s: nothing changed: 0x%x still reads 0x%0*x (the backend's log names "
			    "the register and what would allow the write; or the device has it so)",
			    tool_name(w->a), w->offset, digits, after);
		return EXIT_UNCHANGED;
	}
	tool_failed("%s: 0x%x reads 0x%0*x, not 0x%0*x: some bits are not as written",
		    tool_name(w->a), w->offset, digits, after, digits, w->value);
	return EXIT_OK;
}

static error_t parse_write(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != KEY_NO_VERIFY)
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = false;
	return 0;
}

int run_write(struct tool *tool, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "no-verify", KEY_NO_VERIFY, NULL, 0, "Do not look whether it is there afterwards", 0 },
		{ 0 }
	};
	bool verify = true;
	struct write w;
	uint64_t value;

	tool_options(tool, options, parse_write, &verify, 3, 4, &argc, &argv);
	if (parse_register(argc, argv, 4, &w.a, &w.offset, &w.size) ||
	    tool_number(argv[3], "value", UINT32_MAX >> (32 - w.size * 8), &value))
		return EXIT_USAGE;
	w.value = (uint32_t)value;
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	return verify ? write_and_look(tool, &w) : write_plainly(tool, &w);
}

/* The control word of capability id, or -1 (complained). */
static int control_word(struct tool *tool, struct xenpcifront_address a, unsigned id,
			const char *name)
{
	struct xenpcifront_capability caps[64];
	int n = xenpcifront_capabilities(tool->fe, a, caps, 64);
	uint16_t word;

	if (n < 0) {
		tool_refused("reading the capabilities", a, NULL);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		if (caps[i].extended || caps[i].id != id)
			continue;
		if (xenpcifront_read16(tool->fe, a, caps[i].offset + 2, &word, NULL)) {
			tool_refused("reading the capability", a, NULL);
			return -1;
		}
		return word;
	}
	tool_failed("%s has no %s capability", tool_name(a), name);
	return -1;
}

static int msi_on(struct tool *tool, struct xenpcifront_address a)
{
	struct xenpcifront_answer answer;
	uint32_t pirq;

	if (xenpcifront_enable_msi(tool->fe, a, &pirq, &answer))
		return tool_refused("enabling MSI", a, &answer);
	printf("%s: MSI on, pirq %u\n", tool_name(a), pirq);
	return EXIT_OK;
}

static int msi_off(struct tool *tool, struct xenpcifront_address a)
{
	struct xenpcifront_answer answer;

	if (xenpcifront_disable_msi(tool->fe, a, &answer))
		return tool_refused("disabling MSI", a, &answer);
	printf("%s: MSI off\n", tool_name(a));
	return EXIT_OK;
}

static int msi_multi(struct tool *tool, struct xenpcifront_address a, unsigned n)
{
	struct xenpcifront_answer answer;
	unsigned available;
	uint32_t pirq;

	if (xenpcifront_enable_multi_msi(tool->fe, a, n, &pirq, &available, &answer)) {
		if (answer.error != XENPCIFRONT_NO_ANSWER)
			tool_failed("the backend offers %u", available);
		return tool_refused("enabling multi-message MSI", a, &answer);
	}
	printf("%s: MSI on, %u messages, pirqs %u to %u\n", tool_name(a), n, pirq, pirq + n - 1);
	return EXIT_OK;
}

static int msi_show(struct tool *tool, struct xenpcifront_address a)
{
	int word = control_word(tool, a, PCI_CAP_ID_MSI, "MSI");

	if (word < 0)
		return EXIT_FAILED;
	printf("%s: MSI %s, up to %u messages\n", tool_name(a),
	       word & PCI_MSI_FLAGS_ENABLE ? "on" : "off",
	       1u << ((word & PCI_MSI_FLAGS_QMASK) >> 1));
	return EXIT_OK;
}

int run_msi(struct tool *tool, int argc, char **argv)
{
	int (*act)(struct tool *, struct xenpcifront_address) = NULL;
	struct xenpcifront_address a;
	uint64_t n = 0;

	tool_options(tool, NULL, NULL, NULL, 1, 3, &argc, &argv);
	if (argc == 2)
		act = msi_show;
	else if (argc == 3 && !strcmp(argv[2], "on"))
		act = msi_on;
	else if (argc == 3 && !strcmp(argv[2], "off"))
		act = msi_off;
	else if (argc != 4 || strcmp(argv[2], "multi"))
		return tool_usage("msi BDF [on | off | multi N]");
	if (tool_address(argv[1], &a) ||
	    (!act && tool_number(argv[3], "number of messages", 32, &n)))
		return EXIT_USAGE;
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	return act ? act(tool, a) : msi_multi(tool, a, (unsigned)n);
}

static int msix_on(struct tool *tool, struct xenpcifront_address a, unsigned n)
{
	struct xenpcifront_answer answer;
	uint16_t entries[XENPCIFRONT_MAX_VECTORS] = { 0 };
	uint32_t pirqs[XENPCIFRONT_MAX_VECTORS] = { 0 };

	for (unsigned i = 0; i < n; i++)
		entries[i] = (uint16_t)i;
	if (xenpcifront_enable_msix(tool->fe, a, entries, n, pirqs, &answer))
		return tool_refused("enabling MSI-X", a, &answer);
	printf("%s: MSI-X on, %u vectors, pirqs", tool_name(a), n);
	for (unsigned i = 0; i < n; i++)
		printf(" %u", pirqs[i]);
	putchar('\n');
	return EXIT_OK;
}

static int msix_off(struct tool *tool, struct xenpcifront_address a)
{
	struct xenpcifront_answer answer;

	if (xenpcifront_disable_msix(tool->fe, a, &answer))
		return tool_refused("disabling MSI-X", a, &answer);
	printf("%s: MSI-X off\n", tool_name(a));
	return EXIT_OK;
}

static int msix_show(struct tool *tool, struct xenpcifront_address a)
{
	int word = control_word(tool, a, PCI_CAP_ID_MSIX, "MSI-X");

	if (word < 0)
		return EXIT_FAILED;
	printf("%s: MSI-X %s, a table of %u\n", tool_name(a),
	       word & PCI_MSIX_FLAGS_ENABLE ? "on" : "off", (word & PCI_MSIX_FLAGS_QSIZE) + 1u);
	return EXIT_OK;
}

int run_msix(struct tool *tool, int argc, char **argv)
{
	bool off;
	struct xenpcifront_address a;
	uint64_t n = 0;

	tool_options(tool, NULL, NULL, NULL, 1, 2, &argc, &argv);
	off = argc == 3 && !strcmp(argv[2], "off");
	if (tool_address(argv[1], &a) ||
	    (argc == 3 && !off &&
	     tool_number(argv[2], "number of vectors", XENPCIFRONT_MAX_VECTORS, &n)))
		return EXIT_USAGE;
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	if (argc == 2)
		return msix_show(tool, a);
	return off ? msix_off(tool, a) : msix_on(tool, a, (unsigned)n);
}
