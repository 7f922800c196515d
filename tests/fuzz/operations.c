/* SPDX-License-Identifier: MIT */
/*
 * What a guest's operations do to a device: sequences of reads, writes, interrupt commands, resets and
 * the device's own changes, through the worker's filter and the gate's mask and interrupts, over the
 * registers of the bundled machine's devices, changed as the input says. Every bit of the device can be
 * written. The oracle is told of each write: no byte that the table does not open, no vector without an
 * owner. Nor does the gate refuse what the filter asks for, until somebody else has written.
 */
#include "tests/fuzz/fuzz.h"

#include <linux/pci_regs.h>

#include "backend/config/config.h"
#include "backend/gate/interrupt.h"
#include "backend/gate/mask.h"
#include "common/util.h"
#include "tests/fuzz/oracle.h"
#include "tests/fuzz/requests.h"
#include "tests/fuzz/trouble.h"

#define DUMP "image:tests/dumps/bench.txt"

enum {
	SPACE = 4096, BASES = 4, STEPS_MAX = 64,
	WINDOWS_MAX = 300, /* more than a table has room for */
	PATIENCE_NS = 1000000000, /* longer than any device takes to come out of D3hot */
};

/* Who is writing: the filter (through the gate), the gate for itself, or nobody of ours. */
enum writer { FILTER, GATE, NOBODY };

static struct {
	struct pcidev dev; /* first */
	uint8_t space[SPACE];
	uint8_t quirk[SPACE];
	struct oracle oracle;
	struct mask mask;
	struct interrupts irq;
	unsigned pm;
	enum writer writer;
	bool touched;	   /* the device or a hostile worker wrote: the gate may see another state */
	bool fails;	   /* the device fails its accesses */
	unsigned fails_at; /* ... the one so many accesses from now */
	bool deaf;	   /* the device takes no writes */
	bool lineless;	   /* ... of a cache line size */
	uint8_t unplaced;  /* BARs that nobody gave an address */
	unsigned mapped;   /* vectors that the hypervisor knows */
	struct message_map asked; /* ... and what was asked for */
	bool refuses;
	unsigned heard;	   /* refusals */
} d;

static uint8_t bases[BASES][SPACE];
static uint16_t sizes[BASES];
static uint8_t types[BASES];

static uint32_t get(unsigned at, unsigned size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | d.space[at + size];
	return v;
}

static bool fails(void)
{
	if (d.fails || !d.fails_at || --d.fails_at)
		return d.fails;
	d.touched = true; /* whoever asked knows less than the other */
	return true;
}

static int device_read(struct pcidev *dev, unsigned at, unsigned size, uint32_t *v)
{
	(void)dev;
	*v = UINT32_MAX;
	if (fails())
		return fail(EIO);
	*v = get(at, size);
	return 0;
}

/* What is written, but for the bits that say which kind of BAR it is: they are what they are. */
static uint8_t taken(unsigned at, uint8_t new)
{
	const struct pcidev_resource *r = d.dev.info.resource;
	unsigned i = (at - PCI_BASE_ADDRESS_0) / 4;

	if (at < PCI_BASE_ADDRESS_0 || at % 4 || i >= d.oracle.nr_bars || !r[i].size)
		return new;
	return (uint8_t)((new & ~(r[i].flags & PCI_BASE_ADDRESS_SPACE_IO ? 3 : 15)) | r[i].flags);
}

/* A device that keeps nothing when it comes out of D3hot. */
static void forget(void)
{
	memset(d.space + PCI_COMMAND, 0, 2);
	memset(d.space + PCI_CACHE_LINE_SIZE, 0, 1);
	for (unsigned i = 0; i < 4 * d.oracle.nr_bars; i++)
		d.space[PCI_BASE_ADDRESS_0 + i] = taken(PCI_BASE_ADDRESS_0 + i, 0);
	memset(d.space + d.oracle.rom, 0, 4);
	d.touched = true;
}

static void judge(unsigned at, uint8_t old, uint8_t new)
{
	const char *why;

	/* What came on behind the gate's last look, or stayed on as the device was deaf, may go off: nobody told the gate. */
	if (at == PCI_COMMAND || at == PCI_COMMAND + 1)
		old &= (uint8_t)(new | d.mask.command >> 8 * (at - PCI_COMMAND));
	/* What interrupts need is the gate's own to write. */
	if (d.writer == GATE || oracle_allows(&d.oracle, at, old, new, &why))
		return;
	fuzz_fail("byte 0x%03x %02x -> %02x: %s", at, old, new, why);
}

/* The gate's own: enable bits and INTx. */
static bool is_interrupts(unsigned at)
{
	return at == PCI_COMMAND + 1 || at == d.irq.msi + (unsigned)PCI_MSI_FLAGS ||
	       at == d.irq.msix + PCI_MSIX_FLAGS + 1u;
}

static int device_write(struct pcidev *dev, unsigned at, unsigned size, uint32_t v)
{
	unsigned state = d.pm ? d.space[d.pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK : 0;
	uint32_t before = get(at & ~3u, 4), after;
	uint32_t same = (before & ~0xffu) | taken(at & ~3u, (uint8_t)before);

	(void)dev;
	if (fails())
		return fail(EIO);
	if (d.writer == FILTER && !mask_allows(&d.mask, at, size, get(at, size), v)) {
		if (!d.touched)
			fuzz_fail("the gate refuses its filter %u bytes at 0x%03x: %x -> %x", size, at,
				  get(at, size), v);
		return fail(EPERM);
	}
	for (unsigned i = 0; i < size; i++) {
		uint8_t *byte = &d.space[at + i], new = taken(at + i, (uint8_t)(v >> (8 * i)));

		if (d.writer == GATE && *byte != new && !is_interrupts(at + i))
			fuzz_fail("interrupts change byte 0x%03x", at + i);
		judge(at + i, taken(at + i, *byte), new);
		if (d.deaf || (d.lineless && at + i == PCI_CACHE_LINE_SIZE))
			continue;
		*byte = (uint8_t)((new & ~d.oracle.w1c[at + i]) | (*byte & ~new & d.oracle.w1c[at + i]));
	}
	after = get(at & ~3u, 4);
	if (after != before && after != same && oracle_is_foreign(&d.oracle, at, after))
		fuzz_fail("a part of an address: 0x%03x %x -> %x", at & ~3u, before, after);
	if (state == 3 && !(d.space[d.pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) &&
	    !(d.space[d.pm + PCI_PM_CTRL] & PCI_PM_CTRL_NO_SOFT_RESET))
		forget();
	if (at <= PCI_COMMAND && at + size > PCI_COMMAND)
		mask_note_command(&d.mask, &d.dev);
	return 0;
}

static int device_enable(struct pcidev *dev, bool on)
{
	(void)dev;
	if (fails())
		return fail(EIO);
	if (on)
		d.space[PCI_COMMAND] |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	else
		d.space[PCI_COMMAND] &= (uint8_t)~PCI_COMMAND_MASTER;
	d.oracle.decoded |= (uint16_t)get(PCI_COMMAND, 2);
	mask_note_command(&d.mask, &d.dev);
	return 0;
}

static int device_reset(struct pcidev *dev)
{
	(void)dev;
	return fail(ENOTTY);
}

static void device_close(struct pcidev *dev)
{
	(void)dev;
}

static const struct pcidev_ops ops = { .read = device_read, .write = device_write,
				       .reset = device_reset, .enable = device_enable,
				       .close = device_close };

/* ---- Vectors ---- */

static void map(void *context, const struct message_map *want, struct message_mapped *got)
{
	unsigned nr = want->mode == VECTORS_MSIX ? want->nr : want->multi ? want->multi : 1;

	(void)context;
	memset(got, 0, sizeof(*got));
	got->again = d.mapped && want->first && want->mode == d.asked.mode && nr == d.mapped &&
		     (want->mode == VECTORS_MSI ||
		      !memcmp(want->entry, d.asked.entry, nr * sizeof(want->entry[0])));
	/* As the supervisor has it: one request at a time. */
	if (!got->again && (d.mapped || !nr || nr > SH_INFO_MAX_VEC || d.refuses)) {
		got->err = d.mapped ? EBUSY : d.refuses ? (nr & 12 ? ENFILE : ENOSPC) : EINVAL;
		got->count = nr & 8 ? nr : 2;
		return;
	}
	for (unsigned i = 0; i < nr; i++)
		got->pirq[i] = 16 + i;
	d.mapped = nr;
	d.asked = *want;
}

static void unmap(void *context)
{
	(void)context;
	d.mapped = 0;
}

static void say(void *context, unsigned level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

static void check_vectors(void)
{
	if ((d.irq.mode != VECTORS_NONE) != (d.mapped != 0) || (d.mapped && d.irq.nr != d.mapped))
		fuzz_fail("%u vectors are mapped, the gate knows of %u in mode %u", d.mapped, d.irq.nr,
			  (unsigned)d.irq.mode);
}

static void interrupt(struct bytes *in)
{
	static struct xen_pci_op op;
	uint8_t what = take_u8(in);
	bool first = what & 0x80, before = d.irq.mode != VECTORS_NONE;
	unsigned n = 0;

	request_take(in, what, &op);
	d.writer = GATE;
	switch (what & 7) {
	case 0:
		n = interrupt_enable_msi(&d.irq, &op, first);
		break;
	case 1:
		n = interrupt_enable_multi_msi(&d.irq, &op, first);
		break;
	case 2:
	case 3:
		n = interrupt_enable_msix(&d.irq, &op, first);
		break;
	case 4:
		n = interrupt_disable_msi(&d.irq, &op);
		break;
	case 5:
		n = interrupt_disable_msix(&d.irq, &op);
		break;
	case 6:
		interrupt_turn_on(&d.irq);
		break;
	default:
		interrupt_release(&d.irq);
		fuzz_check(!d.mapped);
		break;
	}
	fuzz_check(n <= SH_INFO_MAX_VEC);
	request_answer(&op, n, (what & 7) == 1);
	mask_note_command(&d.mask, &d.dev);
	mask_note_intx(&d.mask, before, d.irq.mode != VECTORS_NONE);
	/* INTx that went off with it is as the OS has it. */
	d.oracle.decoded |= (uint16_t)get(PCI_COMMAND, 2);
	d.writer = FILTER;
	d.touched = true;
	check_vectors();
}

/* ---- Steps ---- */

/* A taken-over worker writes past its filter: the gate alone stands between. */
static void write_hostile(unsigned at, unsigned size, uint32_t v)
{
	if (!mask_allows(&d.mask, at, size, at + size <= SPACE ? get(at, size > 4 ? 4 : size) : 0, v))
		return;
	fuzz_check((size == 1 || size == 2 || size == 4) && at + size <= d.dev.info.config_size);
	device_write(&d.dev, at, size, v);
	d.touched = true;
}

static void take_state(struct config **cfg, const struct config_policy *policy, struct bytes *in)
{
	struct config_state state;
	uint8_t how = take_u8(in);

	config_save_state(*cfg, &state);
	/* What a worker has left may be anything: the gate holds whoever comes next to the same. */
	if (how & 1)
		take(in, &state.bar, sizeof(state.bar));
	if (how & 2)
		state.command = take_u16(in);
	if (how & 4)
		state.latches = take_u8(in);
	d.touched |= how & 1;
	config_close(*cfg);
	*cfg = config_open(&d.dev, policy);
	if (*cfg)
		config_load_state(*cfg, &state);
}

static void hear(void *context, const struct config_denial *denial)
{
	(void)context;
	fuzz_check(denial->field && denial->bits && denial->size <= 4);
	d.heard++;
}

static void drain_denials(struct config *cfg, unsigned how)
{
	struct config_denial denial, again;
	struct config_denied denied;
	unsigned n = 0, at = 0;

	config_listen(cfg, how & 1 ? hear : NULL, NULL);
	fuzz_check(config_name_at(cfg, (int16_t)how));
	while (config_take_denial(cfg, &denial)) {
		fuzz_check(++n <= 16 && denial.field);
		if (how & 2) {
			config_put_back_denial(cfg);
			fuzz_check(config_take_denial(cfg, &again) && again.offset == denial.offset &&
				   again.bits == denial.bits);
		}
	}
	n = 0;
	while (config_next_denied(cfg, &at, &denied))
		fuzz_check(++n <= SPACE + 256);
	config_denied_total(cfg);
}

static void step(struct config **cfg, const struct config_policy *policy, struct bytes *in)
{
	uint8_t what = take_u8(in);
	unsigned size = 1u << (what >> 4 & 3);
	unsigned at = what & 0x80 ? take_u16(in) : take_u8(in);
	uint32_t v;

	if (what & 0x40 && size <= 4)
		at &= ~(size - 1);
	switch (what & 15) {
	default:
		v = take_u32(in);
		config_guest_write(*cfg, (int32_t)at, (int32_t)size, v);
		break;
	case 6:
	case 7:
		v = 0;
		if (config_guest_read(*cfg, (int32_t)at, (int32_t)size, &v) == XEN_PCI_ERR_success)
			fuzz_check(size == 4 || !(v >> (8 * size)));
		break;
	case 8:
		write_hostile(at, size, take_u32(in));
		break;
	case 9:
		interrupt(in);
		break;
	case 10: /* the device itself, or dom0 */
		d.space[at % d.dev.info.config_size] = take_u8(in);
		d.oracle.decoded |= (uint16_t)get(PCI_COMMAND, 2);
		d.touched = true;
		break;
	case 11:
		forget();
		config_reset(*cfg);
		break;
	case 12:
		take_state(cfg, policy, in);
		break;
	case 13:
		d.fails = at & 1;
		d.refuses = at & 2;
		d.deaf = at & 4;
		if (at & 8)
			trouble_later(PATIENCE_NS);
		d.fails_at = at >> 4;
		break;
	case 14:
		drain_denials(*cfg, at);
		break;
	case 15:
		config_guest_write(*cfg, (int32_t)take_u32(in), (int32_t)take_u32(in), 0);
		break;
	}
}

/* ---- The device ---- */

static void read_bases(void)
{
	static const char *const names[BASES] = { "0000:00:04.0", "0000:01:00.0", "0000:00:01.0",
						  "0000:05:00.2" };
	struct provider *p = provider_open(DUMP, NULL);

	for (unsigned i = 0; i < BASES; i++) {
		struct sbdf a;
		struct pcidev *dev = p && !sbdf_parse(names[i], &a) ? provider_open_device(p, a) : NULL;

		if (!dev)
			fuzz_fail(DUMP " cannot be used: run it in the tree's root");
		sizes[i] = dev->info.config_size;
		types[i] = dev->info.header_type;
		for (unsigned at = 0; at < sizes[i]; at += 4) {
			uint32_t v;

			pcidev_read(dev, at, 4, &v);
			memcpy(&bases[i][at], &v, 4);
		}
		pcidev_close(dev);
	}
	provider_close(p);
}

static void set_resources(void)
{
	struct pcidev_info *info = &d.dev.info;
	uint32_t rom = get(d.oracle.rom, 4);

	if (rom)
		info->resource[PCIDEV_ROM] = (struct pcidev_resource){
			.start = rom & ~0x7ffu, .size = 2048, .flags = (uint8_t)(rom & 1) };

	for (unsigned i = 0; i < d.oracle.nr_bars; i++) {
		uint32_t v = get(PCI_BASE_ADDRESS_0 + 4 * i, 4);
		bool io = v & 1, wide = (v & 7) == 4 && i + 1 < d.oracle.nr_bars;

		if (!v && !(d.unplaced >> i & 1))
			continue;
		info->resource[i] = (struct pcidev_resource){
			.start = (v & (io ? ~3u : ~15u)) |
				 (wide ? (uint64_t)get(PCI_BASE_ADDRESS_0 + 4 * i + 4, 4) << 32 : 0),
			.size = io ? 32 : 4096,
			.flags = (uint8_t)(v & (io ? 3 : 15)),
			.disabled = d.unplaced >> i & 1,
		};
		/* A 32-bit one whose flags say otherwise would be no BAR at all. */
		if (!wide && !io)
			info->resource[i].flags &= (uint8_t)~4;
		i += wide;
	}
}

/* BARs that are there and that nobody gave an address. */
static void unplace(uint8_t which, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *bar = &d.space[PCI_BASE_ADDRESS_0 + 4 * i];
		bool wide = (*bar & 7) == 4 && i + 1 < nr;

		if (which >> i & 1 && get(PCI_BASE_ADDRESS_0 + 4 * i, 4)) {
			d.unplaced |= (uint8_t)(1u << i);
			*bar = (uint8_t)(*bar & (*bar & 1 ? 3 : 15));
			memset(bar + 1, 0, wide ? 7 : 3);
		}
		i += wide;
	}
}

static void make_device(struct bytes *in, uint8_t how)
{
	unsigned base = how & 3, patches = take_u8(in) % 16;
	uint8_t which = patches & 8 ? take_u8(in) : 0;

	memset(&d, 0, sizeof(d));
	d.dev.ops = &ops;
	memcpy(d.space, bases[base], SPACE);
	/* Below 64 the header is what the provider has made of it. */
	while (patches--) {
		unsigned at = take_u8(in);

		if (at >= 64 || at == PCI_CAPABILITY_LIST || (at >= PCI_COMMAND && at < PCI_CACHE_LINE_SIZE))
			d.space[at] = take_u8(in);
	}
	d.dev.info.config_size = how & 4 ? 256 : sizes[base];
	d.dev.info.header_type = types[base];
	d.dev.info.vendor = (uint16_t)get(0, 2);
	d.dev.info.device = (uint16_t)get(2, 2);
	d.dev.info.class_code = get(PCI_CLASS_REVISION, 4) >> 8;
	d.dev.info.irq = !(how & 8) ? 0 : which & 64 ? UINT8_MAX : 20;
	d.dev.info.is_virtual = which & 128;
	d.dev.info.is_vf = base == 3;
	d.dev.info.bars_movable = how & 16;
	d.lineless = how & 32;
	/* What no provider would hand out. */
	if (how & 64) {
		d.space[PCI_HEADER_TYPE] = d.dev.info.header_type = take_u8(in) & 3;
		d.dev.info.config_size = take_u16(in);
	}
	unplace(which, d.dev.info.header_type == PCI_HEADER_TYPE_BRIDGE ? 2 : 6);
}

/* What the operator opened; many: more windows than anybody needs. */
static void take_quirks(struct bytes *in, struct config_policy *policy, struct config_quirk *quirks, bool many)
{
	for (unsigned i = 0; i < policy->nr_quirks; i++)
		quirks[i] = (struct config_quirk){ .offset = take_u16(in) & 0xfff,
						   .width = take_u8(in), .mask = take_u32(in) };
	for (unsigned i = 0; many && policy->nr_quirks < WINDOWS_MAX; i++)
		quirks[policy->nr_quirks++] = (struct config_quirk){ (uint16_t)(0x100 + 4 * i), 4, 0xff };
	for (unsigned i = 0; i < policy->nr_quirks; i++)
		oracle_open(&d.oracle, quirks[i].offset, quirks[i].width > 4 ? 0 : quirks[i].width,
			    quirks[i].mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vectors vectors = { map, unmap, say, NULL, NULL };
	static struct config_quirk quirks[WINDOWS_MAX];
	struct bytes in = { data, size };
	uint8_t how = take_u8(&in), rules = take_u8(&in), trouble = take_u8(&in);
	struct config_policy policy = { .permissive = rules & 1, .interrupt_control = rules & 2,
					.shadow = rules & 4, .quirks = quirks,
					.nr_quirks = rules >> 3 & 1 ? 1u + (rules >> 4 & 1) : 0 };
	struct config *cfg;

	if (!sizes[0])
		read_bases();
	make_device(&in, how);
	oracle_init(&d.oracle, d.space, d.dev.info.config_size < SPACE ? d.dev.info.config_size : SPACE,
		    policy.permissive, policy.interrupt_control);
	d.oracle.movable = d.dev.info.bars_movable;
	take_quirks(&in, &policy, quirks, how & 128);
	set_resources();
	d.pm = pcidev_find_cap(&d.dev, PCI_CAP_ID_PM);
	d.dev.caps.known = false;
	d.writer = NOBODY;
	d.fails_at = trouble & 63;
	trouble_memory(trouble >> 6);
	if (mask_init(&d.mask, &d.dev, &policy))
		goto out;
	interrupt_init(&d.irq, &d.dev, &vectors);
	d.irq.no_vectors = rules & 32;
	d.irq.no_msix = rules & 64;
	d.writer = FILTER;
	cfg = config_open(&d.dev, &policy);
	for (unsigned i = 0; cfg && in.left && i < STEPS_MAX; i++)
		step(&cfg, &policy, &in);
	d.fails = false;
	d.fails_at = 0;
	d.writer = GATE;
	interrupt_release(&d.irq);
	fuzz_check(!d.mapped && d.irq.mode == VECTORS_NONE);
	config_close(cfg);
out:
	mask_dispose(&d.mask);
	trouble_over();
	return 0;
}
