/* SPDX-License-Identifier: MIT */
/*
 * Every way to reset, on image machines. The request's sleep stands for the time in
 * which the reset takes place: what it sees there tells what was done.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "host/reset_function.h"
#include "common/util.h"
#include "tests/unit/support_image.h"

enum { GUEST = 7, OTHER = 8 };

static struct reset_result result;

/* What happens while the reset sleeps. */
static struct {
	struct pcidev *look;   /* at the function: was it in reset state? */
	struct pcidev *bridge; /* the bridge's registers meanwhile */
	unsigned exp;	       /* its express capability */
	bool seen_reset;
	bool seen_quiet;    /* hot-plug events off */
	unsigned slept;	    /* ms in all */
	void (*during)(unsigned slept); /* what a test does besides */
} world;

static void sleep_(void *context, unsigned ms)
{
	(void)context;
	world.slept += ms;
	if (world.look && !get(world.look, PCI_COMMAND, 2))
		world.seen_reset = true;
	if (world.bridge && !(get(world.bridge, world.exp + PCI_EXP_SLTCTL, 2) & PCI_EXP_SLTCTL_DLLSCE))
		world.seen_quiet = true;
	if (world.during)
		world.during(world.slept);
}

static const struct reset_wait wait_ = { .sleep = sleep_, .patience_ms = 1000 };

static void open_machine(struct provider *p)
{
	provider = p;
	memset(&world, 0, sizeof(world));
	assert_int_equal(topology_read(&t, provider, &log_.logger), 0);
}

static int begin(void **state)
{
	(void)state;
	logbook_init(&log_);
	open_machine(open_provider("image:" BENCH, &log_));
	return 0;
}

static int end(void **state)
{
	(void)state;
	pcidev_close(world.look);
	pcidev_close(world.bridge);
	image_close();
	return 0;
}

static void look_at(const char *sbdf)
{
	world.look = provider_look(provider, address(sbdf));
	assert_non_null(world.look);
}

/* A request for dev with these methods. */
static struct reset_request request(struct pcidev *dev, unsigned methods)
{
	return (struct reset_request){
		.provider = provider,
		.topology = &t,
		.function = topology_find(&t, dev->info.sbdf),
		.dev = dev,
		.methods = methods,
		.wait = &wait_,
	};
}

static int reset(struct pcidev *dev, unsigned methods)
{
	struct reset_request req = request(dev, methods);

	world.slept = 0;
	world.seen_reset = false;
	return reset_function(&req, &result);
}

static void assert_text(const char *part)
{
	char buf[RESET_TEXT_MAX];

	if (!strstr(reset_text(&t, &result, buf), part))
		fail_msg("\"%s\" does not say \"%s\"", buf, part);
}

/* XSA-302: no DMA while it is reset: nothing but a read of it tells that here, in the pause before D0. */
static uint32_t command_meanwhile;

static void note_command(unsigned slept)
{
	if (slept <= 10)
		command_meanwhile = get(world.look, PCI_COMMAND, 2);
}

static void xsa_302_no_dma_while_it_is_reset(void **state)
{
	struct pcidev *dev = open_device(provider, "00:04.0");

	(void)state;
	look_at("00:04.0");
	set(dev, PCI_COMMAND, 2, get(dev, PCI_COMMAND, 2) | PCI_COMMAND_MASTER);
	command_meanwhile = UINT32_MAX;
	world.during = note_command;
	assert_int_equal(reset(dev, RESET_BIT(RESET_PM)), 0);
	assert_int_equal(result.method, RESET_PM);
	assert_int_equal(command_meanwhile, PCI_COMMAND_INTX_DISABLE);
	pcidev_close(dev);
}

/* Each way resets, is counted as what it is, and leaves every byte as it was. */
static void test_each(void **state)
{
	static const struct {
		const char *sbdf;
		enum reset_method method;
		enum hypercall_reset kind;
		unsigned ms; /* at least; Express and PM specifications */
	} rows[] = {
		{ "00:07.0", RESET_FLR, HYPERCALL_RESET_FLR, 100 },
		{ "01:00.0", RESET_FLR, HYPERCALL_RESET_FLR, 100 },
		{ "05:00.2", RESET_FLR, HYPERCALL_RESET_FLR, 100 },
		{ "00:1a.0", RESET_AF_FLR, HYPERCALL_RESET_FLR, 100 },
		{ "00:04.0", RESET_PM, HYPERCALL_RESET_FLR, 20 },
		{ "01:00.0", RESET_SLOT, HYPERCALL_RESET_HOT, 102 },
		{ "02:00.0", RESET_SLOT, HYPERCALL_RESET_HOT, 102 },
		{ "04:01.0", RESET_BUS, HYPERCALL_RESET_HOT, 102 },
	};
	uint8_t before[4096], after[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pcidev *dev = open_device(provider, rows[i].sbdf);

		look_at(rows[i].sbdf);
		get_all(dev, before);
		assert_int_equal(reset(dev, RESET_BIT(rows[i].method)), 0);
		assert_int_equal(result.method, rows[i].method);
		assert_int_equal(result.kind, rows[i].kind);
		assert_true(world.seen_reset);
		assert_true(result.restored);
		assert_false(result.lost);
		assert_false(result.pending);
		assert_in_range(world.slept, rows[i].ms, rows[i].ms + 10);
		assert_int_equal(result.waited_ms, world.slept);
		get_all(dev, after);
		assert_memory_equal(before, after, dev->info.config_size);
		assert_text(", back after ");
		pcidev_close(dev);
		pcidev_close(world.look);
		world.look = NULL;
	}
}

/* No other method is tried where one is asked for; each says why it is not the one. */
static void test_not_offered(void **state)
{
	static const struct {
		enum reset_method method;
		const char *why;
	} rows[] = {
		{ RESET_KERNEL, "kernel: the kernel has none for it" },
		{ RESET_FLR, "flr: it has no FLR" },
		{ RESET_AF_FLR, "af_flr: it has no AF FLR" },
		{ RESET_PM, "pm: it has no PM reset" },
		{ RESET_SLOT, "slot: it is on a root bus" },
		{ RESET_BUS, "bus: it is on a root bus" },
	};
	struct pcidev *dev = open_device(provider, "00:05.0");
	uint8_t before[4096], after[4096];

	(void)state;
	get_all(dev, before);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(reset(dev, RESET_BIT(rows[i].method)), -1);
		assert_int_equal(errno, ENOTTY);
		assert_int_equal(result.method, RESET_METHODS_COUNT);
		assert_text(rows[i].why);
	}
	assert_int_equal(reset(dev, RESET_ALL), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(world.slept, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_text(rows[i].why);
	get_all(dev, after);
	assert_memory_equal(before, after, dev->info.config_size);
	pcidev_close(dev);
	/* A virtual function is no part of its bus. */
	dev = open_device(provider, "05:00.2");
	assert_int_equal(reset(dev, RESET_BIT(RESET_SLOT) | RESET_BIT(RESET_BUS)), -1);
	assert_text("bus: it is a virtual function");
	pcidev_close(dev);
	/* A hot-plug slot is not reset as if it were none. */
	dev = open_device(provider, "01:00.0");
	assert_int_equal(reset(dev, RESET_BIT(RESET_BUS)), -1);
	assert_text("bus: it is in a hot-plug slot");
	pcidev_close(dev);
	dev = open_device(provider, "04:01.0");
	assert_int_equal(reset(dev, RESET_BIT(RESET_SLOT)), -1);
	assert_text("slot: it is in no hot-plug slot");
	pcidev_close(dev);
}

static void test_order(void **state)
{
	/* has all of FLR, PM reset and a slot; the image itself plays the kernel */
	struct pcidev *dev = open_device(provider, "01:00.0");
	unsigned methods = RESET_ALL;
	static const enum reset_method order[] = { RESET_KERNEL, RESET_FLR, RESET_PM, RESET_SLOT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		assert_int_equal(reset(dev, methods), 0);
		assert_int_equal(result.method, order[i]);
		methods &= ~RESET_BIT(order[i]);
	}
	pcidev_close(dev);
}

/* The image given is what is put back, not what was found. */
static void test_golden_image(void **state)
{
	struct pcidev *dev = open_device(provider, "00:07.0");
	struct pcidev_saved *image = pcidev_save(dev);
	struct reset_request req = request(dev, RESET_BIT(RESET_FLR));
	uint8_t before[4096], after[4096];

	(void)state;
	get_all(dev, before);
	set(dev, PCI_BASE_ADDRESS_0, 4, 0x12340000);
	set(dev, PCI_COMMAND, 2, 0);
	set(dev, PCI_INTERRUPT_LINE, 1, 0x77);
	req.image = image;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_true(result.restored);
	get_all(dev, after);
	assert_memory_equal(before, after, dev->info.config_size);
	pcidev_saved_free(image);
	pcidev_close(dev);
}

/* A bus is reset only where everything on it is nobody's, and the first that is not is named. */
static void test_others_on_the_bus(void **state)
{
	struct pcidev *dev = open_device(provider, "02:00.0"), *other;
	struct reset_request req = request(dev, RESET_BIT(RESET_SLOT));
	struct topology_function *fn = &t.function[at("02:00.1")];

	(void)state;
	look_at("02:00.1");
	fn->guest = OTHER;
	assert_int_equal(reset_function(&req, &result), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(result.passed[RESET_SLOT].blocker, at("02:00.1"));
	assert_text("slot: 0000:02:00.1 (guest 8): it would be reset too");
	assert_false(world.seen_reset);
	/* Even the same guest's: it is in use. */
	fn->guest = GUEST;
	assert_int_equal(reset_function(&req, &result), -1);
	assert_int_equal(errno, EBUSY);
	/* The operator may insist against a guest, and not against the host. */
	req.despite_guests = true;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_true(world.seen_reset);
	strcpy(fn->driver, "tg3");
	assert_int_equal(reset_function(&req, &result), -1);
	assert_int_equal(errno, EBUSY);
	assert_text("0000:02:00.1 (guest 7)");
	fn->guest = TOPOLOGY_NO_GUEST;
	assert_int_equal(reset_function(&req, &result), -1);
	assert_text("0000:02:00.1 (host, tg3)");
	strcpy(fn->driver, "pciback");
	world.seen_reset = false;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_true(world.seen_reset);
	/* One that the caller has open is used as it is, otherwise it is in the way. */
	other = open_device(provider, "02:00.1");
	assert_int_equal(reset_function(&req, &result), -1);
	assert_text("0000:02:00.1: it cannot be opened and saved");
	req.open = &other;
	req.nr_open = 1;
	assert_int_equal(reset_function(&req, &result), 0);
	assert_int_equal(get(other, PCI_VENDOR_ID, 2), other->info.vendor);
	pcidev_close(other);
	pcidev_close(dev);
}

/* All that is on the bus, bridges too, gets its configuration back. */
static void test_bus_restores_all(void **state)
{
	static const char *const all[] = { "02:00.0", "02:00.1" };
	uint8_t before[2][4096], after[4096];
	struct pcidev *dev;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		dev = open_device(provider, all[i]);
		get_all(dev, before[i]);
		pcidev_close(dev);
	}
	dev = open_device(provider, all[0]);
	assert_int_equal(reset(dev, RESET_BIT(RESET_SLOT)), 0);
	pcidev_close(dev);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		dev = open_device(provider, all[i]);
		get_all(dev, after);
		assert_memory_equal(before[i], after, dev->info.config_size);
		pcidev_close(dev);
	}
	assert_true(reset_reaches(&t, RESET_SLOT, at("02:00.0"), at("02:00.1")));
	assert_true(reset_reaches(&t, RESET_BUS, at("04:01.0"), at("04:02.0")));
	assert_false(reset_reaches(&t, RESET_SLOT, at("02:00.0"), at("01:00.0")));
	assert_false(reset_reaches(&t, RESET_FLR, at("02:00.0"), at("02:00.1")));
	assert_true(reset_reaches(&t, RESET_FLR, at("02:00.0"), at("02:00.0")));
}

/* A link that goes down in a hot-plug slot is not to look like a device pulled out. */
static void test_slot_is_quiet(void **state)
{
	const uint32_t events = PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_PDCE;
	struct pcidev *bridge = open_device(provider, "00:01.0"), *dev = open_device(provider, "01:00.0");
	uint32_t control;

	(void)state;
	world.exp = pcidev_find_cap(bridge, PCI_CAP_ID_EXP);
	control = get(bridge, world.exp + PCI_EXP_SLTCTL, 2) | events;
	set(bridge, world.exp + PCI_EXP_SLTCTL, 2, control);
	pcidev_close(bridge);
	world.bridge = provider_look(provider, address("00:01.0"));
	assert_int_equal(reset(dev, RESET_BIT(RESET_SLOT)), 0);
	assert_true(world.seen_quiet);
	assert_int_equal(get(world.bridge, world.exp + PCI_EXP_SLTCTL, 2), control);
	assert_false(get(world.bridge, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_BUS_RESET);
	pcidev_close(dev);
}

/* Holds the function in reset (it reads ones) from the first sleep on, until `until` ms. */
static struct pcidev *holder;
static unsigned hold_until;

static void hold(unsigned slept)
{
	bool on = slept < hold_until;

	set(holder, PCI_BRIDGE_CONTROL, 2, on ? PCI_BRIDGE_CTL_BUS_RESET : 0);
}

static void test_lost(void **state)
{
	struct pcidev *dev = open_device(provider, "01:00.0");

	(void)state;
	holder = open_device(provider, "00:01.0");
	world.during = hold;
	/* Late, but it comes. */
	hold_until = 600;
	assert_int_equal(reset(dev, RESET_BIT(RESET_FLR)), 0);
	assert_false(result.lost);
	assert_true(result.restored);
	assert_in_range(world.slept, 600, 1300);
	/* Never: the wait is bounded. */
	hold_until = UINT32_MAX;
	assert_int_equal(reset(dev, RESET_BIT(RESET_FLR)), -1);
	assert_int_equal(errno, EIO);
	assert_true(result.lost);
	assert_in_range(world.slept, 1000, 2500);
	assert_text("by PCIe function level reset, but it does not come back within ");
	/* From ones to ones: whatever is tried, it stays lost. */
	assert_int_equal(reset(dev, RESET_ALL & ~RESET_BIT(RESET_SLOT)), -1);
	assert_int_equal(errno, EIO);
	pcidev_close(holder);
	pcidev_close(dev);
}

/* A function that was dead is tried with what else there is, and gets at least its addresses. */
static void test_revived(void **state)
{
	struct pcidev *dev = open_device(provider, "01:00.0"), *port = open_device(provider, "00:01.0");
	uint32_t bar = get(dev, PCI_BASE_ADDRESS_0, 4), bar2 = get(dev, PCI_BASE_ADDRESS_2, 4);

	(void)state;
	/* Held in reset: the kernel's way and FLR do nothing for it, the slot's reset lets it out. */
	set(port, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_false(pcidev_alive(dev));
	pcidev_close(port);
	assert_int_equal(reset(dev, RESET_ALL), 0);
	assert_int_equal(result.method, RESET_SLOT);
	assert_int_equal(result.passed[RESET_KERNEL].err, EIO);
	assert_false(result.lost);
	assert_true(result.restored);
	assert_int_equal(get(dev, PCI_BASE_ADDRESS_0, 4), bar);
	assert_int_equal(get(dev, PCI_BASE_ADDRESS_2, 4), bar2);
	pcidev_close(dev);
}

/* A function that is stuck with a transaction is reset all the same, after a while. */
static void test_pending(void **state)
{
	struct provider *bundled = provider, *p;
	struct machine m;
	uint8_t bytes[256];
	struct pcidev *dev;

	(void)state;
	topology_dispose(&t);
	machine_begin(&m);
	bytes_init(bytes, 0x8086, 0x10d3);
	bytes_cap(bytes, 0x40, PCI_CAP_ID_EXP);
	bytes_put(bytes, 0x40 + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_RC_END << 4);
	bytes_put(bytes, 0x40 + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR);
	bytes_put(bytes, 0x40 + PCI_EXP_DEVSTA, 2, PCI_EXP_DEVSTA_TRPND);
	machine_text(&m, "00:02.0 Ethernet controller: stuck\n");
	machine_dump(&m, bytes, sizeof(bytes));
	p = machine_open(&m);
	open_machine(p);
	dev = open_device(p, "00:02.0");
	assert_int_equal(reset(dev, RESET_BIT(RESET_FLR)), 0);
	assert_true(result.pending);
	assert_in_range(world.slept, 200, 600);
	assert_text("its transactions were not done when it was reset");
	pcidev_close(dev);
	machine_end(&m);
	provider_close(bundled);
}

/* D3hot to D0 does nothing to a function that says so. */
static void test_no_soft_reset(void **state)
{
	struct pcidev *dev = open_device(provider, "00:1f.2");
	unsigned pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	bool offered = !(get(dev, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_NO_SOFT_RESET);

	(void)state;
	assert_int_equal(reset(dev, RESET_BIT(RESET_PM)), offered ? 0 : -1);
	pcidev_close(dev);
	dev = open_device(provider, "02:00.0");
	pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	assert_int_not_equal(pm, 0);
	assert_true(get(dev, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_NO_SOFT_RESET);
	assert_int_equal(reset(dev, RESET_BIT(RESET_PM)), -1);
	assert_text("pm: it has no PM reset");
	assert_int_equal(get(dev, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	pcidev_close(dev);
}

static void test_names(void **state)
{
#define NAME(id, name, text, kind) name,
	static const char *const names[] = { RESET_METHODS(NAME) };
#undef NAME

	(void)state;
	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++)
		assert_int_equal(reset_methods_parse(names[m]), RESET_BIT(m));
	assert_int_equal(reset_methods_parse("all"), RESET_ALL);
	assert_int_equal(reset_methods_parse("cold"), 0);
	assert_int_equal(reset_methods_parse(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(xsa_302_no_dma_while_it_is_reset, begin, end),
		cmocka_unit_test_setup_teardown(test_each, begin, end),
		cmocka_unit_test_setup_teardown(test_not_offered, begin, end),
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_golden_image, begin, end),
		cmocka_unit_test_setup_teardown(test_others_on_the_bus, begin, end),
		cmocka_unit_test_setup_teardown(test_bus_restores_all, begin, end),
		cmocka_unit_test_setup_teardown(test_slot_is_quiet, begin, end),
		cmocka_unit_test_setup_teardown(test_lost, begin, end),
		cmocka_unit_test_setup_teardown(test_revived, begin, end),
		cmocka_unit_test_setup_teardown(test_pending, begin, end),
		cmocka_unit_test_setup_teardown(test_no_soft_reset, begin, end),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("life_reset", tests, NULL, NULL);
}
