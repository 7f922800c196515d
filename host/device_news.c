/* SPDX-License-Identifier: MIT */
#include "host/device_news.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "host/uevent.h"

int device_news_listen(const char *sysfs_root)
{
	return uevent_listen(sysfs_root, ".pci");
}

static enum device_news_kind kind_of(const char *text)
{
	static const struct {
		const char *action;
		enum device_news_kind kind;
	} actions[] = {
		{ "remove@", DEVICE_NEWS_GONE },
		{ "unbind@", DEVICE_NEWS_UNBOUND },
		{ "bind@", DEVICE_NEWS_BOUND },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strncmp(text, actions[i].action, strlen(actions[i].action)))
			return actions[i].kind;
	return DEVICE_NEWS_NOTHING;
}

void device_news_parse(const char *text, size_t len, struct device_news *news)
{
	const char *subsystem, *path, *last, *driver;

	memset(news, 0, sizeof(*news));
	if (!len || text[len - 1])
		return;
	subsystem = uevent_value(text, len, "SUBSYSTEM=");
	path = uevent_value(text, len, "DEVPATH=");
	last = path ? strrchr(path, '/') : NULL;
	if (!subsystem || strcmp(subsystem, "pci") != 0 || !last || sbdf_parse(last + 1, &news->sbdf))
		return;
	news->kind = kind_of(text);
	driver = uevent_value(text, len, "DRIVER=");
	for (size_t i = 0; driver && driver[i] && i < sizeof(news->driver) - 1; i++)
		news->driver[i] = (char)(isprint((unsigned char)driver[i]) ? driver[i] : '?');
}

int device_news_next(int fd, struct device_news *news)
{
	char text[UEVENT_MAX];
	ssize_t n = uevent_receive(fd, text);

	memset(news, 0, sizeof(*news));
	if (n < 0 && errno == ENOBUFS)
		news->kind = DEVICE_NEWS_LOST;
	else if (n < 0)
		return -1;
	else
		device_news_parse(text, (size_t)n, news);
	return 0;
}
