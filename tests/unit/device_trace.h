/* SPDX-License-Identifier: MIT */
/*
 * A device that notes what is written to it, before one of a captured machine that does it; and fails, or is lost,
 * where a test wants that. Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_UNIT_DEVICE_TRACE_H
#define XENPCI_TESTS_UNIT_DEVICE_TRACE_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support_device.h"

enum { TRACE_MAX = 128 };

/* A device before another: it keeps what was written, and fails where it is told to. */
struct traced {
	struct pcidev dev; /* first */
	struct pcidev *real;
	unsigned nr;
	struct {
		unsigned offset, size;
		uint32_t value;
	} write[TRACE_MAX];
	unsigned fail_write; /* offset whose writes fail with EPERM; 0: none */
	unsigned lose_write; /* offset whose writes go nowhere */
	bool dead;	     /* reads ones */
	bool zero;	     /* reads zeros */
};

static int traced_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	struct traced *t = (struct traced *)dev;

	*value = UINT32_MAX >> (32 - 8 * size);
	if (t->zero)
		*value = 0;
	return t->dead || t->zero ? 0 : pcidev_read(t->real, offset, size, value);
}

static int traced_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct traced *t = (struct traced *)dev;

	assert_true(t->nr < TRACE_MAX);
	t->write[t->nr].offset = offset;
	t->write[t->nr].size = size;
	t->write[t->nr++].value = value;
	if (offset == t->fail_write) {
		errno = EPERM;
		return -1;
	}
	return offset == t->lose_write ? 0 : pcidev_write(t->real, offset, size, value);
}

static int traced_reset(struct pcidev *dev)
{
	return pcidev_reset(((struct traced *)dev)->real);
}

static int traced_enable(struct pcidev *dev, bool on)
{
	return pcidev_enable(((struct traced *)dev)->real, on);
}

static void traced_close(struct pcidev *dev)
{
	pcidev_close(((struct traced *)dev)->real);
}

static const struct pcidev_ops traced_ops = {
	.read = traced_read,
	.write = traced_write,
	.reset = traced_reset,
	.enable = traced_enable,
	.close = traced_close,
};

static struct traced traced;

static struct pcidev *trace(const char *sbdf)
{
	memset(&traced, 0, sizeof(traced));
	traced.real = open_device(bench, sbdf);
	traced.dev.ops = &traced_ops;
	traced.dev.info = traced.real->info;
	traced.lose_write = traced.fail_write = UINT32_MAX;
	return &traced.dev;
}

/* The place of the first write to offset, or -1. */
static int written(unsigned offset)
{
	for (unsigned i = 0; i < traced.nr; i++) {
		if (traced.write[i].offset == offset)
			return (int)i;
	}
	return -1;
}

#endif
