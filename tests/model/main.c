/* SPDX-License-Identifier: MIT */
/*
 * model [--break WHAT] [quick | NAME...]: explores each of the bounds below (quick: the first, so many
 * states of each; or those named) breadth first, and prints what was found: states, transitions, and for
 * what must not be the shortest way to it. The large ones are explored depth first, since breadth would have
 * the memory of a machine: what is found in them comes by a longer way.
 * --break 8:4 has the backend do nothing in its state 8 and the frontend's 4; --break reset has jobs
 * forget the reset. Then a counterexample is what is expected, and none is the failure.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/model/model.h"
#include "tests/model/model_break.h"

/* The first are explored by make check, all by make model. */
enum { QUICK = 4, QUICK_STATES = 40000, PROGRESS = 1000000 };
static const struct bounds all[] = {
	{ "ends", "two devices, a restart, an end", .guests = 1, .restarts = 1, .ends = 1 },
	{ "anew", "two devices, a reconfiguration, a reconnect", .guests = 1, .reconfigurations = 1,
	  .reconnects = 1 },
	{ "turns", "two devices, two reconfigurations", .guests = 1, .reconfigurations = 2 },
	{ "rivals", "two guests that ask for the same device, a restart", .guests = 2, .restarts = 1,
	  .contested = true },
	{ "life", "two devices, two reconfigurations, a restart, a reconnect, an end", .guests = 1,
	  .reconfigurations = 2, .reconnects = 1, .restarts = 1, .ends = 1, .large = true },
	{ "deaths", "two devices, a process that dies, a restart, an interrupt, an end", .guests = 1,
	  .process_deaths = 1, .restarts = 1, .interrupts = 1, .ends = 1 },
	{ "two", "two guests that ask for the same device, a reconfiguration, an end", .guests = 2,
	  .reconfigurations = 1, .ends = 1, .contested = true, .large = true, .most = 3000000 },
};

struct state {
	uint32_t parent;
	struct move move;
	uint8_t colour; /* of the search for circles */
};

static struct {
	struct state *state;
	struct hash *hash;
	uint32_t *table; /* 1 + state, by hash */
	struct snapshot **snapshot;
	uint32_t nr, room, table_size;
	uint64_t transitions, rests;
	/* Noted and not explored yet, where that goes depth first. */
	uint32_t *open;
	uint32_t nr_open, room_open;
	/* Inner moves: from a state, in a row, up to its end. */
	uint32_t *inner_from, *inner_end, *inner;
	uint32_t nr_inner, room_inner;
} x;

/* Not inlined: realloc of nothing would become malloc, and be put back with the world. */
static void *__attribute__((noinline)) more(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p) {
		fputs("model: no memory\n", stderr);
		exit(2);
	}
	return p;
}

static void grow(void)
{
	x.room = x.room ? 2 * x.room : 1024;
	x.state = more(x.state, x.room * sizeof(*x.state));
	x.hash = more(x.hash, x.room * sizeof(*x.hash));
	x.snapshot = more(x.snapshot, x.room * sizeof(*x.snapshot));
	x.inner_from = more(x.inner_from, x.room * sizeof(*x.inner_from));
	x.inner_end = more(x.inner_end, x.room * sizeof(*x.inner_end));
	x.table_size = 4 * x.room;
	/* Not calloc, which would have it put back with the world. */
	x.table = more(x.table, x.table_size * sizeof(*x.table));
	memset(x.table, 0, x.table_size * sizeof(*x.table));
	for (uint32_t i = 0; i < x.nr; i++) {
		uint32_t at = (uint32_t)(x.hash[i].a % x.table_size);

		while (x.table[at])
			at = (at + 1) % x.table_size;
		x.table[at] = i + 1;
	}
}

/* The present state's number; a new one is kept. */
static uint32_t note(uint32_t parent, struct move move)
{
	struct hash h = state_hash();
	uint32_t at;

	if (x.nr == x.room)
		grow();
	at = (uint32_t)(h.a % x.table_size);
	for (; x.table[at]; at = (at + 1) % x.table_size)
		if (x.hash[x.table[at] - 1].a == h.a && x.hash[x.table[at] - 1].b == h.b)
			return x.table[at] - 1;
	x.table[at] = x.nr + 1;
	x.hash[x.nr] = h;
	x.state[x.nr] = (struct state){ .parent = parent, .move = move };
	x.snapshot[x.nr] = snapshot_take();
	if (x.nr_open == x.room_open) {
		x.room_open = x.room_open ? 2 * x.room_open : 1024;
		x.open = more(x.open, x.room_open * sizeof(*x.open));
	}
	x.open[x.nr_open++] = x.nr;
	return x.nr++;
}

/* ---- What a person reads ---- */

static void begin(const struct bounds *b)
{
	arena_base();
	plan_begin(b);
	world_start();
}

static void print_move(unsigned n, struct move m)
{
	char text[160];

	move_text(m, text, sizeof(text));
	move_make(m);
	printf("  %3u  %-72s", n, text);
	for (unsigned i = 0; i < plan.left.guests; i++)
		printf("  guest %u: %u/%u", WORLD_FIRST_DOMID + i, guest_own(i), guest_peer(i));
	putchar('\n');
}

/* The way to state s, and the moves of `then` after it. */
static void print_trace(const struct bounds *b, uint32_t s, const struct move *then)
{
	struct move *way = more(NULL, (x.nr + 1) * sizeof(*way));
	unsigned nr = 0, n = 0;

	for (; s; s = x.state[s].parent)
		way[nr++] = x.state[s].move;
	printf("  (each line: what happens, and the states of backend/frontend after it)\n");
	begin(b);
	while (nr)
		print_move(++n, way[--nr]);
	if (then)
		print_move(++n, *then);
	free(way);
}

static bool report(const struct bounds *b, uint32_t s, const struct move *then)
{
	char why[sizeof(world.broken)];

	if (!world.broken[0])
		return false;
	memcpy(why, world.broken, sizeof(why));
	printf("model %s: %s\n", b->name, why);
	print_trace(b, s, then);
	printf("  ==>  %s\n", why);
	return true;
}

/* ---- The search ---- */

static void note_inner(uint32_t to)
{
	if (x.nr_inner == x.room_inner) {
		x.room_inner = x.room_inner ? 2 * x.room_inner : 4096;
		x.inner = more(x.inner, x.room_inner * sizeof(*x.inner));
	}
	x.inner[x.nr_inner++] = to;
}

/* All that can happen in state s. true: something that must not be. */
static bool expand(const struct bounds *b, uint32_t s)
{
	struct move list[MOVES_MAX];
	unsigned nr, inner = 0;

	snapshot_restore(x.snapshot[s]);
	nr = moves_list(list);
	x.inner_from[s] = x.nr_inner;
	for (unsigned i = 0; i < nr; i++)
		inner += move_is_inner(list[i]);
	if (!inner) {
		x.rests++;
		rest_check();
		if (report(b, s, NULL))
			return true;
	}
	for (unsigned i = 0; i < nr; i++) {
		uint32_t to;

		if (i || !inner)
			snapshot_restore(x.snapshot[s]);
		move_make(list[i]);
		x.transitions++;
		if (report(b, s, &list[i]))
			return true;
		to = note(s, list[i]);
		if (move_is_inner(list[i]))
			note_inner(to);
	}
	x.inner_end[s] = x.nr_inner;
	snapshot_free(x.snapshot[s]);
	x.snapshot[s] = NULL;
	return false;
}

/*
 * Whether what was begun always ends: no circle of inner moves, which would be two ends that go on
 * for ever with nobody beginning anything. The state in the circle, or UINT32_MAX.
 */
static uint32_t find_circle(void)
{
	enum { WHITE, GREY, BLACK };
	uint32_t *stack = more(NULL, (x.nr + 1) * sizeof(*stack)), found = UINT32_MAX;
	uint32_t *next = more(NULL, (x.nr + 1) * sizeof(*next)), depth;

	for (uint32_t s = 0; s < x.nr && found == UINT32_MAX; s++) {
		if (x.state[s].colour != WHITE)
			continue;
		stack[0] = s;
		next[0] = x.inner_from[s];
		x.state[s].colour = GREY;
		for (depth = 1; depth && found == UINT32_MAX;) {
			uint32_t at = stack[depth - 1], to;

			if (next[depth - 1] == x.inner_end[at]) {
				x.state[at].colour = BLACK;
				depth--;
				continue;
			}
			to = x.inner[next[depth - 1]++];
			if (x.state[to].colour == GREY)
				found = to;
			if (x.state[to].colour != WHITE)
				continue;
			x.state[to].colour = GREY;
			stack[depth] = to;
			next[depth++] = x.inner_from[to];
		}
	}
	free(stack);
	free(next);
	return found;
}

static void forget(void)
{
	for (uint32_t i = 0; i < x.nr; i++)
		if (x.snapshot[i])
			snapshot_free(x.snapshot[i]);
	free(x.state);
	free(x.hash);
	free(x.table);
	free(x.snapshot);
	free(x.open);
	free(x.inner_from);
	free(x.inner_end);
	free(x.inner);
	memset(&x, 0, sizeof(x));
}

static bool explore(const struct bounds *b, uint32_t limit)
{
	uint32_t circle = UINT32_MAX;
	bool bad = false;

	begin(b);
	note(0, (struct move){ 0 });
	for (uint32_t done = 0; done < x.nr && done < limit && !bad; done++) {
		bad = expand(b, b->large ? x.open[--x.nr_open] : done);
		if (b->large && !((done + 1) % PROGRESS))
			fprintf(stderr, "model %s: %" PRIu32 " of %" PRIu32 " states so far\n", b->name,
				done + 1, x.nr);
	}
	if (!bad && x.nr <= limit)
		circle = find_circle();
	if (circle != UINT32_MAX) {
		printf("model %s: it never comes to rest\n", b->name);
		print_trace(b, circle, NULL);
		printf("  ==>  from here it can come back to here, and nobody has begun anything\n");
		bad = true;
	}
	printf("model %s (%s): %" PRIu32 " states, %" PRIu64 " transitions, %" PRIu64 " of rest: %s%s\n",
	       b->name, b->text, x.nr, x.transitions, x.rests, bad ? "BROKEN" : "all hold",
	       x.nr > limit ? " as far as it went" : "");
	fflush(stdout);
	forget();
	return bad;
}

static bool is_named(const char *name, char **names)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool breaks = argc > 2 && !strcmp(argv[1], "--break"), bad = false;
	char **names = argv + (breaks ? 3 : 1);
	bool quick = *names && !strcmp(*names, "quick");

	if (breaks && model_break(argv[2])) {
		fprintf(stderr, "model: --break: 8:4, or reset\n");
		return 2;
	}
	world_init(true);
	arena_begin();
	for (size_t i = 0; i < ARRAY_SIZE(all) && !bad; i++)
		if (!*names || (quick && i < QUICK) || is_named(all[i].name, names))
			bad = explore(&all[i], quick ? QUICK_STATES : !*names && all[i].most ? all[i].most : UINT32_MAX);
	if (breaks)
		printf("model --break %s: %s\n", argv[2], bad ? "seen" : "NOT SEEN");
	return bad != breaks;
}
