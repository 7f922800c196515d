/* SPDX-License-Identifier: MIT */
/* What the kernel announces of PCI functions that change hands. Nothing here logs or waits. */
#ifndef XENPCI_HOST_DEVICE_NEWS_H
#define XENPCI_HOST_DEVICE_NEWS_H

#include <stddef.h>

#include "common/sbdf.h"

#define DEVICE_NEWS_DRIVER_MAX 32

enum device_news_kind {
	DEVICE_NEWS_NOTHING, /* of another bus, or nothing that matters */
	DEVICE_NEWS_GONE,    /* pulled out, or removed by hand */
	DEVICE_NEWS_UNBOUND, /* from the driver that had it */
	DEVICE_NEWS_BOUND,   /* to the driver named */
	DEVICE_NEWS_LOST,    /* some announcements were lost */
};

struct device_news {
	enum device_news_kind kind;
	struct sbdf sbdf;
	char driver[DEVICE_NEWS_DRIVER_MAX]; /* BOUND: printable; may be cut */
};

/* As uevent_listen: a socket that is beside that of backend_bus_listen. */
int device_news_listen(const char *sysfs_root);
/* Takes the next announcement. 0; -1: no more for now. */
int device_news_next(int fd, struct device_news *news);
/* What one says. */
void device_news_parse(const char *text, size_t len, struct device_news *news);

#endif
