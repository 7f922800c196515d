/* SPDX-License-Identifier: MIT */
/* Cases: MSI, MSI-X, multi-message MSI and their exclusions. */
#include "frontend/tool/conform.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "common/util.h"

static bool has(struct conform *c, unsigned id, const char *name, unsigned *control)
{
	unsigned at = conform_capability(c, id, name);

	*control = at + PCI_MSI_FLAGS; /* +2 in MSI-X, too */
	return at;
}

static bool has_msi(struct conform *c, unsigned *control)
{
	return has(c, PCI_CAP_ID_MSI, "MSI", control);
}

static bool has_msix(struct conform *c, unsigned *control)
{
	return has(c, PCI_CAP_ID_MSIX, "MSI-X", control);
}

static void expect_bit(struct conform *c, unsigned control, uint16_t bit, bool on)
{
	uint32_t word = conform_read(c, control, 2);

	if (!(word & bit) == on)
		conform_fail(c, "the control word is 0x%x: not %s", word, on ? "on" : "off");
}

static void switch_off(struct conform *c, uint32_t cmd)
{
	struct xenpcifront_request req = conform_request(c, cmd);

	if (!conform_ask(c, &req))
		conform_fail(c, "%s: err %d", pciif_command_name(cmd), req.err);
}

static bool msi_on(struct conform *c)
{
	struct xenpcifront_request req = conform_request(c, XEN_PCI_OP_enable_msi);

	if (conform_ask(c, &req) && req.value && req.value <= UINT16_MAX)
		return true;
	conform_fail(c, "enable_msi: err %d value %u", req.err, req.value);
	return false;
}

static struct xenpcifront_request msix_request(const struct conform *c, uint32_t n)
{
	struct xenpcifront_request req = conform_request(c, XEN_PCI_OP_enable_msix);

	req.value = n;
	return req;
}

/* n entries as they stand in req: success gives n different vectors, none of them 0. */
static bool msix_on(struct conform *c, struct xenpcifront_request req)
{
	uint32_t n = req.value;

	if (!conform_ask(c, &req) || req.value) {
		conform_fail(c, "enable_msix of %u: err %d value 0x%x", n, req.err, req.value);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool twice = false;

		for (uint32_t k = 0; k < i; k++)
			twice |= req.entries[i].vector == req.entries[k].vector;
		if (twice || !req.entries[i].vector || req.entries[i].vector == VECTOR_BEFORE(i))
			conform_fail(c, "enable_msix: vector %u is %u", i, req.entries[i].vector);
	}
	return true;
}

/* Table entries of the device. */
static uint32_t table_size(struct conform *c, unsigned control)
{
	return (conform_read(c, control, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
}

static uint32_t some_entries(struct conform *c, unsigned control)
{
	uint32_t size = table_size(c, control);

	return size < 3 ? size : 3;
}

void conform_msi_cycle(struct conform *c)
{
	unsigned control;

	if (!has_msi(c, &control) || !msi_on(c))
		return;
	expect_bit(c, control, PCI_MSI_FLAGS_ENABLE, true);
	conform_expect(c, "enable_msi again", conform_request(c, XEN_PCI_OP_enable_msi),
		       XEN_PCI_ERR_op_failed, 0);
	switch_off(c, XEN_PCI_OP_disable_msi);
	expect_bit(c, control, PCI_MSI_FLAGS_ENABLE, false);
	switch_off(c, XEN_PCI_OP_disable_msi);
}

void conform_msix_cycle(struct conform *c)
{
	struct xenpcifront_request req;
	unsigned control;
	uint32_t n;

	if (!has_msix(c, &control))
		return;
	n = some_entries(c, control);
	/* Backwards, so that order and entry numbers are not the same thing. */
	req = msix_request(c, n);
	for (uint32_t i = 0; i < n; i++)
		req.entries[i].entry = (uint16_t)(n - 1 - i);
	if (!msix_on(c, req))
		return;
	expect_bit(c, control, PCI_MSIX_FLAGS_ENABLE, true);
	conform_expect(c, "enable_msix again", msix_request(c, n), -EALREADY, n);
	switch_off(c, XEN_PCI_OP_disable_msix);
	expect_bit(c, control, PCI_MSIX_FLAGS_ENABLE, false);
	switch_off(c, XEN_PCI_OP_disable_msix);
}

void conform_msi_during_msix(struct conform *c)
{
	unsigned msi, msix;

	if (!has_msi(c, &msi) || !has_msix(c, &msix) || !msix_on(c, msix_request(c, 1)))
		return;
	conform_expect(c, "enable_msi", conform_request(c, XEN_PCI_OP_enable_msi),
		       XEN_PCI_ERR_op_failed, 0);
	expect_bit(c, msi, PCI_MSI_FLAGS_ENABLE, false);
	expect_bit(c, msix, PCI_MSIX_FLAGS_ENABLE, true);
	switch_off(c, XEN_PCI_OP_disable_msix);
}

void conform_msix_during_msi(struct conform *c)
{
	unsigned msi, msix;

	if (!has_msi(c, &msi) || !has_msix(c, &msix) || !msi_on(c))
		return;
	conform_expect(c, "enable_msix", msix_request(c, 1), -ENXIO, 1);
	expect_bit(c, msi, PCI_MSI_FLAGS_ENABLE, true);
	expect_bit(c, msix, PCI_MSIX_FLAGS_ENABLE, false);
	switch_off(c, XEN_PCI_OP_disable_msi);
}

void conform_msix_none(struct conform *c)
{
	unsigned control;

	if (!has_msix(c, &control))
		return;
	conform_expect(c, "enable_msix of 0", msix_request(c, 0), -EINVAL, (uint32_t)-EINVAL);
	expect_bit(c, control, PCI_MSIX_FLAGS_ENABLE, false);
}

void conform_msix_too_many(struct conform *c)
{
	static const uint32_t counts[] = { 129, 200, 2048, 0x80000001u, UINT32_MAX };
	unsigned control;

	if (!has_msix(c, &control))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		conform_expect(c, "enable_msix", msix_request(c, counts[i]), -EINVAL, counts[i]);
	expect_bit(c, control, PCI_MSIX_FLAGS_ENABLE, false);
}

/* Refused with an errno that is also the value; conform_ask sees to it that vectors stay. */
static void msix_refused(struct conform *c, const char *what, struct xenpcifront_request req,
			 unsigned control)
{
	conform_ask(c, &req);
	if ((req.err != -EINVAL && req.err != -ENOSPC) || req.value != (uint32_t)req.err)
		conform_fail(c, "%s: err %d value 0x%x", what, req.err, req.value);
	if (!req.err)
		switch_off(c, XEN_PCI_OP_disable_msix);
	expect_bit(c, control, PCI_MSIX_FLAGS_ENABLE, false);
}

void conform_msix_duplicates(struct conform *c)
{
	struct xenpcifront_request req = msix_request(c, 2);
	unsigned control;

	req.entries[1].entry = 0;
	if (has_msix(c, &control) && table_size(c, control) < 2)
		conform_skip(c, "a table of one entry");
	else if (c->verdict == VERDICT_OK)
		msix_refused(c, "entry 0 twice", req, control);
}

void conform_msix_beyond(struct conform *c)
{
	struct xenpcifront_request req = msix_request(c, 1);
	unsigned control;
	uint32_t size;

	if (!has_msix(c, &control))
		return;
	size = table_size(c, control);
	req.entries[0].entry = (uint16_t)size;
	msix_refused(c, "the entry behind the last", req, control);
	req.entries[0].entry = UINT16_MAX;
	msix_refused(c, "entry 65535", req, control);
	if (size < XENPCIFRONT_MAX_VECTORS)
		msix_refused(c, "more entries than there are", msix_request(c, size + 1), control);
}

void conform_msix_decode_shadow(struct conform *c)
{
	unsigned control;
	uint32_t before;

	if (!has_msix(c, &control))
		return;
	before = conform_read(c, PCI_COMMAND, 2);
	conform_write(c, PCI_COMMAND, 2, before & ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	if (msix_on(c, msix_request(c, 1)))
		switch_off(c, XEN_PCI_OP_disable_msix);
	conform_write(c, PCI_COMMAND, 2, before);
}

static struct xenpcifront_request multi_request(const struct conform *c, uint32_t n)
{
	struct xenpcifront_request req = conform_request(c, XEN_PCI_OP_enable_multi_msi);

	req.info = n;
	return req;
}

void conform_multi_msi(struct conform *c)
{
	struct xenpcifront_request req = multi_request(c, 2);
	unsigned control;

	if (!has_msi(c, &control))
		return;
	if (conform_ask(c, &req)) {
		if (!req.value || req.value >= UINT16_MAX)
			conform_fail(c, "two messages: the first pirq is %u", req.value);
		expect_bit(c, control, PCI_MSI_FLAGS_ENABLE, true);
		switch_off(c, XEN_PCI_OP_disable_msi);
	}
	/* A refusal may offer fewer. */
	if (req.err && req.info > 2)
		conform_fail(c, "two messages are refused and %u offered", req.info);
	expect_bit(c, control, PCI_MSI_FLAGS_ENABLE, false);
}

void conform_multi_msi_bounds(struct conform *c)
{
	static const uint32_t counts[] = { 0, 33, 0x80000000u, UINT32_MAX };
	unsigned control;

	if (!has_msi(c, &control))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct xenpcifront_request req = multi_request(c, counts[i]);

		if (!conform_ask(c, &req))
			continue;
		conform_fail(c, "%u messages are granted", counts[i]);
		switch_off(c, XEN_PCI_OP_disable_msi);
	}
}

static bool lacks(struct xenpcifront *fe, struct xenpcifront_address a, unsigned id)
{
	struct xenpcifront_capability caps[128];
	int n = xenpcifront_capabilities(fe, a, caps, 128);

	for (int i = 0; i < n; i++)
		if (!caps[i].extended && caps[i].id == id)
			return false;
	return n >= 0;
}

/* Any device of the guest will do: asks the first that has no capability id. */
static bool ask_without(struct conform *c, unsigned id, struct xenpcifront_request *req)
{
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	unsigned n = xenpcifront_devices(c->fe, devices, XENPCIFRONT_MAX_DEVICES);

	for (unsigned i = 0; i < n && i < XENPCIFRONT_MAX_DEVICES; i++) {
		if (!lacks(c->fe, devices[i].address, id))
			continue;
		req->segment = devices[i].address.segment;
		req->bus = devices[i].address.bus;
		req->devfn = devices[i].address.devfn;
		conform_ask(c, req);
		return true;
	}
	return false;
}

void conform_no_capability(struct conform *c)
{
	struct xenpcifront_request msi = conform_request(c, XEN_PCI_OP_enable_msi);
	struct xenpcifront_request msix = msix_request(c, 1);
	bool asked_msi = ask_without(c, PCI_CAP_ID_MSI, &msi);
	bool asked_msix = ask_without(c, PCI_CAP_ID_MSIX, &msix);

	if (asked_msi && (msi.err != XEN_PCI_ERR_op_failed || msi.value))
		conform_fail(c, "enable_msi: err %d value 0x%x", msi.err, msi.value);
	if (asked_msix && (!msix.err || !msix.value))
		conform_fail(c, "enable_msix: err %d value 0x%x", msix.err, msix.value);
	if (!asked_msi && !asked_msix)
		conform_skip(c, "all devices have both");
}
