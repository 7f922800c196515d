/* SPDX-License-Identifier: MIT */
/* MSI and MSI-X as no driver asks for them, against an oracle of a few lines. */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <stdlib.h>

#include "common/util.h"
#include "tests/box/vectors_model.h"

#define REGISTER_COMMAND 4

/* --- Counts and entries --- */

static const uint32_t counts[] = {
	0, 1, 2, 3, 4, 5, 6, 64, 65, 66, 127, 128, 129, 256, 2048, 2049, 0x10000, 0x80000000,
	0xffffffff,
};

/* How the entries of a request go: in order, backwards, with the first one twice, and so on. */
enum shape {
	ORDER,
	BACKWARDS,
	LAST_REPEATED,
	ALL_ALIKE,
	ONE_AT_END,
	ONE_BEYOND,
	ONE_FAR_BEYOND,
	SHUFFLED,
	SHAPES
};

static void shape_entries(struct xen_pci_op *op, unsigned n, enum shape shape, unsigned table,
			  uint64_t *seed)
{
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++) {
		op->msix_entries[i].entry = (uint16_t)(shape == BACKWARDS   ? n - 1 - i
						       : shape == ALL_ALIKE ? 0
									    : i);
		op->msix_entries[i].vector = (uint16_t)random_word(seed);
	}
	if (!n)
		return;
	if (shape == LAST_REPEATED)
		op->msix_entries[n - 1].entry = 0;
	if (shape == ONE_AT_END)
		op->msix_entries[0].entry = (uint16_t)(table - 1);
	if (shape == ONE_BEYOND)
		op->msix_entries[n - 1].entry = (uint16_t)table;
	if (shape == ONE_FAR_BEYOND)
		op->msix_entries[n / 2].entry = 0xffff;
	for (unsigned i = n - 1; shape == SHUFFLED && i; i--) {
		unsigned k = random_word(seed) % (i + 1);
		uint16_t other = op->msix_entries[k].entry;

		op->msix_entries[k].entry = op->msix_entries[i].entry;
		op->msix_entries[i].entry = other;
	}
}

/* The oracle: by the table's size, each entry at most once. */
static bool may_have(const struct xen_pci_op *op, unsigned table)
{
	bool seen[UINT16_MAX + 1] = { false };

	if (!op->value || op->value > table || op->value > SH_INFO_MAX_VEC)
		return false;
	for (unsigned i = 0; i < op->value; i++) {
		unsigned entry = op->msix_entries[i].entry;

		if (entry >= table || seen[entry])
			return false;
		seen[entry] = true;
	}
	return true;
}

/* No pirq twice, none 0. */
static bool pirqs_differ(const struct xen_pci_op *op, unsigned n)
{
	bool seen[UINT16_MAX + 1] = { true };

	for (unsigned i = 0; i < n; i++) {
		if (seen[op->msix_entries[i].vector])
			return false;
		seen[op->msix_entries[i].vector] = true;
	}
	return true;
}

/*
 * entries TABLE SEED: every count in every shape, on a device with a table so large; asked, and
 * granted.
 */
int guest_entries(int argc, char **argv)
{
	unsigned table = (unsigned)number(argv[1]), asked = 0, granted = 0;
	uint64_t seed = (uint64_t)number(argv[2]);

	(void)argc;
	for (unsigned c = 0; c < ARRAY_SIZE(counts); c++) {
		for (unsigned shape = 0; shape < SHAPES; shape++) {
			struct xen_pci_op op = { .cmd = XEN_PCI_OP_enable_msix,
						 .value = counts[c] };
			struct xen_pci_op off = { .cmd = XEN_PCI_OP_disable_msix };
			unsigned n = counts[c] < SH_INFO_MAX_VEC ? counts[c] : SH_INFO_MAX_VEC;
			bool may;

			shape_entries(&op, n, (enum shape)shape, table, &seed);
			may = may_have(&op, table);
			if (ask(&op))
				return -1;
			if (may != !op.err || (may && !pirqs_differ(&op, n)))
				return wrong("%u vectors, shape %u: answer %d", counts[c], shape,
					     op.err);
			asked++;
			granted += may;
			if (ask(&off))
				return -1;
			if (off.err)
				return wrong("%u vectors, shape %u: off is answered %d", counts[c],
					     shape, off.err);
		}
	}
	return reply("%u %u", asked, granted);
}

/* --- Sequences --- */

/* vectors_model.h's steps, and these. */
enum { DECODE_OFF = VECTORS_STEPS, DECODE_ON, RESET, STEPS };

/* What is on, and what the guest is shown of decoding; what a reset makes the device forget is put back. */
struct model {
	struct vectors_model on;
	bool decodes;
};

/* Where the capabilities are. */
struct caps {
	unsigned pm, msi, msix;
};

static int write_word(unsigned offset, uint32_t value, int32_t *err)
{
	return access_config(XEN_PCI_OP_conf_write, offset, 2, &value, err);
}

static int take_step(unsigned step, const struct caps *at, int32_t *err)
{
	struct xen_pci_op op;

	switch (step) {
	case DECODE_OFF:
		return write_word(REGISTER_COMMAND, 0x400, err);
	case DECODE_ON:
		return write_word(REGISTER_COMMAND, 0x406, err);
	case RESET: /* into D3 and out of it */
		return write_word(at->pm + 4, 3, err) || write_word(at->pm + 4, 0, err) ? -1 : 0;
	default:
		op = vectors_request((enum vectors_step)step);
		op.msix_entries[0].entry = 1;
		if (ask(&op))
			return -1;
		*err = op.err;
		return 0;
	}
}

/* Whether step succeeds, and what is on after it. The device decodes, whatever the guest was shown. */
static bool expect(struct model *m, unsigned step)
{
	if (step < VECTORS_STEPS)
		return vectors_step(&m->on, (enum vectors_step)step);
	if (step != RESET)
		m->decodes = step == DECODE_ON;
	return true;
}

static int is_as_expected(const struct model *m, const struct caps *at, bool *same)
{
	uint32_t msi = 0, msix = 0, command = 0;
	int32_t err[3];

	if (access_config(XEN_PCI_OP_conf_read, at->msi + 2, 2, &msi, &err[0]) ||
	    access_config(XEN_PCI_OP_conf_read, at->msix + 2, 2, &msix, &err[1]) ||
	    access_config(XEN_PCI_OP_conf_read, REGISTER_COMMAND, 2, &command, &err[2]))
		return -1;
	*same = !err[0] && !err[1] && !err[2] && (msi & 1) == m->on.msi &&
		(msix >> 15) == m->on.msix && !!(command & 2) == m->decodes;
	return 0;
}

/* 0 right, 1 wrong, -1 with errno; code is the sequence in base STEPS. */
static int run_sequence(unsigned code, unsigned length, const struct caps *at, uint64_t *steps)
{
	struct model model = { .decodes = true };
	int32_t err = 0;

	for (unsigned i = 0; i < length; i++, code /= STEPS) {
		unsigned step = code % STEPS;
		bool may = expect(&model, step), same = false;

		if (take_step(step, at, &err) || is_as_expected(&model, at, &same))
			return -1;
		++*steps;
		if (may != !err || !same)
			return 1;
	}
	return take_step(MSI_OFF, at, &err) || take_step(DECODE_ON, at, &err) ? -1 : 0;
}

/*
 * sequences LENGTH PM MSI MSIX: all of up to so many steps; how many there were, and their
 * steps.
 */
int guest_sequences(int argc, char **argv)
{
	const struct caps at = { (unsigned)number(argv[2]), (unsigned)number(argv[3]),
				 (unsigned)number(argv[4]) };
	unsigned longest = (unsigned)number(argv[1]), all = 0;
	uint64_t steps = 0;
	int32_t err;

	(void)argc;
	if (take_step(DECODE_ON, &at, &err))
		return -1;
	for (unsigned length = 1, n = STEPS; length <= longest; length++, n *= STEPS) {
		for (unsigned code = 0; code < n; code++, all++) {
			int rc = run_sequence(code, length, &at, &steps);

			if (rc)
				return rc < 0 ? -1 : wrong("sequence %u of %u steps", code, length);
		}
	}
	return reply("%u %llu", all, (unsigned long long)steps);
}
