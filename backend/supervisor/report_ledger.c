/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/report_ledger.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"

_Static_assert(LEDGER_BUCKETS == RECORDS_BUCKETS, "one histogram");

/* One read of what another process writes; no more than fits. */
static int64_t take(const uint64_t *p)
{
	uint64_t n = *(const volatile uint64_t *)p;

	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void add(int64_t *sum, int64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = INT64_MAX;
}

int64_t ledger_requests(const struct ledger *l)
{
	int64_t sum = 0;

	for (size_t i = 0; l && i < ARRAY_SIZE(l->commands); i++)
		add(&sum, take(&l->commands[i]));
	return sum;
}

int64_t ledger_refused(const struct ledger *l)
{
	return l ? take(&l->denied) : 0;
}

void ledger_device(const struct ledger *l, unsigned slot, int64_t *requests, int64_t *refused)
{
	*requests = l ? take(&l->count[slot].requests) : 0;
	*refused = l ? take(&l->count[slot].denied) : 0;
}

void ledger_stats(const struct ledger *l, struct record_stats *out)
{
	int64_t known = 0;

	memset(out, 0, sizeof(*out));
	if (!l)
		return;
	out->requests = ledger_requests(l);
#define X(type, name, room, text)                              \
	out->name = take(&l->commands[XEN_PCI_OP_##name]);     \
	add(&known, out->name);
	RECORDS_OPERATIONS(X)
#undef X
	out->other = out->requests > known ? out->requests - known : 0;
	out->polled = take(&l->polled);
	out->refused = take(&l->denied);
	out->took = take(&l->took_ns) / 1000;
	for (size_t i = 0; i < RECORDS_BUCKETS; i++)
		out->latency[i] = take(&l->latency[i]);
}

/* ---- Refusals ---- */

/* A moment of the worker's clock by the calendar. */
static int64_t moment(uint64_t at_ns, uint64_t now_ns, time_t now)
{
	return at_ns > now_ns ? now : now - (int64_t)((now_ns - at_ns) / 1000000000);
}

bool ledger_next_denied(const struct ledger *l, uint32_t *at, uint64_t now_ns, time_t now,
			struct sbdf *host, struct record_denied *out)
{
	struct ledger_denial d;
	char name[SBDF_TEXT];

	memset(out, 0, sizeof(*out));
	for (; l && *at < LEDGER_DENIALS; ++*at) {
		memcpy(&d, &l->denial[*at], sizeof(d));
		if (!d.times || d.offset > 4095 || (d.width != 1 && d.width != 2 && d.width != 4) ||
		    d.offset % d.width)
			continue;
		++*at;
		*host = d.host;
		snprintf(out->host, sizeof(out->host), "%s", sbdf_format(d.host, name));
		out->offset = d.offset;
		out->width = d.width;
		out->bits = d.bits;
		out->times = take(&d.times);
		out->first = moment(d.first_ns, now_ns, now);
		out->last = moment(d.last_ns, now_ns, now);
		message_text(out->field, sizeof(out->field), d.field, sizeof(d.field));
		message_text(out->remedy, sizeof(out->remedy), d.remedy, sizeof(d.remedy));
		return true;
	}
	return false;
}

void ledger_quirk(uint16_t vendor, uint16_t device, struct record_denied *out)
{
	struct config_quirk quirk = { (uint16_t)out->offset, (uint8_t)out->width, (uint32_t)out->bits };
	char reason[sizeof(out->field)];

	if (!vendor || !quirk.mask || !strstr(out->remedy, "quirk"))
		return;
	/* Its dword may have others in it: no more bytes than it takes. */
	if (quirk.width == 4 && !strcmp(out->field, "unlisted"))
		quirk = config_quirk_fit(quirk.offset, quirk.mask);
	snprintf(reason, sizeof(reason), "%s", out->field);
	for (char *c = reason; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	config_quirk_text(out->quirk, sizeof(out->quirk), vendor, device, &quirk, reason);
}

/* ---- Traces ---- */

void ledger_trace_set(struct ledger *l, uint64_t *told, unsigned what)
{
	uint32_t before = atomic_load_explicit(&l->tracing, memory_order_relaxed);

	if (before == what)
		return;
	if (!before)
		*told = atomic_load_explicit(&l->traced, memory_order_acquire);
	atomic_store_explicit(&l->tracing, what, memory_order_relaxed);
}

static void fill(const struct ledger_trace *t, int64_t behind, struct record_trace *out)
{
	static const char *const names[] = {
#define X(number, name, guests) [number] = #name,
		PCIIF_COMMANDS(X)
#undef X
	};
	char name[SBDF_TEXT];

	out->time = (int64_t)(t->at_ns / 1000) + behind;
	if (t->known)
		snprintf(out->host, sizeof(out->host), "%s", sbdf_format(t->host, name));
	snprintf(out->guest_address, sizeof(out->guest_address), "%04x:%02x:%02x.%u",
		 t->domain & 0xffff, t->bus & 0xff, (t->devfn >> 3) & 0x1f, t->devfn & 7);
	if (t->cmd < ARRAY_SIZE(names) && names[t->cmd])
		snprintf(out->command, sizeof(out->command), "%s", names[t->cmd]);
	else
		snprintf(out->command, sizeof(out->command), "%u", t->cmd);
	out->offset = t->offset;
	out->size = t->size;
	out->value = t->value;
	message_text(out->field, sizeof(out->field), t->field, sizeof(t->field));
	out->refused = t->denied;
	out->answer = t->err;
	out->took = t->took_ns / 1000;
}

int ledger_next_trace(const struct ledger *l, uint64_t *told, int64_t behind, union record *out)
{
	uint64_t written;
	struct ledger_trace t;

	memset(out, 0, sizeof(*out));
	written = l ? atomic_load_explicit(&l->traced, memory_order_acquire) : *told;
	/* Also where the worker's count has gone back, which it never does by itself. */
	if (written - *told >= LEDGER_TRACES) {
		uint64_t next = written < LEDGER_TRACES / 2 ? 0 : written - LEDGER_TRACES / 2;
		uint64_t lost = next - *told;

		*told = next;
		out->lost.lines = lost > INT64_MAX ? 0 : (int64_t)lost;
		return RECORD_OF_lost;
	}
	if (written == *told)
		return -1;
	memcpy(&t, &l->trace[*told % LEDGER_TRACES], sizeof(t));
	atomic_thread_fence(memory_order_acquire);
	++*told;
	/* Written over meanwhile. */
	if (atomic_load_explicit(&l->traced, memory_order_relaxed) - *told >= LEDGER_TRACES) {
		out->lost.lines = 1;
		return RECORD_OF_lost;
	}
	fill(&t, behind, &out->trace);
	return RECORD_OF_trace;
}
