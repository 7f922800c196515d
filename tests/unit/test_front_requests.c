/* SPDX-License-Identifier: MIT */
/* What the library asks and what it believes: accesses, lists, interrupts, AER. */
#include "tests/unit/front_fake.h"

static struct xen_pci_op asked;		/* the last request */
static struct xen_pci_op script;	/* what it is answered */

static void scripted(struct xen_pci_op *op)
{
	asked = *op;
	op->err = script.err;
	op->value = script.value;
	op->info = script.info;
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		op->msix_entries[i].vector = script.msix_entries[i].vector;
}

static void accesses(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_answer answer;
	uint32_t v;
	uint16_t half;
	uint8_t byte;

	(void)state;
	fake_set(0x40, 4, 0x44332211, 0xffff0000);
	assert_int_equal(xenpcifront_read32(fe, fake_device, 0x40, &v, NULL), 0);
	assert_int_equal(v, 0x44332211);
	assert_int_equal(xenpcifront_read16(fe, fake_device, 0x42, &half, &answer), 0);
	assert_int_equal(half, 0x4433);
	assert_int_equal(answer.value, 0xabad4433); /* the answer is untouched, the value cut */
	assert_int_equal(xenpcifront_read8(fe, fake_device, 0x41, &byte, NULL), 0);
	assert_int_equal(byte, 0x22);
	assert_int_equal(xenpcifront_write8(fe, fake_device, 0x43, 0x99, NULL), 0);
	assert_int_equal(fake.config[0x43], 0x99);

	fake.device = scripted;
	script = (struct xen_pci_op){ .err = -3, .value = 5 };
	assert_int_equal(xenpcifront_read(fe, fake_device, 0x40, 2, &v, &answer), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(v, 0xffff);
	assert_int_equal(answer.error, XENPCIFRONT_ACCESS_DENIED);
	assert_int_equal(xenpcifront_write(fe, fake_device, 0x40, 1, 0x1234, &answer), -1);
	assert_int_equal(asked.value, 0x34);
	assert_true(asked.err != 0); /* preset: silence is no success */
	xenpcifront_close(fe);
}

static void refused_here(void **state)
{
	static const struct { unsigned offset, size; } bad[] = {
		{ 0, 0 }, { 0, 3 }, { 0, 8 }, { 1, 2 }, { 2, 4 }, { 4096, 1 }, { 4096, 4 },
		{ UINT32_MAX, 1 }, { UINT32_MAX - 3, 4 },
	};
	struct xenpcifront *fe = fake_front();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct xenpcifront_answer answer = { .error = XENPCIFRONT_SUCCESS };
		uint32_t v;

		assert_int_equal(xenpcifront_read(fe, fake_device, bad[i].offset, bad[i].size, &v,
						  &answer), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(answer.error, XENPCIFRONT_NO_ANSWER);
		assert_int_equal(xenpcifront_write(fe, fake_device, bad[i].offset, bad[i].size, 0,
						   NULL), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(fake.kicks, 0);
	xenpcifront_close(fe);
}

static void silence_is_no_success(void **state)
{
	struct xenpcifront *fe = fake_front();
	uint32_t v;

	(void)state;
	fake.forgetful = true;
	assert_int_equal(xenpcifront_read(fe, (struct xenpcifront_address){ 0, 0, 8 }, 0, 4, &v,
					  NULL), -1);
	assert_int_equal(errno, ENODEV);
	xenpcifront_close(fe);
}

static void capability_lists(void **state)
{
	struct xenpcifront_capability caps[128];
	struct xenpcifront *fe = fake_front();

	(void)state;
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 128), 0);
	fake_set(PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	fake_set(PCI_CAPABILITY_LIST, 1, 0x53, 0); /* the low two bits do not count */
	fake_set(0x50, 2, 0x6005, 0);
	fake_set(0x60, 2, 0x0011, 0);
	fake_set(0x100, 4, 0x14010001, 0);
	fake_set(0x140, 4, 0x00020003, 0);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 128), 4);
	assert_true(caps[0].offset == 0x50 && caps[0].id == 5 && !caps[0].extended);
	assert_true(caps[1].offset == 0x60 && caps[1].id == 0x11);
	assert_true(caps[2].offset == 0x100 && caps[2].id == 1 && caps[2].extended);
	assert_true(caps[3].offset == 0x140 && caps[3].id == 3 && caps[3].version == 2);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 1), 1);

	/* In circles, both of them: each is listed once. And into the header. */
	fake_set(0x60, 2, 0x5011, 0);
	fake_set(0x140, 4, 0x10020003, 0);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 128), 4);
	fake_set(0x60, 2, 0x2011, 0);
	fake_set(0x140, 4, 0x02020003, 0);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 128), 4);

	fake.config_size = 256;
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 128), 2);
	xenpcifront_close(fe);
}

static void pulls_and_pushes(void **state)
{
	struct xenpcifront *fe = fake_front();
	uint8_t space[PCIIF_CONFIG_SIZE];
	unsigned refused = 99;

	(void)state;
	for (unsigned i = 0; i < PCIIF_CONFIG_SIZE; i++)
		fake.config[i] = (uint8_t)(i * 7);
	memset(fake.writable, 0xff, sizeof(fake.writable));
	assert_int_equal(xenpcifront_pull(fe, fake_device, space, 4096), 4096);
	assert_memory_equal(space, fake.config, 4096);
	assert_int_equal(xenpcifront_pull(fe, fake_device, space, 100), -1);
	assert_int_equal(errno, EINVAL);

	memset(fake.config, 0, sizeof(fake.config));
	fake_set(PCI_STATUS, 2, 0xf0f0, 0xffff);
	assert_int_equal(xenpcifront_push(fe, fake_device, space, 4096, &refused), 0);
	assert_int_equal(refused, 0);
	assert_int_equal(fake.config[PCI_STATUS], 0xf0); /* not touched: its bits clear by writing */
	memcpy(space + PCI_STATUS, fake.config + PCI_STATUS, 2);
	assert_memory_equal(space, fake.config, 4096);

	/* Nothing differs: nothing is written. */
	memset(fake.writable, 0, sizeof(fake.writable));
	assert_int_equal(xenpcifront_push(fe, fake_device, space, 4096, NULL), 0);

	fake.config_size = 256;
	assert_int_equal(xenpcifront_pull(fe, fake_device, space, 4096), 256);
	xenpcifront_close(fe);
}

static void deny_some(struct xen_pci_op *op)
{
	if (op->cmd == XEN_PCI_OP_conf_write && op->offset == 0x50)
		op->err = XEN_PCI_ERR_access_denied;
	else
		fake_config(op);
}

static void push_counts_refusals(void **state)
{
	struct xenpcifront *fe = fake_front();
	uint8_t space[256];
	unsigned refused;

	(void)state;
	memset(space, 0x5a, sizeof(space));
	memset(fake.writable, 0xff, sizeof(fake.writable));
	fake.device = deny_some;
	assert_int_equal(xenpcifront_push(fe, fake_device, space, 256, &refused), 0);
	assert_int_equal(refused, 1);
	assert_int_equal(fake.config[0x50], 0);
	assert_int_equal(fake.config[0x54], 0x5a);
	assert_int_equal(fake.config[0x10], 0x5a);
	xenpcifront_close(fe);
}

static void msi(void **state)
{
	static const uint32_t nonsense[] = { 0, 0x10000, UINT32_MAX };
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_answer answer;
	uint32_t pirq = 1;

	(void)state;
	fake.device = scripted;
	script = (struct xen_pci_op){ .value = 55 };
	assert_int_equal(xenpcifront_enable_msi(fe, fake_device, &pirq, &answer), 0);
	assert_int_equal(pirq, 55);
	assert_int_equal(asked.cmd, XEN_PCI_OP_enable_msi);
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		script.value = nonsense[i];
		assert_int_equal(xenpcifront_enable_msi(fe, fake_device, &pirq, &answer), -1);
		assert_int_equal(errno, EPROTO);
		assert_int_equal(answer.error, XENPCIFRONT_NONSENSE);
		assert_int_equal(pirq, 55);
	}
	script = (struct xen_pci_op){ .err = -5 };
	assert_int_equal(xenpcifront_disable_msi(fe, fake_device, NULL), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(asked.cmd, XEN_PCI_OP_disable_msi);
	xenpcifront_close(fe);
}

static void msix(void **state)
{
	static const uint16_t entries[] = { 2, 0, 1 }, twice[] = { 1, 2, 1 };
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_answer answer;
	uint16_t many[XENPCIFRONT_MAX_VECTORS + 1] = { 0 };
	uint32_t pirqs[XENPCIFRONT_MAX_VECTORS] = { 9, 9, 9, 9 };

	(void)state;
	fake.device = scripted;
	script = (struct xen_pci_op){ .msix_entries = { { 55, 0 }, { 54, 0 }, { 53, 0 } } };
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, entries, 3, pirqs, NULL), 0);
	assert_true(pirqs[0] == 55 && pirqs[1] == 54 && pirqs[2] == 53 && pirqs[3] == 9);
	assert_int_equal(asked.value, 3);
	assert_int_equal(asked.msix_entries[0].entry, 2);
	assert_int_equal(asked.msix_entries[2].entry, 1);

	/* The same vector twice, none, a leftover of ours, a success that is none. */
	for (int i = 0; i < 4; i++) {
		static const uint16_t bad[] = { 54, 0, UINT16_MAX, 53 };

		pirqs[0] = 9;
		script.value = i == 3;
		script.msix_entries[2].vector = bad[i];
		assert_int_equal(xenpcifront_enable_msix(fe, fake_device, entries, 3, pirqs,
							 &answer), -1);
		assert_int_equal(errno, EPROTO);
		assert_int_equal(answer.error, XENPCIFRONT_NONSENSE);
		assert_int_equal(pirqs[0], 9);
	}
	fake.kicks = 0;
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, twice, 3, pirqs, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, entries, 0, pirqs, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, many, ARRAY_SIZE(many), pirqs,
						 NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(fake.kicks, 0);
	xenpcifront_close(fe);
}

static void multi_msi(void **state)
{
	struct xenpcifront *fe = fake_front();
	unsigned available = 0;
	uint32_t pirq = 0;

	(void)state;
	fake.device = scripted;
	script = (struct xen_pci_op){ .value = 48 };
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 8, &pirq, &available, NULL),
			 0);
	assert_int_equal(asked.info, 8);
	assert_true(pirq == 48 && available == 8);
	script = (struct xen_pci_op){ .err = -5, .info = 4 };
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 8, &pirq, &available, NULL),
			 -1);
	assert_int_equal(available, 4);
	script.info = 8; /* an offer that is no less is none */
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 8, &pirq, &available, NULL),
			 -1);
	assert_int_equal(available, 1);
	script = (struct xen_pci_op){ .value = 0xfffe }; /* the last would be no pirq */
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 8, &pirq, NULL, NULL), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 33, &pirq, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
	xenpcifront_close(fe);
}

/* Hot-plug news is what differs from what was told, however often it changed in between. */
static void hotplug_news(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_event event;

	(void)state;
	fe->connected_told = true;
	assert_int_equal(xenpcifront_next_event(fe, &event), 1);
	assert_int_equal(event.type, XENPCIFRONT_EVENT_ADDED);
	assert_int_equal(xenpcifront_next_event(fe, &event), 0);

	/* Another device in the same place: both are told. */
	devices_remove_all(fe);
	fake_set(0, 4, 0x10d38086, 0);
	fe->xen.xs = NULL;
	fe->devices[0].again = fe->devices[0].told;
	fe->devices[0].present = true;
	assert_int_equal(xenpcifront_next_event(fe, &event), 1);
	assert_int_equal(event.type, XENPCIFRONT_EVENT_REMOVED);
	assert_int_equal(xenpcifront_next_event(fe, &event), 1);
	assert_int_equal(event.type, XENPCIFRONT_EVENT_ADDED);

	/* Gone and told: forgotten. Never told: no news at all. */
	devices_remove_all(fe);
	assert_int_equal(xenpcifront_next_event(fe, &event), 1);
	assert_int_equal(event.type, XENPCIFRONT_EVENT_REMOVED);
	assert_int_equal(fe->n_devices, 0);
	assert_int_equal(xenpcifront_next_event(fe, &event), 0);
	xenpcifront_close(fe);
}

static void aer_post(uint32_t cmd, int32_t err, uint32_t bus, uint32_t devfn)
{
	struct xen_pcie_aer_op op = { cmd, err, 0, bus, devfn };

	page_aer_post(fake.page, &op);
}

static void aer_events(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_event event;

	(void)state;
	fe->flags = XENPCIFRONT_AER;
	fe->connected_told = fe->devices[0].told = true;
	assert_int_equal(xenpcifront_answer_aer(fe, XENPCIFRONT_RESULT_NONE), -1);
	assert_int_equal(errno, ENOENT);

	aer_post(XEN_PCI_OP_aer_detected, XENPCIFRONT_CHANNEL_FROZEN, 0, 0);
	aer_take(fe);
	assert_int_equal(xenpcifront_next_event(fe, &event), 1);
	assert_int_equal(event.type, XENPCIFRONT_EVENT_AER);
	assert_int_equal(event.aer.type, XENPCIFRONT_AER_DETECTED);
	assert_int_equal(event.aer.channel, XENPCIFRONT_CHANNEL_FROZEN);
	aer_take(fe);
	assert_int_equal(xenpcifront_next_event(fe, &event), 0); /* told once */
	assert_int_equal(xenpcifront_answer_aer(fe, (enum xenpcifront_aer_result)7), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenpcifront_answer_aer(fe, XENPCIFRONT_RESULT_NEED_RESET), 0);
	assert_false(page_aer_requested(fake.page));
	assert_int_equal(fake.page->aer_op.err, XENPCIFRONT_RESULT_NEED_RESET);
	assert_int_equal(fake.kicks, 1);

	/* Taken back before it was answered. */
	aer_post(XEN_PCI_OP_aer_resume, 1, 0, 0);
	aer_take(fe);
	page_aer_withdraw(fake.page);
	assert_int_equal(xenpcifront_answer_aer(fe, XENPCIFRONT_RESULT_NONE), -1);
	assert_int_equal(errno, ESTALE);
	xenpcifront_close(fe);
}

/* Requests that no driver can be asked are answered "none" at once. */
static void aer_nonsense(void **state)
{
	static const struct { uint32_t cmd; int32_t err; uint32_t bus, devfn; } bad[] = {
		{ XEN_PCI_OP_conf_read, 1, 0, 0 }, { 10, 1, 0, 0 }, { UINT32_MAX, 1, 0, 0 },
		{ XEN_PCI_OP_aer_detected, 0, 0, 0 }, { XEN_PCI_OP_aer_detected, 4, 0, 0 },
		{ XEN_PCI_OP_aer_detected, 1, 0, 8 }, { XEN_PCI_OP_aer_detected, 1, 256, 0 },
		{ XEN_PCI_OP_aer_detected, 1, 0, 256 },
	};
	struct xenpcifront *fe = fake_front();

	(void)state;
	fe->flags = XENPCIFRONT_AER;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		aer_post(bad[i].cmd, bad[i].err, bad[i].bus, bad[i].devfn);
		aer_take(fe);
		assert_false(page_aer_requested(fake.page));
		assert_int_equal(fake.page->aer_op.err, XENPCIFRONT_RESULT_NONE);
		assert_false(fe->aer_waits);
	}
	fe->flags = 0;
	aer_post(XEN_PCI_OP_aer_detected, 1, 0, 0);
	aer_take(fe);
	assert_false(page_aer_requested(fake.page));
	xenpcifront_close(fe);
}

static enum xenpcifront_aer_result always_recovered(void *opaque, const struct xenpcifront_aer *aer)
{
	*(enum xenpcifront_aer_type *)opaque = aer->type;
	return XENPCIFRONT_RESULT_RECOVERED;
}

static void aer_handler(void **state)
{
	static const struct xenpcifront_handlers handlers = { .aer = always_recovered };
	struct xenpcifront *fe = fake_front();
	enum xenpcifront_aer_type type = XENPCIFRONT_AER_DETECTED;
	struct xenpcifront_event event;

	(void)state;
	fe->flags = XENPCIFRONT_AER;
	fe->connected_told = fe->devices[0].told = true;
	xenpcifront_set_handlers(fe, &handlers, &type);
	aer_post(XEN_PCI_OP_aer_slotreset, 1, 0, 0);
	aer_take(fe);
	assert_int_equal(xenpcifront_next_event(fe, &event), 0); /* it is the handler's */
	handlers_run(fe);
	assert_int_equal(type, XENPCIFRONT_AER_SLOT_RESET);
	assert_int_equal(fake.page->aer_op.err, XENPCIFRONT_RESULT_RECOVERED);
	assert_false(page_aer_requested(fake.page));
	xenpcifront_close(fe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses),
		cmocka_unit_test(refused_here),
		cmocka_unit_test(silence_is_no_success),
		cmocka_unit_test(capability_lists),
		cmocka_unit_test(pulls_and_pushes),
		cmocka_unit_test(push_counts_refusals),
		cmocka_unit_test(msi),
		cmocka_unit_test(msix),
		cmocka_unit_test(multi_msi),
		cmocka_unit_test(hotplug_news),
		cmocka_unit_test(aer_events),
		cmocka_unit_test(aer_nonsense),
		cmocka_unit_test(aer_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
