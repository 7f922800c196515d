/* SPDX-License-Identifier: MIT */
/* Which settings fit a device, and which devices a range of addresses. */
#include <stdio.h>
#include <string.h>

#include "host/settings_entry.h"
#include "common/util.h"

#define CLASS_BRIDGE 0x06

/* Whether what fit says of the device itself is so, wherever it is. */
static bool same_device(const struct settings_fit *fit, const struct pcidev_info *info)
{
	if (fit->by_ids && (fit->vendor != info->vendor || fit->device != info->device))
		return false;
	if (fit->by_subsystem && (fit->subsystem_vendor != info->subsystem_vendor ||
				  fit->subsystem_device != info->subsystem_device))
		return false;
	return !fit->by_class || fit->class_code == info->class_code >> 8;
}

static bool fits(const struct settings_entry *e, const struct pcidev_info *info)
{
	return (!e->fit.by_address || sbdf_equal(e->fit.sbdf, info->sbdf)) &&
	       same_device(&e->fit, info);
}

/* The entry is for this address, and for another device there. */
static bool has_moved(const struct settings_entry *e, const struct pcidev_info *info)
{
	return e->fit.by_address && sbdf_equal(e->fit.sbdf, info->sbdf) &&
	       !same_device(&e->fit, info);
}

static void set_source(bool *on, char text[SETTINGS_SOURCE_MAX], const char *source)
{
	if (!*on)
		snprintf(text, SETTINGS_SOURCE_MAX, "%s", source);
	*on = true;
}

/* What the operator has told pciback. */
static void adopt(const struct settings *s, const struct pcidev_info *info,
		  struct settings_policy *out)
{
	struct config_policy *p = &out->policy;
	struct pciback_words words;

	if (!s->sysfs)
		return;
	pciback_read(s->sysfs, info, &words);
	if (words.permissive)
		set_source(&p->permissive, out->permissive_source, words.permissive);
	if (words.interrupt_control)
		set_source(&p->interrupt_control, out->interrupt_control_source,
			   words.interrupt_control);
	for (unsigned i = 0; i < words.nr_quirks && p->nr_quirks < SETTINGS_QUIRKS_MAX; i++)
		out->quirks[p->nr_quirks++] = words.quirk[i];
	out->nr_adopted = words.nr_quirks;
}

void settings_policy(const struct settings *s, const struct pcidev_info *info,
		     const struct node_opts *opts, const char *opts_node,
		     struct settings_policy *out)
{
	struct config_policy *p = &out->policy;

	memset(out, 0, sizeof(*out));
	p->permissive_source = strcpy(out->permissive_source, "default");
	p->interrupt_control_source = strcpy(out->interrupt_control_source, "default");
	p->quirks = out->quirks;
	p->shadow = true;
	if (opts->permissive)
		set_source(&p->permissive, out->permissive_source, opts_node);
	if (opts->interrupt_control)
		set_source(&p->interrupt_control, out->interrupt_control_source, opts_node);
	for (unsigned i = 0; i < s->nr_entries; i++) {
		const struct settings_entry *e = &s->entries[i];

		if (!fits(e, info))
			continue;
		if (e->permissive)
			set_source(&p->permissive, out->permissive_source, e->source);
		if (e->interrupt_control)
			set_source(&p->interrupt_control, out->interrupt_control_source, e->source);
		if (e->is_quirk && p->nr_quirks < SETTINGS_QUIRKS_MAX)
			out->quirks[p->nr_quirks++] = e->quirk;
	}
	adopt(s, info, out);
}

void settings_life(const struct settings *s, const struct pcidev_info *info,
		   struct settings_life *out)
{
	unsigned methods = 0;

	*out = (struct settings_life){ .allow = s->allow, .reset_always = s->reset_always,
				       .idle_d3 = s->idle_d3 };
	memcpy(out->allow_source, s->allow_source, sizeof(out->allow_source));
	for (unsigned i = 0; i < s->nr_entries; i++) {
		const struct settings_entry *e = &s->entries[i];

		if (has_moved(e, info))
			memcpy(out->moved_source, e->source, sizeof(out->moved_source));
		if (e->is_quirk || !fits(e, info))
			continue;
		if (e->allow)
			memcpy(out->allow_source, e->source, sizeof(out->allow_source));
		out->allow |= e->allow;
		methods |= e->methods;
		out->reset_always |= e->reset_always;
		/* Either way, so that one device can be left out; of several the last. */
		if (e->idle_d3_said)
			out->idle_d3 = e->idle_d3;
	}
	out->methods = methods ? methods : RESET_ALL;
	/* "all" names none. */
	out->methods_named = methods && methods != RESET_ALL;
}

bool settings_any_idle_d3(const struct settings *s)
{
	bool any = s->idle_d3;

	for (unsigned i = 0; i < s->nr_entries; i++)
		any |= s->entries[i].idle_d3;
	return any;
}

/* ---- Ranges of addresses ---- */

static bool cut_tail(char *text, const char *tail)
{
	size_t len = strlen(text), n = strlen(tail);

	if (len < n || strcmp(text + len - n, tail))
		return false;
	text[len - n] = '\0';
	return true;
}

int settings_range_parse(const char *text, struct settings_range *out)
{
	struct settings_range range = { 0 };
	char head[SBDF_TEXT], first[SBDF_TEXT + 8];
	const char *rest = "";

	if ((size_t)snprintf(head, sizeof(head), "%s", text) >= sizeof(head))
		return fail(EINVAL);
	if (cut_tail(head, ":*.*")) {
		range.any_slot = range.any_function = true;
		rest = ":0.0";
	} else if (cut_tail(head, ".*")) {
		range.any_function = true;
		rest = ".0";
	}
	snprintf(first, sizeof(first), "%s%s", head, rest);
	if (sbdf_parse(first, &range.first))
		return -1;
	*out = range;
	return 0;
}

bool settings_range_has(const struct settings_range *range, struct sbdf a)
{
	const struct sbdf first = range->first;

	return a.segment == first.segment && a.bus == first.bus &&
	       (range->any_slot || sbdf_slot(a) == sbdf_slot(first)) &&
	       (range->any_function || sbdf_function(a) == sbdf_function(first));
}

static int hide_one(struct settings *s, struct sbdf a)
{
	struct sbdf *grown;

	for (unsigned i = 0; i < s->nr_hide; i++) {
		if (sbdf_equal(s->hide[i], a))
			return 0;
	}
	grown = realloc(s->hide, (s->nr_hide + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	s->hide = grown;
	s->hide[s->nr_hide++] = a;
	return 0;
}

int settings_hide(struct settings *s, const struct settings_range *range)
{
	struct settings_range *grown;

	if (!range->any_slot && !range->any_function)
		return hide_one(s, range->first);
	grown = realloc(s->ranges, (s->nr_ranges + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	s->ranges = grown;
	s->ranges[s->nr_ranges++] = *range;
	return 0;
}

/* A bridge in a range is not meant. */
static bool is_bridge(struct provider *p, struct sbdf a)
{
	struct pcidev *dev = provider_look(p, a);
	bool bridge = !dev || dev->info.class_code >> 16 == CLASS_BRIDGE;

	pcidev_close(dev);
	return bridge;
}

static int expand(struct settings *s, struct provider *p, const struct sbdf *list, int nr)
{
	for (int i = 0; i < nr; i++) {
		bool has = false;

		for (unsigned k = 0; k < s->nr_ranges; k++)
			has |= settings_range_has(&s->ranges[k], list[i]);
		if (has && !is_bridge(p, list[i]) && hide_one(s, list[i]))
			return -1;
	}
	return 0;
}

int settings_expand_hide(struct settings *s, struct provider *p)
{
	struct sbdf *list;
	int nr = 0, rc;

	if (!s->nr_ranges)
		return 0;
	list = provider_list_all(p, &nr);
	if (!list)
		return -1;
	rc = expand(s, p, list, nr);
	free_keep(list);
	return rc;
}
