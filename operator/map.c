/* SPDX-License-Identifier: MIT */
/*
 * xenpci map: config space drawn, as the worker's filter and the gate have it. A live device's registers
 * are read where its table needs it, and nowhere else.
 */
#include "operator/map.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "operator/json.h"

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
