/* SPDX-License-Identifier: MIT */
/*
 * One device's compiled table, private to backend/config. A read is
 * (hardware & pass) | virt, dword by dword; a write looks its bytes up in `map`
 * and goes to each register's rule. Registers are aligned to their width, so none
 * crosses a dword, and every access lies in one dword too.
 *
 * Nothing here logs; one thread at a time per struct config.
 */
#ifndef XENPCI_BACKEND_CONFIG_TABLE_H
#define XENPCI_BACKEND_CONFIG_TABLE_H

#include <linux/pci_regs.h>

#include "backend/config/config.h"
#include "backend/config/fields.h"
#include "protocol/pciif.h"

enum {
	TABLE_SPAN = 256,     /* bytes that pass and virt describe; raw above */
	TABLE_DWORDS = TABLE_SPAN / 4,
	TABLE_FIELDS_MAX = 255, /* what a byte of the map can name, without 0 */
	DENIALS_MAX = 16,     /* refused registers that wait to be told */
};

/* A register of this device. */
struct field {
	const struct config_row *row;
	uint32_t bits;	 /* row's; a quirk's mask; address bits of a BAR */
	uint32_t value;	 /* BAR, ROM: address and flags; command: shadow */
	uint32_t sizing; /* BAR, ROM: what all ones reads back as */
	uint32_t home;	 /* value at attach */
	uint32_t denied; /* refused writes, saturating */
	uint16_t offset;
	uint8_t width;
	uint8_t ignored;   /* BAR, ROM: low bits that need not be ones to size */
	bool latch : 1;	   /* BAR, ROM: reads give sizing */
	bool told : 1;	   /* a denial was queued */
};

/* A denial as it waits: `field` is an index, 0 for an unlisted register. */
struct waiting {
	uint32_t value;
	uint32_t bits;
	uint16_t access;
	uint8_t size;
	uint8_t field;
};

struct config {
	struct pcidev *dev;
	uint64_t denied_total;
	uint64_t settle_until; /* ns: a device back in D0 is restored till then at most; 0 none */
	uint32_t pass[TABLE_DWORDS];
	uint32_t virt[TABLE_DWORDS];
	struct waiting waiting[DENIALS_MAX];
	uint8_t *map;	       /* byte -> index into fields; map_size bytes */
	uint32_t *unlisted;    /* dword -> refused writes, top bit: told */
	uint16_t map_size;     /* TABLE_SPAN, or 4096 where something is listed above */
	uint16_t restore_command; /* with settle_until: as it was, or as the guest wrote since */
	uint8_t restore_cache_line;
	uint8_t settle_tries;
	uint8_t command;	  /* indices of fields; 0 none */
	uint8_t msi;
	uint8_t msix;
	uint8_t first_waiting;
	uint8_t nr_waiting;
	bool permissive;
	bool interrupt_control;
	bool shadow;  /* constants stand in virt */
	bool enabled; /* by the guest, in the OS */
	config_heard *heard; /* of refusals; NULL: nobody */
	void *context;
	unsigned nr_fields; /* with [0], which stands for what is unlisted */
	struct field fields[];
};

/* A write as the guest sent it, cut to size, with what a read would give, once asked for. */
struct access {
	unsigned offset;
	unsigned size;
	uint32_t value;
	uint32_t current;
	bool have_current;
};

/* All ones in `bytes` (1 to 4) bytes. */
static inline uint32_t lanes_mask(unsigned bytes)
{
	return 0xffffffffu >> (8 * (4 - bytes));
}

static inline unsigned table_index(const struct config *cfg, unsigned offset)
{
	return offset < cfg->map_size ? cfg->map[offset] : 0;
}

/* Sets what a read of f gives in the bits that are not the hardware's. */
static inline void table_set_virt(struct config *cfg, const struct field *f, uint32_t value)
{
	unsigned shift = 8 * (f->offset % 4);
	uint32_t mask = lanes_mask(f->width) & ~f->row->hw;
	uint32_t *virt = &cfg->virt[f->offset / 4];

	*virt = (*virt & ~(mask << shift)) | (value & mask) << shift;
}

/* The hardware register behind f, in its own width. 0, or -1 with errno. */
static inline int field_read(const struct config *cfg, const struct field *f, uint32_t *value)
{
	return pcidev_read(cfg->dev, f->offset, f->width, value);
}

static inline int field_write(const struct config *cfg, const struct field *f, uint32_t value)
{
	return pcidev_write(cfg->dev, f->offset, f->width, value);
}

/*
 * rules.c: carries out a write to f by its rule (not NEVER and OPEN, which
 * access.c serves). `lanes` are the bytes written, value their new contents, both in the register's
 * coordinates. Returns the protocol's error number.
 */
int rule_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
	       uint32_t value);

/* bar.c: the same for BARs and the ROM, and for the PM control register in power.c. */
int bar_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
	      uint32_t value);
int power_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
		uint32_t value);

/*
 * bar.c: fills value, sizing and bits of f from the device's resources. number
 * counts from 0, the ROM is PCIDEV_ROM.
 */
void bar_init(struct field *f, const struct pcidev_info *info, unsigned number);
/*
 * bar.c: writes f's address to the device if it reads otherwise. 0 (it stood),
 * 1 (written), or -1 with errno.
 */
int bar_restore(const struct config *cfg, const struct field *f);

/*
 * shadow.c: reads the registers' constant bits into virt, where the policy wants it and
 * the device answers; otherwise reads go to the device.
 */
void shadow_take(struct config *cfg);

/*
 * power.c: finishes what a return from D3hot lost; call before an access while
 * settle_until is set. Never waits, never fails.
 */
void power_settle(struct config *cfg);

/* denial.c: counts that `bits` (of f; of the access where f is unlisted) were refused. */
void denial_count(struct config *cfg, struct field *f, const struct access *a, uint32_t bits);

#endif
