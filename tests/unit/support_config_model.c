/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config_model.h"

/* Bits of the command register that are the hardware's (4.2). */
#define G 0x02bcu

static uint32_t get(const struct model *m, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	while (size--)
		value = value << 8 | m->hw[offset + size];
	return value;
}

static void put(struct model *m, unsigned offset, unsigned size, uint32_t value)
{
	for (; size--; value >>= 8)
		m->hw[offset++] = (uint8_t)value;
}

void model_add(struct model *m, enum model_kind kind, unsigned offset, unsigned size)
{
	assert_true(m->nr < MODEL_REGISTERS_MAX);
	m->registers[m->nr++] =
		(struct model_register){ .kind = kind, .offset = offset, .size = size };
}

static void add_value(struct model *m, enum model_kind kind, unsigned offset, unsigned size,
		      uint32_t value)
{
	model_add(m, kind, offset, size);
	m->registers[m->nr - 1].has_value = true;
	m->registers[m->nr - 1].value = value;
}

void model_add_bar(struct model *m, unsigned offset, uint32_t value, uint32_t sizing,
		   uint32_t ignored)
{
	struct model_register *r;

	add_value(m, ignored == 0x7ff ? MODEL_ROM : MODEL_BAR, offset, 4, value);
	r = &m->registers[m->nr - 1];
	r->sizing = sizing;
	r->ignored = ignored;
}

void model_init(struct model *m, const struct fake *f, const struct config_policy *policy)
{
	unsigned i;

	memset(m, 0, sizeof(*m));
	memcpy(m->hw, f->space, sizeof(m->hw));
	m->size = f->dev.info.config_size;
	m->permissive = policy->permissive;
	m->interrupt_control = policy->interrupt_control;
	add_value(m, MODEL_FIXED, 0x00, 2, f->dev.info.vendor);
	add_value(m, MODEL_FIXED, 0x02, 2, f->dev.info.device);
	add_value(m, MODEL_COMMAND, 0x04, 2, get(m, 4, 2));
	add_value(m, MODEL_FIXED, 0x3c, 1, f->dev.info.irq & 0xff);
	add_value(m, MODEL_FIXED, 0x3d, 1, f->dev.info.irq ? f->space[0x3d] : 0);
	model_add(m, MODEL_CACHE_LINE, 0x0c, 1);
	model_add(m, MODEL_FIXED, 0x0d, 1);
	model_add(m, MODEL_BIST, 0x0f, 1);
	for (i = 0; i < policy->nr_quirks; i++) {
		model_add(m, MODEL_QUIRK, policy->quirks[i].offset, policy->quirks[i].width);
		m->registers[m->nr - 1].mask = policy->quirks[i].mask;
	}
}

/* The register as the guest sees it. */
static uint32_t seen(const struct model *m, const struct model_register *r)
{
	uint32_t hw = get(m, r->offset, r->size);

	switch (r->kind) {
	case MODEL_COMMAND:
		return (hw & G) | (r->value & ~G & 0xffff);
	case MODEL_BAR:
	case MODEL_ROM:
		return r->latch ? r->sizing : r->value;
	case MODEL_PMC:
		return hw & 0x07ff;
	default:
		return r->has_value ? r->value : hw;
	}
}

static const struct model_register *owner(const struct model *m, unsigned at)
{
	for (unsigned i = 0; i < m->nr; i++)
		if (at >= m->registers[i].offset &&
		    at < m->registers[i].offset + m->registers[i].size)
			return &m->registers[i];
	return NULL;
}

uint32_t model_read(const struct model *m, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	while (size--) {
		const struct model_register *r = owner(m, offset + size);

		value = value << 8 | (r ? seen(m, r) >> (8 * (offset + size - r->offset)) & 0xff
					: m->hw[offset + size]);
	}
	return value;
}

static void write_command(struct model *m, struct model_register *r, uint32_t v)
{
	uint32_t hw = get(m, 4, 2);

	if (!m->enabled && (v & 3)) {
		m->enabled = true;
		hw |= 3; /* by the OS */
	} else if (m->enabled && !(v & 3)) {
		m->enabled = false;
		hw &= ~4u;
	}
	hw = (hw & ~4u) | (v & 4);
	if ((v & 0x10) && !(hw & 0x10) && !m->hw[0x0c])
		m->hw[0x0c] = 16;
	hw = (hw & ~0x10u) | (v & 0x10);
	if (m->interrupt_control && ((v ^ r->value) & 0x400))
		hw = (hw & ~0x400u) | (v & 0x400);
	if (m->permissive)
		hw = (hw & ~G) | (v & G);
	r->value = v;
	put(m, 4, 2, hw);
}

static void write_bar(struct model_register *r, uint32_t v)
{
	if (r->kind == MODEL_ROM)
		r->latch = v >> 11 == 0x1fffff;
	else
		r->latch = (v | r->ignored) == 0xffffffff;
}

/* v holds PME status only where a one was written: that clears it. */
static int write_pmcsr(struct model *m, const struct model_register *r, uint32_t v)
{
	uint32_t hw = get(m, r->offset, 2), pmc = get(m, r->offset - 2, 2);
	unsigned from = hw & 3, to = v & 3;
	bool may = to == 0 || to == from || (to > from && (to == 3 || (pmc >> (8 + to) & 1)));

	put(m, r->offset, 2,
	    (hw & ~0x1f03u & ~(v & 0x8000)) | (v & 0x1e00) | (may ? to : from));
	return may ? OK : DENIED;
}

/* Rule W of PROTOCOL.md 4.4; with interrupt_control the allowed part of a refused write is kept. */
static int write_control(struct model *m, const struct model_register *r, uint32_t v)
{
	bool is_msi = r->kind == MODEL_MSI;
	uint32_t hw = get(m, r->offset, 2);
	uint32_t enable = is_msi ? 0x0001 : 0x8000;
	uint32_t allowed = is_msi ? 0x0001 : 0xc000;
	uint32_t others = is_msi ? 0x0470 : 0; /* that a device would take */
	bool other_on = is_msi ? m->msix && (get(m, m->msix + 2, 2) & 0x8000)
			       : m->msi && (get(m, m->msi + 2, 2) & 0x0001);
	int err = OK;

	if (m->permissive) {
		put(m, r->offset, 2, v);
		return OK;
	}
	if (v == hw)
		return OK;
	if (!m->interrupt_control)
		return DENIED;
	if ((v ^ hw) & others)
		err = DENIED;
	if ((v & enable) && !(hw & enable) && other_on) {
		err = DENIED;
		v &= ~enable;
	}
	put(m, r->offset, 2, (hw & ~allowed) | (v & allowed));
	return err;
}

static int write_register(struct model *m, struct model_register *r, uint32_t v, uint32_t written)
{
	uint32_t hw = get(m, r->offset, r->size);

	switch (r->kind) {
	case MODEL_COMMAND:
		write_command(m, r, v);
		return OK;
	case MODEL_CACHE_LINE:
		put(m, r->offset, 1, v);
		return OK;
	case MODEL_BIST:
		if (v == 0x40 || (v & 0xbf) == (hw & 0xbf))
			put(m, r->offset, 1, v);
		return OK;
	case MODEL_BAR:
	case MODEL_ROM:
		write_bar(r, v);
		return OK;
	case MODEL_PMCSR:
		return write_pmcsr(m, r, v & (written | 0x7fff));
	case MODEL_VPD:
		if (v & written & 0x8000)
			return DENIED;
		put(m, r->offset, 2, v & 0x7fff);
		return OK;
	case MODEL_MSI:
	case MODEL_MSIX:
		return write_control(m, r, v);
	case MODEL_QUIRK:
		put(m, r->offset, r->size, m->permissive ? v : (hw & ~r->mask) | (v & r->mask));
		return OK;
	case MODEL_FIXED:
	case MODEL_PMC:
		break;
	}
	return OK;
}

int model_write(struct model *m, unsigned offset, unsigned size, uint32_t value)
{
	int err = OK;

	for (unsigned i = 0; i < m->nr; i++) {
		struct model_register *r = &m->registers[i];
		uint32_t v = seen(m, r), written = 0;

		for (unsigned at = offset; at < offset + size; at++) {
			if (at < r->offset || at >= r->offset + r->size)
				continue;
			written |= 0xffu << (8 * (at - r->offset));
			v &= ~(0xffu << (8 * (at - r->offset)));
			v |= (value >> (8 * (at - offset)) & 0xff) << (8 * (at - r->offset));
		}
		if (written) {
			int e = write_register(m, r, v, written);

			err = e ? e : err;
		}
	}
	for (unsigned at = offset; m->permissive && at < offset + size; at++)
		if (!owner(m, at))
			m->hw[at] = (uint8_t)(value >> (8 * (at - offset)));
	return err;
}
