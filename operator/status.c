/* SPDX-License-Identifier: MIT */
/* xenpci status: what is given to whom, what is held for guests, and how it stands with them. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/pciback.h"
#include "operator/ask.h"
#include "operator/columns.h"
#include "operator/device_name.h"
#include "operator/guest_name.h"

static const char *const guest_headings[] = { "GUEST", "STATE", "FRONTEND", ">DEVICES", ">REQUESTS", ">REFUSED",
					      ">WORKER", "SINCE", "CONFINED" };
static const char *const device_headings[] = { "HOST", "IN GUEST", "GUEST", "STATE", "IRQ", ">VECTORS",
					       "POLICY", ">REQUESTS", ">REFUSED", "SINCE", "NAME" };

struct status {
	struct operator *op;
	struct columns guests, devices;
	struct record_device *seen; /* all that were told of */
	size_t nr_seen, room;
	char *errors; /* lines, to stand below */
	size_t len;
	FILE *text;   /* into them */
	bool any;
};

static int show_guest(struct status *s, const struct record_guest *g)
{
	char name[96], since[24], when[24];

	s->any = true;
	if (g->error[0])
		fprintf(s->text, "guest %s: last error, %s: %s\n", guest_name(g->name, g->domid, g->devid, name),
			ask_moment(g->error_time, when), g->error);
	return columns_add(&s->guests, "%s\t%s%s\t%s\t%lld\t%lld\t%lld\t%lld\t%s\t%s",
			   guest_name(g->name, g->domid, g->devid, name), g->state, g->hvm ? " (HVM)" : "", g->frontend,
			   (long long)g->devices, (long long)g->requests, (long long)g->refused,
			   (long long)g->worker, ask_moment(g->since, since), g->confined);
}

/* "permissive (opts-0), 2 quirks", "default" */
static void policy_text(const struct record_device *d, char *out, size_t room)
{
	int n = 0;

	out[0] = '\0';
	if (d->permissive)
		n = snprintf(out, room, "permissive (%s)", d->permissive_source);
	if (d->interrupt_control && n >= 0 && (size_t)n < room)
		n += snprintf(out + n, room - (size_t)n, "%sinterrupt_control (%s)", n ? ", " : "",
			      d->interrupt_control_source);
	if (d->quirks && n >= 0 && (size_t)n < room)
		n += snprintf(out + n, room - (size_t)n, "%s%lld quirk%s", n ? ", " : "",
			      (long long)d->quirks, d->quirks == 1 ? "" : "s");
	if (!n && d->domid != RECORDS_NO_GUEST)
		snprintf(out, room, "default");
}

static int remember(struct status *s, const struct record_device *d)
{
	if (s->nr_seen == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct record_device *grown = realloc(s->seen, room * sizeof(*grown));

		if (!grown)
			return -1;
		s->seen = grown;
		s->room = room;
	}
	s->seen[s->nr_seen++] = *d;
	return 0;
}

static int show_device(struct status *s, struct record_device *d)
{
	char name[96], since[24], policy[320];

	s->any = true;
	if (remember(s, d))
		return -1;
	policy_text(d, policy, sizeof(policy));
	if (d->error[0])
		fprintf(s->text, "%s: %s\n", d->host, d->error);
	return columns_add(&s->devices, "%s\t%s\t%s\t%s\t%s\t%lld\t%s\t%lld\t%lld\t%s\t%s", d->host,
			   d->guest_address, guest_name(d->guest, d->domid, d->devid, name), d->state, d->irq,
			   (long long)d->vectors, policy, (long long)d->requests, (long long)d->refused,
			   ask_moment(d->since, since), d->name);
}

/* A device's record with the name that only we have. */
static void print_json(const struct answer *a)
{
	struct json_object *o;

	if (a->kind != RECORD_OF_device) {
		fputs(a->line, stdout);
		return;
	}
	o = json_tokener_parse(a->line);
	json_object_object_add(o, "name", json_object_new_string(a->record.device.name));
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static int show(struct status *s, struct answer *a)
{
	struct record_device *d = &a->record.device;
	char since[24];

	if (a->kind == RECORD_OF_device)
		device_name((uint16_t)d->vendor, (uint16_t)d->device, d->name, sizeof(d->name));
	if (s->op->json) {
		s->any |= a->kind != RECORD_OF_daemon;
		print_json(a);
		return a->kind == RECORD_OF_device ? remember(s, d) : 0;
	}
	switch (a->kind) {
	case RECORD_OF_daemon:
		printf("xenpcid %s: %s since %s, process %lld", a->record.daemon.program,
		       a->record.daemon.phase, ask_moment(a->record.daemon.since, since),
		       (long long)a->record.daemon.pid);
		if (a->record.daemon.keeper)
			printf(", keeper %lld", (long long)a->record.daemon.keeper);
		printf("\n");
		if (a->record.daemon.denied[0])
			printf("in domain %lld Xen refuses it: %s\n", (long long)a->record.daemon.domain,
			       a->record.daemon.denied);
		return 0;
	case RECORD_OF_guest:
		return show_guest(s, &a->record.guest);
	case RECORD_OF_device:
		return show_device(s, d);
	default:
		return 0;
	}
}

/* ---- What is held for guests, and nobody has ---- */

static int show_held(struct status *s, const struct topology_function *fn)
{
	struct answer a = { .kind = RECORD_OF_device };
	struct record_device *d = &a.record.device;
	char name[SBDF_TEXT];

	*d = (struct record_device){ .domid = RECORDS_NO_GUEST, .vendor = fn->info.vendor,
				     .device = fn->info.device, .class = fn->info.class_code };
	snprintf(d->host, sizeof(d->host), "%s", sbdf_format(fn->info.sbdf, name));
	snprintf(d->state, sizeof(d->state), "%s", fn->d3hot || fn->d3cold ? "asleep" : "held");
	snprintf(d->irq, sizeof(d->irq), "none");
	snprintf(a.line, sizeof(a.line),
		 "{\"record\":\"device\",\"host\":\"%s\",\"domid\":-1,\"devid\":0,\"state\":\"%s\",\"irq\":\"none\","
		 "\"vendor\":%lld,\"device\":%lld,\"class\":%lld}\n", d->host, d->state,
		 (long long)d->vendor, (long long)d->device, (long long)d->class);
	return show(s, &a);
}

static bool was_seen(const struct status *s, struct sbdf host)
{
	char name[SBDF_TEXT];

	sbdf_format(host, name);
	for (size_t i = 0; i < s->nr_seen; i++)
		if (!strcmp(s->seen[i].host, name))
			return true;
	return false;
}

static int show_all_held(struct status *s, const struct sbdf *only)
{
	if (operator_open_machines(s->op))
		return 0; /* it was told; what xenpcid has stands all the same */
	for (unsigned m = 0; m < s->op->nr_machines; m++) {
		const struct topology *t = &s->op->machine[m].topology;

		for (int i = 0; i < t->nr; i++) {
			const struct topology_function *fn = &t->function[i];

			if (strcmp(fn->driver, PCIBACK_DRIVER) != 0 || was_seen(s, fn->info.sbdf) ||
			    (only && !sbdf_equal(*only, fn->info.sbdf)))
				continue;
			if (show_held(s, fn))
				return -1;
		}
	}
	return 0;
}

static int run(struct status *s, const struct question *q, const struct sbdf *device)
{
	struct answer a = { .fd = -1 };
	int status = ask_open(s->op, q, false, &a), rc;

	if (status)
		return status;
	while ((rc = ask_next(&a, -1)) == 1) {
		if (show(s, &a)) {
			rc = operator_fail("%s", strerror(errno));
			break;
		}
	}
	ask_close(&a);
	if (rc)
		return OPERATOR_FAILED;
	if (!q->who && show_all_held(s, device))
		return operator_fail("%s", strerror(errno));
	if (!s->any && (q->who || device))
		return operator_fail("xenpcid serves no such %s, and none is held: %s",
				     device ? "device" : "guest", device ? q->device : q->who);
	columns_print(&s->guests);
	if (s->guests.rows > 1 && s->devices.rows > 1)
		putchar('\n');
	columns_print(&s->devices);
	fflush(s->text);
	if (s->len)
		printf("\n%s", s->errors);
	return OPERATOR_OK;
}

int run_status(struct operator *op, int argc, char **argv)
{
	struct question q = { .command = COMMAND_status };
	struct status s = { .op = op };
	char name[SBDF_TEXT];
	struct sbdf device;
	bool is_device = argc && !sbdf_parse(argv[0], &device);
	int status = OPERATOR_FAILED;

	if (is_device)
		q.device = sbdf_format(device, name);
	else if (argc)
		q.who = argv[0];
	s.text = open_memstream(&s.errors, &s.len);
	if (s.text && !columns_init(&s.guests, ARRAY_SIZE(guest_headings), guest_headings) &&
	    !columns_init(&s.devices, ARRAY_SIZE(device_headings), device_headings))
		status = run(&s, &q, is_device ? &device : NULL);
	else
		operator_fail("%s", strerror(errno));
	columns_dispose(&s.guests);
	columns_dispose(&s.devices);
	if (s.text)
		fclose(s.text);
	free(s.errors);
	free(s.seen);
	return status;
}
