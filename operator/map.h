/* SPDX-License-Identifier: MIT */
/* A device's config space as it is drawn. Private to map.c, map_rows.c and map_svg.c. */
#ifndef XENPCI_OPERATOR_MAP_H
#define XENPCI_OPERATOR_MAP_H

#include "backend/config/view.h"
#include "operator/capability.h"
#include "operator/filter.h"

enum { MAP_SPACE = 4096, MAP_ROW = 16, MAP_NOTE_MAX = 512 };

struct map {
	const struct place *place;
	const struct filter *filter;
	unsigned size; /* bytes of the space */
	struct config_view view[MAP_SPACE];
	struct capability cap[CAPABILITIES_MAX];
	unsigned nr_caps;
};

/* What each use looks like: a terminal's colour and a picture's, in order of enum config_use. */
struct map_colour {
	const char *terminal; /* the number of an SGR sequence */
	const char *picture;
};
extern const struct map_colour map_colours[CONFIG_USES_COUNT];

/* Row `from` and how many below it (itself counted) are alike, with nothing that begins there. */
unsigned map_alike(const struct map *m, unsigned from);
/* "header", "c8 power management, d0 MSI": what begins in the row. Returns buf. */
const char *map_row_note(const struct map *m, unsigned from, char buf[MAP_NOTE_MAX]);
/* "82574L ... as its guest has it: permissive (from ...)": the title's second line. Returns buf. */
const char *map_policy(const struct map *m, char buf[MAP_NOTE_MAX]);
/* The devices' picture is one file: before, each, and after. y is where the next one goes. */
void map_svg_begin(void);
void map_svg(const struct map *m, unsigned *y);
void map_svg_end(unsigned y);

#endif
