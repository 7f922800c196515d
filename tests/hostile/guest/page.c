/* SPDX-License-Identifier: MIT */
/* What a guest writes into its page: fields at their bounds, words that change under the reader. */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "common/util.h"

#define OP_WORDS (sizeof(struct xen_pci_op) / 4)
#define HEAD_WORDS 9 /* of an operation, before its entries */
#define FLIPPERS 2

static const uint32_t bounds[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 0xfe, 0xff, 0x100, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x10000,
	127, 128, 129, 255, 256, 2047, 2048, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
};

/* Every answer is one of these, or a negated errno of an enable. */
static bool is_an_answer(int32_t err)
{
	return err <= 0 && err > -4096;
}

static int send_words(const uint32_t words[OP_WORDS], uint64_t *asked)
{
	struct xen_pci_op op;

	memcpy(&op, words, sizeof(op));
	if (ask(&op))
		return -1;
	++*asked;
	return is_an_answer(op.err) ? 0 : fail(EPROTO);
}

/* Each word of the head at each bound, for each command, the others as in a good request. */
static int fields_at_bounds(uint64_t *asked)
{
	for (uint32_t cmd = 0; cmd <= 12; cmd++) {
		for (unsigned field = 0; field < HEAD_WORDS; field++) {
			for (unsigned i = 0; i < ARRAY_SIZE(bounds); i++) {
				uint32_t words[OP_WORDS] = { [0] = cmd, [6] = 4 };

				words[field] = bounds[i];
				if (send_words(words, asked))
					return -1;
			}
		}
	}
	return 0;
}

/* fields N SEED: all of the above, then N requests of which each word is random, or at a bound. */
int guest_fields(int argc, char **argv)
{
	uint64_t seed = (uint64_t)number(argv[2]), asked = 0;
	int64_t n = number(argv[1]);

	(void)argc;
	if (fields_at_bounds(&asked))
		return -1;
	for (int64_t i = 0; i < n; i++) {
		uint32_t words[OP_WORDS];

		for (unsigned k = 0; k < OP_WORDS; k++)
			words[k] = random_word(&seed) % 3
					 ? bounds[random_word(&seed) % ARRAY_SIZE(bounds)]
					 : random_word(&seed);
		/* Half of them find the device, or none would be more than looked up. */
		if (i % 2)
			words[2] = words[3] = words[4] = 0;
		if (send_words(words, &asked))
			return -1;
	}
	return reply("%llu", (unsigned long long)asked);
}

static int flipping;

/* Every word of the request in turn, and the flags: what was judged is another by then. */
static void *flip(void *arg)
{
	volatile uint32_t *op = (volatile uint32_t *)(uintptr_t)&mine.page->op;
	uint64_t seed = *(const uint64_t *)arg;

	while (__atomic_load_n(&flipping, __ATOMIC_RELAXED)) {
		uint32_t r = random_word(&seed);

		op[r >> 8 & 1 ? r % HEAD_WORDS : r % OP_WORDS] =
			bounds[(r >> 16) % ARRAY_SIZE(bounds)];
		/* Good ones between, so that a request is now judged good and now bad. */
		op[0] = r >> 9 & 3 ? XEN_PCI_OP_enable_msix : r >> 11 & 7;
		op[2] = op[3] = op[4] = 0;
		if (!(r >> 24 & 0x3f))
			__atomic_or_fetch(&mine.page->flags, r & ~(uint32_t)XEN_PCIF_active,
					  __ATOMIC_RELAXED);
	}
	return NULL;
}

/* flip N: N requests, while two threads write to the page. */
int guest_flip(int argc, char **argv)
{
	static uint64_t seeds[FLIPPERS] = { 1, 2 };
	pthread_t thread[FLIPPERS];
	int64_t n = number(argv[1]), done = 0;
	unsigned started = 0;

	(void)argc;
	if (!mine.page)
		return fail(ENOTCONN);
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	for (; started < FLIPPERS; started++) {
		errno = pthread_create(&thread[started], NULL, flip, &seeds[started]);
		if (errno)
			break;
	}
	for (; started == FLIPPERS && done < n; done++) {
		struct xen_pci_op op = { .cmd = done % 2 ? XEN_PCI_OP_disable_msix
							 : XEN_PCI_OP_enable_msix,
					 .value = 3,
					 .size = 4,
					 .msix_entries = { { 0, 0 }, { 0, 1 }, { 0, 2 } } };

		if (ask(&op))
			break;
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	while (started)
		pthread_join(thread[--started], NULL);
	memset((void *)(uintptr_t)&mine.page->aer_op, 0, sizeof(mine.page->aer_op));
	__atomic_store_n(&mine.page->flags, 0, __ATOMIC_SEQ_CST);
	return done == n ? reply("%lld", (long long)n) : -1;
}
