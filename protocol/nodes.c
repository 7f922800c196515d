/* SPDX-License-Identifier: MIT */
#include "protocol/nodes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

const char *node_numbered(const char *fmt, unsigned n, char buf[NODE_NAME_MAX])
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, NODE_NAME_MAX, fmt, n);
#pragma GCC diagnostic pop
	return buf;
}

const char *node_vdev_format(struct sbdf a, char buf[NODE_VALUE_MAX])
{
	snprintf(buf, NODE_VALUE_MAX, "%04x:%02x:%02x.%02x", a.segment, a.bus, sbdf_slot(a),
		 sbdf_function(a));
	return buf;
}

int node_vdev_parse(const char *text, struct sbdf *out)
{
	char plain[NODE_VALUE_MAX];
	const char *dot = text ? strrchr(text, '.') : NULL;
	size_t head;

	if (!dot || strlen(text) >= sizeof(plain))
		return fail(EINVAL);
	head = (size_t)(dot - text) + 1;
	memcpy(plain, text, head);
	/* The function's leading zero is this node's own; the rest is a plain address. */
	if (dot[1] == '0' && dot[2])
		dot++;
	snprintf(plain + head, sizeof(plain) - head, "%s", dot + 1);
	return node_dev_parse(plain, out);
}

const char *node_root_format(struct node_root r, char buf[NODE_VALUE_MAX])
{
	snprintf(buf, NODE_VALUE_MAX, "%04x:%02x", r.segment, r.bus);
	return buf;
}

int node_root_parse(const char *text, struct node_root *out)
{
	char device[NODE_VALUE_MAX + 8];
	struct sbdf a;

	if (!text || strlen(text) >= NODE_VALUE_MAX)
		return fail(EINVAL);
	snprintf(device, sizeof(device), "%s:00.0", text);
	if (node_dev_parse(device, &a))
		return -1;
	out->segment = a.segment;
	out->bus = a.bus;
	return 0;
}

const char *node_bdf_format(struct sbdf a, char buf[NODE_VALUE_MAX])
{
	snprintf(buf, NODE_VALUE_MAX, "%04x-%02x-%02x-%x", a.segment, a.bus, sbdf_slot(a),
		 sbdf_function(a));
	return buf;
}

int node_bdf_parse(const char *text, struct sbdf *out)
{
	static const char separators[] = "::.";
	char plain[NODE_VALUE_MAX];
	size_t n = 0;

	if (!text || strlen(text) >= sizeof(plain))
		return fail(EINVAL);
	memcpy(plain, text, strlen(text) + 1);
	for (char *p = plain; *p; p++) {
		if (*p == ':' || *p == '.' || (*p == '-' && n == strlen(separators)))
			return fail(EINVAL);
		if (*p == '-')
			*p = separators[n++];
	}
	return node_dev_parse(plain, out);
}

int node_dev_parse(const char *text, struct sbdf *out)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	/* A second colon: the segment is there. sbdf_parse checks everything else. */
	if (!colon || !strchr(colon + 1, ':'))
		return fail(EINVAL);
	return sbdf_parse(text, out);
}

/* The switches of opts-N, each 0 or 1. */
static const struct {
	const char *key;
	size_t offset;
} switches[] = {
	{ "msitranslate", offsetof(struct node_opts, msitranslate) },
	{ "power_mgmt", offsetof(struct node_opts, power_mgmt) },
	{ "permissive", offsetof(struct node_opts, permissive) },
	{ "interrupt_control", offsetof(struct node_opts, interrupt_control) },
};

static int set_option(struct node_opts *out, const char *key, const char *value)
{
	if (!strcmp(key, "rdm_policy")) {
		/* Some toolstacks write libxl's number of it. */
		out->rdm_relaxed = !strcmp(value, "relaxed") || !strcmp(value, "1");
		return out->rdm_relaxed || !strcmp(value, "strict") || !strcmp(value, "0") ? 0
											    : fail(EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		uint64_t on;

		if (strcmp(key, switches[i].key))
			continue;
		if (number_parse(value, 10, 1, &on))
			return fail(EINVAL);
		*(bool *)((char *)out + switches[i].offset) = on;
		return 0;
	}
	return fail(EINVAL);
}

static void keep_bad(char bad[NODE_OPTS_BAD_MAX], const char *item, size_t len)
{
	size_t n = len < NODE_OPTS_BAD_MAX - 1 ? len : NODE_OPTS_BAD_MAX - 1;

	for (size_t i = 0; i < n; i++)
		bad[i] = isprint((unsigned char)item[i]) ? item[i] : '?';
	bad[n] = 0;
}

int node_opts_parse(const char *text, struct node_opts *out, char bad[NODE_OPTS_BAD_MAX])
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	bad[0] = 0;
	while (text && *text) {
		size_t len = strcspn(text, ",");
		char item[NODE_OPTS_BAD_MAX];
		char *equals;

		keep_bad(item, text, len);
		equals = strchr(item, '=');
		if (equals)
			*equals++ = 0;
		if ((len >= sizeof(item) || !equals || set_option(out, item, equals)) && !rc) {
			keep_bad(bad, text, len);
			rc = -1;
		}
		text += len + (text[len] == ',');
	}
	return rc ? fail(EINVAL) : 0;
}
