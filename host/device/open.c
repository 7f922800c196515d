/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/provider.h"

static const struct kind {
	const char *word;
	const char *rest; /* where nothing follows the word; NULL: something has to */
	struct provider *(*open)(const char *rest, xentoollog_logger *lg);
} kinds[] = {
	{ "sysfs", "/sys", sysfs_provider_open },
	{ "image", NULL, image_provider_open },
	{ "vfio-user", NULL, vfio_user_provider_open },
};

/* The kind that spec names, and what is behind its colon into *rest; or NULL. */
static const struct kind *find(const char *spec, const char **rest)
{
	size_t len = strcspn(spec, ":");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].word) != len || strncmp(spec, kinds[i].word, len) != 0)
			continue;
		*rest = spec[len] ? spec + len + 1 : kinds[i].rest;
		return *rest && **rest ? &kinds[i] : NULL;
	}
	return NULL;
}

bool provider_is_spec(const char *spec)
{
	const char *rest;

	return find(spec, &rest) != NULL;
}

struct provider *provider_open(const char *spec, xentoollog_logger *lg)
{
	const char *rest;
	const struct kind *kind = find(spec, &rest);

	if (kind)
		return kind->open(rest, lg);
	log_error(lg, "devices \"%s\": neither sysfs, sysfs:ROOT nor image:FILE, nor vfio-user:SOCKET", spec);
	errno = EINVAL;
	return NULL;
}
