/* SPDX-License-Identifier: MIT */
#include "backend/gate/device.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "backend/assignment.h"
#include "backend/gate/put_back.h"
#include "backend/gate/virtual.h"
#include "backend/lock.h"
#include "common/util.h"

void device_say(void *context, unsigned level, const char *text)
{
	struct device *d = context;
	struct message m;

	message_init(&m, MESSAGE_SAY, d->slot);
	m.u.say.level = level;
	snprintf(m.u.say.text, sizeof(m.u.say.text), "%s", text);
	link_tell(&d->home->link, &m, -1);
}

/* ---- Vectors, which the supervisor maps ---- */

static void map(void *context, const struct message_map *want, struct message_mapped *got)
{
	struct device *d = context;
	struct message m;

	message_init(&m, MESSAGE_MAP, d->slot);
	m.u.map = *want;
	link_ask(&d->home->link, &m);
	*got = m.u.mapped;
}

static int ask_plain(struct device *d, enum message_kind kind)
{
	struct message m;

	message_init(&m, kind, d->slot);
	link_ask(&d->home->link, &m);
	return m.u.answer.err ? fail(m.u.answer.err) : 0;
}

static void unmap(void *context)
{
	ask_plain(context, MESSAGE_UNMAP);
}

static int restore_messages(void *context)
{
	return ask_plain(context, MESSAGE_RESTORE);
}

/* ---- Held and let go ---- */

void device_let_go(struct device *d)
{
	if (!d->dev)
		return;
	mask_dispose(&d->mask);
	events_dispose(&d->events);
	pcidev_saved_free(d->saved);
	pcidev_close(d->dev);
	close_keep(d->lock);
	d->dev = NULL;
	d->saved = NULL;
	d->left_alone = d->changed = false;
}

/*
 * Opened, and as it was: who holds it after another gate may come behind a reset or a sleep of the host that nobody has
 * seen to. What does not read as the device is not written to. 0, or -1 with errno and *p.
 */
static int open_in_order(struct device *d, const struct message_hold *h, struct problem *p)
{
	const struct env *env = d->home->env;
	const struct vectors vectors = { map, unmap, device_say, d, restore_messages };
	char name[SBDF_TEXT];

	sbdf_format(h->sbdf, name);
	d->provider = env->providers[h->provider];
	d->lock = device_lock(env->state_dir, h->sbdf);
	d->dev = provider_open_device(d->provider, h->sbdf);
	if (!d->dev) {
		close_keep(d->lock);
		return problem_set(p, errno, "%s: cannot open the device: %s", name, strerror(errno));
	}
	if (!d->dev->info.is_virtual && pcidev_wait_itself(d->dev, PUT_BACK_PATIENCE_MS))
		return problem_set(p, ENODEV, "%s: does not answer as itself: nothing is written to it; detach it, and "
				   "attach it again when it is back", name);
	d->dev->info.irq = h->irq;
	d->saved = pcidev_saved_parse(d->dev, h->saved);
	if (!d->saved)
		return problem_set(p, errno, "%s: its saved configuration is damaged: %s", name,
				   strerror(errno));
	interrupt_init(&d->irq, d->dev, &vectors);
	return 0;
}

int device_hold(struct device *d, const struct message_hold *h, struct problem *p, struct message_held *held)
{
	const struct env *env = d->home->env;
	struct assignment a;
	char name[SBDF_TEXT];
	uint32_t command;

	sbdf_format(h->sbdf, name);
	if (h->provider >= env->nr_providers)
		return problem_set(p, EINVAL, "%s: no such provider", name);
	events_none(&d->events);
	if (open_in_order(d, h, p))
		return -1;
	assignment_init(&a, &env->settings, &d->dev->info, h->opts, h->opts_node);
	/*
	 * Before its vectors, and before its filter is built: who held it may have been killed behind a reset that its
	 * guest began. A permissive guest may have turned decoding off, and has lost something where addresses are gone.
	 */
	if (!d->dev->info.is_virtual &&
	    (!a.policy.policy.permissive || pcidev_lost_addresses(d->dev, d->saved)))
		put_back_config(&d->irq, d->saved);
	if (mask_init(&d->mask, d->dev, &a.policy.policy))
		return problem_set(p, errno, "%s: cannot build its filter: %s", name, strerror(errno));
	d->irq.no_msix = h->no_msix;
	d->irq.no_vectors = h->no_vectors;
	d->irq.mode = h->mode;
	d->irq.nr = (uint16_t)h->vectors;
	if (d->dev->info.is_virtual)
		virtual_hold(d, h->domid);
	/*
	 * Killed between mapping and turning on, before an image that forgets, or behind a sleep: no harm twice.
	 * A Xen that does not write the messages anew has not lost them.
	 */
	if (d->irq.mode != VECTORS_NONE)
		d->irq.vectors.restore(d);
	if (interrupt_turn_on(&d->irq))
		return problem_set(p, errno, "%s: cannot go on with its interrupts: %s", name,
				   strerror(errno));
	mask_note_intx(&d->mask, false, d->irq.mode != VECTORS_NONE);
	if (!pcidev_read(d->dev, PCI_COMMAND, 2, &command))
		held->command = (uint16_t)command;
	held->policy.permissive = a.policy.policy.permissive;
	held->policy.interrupt_control = a.policy.policy.interrupt_control;
	held->policy.shadow = a.policy.policy.shadow;
	held->policy.nr_quirks = a.policy.policy.nr_quirks;
	memcpy(held->policy.quirks, a.policy.quirks, sizeof(held->policy.quirks));
	return 0;
}
