/* SPDX-License-Identifier: MIT */
#include "host/topology.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "host/device/save.h"
#include "common/log.h"
#include "common/util.h"

enum {
	WAYS_MAX = 128, /* bytes of reset_method that are read */
	POWER_MAX = 16, /* ... of power_state */
	BASE_CLASS_BRIDGE = 0x06,
	CLASS_HOST_BRIDGE = 0x0600,
};

static const struct {
	const char *name;
	unsigned traits;
} kinds[] = {
#define X(id, name, traits) { name, traits },
	TOPOLOGY_KINDS(X)
#undef X
};

const char *topology_kind_name(enum topology_kind kind)
{
	return kinds[kind].name;
}

unsigned topology_traits(const struct topology *t, int i)
{
	return kinds[t->function[i].kind].traits;
}

/* By the type field of the express capability; exp is its offset. */
static enum topology_kind express_kind(struct pcidev *dev, unsigned exp, enum topology_kind other)
{
	uint32_t flags;

	if (pcidev_read(dev, exp + PCI_EXP_FLAGS, 2, &flags))
		return other;
	switch ((flags & PCI_EXP_FLAGS_TYPE) >> 4) {
	case PCI_EXP_TYPE_ROOT_PORT:
		return TOPOLOGY_ROOT_PORT;
	case PCI_EXP_TYPE_UPSTREAM:
		return TOPOLOGY_UPSTREAM;
	case PCI_EXP_TYPE_DOWNSTREAM:
		return TOPOLOGY_DOWNSTREAM;
	case PCI_EXP_TYPE_PCI_BRIDGE:
		return TOPOLOGY_PCIE_TO_PCI;
	case PCI_EXP_TYPE_PCIE_BRIDGE:
		return TOPOLOGY_PCI_TO_PCIE;
	case PCI_EXP_TYPE_RC_END:
		return TOPOLOGY_ROOT_ENDPOINT;
	case PCI_EXP_TYPE_RC_EC:
		return TOPOLOGY_EVENT_COLLECTOR;
	default:
		return TOPOLOGY_ENDPOINT;
	}
}

static enum topology_kind kind_of(struct pcidev *dev, unsigned exp)
{
	const struct pcidev_info *info = &dev->info;
	unsigned base = info->class_code >> 16;
	enum topology_kind kind;

	if (info->header_type == PCI_HEADER_TYPE_CARDBUS)
		return TOPOLOGY_CARDBUS;
	if (info->class_code >> 8 == CLASS_HOST_BRIDGE)
		return TOPOLOGY_HOST_BRIDGE;
	if (info->header_type == PCI_HEADER_TYPE_BRIDGE) {
		kind = exp ? express_kind(dev, exp, TOPOLOGY_PCI_BRIDGE) : TOPOLOGY_PCI_BRIDGE;
		/* A bridge header makes a bridge, whatever else is said. */
		return kinds[kind].traits & TOPOLOGY_BRIDGE ? kind : TOPOLOGY_PCI_BRIDGE;
	}
	if (base == BASE_CLASS_BRIDGE)
		return TOPOLOGY_OTHER_BRIDGE;
	return exp ? express_kind(dev, exp, TOPOLOGY_ENDPOINT) : TOPOLOGY_CONVENTIONAL;
}

/* What the registers offer; a register that cannot be read offers nothing. */
static void read_offers(struct topology_function *fn, struct pcidev *dev, unsigned exp)
{
	unsigned af = pcidev_find_cap(dev, PCI_CAP_ID_AF), pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	const uint32_t af_both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	uint32_t v;

	fn->flr = exp && !pcidev_read(dev, exp + PCI_EXP_DEVCAP, 4, &v) && v & PCI_EXP_DEVCAP_FLR;
	fn->af_flr = af && !pcidev_read(dev, af + PCI_AF_CAP, 1, &v) && (v & af_both) == af_both;
	fn->pm_reset = pm && !pcidev_read(dev, pm + PCI_PM_CTRL, 2, &v) &&
		       !(v & PCI_PM_CTRL_NO_SOFT_RESET);
	fn->intx = !pcidev_read(dev, PCI_INTERRUPT_PIN, 1, &v) && v && v != 0xff;
	fn->msi = pcidev_find_cap(dev, PCI_CAP_ID_MSI) || pcidev_find_cap(dev, PCI_CAP_ID_MSIX);
}

/* The kernel's own names for what it can do, by which it is told what to use, too. */
static unsigned parse_ways(char *text)
{
	static const struct { const char *word; unsigned way; } words[] = {
		{ "flr", TOPOLOGY_WAY_FLR },	 { "af_flr", TOPOLOGY_WAY_AF_FLR },
		{ "pm", TOPOLOGY_WAY_PM },	 { "bus", TOPOLOGY_WAY_BUS },
		{ "slot", TOPOLOGY_WAY_BUS },	 { "cxl_bus", TOPOLOGY_WAY_BUS },
	};
	char *save, *word = strtok_r(text, " ", &save);
	unsigned ways = 0;

	for (; word; word = strtok_r(NULL, " ", &save)) {
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			ways |= strcmp(word, words[i].word) ? 0 : words[i].way;
	}
	return ways;
}

/*
 * Without `reset` there is nothing that the kernel offers; kernels before 5.15 do not tell more. An
 * operator may have emptied the list: then there is nothing either.
 */
static void read_ways(struct topology_function *fn, struct provider *p)
{
	char text[WAYS_MAX];
	int n = provider_attribute(p, fn->info.sbdf, "reset_method", text, sizeof(text));

	fn->os_tells = fn->os && (n >= 0 || !fn->kernel_reset);
	fn->os_ways = n > 0 ? parse_ways(text) : 0;
	if (!n)
		fn->kernel_reset = false;
}

/* What the OS says, which may change at any time. */
static void read_attributes(struct topology_function *fn, struct provider *p)
{
	struct sbdf a = fn->info.sbdf;
	char unread[8], power[POWER_MAX];

	if (provider_attribute(p, a, "driver", fn->driver, sizeof(fn->driver)) < 0)
		fn->driver[0] = '\0';
	/* The file is there where the kernel knows a way; it can only be written. */
	fn->kernel_reset = provider_attribute(p, a, "reset", unread, sizeof(unread)) >= 0 ||
			   errno != ENOENT;
	fn->os = !strcmp(p->ops->name, "sysfs");
	fn->d3cold = provider_attribute(p, a, "power_state", power, sizeof(power)) >= 0 &&
		     !strcmp(power, "D3cold");
	read_ways(fn, p);
}

static int read_function(struct topology_function *fn, struct provider *p, struct sbdf a)
{
	struct pcidev *dev = provider_look(p, a);
	unsigned exp;

	if (!dev)
		return -1;
	exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP);
	fn->info = dev->info;
	fn->kind = kind_of(dev, exp);
	fn->dead = fn->unread = !pcidev_alive(dev);
	fn->d3hot = pcidev_in_d3hot(dev);
	read_offers(fn, dev, exp);
	pcidev_close(dev);
	read_attributes(fn, p);
	fn->guest = TOPOLOGY_NO_GUEST;
	return 0;
}

/* A parent precedes its child in no order, so this follows when all are known. */
static void link_all(struct topology *t, struct provider *p)
{
	for (int i = 0; i < t->nr; i++) {
		struct topology_function *fn = &t->function[i];
		struct sbdf parent;

		fn->parent = provider_parent(p, fn->info.sbdf, &parent) == 1 ?
				     topology_find(t, parent) : TOPOLOGY_NONE;
		fn->pf = fn->info.is_vf ? topology_find(t, fn->info.pf) : TOPOLOGY_NONE;
	}
}

static int read_all(struct topology *t, struct provider *p, const struct sbdf *list, int nr,
		    xentoollog_logger *lg)
{
	char buf[SBDF_TEXT];

	t->nr = 0;
	t->function = calloc((size_t)nr + 1, sizeof(*t->function));
	if (!t->function)
		return -1;
	for (int i = 0; i < nr; i++) {
		memset(&t->function[t->nr], 0, sizeof(*t->function));
		if (!read_function(&t->function[t->nr], p, list[i])) {
			t->nr++;
		} else if (errno == EACCES || errno == ENOMEM) {
			topology_dispose(t);
			return -1;
		} else if (errno != ENODEV) {
			log_warn(lg, "%s: left out of the topology: %s", sbdf_format(list[i], buf),
				 strerror(errno));
		}
	}
	link_all(t, p);
	return 0;
}

int topology_read(struct topology *t, struct provider *p, xentoollog_logger *lg)
{
	struct sbdf *list;
	int nr = 0, rc;

	memset(t, 0, sizeof(*t));
	list = provider_list_all(p, &nr);
	if (!list)
		return -1;
	rc = read_all(t, p, list, nr, lg);
	free_keep(list);
	return rc;
}

void topology_dispose(struct topology *t)
{
	free_keep(t->function);
	t->function = NULL;
	t->nr = 0;
}

static bool same_functions(const struct topology *t, const struct sbdf *list, int nr)
{
	if (nr != t->nr)
		return false;
	for (int i = 0; i < nr; i++) {
		if (!sbdf_equal(list[i], t->function[i].info.sbdf))
			return false;
	}
	return true;
}

/* fn was there before, as old. */
static void keep_known(struct topology_function *fn, const struct topology_function *old)
{
	const struct pcidev_info *now = &fn->info, *then = &old->info;

	fn->guest = old->guest;
	fn->quarantined = old->quarantined;
	fn->unreset = old->unreset;
	if (old->unread || now->vendor != then->vendor || now->device != then->device ||
	    now->class_code != then->class_code)
		return;
	fn->unread = false;
	fn->info.header_type = then->header_type;
	fn->kind = old->kind;
	fn->flr = old->flr;
	fn->af_flr = old->af_flr;
	fn->pm_reset = old->pm_reset;
	fn->intx = old->intx;
	fn->msi = old->msi;
}

int topology_refresh(struct topology *t, struct provider *p, xentoollog_logger *lg)
{
	struct topology fresh = { 0 };
	struct sbdf *list;
	int nr = t->nr, rc;

	list = provider_list_all(p, &nr);
	if (!list)
		return -1;
	if (same_functions(t, list, nr)) {
		free(list);
		return 0;
	}
	rc = read_all(&fresh, p, list, nr, lg);
	free_keep(list);
	if (rc)
		return -1;
	for (int i = 0; i < fresh.nr; i++) {
		int old = topology_find(t, fresh.function[i].info.sbdf);

		if (old != TOPOLOGY_NONE)
			keep_known(&fresh.function[i], &t->function[old]);
	}
	fresh.reads = t->reads + 1;
	topology_dispose(t);
	*t = fresh;
	return 0;
}

void topology_look(struct topology *t, struct provider *p, int i)
{
	read_attributes(&t->function[i], p);
}

/* It was in reset, or on its way from one power state to another, when all were read. */
static void read_late(struct topology_function *fn, struct provider *p)
{
	struct topology_function fresh = *fn;

	if (read_function(&fresh, p, fn->info.sbdf))
		return;
	fresh.guest = fn->guest;
	*fn = fresh;
}

void topology_probe(struct topology *t, struct provider *p, int i)
{
	struct topology_function *fn = &t->function[i];
	struct pcidev *dev = provider_look(p, fn->info.sbdf);

	fn->dead = !dev || !pcidev_alive(dev);
	fn->d3hot = dev && pcidev_in_d3hot(dev);
	pcidev_close(dev);
	if (fn->unread && !fn->dead)
		read_late(fn, p);
}

int topology_find(const struct topology *t, struct sbdf a)
{
	int low = 0, high = t->nr;

	while (low < high) {
		int middle = low + (high - low) / 2;
		int order = sbdf_compare(t->function[middle].info.sbdf, a);

		if (!order)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return TOPOLOGY_NONE;
}

/* Every walk up is bounded by the number of functions: a provider may be wrong. */
bool topology_is_below(const struct topology *t, int i, int bridge)
{
	for (int steps = 0; i != TOPOLOGY_NONE && steps < t->nr; steps++) {
		i = t->function[i].parent;
		if (i == bridge)
			return i != TOPOLOGY_NONE;
	}
	return false;
}

bool topology_same_slot(const struct topology *t, int i, int j)
{
	const struct topology_function *a = &t->function[i], *b = &t->function[j];

	if (i == j || a->info.is_vf || b->info.is_vf || a->info.sbdf.bus != b->info.sbdf.bus ||
	    a->info.sbdf.segment != b->info.sbdf.segment)
		return false;
	if (sbdf_slot(a->info.sbdf) == sbdf_slot(b->info.sbdf))
		return true;
	return a->parent != TOPOLOGY_NONE && topology_traits(t, a->parent) & TOPOLOGY_LINK;
}

int topology_uppermost_pci_bridge(const struct topology *t, int i)
{
	int found = TOPOLOGY_NONE;

	for (int steps = 0; steps < t->nr; steps++) {
		i = t->function[i].parent;
		if (i == TOPOLOGY_NONE)
			break;
		if (topology_traits(t, i) & TOPOLOGY_MERGES)
			found = i;
	}
	return found;
}

bool topology_pf_and_vf(const struct topology *t, int i, int j)
{
	return t->function[i].pf == j || t->function[j].pf == i;
}

int topology_root(const struct topology *t, int i)
{
	for (int steps = 0; t->function[i].parent != TOPOLOGY_NONE && steps < t->nr; steps++)
		i = t->function[i].parent;
	return i;
}

/* Where tree has function i of t. */
static int place_in(const struct topology *tree, const struct topology *t, int i)
{
	return i == TOPOLOGY_NONE ? i : topology_find(tree, t->function[i].info.sbdf);
}

int topology_tree(const struct topology *t, int i, struct topology *tree, int *at)
{
	int root = topology_root(t, i), nr = 0;

	for (int k = 0; k < t->nr; k++)
		nr += topology_root(t, k) == root;
	tree->nr = 0;
	tree->function = calloc((size_t)nr + 1, sizeof(*tree->function));
	if (!tree->function)
		return -1;
	for (int k = 0; k < t->nr; k++) {
		if (topology_root(t, k) == root)
			tree->function[tree->nr++] = t->function[k];
	}
	for (int k = 0; k < tree->nr; k++) {
		struct topology_function *fn = &tree->function[k];

		fn->parent = place_in(tree, t, fn->parent);
		fn->pf = place_in(tree, t, fn->pf);
	}
	*at = place_in(tree, t, i);
	return 0;
}
