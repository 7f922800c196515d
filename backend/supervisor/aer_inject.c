/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/aer_inject.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/recovery.h"
#include "common/log.h"
#include "common/store.h"
#include "common/util.h"

#define STEP "step"
#define RESULT "result"

static void tell(struct backend *be, struct sbdf host, const char *text)
{
	char dir[2 * GUEST_DIR_MAX], buf[SBDF_TEXT], node[NODE_VALUE_MAX];

	snprintf(dir, sizeof(dir), "%s/" AER_INJECT_DIR "/%s", be->successor.dir, node_bdf_format(host, node));
	log_info(be->lg, "%s: error recovery: %s", sbdf_format(host, buf), text);
	if (store_write(be->xen.xs, XBT_NULL, dir, RESULT, "%s", text))
		log_warn(be->lg, "cannot write %s/" RESULT ": %s", dir, strerror(errno));
}

static void run_step(struct backend *be, struct sbdf host, const char *text)
{
	struct claim *claim = claim_find(be, host);
	struct aer_step step;
	struct guest *g;
	int32_t result;
	int rc;

	if (aer_step_parse(text, &step)) {
		tell(be, host, "error: no such step");
		return;
	}
	if (!claim || claim->phase != CLAIM_TAKEN) {
		tell(be, host, "error: no guest has this device");
		return;
	}
	g = claim->guest;
	rc = g->aer.recovering ? fail(EBUSY) : aer_post(g, claim, &step, &result);
	if (rc < 0)
		tell(be, host, "error: a step is in flight");
	else if (rc > 0)
		tell(be, host, pciif_aer_result_name(result));
}

void aer_inject(struct backend *be, const char *dir, const char *path)
{
	size_t len = strlen(dir);
	char bdf[NODE_VALUE_MAX], device[2 * GUEST_DIR_MAX], text[32];
	struct sbdf host;
	size_t n;

	if (strncmp(path, dir, len) || path[len] != '/')
		return;
	path += len + 1;
	n = strcspn(path, "/");
	if (n >= sizeof(bdf) || strcmp(path + n, "/" STEP))
		return;
	snprintf(bdf, sizeof(bdf), "%.*s", (int)n, path);
	snprintf(device, sizeof(device), "%s/%s", dir, bdf);
	/* Our own removal of it comes back here too. */
	if (node_bdf_parse(bdf, &host) ||
	    store_read(be->xen.xs, XBT_NULL, device, STEP, text, sizeof(text)) < 0)
		return;
	store_remove(be->xen.xs, XBT_NULL, device, STEP);
	run_step(be, host, text);
}

void aer_finish(struct guest *g, uint64_t now)
{
	struct sbdf host = g->aer.host;
	int32_t result;

	if (aer_poll(g, now, &result) && !recovery_verdict(g, host, result))
		tell(g->be, host, pciif_aer_result_name(result));
}
