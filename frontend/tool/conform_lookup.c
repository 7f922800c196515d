/* SPDX-License-Identifier: MIT */
/* Cases: who is asked, and what. */
#include "frontend/tool/conform.h"

#include <errno.h>

#define MARK 0x5a5a1234u

static struct xenpcifront_request read_id(const struct conform *c)
{
	return conform_access(c, XEN_PCI_OP_conf_read, 0, 4, MARK);
}

static bool taken(struct conform *c, unsigned devfn)
{
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	unsigned n = xenpcifront_devices(c->fe, devices, XENPCIFRONT_MAX_DEVICES);

	for (unsigned i = 0; i < n && i < XENPCIFRONT_MAX_DEVICES; i++)
		if (devices[i].address.devfn == devfn)
			return true;
	return false;
}

/* A devfn that no device of the guest has, on any bus. */
static unsigned free_devfn(struct conform *c)
{
	unsigned devfn = 255;

	while (devfn && taken(c, devfn))
		devfn--;
	return devfn;
}

void conform_absent_function(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.devfn = free_devfn(c);
	conform_expect(c, "a function that is not exported", req, XEN_PCI_ERR_dev_not_found, MARK);
	req.cmd = XEN_PCI_OP_conf_write;
	conform_expect(c, "writing to it", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_absent_bus(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.bus ^= 0xff;
	conform_expect(c, "another bus", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_absent_segment(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.segment ^= 0x7777;
	conform_expect(c, "another segment", req, XEN_PCI_ERR_dev_not_found, MARK);
	req.segment = c->dev.address.segment | 0x80000000u;
	conform_expect(c, "a segment with a high bit", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_wide_devfn(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.devfn |= 0x100;
	if (conform_ask(c, &req))
		conform_differs(c, "devfn 0x%x answers 0x%x", req.devfn, req.value);
	else if (req.err != XEN_PCI_ERR_dev_not_found || req.value != MARK)
		conform_fail(c, "devfn 0x%x: err %d value 0x%x", req.devfn, req.err, req.value);
}

void conform_wide_bus(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.bus |= 0x100;
	conform_expect(c, "bus beyond 255", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_lookup_before_command(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.devfn = free_devfn(c);
	req.cmd = 99;
	conform_expect(c, "an unknown command", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_lookup_before_size(struct conform *c)
{
	struct xenpcifront_request req = read_id(c);

	req.devfn = free_devfn(c);
	req.size = 3;
	conform_expect(c, "a wrong size", req, XEN_PCI_ERR_dev_not_found, MARK);
}

void conform_unknown_commands(struct conform *c)
{
	static const uint32_t commands[] = { 11, 99, 0x100, 0x80000000u, UINT32_MAX };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct xenpcifront_request req = read_id(c);

		req.cmd = commands[i];
		conform_expect(c, "an unknown command", req, XEN_PCI_ERR_not_implemented, MARK);
	}
}

void conform_aer_commands(struct conform *c)
{
	for (uint32_t cmd = XEN_PCI_OP_aer_detected; cmd <= XEN_PCI_OP_aer_slotreset; cmd++) {
		struct xenpcifront_request req = read_id(c);

		req.cmd = cmd;
		conform_expect(c, pciif_command_name(cmd), req, XEN_PCI_ERR_not_implemented, MARK);
	}
}
