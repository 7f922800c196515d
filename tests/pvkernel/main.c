/* SPDX-License-Identifier: MIT */
/*
 * pvkernel: a paravirtual guest that is nothing but a PCI frontend with another's manners. Its
 * command line:
 *
 *	front=NAME	whose (front.c has the table)
 *	lives=N		opened so many times, closed in between
 *
 * Its console has lines "ok WHAT", "not ok WHAT: WHY", and for each device, each time that
 * they are looked for,
 *
 *	device HOST GUEST ID BAR0 BAR1 BAR2 BAR3 BAR4 BAR5
 *
 * or "gone HOST" where the backend does not know it, and then "found N". From then on it
 * follows the backend's states, as mini-os does, and looks again after each hot-plug.
 */
#include "tests/pvkernel/front.h"
#include "tests/pvkernel/pv.h"
#include "tests/pvkernel/store.h"

#include <xen/io/pciif.h>
#include <xen/io/xenbus.h>

#define BARS 6
#define REG_VENDOR 0x00
#define REG_DEVICE 0x02
#define REG_COMMAND 0x04
#define COMMAND_MEMORY 0x2
#define REG_BAR(n) (0x10 + 4 * (n))
#define REG_CAPABILITIES 0x34
#define CAP_MSI 0x05
#define CAP_MSIX 0x11
#define CAPS_MAX 48 /* more than config space has room for */

void pv_main(const struct start_info *si);

/*
 * Writes ones, reads what of them stayed, writes back. A 64-bit BAR's upper half and an absent
 * one may have no ones.
 */
static bool sizes(const struct device *d, unsigned bar, uint32_t value)
{
	uint32_t mask = 0, after = 0;
	int err = front_write(d, REG_BAR(bar), 4, ~0U);

	err |= front_read(d, REG_BAR(bar), 4, &mask);
	err |= front_write(d, REG_BAR(bar), 4, value);
	err |= front_read(d, REG_BAR(bar), 4, &after);
	return !err && after == value && (!value || mask != value);
}

static bool has_capability(const struct device *d, unsigned id)
{
	uint32_t at = 0, entry = 0;

	front_read(d, REG_CAPABILITIES, 1, &at);
	for (unsigned i = 0; i < CAPS_MAX && at >= 0x40; i++) {
		if (front_read(d, at & ~3U, 2, &entry))
			return false;
		if ((entry & 0xff) == id)
			return true;
		at = entry >> 8;
	}
	return false;
}

/* A vector comes and goes; with MSI-X the device has to decode memory. */
static void interrupt(const struct device *d, const char *host, bool msix)
{
	const char *name = msix ? "MSI-X" : "MSI";
	uint32_t command = 0, pirq = 0;
	int err;

	if (!has_capability(d, msix ? CAP_MSIX : CAP_MSI))
		return;
	front_read(d, REG_COMMAND, 2, &command);
	front_write(d, REG_COMMAND, 2, command | COMMAND_MEMORY);
	err = front_msi_on(d, msix, &pirq);
	if (err || !pirq)
		say("not ok %s: %s: error -%u, pirq %u", host, name, (unsigned)-err, pirq);
	else
		say("ok %s: %s has a pirq", host, name);
	if (front_msi_off(d, msix))
		say("not ok %s: %s does not go off", host, name);
	front_write(d, REG_COMMAND, 2, command);
}

/* False: the backend does not know it, as it is while a hot-unplug of it goes on. */
static bool show(const struct device *d, bool vectors)
{
	const struct address *h = &d->host, *g = &d->guest;
	uint32_t vendor = 0, id = 0, bars[BARS] = { 0 };
	bool sized = true;
	int err = front_read(d, REG_VENDOR, 2, &vendor);
	char host[16];

	format(host, sizeof(host), "%04x:%02x:%02x.%x", h->domain, h->bus, h->slot, h->function);
	if (err == XEN_PCI_ERR_dev_not_found) {
		say("gone %s", host);
		return false;
	}
	err |= front_read(d, REG_DEVICE, 2, &id);
	for (unsigned i = 0; i < BARS; i++) {
		err |= front_read(d, REG_BAR(i), 4, &bars[i]);
		sized &= sizes(d, i, bars[i]);
	}
	say("device %s %04x:%02x:%02x.%x %04x%04x %08x %08x %08x %08x %08x %08x", host, g->domain,
	    g->bus, g->slot, g->function, id, vendor, bars[0], bars[1], bars[2], bars[3], bars[4],
	    bars[5]);
	say("%sok %s: its header reads", err ? "not " : "", host);
	say("%sok %s: its BARs size and come back", sized ? "" : "not ", host);
	if (vectors) {
		interrupt(d, host, false);
		interrupt(d, host, true);
	}
	return true;
}

static void look(bool vectors)
{
	static struct device devices[FRONT_DEVICES];
	unsigned n = front_learn(devices), found = 0;

	for (unsigned i = 0; i < n; i++)
		found += show(&devices[i], vectors);
	say("found %u", found);
}

static void one_life(const struct manners *m)
{
	front_open(m);
	say("ok %s connects", m->name);
	look(m->msi);
	front_probed();
}

static void end_life(const struct manners *m)
{
	bool free = front_close();

	say("%sok %s closes, and its page is its own again", free ? "" : "not ", m->name);
}

void pv_main(const struct start_info *si)
{
	const char *line = (const char *)si->cmd_line;
	const struct manners *m;
	char name[16], lives[8];

	pv_init(si);
	store_init();
	text_option(line, "front", name, sizeof(name));
	text_option(line, "lives", lives, sizeof(lives));
	m = front_manners(name);
	if (!m)
		die("nobody is called like that", 0);
	one_life(m);
	for (unsigned n = text_decimal(lives); n > 1; n--) {
		end_life(m);
		one_life(m);
	}
	for (;;) {
		switch (front_next_state()) {
		case XenbusStateReconfiguring:
			front_set_state(XenbusStateReconfiguring);
			break;
		case XenbusStateReconfigured:
			front_set_state(XenbusStateConnected);
			/* No vectors: the toolstack may have taken the device away already. */
			look(false);
			break;
		case XenbusStateClosing:
			end_life(m);
			one_life(m);
			break;
		default:
			break;
		}
	}
}
