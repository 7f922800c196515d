/* SPDX-License-Identifier: MIT */
/* The honest guest beside the hostile one: asks without end, and counts what it is answered. */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"

#define CACHE_LINE 0x0c /* a byte that a guest may write, and that keeps what it is given */
#define PAUSE_US 300

/*
 * One round: its ids, and a number that is another each time and has to come back, so that an
 * answer that is late, of another request or of another guest's is seen.
 */
static int round_of(uint64_t i, uint32_t ids, uint64_t *answers)
{
	uint32_t value = 0, number_of_round = (uint32_t)(i % 251);
	int32_t err = 1;

	if (access_config(XEN_PCI_OP_conf_read, 0, 4, &value, &err))
		return -1;
	if (err || value != ids)
		return fail(EPROTO);
	value = number_of_round;
	if (access_config(XEN_PCI_OP_conf_write, CACHE_LINE, 1, &value, &err))
		return -1;
	if (err)
		return fail(EPROTO);
	value = 0xffffffff;
	if (access_config(XEN_PCI_OP_conf_read, CACHE_LINE, 1, &value, &err))
		return -1;
	if (err || value != number_of_round)
		return fail(EPROTO);
	*answers += 3;
	return 0;
}

/*
 * honest IDS: replies "begun", asks until there is another line (which it leaves), then replies
 * how many questions there were and how many right answers.
 */
int guest_honest(int argc, char **argv)
{
	uint32_t ids = (uint32_t)number(argv[1]);
	uint64_t rounds = 0, answers = 0;

	(void)argc;
	reply("begun");
	fflush(stdout);
	do {
		if (round_of(rounds, ids, &answers))
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
