/* SPDX-License-Identifier: MIT */
#include "operator/filter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "operator/device_name.h"
#include "operator/nodes.h"

#define GIVEN_WITH "--with"

/* The options of the assignment: said now, or as the guest has the device. NULL: none. */
static const char *options_of(struct operator *op, const struct place *place, char text[NODES_TEXT_MAX],
			      const char **source)
{
	struct nodes n;
	int i;

	*source = GIVEN_WITH;
	if (op->with)
		return op->with;
	if (!op->xs || place->fn->guest == TOPOLOGY_NO_GUEST)
		return NULL;
	nodes_init(&n, op, place->fn->guest, 0);
	i = nodes_find(&n, place->fn->info.sbdf);
	if (i < 0)
		return NULL;
	*source = "the guest's nodes";
	nodes_text(&n, NODE_OPTS_FMT, (unsigned)i, text);
	return strcmp(text, "-") ? text : NULL;
}

static int take_policy(struct operator *op, const struct place *place, struct filter *f)
{
	char text[NODES_TEXT_MAX], bad[NODE_OPTS_BAD_MAX];
	struct node_opts opts;
	const char *source, *given = options_of(op, place, text, &source);

	if (node_opts_parse(given, &opts, bad)) {
		operator_fail("%s: option \"%s\" is not understood", source, bad);
		return -1;
	}
	settings_policy(&op->settings, &place->fn->info, &opts, source, &f->policy);
	return 0;
}

int filter_open(struct operator *op, const struct place *place, struct filter *f)
{
	const struct pcidev_info *info = &place->fn->info;
	struct pcidev *real;

	memset(f, 0, sizeof(*f));
	real = provider_look(place->machine->provider, info->sbdf);
	if (!real) {
		operator_fail("%s: cannot be opened: %s", place->name, strerror(errno));
		return -1;
	}
	rehearsal_init(&f->rehearsal, real);
	device_name(info->vendor, info->device, f->name, sizeof(f->name));
	if (take_policy(op, place, f))
		goto out;
	f->config = config_open(&f->rehearsal.dev, &f->policy.policy);
	if (f->config) {
		rehearsal_mark(&f->rehearsal);
		return 0;
	}
	operator_fail("%s: %s", place->name, errno == EINVAL ?
		      "has no config space of a device's or a plain bridge's, or a quirk does not fit it" :
		      strerror(errno));
out:
	filter_close(f);
	return -1;
}

void filter_close(struct filter *f)
{
	config_close(f->config);
	f->config = NULL;
	if (f->rehearsal.real)
		pcidev_close(f->rehearsal.real);
	f->rehearsal.real = NULL;
}

bool filter_is_file(const char *text)
{
	struct sbdf a;

	return text && sbdf_parse(text, &a) && !access(text, F_OK);
}

int filter_open_machines(struct operator *op, const char *text)
{
	static char spec[4096];

	struct sbdf a;

	if (filter_is_file(text)) {
		snprintf(spec, sizeof(spec), "image:%s", text);
		op->spec[0] = spec;
		op->nr_specs = 1;
	} else if (text && sbdf_parse(text, &a)) {
		operator_fail("\"%s\" is neither a PCI address ([SSSS:]BB:DD.F) nor a file that is there", text);
		return -1;
	}
	if (operator_open_xen(op, false) || operator_open_machines(op))
		return -1;
	for (unsigned m = 0; m < op->nr_machines; m++) {
		const char *sysfs = machine_sysfs(&op->machine[m]);

		/* As xenpcid does: what the kernel's backend was told counts. */
		if (sysfs)
			settings_adopt_pciback(&op->settings, sysfs, op->mute);
	}
	return 0;
}

int filter_find(struct operator *op, const char *text, struct place *place)
{
	if (!filter_is_file(text))
		return operator_find(op, text, place);
	if (op->machine[0].topology.nr != 1) {
		operator_fail("%s has %d functions: name one, as in xenpci -d image:%s explain BDF OFFSET", text,
			      op->machine[0].topology.nr, text);
		return -1;
	}
	operator_place(op, 0, 0, place);
	return 0;
}
