/* SPDX-License-Identifier: MIT */
/*
 * The devices: found where the backend's entries say, or by scanning the roots that it published,
 * dropped when the toolstack marks them or when they no longer answer. Nothing that the store says
 * sizes a loop or a buffer unchecked.
 */
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/front.h"
#include "protocol/nodes.h"

#define DEVFNS 256

struct device *device_find(struct xenpcifront *fe, struct sbdf a)
{
	for (unsigned i = 0; i < fe->n_devices; i++)
		if (sbdf_equal(to_sbdf(fe->devices[i].info.address), a))
			return &fe->devices[i];
	return NULL;
}

/* An entry for a, in its place. NULL with errno where there is no room. */
static struct device *insert(struct xenpcifront *fe, struct sbdf a)
{
	struct device *grown;
	unsigned at = 0;

	devices_sweep(fe);
	if (fe->n_devices == XENPCIFRONT_MAX_DEVICES) {
		errno = ENOSPC;
		return NULL;
	}
	grown = reallocarray(fe->devices, fe->n_devices + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	fe->devices = grown;
	while (at < fe->n_devices && sbdf_compare(to_sbdf(grown[at].info.address), a) < 0)
		at++;
	memmove(&grown[at + 1], &grown[at], (fe->n_devices - at) * sizeof(*grown));
	fe->n_devices++;
	grown[at] = (struct device){ 0 };
	return &grown[at];
}

static void remove_device(struct device *dev)
{
	dev->present = false;
	dev->again = false;
	dev->bars_watched = false;
}

void devices_remove_all(struct xenpcifront *fe)
{
	for (unsigned i = 0; i < fe->n_devices; i++)
		remove_device(&fe->devices[i]);
}

void devices_sweep(struct xenpcifront *fe)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < fe->n_devices; i++)
		if (fe->devices[i].present || fe->devices[i].told)
			fe->devices[kept++] = fe->devices[i];
	fe->n_devices = kept;
}

/* lock held. 0, or -1 where there is no room. */
static int add_device(struct xenpcifront *fe, const struct xenpcifront_device *info)
{
	struct device *dev = device_find(fe, to_sbdf(info->address));

	if (!dev)
		dev = insert(fe, to_sbdf(info->address));
	if (!dev)
		return -1;
	if (!dev->present)
		dev->again = dev->told;
	dev->info = *info;
	dev->present = dev->seen = true;
	return 0;
}

/* What a scan has found so far; the devices that the caller sees stay as they were meanwhile. */
struct scan {
	struct xenpcifront *fe;
	bool full;
	unsigned n;
	struct xenpcifront_device found[XENPCIFRONT_MAX_DEVICES];
};

/*
 * Asks for the ids of one function. Returns 1 (it is there), 0 (nobody, or one that
 * cannot be read), or -1 with errno where the channel fails.
 */
static int probe(struct scan *scan, struct sbdf a, struct xenpcifront_device *info)
{
	static const unsigned offsets[] = { PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_CACHE_LINE_SIZE };
	struct call call = { &scan->fe->channel, { a.segment, a.bus, a.devfn }, scan->fe->limit };
	uint32_t value[ARRAY_SIZE(offsets)];

	*info = (struct xenpcifront_device){ .address = call.address };
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct xenpcifront_answer answer;

		if (access_read(&call, offsets[i], 4, &value[i], &answer))
			return answer.error == XENPCIFRONT_NO_ANSWER ? -1 : 0;
		if (i == 0 && (value[0] == UINT32_MAX || !value[0]))
			return 0;
	}
	info->vendor = (uint16_t)value[0];
	info->device = (uint16_t)(value[0] >> 16);
	info->revision = (uint8_t)value[1];
	info->class_code = value[1] >> 8;
	info->header_type = value[2] >> 16 & 0x7f;
	return 1;
}

static bool found_already(const struct scan *scan, struct sbdf a)
{
	for (unsigned i = 0; i < scan->n; i++)
		if (sbdf_equal(to_sbdf(scan->found[i].address), a))
			return true;
	return false;
}

/* Asks for one function. 0, or -1 with errno; scan->full says that there is no room for more. */
static int look_at(struct scan *scan, struct sbdf a)
{
	struct xenpcifront_device info;
	int rc;

	if (scan->full || found_already(scan, a))
		return 0;
	rc = probe(scan, a, &info);
	if (rc <= 0)
		return rc;
	if (scan->n == XENPCIFRONT_MAX_DEVICES)
		scan->full = true;
	else
		scan->found[scan->n++] = info;
	return 0;
}

static int scan_root(struct scan *scan, struct node_root root)
{
	for (unsigned devfn = 0; devfn < DEVFNS; devfn++)
		if (look_at(scan, (struct sbdf){ root.segment, root.bus, (uint8_t)devfn }))
			return -1;
	return 0;
}

/*
 * The roots that the backend published; none published is 0000:00 (PROTOCOL.md
 * 2.5). Returns how many; bad and repeated ones are left out.
 */
static unsigned read_roots(struct xenpcifront *fe, struct node_root *roots)
{
	uint64_t n;
	unsigned found = 0;

	if (store_read_number(fe->xen.xs, XBT_NULL, fe->backend, NODE_ROOT_NUM, 10,
			      NODES_MAX_ROOTS, &n)) {
		if (errno != ENOENT && front_may_log(fe))
			log_warn(fe->lg, "%s/%s is refused: %s", fe->backend, NODE_ROOT_NUM,
				 strerror(errno));
		roots[0] = (struct node_root){ 0 };
		return errno == ENOENT;
	}
	for (unsigned i = 0; i < n; i++) {
		char name[NODE_NAME_MAX], value[NODE_VALUE_MAX];
		struct node_root r;
		bool known = false;

		snprintf(name, sizeof(name), NODE_ROOT_FMT, i);
		if (store_read(fe->xen.xs, XBT_NULL, fe->backend, name, value, sizeof(value)) < 0 ||
		    node_root_parse(value, &r)) {
			if (front_may_log(fe))
				log_warn(fe->lg, "%s/%s is refused: %s", fe->backend, name,
					 strerror(errno));
			continue;
		}
		for (unsigned k = 0; k < found; k++)
			known |= roots[k].segment == r.segment && roots[k].bus == r.bus;
		if (!known)
			roots[found++] = r;
	}
	return found;
}

static int scan_roots(struct scan *scan)
{
	struct node_root roots[NODES_MAX_ROOTS];
	unsigned n = read_roots(scan->fe, roots);

	for (unsigned i = 0; i < n; i++)
		if (scan_root(scan, roots[i]))
			return -1;
	return 0;
}

/* num_devs, state-N and vdev-N of the backend's entries. 0, or -1 with errno. */
static int read_nr(struct xenpcifront *fe, uint64_t *n)
{
	return store_read_number(fe->xen.xs, XBT_NULL, fe->backend, NODE_NUM_DEVS, 10,
				 NODES_MAX_DEVS, n);
}

static int read_state(struct xenpcifront *fe, unsigned i, uint64_t *state)
{
	char name[NODE_NAME_MAX];

	snprintf(name, sizeof(name), NODE_STATE_FMT, i);
	return store_read_number(fe->xen.xs, XBT_NULL, fe->backend, name, 10, PCIIF_STATE_COUNT - 1,
				 state);
}

static int read_place(struct xenpcifront *fe, unsigned i, struct sbdf *a)
{
	char name[NODE_NAME_MAX], value[NODE_VALUE_MAX];

	snprintf(name, sizeof(name), NODE_VDEV_FMT, i);
	if (store_read(fe->xen.xs, XBT_NULL, fe->backend, name, value, sizeof(value)) < 0)
		return -1;
	return node_vdev_parse(value, a);
}

/* Whether entry i has no device for us: it is still to be given one, or has lost it. */
static bool empty_entry(struct xenpcifront *fe, unsigned i)
{
	uint64_t state;

	return !read_state(fe, i, &state) &&
	       (state == XenbusStateInitialising || state == XenbusStateClosing ||
		state == XenbusStateClosed);
}

/*
 * Where the backend's entries say that devices are. Returns how many, or -1 where they do not say
 * it for all: not every backend does (PROTOCOL.md 9), and the toolstack may be moving them.
 */
static int read_listed(struct xenpcifront *fe, struct sbdf *listed)
{
	unsigned found = 0;
	uint64_t n;

	if (read_nr(fe, &n))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (!read_place(fe, i, &listed[found]))
			found++;
		else if (!empty_entry(fe, i))
			return -1;
	}
	return (int)found;
}

static unsigned known(struct xenpcifront *fe, struct sbdf *addresses)
{
	unsigned n = 0;

	pthread_mutex_lock(&fe->lock);
	for (unsigned i = 0; i < fe->n_devices; i++)
		if (fe->devices[i].present)
			addresses[n++] = to_sbdf(fe->devices[i].info.address);
	pthread_mutex_unlock(&fe->lock);
	return n;
}

/* Those listed, and those that are known: an entry that moved meanwhile loses nobody. */
static int look_at_listed(struct scan *scan, const struct sbdf *listed, unsigned n)
{
	struct sbdf others[XENPCIFRONT_MAX_DEVICES];
	unsigned n_others = known(scan->fe, others);

	for (unsigned i = 0; i < n; i++)
		if (look_at(scan, listed[i]))
			return -1;
	for (unsigned i = 0; i < n_others; i++)
		if (look_at(scan, others[i]))
			return -1;
	return 0;
}

/* The scan is through: what it found is what there is. */
static void apply(struct scan *scan)
{
	struct xenpcifront *fe = scan->fe;

	pthread_mutex_lock(&fe->lock);
	for (unsigned i = 0; i < fe->n_devices; i++)
		fe->devices[i].seen = found_already(scan, to_sbdf(fe->devices[i].info.address));
	for (unsigned i = 0; i < fe->n_devices; i++)
		if (fe->devices[i].present && !fe->devices[i].seen)
			remove_device(&fe->devices[i]);
	for (unsigned i = 0; i < scan->n; i++)
		scan->full |= add_device(fe, &scan->found[i]) != 0;
	pthread_mutex_unlock(&fe->lock);
	if (scan->full && front_may_log(fe))
		log_warn(fe->lg, "more than %u devices: the others are left out",
			 XENPCIFRONT_MAX_DEVICES);
}

int devices_scan(struct xenpcifront *fe)
{
	struct sbdf listed[NODES_MAX_DEVS];
	struct scan scan = { .fe = fe };
	int n = read_listed(fe, listed);

	if (n > 0 ? look_at_listed(&scan, listed, (unsigned)n) : scan_roots(&scan))
		return -1;
	apply(&scan);
	return 0;
}

void devices_detach(struct xenpcifront *fe)
{
	uint64_t n, state;

	if (read_nr(fe, &n))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct device *dev;
		struct sbdf a;

		if (read_state(fe, i, &state) || state != XenbusStateClosing ||
		    read_place(fe, i, &a))
			continue;
		pthread_mutex_lock(&fe->lock);
		dev = device_find(fe, a);
		if (dev)
			remove_device(dev);
		pthread_mutex_unlock(&fe->lock);
	}
}

unsigned xenpcifront_devices(struct xenpcifront *fe, struct xenpcifront_device *devices,
			     unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&fe->lock);
	for (unsigned i = 0; i < fe->n_devices; i++) {
		if (!fe->devices[i].present)
			continue;
		if (n < max)
			devices[n] = fe->devices[i].info;
		n++;
	}
	pthread_mutex_unlock(&fe->lock);
	return n;
}
