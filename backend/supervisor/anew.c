/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/anew.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/records.h"
#include "host/settings.h"

static int current = XTL_INFO;

static const struct {
	const char *name;
	xentoollog_level level;
} levels[] = {
#define X(name, level) { #name, XTL_##level },
	RECORDS_LEVELS(X)
#undef X
};

/* ---- Settings ---- */

/* Keeps the first complaint. */
struct listener {
	xentoollog_logger vtable;
	char *text;
	size_t room;
};

__attribute__((format(printf, 5, 0)))
static void hear(xentoollog_logger *lg, xentoollog_level level, int errnoval, const char *context,
		 const char *format, va_list al)
{
	struct listener *l = (struct listener *)lg;

	(void)errnoval;
	(void)context;
	if (level >= XTL_ERROR && !l->text[0])
		vsnprintf(l->text, l->room, format, al);
}

static void ignore_progress(xentoollog_logger *lg, const char *context, const char *doing_what,
			    int percent, unsigned long done, unsigned long total)
{
	(void)lg, (void)context, (void)doing_what, (void)percent, (void)done, (void)total;
}

static void ignore_end(xentoollog_logger *lg)
{
	(void)lg;
}

int anew_check_settings(const char *path, bool must_exist, char *text, size_t room)
{
	struct listener l = { { hear, ignore_progress, ignore_end }, text, room };
	struct settings settings;
	int rc;

	text[0] = '\0';
	settings_init(&settings);
	rc = settings_read(&settings, path, must_exist, &l.vtable);
	if (rc && !text[0])
		snprintf(text, room, "%s: %s", path, strerror(errno));
	settings_dispose(&settings);
	return rc;
}

/* ---- How much is logged ---- */

int anew_set_level(xentoollog_logger *lg, const char *level, char *text, size_t room)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, level) != 0)
			continue;
		/* The program's logger is of that kind (main.c). */
		xtl_stdiostream_set_minlevel((xentoollog_logger_stdiostream *)lg, levels[i].level);
		current = (int)levels[i].level;
		snprintf(text, room, "%s and graver is logged, until it starts anew", level);
		return 0;
	}
	snprintf(text, room, "level: is none of " RECORDS_LEVEL_NAMES);
	return -1;
}

void anew_remember_level(int level)
{
	current = level;
}

const char *anew_level(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if ((int)levels[i].level <= current)
			return levels[i].name;
	return "debug";
}
