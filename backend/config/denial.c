/* SPDX-License-Identifier: MIT */
/* What was refused: counted per register, told once. */
#include "backend/config/table.h"

#define TOLD 0x80000000u
#define COUNT_MAX 0x7fffffffu

/* Queues the report; false where there is no room, so that a later refusal is told. */
static bool queue(struct config *cfg, const struct field *f, const struct access *a, uint32_t bits)
{
	struct waiting *w;

	if (cfg->nr_waiting == DENIALS_MAX)
		return false;
	w = &cfg->waiting[(cfg->first_waiting + cfg->nr_waiting++) % DENIALS_MAX];
	*w = (struct waiting){
		.value = a->value,
		.bits = bits,
		.access = (uint16_t)a->offset,
		.size = (uint8_t)a->size,
		.field = (uint8_t)(f - cfg->fields),
	};
	return true;
}

/* The setting that would have let the bits through; NULL where none would. */
static const char *remedy(const struct config *cfg, const struct field *f, uint32_t bits)
{
	switch ((enum write_rule)f->row->write) {
	case WRITE_OPEN:
		return cfg->permissive ? NULL : "permissive=1, or a quirk for this register";
	case WRITE_QUIRK:
		return "permissive=1, or a wider mask in the quirk";
	case WRITE_CONTROL:
		if (!cfg->interrupt_control && (bits & f->bits))
			return "interrupt_control=1 (for a device model's domain only)";
		return bits & ~f->bits & ~f->row->hardwired ? "permissive=1" : NULL;
	case WRITE_COMMAND:
		return bits & f->row->hw & ~f->bits ? "permissive=1" : NULL;
	case WRITE_NEVER:
	case WRITE_CACHE_LINE:
	case WRITE_BAR:
	case WRITE_ROM:
	case WRITE_BIST:
	case WRITE_POWER:
	case WRITE_VPD:
		break;
	}
	return NULL;
}

static void describe(const struct config *cfg, const struct waiting *w, struct config_denial *out)
{
	const struct field *f = &cfg->fields[w->field];

	*out = (struct config_denial){
		.offset = w->field ? f->offset : w->access,
		.access = w->access,
		.size = w->size,
		.width = w->field ? f->width : w->size,
		.value = w->value,
		.bits = w->bits,
		.field = f->row->name,
		.remedy = remedy(cfg, f, w->bits),
		.no_hardware = w->field && !(w->bits & ~(f->row->hardwired | f->row->fixed)),
	};
	/* A window that is there is the same with a wider mask. */
	if (f->row->write == WRITE_QUIRK) {
		out->quirk_offset = f->offset;
		out->quirk_width = f->width;
		out->quirk_mask = f->bits | w->bits;
	} else if (f->row->write == WRITE_OPEN && out->remedy && w->bits) {
		struct config_quirk quirk = config_quirk_fit(out->offset, w->bits);

		out->quirk_offset = quirk.offset;
		out->quirk_width = quirk.width;
		out->quirk_mask = quirk.mask;
	}
}

static void hear(const struct config *cfg, const struct field *f, const struct access *a, uint32_t bits)
{
	const struct waiting w = {
		.value = a->value,
		.bits = bits,
		.access = (uint16_t)a->offset,
		.size = (uint8_t)a->size,
		.field = (uint8_t)(f - cfg->fields),
	};
	struct config_denial denial;

	describe(cfg, &w, &denial);
	cfg->heard(cfg->context, &denial);
}

void denial_count(struct config *cfg, struct field *f, const struct access *a, uint32_t bits)
{
	cfg->denied_total++;
	if (cfg->heard)
		hear(cfg, f, a, bits);
	if (f == cfg->fields) {
		uint32_t *count = &cfg->unlisted[a->offset / 4];

		if ((*count & COUNT_MAX) < COUNT_MAX)
			++*count;
		if (!(*count & TOLD) && queue(cfg, f, a, bits))
			*count |= TOLD;
		return;
	}
	if (f->denied < UINT32_MAX)
		f->denied++;
	if (!f->told)
		f->told = queue(cfg, f, a, bits);
}

bool config_take_denial(struct config *cfg, struct config_denial *out)
{
	if (!cfg->nr_waiting)
		return false;
	describe(cfg, &cfg->waiting[cfg->first_waiting], out);
	cfg->first_waiting = (uint8_t)((cfg->first_waiting + 1) % DENIALS_MAX);
	cfg->nr_waiting--;
	return true;
}

void config_put_back_denial(struct config *cfg)
{
	cfg->first_waiting = (uint8_t)((cfg->first_waiting + DENIALS_MAX - 1) % DENIALS_MAX);
	cfg->nr_waiting++;
}

void config_listen(struct config *cfg, config_heard *heard, void *context)
{
	cfg->heard = heard;
	cfg->context = context;
}

const char *config_name_at(const struct config *cfg, int32_t offset)
{
	return cfg->fields[offset < 0 ? 0 : table_index(cfg, (unsigned)offset)].row->name;
}

uint64_t config_denied_total(const struct config *cfg)
{
	return cfg->denied_total;
}

bool config_next_denied(const struct config *cfg, unsigned *at, struct config_denied *out)
{
	unsigned dwords = cfg->dev->info.config_size / 4u;
	unsigned i;

	/* Positions are the fields behind [0], then the space's dwords. */
	for (i = *at; i < cfg->nr_fields - 1 + dwords; i++) {
		bool listed = i < cfg->nr_fields - 1;
		const struct field *f = &cfg->fields[listed ? i + 1 : 0];
		unsigned dword = listed ? 0 : i - (cfg->nr_fields - 1);
		uint32_t count = listed ? f->denied : cfg->unlisted[dword] & COUNT_MAX;

		if (!count)
			continue;
		*out = (struct config_denied){
			.offset = listed ? f->offset : (uint16_t)(4 * dword),
			.width = listed ? f->width : 4,
			.field = f->row->name,
			.count = count,
		};
		*at = i + 1;
		return true;
	}
	*at = i;
	return false;
}
