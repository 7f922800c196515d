/* SPDX-License-Identifier: MIT */
/* The honest guest beside the hostile one: asks without end, and counts what it is answered. */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"

/* A register that a guest may write, and that keeps what it is given: how large, and where in it. */
struct keeper {
	unsigned offset, size, shift;
};
static const struct keeper cache_line = { 0x0c, 1, 0 };
/* Of a captured machine it is remembered when a process that serves has died, as hardware does of both. */
static const struct keeper first_bar = { 0x10, 4, 20 };
#define PAUSE_US 300

/* Where peer.c's line has no room for it, the log tells which. */
static int not_right(const char *what, uint64_t round, int32_t err, uint32_t value)
{
	fprintf(stderr, "round %llu, its %s: err %d, value %x\n", (unsigned long long)round, what,
		err, value);
	return fail(EPROTO);
}

/*
 * One round: its ids, and a number that is another each time and has to come back, so that an
 * answer that is late, of another request or of another guest's is seen.
 */
static int round_of(uint64_t i, uint32_t ids, const struct keeper *k, uint64_t *answers)
{
	uint32_t value = 0, number_of_round = (uint32_t)(i % 251);
	int32_t err = 1;

	if (access_config(XEN_PCI_OP_conf_read, 0, 4, &value, &err))
		return -1;
	if (err || value != ids)
		return not_right("ids", i, err, value);
	value = number_of_round << k->shift;
	if (access_config(XEN_PCI_OP_conf_write, k->offset, k->size, &value, &err))
		return -1;
	if (err)
		return not_right("write", i, err, value);
	value = 0xffffffff;
	if (access_config(XEN_PCI_OP_conf_read, k->offset, k->size, &value, &err))
		return -1;
	if (err || value >> k->shift != number_of_round)
		return not_right("number", i, err, value);
	*answers += 3;
	return 0;
}

/*
 * honest IDS [bar]: replies "begun", asks until there is another line (which it leaves), then replies
 * how many questions there were and how many right answers.
 */
int guest_honest(int argc, char **argv)
{
	uint32_t ids = (uint32_t)number(argv[1]);
	const struct keeper *k = argc > 2 ? &first_bar : &cache_line;
	uint64_t rounds = 0, answers = 0;

	reply("begun");
	fflush(stdout);
	do {
		if (round_of(rounds, ids, k, &answers))
			return -1;
		rounds++;
		usleep(PAUSE_US);
	} while (!wait_readable(STDIN_FILENO, 0) || rounds < 100);
	return reply("%llu %llu", 3ull * rounds, (unsigned long long)answers);
}

int guest_nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return reply("nothing");
}
