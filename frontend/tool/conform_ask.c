/* SPDX-License-Identifier: MIT */
/* What the cases are written with: verdicts, requests, and what an answer is compared with. */
#include "frontend/tool/conform.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void settle(struct conform *c, enum verdict to, const char *detail)
{
	if (c->verdict >= to)
		return;
	c->verdict = to;
	snprintf(c->detail, sizeof(c->detail), "%s", detail);
}

#define DEFINE_VERDICT(name, to)                                      \
	void conform_##name(struct conform *c, const char *fmt, ...)  \
	{                                                             \
		char text[sizeof(c->detail)];                         \
		va_list ap;                                           \
                                                                      \
		va_start(ap, fmt);                                    \
		vsnprintf(text, sizeof(text), fmt, ap);               \
		va_end(ap);                                           \
		settle(c, (to), text);                                \
	}
DEFINE_VERDICT(skip, VERDICT_SKIP)
DEFINE_VERDICT(differs, VERDICT_DIFFERS)
DEFINE_VERDICT(fail, VERDICT_FAIL)

struct xenpcifront_request conform_request(const struct conform *c, uint32_t cmd)
{
	struct xenpcifront_request req = {
		.cmd = cmd,
		.err = UNANSWERED,
		.segment = c->dev.address.segment,
		.bus = c->dev.address.bus,
		.devfn = c->dev.address.devfn,
	};

	for (unsigned i = 0; i < XENPCIFRONT_MAX_VECTORS; i++) {
		req.entries[i].vector = VECTOR_BEFORE(i);
		req.entries[i].entry = (uint16_t)i;
	}
	return req;
}

struct xenpcifront_request conform_access(const struct conform *c, uint32_t cmd, int32_t offset,
					  int32_t size, uint32_t value)
{
	struct xenpcifront_request req = conform_request(c, cmd);

	req.offset = offset;
	req.size = size;
	req.value = value;
	return req;
}

static const char *command_name(uint32_t cmd)
{
	const char *name = pciif_command_name(cmd);

	return name ? name : "unknown command";
}

/* Whether only the fields of the answer changed between `asked` and `got`. */
static void check_untouched(struct conform *c, const struct xenpcifront_request *asked,
			    const struct xenpcifront_request *got)
{
	bool vectors = asked->cmd == XEN_PCI_OP_enable_msix && !got->err;

	if (asked->cmd != got->cmd || asked->segment != got->segment || asked->bus != got->bus ||
	    asked->devfn != got->devfn || asked->offset != got->offset || asked->size != got->size)
		conform_fail(c, "%s: the request's own fields were written to",
			     command_name(asked->cmd));
	if (asked->info != got->info && asked->cmd != XEN_PCI_OP_enable_multi_msi)
		conform_fail(c, "%s: info was written to", command_name(asked->cmd));
	for (unsigned i = 0; i < XENPCIFRONT_MAX_VECTORS; i++) {
		bool answered = vectors && i < asked->value;

		if (asked->entries[i].entry != got->entries[i].entry ||
		    (!answered && asked->entries[i].vector != got->entries[i].vector))
			conform_fail(c, "%s: MSI-X entry %u was written to",
				     command_name(asked->cmd), i);
	}
}

bool conform_ask(struct conform *c, struct xenpcifront_request *req)
{
	struct xenpcifront_request asked = *req;

	if (xenpcifront_raw(c->fe, req)) {
		conform_fail(c, "%s: %s", command_name(asked.cmd), strerror(errno));
		req->err = UNANSWERED;
		return false;
	}
	if (req->err == UNANSWERED)
		conform_fail(c, "%s: err was left as it stood in the page",
			     command_name(asked.cmd));
	check_untouched(c, &asked, req);
	return !req->err;
}

bool conform_expect(struct conform *c, const char *what, struct xenpcifront_request req,
		    int32_t err, uint32_t value)
{
	conform_ask(c, &req);
	if (req.err == err && req.value == value)
		return true;
	conform_fail(c, "%s: err %d value 0x%x instead of err %d value 0x%x", what, req.err,
		     req.value, err, value);
	return false;
}

static uint32_t cut(uint32_t value, unsigned size)
{
	return size >= 4 ? value : value & ((1u << size * 8) - 1);
}

uint32_t conform_read(struct conform *c, unsigned offset, unsigned size)
{
	struct xenpcifront_request req =
		conform_access(c, XEN_PCI_OP_conf_read, (int32_t)offset, (int32_t)size, 0);

	if (conform_ask(c, &req))
		return cut(req.value, size);
	conform_fail(c, "reading %u bytes at 0x%x: err %d", size, offset, req.err);
	return 0;
}

void conform_write(struct conform *c, unsigned offset, unsigned size, uint32_t value)
{
	struct xenpcifront_request req =
		conform_access(c, XEN_PCI_OP_conf_write, (int32_t)offset, (int32_t)size, value);

	if (!conform_ask(c, &req))
		conform_fail(c, "writing 0x%x (%u bytes) at 0x%x: err %d", value, size, offset,
			     req.err);
}

void conform_write_gives(struct conform *c, unsigned offset, unsigned size, uint32_t value,
			 uint32_t mask, uint32_t want)
{
	uint32_t got;

	conform_write(c, offset, size, value);
	got = conform_read(c, offset, size);
	if ((got & mask) != (want & mask))
		conform_fail(c, "0x%x at 0x%x: reads 0x%x instead of 0x%x (of 0x%x)", value, offset,
			     got & mask, want & mask, mask);
}

unsigned conform_capability(struct conform *c, unsigned id, const char *name)
{
	struct xenpcifront_capability caps[128];
	int n = xenpcifront_capabilities(c->fe, c->dev.address, caps, 128);

	for (int i = 0; i < n; i++)
		if (!caps[i].extended && caps[i].id == id)
			return caps[i].offset;
	if (n < 0)
		conform_fail(c, "walking the capabilities: %s", strerror(errno));
	conform_skip(c, "%s has no %s capability", tool_name(c->dev.address), name);
	return 0;
}
