/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config.h"

static void note(struct fake *f, bool write, unsigned offset, unsigned size, uint32_t value)
{
	unsigned n = f->reads + f->writes;

	if (n < FAKE_LOG_MAX)
		f->log[n] = (struct fake_access){ write, offset, size, value };
	if (write)
		f->writes++;
	else
		f->reads++;
}

static int fake_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	struct fake *f = (struct fake *)dev;

	*value = UINT32_MAX;
	if (f->fail_reads)
		return fail(f->fail_reads);
	if (f->fail_read && !--f->fail_read)
		return fail(EIO);
	*value = fake_get(f, offset, size);
	note(f, false, offset, size, *value);
	return 0;
}

/* What D3hot to D0 does to a device that keeps nothing. */
static void forget(struct fake *f)
{
	memset(f->space + PCI_COMMAND, 0, 2);
	memset(f->space + PCI_CACHE_LINE_SIZE, 0, 1);
	memset(f->space + PCI_BASE_ADDRESS_0, 0, 24);
	memset(f->space + PCI_ROM_ADDRESS, 0, 4);
	f->losing = f->slow_writes;
}

static int fake_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct fake *f = (struct fake *)dev;
	uint8_t old_state = f->pm ? f->space[f->pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK : 0;
	unsigned i;

	if (f->fail_writes)
		return fail(f->fail_writes);
	note(f, true, offset, size, value);
	if (f->losing && offset < PCI_STD_HEADER_SIZEOF) {
		f->losing--;
		return 0;
	}
	for (i = 0; i < size; i++) {
		uint8_t *byte = &f->space[offset + i], v = (uint8_t)(value >> (8 * i));
		uint8_t w1c = f->w1c[offset + i], may = f->writable[offset + i] & (uint8_t)~w1c;

		*byte = (uint8_t)((*byte & ~may & ~(v & w1c)) | (v & may));
	}
	if (old_state == 3 && !(f->space[f->pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) &&
	    !(f->space[f->pm + PCI_PM_CTRL] & PCI_PM_CTRL_NO_SOFT_RESET))
		forget(f);
	return 0;
}

static int fake_enable(struct pcidev *dev, bool on)
{
	struct fake *f = (struct fake *)dev;

	if (f->fail_enable)
		return fail(f->fail_enable);
	if (on) {
		f->enables++;
		f->space[PCI_COMMAND] |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	} else {
		f->disables++;
		f->space[PCI_COMMAND] &= (uint8_t)~PCI_COMMAND_MASTER;
	}
	return 0;
}

static int fake_reset(struct pcidev *dev)
{
	(void)dev;
	return fail(ENOTTY);
}

static void fake_close(struct pcidev *dev)
{
	(void)dev;
}

static const struct pcidev_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.reset = fake_reset,
	.enable = fake_enable,
	.close = fake_close,
};

void fake_init(struct fake *f, uint8_t header_type, uint16_t config_size)
{
	memset(f, 0, sizeof(*f));
	memset(f->writable, 0xff, sizeof(f->writable));
	f->dev.ops = &fake_ops;
	f->dev.info.header_type = header_type;
	f->dev.info.config_size = config_size;
	f->dev.info.vendor = 0x8086;
	f->dev.info.device = 0x10d3;
	fake_put(f, PCI_VENDOR_ID, 4, 0x10d38086);
	fake_put(f, PCI_HEADER_TYPE, 1, header_type);
}

void fake_put(struct fake *f, unsigned offset, unsigned size, uint32_t value)
{
	unsigned i;

	for (i = 0; i < size; i++)
		f->space[offset + i] = (uint8_t)(value >> (8 * i));
}

uint32_t fake_get(const struct fake *f, unsigned offset, unsigned size)
{
	uint32_t value = 0;
	unsigned i;

	for (i = 0; i < size; i++)
		value |= (uint32_t)f->space[offset + i] << (8 * i);
	return value;
}

void fake_cap(struct fake *f, unsigned at, uint8_t id)
{
	f->space[at] = id;
	f->space[at + 1] = f->space[PCI_CAPABILITY_LIST];
	f->space[PCI_CAPABILITY_LIST] = (uint8_t)at;
	f->space[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

void fake_bar(struct fake *f, unsigned number, uint64_t start, uint64_t size, uint8_t flags)
{
	unsigned at = PCI_BASE_ADDRESS_0 + 4 * number;

	if (number == PCIDEV_ROM)
		at = f->dev.info.header_type ? PCI_ROM_ADDRESS1 : PCI_ROM_ADDRESS;
	f->dev.info.resource[number] =
		(struct pcidev_resource){ .start = start, .size = size, .flags = flags };
	fake_put(f, at, 4, (uint32_t)start | flags);
	if (number != PCIDEV_ROM && (flags & PCI_BASE_ADDRESS_MEM_TYPE_64))
		fake_put(f, at + 4, 4, (uint32_t)(start >> 32));
}

void fake_forget_log(struct fake *f)
{
	f->reads = f->writes = f->enables = f->disables = 0;
}

void fake_nic(struct fake *f)
{
	fake_init(f, 0, 4096);
	f->dev.info.irq = 20;
	fake_put(f, 0x04, 4, 0x00100103);
	fake_put(f, 0x08, 4, 0x02000000);
	fake_bar(f, 0, 0xfeb40000, 0x20000, 0);
	fake_bar(f, 1, 0xfeb60000, 0x20000, 0);
	fake_bar(f, 2, 0xc040, 0x20, PCI_BASE_ADDRESS_SPACE_IO);
	fake_bar(f, 3, 0xfeb80000, 0x4000, 0);
	fake_bar(f, PCIDEV_ROM, 0xfeb00000, 0x40000, 0);
	fake_put(f, 0x3c, 2, 0x010b);
	fake_cap(f, 0xa0, PCI_CAP_ID_MSIX);
	fake_cap(f, 0xe0, PCI_CAP_ID_EXP);
	fake_cap(f, 0xd0, PCI_CAP_ID_MSI);
	fake_cap(f, 0xc8, PCI_CAP_ID_PM);
	fake_put(f, 0xca, 2, 0xc822);
	fake_put(f, 0xd2, 2, 0x0080);
	fake_put(f, 0xd4, 4, 0xfee00318);
	fake_put(f, 0xe2, 2, 0x0001);
	fake_put(f, 0xa2, 2, 0x0004);
	fake_put(f, 0xa4, 4, 0x00000003);
	fake_put(f, 0xa8, 4, 0x00002003);
	fake_put(f, 0x100, 4, 0x14020001);
}

struct config *fake_open(struct fake *f, const struct config_policy *policy)
{
	static const struct config_policy filtered;
	struct config *cfg = config_open(&f->dev, policy ? policy : &filtered);

	assert_non_null(cfg);
	fake_forget_log(f);
	return cfg;
}

void check_read(struct config *cfg, int32_t offset, int32_t size, int err, uint32_t value,
		const char *file, int line)
{
	uint32_t got = 0xdeadbeef;
	int got_err = config_guest_read(cfg, offset, size, &got);

	if (got_err == err && got == value)
		return;
	print_error("%s:%d: read of %d at 0x%x: err %d value %08x, not err %d value %08x\n", file,
		    line, size, (unsigned)offset, got_err, got, err, value);
	_fail(file, line);
}

void check_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value, int err,
		 const char *file, int line)
{
	int got = config_guest_write(cfg, offset, size, value);

	if (got == err)
		return;
	print_error("%s:%d: write of %d at 0x%x, %08x: err %d, not %d\n", file, line, size,
		    (unsigned)offset, value, got, err);
	_fail(file, line);
}

uint32_t test_random(uint64_t *state)
{
	/* splitmix64's steps, cut to 32 bits */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}
