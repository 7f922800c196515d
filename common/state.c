/* SPDX-License-Identifier: MIT */
#include "common/state.h"

#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

static const char *const magic[STATE_PARTS_COUNT] = {
#define X(part, word) [STATE_##part] = word,
	STATE_PARTS(X)
#undef X
};

const char *state_nodes(uint32_t own_domid)
{
	return own_domid ? "data/xenpci" : "xenpci";
}

const char *state_head(enum state_part part, unsigned long length, char head[STATE_HEAD_MAX])
{
	head[0] = '\0';
	if (STATE_VERSION > 1)
		snprintf(head, STATE_HEAD_MAX, "%s %d %lu ", magic[part], STATE_VERSION, length);
	return head;
}

static bool begins_with(const char *text, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(text, word, n) && (text[n] == ' ' || !text[n]);
}

int state_open(enum state_part part, char *text, char **inner)
{
	uint64_t version, length;
	char *rest = text;
	const char *word;

	for (int i = 0; i < STATE_PARTS_COUNT; i++)
		if (i != (int)part && begins_with(text, magic[i]))
			return fail(EINVAL);
	if (!begins_with(text, magic[part])) {
		*inner = text;
		return 1;
	}
	strsep(&rest, " ");
	word = strsep(&rest, " ");
	if (!word || number_parse(word, 10, INT32_MAX, &version))
		return fail(EINVAL);
	if (version <= STATE_OLDEST || version > STATE_VERSION)
		return fail(EPROTONOSUPPORT);
	word = strsep(&rest, " ");
	if (!word || !rest || number_parse(word, 10, UINT32_MAX, &length) || length != strlen(rest))
		return fail(EINVAL);
	*inner = rest;
	return (int)version;
}
