/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

const char *guest_id_name(struct guest_id id, char buf[GUEST_ID_NAME_MAX])
{
	if (id.devid)
		snprintf(buf, GUEST_ID_NAME_MAX, "%" PRIu32 "-%" PRIu32, id.domid, id.devid);
	else
		snprintf(buf, GUEST_ID_NAME_MAX, "%" PRIu32, id.domid);
	return buf;
}

int guest_id_parse(const char *name, struct guest_id *id)
{
	const char *dash = strchr(name, '-');
	char domid[GUEST_ID_NAME_MAX];
	size_t len = dash ? (size_t)(dash - name) : strlen(name);

	*id = (struct guest_id){ 0, 0 };
	if (len >= sizeof(domid))
		return fail(EINVAL);
	memcpy(domid, name, len);
	domid[len] = '\0';
	return number_u32(domid, &id->domid) || (dash && number_u32(dash + 1, &id->devid)) ? -1 : 0;
}
