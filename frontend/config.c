/* SPDX-License-Identifier: MIT */
/* Config space: single accesses, whole spaces, capability lists. */
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/access.h"
#include "frontend/front.h"
#include "xenpci/xenpcifront_raw.h"

#define SMALL_CONFIG 256
/* More capabilities than the space after the header has room for. */
#define MAX_CAPS     ((SMALL_CONFIG - PCI_STD_HEADER_SIZEOF) / 4)
#define MAX_EXT_CAPS ((XENPCIFRONT_CONFIG_SIZE - SMALL_CONFIG) / 8)

int xenpcifront_read(struct xenpcifront *fe, struct xenpcifront_address address, unsigned offset,
		     unsigned size, uint32_t *value, struct xenpcifront_answer *answer)
{
	struct call call = { &fe->channel, address, NO_LIMIT };

	return access_read(&call, offset, size, value, answer);
}

int xenpcifront_write(struct xenpcifront *fe, struct xenpcifront_address address, unsigned offset,
		      unsigned size, uint32_t value, struct xenpcifront_answer *answer)
{
	struct call call = { &fe->channel, address, NO_LIMIT };

	return bars_write(fe, &call, offset, size, value, answer);
}

int xenpcifront_raw(struct xenpcifront *fe, struct xenpcifront_request *request)
{
	/* Both are the wire's layout: u32 cmd .. info, then entries of two 16-bit halves. */
	_Static_assert(sizeof(*request) == sizeof(struct xen_pci_op), "a request is an op");
	_Static_assert(offsetof(struct xenpcifront_request, entries) ==
		       offsetof(struct xen_pci_op, msix_entries), "entries in their place");
	struct xen_pci_op op;

	memcpy(&op, request, sizeof(op));
	if (channel_request(&fe->channel, &op, NO_LIMIT))
		return -1;
	memcpy(request, &op, sizeof(op));
	return 0;
}

int xenpcifront_pull(struct xenpcifront *fe, struct xenpcifront_address address, void *buf,
		     unsigned size)
{
	struct call call = call_begin(&fe->channel, address);
	uint8_t *bytes = buf;

	if (size != SMALL_CONFIG && size != XENPCIFRONT_CONFIG_SIZE)
		return fail(EINVAL);
	for (unsigned offset = 0; offset < size; offset += 4) {
		struct xenpcifront_answer answer;
		uint32_t v;

		if (access_read(&call, offset, 4, &v, &answer)) {
			/* A conventional function ends after 256 bytes. */
			if (offset < SMALL_CONFIG || answer.error == XENPCIFRONT_NO_ANSWER)
				return -1;
			return SMALL_CONFIG;
		}
		for (unsigned i = 0; i < 4; i++)
			bytes[offset + i] = (uint8_t)(v >> i * 8);
	}
	return (int)size;
}

int xenpcifront_push(struct xenpcifront *fe, struct xenpcifront_address address, const void *buf,
		     unsigned size, unsigned *refused)
{
	struct call call = call_begin(&fe->channel, address);
	const uint8_t *bytes = buf;
	unsigned denied = 0;
	int rc = -1;

	if (size != SMALL_CONFIG && size != XENPCIFRONT_CONFIG_SIZE)
		return fail(EINVAL);
	for (unsigned offset = size; offset; ) {
		struct xenpcifront_answer answer;
		unsigned width;
		uint32_t now, want = 0;

		offset -= 4;
		/* Status bits are cleared by writing ones: the upper half is left alone. */
		width = offset == PCI_COMMAND ? 2 : 4;
		for (unsigned i = 0; i < width; i++)
			want |= (uint32_t)bytes[offset + i] << i * 8;
		if (access_read(&call, offset, width, &now, NULL))
			goto out;
		if (now == want || !bars_write(fe, &call, offset, width, want, &answer))
			continue;
		if (answer.error != XENPCIFRONT_ACCESS_DENIED)
			goto out;
		denied++;
	}
	rc = 0;
out:
	if (refused)
		*refused = denied;
	return rc;
}

/* One walk of a list of either kind. */
struct walk {
	struct xenpcifront_capability *found;
	unsigned n, max;
};

static void keep(struct walk *w, struct xenpcifront_capability cap)
{
	if (w->n < w->max)
		w->found[w->n++] = cap;
}

/* Whether the walk has been at this offset before: a list that loops is at its end. */
static bool was_seen(uint64_t seen[], unsigned at)
{
	uint64_t bit = UINT64_C(1) << (at / 4 % 64);
	bool was = seen[at / 256] & bit;

	seen[at / 256] |= bit;
	return was;
}

static int walk_plain(const struct call *call, struct walk *w)
{
	uint64_t seen[1] = { 0 };
	uint32_t status, header, at;

	if (access_read(call, PCI_STATUS, 2, &status, NULL))
		return -1;
	if (!(status & PCI_STATUS_CAP_LIST))
		return 0;
	if (access_read(call, PCI_CAPABILITY_LIST, 1, &at, NULL))
		return -1;
	for (int i = 0; i < MAX_CAPS; i++) {
		at &= 0xfc; /* the low two bits are reserved */
		if (at < PCI_STD_HEADER_SIZEOF || was_seen(seen, at))
			return 0;
		if (access_read(call, at, 2, &header, NULL))
			return -1;
		if ((header & 0xff) == 0xff)
			return 0;
		keep(w, (struct xenpcifront_capability){ .offset = (uint16_t)at,
							 .id = header & 0xff });
		at = header >> 8;
	}
	return 0;
}

static int walk_extended(const struct call *call, struct walk *w)
{
	uint64_t seen[XENPCIFRONT_CONFIG_SIZE / 256] = { 0 };
	unsigned at = SMALL_CONFIG;

	for (int i = 0; i < MAX_EXT_CAPS && at >= SMALL_CONFIG && !was_seen(seen, at); i++) {
		struct xenpcifront_answer answer;
		uint32_t header;

		if (access_read(call, at, 4, &header, &answer)) {
			/* No extended space: the list is empty. */
			return answer.error == XENPCIFRONT_NO_ANSWER ? -1 : 0;
		}
		if (!header || header == UINT32_MAX)
			return 0;
		keep(w, (struct xenpcifront_capability){
				.offset = (uint16_t)at,
				.id = (uint16_t)header,
				.version = header >> 16 & 0xf,
				.extended = true,
			});
		at = header >> 20 & 0xffc;
	}
	return 0;
}

int xenpcifront_capabilities(struct xenpcifront *fe, struct xenpcifront_address address,
			     struct xenpcifront_capability *capabilities, unsigned max)
{
	struct call call = call_begin(&fe->channel, address);
	struct walk w = { .found = capabilities, .max = max };

	if (walk_plain(&call, &w) || walk_extended(&call, &w))
		return -1;
	return (int)w.n;
}

const char *xenpcifront_error_text(enum xenpcifront_error error)
{
	static const char *const texts[] = {
		[XENPCIFRONT_OTHER_ERROR] = "an errno of the backend",
		[XENPCIFRONT_NONSENSE] = "an answer that cannot be true",
		[XENPCIFRONT_NO_ANSWER] = "no answer",
	};

	if (error <= XENPCIFRONT_OP_FAILED)
		return pciif_error_text(-(int32_t)error);
	return error < (int)ARRAY_SIZE(texts) ? texts[error] : "unknown";
}
