/* SPDX-License-Identifier: MIT */
/* Domains: their numbers, their memory, their birth and their death. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <fcntl.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

#include "box.h"
#include "hv.h"

#define MEM_PAGES_MAX 65536u

struct hv_domain *hv_domains;
static struct hv_domain *by_id[HV_DOMID_MAX];
static uint32_t last_memory;

struct hv_domain *hv_domain_find(unsigned int domid)
{
	struct hv_domain *d = domid < HV_DOMID_MAX ? by_id[domid] : NULL;

	if (!d)
		errno = ESRCH;
	return d;
}

struct hv_domain *hv_domain_alive(unsigned int domid)
{
	struct hv_domain *d = hv_domain_find(domid);

	if (d && d->life == HV_ALIVE)
		return d;
	errno = ESRCH;
	return NULL;
}

struct hv_domain *hv_domain_by_memory(uint32_t memory)
{
	for (struct hv_domain *d = hv_domains; d; d = d->next)
		if (d->memory == memory)
			return d;
	return NULL;
}

static void domain_free(struct hv_domain *d)
{
	struct hv_domain **p = &hv_domains;
	unsigned int domid = d->domid;

	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	if (by_id[domid] == d)
		by_id[domid] = NULL;
	for (struct hv_domain *other = hv_domains; other; other = other->next)
		if (other->target == d)
			other->target = NULL;
	if (d->mem_fd >= 0)
		close(d->mem_fd);
	free(d->ports);
	free(d->pages);
	free(d->grants);
	free(d->pirqs);
	free(d);
	hv_domain_gone(domid);
}

int hv_domain_create(unsigned int domid, struct hv_domain **dom)
{
	struct hv_domain *d;
	int rc = -ENOMEM;

	if (domid >= HV_DOMID_MAX)
		return -EINVAL;
	for (d = hv_domains; d; d = d->next)
		if (d->domid == domid)
			return -EEXIST;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->domid = (uint16_t)domid;
	d->paused = true;
	d->memory = ++last_memory;
	d->next = hv_domains;
	hv_domains = d;
	d->mem_fd = memfd_create("guest-memory", MFD_CLOEXEC);
	if (d->mem_fd < 0)
		goto out;
	rc = hv_pirqs_init(d);
	if (rc)
		goto out;
	/* Frame 0 belongs to the ring of dom0 only: no guest may have "0" as a valid frame. */
	if (domid && hv_pages_alloc(d, 1) != 0)
		goto out;
	by_id[domid] = d;
	rc = hv_bus_create(d);
	if (rc)
		goto out;
	*dom = d;
	return 0;
out:
	if (by_id[domid] == d)
		hv_domain_kill(d);
	else
		domain_free(d);
	return rc;
}

void hv_domain_kill(struct hv_domain *d)
{
	if (d->life == HV_DYING)
		return;
	d->life = HV_DYING;
	d->refs++; /* not to go before the end of this function */
	box_kill_processes(hv_config.rundir, (int)d->domid, NULL);
	hv_handles_drop(d);
	hv_bus_destroy(d);
	d->bus = NULL;
	hv_evtchn_destroy(d);
	hv_grant_destroy(d);
	hv_pirqs_destroy(d);
	hv_virq_raise(VIRQ_DOM_EXC);
	hv_domain_put(d, 1);
}

void hv_domain_put(struct hv_domain *d, unsigned int n)
{
	d->refs -= n;
	if (d->life != HV_DYING || d->refs)
		return;
	domain_free(d);
	hv_virq_raise(VIRQ_DOM_EXC); /* as Xen does when the last of a domain is gone */
}

static int pages_grow(struct hv_domain *d, unsigned int want)
{
	unsigned int npages = d->npages ? d->npages : 16;
	uint8_t *pages;

	while (npages < want)
		npages *= 2;
	if (npages > MEM_PAGES_MAX || npages == d->npages)
		return npages == d->npages ? 0 : -ENOMEM;
	pages = realloc(d->pages, npages);
	if (!pages)
		return -ENOMEM;
	memset(pages + d->npages, 0, npages - d->npages);
	d->pages = pages;
	d->npages = npages;
	return ftruncate(d->mem_fd, (off_t)npages * XB_PAGE_SIZE) ? -errno : 0;
}

int64_t hv_pages_alloc(struct hv_domain *d, unsigned int n)
{
	unsigned int run = 0, pfn;
	int rc;

	for (pfn = 0; pfn < d->npages && run < n; pfn++)
		run = d->pages[pfn] ? 0 : run + 1;
	if (run < n) {
		rc = pages_grow(d, pfn - run + n);
		if (rc)
			return rc;
		pfn = pfn - run + n;
	}
	memset(d->pages + pfn - n, 1, n);
	return pfn - n;
}

void hv_pages_free(struct hv_domain *d, uint32_t pfn, unsigned int n)
{
	memset(d->pages + pfn, 0, n);
	/* The next one to be given these frames finds zeroes, and the host has its memory back. */
	fallocate(d->mem_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  (off_t)pfn * XB_PAGE_SIZE, (off_t)n * XB_PAGE_SIZE);
}
