/* SPDX-License-Identifier: MIT */
#include "host/device/image/function.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "host/device/provider.h"
#include "host/device/slow.h"
#include "host/device/reset_quirks.h"
#include "common/util.h"

enum { ID_ABSENT = 0xffff, GATE_LOOK_NS = 1000000 };

static struct image_function *function_of(struct pcidev *dev)
{
	return (struct image_function *)dev;
}

static bool is_below(const struct image_function *fn, const struct image_function *bridge)
{
	/* A parent's bus number is less than its child's, so this ends. */
	for (fn = fn->parent; fn; fn = fn->parent) {
		if (fn == bridge)
			return true;
	}
	return false;
}

static bool holds_bus(const struct image_function *fn)
{
	return fn->dev.info.header_type == PCI_HEADER_TYPE_BRIDGE &&
	       fn->now[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET;
}

/* Everything behind bridge goes into reset (on), or comes out of it. */
static void hold_bus(struct image_function *bridge, bool on)
{
	struct image *image = bridge->image;
	size_t i;

	for (i = 0; i < image->nr; i++) {
		struct image_function *fn = &image->function[i];

		if (!is_below(fn, bridge))
			continue;
		if (on)
			memcpy(fn->now, fn->reset, fn->dev.info.config_size);
		*fn->held = on;
	}
}

/* BARs and the command register are zero afterwards. */
static void function_reset(struct image_function *fn)
{
	bool held_bus = holds_bus(fn);

	memcpy(fn->now, fn->reset, fn->dev.info.config_size);
	if (held_bus)
		hold_bus(fn, false);
}

static bool has_flr(const struct image_function *fn)
{
	uint8_t af = fn->af ? fn->now[fn->af + PCI_AF_CAP] : 0;

	if (fn->express && image_register(fn, fn->express + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR)
		return true;
	return af & PCI_AF_CAP_FLR && af & PCI_AF_CAP_TP;
}

static bool has_pm_reset(const struct image_function *fn)
{
	return fn->pm && !(fn->now[fn->pm + PCI_PM_CTRL] & PCI_PM_CTRL_NO_SOFT_RESET);
}

/* The power state was written: `old` is the one before. */
static void power_changed(struct image_function *fn, unsigned old)
{
	uint8_t *ctrl = &fn->now[fn->pm + PCI_PM_CTRL];
	uint32_t pmc = image_register(fn, fn->pm + PCI_PM_PMC, 2);
	unsigned state = *ctrl & PCI_PM_CTRL_STATE_MASK;

	/* A state that is not there, or not to be had from D3, is not entered. */
	if ((state == 1 && (!(pmc & PCI_PM_CAP_D1) || old > 1)) ||
	    (state == 2 && (!(pmc & PCI_PM_CAP_D2) || old > 2)))
		*ctrl = (uint8_t)((*ctrl ^ state) | old);
	else if (old == 3 && state == 0 && has_pm_reset(fn))
		function_reset(fn);
}

/* One byte of a write, by the masks. */
static void write_byte(struct image_function *fn, unsigned at, uint8_t value)
{
	uint8_t mask = fn->writable[at];

	fn->now[at] = (uint8_t)((fn->now[at] & ~mask) | (value & mask));
	fn->now[at] &= (uint8_t)~(value & fn->clear[at]);
}

/* What the byte just written does beyond holding its bits; `old` is what it held. */
static void byte_effect(struct image_function *fn, unsigned at, uint8_t old, uint8_t value)
{
	const struct pcidev_info *info = &fn->dev.info;

	if (fn->pm && at == (unsigned)fn->pm + PCI_PM_CTRL) {
		power_changed(fn, old & PCI_PM_CTRL_STATE_MASK);
	} else if (fn->express && at == fn->express + PCI_EXP_DEVCTL + 1u) {
		if (value & PCI_EXP_DEVCTL_BCR_FLR >> 8 &&
		    image_register(fn, fn->express + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR)
			function_reset(fn);
	} else if (fn->af && at == (unsigned)fn->af + PCI_AF_CTRL) {
		if (value & PCI_AF_CTRL_FLR && fn->now[fn->af + PCI_AF_CAP] & PCI_AF_CAP_FLR)
			function_reset(fn);
	} else if (fn->vpd && at == fn->vpd + PCI_VPD_ADDR + 1u) {
		/* The flag turns over when the transfer is done, which is at once. */
		fn->now[at] ^= PCI_VPD_ADDR_F >> 8;
	} else if (info->header_type == PCI_HEADER_TYPE_BRIDGE && at == PCI_BRIDGE_CONTROL) {
		if ((old ^ fn->now[at]) & PCI_BRIDGE_CTL_BUS_RESET)
			hold_bus(fn, fn->now[at] & PCI_BRIDGE_CTL_BUS_RESET);
	}
}

/* Whose turn it is has nothing to do with what is read: the wait comes first. */
static void wait_if_slow(const struct image_function *fn)
{
	if (fn->slow_ms)
		slow_sleep(fn->slow_ms * 1000000ull);
}

/* In reset, as long as somebody likes. */
static void wait_at_gate(struct image_function *fn)
{
	if (!fn->gate)
		return;
	*fn->held = 1;
	while (!access(fn->gate, F_OK))
		slow_sleep(GATE_LOOK_NS);
	*fn->held = 0;
}

/* All that were reset with the bus of fn. */
static void wait_at_gates(const struct image_function *fn)
{
	struct image *image = fn->image;

	for (size_t i = 0; i < image->nr; i++) {
		if (is_below(&image->function[i], fn))
			wait_at_gate(&image->function[i]);
	}
}

static int image_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	const struct image_function *fn = function_of(dev);

	wait_if_slow(fn);
	*value = *fn->held ? UINT32_MAX >> (32 - 8 * size) : image_register(fn, offset, size);
	return 0;
}

static int image_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct image_function *fn = function_of(dev);
	bool held_bus = holds_bus(fn);
	uint8_t old[4];
	unsigned i;

	wait_if_slow(fn);
	if (*fn->held)
		return 0;
	memcpy(old, fn->now + offset, size);
	for (i = 0; i < size; i++)
		write_byte(fn, offset + i, (uint8_t)(value >> 8 * i));
	for (i = 0; i < size; i++)
		byte_effect(fn, offset + i, old[i], (uint8_t)(value >> 8 * i));
	if (held_bus && !holds_bus(fn))
		wait_at_gates(fn);
	return 0;
}

/* Alone on the bus of a bridge: that bus can be reset for it. */
static bool has_bus_reset(const struct image_function *fn)
{
	const struct image *image = fn->image;
	size_t i;

	if (!fn->parent || fn->parent->dev.info.header_type != PCI_HEADER_TYPE_BRIDGE)
		return false;
	for (i = 0; i < image->nr; i++) {
		if (&image->function[i] != fn && is_below(&image->function[i], fn->parent))
			return false;
	}
	return true;
}

/* As the kernel, whose quirks keep it from some resets. */
static bool kernel_resets(const struct image_function *fn)
{
	const struct pcidev_info *info = &fn->dev.info;

	if (has_flr(fn) && !reset_quirk(info, RESET_QUIRK_NO_FLR))
		return true;
	if (has_pm_reset(fn) && !(fn->parent && reset_quirk(info, RESET_QUIRK_NO_PM)))
		return true;
	return has_bus_reset(fn) && !reset_quirk(info, RESET_QUIRK_NO_BUS);
}

static int image_reset(struct pcidev *dev)
{
	struct image_function *fn = function_of(dev);

	if (!kernel_resets(fn))
		return fail(ENOTTY);
	function_reset(fn);
	wait_at_gate(fn);
	return 0;
}

static int image_enable(struct pcidev *dev, bool on)
{
	struct image_function *fn = function_of(dev);
	uint32_t command = image_register(fn, PCI_COMMAND, 2);

	return image_write(dev, PCI_COMMAND, 2, pcidev_enabled_command(&dev->info, command, on));
}

/* A descriptor of the same file that only reads. */
static int image_share(struct pcidev *dev, struct pcidev_reader *out)
{
	const struct image_function *fn = function_of(dev);
	char path[sizeof("/proc/self/fd/") + 12];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fn->image->registers);
	out->fd = open(path, O_RDONLY | O_CLOEXEC);
	out->base = (uint64_t)(fn->now - fn->image->memory);
	out->held = (uint64_t)(fn->held - fn->image->memory);
	out->slow_ms = fn->slow_ms;
	return out->fd < 0 ? -1 : 0;
}

static void image_close(struct pcidev *dev)
{
	function_of(dev)->open = false;
}

static const struct pcidev_ops image_ops = {
	.read = image_read,
	.write = image_write,
	.reset = image_reset,
	.enable = image_enable,
	.share = image_share,
	.close = image_close,
};

/* The line of the INTx pin, as a PV dom0's kernel would know it. */
static uint32_t intx_line(struct image_function *fn, const struct image_text_function *text)
{
	unsigned msi = pcidev_find_cap(&fn->dev, PCI_CAP_ID_MSI);
	bool msi_on = msi && image_register(fn, msi + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE;
	uint32_t irq = fn->now[PCI_INTERRUPT_PIN] ? fn->now[PCI_INTERRUPT_LINE] : 0;

	/* With MSI on, or above a byte, the text tells an interrupt of another kind. */
	if (text->has_irq && !msi_on && text->irq <= UINT8_MAX)
		irq = text->irq;
	return pcidev_is_line(irq) ? irq : 0;
}

static void ids_init(struct image_function *fn, const struct image_text_function *text,
		     const struct image_vf *vf)
{
	struct pcidev_info *info = &fn->dev.info;

	info->vendor = (uint16_t)image_register(fn, PCI_VENDOR_ID, 2);
	info->device = (uint16_t)image_register(fn, PCI_DEVICE_ID, 2);
	info->class_code = image_register(fn, PCI_CLASS_REVISION, 4) >> 8;
	info->header_type = pcidev_header_type(fn->now[PCI_HEADER_TYPE]);
	pcidev_read_ids(&fn->dev);
	if (vf) {
		info->is_vf = true;
		info->pf = vf->pf;
		info->vendor = vf->vendor;
		info->device = vf->device;
	}
	if (info->vendor == ID_ABSENT && text->has_ids) {
		info->vendor = text->vendor;
		info->device = text->device;
	}
}

/* New masks for fn to build; share_masks when they are built. */
static int new_masks(struct image_function *fn, size_t size)
{
	struct image_masks *m = calloc(1, sizeof(*m) + 3 * size);

	if (!m)
		return -1;
	m->size = size;
	m->next = fn->image->masks;
	fn->image->masks = m;
	return 0;
}

static void point_at(struct image_function *fn, struct image_masks *m)
{
	fn->reset = m->bytes;
	fn->writable = fn->reset + m->size;
	fn->clear = fn->writable + m->size;
}

/* The masks just built give way to older ones that are the same. */
static void share_masks(struct image_function *fn)
{
	struct image_masks *built = fn->image->masks;

	for (struct image_masks *m = built->next; m; m = m->next) {
		if (m->size != built->size || memcmp(m->bytes, built->bytes, 3 * m->size))
			continue;
		fn->image->masks = built->next;
		free(built);
		point_at(fn, m);
		return;
	}
}

void image_masks_free(struct image *image)
{
	while (image->masks) {
		struct image_masks *m = image->masks;

		image->masks = m->next;
		free_keep(m);
	}
}

/*
 * Ends the capability list where the dump ends, so that nothing is taken for a capability that the
 * dump does not have. Whether a part of the list is beyond it.
 */
static bool cut_capabilities(struct image_function *fn, size_t nr_bytes)
{
	uint8_t at = PCI_CAPABILITY_LIST;

	if (!(fn->now[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return false;
	for (unsigned left = PCIDEV_CAPS_MAX; left; left--) {
		uint8_t next = fn->now[at] & 0xfc;

		if (next < PCI_STD_HEADER_SIZEOF)
			return false;
		if (next >= nr_bytes) {
			fn->now[at] = 0;
			if (at == PCI_CAPABILITY_LIST)
				fn->now[PCI_STATUS] &= (uint8_t)~PCI_STATUS_CAP_LIST;
			return true;
		}
		at = (uint8_t)(next + PCI_CAP_LIST_NEXT);
	}
	return false;
}

int image_function_init(struct image_function *fn, const struct image_text_function *text,
			const struct image_vf *vf, const char *file, xentoollog_logger *lg,
			unsigned *guessed)
{
	size_t size = text->nr_bytes > 256 ? 4096 : 256;

	image_place(fn, size);
	if (new_masks(fn, size))
		return -1;
	point_at(fn, fn->image->masks);
	memcpy(fn->now, text->bytes, text->nr_bytes);
	fn->dev.ops = &image_ops;
	fn->dev.info.sbdf = text->sbdf;
	fn->dev.info.config_size = (uint16_t)size;
	fn->dev.info.caps_unseen = cut_capabilities(fn, text->nr_bytes);
	ids_init(fn, text, vf);
	if (image_resources_build(fn, text, file, lg, guessed))
		return -1;
	fn->dev.info.irq = intx_line(fn, text);
	fn->dev.info.bars_movable = !vf && !fn->fixed;
	image_masks_build(fn);
	share_masks(fn);
	return 0;
}

void image_function_dispose(struct image_function *fn)
{
	free_keep(fn->gate);
	fn->gate = NULL;
	fn->now = fn->reset = fn->writable = fn->clear = NULL;
}
