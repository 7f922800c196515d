/* SPDX-License-Identifier: MIT */
/* The filter's table for people. */
#include "tests/unit/unit.h"

#include <inttypes.h>

#include "backend/config/table.h"
#include "tests/unit/support_config.h"

#define RULE_TEXT(name, text) (text),
static const char *const read_texts[] = { READ_RULES(RULE_TEXT) };
static const char *const write_texts[] = { WRITE_RULES(RULE_TEXT) };
static const char *const reset_texts[] = { RESET_RULES(RULE_TEXT) };

/* The bits of f that a guest's write can change, for itself or in the device. */
static uint32_t writable(const struct config *cfg, const struct field *f)
{
	uint32_t all = lanes_mask(f->width);

	switch ((enum write_rule)f->row->write) {
	case WRITE_NEVER:
		return 0;
	case WRITE_OPEN:
	case WRITE_QUIRK:
		return cfg->permissive ? all : f->bits;
	case WRITE_COMMAND:
		return cfg->permissive ? all : (f->bits | ~f->row->hw) & all;
	case WRITE_CONTROL:
		return cfg->permissive ? all : cfg->interrupt_control ? f->bits : 0;
	case WRITE_CACHE_LINE:
	case WRITE_BAR:
	case WRITE_ROM:
	case WRITE_BIST:
	case WRITE_POWER:
	case WRITE_VPD:
		return f->bits;
	}
	return 0;
}

uint8_t writable_byte(const struct config *cfg, unsigned offset)
{
	const struct field *f;

	if (offset >= cfg->dev->info.config_size)
		return 0;
	f = &cfg->fields[table_index(cfg, offset)];
	if (f == cfg->fields)
		return cfg->permissive ? 0xff : 0;
	return (uint8_t)(writable(cfg, f) >> (8 * (offset - f->offset)));
}

/* A line of f; the value is what the table holds, where it holds one. */
static void print_field(const struct config *cfg, const struct field *f, FILE *out)
{
	int digits = 2 * f->width;
	uint32_t hw = f->row->hw & lanes_mask(f->width);
	char value[16] = "-";

	if (hw != lanes_mask(f->width))
		snprintf(value, sizeof(value), "%0*" PRIx32, digits,
			 f->latch ? f->sizing : f->value);
	fprintf(out, "%03x  %u  %-22s %0*" PRIx32 "%*s %0*" PRIx32 "%*s %-8s %6" PRIu32 "  ",
		f->offset, f->width, f->row->name, digits, hw, 8 - digits, "", digits,
		writable(cfg, f), 8 - digits, "", value, f->denied);
	fprintf(out, "%-12s %s; %s\n", reset_texts[f->row->reset], read_texts[f->row->read],
		write_texts[f->row->write]);
}

void print_table(const struct config *cfg, FILE *out)
{
	const struct pcidev_info *info = &cfg->dev->info;
	char name[SBDF_TEXT];
	unsigned offset, at;

	fprintf(out, "%s  %04x:%04x  header type %u, %u bytes, %s%s%s\n",
		sbdf_format(info->sbdf, name), info->vendor, info->device,
		info->header_type, info->config_size,
		cfg->permissive ? "permissive" : "filtered",
		cfg->interrupt_control ? ", interrupt control" : "", info->is_vf ? ", VF" : "");
	fprintf(out, "%-3s  %s  %-22s %-8s %-8s %-8s %6s  %-12s %s\n", "at", "w", "register",
		"hardware", "writable", "value", "denied", "reset", "read; write");
	for (offset = 0; offset < cfg->map_size; offset = at) {
		const struct field *f = &cfg->fields[table_index(cfg, offset)];

		at = f == cfg->fields ? offset + 1 : (unsigned)f->offset + f->width;
		if (f != cfg->fields)
			print_field(cfg, f, out);
	}
	fprintf(out, "everything else: read from hardware; written %s\n",
		cfg->permissive ? "raw" : "never");
}
