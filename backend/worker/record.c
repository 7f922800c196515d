/* SPDX-License-Identifier: MIT */
/* What the ledger has of single requests: refusals, by register, and a trace while somebody looks on. */
#include <string.h>

#include "backend/worker/worker.h"
#include "common/util.h"
#include "host/records.h"

void copy_text(char *out, size_t room, const char *text)
{
	size_t n = text ? strnlen(text, room - 1) : 0;

	memset(out, 0, room);
	if (n)
		memcpy(out, text, n);
}

/* What has no name is counted by its dword, as the filter does. */
static void place_of(const struct config_denial *denial, uint16_t *offset, uint8_t *width, uint32_t *bits)
{
	*offset = denial->offset;
	*width = denial->width;
	*bits = denial->bits;
	if (!strcmp(denial->field, "unlisted")) {
		*bits <<= 8 * (denial->offset & 3);
		*offset = denial->offset & 0xfffc;
		*width = 4;
	}
}

/* The register's place, or a free one; NULL: there is none left, and its refusals are in the sum alone. */
static struct ledger_denial *find(struct ledger *l, struct sbdf host, uint16_t offset, uint8_t width)
{
	for (unsigned i = 0; i < LEDGER_DENIALS; i++) {
		struct ledger_denial *d = &l->denial[i];

		if (!d->times || (d->offset == offset && d->width == width && sbdf_equal(d->host, host)))
			return d;
	}
	return NULL;
}

void record_denial(void *context, const struct config_denial *denial)
{
	struct device *d = context;
	struct worker *w = d->worker;
	struct ledger_denial *l;
	uint16_t offset;
	uint8_t width;
	uint32_t bits;

	place_of(denial, &offset, &width, &bits);
	d->denied |= denial->bits;
	l = find(w->ledger, d->dev.info.sbdf, offset, width);
	if (!l)
		return;
	if (!l->times) {
		*l = (struct ledger_denial){ .first_ns = w->now_ns, .host = d->dev.info.sbdf,
					     .offset = offset, .width = width };
		copy_text(l->field, sizeof(l->field), denial->field);
	}
	copy_text(l->remedy, sizeof(l->remedy), denial->remedy);
	l->bits |= bits;
	l->last_ns = w->now_ns;
	l->times++;
}

void record_trace(struct worker *w, const struct device *d, const struct xen_pci_op *op,
		  uint64_t took_ns, uint32_t tracing)
{
	struct ledger *l = w->ledger;
	uint64_t n = atomic_load_explicit(&l->traced, memory_order_relaxed);
	struct ledger_trace *t = &l->trace[n % LEDGER_TRACES];
	bool writes = op->cmd == XEN_PCI_OP_conf_write, denied = d && writes && d->denied;

	if (!(tracing & TRACE_ALL) && !(tracing & TRACE_WRITES && writes) &&
	    !(tracing & TRACE_DENIED && denied))
		return;
	*t = (struct ledger_trace){
		.at_ns = w->now_ns,
		.took_ns = took_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)took_ns,
		.cmd = op->cmd,
		.err = op->err,
		.offset = op->offset,
		.size = op->size,
		.value = op->value,
		.domain = op->domain,
		.bus = op->bus,
		.devfn = op->devfn,
	};
	if (d) {
		t->known = 1;
		t->host = d->dev.info.sbdf;
		t->denied = denied ? d->denied : 0;
		copy_text(t->field, sizeof(t->field), config_name_at(d->cfg, op->offset));
	}
	atomic_store_explicit(&l->traced, n + 1, memory_order_release);
}
