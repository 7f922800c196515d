/* SPDX-License-Identifier: MIT */
/*
 * From declared rows to one device's flat table. Every byte has one owner: rows
 * come in the order header, capabilities, quirks, and what overlaps an earlier
 * row is left out, so that a device that lies about its capabilities gains nothing.
 */
#include <string.h>

#include "backend/config/table.h"
#include "common/util.h"

enum { CAPS_MAX = PCI_CAP_ID_AF + 1 };

struct builder {
	struct pcidev *dev;
	unsigned nr;	/* fields, with [0] */
	unsigned span;	/* bytes of map in use: TABLE_SPAN or 4096 */
	unsigned space; /* bytes of the device's config space */
	uint8_t command;
	uint8_t msi;
	uint8_t msix;
	uint8_t caps[CAPS_MAX]; /* by id: where the first of its kind is, 0: nowhere */
	struct field fields[TABLE_FIELDS_MAX + 1];
	uint8_t map[PCIIF_CONFIG_SIZE];
};

static bool is_free(const struct builder *b, unsigned offset, unsigned width)
{
	unsigned i;

	for (i = 0; i < width; i++)
		if (b->map[offset + i])
			return false;
	return true;
}

/* Adds a register; returns its index, or 0 where there is no room for it. */
static uint8_t add(struct builder *b, const struct config_row *row, unsigned offset, unsigned width)
{
	struct field *f;

	if ((offset & (width - 1)) || b->nr > TABLE_FIELDS_MAX || !is_free(b, offset, width))
		return 0;
	f = &b->fields[b->nr];
	*f = (struct field){
		.row = row,
		.offset = (uint16_t)offset,
		.width = (uint8_t)width,
		.bits = row->bits,
	};
	memset(b->map + offset, (int)b->nr, width);
	if (offset + width > b->span)
		b->span = PCIIF_CONFIG_SIZE;
	return (uint8_t)b->nr++;
}

/* Adds a table's rows; returns the index of the register with a rule to write by, 0: none. */
static uint8_t add_table(struct builder *b, enum config_table_id id, unsigned base)
{
	const struct config_table *t = &config_tables[id];
	uint8_t ruled = 0;
	unsigned i;

	for (i = 0; i < t->nr; i++) {
		const struct config_row *row = &t->rows[i];
		uint8_t index = 0;

		/* Capabilities live in the first 256 bytes; one that reaches beyond is cut. */
		if (base + row->at + row->width <= TABLE_SPAN)
			index = add(b, row, base + row->at, row->width);
		if (row->write != WRITE_NEVER && row->write != WRITE_OPEN)
			ruled = index;
	}
	return ruled;
}

/* Puts value behind what a guest reads of f: BARs, command shadow. 0, or -1 with errno. */
static int init_field(struct builder *b, struct field *f)
{
	const struct pcidev_info *info = &b->dev->info;

	switch ((enum read_rule)f->row->read) {
	case READ_HW:
		break;
	case READ_VENDOR:
		f->value = info->vendor;
		break;
	case READ_DEVICE:
		f->value = info->device;
		break;
	case READ_LINE:
		f->value = info->irq & 0xff;
		break;
	case READ_PIN:
		if (info->irq && pcidev_read(b->dev, f->offset, f->width, &f->value))
			return -1;
		break;
	case READ_SHADOW:
		if (pcidev_read(b->dev, f->offset, f->width, &f->value))
			return -1;
		break;
	case READ_BAR:
		bar_init(f, info, (f->offset - PCI_BASE_ADDRESS_0) / 4u);
		break;
	case READ_ROM:
		bar_init(f, info, PCIDEV_ROM);
		break;
	}
	f->home = f->value;
	return 0;
}

/* One walk of the capability list, bounded whatever the device says. 0, or -1 with the device's errno. */
static int find_caps(struct builder *b)
{
	struct pcidev_cap cap = { 0 };

	while (pcidev_next_cap(b->dev, &cap))
		if (cap.id < CAPS_MAX && !b->caps[cap.id] && cap.offset >= PCI_STD_HEADER_SIZEOF &&
		    cap.offset <= TABLE_SPAN - 4 && cap.offset % 4 == 0)
			b->caps[cap.id] = (uint8_t)cap.offset;
	/* What could not be read may be there, and is no guest's to write. */
	return b->dev->caps.unread ? -1 : 0;
}

static int add_msi(struct builder *b)
{
	unsigned at = b->caps[PCI_CAP_ID_MSI];
	bool wide, maskable;
	uint32_t control;

	if (!at)
		return 0;
	if (pcidev_read(b->dev, at + PCI_MSI_FLAGS, 2, &control))
		return -1;
	wide = control & PCI_MSI_FLAGS_64BIT;
	maskable = control & PCI_MSI_FLAGS_MASKBIT;
	b->msi = add_table(b, TABLE_MSI, at);
	add_table(b, wide ? TABLE_MSI64 : TABLE_MSI32, at);
	if (maskable)
		add_table(b, wide ? TABLE_MSI64_MASK : TABLE_MSI32_MASK, at);
	return 0;
}

static int add_pcie(struct builder *b)
{
	unsigned at = b->caps[PCI_CAP_ID_EXP];
	uint32_t flags;

	if (!at)
		return 0;
	if (pcidev_read(b->dev, at + PCI_EXP_FLAGS, 2, &flags))
		return -1;
	add_table(b, TABLE_PCIE, at);
	if ((flags & PCI_EXP_FLAGS_VERS) >= 2)
		add_table(b, TABLE_PCIE2, at);
	return 0;
}

/* PME support is hidden from the guest, so nobody would clear what it signals. */
static int add_pm(struct builder *b)
{
	unsigned at = b->caps[PCI_CAP_ID_PM];
	uint32_t control;

	if (!at || !add_table(b, TABLE_PM, at))
		return 0;
	if (pcidev_read(b->dev, at + PCI_PM_CTRL, 2, &control))
		return -1;
	if (!(control & PCI_PM_CTRL_PME_ENABLE))
		return 0;
	control &= ~(uint32_t)(PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);
	return pcidev_write(b->dev, at + PCI_PM_CTRL, 2, control);
}

/*
 * The rows that this device has, in the order in which the kernel's backend takes
 * them. 0, or -1 with errno.
 */
static int add_rows(struct builder *b)
{
	bool bridge = b->dev->info.header_type == PCI_HEADER_TYPE_BRIDGE;

	add_table(b, TABLE_COMMON, 0);
	add_table(b, bridge ? TABLE_TYPE1 : TABLE_TYPE0, 0);
	b->command = b->map[PCI_COMMAND];
	if (find_caps(b))
		return -1;
	if (b->caps[PCI_CAP_ID_VPD])
		add_table(b, TABLE_VPD, b->caps[PCI_CAP_ID_VPD]);
	if (add_pm(b) || add_msi(b))
		return -1;
	if (b->caps[PCI_CAP_ID_MSIX])
		b->msix = add_table(b, TABLE_MSIX, b->caps[PCI_CAP_ID_MSIX]);
	if (add_pcie(b))
		return -1;
	if (b->caps[PCI_CAP_ID_AF])
		add_table(b, TABLE_AF, b->caps[PCI_CAP_ID_AF]);
	return 0;
}

/*
 * Opens a window in bytes that no rule but OPEN covers, or widens the mask of one
 * that is there. 0, or -1 with errno EINVAL.
 */
static int add_quirk(struct builder *b, const struct config_quirk *q)
{
	struct field *there;
	uint8_t index;
	unsigned i;

	if (config_quirk_error(q) || q->offset + q->width > b->space)
		return fail(EINVAL);
	there = &b->fields[b->map[q->offset]];
	if (there->row->write == WRITE_QUIRK && there->offset == q->offset &&
	    there->width == q->width) {
		there->bits |= q->mask;
		return 0;
	}
	for (i = 0; i < q->width; i++)
		if (b->fields[b->map[q->offset + i]].row->write != WRITE_OPEN)
			return fail(EINVAL);
	/* Names that stood there give way, as a whole: a register's bytes stay together. */
	for (i = 0; i < q->width; i++) {
		const struct field *f = &b->fields[b->map[q->offset + i]];

		if (f != b->fields)
			memset(b->map + f->offset, 0, f->width);
	}
	index = add(b, &config_row_quirk, q->offset, q->width);
	if (!index)
		return fail(EINVAL);
	b->fields[index].bits = q->mask;
	return 0;
}

static int build(struct builder *b, const struct config_policy *policy)
{
	unsigned i;

	b->fields[0].row = &config_row_unlisted;
	b->fields[0].width = 1;
	b->nr = 1;
	b->span = TABLE_SPAN;
	b->space = b->dev->info.config_size;
	if (add_rows(b))
		return -1;
	for (i = 1; i < b->nr; i++)
		if (init_field(b, &b->fields[i]))
			return -1;
	for (i = 0; i < policy->nr_quirks; i++)
		if (add_quirk(b, &policy->quirks[i]))
			return -1;
	return 0;
}

/* One block: the head, the fields, the unlisted counters, the map. NULL with errno ENOMEM. */
static struct config *assemble(const struct builder *b, const struct config_policy *policy)
{
	size_t fields = b->nr * sizeof(struct field);
	size_t counters = b->space / 4 * sizeof(uint32_t);
	struct config *cfg = calloc(1, sizeof(*cfg) + fields + counters + b->span);
	unsigned i;

	if (!cfg)
		return NULL;
	cfg->dev = b->dev;
	cfg->unlisted = (uint32_t *)(cfg->fields + b->nr);
	cfg->map = (uint8_t *)(cfg->unlisted + b->space / 4);
	cfg->map_size = (uint16_t)b->span;
	cfg->command = b->command;
	cfg->msi = b->msi;
	cfg->msix = b->msix;
	cfg->permissive = policy->permissive;
	cfg->interrupt_control = policy->interrupt_control;
	cfg->nr_fields = b->nr;
	memcpy(cfg->fields, b->fields, fields);
	memcpy(cfg->map, b->map, b->span);
	memset(cfg->pass, 0xff, sizeof(cfg->pass));
	for (i = 1; i < b->nr; i++) {
		const struct field *f = &cfg->fields[i];

		if (f->row->read == READ_HW && f->row->hw == 0xffffffffu)
			continue;
		cfg->pass[f->offset / 4] &= ~((lanes_mask(f->width) & ~f->row->hw)
					      << (8 * (f->offset % 4)));
		table_set_virt(cfg, f, f->value);
	}
	/* Who may write raw may find a register that changes constants. */
	cfg->shadow = policy->shadow && !policy->permissive && !policy->nr_quirks;
	shadow_take(cfg);
	return cfg;
}

struct config *config_open(struct pcidev *dev, const struct config_policy *policy)
{
	struct builder *b;
	struct config *cfg = NULL;

	if (dev->info.header_type > PCI_HEADER_TYPE_BRIDGE || dev->info.config_size % 4 ||
	    dev->info.config_size < PCI_CFG_SPACE_SIZE ||
	    dev->info.config_size > PCIIF_CONFIG_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->dev = dev;
	if (!build(b, policy))
		cfg = assemble(b, policy);
	free_keep(b);
	return cfg;
}

void config_close(struct config *cfg)
{
	free_keep(cfg);
}

void config_reset(struct config *cfg)
{
	unsigned i;

	for (i = 1; i < cfg->nr_fields; i++) {
		struct field *f = &cfg->fields[i];

		if (f->row->reset != RESET_HOME)
			continue;
		f->latch = false;
		f->value = f->home;
		table_set_virt(cfg, f, f->value);
	}
	cfg->enabled = false;
	cfg->settle_until = 0;
	shadow_take(cfg);
}
