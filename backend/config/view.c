/* SPDX-License-Identifier: MIT */
#include "backend/config/view.h"

#include "backend/config/table.h"
#include "common/util.h"

static const struct {
	const char *name, *text;
	char letter;
} uses[] = {
#define X(id, name_, letter_, text_) { .name = (name_), .text = (text_), .letter = (letter_) },
	CONFIG_USES(X)
#undef X
};

#define RULE_TEXT(name, text) text,
static const char *const read_rules[] = { READ_RULES(RULE_TEXT) };
static const char *const write_rules[] = { WRITE_RULES(RULE_TEXT) };

static bool is_raw(const struct config *cfg, const struct field *f)
{
	switch ((enum write_rule)f->row->write) {
	case WRITE_CACHE_LINE:
		return true;
	case WRITE_OPEN:
	case WRITE_CONTROL:
	case WRITE_QUIRK:
		return cfg->permissive;
	case WRITE_NEVER:
	case WRITE_COMMAND:
	case WRITE_BAR:
	case WRITE_ROM:
	case WRITE_BIST:
	case WRITE_POWER:
	case WRITE_VPD:
		break;
	}
	return false;
}

/* Of a register none of whose bits in this byte can change in the device. */
static enum config_use use_of_closed(const struct field *f, unsigned offset)
{
	unsigned shift = 8 * (offset - f->offset);

	switch ((enum write_rule)f->row->write) {
	case WRITE_COMMAND:
	case WRITE_BAR:
	case WRITE_ROM:
		return CONFIG_USE_KEPT;
	case WRITE_CONTROL:
		return f->bits >> shift & 0xff ? CONFIG_USE_SWITCH : CONFIG_USE_NAMED;
	case WRITE_OPEN:
	case WRITE_QUIRK:
		return CONFIG_USE_NAMED;
	case WRITE_NEVER:
	case WRITE_BIST:
	case WRITE_CACHE_LINE:
	case WRITE_POWER:
	case WRITE_VPD:
		break;
	}
	return f->row->read == READ_HW ? CONFIG_USE_CLOSED : CONFIG_USE_VIRTUAL;
}

void config_look(const struct config *cfg, unsigned offset, struct config_view *out)
{
	unsigned index = table_index(cfg, offset);
	const struct field *f = &cfg->fields[index];
	struct config_opening opening;

	config_opening(cfg, offset, &opening);
	*out = (struct config_view){
		.field = f->row->name,
		.offset = index ? f->offset : (uint16_t)offset,
		.width = f->width,
		.open = opening.open,
		.reads = read_rules[f->row->read],
		.writes = write_rules[f->row->write],
	};
	if (!index)
		out->use = cfg->permissive ? CONFIG_USE_RAW : CONFIG_USE_UNLISTED;
	else if (is_raw(cfg, f))
		out->use = CONFIG_USE_RAW;
	else
		out->use = opening.open ? CONFIG_USE_RULED : use_of_closed(f, offset);
}

const char *config_use_name(enum config_use use)
{
	return uses[use].name;
}

char config_use_letter(enum config_use use)
{
	return uses[use].letter;
}

const char *config_use_text(enum config_use use)
{
	return uses[use].text;
}
