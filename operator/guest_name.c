/* SPDX-License-Identifier: MIT */
#include "operator/guest_name.h"

#include <inttypes.h>
#include <stdio.h>

#include "host/records.h"

const char *guest_name(const char *name, int64_t domid, int64_t devid, char buf[GUEST_NAME_MAX])
{
	char number[48];

	if (devid)
		snprintf(number, sizeof(number), "%" PRId64 "-%" PRId64, domid, devid);
	else
		snprintf(number, sizeof(number), "%" PRId64, domid);
	if (domid == RECORDS_NO_GUEST)
		snprintf(buf, GUEST_NAME_MAX, "-");
	else if (name[0])
		snprintf(buf, GUEST_NAME_MAX, "%s (%s)", name, number);
	else
		snprintf(buf, GUEST_NAME_MAX, "%s", number);
	return buf;
}
