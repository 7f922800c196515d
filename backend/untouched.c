/* SPDX-License-Identifier: MIT */
#include "backend/untouched.h"

#include <linux/pci_regs.h>
#include <stdatomic.h>
#include <string.h>

#include "host/kernel_backend.h"
#include "common/log.h"
#include "common/util.h"

static uint16_t command_in(const uint8_t config[PCIDEV_BASIC])
{
	return (uint16_t)(config[PCI_COMMAND] | config[PCI_COMMAND + 1] << 8);
}

/* What is remembered of a; or, with room, an empty place. NULL: nothing. */
static struct memory_untouched *find(struct host *host, struct sbdf a, bool room)
{
	struct memory_untouched *at = host->memory.untouched, *empty = NULL;

	for (unsigned i = 0; at && i < MEMORY_UNTOUCHED; i++, at++) {
		if (at->valid && sbdf_equal(at->sbdf, a))
			return at;
		if (!at->valid && !empty)
			empty = at;
	}
	return room ? empty : NULL;
}

/* A kill may come between any two writes. */
static void set_valid(struct memory_untouched *u, bool valid)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile bool *)&u->valid = valid;
	atomic_signal_fence(memory_order_seq_cst);
}

bool untouched_wanted(const struct claim *claim)
{
	const struct host *host = claim->host;
	struct settings_life life;

	settings_life(&host->settings, &claim->dev->info, &life);
	return host->memory.untouched && !life.reset_always && !claim->raw && !claim->irq.stuck &&
	       !claim->dev->info.is_vf && !claim->dev->info.header_type &&
	       !(host->takeover && takeover_kernel_serves_any(host->takeover));
}

/* Reading the device may take its time, and others run meanwhile: a place is taken afterwards. */
int untouched_note(struct claim *claim, uint16_t command)
{
	struct memory_untouched now = { .sbdf = claim->dev->info.sbdf, .command = command }, *u;

	if (provider_binding(claim->provider, now.sbdf, &now.binding) ||
	    pcidev_read_basic(claim->dev, now.config))
		return -1;
	if (command_in(now.config) & PCIDEV_REACHED)
		return fail(EIO);
	u = find(claim->host, now.sbdf, true);
	if (!u)
		return fail(ENOSPC);
	set_valid(u, false);
	*u = now;
	set_valid(u, true);
	return 0;
}

/* What shows that somebody may have used the device; NULL: nothing does. */
static const char *trace_of_use(struct provider *p, const struct memory_untouched *u,
				const uint8_t now[PCIDEV_BASIC])
{
	uint64_t binding;

	if (provider_binding(p, u->sbdf, &binding) || binding != u->binding)
		return "its driver was bound anew";
	if (memcmp(now, u->config, PCIDEV_BASIC))
		return "its config space is not as we left it";
	return NULL;
}

bool untouched_take(struct claim *claim, uint16_t *command)
{
	struct memory_untouched *u = find(claim->host, claim->dev->info.sbdf, false), was;
	uint8_t now[PCIDEV_BASIC] = { 0 };
	char name[SBDF_TEXT];
	struct settings_life life;
	const char *why;

	if (!u)
		return false;
	/* Its place may be another's as soon as the device is asked. */
	was = *u;
	set_valid(u, false);
	sbdf_format(was.sbdf, name);
	settings_life(&claim->host->settings, &claim->dev->info, &life);
	why = pcidev_read_basic(claim->dev, now) ? "its config space cannot be read" :
						    trace_of_use(claim->provider, &was, now);
	if (life.reset_always)
		why = "the settings want it";
	if (*command == command_in(was.config) &&
	    !pcidev_write(claim->dev, PCI_COMMAND, 2, was.command))
		*command = was.command;
	if (why)
		talk_tell(claim->irq.talk, XTL_INFO, "%s: to be reset once more: since it was taken back, %s",
			  name, why);
	else
		talk_tell(claim->irq.talk, XTL_INFO, "%s: not reset again: nobody can have used it since "
			  "its last reset", name);
	return !why;
}

/* Gives one device its command back, if it is as we left it. */
static void restore(struct host *host, const struct memory_untouched *u)
{
	struct pcidev *dev = NULL;
	uint8_t now[PCIDEV_BASIC];
	char name[SBDF_TEXT];
	unsigned i;

	for (i = 0; i < host->nr_providers && !dev; i++)
		dev = provider_open_device(host->providers[i], u->sbdf);
	if (!dev)
		return;
	if (!pcidev_read_basic(dev, now) && !trace_of_use(host->providers[i - 1], u, now) &&
	    pcidev_write(dev, PCI_COMMAND, 2, u->command))
		log_warn(host->lg, "%s: is left without decoding: %s", sbdf_format(u->sbdf, name),
			 strerror(errno));
	pcidev_close(dev);
}

void untouched_end(struct host *host)
{
	struct memory_untouched *u = host->memory.untouched;

	for (unsigned i = 0; u && i < MEMORY_UNTOUCHED; i++, u++) {
		if (u->valid)
			restore(host, u);
		set_valid(u, false);
	}
}
