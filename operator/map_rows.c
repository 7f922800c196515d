/* SPDX-License-Identifier: MIT */
/* What a map's rows have to say, however they are drawn. */
#include "operator/map.h"

#include <stdio.h>
#include <string.h>

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
