/* SPDX-License-Identifier: MIT */
/* The scripted peer's verbs that ask a great deal at once: load, and what only an enemy sends. */
#include "tests/box/peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/box/vectors_model.h"

/* traffic N DEVFN WANT [OFFSET]: N reads (of the ids) that must be WANT; replies the worst, in us. */
static int do_traffic(int argc, char **argv)
{
	int64_t n = number(argv[1]);
	uint64_t worst = 0;

	for (int64_t i = 0; i < n; i++) {
		struct xen_pci_op op = { .cmd = XEN_PCI_OP_conf_read, .err = -1, .size = 4,
					 .offset = (int32_t)number_or(argc, argv, 4, 0),
					 .devfn = (uint32_t)number(argv[2]) };
		uint64_t began = now_ns();

		if (front_request(&op))
			return -1;
		if (op.err || op.value != (uint32_t)number(argv[3]))
			return fail(EBADMSG);
		if (now_ns() - began > worst)
			worst = now_ns() - began;
	}
	return reply("%llu", (unsigned long long)(worst / 1000));
}

static uint32_t random_word(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Mostly the edges of each field, at times anything. */
static uint32_t any_of(uint64_t *seed, const uint32_t *edges, unsigned n)
{
	uint32_t pick = random_word(seed) % (n + 1);

	return pick < n ? edges[pick] : random_word(seed) << 1;
}

/* fuzz N SEED: N requests of any shape; each must be answered. */
static int do_fuzz(int argc, char **argv)
{
	static const uint32_t cmd[] = { 0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 99, 0xffffffff };
	static const uint32_t place[] = { 0, 0, 0, 0, 1, 8, 0x100, 0xffffffff };
	static const uint32_t offset[] = { 0, 4, 6, 0x10, 0x30, 0x3c, 0xa2, 0xc8, 0xcc, 0xd2, 0xff, 0x100,
					   0xffc, 0x1000, 0x7fffffff, 0x80000000, 0xfffffffc };
	static const uint32_t size[] = { 1, 2, 4, 4, 4, 0, 3, 8, 0xffffffff };
	static const uint32_t value[] = { 0, 1, 2, 3, 0x80, 0x81, 0x7fff, 0xffff, 0x80000000, 0xffffffff };
	uint64_t seed = (uint64_t)number(argv[2]);
	int64_t n = number(argv[1]);

	(void)argc;
	for (int64_t i = 0; i < n; i++) {
		struct xen_pci_op op = { .cmd = any_of(&seed, cmd, ARRAY_SIZE(cmd)) };

		op.domain = any_of(&seed, place, 6);
		op.bus = any_of(&seed, place, 6);
		op.devfn = any_of(&seed, place, ARRAY_SIZE(place));
		op.offset = (int32_t)any_of(&seed, offset, ARRAY_SIZE(offset));
		op.size = (int32_t)any_of(&seed, size, ARRAY_SIZE(size));
		op.value = any_of(&seed, value, ARRAY_SIZE(value));
		op.info = any_of(&seed, value, ARRAY_SIZE(value));
		for (unsigned k = 0; k < SH_INFO_MAX_VEC; k++)
			op.msix_entries[k].entry = (uint16_t)any_of(&seed, value, ARRAY_SIZE(value));
		if (front_request(&op))
			return -1;
	}
	return reply("%lld", (long long)n);
}

static int flipping;

/* Changes what the backend has already judged, as fast as it can. */
static void *flip(void *arg)
{
	volatile uint32_t *word = arg;
	static const uint32_t words[] = { 4, 16, 20, 24, 28, 32, 40 };

	for (uint32_t i = 0; __atomic_load_n(&flipping, __ATOMIC_RELAXED); i++)
		word[words[i % ARRAY_SIZE(words)] / 4] = i & 8 ? 0xffffffff : i & 7;
	return NULL;
}

/* flip N: N enable_msix, disable_msix and reads while another thread rewrites the request. */
static int do_flip(int argc, char **argv)
{
	static const uint32_t cmd[] = { XEN_PCI_OP_enable_msix, XEN_PCI_OP_disable_msix, XEN_PCI_OP_conf_read };
	int64_t n = number(argv[1]);
	pthread_t thread;
	int rc = 0;

	(void)argc;
	if (!front_page())
		return fail(ENOTCONN);
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	if ((errno = pthread_create(&thread, NULL, flip, (void *)(uintptr_t)front_page())))
		return -1;
	for (int64_t i = 0; i < n && !rc; i++) {
		struct xen_pci_op op = { .cmd = cmd[i % 3], .size = 4, .value = i % 3 ? 0 : 2 };

		op.msix_entries[1].entry = 1;
		rc = front_request(&op);
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return rc ? -1 : reply("%lld", (long long)n);
}

/* repeat N CMD DEVFN ERR: N requests, each of which must be answered with ERR. */
static int do_repeat(int argc, char **argv)
{
	int64_t n = number(argv[1]);

	(void)argc;
	for (int64_t i = 0; i < n; i++) {
		struct xen_pci_op op = { .cmd = (uint32_t)number(argv[2]), .value = 1, .size = 4,
					 .devfn = (uint32_t)number(argv[3]) };

		if (front_request(&op))
			return -1;
		if (op.err != number(argv[4]))
			return reply("%d in request %lld", op.err, (long long)i);
	}
	return reply("%lld", (long long)n);
}

static int config_access(uint32_t cmd, unsigned offset, unsigned size, uint32_t *value)
{
	struct xen_pci_op op = { .cmd = cmd, .err = 1, .offset = (int32_t)offset, .size = (int32_t)size,
				 .value = *value };

	if (front_request(&op))
		return -1;
	*value = op.value;
	return 0;
}

static int read_space(uint32_t space[PCIIF_CONFIG_SIZE / 4])
{
	for (unsigned i = 0; i < PCIIF_CONFIG_SIZE / 4; i++)
		if (config_access(XEN_PCI_OP_conf_read, 4 * i, 4, &space[i]))
			return -1;
	return 0;
}

/* Every offset of every size is written 0, all ones, and something. */
static int write_space(uint64_t *seed)
{
	for (unsigned offset = 0; offset < PCIIF_CONFIG_SIZE; offset++) {
		for (unsigned size = 1; size <= 4; size *= 2) {
			uint32_t values[] = { 0, 0xffffffff, random_word(seed) };

			for (unsigned i = 0; offset % size == 0 && i < ARRAY_SIZE(values); i++)
				if (config_access(XEN_PCI_OP_conf_write, offset, size, &values[i]))
					return -1;
		}
	}
	return 0;
}

/* sweep SEED: writes all of device 0's config space; replies the dwords that read otherwise after. */
static int do_sweep(int argc, char **argv)
{
	static uint32_t before[PCIIF_CONFIG_SIZE / 4], after[PCIIF_CONFIG_SIZE / 4];
	uint64_t seed = (uint64_t)number(argv[1]);
	char changed[1024] = "";
	size_t at = 0;

	(void)argc;
	if (read_space(before) || write_space(&seed) || read_space(after))
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(before) && at < sizeof(changed); i++)
		if (before[i] != after[i])
			at += (size_t)snprintf(changed + at, sizeof(changed) - at, " %x", 4 * i);
	return reply("%s", changed + (at > 0));
}

/* What a guest can do to a device's interrupts: vectors_model.h's steps, and these. */
enum { COMMAND = VECTORS_STEPS, D3_D0, STEPS };

static int take_step(unsigned step, unsigned pm, int32_t *err)
{
	struct xen_pci_op op = { .cmd = XEN_PCI_OP_conf_write, .size = 2, .offset = 4, .value = 0x406 };

	if (step < VECTORS_STEPS) {
		op = vectors_request((enum vectors_step)step);
		op.msix_entries[1].entry = 1;
	} else if (step == D3_D0) {
		op.offset = (int32_t)pm + 4;
		op.value = 3;
		if (front_request(&op))
			return -1;
		op.offset = (int32_t)pm + 4;
		op.value = 0;
	}
	if (front_request(&op))
		return -1;
	*err = op.err;
	return 0;
}

static int check_device(const struct vectors_model *m, unsigned msi, unsigned msix, bool *same)
{
	uint32_t flags = 0, control = 0;

	if (config_access(XEN_PCI_OP_conf_read, msi + 2, 2, &flags) ||
	    config_access(XEN_PCI_OP_conf_read, msix + 2, 2, &control))
		return -1;
	*same = (flags & 1) == m->msi && (control >> 15) == m->msix;
	return 0;
}

/* One sequence: `code` in base STEPS. 0 as it should be, 1 not, -1 with errno. */
static int run_sequence(unsigned code, unsigned length, unsigned pm, unsigned msi, unsigned msix)
{
	struct vectors_model model = { 0 };
	int32_t err;

	for (unsigned i = 0; i < length; i++, code /= STEPS) {
		unsigned step = code % STEPS;
		/* What a device forgets in D3 is put back. */
		bool may = step >= VECTORS_STEPS || vectors_step(&model, (enum vectors_step)step), same;

		if (take_step(step, pm, &err) || check_device(&model, msi, msix, &same))
			return -1;
		if (may != !err || !same)
			return 1;
	}
	return take_step(MSI_OFF, pm, &err) || take_step(MSIX_OFF, pm, &err) ? -1 : 0;
}

/*
 * interrupts LENGTH PM MSI MSIX: every sequence of so many steps on device 0, whose
 * capabilities stand there; replies how many there were, or the first that went wrong.
 */
static int do_interrupts(int argc, char **argv)
{
	unsigned length = (unsigned)number(argv[1]), sequences = 1;

	(void)argc;
	for (unsigned i = 0; i < length; i++)
		sequences *= STEPS;
	for (unsigned code = 0; code < sequences; code++) {
		int rc = run_sequence(code, length, (unsigned)number(argv[2]), (unsigned)number(argv[3]),
				      (unsigned)number(argv[4]));

		if (rc)
			return rc < 0 ? -1 : reply("sequence %u went wrong", code);
	}
	return reply("%u", sequences);
}

const struct verb hostile_verbs[] = {
	{ "traffic", "N DEVFN WANT [OFFSET]", 3, do_traffic },
	{ "repeat", "N CMD DEVFN ERR", 4, do_repeat },
	{ "fuzz", "N SEED", 2, do_fuzz },
	{ "flip", "N", 1, do_flip },
	{ "sweep", "SEED", 1, do_sweep },
	{ "interrupts", "LENGTH PM MSI MSIX", 4, do_interrupts },
	{ NULL, NULL, 0, NULL },
};
