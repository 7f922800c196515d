/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/provider.h"

struct provider *provider_open(const char *spec, xentoollog_logger *lg)
{
	if (!strcmp(spec, "sysfs"))
		return sysfs_provider_open("/sys", lg);
	if (!strncmp(spec, "sysfs:", 6) && spec[6])
		return sysfs_provider_open(spec + 6, lg);
	if (!strncmp(spec, "image:", 6) && spec[6])
		return image_provider_open(spec + 6, lg);
	if (!strncmp(spec, "vfio-user:", 10) && spec[10])
		return vfio_user_provider_open(spec + 10, lg);
	log_error(lg, "devices \"%s\": neither sysfs, sysfs:ROOT nor image:FILE, nor vfio-user:SOCKET", spec);
	errno = EINVAL;
	return NULL;
}
