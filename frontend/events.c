/* SPDX-License-Identifier: MIT */
/*
 * Events are told from what is, not from a queue: each fact remembers whether
 * it was told. AER requests come in here too.
 */
#include "frontend/front.h"

#define AER_TYPE_ROW(cmd, type, name) { (cmd), (type), (name) },
static const struct {
	uint32_t cmd;
	enum xenpcifront_aer_type type;
	const char *name;
} aer_types[] = {
	{ XEN_PCI_OP_aer_detected, XENPCIFRONT_AER_DETECTED, "detected" },
	{ XEN_PCI_OP_aer_mmio, XENPCIFRONT_AER_MMIO_ENABLED, "mmio_enabled" },
	{ XEN_PCI_OP_aer_slotreset, XENPCIFRONT_AER_SLOT_RESET, "slot_reset" },
	{ XEN_PCI_OP_aer_resume, XENPCIFRONT_AER_RESUME, "resume" },
};

#define RESULT_CHECK(nr, name) \
	_Static_assert(PCIIF_AER_##name == (nr), "the public names are the protocol's");
PCIIF_AER_RESULTS(RESULT_CHECK)
_Static_assert((int)XENPCIFRONT_RESULT_NONE == (int)PCIIF_AER_none &&
	       (int)XENPCIFRONT_RESULT_NO_DRIVER == (int)PCIIF_AER_no_aer_driver, "results agree");
_Static_assert((int)XENPCIFRONT_CHANNEL_FROZEN == (int)PCIIF_AER_FROZEN, "channel states agree");

const char *xenpcifront_aer_name(enum xenpcifront_aer_type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(aer_types); i++)
		if (aer_types[i].type == type)
			return aer_types[i].name;
	return "unknown";
}

const char *xenpcifront_event_name(enum xenpcifront_event_type type)
{
	static const char *const names[] = {
		[XENPCIFRONT_EVENT_NONE] = "none",
		[XENPCIFRONT_EVENT_CONNECTED] = "connected",
		[XENPCIFRONT_EVENT_ADDED] = "added",
		[XENPCIFRONT_EVENT_REMOVED] = "removed",
		[XENPCIFRONT_EVENT_ENUMERATED] = "enumerated",
		[XENPCIFRONT_EVENT_AER] = "aer",
		[XENPCIFRONT_EVENT_CLOSED] = "closed",
	};

	return (size_t)type < ARRAY_SIZE(names) ? names[type] : "unknown";
}

/* Sends a result and looks whether the next request waits already. */
static void answer(struct xenpcifront *fe, enum xenpcifront_aer_result result)
{
	fe->channel.aer_heard = false;
	page_aer_answer(fe->channel.offer.page, (int32_t)result);
	xen_notify(&fe->xen, fe->channel.offer.port);
	fe->aer_waits = fe->aer_told = false;
	front_wake(fe);
}

/* Whether *op is one that a driver can be asked; *aer says it in the library's words. */
static bool understand(struct xenpcifront *fe, const struct xen_pcie_aer_op *op,
		       struct xenpcifront_aer *aer)
{
	const struct device *dev;

	if (op->bus > 0xff || op->devfn > 0xff)
		return false;
	aer->address = (struct xenpcifront_address){ op->domain, (uint8_t)op->bus,
						     (uint8_t)op->devfn };
	dev = device_find(fe, to_sbdf(aer->address));
	if (!dev || !dev->present || op->err < XENPCIFRONT_CHANNEL_NORMAL ||
	    op->err > XENPCIFRONT_CHANNEL_PERM_FAILURE)
		return false;
	aer->channel = (enum xenpcifront_aer_channel)op->err;
	for (size_t i = 0; i < ARRAY_SIZE(aer_types); i++) {
		if (aer_types[i].cmd == op->cmd) {
			aer->type = aer_types[i].type;
			return true;
		}
	}
	return false;
}

static void take_request(struct xenpcifront *fe)
{
	struct xen_pcie_aer_op op;

	if (!page_aer_requested(fe->channel.offer.page)) {
		/* The backend took it back. */
		fe->aer_waits = fe->aer_told = false;
		return;
	}
	if (fe->aer_waits)
		return;
	/* A backend that asks on and on has to wait. */
	if (!ratelimit_allow(&fe->aer_requests, now_ns())) {
		front_wake_later(fe, fe->aer_requests.interval_ns);
		return;
	}
	page_aer_collect(fe->channel.offer.page, &op);
	if (!(fe->flags & XENPCIFRONT_AER) || !understand(fe, &op, &fe->aer)) {
		answer(fe, XENPCIFRONT_RESULT_NONE);
		return;
	}
	fe->aer_waits = true;
	fe->aer_told = false;
}

void aer_take(struct xenpcifront *fe)
{
	pthread_mutex_lock(&fe->lock);
	if (channel_is_open(&fe->channel))
		take_request(fe);
	pthread_mutex_unlock(&fe->lock);
}

int xenpcifront_answer_aer(struct xenpcifront *fe, enum xenpcifront_aer_result result)
{
	int rc = 0;

	if (!pciif_aer_result_name((int32_t)result))
		return fail(EINVAL);
	pthread_mutex_lock(&fe->lock);
	if (!channel_is_open(&fe->channel)) {
		rc = fail(ENOTCONN);
	} else if (!fe->aer_waits) {
		rc = fail(ENOENT);
	} else if (!page_aer_requested(fe->channel.offer.page)) {
		fe->aer_waits = fe->aer_told = false;
		rc = fail(ESTALE);
	} else {
		answer(fe, result);
	}
	pthread_mutex_unlock(&fe->lock);
	return rc;
}

/* The next piece of hot-plug news; removals first. */
static bool hotplug(struct xenpcifront *fe, struct xenpcifront_event *event)
{
	for (unsigned i = 0; i < fe->n_devices; i++) {
		struct device *dev = &fe->devices[i];

		if (!dev->told || (dev->present && !dev->again))
			continue;
		dev->told = dev->again = false;
		event->type = XENPCIFRONT_EVENT_REMOVED;
		event->address = dev->info.address;
		devices_sweep(fe);
		return true;
	}
	for (unsigned i = 0; i < fe->n_devices; i++) {
		struct device *dev = &fe->devices[i];

		if (!dev->present || dev->told)
			continue;
		dev->told = true;
		event->type = XENPCIFRONT_EVENT_ADDED;
		event->address = dev->info.address;
		return true;
	}
	return false;
}

static bool aer_news(struct xenpcifront *fe, struct xenpcifront_event *event)
{
	if (!fe->aer_waits || fe->aer_told)
		return false;
	fe->aer_told = true;
	event->type = XENPCIFRONT_EVENT_AER;
	event->address = fe->aer.address;
	event->aer = fe->aer;
	return true;
}

static bool life(struct xenpcifront_event *event, bool is, bool *told,
		 enum xenpcifront_event_type type)
{
	if (!is || *told)
		return false;
	*told = true;
	event->type = type;
	return true;
}

int xenpcifront_next_event(struct xenpcifront *fe, struct xenpcifront_event *event)
{
	bool open, any;

	*event = (struct xenpcifront_event){ .type = XENPCIFRONT_EVENT_NONE };
	pthread_mutex_lock(&fe->lock);
	open = channel_is_open(&fe->channel);
	event->backend_state = fe->closed ? fe->closed_state : 0;
	any = life(event, open, &fe->connected_told, XENPCIFRONT_EVENT_CONNECTED) ||
	      (!fe->handlers.hotplug && hotplug(fe, event)) ||
	      life(event, fe->enumerated, &fe->enumerated_told, XENPCIFRONT_EVENT_ENUMERATED) ||
	      (!fe->handlers.aer && aer_news(fe, event)) ||
	      life(event, fe->closed, &fe->closed_told, XENPCIFRONT_EVENT_CLOSED);
	pthread_mutex_unlock(&fe->lock);
	return any;
}

/* Takes one piece of news of the kinds that have a handler. */
static bool take(struct xenpcifront *fe, struct xenpcifront_event *event)
{
	bool any;

	*event = (struct xenpcifront_event){ .type = XENPCIFRONT_EVENT_NONE };
	pthread_mutex_lock(&fe->lock);
	any = (fe->handlers.hotplug && hotplug(fe, event)) ||
	      (fe->handlers.aer && aer_news(fe, event));
	pthread_mutex_unlock(&fe->lock);
	return any;
}

void handlers_run(struct xenpcifront *fe)
{
	struct xenpcifront_event event;

	if (!fe->handlers.hotplug && !fe->handlers.aer)
		return;
	while (take(fe, &event)) {
		if (event.type != XENPCIFRONT_EVENT_AER)
			fe->handlers.hotplug(fe->opaque, &event);
		else
			xenpcifront_answer_aer(fe, fe->handlers.aer(fe->opaque, &event.aer));
	}
}
