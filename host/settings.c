/* SPDX-License-Identifier: MIT */
#include "host/settings_entry.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"

#define PATH_SHOWN 96 /* bytes of the file's name that a source text shows */

enum key_type { KEY_FLAG, KEY_NUMBER, KEY_TEXT, KEY_WORDS };

/* A key of a group: where its value goes, and what it may be. */
struct key {
	const char *name;
	enum key_type type;
	uint64_t max; /* of a number */
	void *value;  /* bool *, uint64_t *, const char **, unsigned * (a set) */
	bool *seen;   /* NULL, or set when present */
	unsigned (*word)(const char *word); /* the set that a word of KEY_WORDS stands for; 0: none */
};

struct reader {
	const char *path;
	xentoollog_logger *lg;
};

static int wrong(struct reader *r, const config_setting_t *at, const char *what)
{
	log_error(r->lg, "%s:%u: %s%s%s", r->path, config_setting_source_line(at),
		  config_setting_name(at) ? config_setting_name(at) : "",
		  config_setting_name(at) ? ": " : "", what);
	return fail(EINVAL);
}

/* ["word", "word"], together a set. */
static int take_words(struct reader *r, const config_setting_t *at, const struct key *key)
{
	unsigned *set = key->value;
	char text[64];

	if (config_setting_type(at) != CONFIG_TYPE_ARRAY)
		return wrong(r, at, "must be an array: [ \"...\", ... ]");
	for (int i = 0; i < config_setting_length(at); i++) {
		const char *word = config_setting_get_string_elem(at, i);
		unsigned bits = word ? key->word(word) : 0;

		if (!bits) {
			snprintf(text, sizeof(text), "does not know \"%.40s\"", word ? word : "(no text)");
			return wrong(r, at, text);
		}
		*set |= bits;
	}
	return 0;
}

static int take_value(struct reader *r, const config_setting_t *at, const struct key *key)
{
	int type = config_setting_type(at);
	long long n;

	if (key->seen)
		*key->seen = true;
	switch (key->type) {
	case KEY_FLAG:
		if (type != CONFIG_TYPE_BOOL)
			return wrong(r, at, "must be true or false");
		*(bool *)key->value = config_setting_get_bool(at);
		return 0;
	case KEY_NUMBER:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			return wrong(r, at, "must be a number");
		n = config_setting_get_int64(at);
		/* A 32-bit mask with its top bit set comes as a negative int. */
		if (type == CONFIG_TYPE_INT && key->max == UINT32_MAX)
			n = (uint32_t)n;
		if (n < 0 || (unsigned long long)n > key->max)
			return wrong(r, at, "is out of range");
		*(uint64_t *)key->value = (uint64_t)n;
		return 0;
	case KEY_TEXT:
		if (type != CONFIG_TYPE_STRING)
			return wrong(r, at, "must be a text in quotes");
		*(const char **)key->value = config_setting_get_string(at);
		return 0;
	case KEY_WORDS:
		return take_words(r, at, key);
	}
	return fail(EINVAL);
}

/* Reads a group's members by the table of its keys. */
static int take_group(struct reader *r, const config_setting_t *group, const struct key *keys,
		      size_t nr_keys)
{
	if (!config_setting_is_group(group))
		return wrong(r, group, "must be a group: { key = value; ... }");
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);
		size_t k = 0;

		while (k < nr_keys && strcmp(keys[k].name, config_setting_name(at)))
			k++;
		if (k == nr_keys)
			return wrong(r, at, "unknown key");
		if (keys[k].value && take_value(r, at, &keys[k]))
			return -1;
	}
	return 0;
}

/* What says whom an entry fits, as the file has it. */
struct fit_text {
	const char *bdf;
	uint64_t vendor, device, subsystem_vendor, subsystem_device, class_code;
	bool has_vendor, has_device, has_subsystem_vendor, has_subsystem_device, has_class;
};

#define FIT_KEYS(fit) \
	{ "bdf", KEY_TEXT, 0, &(fit)->bdf, NULL, NULL }, \
	{ "vendor", KEY_NUMBER, UINT16_MAX, &(fit)->vendor, &(fit)->has_vendor, NULL }, \
	{ "device", KEY_NUMBER, UINT16_MAX, &(fit)->device, &(fit)->has_device, NULL }, \
	{ "subsystem_vendor", KEY_NUMBER, UINT16_MAX, &(fit)->subsystem_vendor, \
	  &(fit)->has_subsystem_vendor, NULL }, \
	{ "subsystem_device", KEY_NUMBER, UINT16_MAX, &(fit)->subsystem_device, \
	  &(fit)->has_subsystem_device, NULL }, \
	{ "class", KEY_NUMBER, UINT16_MAX, &(fit)->class_code, &(fit)->has_class, NULL }

/* Ids come in pairs, and something must say whom it fits. */
static int take_fit(struct reader *r, const config_setting_t *group, struct settings_entry *e,
		    const struct fit_text *text)
{
	if (text->has_vendor != text->has_device ||
	    text->has_subsystem_vendor != text->has_subsystem_device ||
	    (!text->bdf && !text->has_vendor && !text->has_class))
		return wrong(r, group, "needs either bdf, or vendor and device, or class; vendor and "
			     "device go together, subsystem_vendor and subsystem_device, too");
	e->fit = (struct settings_fit){
		.by_address = text->bdf,
		.by_ids = text->has_vendor,
		.by_subsystem = text->has_subsystem_vendor,
		.by_class = text->has_class,
		.vendor = (uint16_t)text->vendor,
		.device = (uint16_t)text->device,
		.subsystem_vendor = (uint16_t)text->subsystem_vendor,
		.subsystem_device = (uint16_t)text->subsystem_device,
		.class_code = (uint16_t)text->class_code,
	};
	if (text->bdf && sbdf_parse(text->bdf, &e->fit.sbdf))
		return wrong(r, config_setting_get_member(group, "bdf"),
			     "must be an address like \"0000:03:00.0\"");
	return 0;
}

static int take_device(struct reader *r, const config_setting_t *group, struct settings_entry *e)
{
	struct fit_text fit = { 0 };
	const struct key keys[] = {
		FIT_KEYS(&fit),
		{ "permissive", KEY_FLAG, 0, &e->permissive, NULL, NULL },
		{ "interrupt_control", KEY_FLAG, 0, &e->interrupt_control, NULL, NULL },
		{ "allow", KEY_WORDS, 0, &e->allow, NULL, assignable_rules_parse },
		{ "reset", KEY_WORDS, 0, &e->methods, NULL, reset_methods_parse },
		{ "reset_always", KEY_FLAG, 0, &e->reset_always, NULL, NULL },
		{ "idle_d3", KEY_FLAG, 0, &e->idle_d3, &e->idle_d3_said, NULL },
	};

	if (take_group(r, group, keys, ARRAY_SIZE(keys)))
		return -1;
	return take_fit(r, group, e, &fit);
}

static int take_quirk(struct reader *r, const config_setting_t *group, struct settings_entry *e)
{
	uint64_t offset = 0, width = 0, mask = UINT32_MAX;
	struct fit_text fit = { 0 };
	const char *reason = NULL;
	bool has_offset = false;
	const struct key keys[] = {
		FIT_KEYS(&fit),
		{ "offset", KEY_NUMBER, PCIIF_CONFIG_SIZE - 1, &offset, &has_offset, NULL },
		{ "width", KEY_NUMBER, 4, &width, NULL, NULL },
		{ "mask", KEY_NUMBER, UINT32_MAX, &mask, NULL, NULL },
		{ "reason", KEY_TEXT, 0, &reason, NULL, NULL },
	};

	if (take_group(r, group, keys, ARRAY_SIZE(keys)))
		return -1;
	e->is_quirk = true;
	if (take_fit(r, group, e, &fit))
		return -1;
	if (!has_offset || !reason || !*reason)
		return wrong(r, group, "a quirk needs offset, width and reason");
	if (width != 1 && width != 2 && width != 4)
		return wrong(r, group, "width must be 1, 2 or 4");
	if (offset % width)
		return wrong(r, group, "offset must be a multiple of width");
	if (width < 4 && mask != UINT32_MAX && mask >> (8 * width))
		return wrong(r, group, "mask has bits beyond width");
	if (!mask)
		return wrong(r, group, "mask is 0, which opens nothing");
	e->quirk = (struct config_quirk){
		.offset = (uint16_t)offset, .width = (uint8_t)width, .mask = (uint32_t)mask,
	};
	if (width < 4)
		e->quirk.mask &= (1u << (8 * width)) - 1;
	return 0;
}

typedef int take_entry(struct reader *r, const config_setting_t *group, struct settings_entry *e);

/* Appends the elements of list `name` to the entries. */
static int take_list(struct reader *r, config_t *cfg, const char *name, take_entry *take,
		     struct settings *s)
{
	config_setting_t *list = config_lookup(cfg, name);
	struct settings_entry *grown;
	int n = list ? config_setting_length(list) : 0;

	if (!list)
		return 0;
	if (!config_setting_is_list(list))
		return wrong(r, list, "must be a list: ( { ... }, ... )");
	if (!n)
		return 0;
	grown = realloc(s->entries, (s->nr_entries + (unsigned)n) * sizeof(*grown));
	if (!grown)
		return -1;
	s->entries = grown;
	for (int i = 0; i < n; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		struct settings_entry *e = &s->entries[s->nr_entries];

		memset(e, 0, sizeof(*e));
		snprintf(e->source, sizeof(e->source), "%.*s:%u", PATH_SHOWN, r->path,
			 config_setting_source_line(group));
		if (take(r, group, e))
			return -1;
		s->nr_entries++;
	}
	return 0;
}

static int take_hidden(struct reader *r, config_t *cfg, struct settings *s)
{
	const config_setting_t *list = config_lookup(cfg, "hide");
	struct settings_range range;

	if (list && config_setting_type(list) != CONFIG_TYPE_ARRAY)
		return wrong(r, list, "must be an array: [ \"0000:03:00.0\", ... ]");
	for (int i = 0; list && i < config_setting_length(list); i++) {
		const char *text = config_setting_get_string_elem(list, i);

		if (!text || settings_range_parse(text, &range))
			return wrong(r, list, "must hold addresses like \"0000:03:00.0\", "
				     "\"0000:03:00.*\", \"0000:03:*.*\"");
		if (settings_hide(s, &range))
			return -1;
	}
	return 0;
}

static const struct {
	const char *name;
	const char *text;
} aer_failed[] = {
#define X(id, name, text) { name, text },
	SETTINGS_AER_FAILED(X)
#undef X
};

const char *settings_aer_failed_name(enum settings_aer_failed what)
{
	return aer_failed[what].text;
}

static int take_aer_failed(struct reader *r, config_t *cfg, const char *name, struct settings *s)
{
	for (unsigned i = 0; name && i < ARRAY_SIZE(aer_failed); i++) {
		if (!strcmp(aer_failed[i].name, name)) {
			s->aer_failed = i;
			return 0;
		}
	}
	return name ? wrong(r, config_lookup(cfg, "aer_failed"),
			    "must be \"detach\", \"pause\" or \"destroy\"") : 0;
}

static int take_file(struct reader *r, config_t *cfg, struct settings *s)
{
	uint64_t warning = s->answer_warning_ms, aer = s->aer_timeout_ms, poll = s->poll_us;
	uint64_t reset = s->reset_wait_ms, idle = s->idle_d3_after_ms;
	const char *slots = slots_mode_name(s->slots), *failed = NULL;
	const struct key keys[] = {
		{ "slots", KEY_TEXT, 0, &slots, &s->slots_said, NULL },
		{ "answer_warning_ms", KEY_NUMBER, 60000, &warning, NULL, NULL },
		{ "aer_timeout_ms", KEY_NUMBER, 300000, &aer, NULL, NULL },
		{ "reset_wait_ms", KEY_NUMBER, 600000, &reset, NULL, NULL },
		{ "poll_us", KEY_NUMBER, 10000, &poll, NULL, NULL },
		{ "aer_failed", KEY_TEXT, 0, &failed, NULL, NULL },
		{ "reset_always", KEY_FLAG, 0, &s->reset_always, NULL, NULL },
		{ "idle_d3", KEY_FLAG, 0, &s->idle_d3, NULL, NULL },
		{ "idle_d3_after_ms", KEY_NUMBER, 3600000, &idle, NULL, NULL },
		{ "allow", KEY_WORDS, 0, &s->allow, NULL, assignable_rules_parse },
		{ "hide", KEY_TEXT, 0, NULL, NULL, NULL },
		{ "devices", KEY_TEXT, 0, NULL, NULL, NULL },
		{ "quirks", KEY_TEXT, 0, NULL, NULL, NULL },
	};

	if (take_group(r, config_root_setting(cfg), keys, ARRAY_SIZE(keys)))
		return -1;
	if (slots_mode_parse(slots, &s->slots))
		return wrong(r, config_lookup(cfg, "slots"), "must be \"vpci\" or \"passthrough\"");
	s->answer_warning_ms = (uint32_t)warning;
	s->aer_timeout_ms = (uint32_t)aer;
	s->reset_wait_ms = (uint32_t)reset;
	s->poll_us = (uint32_t)poll;
	s->idle_d3_after_ms = (uint32_t)idle;
	if (s->allow)
		snprintf(s->allow_source, sizeof(s->allow_source), "%.*s:%u", PATH_SHOWN, r->path,
			 config_setting_source_line(config_lookup(cfg, "allow")));
	if (take_aer_failed(r, cfg, failed, s) || take_hidden(r, cfg, s))
		return -1;
	if (take_list(r, cfg, "devices", take_device, s))
		return -1;
	return take_list(r, cfg, "quirks", take_quirk, s);
}

void settings_init(struct settings *s)
{
	*s = (struct settings){
		.slots = SLOTS_VPCI,
		.answer_warning_ms = 500,
		.aer_timeout_ms = 5000,
		.reset_wait_ms = RESET_PATIENCE_MS,
		.poll_us = 1000,
		.idle_d3_after_ms = 10000,
	};
}

/* All of the file, to be freed: libconfig's own reader ends the process where reading fails. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!file)
		return NULL;
	n = getdelim(&text, &size, '\0', file);
	if (n < 0 && feof(file)) {
		free_keep(text);
		text = strdup("");
	} else if (n < 0 || !text[n - 1]) {
		if (n > 0)
			errno = EILSEQ; /* no text: a zero byte */
		free_keep(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

int settings_read(struct settings *s, const char *path, bool must_exist, xentoollog_logger *lg)
{
	struct reader r = { .path = path, .lg = lg };
	char *text = read_text(path);
	config_t cfg;
	int rc = -1;

	settings_init(s);
	if (!text) {
		if (errno == ENOENT && !must_exist)
			return 0;
		log_error(lg, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	config_init(&cfg);
	if (config_read_string(&cfg, text)) {
		rc = take_file(&r, &cfg, s);
	} else {
		log_error(lg, "%s:%d: %s", path, config_error_line(&cfg), config_error_text(&cfg));
		errno = EINVAL;
	}
	config_destroy(&cfg);
	free(text);
	if (rc) {
		settings_dispose(s);
		errno = EINVAL;
	}
	return rc;
}

void settings_dispose(struct settings *s)
{
	free(s->entries);
	free(s->hide);
	free(s->ranges);
	settings_init(s);
}

/* "(0000:03:00.0)(04:00.*)" */
static void hide_all(struct settings *s, char *text, xentoollog_logger *lg)
{
	char *save, *word = strtok_r(text, "()", &save);
	struct settings_range range;

	for (; word; word = strtok_r(NULL, "()", &save)) {
		if (settings_range_parse(word, &range))
			log_warn(lg, "xen-pciback's hide: \"%s\" is not understood", word);
		else if (!settings_hide(s, &range))
			log_info(lg, "%s: to be held for guests (xen-pciback's hide)", word);
	}
}

void settings_adopt_pciback(struct settings *s, const char *sysfs, xentoollog_logger *lg)
{
	char text[PCIBACK_HIDE_MAX];

	s->sysfs = sysfs;
	if (!s->slots_said && pciback_parameter(sysfs, "passthrough")) {
		s->slots = SLOTS_PASSTHROUGH;
		log_info(lg, "slots = \"passthrough\": xen-pciback's parameter passthrough is on");
	}
	if (pciback_hidden(sysfs, text))
		hide_all(s, text, lg);
}
