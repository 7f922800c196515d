/* SPDX-License-Identifier: MIT */
/*
 * PHYSDEVOP_* and the pirqs of each domain. Answers are those of Xen's arch/x86/physdev.c, irq.c
 * and msi.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "hv.h"

#define DOM0_EXTRA_IRQS 256u

struct hv_pirq {
	bool mapped;
	bool gsi;      /* irq is a GSI; else a vector of the device */
	bool msix;
	bool follower; /* of a multi-MSI block: only its first can be unmapped */
	uint16_t block; /* first of a block: vectors in it */
	int irq;
	uint32_t sbdf;
};

static bool gsi_ready[256];

/* ---- pirqs ---- */

int hv_pirqs_init(struct hv_domain *d)
{
	d->npirqs = hv_config.gsis + (d->domid ? hv_config.extra_irqs : DOM0_EXTRA_IRQS);
	d->pirqs = calloc(d->npirqs, sizeof(*d->pirqs));
	return d->pirqs ? 0 : -ENOMEM;
}

static void pirq_release(struct hv_domain *d, unsigned int pirq)
{
	struct hv_pirq *p = &d->pirqs[pirq];

	if (p->mapped && p->msix) {
		struct hv_device *dev = hv_device_find(p->sbdf);

		if (dev && dev->vectors)
			dev->vectors--;
	}
	memset(p, 0, sizeof(*p));
}

void hv_pirqs_destroy(struct hv_domain *d)
{
	for (unsigned int i = 0; i < d->npirqs; i++)
		pirq_release(d, i);
	hv_devices_release(d->domid);
}

unsigned int hv_pirq_count(const struct hv_domain *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->npirqs; i++)
		n += d->pirqs[i].mapped;
	return n;
}

/* The lowest pirq of the topmost n free ones in a row. */
static int pirq_free_block(const struct hv_domain *d, unsigned int n)
{
	unsigned int found = 0;

	for (unsigned int i = d->npirqs; i-- > hv_config.gsis;) {
		found = d->pirqs[i].mapped ? 0 : found + 1;
		if (found == n)
			return (int)i;
	}
	return -ENOSPC;
}

static int pirq_free(const struct hv_domain *d, bool gsi)
{
	for (unsigned int i = 16; gsi && i < hv_config.gsis; i++)
		if (!d->pirqs[i].mapped)
			return (int)i;
	return pirq_free_block(d, 1);
}

static int pirq_of_gsi(const struct hv_domain *d, int gsi)
{
	for (unsigned int i = 0; i < d->npirqs; i++)
		if (d->pirqs[i].mapped && d->pirqs[i].gsi && d->pirqs[i].irq == gsi)
			return (int)i;
	return -1;
}

static int map_gsi(struct hv_domain *d, struct physdev_map_pirq *map)
{
	int now, pirq = map->pirq;

	if (map->index < 0 || (unsigned int)map->index >= hv_config.gsis)
		return -EINVAL;
	now = pirq_of_gsi(d, map->index);
	if (pirq >= 0 && now >= 0 && now != pirq)
		return -EEXIST;
	if (pirq < 0)
		pirq = now >= 0 ? now : pirq_free(d, true);
	if (pirq < 0)
		return pirq;
	if ((unsigned int)pirq >= d->npirqs)
		return -EINVAL;
	/* A pirq that stands for something else stays what it is, and Xen calls that success. */
	if (!d->pirqs[pirq].mapped)
		d->pirqs[pirq] =
			(struct hv_pirq){ .mapped = true, .gsi = true, .irq = map->index };
	map->pirq = pirq;
	return 0;
}

/* What the device says to count vectors of MSI, or to one entry of MSI-X. */
static int msi_check(const struct hv_device *dev, struct physdev_map_pirq *map, bool msix,
		     unsigned int count)
{
	if (msix) {
		if (!dev->msix)
			return -ENODEV;
		if (map->entry_nr < 0 || map->entry_nr >= dev->msix)
			return -EINVAL;
		return dev->prepared ? 0 : -ENODATA;
	}
	if (!dev->msi)
		return -ENODEV;
	if (count > dev->msi) {
		map->entry_nr = dev->msi;
		return -ENFILE;
	}
	return 0;
}

static int msi_pirq(const struct hv_domain *d, const struct physdev_map_pirq *map,
		    unsigned int count)
{
	if (map->pirq < 0)
		return pirq_free_block(d, count);
	return (unsigned int)map->pirq + count > d->npirqs ? -EINVAL : map->pirq;
}

static int map_msi(struct hv_domain *d, struct physdev_map_pirq *map)
{
	bool multi = map->type == MAP_PIRQ_TYPE_MULTI_MSI;
	bool msix = !multi && map->table_base;
	uint32_t seg = map->type == MAP_PIRQ_TYPE_MSI ? 0 : (uint32_t)map->bus >> 16;
	uint32_t bus = (uint32_t)map->bus & 0xff, devfn = (uint32_t)map->devfn & 0xff;
	uint32_t sbdf = seg << 16 | bus << 8 | devfn;
	unsigned int count = 1;
	struct hv_device *dev;
	int pirq, rc;

	if (multi && map->table_base)
		return -EINVAL;
	if (map->index != -1 && (map->index < 0 || (unsigned int)map->index < hv_config.gsis))
		return -EINVAL;
	if (multi && (map->entry_nr < 1 || map->entry_nr > HV_MSI_MAX))
		return -EDOM;
	while (multi && count < (unsigned int)map->entry_nr)
		count *= 2;
	pirq = msi_pirq(d, map, count);
	if (pirq < 0)
		return pirq;
	dev = hv_device_find(sbdf);
	if (!dev || dev->owner != d->domid)
		return -ENODEV;
	rc = msi_check(dev, map, msix, count);
	if (rc || d->pirqs[pirq].mapped)
		return rc;
	for (unsigned int i = 0; i < count; i++)
		d->pirqs[(unsigned int)pirq + i] = (struct hv_pirq){
			.mapped = true, .msix = msix, .sbdf = sbdf, .follower = i,
			.block = i ? 0 : (uint16_t)count
		};
	dev->vectors += msix;
	if (multi)
		map->entry_nr = (int)count;
	map->pirq = pirq;
	return 0;
}

static int op_map_pirq(struct hv_domain *caller, struct physdev_map_pirq *map)
{
	struct hv_call c;
	struct hv_domain *d;
	int rc = hv_call_begin(&c, caller, "map_pirq",
			       "dom=%u type=%d index=%d pirq=%d bus=%#x devfn=%#x entry=%d "
			       "table=%#llx",
			       map->domid, map->type, map->index, map->pirq, (unsigned int)map->bus,
			       (unsigned int)map->devfn, map->entry_nr,
			       (unsigned long long)map->table_base);

	if (rc)
		return hv_call_end(&c, rc);
	d = map->domid == DOMID_SELF ? caller : hv_domain_find(map->domid);
	if (!d)
		rc = -ESRCH;
	else if (caller->domid && caller->target != d)
		rc = -EPERM;
	else if (map->type == MAP_PIRQ_TYPE_GSI)
		rc = map_gsi(d, map);
	else if (map->type == MAP_PIRQ_TYPE_UNKNOWN || map->type < 0 ||
		 map->type > MAP_PIRQ_TYPE_MULTI_MSI)
		rc = -EINVAL;
	else
		rc = map_msi(d, map);
	if (!rc)
		hv_call_result(&c, "pirq=%d", map->pirq);
	return hv_call_end(&c, rc);
}

static int unmap_pirq(struct hv_domain *d, int pirq)
{
	struct hv_pirq *p;
	unsigned int count;

	if (pirq < 0 || (unsigned int)pirq >= d->npirqs || !d->pirqs[pirq].mapped)
		return -EINVAL;
	p = &d->pirqs[pirq];
	if (p->follower)
		return -EBUSY;
	count = p->block ? p->block : 1;
	for (unsigned int i = 0; i < count; i++)
		pirq_release(d, (unsigned int)pirq + i);
	return 0;
}

static int op_unmap_pirq(struct hv_domain *caller, const struct physdev_unmap_pirq *unmap)
{
	struct hv_call c;
	struct hv_domain *d;
	int rc = hv_call_begin(&c, caller, "unmap_pirq", "dom=%u pirq=%d", unmap->domid,
			       unmap->pirq);

	if (rc)
		return hv_call_end(&c, rc);
	d = unmap->domid == DOMID_SELF ? caller : hv_domain_find(unmap->domid);
	if (!d)
		rc = -ESRCH;
	else
		rc = caller->domid && caller->target != d ? -EPERM : unmap_pirq(d, unmap->pirq);
	return hv_call_end(&c, rc);
}

/* ---- the rest of the calls ---- */

static int setup_gsi(const struct physdev_setup_gsi *s)
{
	unsigned int gsi = (unsigned int)s->gsi;

	if (s->gsi < 0 || gsi >= hv_config.gsis || gsi >= sizeof(gsi_ready))
		return -EINVAL;
	/* A PV dom0's kernel has set up its devices' lines before any program could. */
	if (gsi_ready[gsi] || (!hv_config.pvh_dom0 && hv_config.xen_minor < 20))
		return -EEXIST;
	gsi_ready[gsi] = true;
	return 0;
}

static int prepare_msix(uint32_t sbdf, bool prepare)
{
	struct hv_device *dev = hv_device_find(sbdf);

	if (!dev || !dev->msix)
		return -ENODEV;
	if (dev->vectors || dev->prepared == prepare)
		return -EBUSY;
	dev->prepared = prepare;
	return 0;
}

static int device_reset(uint32_t sbdf, uint32_t flags)
{
	if (flags > 3)
		return -EINVAL;
	return hv_device_find(sbdf) ? 0 : -ENODEV;
}

static int irq_status(const struct hv_domain *d, struct physdev_irq_status_query *q)
{
	if (q->irq >= d->npirqs)
		return -EINVAL;
	q->flags = XENIRQSTAT_needs_eoi;
	if (q->irq < 256 && hv_config.shared_gsi[q->irq])
		q->flags |= XENIRQSTAT_shared;
	return 0;
}

static int get_free_pirq(const struct hv_domain *d, struct physdev_get_free_pirq *g)
{
	int pirq = pirq_free(d, g->type == MAP_PIRQ_TYPE_GSI);

	if (pirq < 0)
		return pirq;
	g->pirq = (uint32_t)pirq;
	return 0;
}

static const struct op {
	uint8_t cmd;
	uint8_t who; /* ABI_* */
	uint8_t size;
	bool guest; /* a guest may call it, too */
	const char *name;
} ops[] = {
#define X(name, type, who, guest) { PHYSDEVOP_##name, who, sizeof(type), guest, #name },
	ABI_PHYSDEV_OPS(X)
#undef X
};

static bool op_allowed(const struct op *op, const struct hv_domain *caller)
{
	/* Guests of the box are PV. */
	uint8_t who = hv_config.pvh_dom0 && !caller->domid ? ABI_PVH17 : ABI_PV17;

	if (hv_config.xen_minor >= 20)
		who = (uint8_t)(who << 2);
	return op->who & who;
}

static int op_run(struct hv_domain *caller, const struct op *op, void *arg, uint32_t *sbdf)
{
	switch (op->cmd) {
	case PHYSDEVOP_setup_gsi:
		return setup_gsi(arg);
	case PHYSDEVOP_prepare_msix:
		return prepare_msix(*sbdf, true);
	case PHYSDEVOP_release_msix:
		return prepare_msix(*sbdf, false);
	case PHYSDEVOP_pci_device_reset:
		return device_reset(*sbdf, ((struct abi_device_reset *)arg)->flags);
	case PHYSDEVOP_pci_device_add:
	case PHYSDEVOP_manage_pci_add:
		return hv_device_add(*sbdf);
	case PHYSDEVOP_pci_device_remove:
	case PHYSDEVOP_manage_pci_remove:
		return hv_device_remove(*sbdf);
	case PHYSDEVOP_restore_msi_ext:
		return hv_device_find(*sbdf) ? 0 : -ENODEV;
	case PHYSDEVOP_irq_status_query:
		return irq_status(caller, arg);
	case PHYSDEVOP_get_free_pirq:
		return get_free_pirq(caller, arg);
	default: /* eoi */
		return *(uint32_t *)arg < caller->npirqs ? 0 : -EINVAL;
	}
}

/* The device in the arguments, and the arguments as text. */
static uint32_t op_args(const struct op *op, const void *arg, char *text, size_t size)
{
	const struct physdev_setup_gsi *gsi = arg;
	const struct physdev_pci_device *pd = arg; /* also the head of add and reset */
	const struct physdev_manage_pci *mp = arg;
	uint32_t sbdf = 0;

	if (op->cmd == PHYSDEVOP_setup_gsi) {
		snprintf(text, size, "gsi=%d triggering=%u polarity=%u", gsi->gsi, gsi->triggering,
			 gsi->polarity);
		return 0;
	}
	if (op->guest) {
		snprintf(text, size, "arg=%u", *(const uint32_t *)arg);
		return 0;
	}
	if (op->size == sizeof(*mp))
		sbdf = (uint32_t)mp->bus << 8 | mp->devfn;
	else
		sbdf = (uint32_t)pd->seg << 16 | (uint32_t)pd->bus << 8 | pd->devfn;
	snprintf(text, size, "dev=%04x:%02x:%02x.%x", sbdf >> 16, sbdf >> 8 & 0xff,
		 sbdf >> 3 & 0x1f, sbdf & 7);
	if (op->cmd == PHYSDEVOP_pci_device_reset)
		snprintf(text + strlen(text), size - strlen(text), " flags=%u",
			 ((const struct abi_device_reset *)arg)->flags);
	return sbdf;
}

int hv_physdev_op(struct hv_domain *caller, unsigned int cmd, void *arg, uint32_t len)
{
	const struct op *op = ops;
	struct hv_call c;
	char text[96];
	uint32_t sbdf;
	int rc;

	while (op < ops + sizeof(ops) / sizeof(ops[0]) && op->cmd != cmd)
		op++;
	if (op == ops + sizeof(ops) / sizeof(ops[0]) || len < op->size) {
		rc = hv_call_begin(&c, caller, "physdev_op", "cmd=%u", cmd);
		return hv_call_end(&c, rc ? rc : -ENOSYS);
	}
	if (op_allowed(op, caller) && cmd == PHYSDEVOP_map_pirq)
		return op_map_pirq(caller, arg);
	if (op_allowed(op, caller) && cmd == PHYSDEVOP_unmap_pirq)
		return op_unmap_pirq(caller, arg);
	sbdf = op_args(op, arg, text, sizeof(text));
	rc = hv_call_begin(&c, caller, op->name, "%s", text);
	if (!rc && !op_allowed(op, caller))
		rc = -ENOSYS;
	else if (!rc && caller->domid && !op->guest)
		rc = -EPERM;
	else if (!rc)
		rc = op_run(caller, op, arg, &sbdf);
	return hv_call_end(&c, rc);
}
