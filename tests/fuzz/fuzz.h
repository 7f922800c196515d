/* SPDX-License-Identifier: MIT */
/*
 * What a fuzzing harness is: one function over bytes, LLVMFuzzerTestOneInput, which libFuzzer calls, and
 * so does replay.c with the stored corpus. What must not be ends the program (fuzz_fail).
 */
#ifndef XENPCI_TESTS_FUZZ_FUZZ_H
#define XENPCI_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_fail(...) (fprintf(stderr, "fuzz: " __VA_ARGS__), fputc('\n', stderr), abort())
#define fuzz_check(what) ((what) ? (void)0 : (void)fuzz_fail("%s:%d: not %s", __FILE__, __LINE__, #what))

/* The input, taken piece by piece; behind its end there are zeros. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

static inline void take(struct bytes *b, void *to, size_t n)
{
	size_t have = n < b->left ? n : b->left;

	memset(to, 0, n);
	if (have)
		memcpy(to, b->at, have);
	b->at += have;
	b->left -= have;
}

static inline uint8_t take_u8(struct bytes *b)
{
	uint8_t v;

	take(b, &v, sizeof(v));
	return v;
}

static inline uint16_t take_u16(struct bytes *b)
{
	uint8_t v[2];

	take(b, v, sizeof(v));
	return (uint16_t)(v[0] | v[1] << 8);
}

static inline uint32_t take_u32(struct bytes *b)
{
	uint32_t low = take_u16(b);

	return low | (uint32_t)take_u16(b) << 16;
}

/* The rest, or what comes before byte `end`, as text into buf; its length. */
static inline size_t take_text(struct bytes *b, char *buf, size_t room, uint8_t end)
{
	size_t n = 0;

	while (b->left && *b->at != end && n + 1 < room) {
		buf[n++] = (char)*b->at++;
		b->left--;
	}
	if (b->left) {
		b->at++;
		b->left--;
	}
	buf[n] = '\0';
	return n;
}

/* A number that follows from the input. */
static inline unsigned fuzz_sum(const uint8_t *data, size_t size)
{
	uint32_t sum = 2166136261u;

	while (size--)
		sum = (sum ^ *data++) * 16777619u;
	return sum >> 8;
}

/* The input as a file of its own, which is there as long as the process is; its path. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* A directory of the process's own, empty at first, which goes with it. */
const char *fuzz_directory(void);

#endif
