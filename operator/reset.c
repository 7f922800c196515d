/* SPDX-License-Identifier: MIT */
/*
 * xenpci reset: what pciback's do_flr was to be. Everything that is reset must be held for guests,
 * and used by none, unless --force is given.
 */
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/asleep.h"
#include "operator/operator.h"
#include "operator/progress.h"

/* Tells Xen of everybody who was reset; guests that had it are warned of. */
static void tell(struct operator *op, const struct place *place, const struct reset_result *result)
{
	const struct topology *t = &place->machine->topology;
	char name[SBDF_TEXT];

	for (int k = 0; k < t->nr; k++) {
		const struct topology_function *fn = &t->function[k];

		if (!reset_reaches(t, result->method, place->i, k))
			continue;
		sbdf_format(fn->info.sbdf, name);
		if (fn->guest != TOPOLOGY_NO_GUEST)
			fprintf(stderr, "xenpci: warning: %s is guest %u's, and was reset under it\n",
				name, fn->guest);
		if (op->hypercall &&
		    hypercall_device_reset(op->hypercall, fn->info.sbdf, result->kind) &&
		    errno != ENOSYS && errno != EOPNOTSUPP)
			fprintf(stderr, "xenpci: warning: %s: Xen was not told of the reset: %s\n",
				name, strerror(errno));
	}
}

/* A device that does not come back is kept from guests; one that does is free of that. */
static void judge(struct operator *op, const struct place *place, const struct reset_result *result)
{
	char why[RESET_TEXT_MAX] = "";

	if (!op->xs || result->method == RESET_METHODS_COUNT)
		return;
	if (result->lost) {
		quarantine_add(operator_quarantine(op), place->fn->info.sbdf, "lost in a reset by the operator");
		return;
	}
	quarantine_remove(operator_quarantine(op), place->fn->info.sbdf);
	if (quarantine_after_reset(operator_quarantine(op), &place->machine->topology, place->i,
				   TOPOLOGY_NO_GUEST, result, false, why))
		fprintf(stderr, "xenpci: warning: %s: still held back: %s\n", place->name, why);
}

/* What xenpcid has put to sleep gets back what it was before; a reset may help what does not wake. */
static void wake(struct operator *op, const struct place *place, struct pcidev *dev)
{
	asleep_end(operator_quarantine(op).state_dir, place->machine->provider, dev, false);
}

static int reset_place(struct operator *op, const struct place *place)
{
	const struct reset_wait wait = reset_wait_default;
	char buf[RESET_TEXT_MAX];
	struct reset_result result;
	struct progress progress;
	struct reset_request request = {
		.provider = place->machine->provider,
		.topology = &place->machine->topology,
		.function = place->i,
		.despite_guests = op->force,
		.wait = &wait,
	};
	int rc, err;

	if (topology_traits(request.topology, place->i) & TOPOLOGY_BRIDGE)
		return operator_fail("%s: is a %s, which serves the host", place->name,
				     topology_kind_name(place->fn->kind));
	if (!assignable_is_holder(place->fn->driver))
		return operator_fail("%s: the host's %s uses it: xenpci assignable add %s first",
				     place->name, place->fn->driver, place->name);
	if (place->fn->guest != TOPOLOGY_NO_GUEST && !op->force)
		return operator_fail("%s: guest %u has it: detach it there first, or -f to reset it under "
				     "the guest", place->name, place->fn->guest);
	request.methods = operator_methods(op, place, &request.named);
	request.dev = provider_open_device(request.provider, place->fn->info.sbdf);
	if (!request.dev)
		return operator_fail("%s: cannot be opened: %s", place->name, strerror(errno));
	wake(op, place, request.dev);
	progress_begin(&progress, place->name, "is being reset");
	rc = reset_function(&request, &result);
	err = errno;
	progress_end(&progress);
	wake(op, place, request.dev); /* what did not wake before, and may do now */
	pcidev_close(request.dev);
	reset_text(request.topology, &result, buf);
	judge(op, place, &result);
	if (result.method != RESET_METHODS_COUNT)
		tell(op, place, &result);
	if (result.against)
		fprintf(stderr, "xenpci: warning: %s: %s would not have been used unless it was named: %s\n",
			place->name, reset_method_name(result.method), result.against);
	if (rc)
		return operator_fail("%s: %s%s%s", place->name, result.lost ? "reset " : "not reset: ",
				     buf[0] ? buf : strerror(err),
				     err == EBUSY ? " (-f: under the guest, too)" : "");
	printf("%s: reset %s\n", place->name, buf);
	return OPERATOR_OK;
}

int run_reset(struct operator *op, int argc, char **argv)
{
	int status = OPERATOR_OK;
	struct place place;

	if (operator_open_xen(op, false) || operator_open_machines(op))
		return OPERATOR_FAILED;
	for (int k = 0; k < argc; k++) {
		if (operator_find(op, argv[k], &place) || reset_place(op, &place))
			status = OPERATOR_FAILED;
	}
	return status;
}
