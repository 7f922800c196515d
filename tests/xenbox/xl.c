/* SPDX-License-Identifier: MIT */
/*
 * `xl pci-attach`, `pci-detach` and `pci-list` for PV guests, as libxl 4.17 does them: the same
 * nodes in the same order and transactions (xl_nodes.c), and the same waits (with watches where
 * libxl polls). Of an HVM guest with a stub domain, that one has the nodes, and the guest the device.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "xl_nodes.h"

#define DEVICES_MAX 256

/* ---- parsing ---- */

static int parse_flag(const char *value, bool *flag)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return -1;
	*flag = *value == '1';
	return 0;
}

static int parse_option(struct xl_device *d, const char *key, const char *value)
{
	if (!strcmp(key, "permissive"))
		return parse_flag(value, &d->permissive);
	if (!strcmp(key, "msitranslate"))
		return parse_flag(value, &d->msitranslate);
	if (!strcmp(key, "power_mgmt"))
		return parse_flag(value, &d->power_mgmt);
	if (!strcmp(key, "rdm_policy")) {
		d->rdm_relaxed = !strcmp(value, "relaxed");
		return d->rdm_relaxed || !strcmp(value, "strict") ? 0 : -1;
	}
	if (!strcmp(key, "name"))
		return snprintf(d->name, sizeof(d->name), "%s", value) < (int)sizeof(d->name) ? 0 :
												 -1;
	return -1;
}

int xl_parse(struct xl_device *dev, const char *spec)
{
	const char *rest;
	char *copy, *save, *opt;
	int rc = 0;

	*dev = (struct xl_device){ .sbdf = 0 };
	if (box_parse_sbdf(spec, &dev->sbdf, &rest)) {
		tool_error("not a PCI device: %s", spec);
		return -1;
	}
	copy = strdup(rest);
	if (!copy)
		return -1;
	for (opt = strtok_r(copy, ",", &save); opt && !rc; opt = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(opt, '=');

		if (eq)
			*eq = '\0';
		rc = eq ? parse_option(dev, opt, eq + 1) : -1;
		if (rc)
			tool_error("%s: bad option %s%s%s", spec, opt, eq ? "=" : "",
				   eq ? eq + 1 : "");
	}
	free(copy);
	return rc;
}

/* ---- attach ---- */

static int assign(struct tool *t, unsigned int domid, const struct xl_device *d, uint32_t cmd)
{
	struct xen_domctl ctl = { .cmd = cmd, .domain = (domid_t)domid };

	ctl.u.assign_device.dev = XEN_DOMCTL_DEV_PCI;
	ctl.u.assign_device.u.pci.machine_sbdf = d->sbdf;
	if (cmd == XEN_DOMCTL_assign_device && d->rdm_relaxed)
		ctl.u.assign_device.flags = XEN_DOMCTL_DEV_RDM_RELAXED;
	return tool_domctl(t, &ctl) && errno != ENOSYS ? -1 : 0;
}

static int attach_one(struct tool *t, unsigned int domid, const struct xl_device *d, bool starting,
		      bool wait)
{
	const unsigned int stub = tool_stub(t, domid);
	char owner_path[64], num[16], *owner;

	snprintf(owner_path, sizeof(owner_path), "/libxl/pci/%04x-%02x-%02x-%01x/domid",
		 BDF_ARGS(d));
	owner = tool_read(t, XBT_NULL, "%s", owner_path);
	if (owner) {
		tool_error("PCI device " BDF_FMT " is not assignable: domain %s has it",
			   BDF_ARGS(d), owner);
		free(owner);
		return -1;
	}
	snprintf(num, sizeof(num), "%u", domid);
	tool_write(t, XBT_NULL, num, "%s", owner_path);
	if (stub && (xl_add_nodes(t, stub, d, false, wait) || (wait && xl_wait_stub(t, stub))))
		tool_error("device model, domain %u: " BDF_FMT " is not there", stub, BDF_ARGS(d));
	else if (assign(t, domid, d, XEN_DOMCTL_assign_device))
		tool_error("assigning " BDF_FMT " to domain %u: %s", BDF_ARGS(d), domid,
			   strerror(errno));
	else if (stub || !xl_add_nodes(t, domid, d, starting, wait))
		return 0;
	tool_rm(t, XBT_NULL, "%s", owner_path); /* all that libxl undoes */
	return -1;
}

int xl_attach(struct tool *t, unsigned int domid, const struct xl_device *devs, unsigned int n,
	      bool wait)
{
	uint32_t port, pfn;
	bool started;

	if (tool_domain(t, domid, &port, &pfn, &started))
		return tool_error("no domain %u", domid);
	for (unsigned int i = 0; i < n; i++)
		if (attach_one(t, domid, &devs[i], !started, wait))
			return TOOL_FAILED;
	return TOOL_OK;
}

/* ---- detach ---- */

int xl_detach(struct tool *t, unsigned int domid, const struct xl_device *dev, bool force,
	      bool wait)
{
	const unsigned int stub = tool_stub(t, domid);
	struct xl_paths p;
	unsigned int num;
	int rc;

	xl_paths_init(&p, stub ? stub : domid);
	if (xl_find(t, &p, dev, &num) < 0)
		return tool_error("PCI device " BDF_FMT " is not attached to domain %u",
				  BDF_ARGS(dev), domid);
	/* Before the guest hears of it; libxl only logs a refusal. */
	if (assign(t, domid, dev, XEN_DOMCTL_deassign_device) && !force)
		tool_error("deassigning " BDF_FMT " from domain %u: %s", BDF_ARGS(dev), domid,
			   strerror(errno));
	rc = xl_remove_nodes(t, &p, dev, wait);
	tool_rm(t, XBT_NULL, "/libxl/pci/%04x-%02x-%02x-%01x/domid", BDF_ARGS(dev));
	return rc ? TOOL_FAILED : TOOL_OK;
}

/* ---- list ---- */

int xl_list(struct tool *t, unsigned int domid)
{
	struct xl_paths p;
	char *num;
	unsigned int n;

	xl_paths_init(&p, domid);
	num = tool_read(t, XBT_NULL, "%s/num_devs", p.be);
	n = num ? (unsigned int)strtoul(num, NULL, 10) : 0;
	free(num);
	if (n)
		puts("Vdev Device");
	for (unsigned int i = 0; i < n; i++) {
		char *dev = tool_read(t, XBT_NULL, "%s/dev-%u", p.be, i);
		char *v = tool_read(t, XBT_NULL, "%s/vdevfn-%u", p.be, i);
		unsigned long vdevfn = v ? strtoul(v, NULL, 16) : 0;

		printf("%02lx.%01lx %s\n", vdevfn >> 3 & 0x1f, vdevfn & 7, dev ? dev : "?");
		free(dev);
		free(v);
	}
	return TOOL_OK;
}

void xl_destroy_all(struct tool *t, unsigned int domid)
{
	const unsigned int stub = tool_stub(t, domid);
	struct xl_device devs[DEVICES_MAX];
	unsigned int n = 0;
	struct xl_paths p;
	char *text;

	xl_paths_init(&p, stub ? stub : domid);
	while (n < DEVICES_MAX && (text = tool_read(t, XBT_NULL, "%s/dev-%u", p.be, n))) {
		if (xl_parse(&devs[n], text))
			devs[n].sbdf = UINT32_MAX;
		n++;
		free(text);
	}
	/* One that fails stops no other. */
	for (unsigned int i = 0; i < n; i++) {
		if (devs[i].sbdf == UINT32_MAX)
			continue;
		/* libxl waits 10 s for a frontend that is not there; nobody is served by that. */
		text = tool_read(t, XBT_NULL, "%s/state", p.be);
		xl_detach(t, domid, &devs[i], true, xl_is_connected(text));
		free(text);
	}
}

void xl_forget(struct tool *t, unsigned int domid)
{
	unsigned int n = 0;
	char **list = xs_directory(t->xs, XBT_NULL, "/libxl/pci", &n);

	for (unsigned int i = 0; i < n; i++) {
		char *owner = tool_read(t, XBT_NULL, "/libxl/pci/%s/domid", list[i]);

		if (owner && strtoul(owner, NULL, 10) == domid)
			tool_rm(t, XBT_NULL, "/libxl/pci/%s/domid", list[i]);
		free(owner);
	}
	free(list);
}
