/* SPDX-License-Identifier: MIT */
/* xenpci explain: one access to config space as a guest would make it; nothing reaches the device. */
#include <stdio.h>
#include <string.h>

#include "backend/config/view.h"
#include "common/number.h"
#include "operator/filter.h"
#include "operator/json.h"
#include "protocol/pciif.h"

struct access {
	uint32_t offset, width, value;
	bool write;
};

enum { DENIALS_MAX = 16, LINE_MAX_BYTES = 320 };

/* What came of it. */
struct outcome {
	int answer; /* the protocol's */
	uint32_t before, after;
	struct config_denial denied[DENIALS_MAX];
	unsigned nr_denied;
};

static void perform(struct filter *f, const struct access *a, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->answer = config_guest_read(f->config, (int32_t)a->offset, (int32_t)a->width, &o->before);
	rehearsal_mark(&f->rehearsal);
	if (!a->write)
		return;
	o->answer = config_guest_write(f->config, (int32_t)a->offset, (int32_t)a->width, a->value);
	while (o->nr_denied < DENIALS_MAX && config_take_denial(f->config, &o->denied[o->nr_denied]))
		o->nr_denied++;
	config_guest_read(f->config, (int32_t)a->offset, (int32_t)a->width, &o->after);
}

static const char *step_text(const struct rehearsal_step *s, char buf[LINE_MAX_BYTES])
{
	switch (s->kind) {
	case REHEARSAL_WRITE:
		snprintf(buf, LINE_MAX_BYTES, "0x%0*x is written to 0x%02x", 2 * s->size, s->value, s->offset);
		break;
	case REHEARSAL_ENABLE:
		snprintf(buf, LINE_MAX_BYTES, "the kernel enables the device, so that it decodes");
		break;
	case REHEARSAL_DISABLE:
		snprintf(buf, LINE_MAX_BYTES, "the kernel disables the device; it goes on decoding");
		break;
	}
	return buf;
}

static const char *denial_text(const struct config_denial *d, char buf[LINE_MAX_BYTES])
{
	snprintf(buf, LINE_MAX_BYTES, "%s at 0x%02x, bits 0x%x", d->field, d->offset, d->bits);
	return buf;
}

static const char *register_text(const struct config_view *v, char buf[LINE_MAX_BYTES])
{
	if (!strcmp(v->field, "unlisted"))
		snprintf(buf, LINE_MAX_BYTES, "unlisted byte 0x%02x", v->offset);
	else
		snprintf(buf, LINE_MAX_BYTES, "%s at 0x%02x", v->field, v->offset);
	return buf;
}

/* The next register that a touches, from *at; false at the end. */
static bool next_register(const struct filter *f, const struct access *a, unsigned *at,
			  struct config_view *v)
{
	if (*at >= a->offset + a->width)
		return false;
	config_look(f->config, *at, v);
	*at = v->offset + v->width;
	return true;
}

static unsigned open_bits(const struct filter *f, const struct config_view *v)
{
	struct config_view byte;
	unsigned bits = 0;

	for (unsigned i = 0; i < v->width; i++) {
		config_look(f->config, v->offset + i, &byte);
		bits |= (unsigned)byte.open << (8 * i);
	}
	return bits;
}

/* ---- Told ---- */

static void print_registers(const struct filter *f, const struct access *a)
{
	char buf[LINE_MAX_BYTES];
	struct config_view v;

	for (unsigned at = a->offset; next_register(f, a, &at, &v);) {
		printf("\t%s:\n", register_text(&v, buf));
		if (!a->write)
			printf("\t\ta read gives: %s\n", v.reads);
		printf("\t\ta write: %s\n", v.writes);
		printf("\t\tthat is: %s\n", config_use_text(v.use));
		printf("\t\tbits that a guest can change in the device: 0x%0*x\n", 2 * v.width,
		       open_bits(f, &v));
	}
}

static void print_policy(const struct filter *f)
{
	const struct config_policy *p = &f->policy.policy;

	if (p->permissive)
		printf("\tpermissive: said by %s\n", p->permissive_source);
	if (p->interrupt_control)
		printf("\tinterrupt_control: said by %s\n", p->interrupt_control_source);
	if (p->nr_quirks)
		printf("\tquirks of the settings: %u\n", p->nr_quirks);
}

static void print_write(const struct filter *f, const struct access *a, const struct outcome *o)
{
	const struct rehearsal *r = &f->rehearsal;
	char buf[LINE_MAX_BYTES];

	for (unsigned i = 0; i < r->nr && i < REHEARSAL_STEPS_MAX; i++)
		printf("\tdone to the device: %s\n", step_text(&r->step[i], buf));
	if (!r->nr)
		puts("\tdone to the device: nothing");
	for (unsigned i = 0; i < o->nr_denied; i++) {
		printf("\trefused: %s\n", denial_text(&o->denied[i], buf));
		printf("\t\t%s%s\n", o->denied[i].remedy ? "would be allowed by " : "nothing would allow it",
		       o->denied[i].remedy ? o->denied[i].remedy : "");
	}
	printf("\ta read gave 0x%0*x, and gives 0x%0*x then\n", (int)(2 * a->width), o->before,
	       (int)(2 * a->width), o->after);
}

static void print(const struct place *place, const struct filter *f, const struct access *a,
		  const struct outcome *o)
{
	int digits = (int)(2 * a->width);

	printf("%s", place->name);
	if (f->name[0])
		printf(" %s", f->name);
	putchar('\n');
	if (a->write)
		printf("a write of 0x%0*x to 0x%02x is answered: %s\n", digits, a->value, a->offset,
		       pciif_error_text(o->answer));
	else
		printf("a read of %u byte%s at 0x%02x is answered: %s, 0x%0*x\n", a->width,
		       a->width == 1 ? "" : "s", a->offset, pciif_error_text(o->answer), digits, o->before);
	if (o->answer == XEN_PCI_ERR_invalid_offset) {
		printf("\ta width is 1, 2 or 4, an offset a multiple of it and below 0x%x\n",
		       f->rehearsal.dev.info.config_size);
		return;
	}
	print_registers(f, a);
	print_policy(f);
	if (a->write)
		print_write(f, a, o);
}

static int tell(const struct place *place, const struct filter *f, const struct access *a,
		const struct outcome *o)
{
	const struct rehearsal *r = &f->rehearsal;
	bool legal = o->answer != XEN_PCI_ERR_invalid_offset;
	char buf[LINE_MAX_BYTES];
	struct config_view v;
	struct json j;

	json_begin(&j, JSON_RECORD_explain);
	json_text(&j, JSON_explain_host, place->name);
	json_number(&j, JSON_explain_offset, a->offset);
	json_number(&j, JSON_explain_width, a->width);
	for (unsigned at = a->offset; legal && next_register(f, a, &at, &v);) {
		json_item(&j, JSON_explain_registers, register_text(&v, buf));
		json_item(&j, JSON_explain_rules, a->write ? v.writes : v.reads);
	}
	json_number(&j, JSON_explain_before, o->before);
	json_text(&j, JSON_explain_answer, pciif_error_text(o->answer));
	if (a->write) {
		json_number(&j, JSON_explain_value, a->value);
		json_number(&j, JSON_explain_after, o->after);
	}
	for (unsigned i = 0; i < r->nr && i < REHEARSAL_STEPS_MAX; i++)
		json_item(&j, JSON_explain_steps, step_text(&r->step[i], buf));
	for (unsigned i = 0; i < o->nr_denied; i++) {
		json_item(&j, JSON_explain_refused, denial_text(&o->denied[i], buf));
		if (o->denied[i].remedy)
			json_item(&j, JSON_explain_remedies, o->denied[i].remedy);
	}
	return json_end(&j);
}

/* ---- The command ---- */

static int parse_number(const char *text, const char *what, uint64_t max, uint32_t *out)
{
	uint64_t n;
	bool hex = !strncmp(text, "0x", 2);

	if (number_parse(hex ? text + 2 : text, hex ? 16 : 10, max, &n)) {
		operator_fail("explain: \"%s\" is no %s: decimal, or hexadecimal with 0x, up to 0x%llx", text,
			      what, (unsigned long long)max);
		return -1;
	}
	*out = (uint32_t)n;
	return 0;
}

static int parse(int argc, char **argv, struct access *a)
{
	*a = (struct access){ .write = argc > 3 };
	if (parse_number(argv[1], "offset", PCIIF_CONFIG_SIZE - 1, &a->offset) ||
	    (argc > 2 && parse_number(argv[2], "width", 4, &a->width)))
		return -1;
	if (argc > 2 && a->width != 1 && a->width != 2 && a->width != 4) {
		operator_fail("explain: a width is 1, 2 or 4");
		return -1;
	}
	return a->write ? parse_number(argv[3], "value of that width", UINT32_MAX >> (32 - 8 * a->width),
				       &a->value) : 0;
}

/* Of the register that begins there; else a byte. */
static unsigned width_at(const struct filter *f, unsigned offset)
{
	struct config_view v;

	if (offset >= f->rehearsal.dev.info.config_size)
		return 1;
	config_look(f->config, offset, &v);
	return v.offset == offset ? v.width : 1;
}

int run_explain(struct operator *op, int argc, char **argv)
{
	struct outcome o;
	struct place place;
	struct access a;
	struct filter f;
	int rc = 0;

	if (parse(argc, argv, &a))
		return OPERATOR_USAGE;
	if (filter_open_machines(op, argv[0]) || filter_find(op, argv[0], &place) ||
	    filter_open(op, &place, &f))
		return OPERATOR_FAILED;
	if (!a.width)
		a.width = width_at(&f, a.offset);
	perform(&f, &a, &o);
	if (op->json)
		rc = tell(&place, &f, &a, &o);
	else
		print(&place, &f, &a, &o);
	filter_close(&f);
	return rc || o.answer || o.nr_denied ? OPERATOR_FAILED : OPERATOR_OK;
}
