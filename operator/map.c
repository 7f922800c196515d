/* SPDX-License-Identifier: MIT */
/*
 * xenpci map: config space drawn, as the worker's filter and the gate have it. A live device's registers
 * are read where its table needs it, and nowhere else.
 */
#include "operator/map.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "operator/json.h"

const struct map_colour map_colours[CONFIG_USES_COUNT] = {
	[CONFIG_USE_RAW] = { "1;31", "#e4572e" },
	[CONFIG_USE_RULED] = { "33", "#f3a712" },
	[CONFIG_USE_KEPT] = { "36", "#7cc6c3" },
	[CONFIG_USE_SWITCH] = { "35", "#c79bd0" },
	[CONFIG_USE_NAMED] = { "32", "#a8d08d" },
	[CONFIG_USE_UNLISTED] = { "2", "#eeeeee" },
	[CONFIG_USE_CLOSED] = { "0", "#c4c4c4" },
	[CONFIG_USE_VIRTUAL] = { "34", "#8fb4e3" },
};

static void append(char buf[MAP_NOTE_MAX], const char *comma, const char *text)
{
	size_t n = strlen(buf);

	snprintf(buf + n, MAP_NOTE_MAX - n, "%s%s", n ? comma : "", text);
}

const char *map_row_note(const struct map *m, unsigned from, char buf[MAP_NOTE_MAX])
{
	char text[64];

	buf[0] = '\0';
	if (!from)
		append(buf, ", ", "header");
	for (unsigned i = 0; i < m->nr_caps; i++) {
		const struct capability *c = &m->cap[i];

		if (c->offset < from || c->offset >= from + MAP_ROW)
			continue;
		if (c->name)
			snprintf(text, sizeof(text), "%02x %s", c->offset, c->name);
		else
			snprintf(text, sizeof(text), "%02x capability 0x%x", c->offset, c->id);
		append(buf, ", ", text);
	}
	return buf;
}

const char *map_policy(const struct map *m, char buf[MAP_NOTE_MAX])
{
	const struct config_policy *p = &m->filter->policy.policy;
	char text[MAP_NOTE_MAX / 2];

	buf[0] = '\0';
	if (p->permissive) {
		snprintf(text, sizeof(text), "permissive (%s)", p->permissive_source);
		append(buf, ", ", text);
	}
	if (p->interrupt_control) {
		snprintf(text, sizeof(text), "interrupt_control (%s)", p->interrupt_control_source);
		append(buf, ", ", text);
	}
	if (p->nr_quirks) {
		snprintf(text, sizeof(text), "%u quirk%s", p->nr_quirks, p->nr_quirks == 1 ? "" : "s");
		append(buf, ", ", text);
	}
	if (!buf[0])
		append(buf, "", "nothing is opened by settings or options");
	return buf;
}

static bool same_uses(const struct map *m, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < MAP_ROW; i++)
		if (m->view[a + i].use != m->view[b + i].use)
			return false;
	return true;
}

unsigned map_alike(const struct map *m, unsigned from)
{
	char note[MAP_NOTE_MAX];
	unsigned nr = 1;

	for (unsigned at = from + MAP_ROW; at < m->size; at += MAP_ROW, nr++)
		if (!same_uses(m, from, at) || map_row_note(m, at, note)[0])
			break;
	return nr;
}

static bool in_colour(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static void print_letter(enum config_use use, bool colour)
{
	if (colour)
		printf(" \033[%sm%c\033[0m", map_colours[use].terminal, config_use_letter(use));
	else
		printf(" %c", config_use_letter(use));
}

static void print_row(const struct map *m, unsigned from, bool colour)
{
	char note[MAP_NOTE_MAX];

	printf("%03x:", from);
	for (unsigned i = 0; i < MAP_ROW; i++)
		print_letter(m->view[from + i].use, colour);
	map_row_note(m, from, note);
	printf("%s%s\n", note[0] ? "  " : "", note);
}

static void draw(const struct map *m)
{
	char note[MAP_NOTE_MAX];
	bool colour = in_colour();

	printf("%s %04x:%04x%s%s\n%s\n     0 1 2 3 4 5 6 7 8 9 a b c d e f\n", m->place->name,
	       m->place->fn->info.vendor, m->place->fn->info.device, m->filter->name[0] ? " " : "",
	       m->filter->name, map_policy(m, note));
	for (unsigned from = 0; from < m->size;) {
		unsigned nr = map_alike(m, from);

		print_row(m, from, colour);
		if (nr > 2) {
			printf("  ...  to %03x alike\n", from + nr * MAP_ROW - 1);
			from += nr * MAP_ROW;
		} else {
			from += MAP_ROW;
		}
	}
}

static void print_legend(void)
{
	bool colour = in_colour();

	for (int use = 0; use < CONFIG_USES_COUNT; use++) {
		print_letter((enum config_use)use, colour);
		printf("  %s\n", config_use_text((enum config_use)use));
	}
}

/* ---- JSON ---- */

static int tell_caps(const struct map *m)
{
	for (unsigned i = 0; i < m->nr_caps; i++) {
		struct json j;

		json_begin(&j, JSON_RECORD_capability);
		json_text(&j, JSON_capability_host, m->place->name);
		json_number(&j, JSON_capability_offset, m->cap[i].offset);
		json_number(&j, JSON_capability_id, m->cap[i].id);
		json_flag(&j, JSON_capability_extended, m->cap[i].extended);
		json_text(&j, JSON_capability_name, m->cap[i].name);
		if (json_end(&j))
			return -1;
	}
	return 0;
}

static bool same_run(const struct config_view *a, const struct config_view *b)
{
	bool unlisted = a->field == b->field && a->width == 1 && b->width == 1;

	return a->use == b->use && a->open == b->open && (a->offset == b->offset || unlisted);
}

static int tell(const struct map *m)
{
	unsigned width;

	for (unsigned at = 0; at < m->size; at += width) {
		const struct config_view *v = &m->view[at];
		struct json j;

		for (width = 1; at + width < m->size && same_run(v, &m->view[at + width]); width++)
			;
		json_begin(&j, JSON_RECORD_map);
		json_text(&j, JSON_map_host, m->place->name);
		json_number(&j, JSON_map_offset, at);
		json_number(&j, JSON_map_width, width);
		json_text(&j, JSON_map_field, v->field);
		json_text(&j, JSON_map_use, config_use_name(v->use));
		json_text(&j, JSON_map_letter, (char[]){ config_use_letter(v->use), '\0' });
		json_number(&j, JSON_map_open, v->open);
		json_text(&j, JSON_map_reads, v->reads);
		json_text(&j, JSON_map_writes, v->writes);
		if (json_end(&j))
			return -1;
	}
	return tell_caps(m);
}

/* ---- The command ---- */

static int map_place(struct operator *op, const struct place *place, unsigned *y)
{
	struct filter f;
	struct map *m;
	int rc = -1;

	if (filter_open(op, place, &f))
		return -1;
	m = calloc(1, sizeof(*m));
	if (!m) {
		operator_fail("%s", strerror(errno));
		goto out;
	}
	m->place = place;
	m->filter = &f;
	m->size = f.rehearsal.dev.info.config_size;
	m->nr_caps = capabilities_read(&f.rehearsal.dev, m->cap);
	for (unsigned i = 0; i < m->size; i++)
		config_look(f.config, i, &m->view[i]);
	rc = 0;
	if (op->svg)
		map_svg(m, y);
	else if (op->json)
		rc = tell(m);
	else
		draw(m);
	free_keep(m);
out:
	filter_close(&f);
	return rc;
}

static int map_all(struct operator *op, unsigned *y)
{
	int status = OPERATOR_OK;
	struct place place;

	for (unsigned m = 0; m < op->nr_machines; m++) {
		for (int i = 0; i < op->machine[m].topology.nr; i++) {
			operator_place(op, m, i, &place);
			if (map_place(op, &place, y))
				status = OPERATOR_FAILED;
			else if (!op->svg && !op->json)
				putchar('\n');
		}
	}
	return status;
}

int run_map(struct operator *op, int argc, char **argv)
{
	int status = OPERATOR_OK;
	struct place place;
	unsigned y = 0;

	if (op->svg && op->json) {
		operator_fail("map: --svg or --json, not both");
		return OPERATOR_USAGE;
	}
	if (filter_open_machines(op, argc == 1 ? argv[0] : NULL))
		return OPERATOR_FAILED;
	if (op->svg)
		map_svg_begin();
	if (!argc || (argc == 1 && filter_is_file(argv[0])))
		status = map_all(op, &y);
	else
		for (int k = 0; k < argc; k++) {
			if (operator_find(op, argv[k], &place) || map_place(op, &place, &y))
				status = OPERATOR_FAILED;
			else if (!op->svg && !op->json)
				putchar('\n');
		}
	if (op->svg)
		map_svg_end(y);
	else if (!op->json && (status == OPERATOR_OK || argc != 1))
		print_legend();
	return status;
}
