/* SPDX-License-Identifier: MIT */
/*
 * The byte-lane engine: every width at every offset, reads by mask, writes cut
 * into the registers that they touch.
 */
#include "backend/config/table.h"

/* Left shift that takes bytes at `from` to their place as seen from `to`; right where negative. */
static uint32_t move_lanes(uint32_t value, unsigned from, unsigned to)
{
	return from >= to ? value << (8 * (from - to)) : value >> (8 * (to - from));
}

/*
 * What a guest reads at an aligned offset inside the space.
 * 0, or -1 with errno and all ones.
 */
static int table_read(const struct config *cfg, unsigned offset, unsigned size, uint32_t *value)
{
	uint32_t mask = lanes_mask(size);
	uint32_t pass = mask;
	uint32_t virt = 0;
	uint32_t hw = 0;

	if (offset < TABLE_SPAN) {
		unsigned shift = 8 * (offset % 4);

		pass &= cfg->pass[offset / 4] >> shift;
		virt = cfg->virt[offset / 4] >> shift & mask;
	}
	if (pass && pcidev_read(cfg->dev, offset, size, &hw)) {
		*value = mask;
		return -1;
	}
	*value = (hw & pass) | virt;
	return 0;
}

/* Whether the request has no legal form (1) or lies outside the space (2); 0: neither. */
static int check(const struct config *cfg, int32_t offset, int32_t size)
{
	if (size != 1 && size != 2 && size != 4)
		return 1;
	if ((uint32_t)offset & ((uint32_t)size - 1))
		return 1;
	/* Aligned: what begins inside the space ends inside it. Negative offsets are large. */
	return (uint32_t)offset >= cfg->dev->info.config_size ? 2 : 0;
}

int config_guest_read(struct config *cfg, int32_t offset, int32_t size, uint32_t *value)
{
	int bad = check(cfg, offset, size);

	if (bad) {
		*value = bad == 1 ? 0 : 0xffffffffu;
		return XEN_PCI_ERR_invalid_offset;
	}
	if (cfg->settle_until)
		power_settle(cfg);
	if (table_read(cfg, (unsigned)offset, (unsigned)size, value))
		return XEN_PCI_ERR_op_failed;
	return XEN_PCI_ERR_success;
}

/* Writes the bytes of a that `lanes` covers, each run in the widest accesses that fit it. */
static int write_raw(const struct config *cfg, const struct access *a, uint32_t lanes)
{
	unsigned at = 0;

	while (at < a->size) {
		unsigned n = a->size;

		/* Widest first: the whole, an aligned half, a byte. */
		while (n > 1 && (at % n || (~lanes >> (8 * at) & lanes_mask(n))))
			n /= 2;
		if ((lanes >> (8 * at) & 1) &&
		    pcidev_write(cfg->dev, a->offset + at, n, a->value >> (8 * at) & lanes_mask(n)))
			return XEN_PCI_ERR_op_failed;
		at += n;
	}
	return XEN_PCI_ERR_success;
}

/*
 * Drops the bytes of a that `lanes` (in f's coordinates; in the access's where
 * base is its own offset) covers, and counts the bits that would have changed.
 */
static int drop(struct config *cfg, struct field *f, struct access *a, unsigned base,
		uint32_t lanes)
{
	uint32_t current, value, w1c = f->row->w1c;
	uint32_t bits;

	if (!a->have_current && table_read(cfg, a->offset, a->size, &a->current))
		return XEN_PCI_ERR_op_failed;
	a->have_current = true;
	current = move_lanes(a->current, a->offset, base);
	value = move_lanes(a->value, a->offset, base);
	bits = (((value ^ current) & ~w1c) | (value & current & w1c)) & lanes;
	if (bits)
		denial_count(cfg, f, a, bits);
	return XEN_PCI_ERR_success;
}

/* Gives f the bytes that a has for it. */
static int write_field(struct config *cfg, struct field *f, struct access *a)
{
	uint32_t lanes = move_lanes(lanes_mask(a->size), a->offset, f->offset);
	uint32_t value = move_lanes(a->value, a->offset, f->offset);

	lanes &= lanes_mask(f->width);
	if (f->row->write == WRITE_NEVER || f->row->write == WRITE_OPEN)
		return drop(cfg, f, a, f->offset, lanes);
	return rule_write(cfg, f, a, lanes, value & lanes);
}

/* Whether a byte of f is written as it comes, or dropped, whoever its neighbours are. */
static bool is_unruled(const struct config *cfg, const struct field *f)
{
	if (f == cfg->fields)
		return true;
	return cfg->permissive && (f->row->write == WRITE_OPEN || f->row->write == WRITE_QUIRK);
}

int config_guest_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value)
{
	struct access a = { .offset = (unsigned)offset, .size = (unsigned)size };
	uint32_t unruled = 0; /* bytes, as the access has them */
	int err = XEN_PCI_ERR_success;
	unsigned at, next, end;

	if (check(cfg, offset, size))
		return XEN_PCI_ERR_invalid_offset;
	if (cfg->settle_until)
		power_settle(cfg);
	a.value = value & lanes_mask(a.size);
	end = a.offset + a.size;
	for (at = a.offset; at < end; at = next) {
		struct field *f = &cfg->fields[table_index(cfg, at)];
		int field_err;

		if (is_unruled(cfg, f)) {
			next = at + 1;
			unruled |= 0xffu << (8 * (at - a.offset));
			continue;
		}
		next = f->offset + f->width;
		field_err = write_field(cfg, f, &a);
		if (!err)
			err = field_err;
	}
	if (unruled) {
		int raw_err = cfg->permissive ? write_raw(cfg, &a, unruled)
					      : drop(cfg, cfg->fields, &a, a.offset, unruled);

		if (!err)
			err = raw_err;
	}
	return err;
}
