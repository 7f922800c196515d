/* SPDX-License-Identifier: MIT */
/*
 * protocol/PROTOCOL.md repeats names and numbers of the code's tables, for readers: each row that
 * does is found here, and says the same; and each row of a table that has to be there is.
 */
#include "tests/unit/unit.h"
#include "tests/unit/support_document.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "protocol/nodes.h"
#include "protocol/pciif.h"

static int read_document(void **state)
{
	(void)state;
	return document_read("protocol/PROTOCOL.md");
}

/*
 * Whether the section has a row that begins with these cells ("| 3 | enable_msi |"); and how many
 * rows it has that begin with a number, or with a name in backquotes.
 */
static bool has_row(const char *section, const char *cells, unsigned *rows)
{
	char anchor[32];
	const char *line, *end;
	bool found = false;

	snprintf(anchor, sizeof(anchor), "<a id=\"%s\">", section);
	line = strstr(document, anchor);
	if (line == NULL)
		fail_msg("PROTOCOL.md has no section %s", section);
	end = strstr(line, "\n## ");
	if (strstr(line, "\n### ") != NULL && (end == NULL || strstr(line, "\n### ") < end))
		end = strstr(line, "\n### ");
	*rows = 0;
	while ((line = strchr(line, '\n')) != NULL && (end == NULL || line < end)) {
		line++;
		if (strncmp(line, "| ", 2) == 0 &&
		    (isdigit((unsigned char)line[2]) || line[2] == '-' || line[2] == '`'))
			(*rows)++;
		if (strncmp(line, cells, strlen(cells)) == 0)
			found = true;
	}
	return found;
}

/* The row is there, and after it nothing is counted that should not be: `rows` in all. */
__attribute__((format(printf, 3, 4)))
static void expect_row(const char *section, unsigned rows, const char *format, ...)
{
	char cells[128];
	unsigned seen;
	va_list ap;

	va_start(ap, format);
	vsnprintf(cells, sizeof(cells), format, ap);
	va_end(ap);
	if (!has_row(section, cells, &seen))
		fail_msg("PROTOCOL.md %s has no row \"%s\"", section, cells);
	if (seen != rows)
		fail_msg("PROTOCOL.md %s has %u rows, and should have %u", section, seen, rows);
}

static void layout(void **state)
{
	(void)state;
#define FIELD(name, member) expect_row("1.1", 12, "| %zu | %zu | `%s` |", \
	offsetof(struct xen_pci_sharedinfo, member), \
	sizeof(((struct xen_pci_sharedinfo *)NULL)->member), name)
	FIELD("flags", flags);
	FIELD("op.cmd", op.cmd);
	FIELD("op.err", op.err);
	FIELD("op.domain", op.domain);
	FIELD("op.bus", op.bus);
	FIELD("op.devfn", op.devfn);
	FIELD("op.offset", op.offset);
	FIELD("op.size", op.size);
	FIELD("op.value", op.value);
	FIELD("op.info", op.info);
	FIELD("op.msix_entries", op.msix_entries);
	FIELD("aer_op", aer_op);
#undef FIELD
	assert_int_equal(SH_INFO_MAX_VEC, 128);
	assert_int_equal(PCIIF_PAGE_SIZE, 4096);
}

static void flags(void **state)
{
	(void)state;
	expect_row("1.2", 3, "| %d | `XEN_PCIF_active` |", __builtin_ctz(XEN_PCIF_active));
	expect_row("1.2", 3, "| %d | `XEN_PCIB_AERHANDLER` |", __builtin_ctz(XEN_PCIB_AERHANDLER));
	expect_row("1.2", 3, "| %d | `XEN_PCIB_active` |", __builtin_ctz(XEN_PCIB_active));
}

static void commands_and_errors(void **state)
{
	unsigned rows = 0;

	(void)state;
#define COUNT(...) rows++;
	PCIIF_COMMANDS(COUNT)
	PCIIF_ERRORS(COUNT)
#undef COUNT
#define ROW(number, name, sent) \
	expect_row("1.3", rows, "| %d | %s | %s |", number, #name, (sent) ? "op" : "aer_op");
	PCIIF_COMMANDS(ROW)
#undef ROW
#define ROW(number, name, text) expect_row("1.3", rows, "| %d | %s |", number, #name);
	PCIIF_ERRORS(ROW)
#undef ROW
}

static void states(void **state)
{
	(void)state;
#define ROW(number, name) expect_row("2.4", PCIIF_STATE_COUNT, "| %d | %s |", number, #name);
	PCIIF_STATES(ROW)
#undef ROW
}

static void verdicts(void **state)
{
	unsigned seen;

	(void)state;
#define ROW(number, name)                                                                     \
	{                                                                                     \
		char cells[64];                                                               \
		snprintf(cells, sizeof(cells), "| %d | %s |", number, #name);                 \
		if (!has_row("7", cells, &seen))                                              \
			fail_msg("PROTOCOL.md 7 has no row \"%s\"", cells);                   \
	}
	PCIIF_AER_RESULTS(ROW)
#undef ROW
}

/* "dev-%u" stands as dev-N in the document. */
static void expect_node(const char *section, unsigned rows, const char *name)
{
	const char *index = strstr(name, "%u");
	int len = index ? (int)(index - name) : (int)strlen(name);

	expect_row(section, rows, "| `%.*s%s` |", len, name, index ? "N" : "");
}

static void nodes(void **state)
{
	static const char *const backend[] = {
		NODE_FRONTEND, NODE_FRONTEND_ID, NODE_ONLINE, NODE_STATE, NODE_DOMAIN, NODE_NUM_DEVS,
		NODE_KEY_FMT, NODE_DEV_FMT, NODE_VDEVFN_FMT, NODE_NAME_FMT, NODE_OPTS_FMT,
		NODE_STATE_FMT, NODE_VDEV_FMT, NODE_ROOT_NUM, NODE_ROOT_FMT, NODE_AER_STATE,
	};
	static const char *const frontend[] = {
		NODE_BACKEND, NODE_BACKEND_ID, NODE_STATE, NODE_PCI_OP_REF, NODE_EVENT_CHANNEL,
		NODE_MAGIC,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(backend); i++)
		expect_node("2.1", ARRAY_SIZE(backend), backend[i]);
	for (size_t i = 0; i < ARRAY_SIZE(frontend); i++)
		expect_node("2.2", ARRAY_SIZE(frontend), frontend[i]);
	expect_row("2.2", ARRAY_SIZE(frontend), "| `magic` | guest | `%s`;", PCIIF_MAGIC);
	expect_row("2.1", ARRAY_SIZE(backend), "| `aerState` | backend | `%s`,", NODE_AER_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(flags),
		cmocka_unit_test(commands_and_errors),
		cmocka_unit_test(states),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(nodes),
	};

	return cmocka_run_group_tests(tests, read_document, drop_document);
}
