/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/told.h"

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"

void tell_denied(struct guest *g, const struct claim *claim, const struct message_denied *d)
{
	char name[SBDF_TEXT], field[sizeof(d->field)], remedy[sizeof(d->remedy)];

	if (!claim)
		return;
	message_text(field, sizeof(field), d->field, sizeof(d->field));
	message_text(remedy, sizeof(remedy), d->remedy, sizeof(d->remedy));
	talk_say(&g->talk, XTL_WARN, "%s: write of 0x%0*x at 0x%03x refused (%s, bits 0x%x)%s%s",
		 sbdf_format(claim->sbdf, name), d->size <= 4 ? 2 * d->size : 8, d->value, d->offset,
		 field, d->bits, remedy[0] ? "; to allow it: " : "", remedy);
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
