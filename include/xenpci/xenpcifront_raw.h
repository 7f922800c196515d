/* SPDX-License-Identifier: MIT */
/*
 * libxenpcifront for tests and tools: requests that go into the page as they are. What
 * xenpcifront.h says of errors, threads, fork and logs holds here, too.
 */
#ifndef XENPCI_XENPCIFRONT_RAW_H
#define XENPCI_XENPCIFRONT_RAW_H

#include <xenpci/xenpcifront.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A request as it stands in the page, for tests and tools. */
struct xenpcifront_request {
	uint32_t cmd;
	int32_t err; /* preset: what the backend finds there; after: its answer */
	uint32_t segment;
	uint32_t bus;
	uint32_t devfn;
	int32_t offset;
	int32_t size;
	uint32_t value;
	uint32_t info;
	struct {
		uint16_t vector;
		uint16_t entry;
	} entries[XENPCIFRONT_MAX_VECTORS];
};

/*
 * Sends *request as it is, unchecked, and puts the whole slot, as the backend left
 * it, back into *request. Returns 0 where an answer came, whatever it says, or
 * -1 with errno ENOTCONN, ETIMEDOUT, EBUSY, EAGAIN.
 */
XENPCIFRONT_EXPORT int xenpcifront_raw(struct xenpcifront *fe, struct xenpcifront_request *request);

#ifdef __cplusplus
}
#endif

#endif
