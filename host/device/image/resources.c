/* SPDX-License-Identifier: MIT */
/*
 * A captured function's BARs and ROM: the registers tell address and kind, the
 * description tells the size. Where they cannot both be true the file is refused.
 */
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/device/image/function.h"
#include "common/log.h"
#include "common/util.h"

enum {
	MEMORY_LEAST = 16,
	IO_LEAST = 4,
	ROM_LEAST = 2048,
	/* What is assumed where nothing tells. */
	MEMORY_ASSUMED = 4096,
	IO_ASSUMED = 32,
};

struct builder {
	struct image_function *fn;
	const char *file;
	xentoollog_logger *lg;
	unsigned guessed;
};

static int __attribute__((format(printf, 4, 5))) bad(const struct builder *b, unsigned line,
						     unsigned number, const char *fmt, ...)
{
	char name[SBDF_TEXT], text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error(b->lg, "%s:%u: %s: region %u: %s", b->file, line,
		  sbdf_format(b->fn->dev.info.sbdf, name), number, text);
	return fail(EINVAL);
}

/* The size where the text is silent: `assumed`, or less where the address says so. */
static uint64_t guess_size(struct builder *b, uint64_t address, uint64_t assumed)
{
	uint64_t lowest = address & -address;

	b->guessed++;
	return lowest && lowest < assumed ? lowest : assumed;
}

static int bad_size(const struct builder *b, const struct image_region *rg, unsigned number,
		    const struct pcidev_resource *r)
{
	return bad(b, rg->line, number, "a size of %llu is not a power of two", (unsigned long long)r->size);
}

/* Whether a register can have a size and address like r's. */
static int check(const struct builder *b, const struct image_region *rg, unsigned number,
		 const struct pcidev_resource *r, uint64_t least)
{
	bool is_64bit = number != PCIDEV_ROM && !(r->flags & PCI_BASE_ADDRESS_SPACE_IO) &&
			r->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;

	if (r->size & (r->size - 1))
		return bad_size(b, rg, number, r);
	if (r->size < least || (!is_64bit && r->size > UINT32_MAX))
		return bad(b, rg->line, number, "a size of %llu is impossible for its kind",
			   (unsigned long long)r->size);
	if (r->start & (r->size - 1))
		return bad(b, rg->line, number, "address %llx in the dump does not fit the size",
			   (unsigned long long)r->start);
	return 0;
}

/*
 * The OS has the region at another address than the register tells: behind a host bridge that
 * translates, or a ROM's copy in memory. A guest is to see the OS's, and the register stays. An
 * lspci that was built for 32 bits prints no more of an address.
 */
static void take_os_address(struct builder *b, const struct image_region *rg, unsigned number,
			    struct pcidev_resource *r)
{
	if (!rg->start || rg->start == r->start || rg->start == (uint32_t)r->start)
		return;
	b->fn->fixed |= (uint8_t)(1u << number);
	r->start = rg->start;
}

/* A region that the OS knows and the register does not: a VF's, or a fixed one. */
static int os_resource(struct builder *b, const struct image_region *rg, unsigned number,
		       struct pcidev_resource *r)
{
	b->fn->fixed |= (uint8_t)(1u << number);
	r->start = rg->start;
	r->size = rg->size ? rg->size :
		  guess_size(b, rg->start, rg->io ? IO_ASSUMED : MEMORY_ASSUMED);
	r->disabled = !rg->start;
	/* What the kernel has put together itself may be smaller than any BAR, and begin anywhere. */
	if (r->size & (r->size - 1))
		return bad_size(b, rg, number, r);
	if (number == PCIDEV_ROM)
		return 0;
	r->flags = rg->io ? PCI_BASE_ADDRESS_SPACE_IO :
		   (uint8_t)((rg->is_64bit ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
			     (rg->below_1m ? PCI_BASE_ADDRESS_MEM_TYPE_1M : 0) |
			     (rg->prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0));
	return 0;
}

static int build_bar(struct builder *b, const struct image_region *rg, unsigned number, unsigned nr)
{
	struct image_function *fn = b->fn;
	struct pcidev_resource *r = &fn->dev.info.resource[number];
	unsigned offset = PCI_BASE_ADDRESS_0 + 4 * number;
	uint32_t low = image_register(fn, offset, 4);
	bool io = low & PCI_BASE_ADDRESS_SPACE_IO;

	r->flags = (uint8_t)(low & (io ? 0x1 : 0xf));
	r->start = low & (io ? (uint32_t)PCI_BASE_ADDRESS_IO_MASK :
			       (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
	if (!io && r->flags & PCI_BASE_ADDRESS_MEM_TYPE_64 && number + 1 < nr)
		r->start |= (uint64_t)image_register(fn, offset + 4, 4) << 32;
	if (rg->line && (fn->dev.info.is_vf || (!r->start && rg->start)))
		return os_resource(b, rg, number, r);
	/* Not implemented, or a 64-bit one without room for its upper half. */
	if ((!low && !rg->line) ||
	    (!io && r->flags & PCI_BASE_ADDRESS_MEM_TYPE_64 && number + 1 >= nr)) {
		r->flags = 0;
		r->start = 0;
		return 0;
	}
	if (rg->line && low && rg->io != io)
		return bad(b, rg->line, number, "the hex dump says %s",
			   io ? "I/O ports" : "memory");
	if (!low)
		r->flags = rg->io ? PCI_BASE_ADDRESS_SPACE_IO : 0;
	take_os_address(b, rg, number, r);
	/* The OS ignores what the register holds: as good as not assigned. */
	r->disabled = !r->start || (rg->line && !rg->start);
	r->size = rg->size ? rg->size :
		  guess_size(b, r->start, rg->io || io ? IO_ASSUMED : MEMORY_ASSUMED);
	return check(b, rg, number, r, rg->io || io ? IO_LEAST : MEMORY_LEAST);
}

static int build_rom(struct builder *b, const struct image_region *rg, unsigned offset)
{
	struct image_function *fn = b->fn;
	struct pcidev_resource *r = &fn->dev.info.resource[PCIDEV_ROM];
	uint32_t low = image_register(fn, offset, 4);

	r->start = low & (uint32_t)PCI_ROM_ADDRESS_MASK;
	r->flags = low & PCI_ROM_ADDRESS_ENABLE;
	if (rg->line && (fn->dev.info.is_vf || (!r->start && rg->start))) {
		r->flags = 0;
		return os_resource(b, rg, PCIDEV_ROM, r);
	}
	if (!r->start && !rg->line) {
		r->flags = 0;
		return 0;
	}
	take_os_address(b, rg, PCIDEV_ROM, r);
	r->disabled = !r->start || (rg->line && !rg->start);
	r->size = rg->size ? rg->size : guess_size(b, r->start, MEMORY_ASSUMED);
	return check(b, rg, PCIDEV_ROM, r, ROM_LEAST);
}

int image_resources_build(struct image_function *fn, const struct image_text_function *text,
			  const char *file, xentoollog_logger *lg, unsigned *guessed)
{
	struct builder b = { .fn = fn, .file = file, .lg = lg };
	const struct image_region *rg = text->region;
	unsigned i, nr;

	if (fn->dev.info.header_type > PCI_HEADER_TYPE_BRIDGE)
		return 0; /* it cannot be opened */
	nr = fn->dev.info.header_type == PCI_HEADER_TYPE_BRIDGE ? 2 : PCIDEV_BARS;
	for (i = 0; i < nr; i++) {
		if (build_bar(&b, &rg[i], i, nr))
			return -1;
		if (fn->dev.info.resource[i].flags & PCI_BASE_ADDRESS_SPACE_IO ||
		    !(fn->dev.info.resource[i].flags & PCI_BASE_ADDRESS_MEM_TYPE_64) || i + 1 >= nr)
			continue;
		/* lspci -F prints the upper half as a region of which it knows nothing. */
		if (rg[++i].line && (rg[i].start || rg[i].size))
			return bad(&b, rg[i].line, i, "it is the upper half of the one before");
	}
	for (; i < PCIDEV_BARS; i++) {
		if (rg[i].line)
			return bad(&b, rg[i].line, i, "a bridge has two");
	}
	if (build_rom(&b, &rg[PCIDEV_ROM], nr == 2 ? PCI_ROM_ADDRESS1 : PCI_ROM_ADDRESS))
		return -1;
	*guessed += b.guessed;
	return 0;
}
