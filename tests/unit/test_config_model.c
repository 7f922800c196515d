/* SPDX-License-Identifier: MIT */
/*
 * The compiled table against the model: every register of every table, every
 * width at every offset, zeros, ones and random values, then long random walks; after each
 * step the answer and every byte of the device are compared.
 */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config_model.h"

static struct fake dev;
static struct model model;

static const struct config_quirk quirks[] = {
	{ 0x60, 4, 0x0ff000f0 },
	{ 0x66, 2, 0x8001 },
	{ 0x2d, 1, 0x3c },
	{ 0x6b, 1, 0x80 },
};

static const struct config_policy policies[] = {
	{ 0 },
	{ .interrupt_control = true },
	{ .permissive = true },
	{ .permissive = true, .interrupt_control = true },
	{ .quirks = quirks, .nr_quirks = ARRAY_SIZE(quirks) },
	{ .permissive = true, .quirks = quirks, .nr_quirks = ARRAY_SIZE(quirks) },
};

/* A capability with its registers' bytes filled at random, and what the model must know of it. */
struct cap {
	uint8_t id;
	uint8_t at;
	uint16_t word; /* at +2 */
};

static const struct cap type0_caps[] = {
	{ PCI_CAP_ID_PM, 0xc8, 0xfe23 },  { PCI_CAP_ID_MSI, 0xd0, 0x018a },
	{ PCI_CAP_ID_VPD, 0x40, 0x0000 }, { PCI_CAP_ID_MSIX, 0xa0, 0x0004 },
	{ PCI_CAP_ID_EXP, 0x70, 0x0002 }, { PCI_CAP_ID_AF, 0xf0, 0x0306 },
};

static const struct cap type1_caps[] = {
	{ PCI_CAP_ID_MSIX, 0x40, 0x0004 },
	{ PCI_CAP_ID_MSI, 0x50, 0x0000 },
	{ PCI_CAP_ID_PM, 0x80, 0x0003 },
	{ PCI_CAP_ID_EXP, 0xa0, 0x0041 },
};

static void model_cap(const struct cap *c)
{
	if (c->id != PCI_CAP_ID_EXP && c->id != PCI_CAP_ID_AF)
		model_add(&model, MODEL_FIXED, c->at, 2);
	switch (c->id) {
	case PCI_CAP_ID_PM:
		model_add(&model, MODEL_PMC, c->at + 2u, 2);
		model_add(&model, MODEL_PMCSR, c->at + 4u, 2);
		model_add(&model, MODEL_FIXED, c->at + 6u, 1);
		model_add(&model, MODEL_FIXED, c->at + 7u, 1);
		break;
	case PCI_CAP_ID_VPD:
		model_add(&model, MODEL_VPD, c->at + 2u, 2);
		model_add(&model, MODEL_FIXED, c->at + 4u, 4);
		break;
	case PCI_CAP_ID_MSI:
		model_add(&model, MODEL_MSI, c->at + 2u, 2);
		model.msi = c->at;
		break;
	case PCI_CAP_ID_MSIX:
		model_add(&model, MODEL_MSIX, c->at + 2u, 2);
		model.msix = c->at;
		break;
	default:
		break;
	}
}

static struct config *make(uint8_t header_type, const struct cap *caps, size_t nr,
			   const struct config_policy *policy, uint64_t *seed)
{
	bool bridge = header_type == 1;
	struct config *cfg;

	fake_init(&dev, header_type, 4096);
	dev.dev.info.irq = 0x112;
	for (unsigned at = 0x40; at < 4096; at++)
		dev.space[at] = (uint8_t)test_random(seed);
	fake_put(&dev, 0x04, 4, 0x00000003);
	fake_put(&dev, 0x28, 4, test_random(seed));
	fake_put(&dev, 0x2c, 4, test_random(seed));
	fake_bar(&dev, 0, 0x12fe000000, 0x4000, PCI_BASE_ADDRESS_MEM_TYPE_64);
	if (!bridge) {
		fake_bar(&dev, 2, 0xe000, 0x20, PCI_BASE_ADDRESS_SPACE_IO);
		fake_bar(&dev, 4, 0x80000000, 0x1000, PCI_BASE_ADDRESS_MEM_PREFETCH);
	}
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	for (size_t i = 0; i < nr; i++) {
		fake_cap(&dev, caps[i].at, caps[i].id);
		fake_put(&dev, caps[i].at + 2u, 2, caps[i].word);
		/* It keeps its configuration: what else happens is test_config_caps' part. */
		if (caps[i].id == PCI_CAP_ID_PM) {
			fake_put(&dev, caps[i].at + 4u, 2, 0x8008);
			dev.w1c[caps[i].at + 5] = 0x80;
		}
	}
	cfg = fake_open(&dev, policy);
	model_init(&model, &dev, policy);
	model_add_bar(&model, 0x10, 0xfe000004, 0xffffc004, 0xf);
	model_add_bar(&model, 0x14, 0x12, 0xffffffff, 0);
	for (unsigned at = 0x18; !bridge && at < 0x28; at += 4)
		model_add_bar(&model, at,
			      at == 0x18   ? 0xe001
			      : at == 0x20 ? 0x80000008
					   : 0,
			      at == 0x18   ? 0xffffffe1
			      : at == 0x20 ? 0xfffff008
					   : 0,
			      at == 0x18 ? 3 : 0xf);
	model_add_bar(&model, bridge ? 0x38 : 0x30, 0xfd000000, 0xffff0000, 0x7ff);
	for (size_t i = 0; i < nr; i++)
		model_cap(&caps[i]);
	return cfg;
}

/* One request to both, and everything compared. */
static void step(struct config *cfg, bool write, unsigned at, unsigned size, uint32_t value)
{
	uint32_t got = 0, want;
	int err, want_err = OK;

	if (write) {
		err = config_guest_write(cfg, (int32_t)at, (int32_t)size, value);
		want_err = model_write(&model, at, size,
				       size == 4 ? value : value & ((1u << 8 * size) - 1));
	} else {
		err = config_guest_read(cfg, (int32_t)at, (int32_t)size, &got);
		want = model_read(&model, at, size);
		if (got != want)
			fail_msg("read of %u at %03x: %08x, not %08x", size, at, got, want);
	}
	if (err != want_err)
		fail_msg("%s of %u at %03x (%08x): err %d, not %d", write ? "write" : "read", size,
			 at, value, err, want_err);
	if (!memcmp(dev.space, model.hw, sizeof(model.hw)))
		return;
	for (unsigned i = 0; i < sizeof(model.hw); i++)
		if (dev.space[i] != model.hw[i])
			fail_msg("%s of %u at %03x (%08x): device's byte %03x is %02x, not %02x",
				 write ? "write" : "read", size, at, value, i, dev.space[i],
				 model.hw[i]);
}

static void every_width_everywhere(struct config *cfg, uint64_t *seed)
{
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned at = 0; at < 4096; at += size) {
			/* The extended space has no registers: a sample of it will do. */
			if (at >= 0x120 && at < 0xfe0 && at % 64)
				continue;
			for (int n = 0; n < 6; n++) {
				uint32_t value = n < 2 ? -(uint32_t)n : test_random(seed);

				step(cfg, true, at, size, value);
				step(cfg, false, at, size, 0);
				step(cfg, false, at & ~3u, 4, 0);
			}
		}
	}
}

static void random_walk(struct config *cfg, uint64_t *seed, unsigned steps)
{
	while (steps--) {
		unsigned size = 1u << test_random(seed) % 3;
		unsigned at = test_random(seed) % 0x110 & ~(size - 1);
		uint32_t value = test_random(seed), shape = test_random(seed) % 4;

		/* Ones, few bits, what stands there with a bit changed, anything. */
		if (shape == 0)
			value = 0xffffffff << value % 16;
		else if (shape == 1)
			value &= test_random(seed) & test_random(seed);
		else if (shape == 2)
			value = model_read(&model, at, size) ^ 1u << value % 32;
		step(cfg, test_random(seed) % 4, at, size, value);
	}
}

static void compare(uint8_t header_type, const struct cap *caps, size_t nr)
{
	uint64_t seed = 0x5eed;

	for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
		struct config *cfg = make(header_type, caps, nr, &policies[p], &seed);

		every_width_everywhere(cfg, &seed);
		random_walk(cfg, &seed, 10000);
		config_close(cfg);
	}
}

static void type0_with_everything(void **state)
{
	(void)state;
	compare(0, type0_caps, ARRAY_SIZE(type0_caps));
}

static void type1(void **state)
{
	(void)state;
	compare(1, type1_caps, ARRAY_SIZE(type1_caps));
}

static void bare(void **state)
{
	(void)state;
	compare(0, NULL, 0);
}

/* XSA-131: in a filtered device nothing changes but what this list says (offset, bits). */
static void xsa_131_default_deny(void **state)
{
	static const struct {
		unsigned at;
		uint8_t bits;
	} allowed[] = {
		{ 0x04, 0x14 }, { 0x0c, 0xff }, { 0x0f, 0x40 }, /* command, cache line, BIST */
		{ 0xcc, 0x03 }, { 0xcd, 0x9e },                 /* PM control */
		{ 0x42, 0xff }, { 0x43, 0x7f },                 /* VPD address */
	};
	uint8_t may[4096] = { 0 }, was[4096];
	uint64_t seed = 131;
	struct config *cfg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		may[allowed[i].at] = allowed[i].bits;
	cfg = make(0, type0_caps, ARRAY_SIZE(type0_caps), &policies[0], &seed);
	memcpy(was, dev.space, sizeof(was));
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned at = 0; at < 4096; at += size) {
			for (int n = 0; n < 4; n++) {
				uint32_t value = n < 2 ? -(uint32_t)n : test_random(&seed);

				fake_forget_log(&dev);
				config_guest_write(cfg, (int32_t)at, (int32_t)size, value);
				for (unsigned i = 0; i < 4096; i++)
					if ((dev.space[i] ^ was[i]) & ~may[i])
						fail_msg("write of %u at %03x (%08x): byte %03x "
							 "%02x -> %02x",
							 size, at, value, i, was[i], dev.space[i]);
				/* Nor is any register written that has no such bit. */
				for (unsigned i = 0; i < dev.reads + dev.writes && i < FAKE_LOG_MAX;
				     i++)
					if (dev.log[i].write && !may[dev.log[i].offset])
						fail_msg("write of %u at %03x: raw write at %03x",
							 size, at, dev.log[i].offset);
			}
		}
	}
	config_close(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type0_with_everything),
		cmocka_unit_test(type1),
		cmocka_unit_test(bare),
		cmocka_unit_test(xsa_131_default_deny),
	};

	return cmocka_run_group_tests_name("config against its model", tests, NULL, NULL);
}
