/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/told.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"

enum { ADVICE_MAX = 192, QUIRK_MAX = 160 };

static const char *quirk_for(const struct guest *g, const struct claim *claim,
			     const struct message_denied *d, char out[QUIRK_MAX])
{
	const struct config_quirk quirk = { d->quirk_offset, d->quirk_width, d->quirk_mask };
	char reason[24];

	snprintf(reason, sizeof(reason), "guest %u", g->domid);
	config_quirk_text(out, QUIRK_MAX, claim->info.vendor, claim->info.device, &quirk, reason);
	return out;
}

/* What would allow it, as it is pasted into xenpci.conf. */
static void advise(const struct guest *g, const struct claim *claim, const struct message_denied *d,
		   char out[ADVICE_MAX])
{
	char remedy[sizeof(d->remedy)], name[SBDF_TEXT], quirk[QUIRK_MAX];

	message_text(remedy, sizeof(remedy), d->remedy, sizeof(d->remedy));
	sbdf_format(claim->sbdf, name);
	if (d->no_hardware)
		snprintf(out, ADVICE_MAX, "; no hardware takes these bits");
	else if (d->quirk_width)
		snprintf(out, ADVICE_MAX, "; to allow it: quirks = ( %s );",
			 quirk_for(g, claim, d, quirk));
	else if (!strcmp(remedy, "permissive=1"))
		snprintf(out, ADVICE_MAX, "; to allow it: devices = ( { bdf = \"%s\"; permissive = true; } );",
			 name);
	else
		snprintf(out, ADVICE_MAX, "%s%s", remedy[0] ? "; to allow it: " : "", remedy);
}

void tell_denied(struct guest *g, const struct claim *claim, const struct message_denied *d)
{
	char name[SBDF_TEXT], field[sizeof(d->field)], advice[ADVICE_MAX];

	if (!claim)
		return;
	message_text(field, sizeof(field), d->field, sizeof(d->field));
	advise(g, claim, d, advice);
	talk_say(&g->denials, XTL_WARN, "%s: write of 0x%0*x at 0x%03x refused (%s at 0x%03x, bits 0x%x)%s",
		 sbdf_format(claim->sbdf, name), d->size <= 4 ? 2 * d->size : 8, d->value, d->access,
		 field, d->offset, d->bits, advice);
}

void tell_late(struct guest *g, const struct message_late *late)
{
	talk_say(&g->talk, XTL_WARN, "the answer to command %u took %u ms; guests give up after 2000",
		 late->cmd, late->ms);
}

void tell_said(struct guest *g, const struct message_say *say)
{
	char text[sizeof(say->text)];

	message_text(text, sizeof(text), say->text, sizeof(say->text));
	talk_say(&g->talk, say->level <= XTL_ERROR ? (xentoollog_level)say->level : XTL_INFO, "%s",
		 text);
}
