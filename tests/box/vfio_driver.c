/* SPDX-License-Identifier: MIT */
/*
 * A driver in a guest as its author writes it, linked with the library as it is installed, for the device of
 * vfio_server.c: vfio_driver STEP... does the steps in order, with the first device there is, and prints "ok ..." or
 * "not ok ..." for each thing that it saw.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <xenpci/xenpcifront.h>

#include "check.h"

enum { LIMIT_MS = 10000, COMMAND = 4, BAR0 = 0x10, ROM = 0x30, OWN = 0x60, DECODES = 3, LINE_UP = 0x10 };
enum { ON_LINE = 0, ON_MSI = 0x100, ON_MSIX = 0x200 }; /* of the doorbell */

static struct xenpcifront *fe;
static struct xenpcifront_address dev;
static struct xenpcifront_bar bars[XENPCIFRONT_BARS];
static struct xenpcifront_vectors *set;

/* The last move that the library told of. */
static unsigned moves;
static struct xenpcifront_bar_change move;

static void put(unsigned offset, unsigned size, uint32_t value)
{
	if (xenpcifront_write(fe, dev, offset, size, value, NULL))
		check(false, "a write of config space", "0x%x: %s", offset, strerror(errno));
}

static uint64_t get(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size)
{
	uint64_t value;

	if (xenpcifront_bar_read(bar, offset, size, &value))
		check(false, "a read behind a BAR", "0x%x at 0x%llx: %s", bar->offset, (unsigned long long)offset,
		      strerror(errno));
	return value;
}

static void set_to(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size, uint64_t value)
{
	if (xenpcifront_bar_write(bar, offset, size, value))
		check(false, "a write behind a BAR", "0x%x at 0x%llx: %s", bar->offset, (unsigned long long)offset,
		      strerror(errno));
}

static void reads(const char *what, const struct xenpcifront_bar *bar, uint64_t offset, unsigned size, uint64_t want)
{
	uint64_t got = get(bar, offset, size);

	check(got == want, what, "0x%llx", (unsigned long long)got);
}

static void has_moved(void *opaque, const struct xenpcifront_bar_change *change)
{
	(void)opaque;
	moves++;
	move = *change;
}

/* ---- Steps ---- */

static void step_bars(void)
{
	static const struct { enum xenpcifront_bar_kind kind; uint64_t size; } want[XENPCIFRONT_BARS] = {
		{ XENPCIFRONT_BAR_IO, 32 }, { XENPCIFRONT_BAR_MEM32, 4096 }, { XENPCIFRONT_BAR_BELOW_1M, 8192 },
		{ XENPCIFRONT_BAR_MEM64, 1ull << 33 }, { XENPCIFRONT_BAR_HIGH, 0 }, { XENPCIFRONT_BAR_NONE, 0 },
		{ XENPCIFRONT_BAR_ROM, 65536 },
	};

	check(!xenpcifront_bars(fe, dev, bars), "BARs are sized", "%s", strerror(errno));
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++)
		check(bars[i].kind == want[i].kind && bars[i].size == want[i].size, xenpcifront_bar_name(want[i].kind),
		      "%s of 0x%llx", xenpcifront_bar_name(bars[i].kind), (unsigned long long)bars[i].size);
}

static void step_place(void)
{
	put(BAR0, 4, 0xe000);
	put(BAR0 + 4, 4, 0xe0000000);
	put(BAR0 + 8, 4, 0xd0000);
	put(BAR0 + 12, 4, 0);
	put(BAR0 + 16, 4, 4);
	put(ROM, 4, 0xf0000001);
	put(COMMAND, 2, DECODES);
	check(!xenpcifront_bars(fe, dev, bars) && bars[0].start == 0xe000 && bars[1].start == 0xe0000000 &&
	      bars[2].start == 0xd0000 && bars[3].start == 0x400000000 && bars[6].start == 0xf0000000,
	      "each BAR is where it was put", "%s", strerror(errno));
	check(bars[0].decoded && bars[3].decoded && bars[6].decoded, "and decoded", "it is not");
}

static void step_forwarded(void)
{
	set_to(&bars[0], 4, 4, 0x12345678);
	reads("ports of 4 bytes", &bars[0], 4, 4, 0x12345678);
	reads("ports of 2", &bars[0], 6, 2, 0x1234);
	set_to(&bars[0], 5, 1, 0xab);
	reads("and of 1", &bars[0], 4, 4, 0x1234ab78);
	set_to(&bars[1], 0x100, 8, 0x1122334455667788);
	reads("memory of 8 bytes", &bars[1], 0x100, 8, 0x1122334455667788);
	reads("the last bytes of it", &bars[1], 4092, 4, 0);
	reads("the ROM", &bars[6], 0, 2, 0xaa55);
	set_to(&bars[6], 0, 2, 0);
	reads("which nobody writes", &bars[6], 0, 2, 0xaa55);
	set_to(&bars[3], (1ull << 33) - 4, 4, 0xcafe);
	reads("8G of 64 bits, to the end", &bars[3], (1ull << 33) - 4, 4, 0xcafe);
}

static void fails(const char *what, bool failed, int err)
{
	check(failed && errno == err, what, "%s", failed ? strerror(errno) : "it did not fail");
}

static void step_wrong(void)
{
	struct xenpcifront_bar off = bars[1];
	uint64_t value;

	fails("beyond a BAR", xenpcifront_bar_read(&bars[1], 4096, 4, &value), EINVAL);
	check(value == UINT64_MAX, "reads ones", "0x%llx", (unsigned long long)value);
	fails("an odd place", xenpcifront_bar_read(&bars[1], 2, 4, &value), EINVAL);
	fails("an odd size", xenpcifront_bar_read(&bars[1], 0, 3, &value), EINVAL);
	fails("eight bytes of ports", xenpcifront_bar_read(&bars[0], 0, 8, &value), EINVAL);
	fails("no BAR", xenpcifront_bar_write(&bars[5], 0, 4, 0), EINVAL);
	off.decoded = false;
	fails("one that is off", xenpcifront_bar_read(&off, 0, 4, &value), ENXIO);
	fails("ports, to be mapped", !xenpcifront_bar_map(&bars[0], 0, 4), EINVAL);
	fails("what is not shared", !xenpcifront_bar_map(&bars[1], 0, 4096), EOPNOTSUPP);
	fails("the half that is not", !xenpcifront_bar_map(&bars[2], 0, 4096), EOPNOTSUPP);
	fails("nor more than the other", !xenpcifront_bar_map(&bars[2], 4092, 4100), EOPNOTSUPP);
}

static void step_mapped(void)
{
	volatile uint32_t *at = xenpcifront_bar_map(&bars[2], 4096, 4096);
	volatile uint32_t *far = xenpcifront_bar_map(&bars[3], (1ull << 33) - 4, 4);

	if (!check(at && far, "shared memory is mapped", "%s", strerror(errno)))
		return;
	at[1] = 0xfeed;
	reads("what is written there, the device has", &bars[2], 4100, 4, 0xfeed);
	set_to(&bars[2], 8188, 4, 0xbeef);
	check(at[1023] == 0xbeef, "and what the device has is read there", "0x%x", at[1023]);
	set_to(&bars[3], (1ull << 33) - 4, 4, 0xf00d);
	check(*far == 0xf00d, "in a file that begins elsewhere, too", "0x%x", *far);
	xenpcifront_bar_unmap((void *)at, 4096);
	xenpcifront_bar_unmap((void *)far, 4);
}

static void step_move(void)
{
	const struct xenpcifront_bar was = bars[1];
	const struct xenpcifront_handlers handlers = { .bar_changed = has_moved };

	xenpcifront_set_handlers(fe, &handlers, NULL);
	set_to(&was, 0x200, 4, 0x600d);
	put(BAR0 + 4, 4, 0xe1000000);
	check(moves == 1 && move.index == 1 && move.old.decoded && move.old.start == 0xe0000000,
	      "a move is told: what to unhook", "%u moves, of 0x%llx", moves, (unsigned long long)move.old.start);
	check(move.now.decoded && move.now.start == 0xe1000000, "and what to hook", "0x%llx",
	      (unsigned long long)move.now.start);
	reads("nobody is at the old place", &was, 0x200, 4, 0xffffffff);
	set_to(&was, 0x200, 4, 0xbad);
	reads("the device is at the new one", &move.now, 0x200, 4, 0x600d);
	bars[1] = move.now;
	moves = 0;
	put(COMMAND, 2, 0);
	check(moves == 5 && move.old.decoded && !move.now.decoded, "all that was decoded is to be unhooked", "%u moves",
	      moves);
	/* The filter leaves the device decoding, as the kernel's backend does: only the guest's view is off. */
	put(COMMAND, 2, DECODES);
	check(moves == 10 && move.now.decoded, "and hooked again", "%u moves", moves);
	reads("is back", &bars[1], 0x200, 4, 0x600d);
	xenpcifront_set_handlers(fe, NULL, NULL);
}

/* The whole of config space, as it is and changed: OWN is the device's own register. */
static void pull_and_push(bool raw)
{
	uint8_t config[4096], again[4096];
	unsigned refused = 0;
	int n = xenpcifront_pull(fe, dev, config, sizeof(config));

	check(n == 256, "all of config space is pulled", "%d: %s", n, strerror(errno));
	if (n != 256)
		return;
	config[OWN] = 0x77;
	config[BAR0 + 6] = 0x30; /* BAR 1 */
	check(!xenpcifront_push(fe, dev, config, 256, &refused), "and pushed", "%s", strerror(errno));
	check(xenpcifront_pull(fe, dev, again, 256) == 256 && again[BAR0 + 6] == 0x30,
	      "what is the guest's has changed", "%02x",
	      again[BAR0 + 6]);
	config[OWN] = raw ? 0x77 : 0;
	check(!memcmp(config, again, 256), raw ? "the device's own as well" : "and nothing else", "%02x, %u refused",
	      again[OWN], refused);
	config[BAR0 + 6] = 0;
	xenpcifront_push(fe, dev, config, 256, &refused);
}

static void step_filtered(void)
{
	pull_and_push(false);
}

static void step_raw(void)
{
	pull_and_push(true);
}

/* ---- Interrupts ---- */

static void ring(uint32_t what)
{
	set_to(&bars[0], 0, 4, what);
}

static void comes(const char *what, uint32_t vector)
{
	struct pollfd p = { .fd = xenpcifront_vectors_fd(set), .events = POLLIN };
	uint32_t got = 0;
	int rc = 0;

	/* An event of a bind's own is allowed, and is one of a vector that is bound. */
	while (!rc && poll(&p, 1, LIMIT_MS) > 0)
		rc = xenpcifront_vectors_next(set, &got);
	check(rc == 1 && got == vector, what, "%d, %u in place of %u", rc, got, vector);
}

/* Binding may tell of an interrupt that never was. */
static void bind_one(uint32_t vector)
{
	uint32_t got;

	check(!xenpcifront_vectors_bind(set, vector), "it is bound", "%u: %s", vector, strerror(errno));
	while (xenpcifront_vectors_next(set, &got) > 0)
		;
}

static bool open_set(void)
{
	set = xenpcifront_vectors_open(fe);
	return check(set, "a set of vectors", "%s", strerror(errno));
}

static void step_line(void)
{
	struct xenpcifront_answer answer = { 0 };

	check(!xenpcifront_disable_msi(fe, dev, &answer) && answer.value, "the device has a line", "%s",
	      strerror(errno));
	if (!open_set())
		return;
	fails("what is no vector is not bound", xenpcifront_vectors_bind(set, 60000), EINVAL);
	bind_one(answer.value);
	fails("nor one twice", xenpcifront_vectors_bind(set, answer.value), EEXIST);
	ring(ON_LINE);
	comes("the line is raised", answer.value);
	xenpcifront_vectors_done(set, answer.value);
	comes("again, as the device was not served", answer.value);
	set_to(&bars[1], LINE_UP, 4, 1);
	xenpcifront_vectors_done(set, answer.value);
	ring(ON_LINE);
	comes("served, and raised anew", answer.value);
	set_to(&bars[1], LINE_UP, 4, 1);
	xenpcifront_vectors_done(set, answer.value);
	xenpcifront_vectors_close(set);
}

static void step_msi(void)
{
	uint32_t first;
	unsigned available;

	if (!check(!xenpcifront_enable_msi(fe, dev, &first, NULL), "MSI", "%s", strerror(errno)) || !open_set())
		return;
	bind_one(first);
	ring(ON_MSI);
	comes("MSI comes", first);
	xenpcifront_vectors_close(set);
	check(!xenpcifront_disable_msi(fe, dev, NULL), "goes off", "%s", strerror(errno));
	fails("more than it has", xenpcifront_enable_multi_msi(fe, dev, 8, &first, &available, NULL), EIO);
	check(available == 4, "four are there", "%u", available);
	check(!xenpcifront_enable_multi_msi(fe, dev, 4, &first, &available, NULL), "four", "%s", strerror(errno));
	if (!open_set())
		return;
	for (uint32_t i = 0; i < 4; i++)
		bind_one(first + i);
	ring(ON_MSI | 3);
	comes("the last of four", first + 3);
	ring(ON_MSI | 1);
	comes("the second", first + 1);
	xenpcifront_vectors_close(set);
	check(!xenpcifront_disable_msi(fe, dev, NULL), "and off", "%s", strerror(errno));
}

static void step_msix(void)
{
	const uint16_t entry[2] = { 5, 2 }, beyond = 8;
	struct xenpcifront_answer answer;
	uint32_t vector[2];

	fails("an entry beyond the table", xenpcifront_enable_msix(fe, dev, &beyond, 1, vector, NULL), EREMOTEIO);
	if (!check(!xenpcifront_enable_msix(fe, dev, entry, 2, vector, NULL), "MSI-X", "%s", strerror(errno)) ||
	    !open_set())
		return;
	bind_one(vector[0]);
	bind_one(vector[1]);
	ring(ON_MSIX | 2);
	comes("an entry's vector", vector[1]);
	ring(ON_MSIX | 5);
	comes("another's", vector[0]);
	check(!xenpcifront_disable_msix(fe, dev, &answer) && answer.value, "off: the line is told", "%s",
	      strerror(errno));
	bind_one(answer.value);
	ring(ON_MSIX | 5);
	ring(ON_LINE);
	comes("nothing comes but the line", answer.value);
	set_to(&bars[1], LINE_UP, 4, 1);
	xenpcifront_vectors_done(set, answer.value);
	xenpcifront_vectors_close(set);
}

/* A read that the device's program spoils: the error is told in its time, and no value. */
static void step_spoilt(void)
{
	uint64_t value = 0;
	int rc = xenpcifront_bar_read(&bars[1], 0, 4, &value);

	check(rc && (errno == ENODEV || errno == EIO) && value == UINT64_MAX, "a spoilt access fails", "%d: %s", rc,
	      strerror(errno));
}

static void step_refused(void)
{
	uint32_t vector;

	fails("MSI is refused", xenpcifront_enable_msi(fe, dev, &vector, NULL), EIO);
}

static const struct {
	const char *name;
	void (*run)(void);
} steps[] = {
	{ "bars", step_bars }, { "place", step_place }, { "forwarded", step_forwarded }, { "wrong", step_wrong },
	{ "mapped", step_mapped }, { "move", step_move }, { "filtered", step_filtered }, { "raw", step_raw },
	{ "line", step_line }, { "msi", step_msi }, { "msix", step_msix }, { "spoilt", step_spoilt },
	{ "refused", step_refused },
};

int main(int argc, char **argv)
{
	struct xenpcifront_device d;

	fe = xenpcifront_open(NULL, 0);
	if (!fe || xenpcifront_connect_wait(fe, LIMIT_MS) || !xenpcifront_devices(fe, &d, 1)) {
		check(false, "a device", "%s", strerror(errno));
		return 1;
	}
	dev = d.address;
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			if (!strcmp(steps[k].name, argv[i]))
				steps[k].run();
	check(!xenpcifront_disconnect(fe), "disconnect", "%s", strerror(errno));
	xenpcifront_close(fe);
	return failures != 0;
}
