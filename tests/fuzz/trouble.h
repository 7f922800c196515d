/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong below the code while an input is tried: an allocation, a call of the system, time.
 * The harness says which call fails, so that each input fails in the same place whenever it is tried.
 */
#ifndef XENPCI_TESTS_FUZZ_TROUBLE_H
#define XENPCI_TESTS_FUZZ_TROUBLE_H

#include <stdint.h>

/* From now on the allocation'th allocation of ours fails, once, with ENOMEM. 0: none does. */
void trouble_memory(unsigned allocation);
/* The same of the system's calls (trouble.c lists them): that one fails with err. */
void trouble_system(unsigned call, int err);
/* How many there were of either since it was said. */
unsigned trouble_allocations(void);
unsigned trouble_calls(void);

/* The monotonic clock is so much ahead, until trouble_over. */
void trouble_later(uint64_t ns);

/* Who connects is that user, and we are that one, whoever runs the test. */
void trouble_users(unsigned peer, unsigned own);

/* The timer that was set last is due at once. */
void trouble_tick(void);

/* Nothing fails any more, and time is what it is. To be called before an input is left. */
void trouble_over(void);

#endif
