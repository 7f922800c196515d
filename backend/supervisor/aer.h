/* SPDX-License-Identifier: MIT */
/*
 * Error recovery, backend to frontend (PROTOCOL.md 7): one step at a time is
 * posted into the page's second slot and its verdict awaited without blocking. One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_AER_H
#define XENPCI_BACKEND_SUPERVISOR_AER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pciif.h"
#include "common/sbdf.h"

struct guest;
struct claim;

struct aer {
	bool waiting;
	uint32_t cmd;	   /* of the step in flight */
	struct sbdf host;  /* whose error it is */
	uint64_t until_ns; /* when the guest has had its time */
	bool ended;	   /* the step in flight has: result is its verdict */
	bool answered;	   /* ... the guest's own */
	bool unheard;	   /* ... there was no handler to ask */
	int32_t result;
	/* recovery.h's: whether there are errors to see to, and what the steps are for. */
	bool found;
	bool recovering;
	bool fatal;
	struct sbdf recovered;
};

/* A step as an operator writes it: "detected frozen", "mmio", "slotreset", "resume". */
struct aer_step {
	uint32_t cmd;
	int32_t channel; /* enum pciif_aer_channel */
};
/* 0, or -1 with errno EINVAL. */
int aer_step_parse(const char *text, struct aer_step *out);

/*
 * Has the guest's worker post a step for the device. 0: the verdict comes later; 1: decided at once,
 * *result; -1 with errno EBUSY (a step is in flight).
 */
int aer_post(struct guest *g, const struct claim *claim, const struct aer_step *step, int32_t *result);

/* The worker tells what the guest answered: err as it stands in the page; or that it has no handler. */
void aer_answered(struct guest *g, bool heard, int32_t err);
/*
 * After an answer, or when time has passed: whether the step in flight has ended;
 * *result is then its verdict, always one of enum pciif_aer_result. A guest that gave up
 * or lacks a handler has aerState written.
 */
bool aer_poll(struct guest *g, uint64_t now, int32_t *result);

/* Tells the toolstack, as the kernel's backend does: node aerState. */
void aer_mark_failed(struct guest *g);

/* The channel is going: no verdict will come. */
void aer_cancel(struct guest *g);

#endif
