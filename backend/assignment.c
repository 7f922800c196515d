/* SPDX-License-Identifier: MIT */
#include "backend/assignment.h"

void assignment_init(struct assignment *a, const struct settings *settings,
		     const struct pcidev_info *info, const char *opts, const char *opts_node)
{
	struct node_opts parsed;

	a->bad[0] = '\0';
	if (!node_opts_parse(opts, &parsed, a->bad))
		a->bad[0] = '\0';
	settings_policy(settings, info, &parsed, opts_node, &a->policy);
}

void assignment_tell(const struct assignment *a, struct talk *talk, struct sbdf sbdf)
{
	const struct config_policy *p = &a->policy.policy;
	char name[SBDF_TEXT];

	talk_tell(talk, XTL_INFO, "%s: permissive=%d (%s), interrupt_control=%d (%s), %u quirk%s",
		  sbdf_format(sbdf, name), p->permissive, p->permissive_source, p->interrupt_control,
		  p->interrupt_control_source, p->nr_quirks, p->nr_quirks == 1 ? "" : "s");
}
