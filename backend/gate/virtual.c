/* SPDX-License-Identifier: MIT */
#include "backend/gate/virtual.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/util.h"

enum { EVENTS_AT_ONCE = 4 };

static void map_event(void *context, const struct message_map *want, struct message_mapped *got)
{
	struct device *d = context;

	events_map(&d->events, want, got);
}

static void unmap_events(void *context)
{
	struct device *d = context;

	events_unmap(&d->events);
}

/* Xen has no messages of a virtual device's. */
static int restore_nothing(void *context)
{
	(void)context;
	return 0;
}

static int add_events(struct device *d)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = d };
	int *all = &d->home->events;

	if (*all < 0)
		*all = epoll_create1(EPOLL_CLOEXEC);
	return *all < 0 ? -1 : epoll_ctl(*all, EPOLL_CTL_ADD, events_fd(&d->events), &ev);
}

/*
 * What a gate or a daemon before this one had forwarded ended with it: the ports were its own, and Xen gives nobody the
 * same ones. The guest, which hears no more of them, is to see that they are off.
 */
static void end_earlier(struct device *d, enum vectors_mode mode)
{
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];
	const bool on = interrupt_is_on(&d->irq, mode);

	d->irq.mode = (mode == VECTORS_MSI ? d->irq.msi : d->irq.msix) ? mode : VECTORS_NONE;
	interrupt_release(&d->irq);
	if (!on)
		return;
	snprintf(text, sizeof(text), "%s: %s was on, and its vectors ended with the process that forwarded them: "
		 "it is off until the guest's driver enables it again", sbdf_format(d->dev->info.sbdf, name),
		 mode == VECTORS_MSI ? "MSI" : "MSI-X");
	d->irq.vectors.say(d, XTL_WARN, text);
}

void virtual_hold(struct device *d, uint32_t domid)
{
	const bool forwards = !events_init(&d->events, d->dev, domid, d->home->env->mute) &&
			      !add_events(d);
	const char *why = forwards || errno == ENOTTY ? NULL : strerror(errno);
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];

	d->irq.vectors.map = map_event;
	d->irq.vectors.unmap = unmap_events;
	d->irq.vectors.restore = restore_nothing;
	for (enum vectors_mode mode = VECTORS_MSI; mode <= VECTORS_MSIX; mode++)
		end_earlier(d, mode);
	if (!forwards) {
		d->irq.msi = d->irq.msix = 0;
		events_dispose(&d->events);
	}
	snprintf(text, sizeof(text), "%s: a program implements it: no DMA, BARs are decoded for no processor, "
		 "interrupts are %s%s%s", sbdf_format(d->dev->info.sbdf, name),
		 forwards ? "event channels, which a guest's kernel does not bind" : "refused", why ? ": " : "",
		 why ? why : "");
	d->irq.vectors.say(d, why ? XTL_WARN : XTL_INFO, text);
}

void virtual_turn(int events)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n = epoll_wait(events, ev, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < n; i++)
		events_turn(&((struct device *)ev[i].data.ptr)->events);
}
