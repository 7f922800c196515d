/* SPDX-License-Identifier: MIT */
/*
 * Memory that can be put back as it was: the supervisor's allocations come from one array, by the
 * linker's --wrap, and a snapshot is what differs from the beginning. Descriptors are numbers.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/model.h"

enum { ARENA = 1 << 20, BLOCK = 64, CLASSES = 20, HEAD = 16 };
enum { GUESTS_END = WORLD_FIRST_DOMID + WORLD_GUESTS };

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void __real_free(void *p);
int __real_close(int fd);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void __wrap_free(void *p);
int __wrap_close(int fd);
int __wrap_message_pair(int sv[2]);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

/* A power of two for each class; what is free is chained. */
static struct arena {
	size_t used;
	void *freed[CLASSES];
} arena;
static _Alignas(16) unsigned char room[ARENA];
static bool on;

void *__wrap_malloc(size_t size)
{
	unsigned class = 0;
	unsigned char *p;

	if (!on)
		return __real_malloc(size);
	while ((size_t)32 << class < size + HEAD)
		class++;
	if (class >= CLASSES) {
		errno = ENOMEM;
		return NULL;
	}
	p = arena.freed[class];
	if (p) {
		memcpy(&arena.freed[class], p + HEAD, sizeof(void *));
	} else {
		if (arena.used + ((size_t)32 << class) > ARENA) {
			fputs("the arena is full\n", stderr);
			abort();
		}
		p = room + arena.used;
		arena.used += (size_t)32 << class;
	}
	memset(p, 0, (size_t)32 << class);
	*p = (unsigned char)class;
	return p + HEAD;
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return on ? __wrap_malloc(nr * size) : __real_calloc(nr, size);
}

void __wrap_free(void *q)
{
	unsigned char *p = q;
	unsigned class;

	if (p < room || p >= room + ARENA) {
		__real_free(q);
		return;
	}
	p -= HEAD;
	class = *p;
	memset(p, 0, (size_t)32 << class);
	*p = (unsigned char)class;
	memcpy(p + HEAD, &arena.freed[class], sizeof(void *));
	arena.freed[class] = p;
}

int __wrap_close(int fd)
{
	return fd >= WORLD_FD ? 0 : __real_close(fd);
}

int __wrap_message_pair(int sv[2])
{
	sv[0] = sv[1] = WORLD_FD;
	return 0;
}

/* Time stands still: what is put off by it is another test's. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	*ts = (struct timespec){ .tv_sec = 1000 };
	return 0;
}

/* ---- Snapshots ---- */

static const struct region {
	void *at;
	size_t size;
} regions[] = {
	/* Of the guests' row, those that there can be. */
	{ &world, offsetof(struct world, be.guests) + GUESTS_END * sizeof(void *) },
	{ &world.be.guests[DOMID_FIRST_RESERVED],
	  sizeof(world) - offsetof(struct world, be.guests) - sizeof(world.be.guests) },
	{ &plan, sizeof(plan) },
	{ &arena, sizeof(arena) },
	{ room, sizeof(room) },
};
enum { REGIONS = sizeof(regions) / sizeof(regions[0]) };
static unsigned char *base[REGIONS];
static size_t most_used; /* of room: what is behind it was never touched */

struct snapshot {
	unsigned nr;
	struct piece {
		uint32_t region, at;
		unsigned char bytes[BLOCK];
	} piece[];
};

static size_t size_of(unsigned r)
{
	if (arena.used > most_used)
		most_used = arena.used;
	return regions[r].at == room ? most_used : regions[r].size;
}

void arena_begin(void)
{
	on = true;
	for (unsigned r = 0; r < REGIONS; r++) {
		base[r] = __real_calloc(1, regions[r].size);
		memcpy(base[r], regions[r].at, regions[r].size);
	}
}

void arena_base(void)
{
	for (unsigned r = 0; r < REGIONS; r++) {
		size_t size = size_of(r);

		memcpy(regions[r].at, base[r], size);
	}
}

static size_t length(size_t size, size_t at)
{
	return size - at < BLOCK ? size - at : BLOCK;
}

struct snapshot *snapshot_take(void)
{
	static struct snapshot *s;
	static unsigned most;
	struct snapshot *out;
	unsigned nr = 0;

	for (unsigned r = 0; r < REGIONS; r++) {
		size_t size = size_of(r);

		for (size_t at = 0; at < size; at += BLOCK) {
			size_t n = length(size, at);
			const unsigned char *p = (const unsigned char *)regions[r].at + at;

			if (!memcmp(p, base[r] + at, n))
				continue;
			if (nr == most) {
				most = most ? 2 * most : 256;
				s = realloc(s, sizeof(*s) + most * sizeof(s->piece[0]));
				if (!s)
					abort();
			}
			s->piece[nr] = (struct piece){ .region = r, .at = (uint32_t)at };
			memcpy(s->piece[nr++].bytes, p, n);
		}
	}
	out = __real_malloc(sizeof(*out) + nr * sizeof(out->piece[0]));
	if (!out)
		abort();
	out->nr = nr;
	if (nr)
		memcpy(out->piece, s->piece, nr * sizeof(out->piece[0]));
	return out;
}

void snapshot_restore(const struct snapshot *s)
{
	arena_base();
	for (unsigned i = 0; i < s->nr; i++) {
		const struct piece *p = &s->piece[i];
		size_t n = length(regions[p->region].size, p->at);

		memcpy((unsigned char *)regions[p->region].at + p->at, p->bytes, n);
	}
}

void snapshot_free(struct snapshot *s)
{
	__real_free(s);
}
