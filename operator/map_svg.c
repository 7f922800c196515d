/* SPDX-License-Identifier: MIT */
/* The picture of a map: each byte a square that tells its register and rules where the mouse rests. */
#include "operator/map.h"

#include <stdio.h>

enum { CELL = 18, LEFT = 60, WIDTH = 1000, LINE = 18, NOTES = LEFT + MAP_ROW * CELL + 12 };

/* Text of an element: names come from files that others write. */
static void print_text(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '&':
			fputs("&amp;", stdout);
			break;
		default:
			putchar(*text < ' ' || *text > '~' ? '?' : *text);
		}
	}
}

static void print_line(unsigned x, unsigned y, const char *class, const char *text)
{
	printf("<text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	print_text(text);
	puts("</text>");
}

static void print_byte(const struct config_view *v, unsigned at, unsigned x, unsigned y)
{
	char text[256];

	printf("<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"%s\"><title>", x, y, CELL - 1,
	       CELL - 1, map_colours[v->use].picture);
	snprintf(text, sizeof(text), "%03x %s (%03x, %u): reads %s; writes %s; open bits %02x", at, v->field,
		 v->offset, v->width, v->reads, v->writes, v->open);
	print_text(text);
	puts("</title></rect>");
	printf("<text x=\"%u\" y=\"%u\" class=\"l\">%c</text>\n", x + CELL / 2, y + CELL - 5,
	       config_use_letter(v->use));
}

/* The height is known at the end: a picture as large as the largest there can be would be mostly empty. */
void map_svg_begin(void)
{
	puts("<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"monospace\" font-size=\"12\">\n"
	     "<style>.l{text-anchor:middle;font-size:10px}.h{font-weight:bold;font-size:14px}</style>");
}

void map_svg(const struct map *m, unsigned *y)
{
	char text[MAP_NOTE_MAX];

	snprintf(text, sizeof(text), "%s %04x:%04x %s", m->place->name, m->place->fn->info.vendor,
		 m->place->fn->info.device, m->filter->name);
	print_line(10, *y += LINE, "h", text);
	print_line(10, *y += LINE, "n", map_policy(m, text));
	*y += LINE / 2;
	for (unsigned from = 0, nr; from < m->size; from += nr * MAP_ROW) {
		nr = map_alike(m, from);
		snprintf(text, sizeof(text), "%03x", from);
		print_line(10, *y + CELL - 5, "n", text);
		for (unsigned i = 0; i < MAP_ROW; i++)
			print_byte(&m->view[from + i], from + i, LEFT + i * CELL, *y);
		print_line(NOTES, *y + CELL - 5, "n", map_row_note(m, from, text));
		*y += CELL;
		if (nr > 2) {
			snprintf(text, sizeof(text), "... to %03x alike", from + nr * MAP_ROW - 1);
			print_line(LEFT, *y + CELL - 5, "n", text);
			*y += CELL;
		} else {
			nr = 1;
		}
	}
	*y += LINE;
}

void map_svg_end(unsigned y)
{
	for (int use = 0; use < CONFIG_USES_COUNT; use++, y += CELL) {
		printf("<rect x=\"%d\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", LEFT, y, CELL - 1,
		       CELL - 1, map_colours[use].picture);
		printf("<text x=\"%d\" y=\"%u\" class=\"l\">%c</text>\n", LEFT + CELL / 2, y + CELL - 5,
		       config_use_letter((enum config_use)use));
		print_line(LEFT + CELL + 8, y + CELL - 5, "n", config_use_text((enum config_use)use));
	}
	printf("<rect width=\"%d\" height=\"%u\" fill=\"none\" stroke=\"#ccc\"/>\n</svg>\n", WIDTH, y + LINE);
}
