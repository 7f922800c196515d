/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include <xen/domctl.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/xen.h>

#include "calls.h"

#define SLOTS 16
#define SHARE_MAX 16
#define PAGE 4096L
#define ARG_BYTES 64 /* beyond the largest physdev argument */

xencall_handle *calls_hypercall;
struct xs_handle *calls_store;
xentoollog_logger *calls_log;

static xenevtchn_handle *evtchn[SLOTS];
static xengnttab_handle *gnttab;
static xengntshr_handle *gntshr;
static struct {
	void *addr;
	uint32_t count;
} maps[SLOTS];

int calls_init(void)
{
	calls_log = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	calls_hypercall = xencall_open(calls_log, 0); /* a guest on real Xen may have none */
	calls_store = xs_open(0);
	return calls_store ? 0 : -1;
}

void calls_forget(void)
{
	memset(evtchn, 0, sizeof(evtchn));
	gnttab = NULL;
	gntshr = NULL;
}

long calls_num(const struct words *a, int i)
{
	return i < a->n ? strtol(a->w[i], NULL, 0) : 0;
}

#define num calls_num

static __attribute__((format(printf, 2, 3))) void add(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + used, CALLS_TEXT - used, fmt, ap);
	va_end(ap);
}

/* ---- event channels: the first argument is the handle's slot ---- */

/* open, close, alloc and confine SLOT DOMID, bind SLOT DOMID PORT, virq SLOT VIRQ, and SLOT PORT the others */
static long do_evtchn(const struct words *a, char *text)
{
	xenevtchn_handle **h = &evtchn[num(a, 1) % SLOTS];
	const char *op = a->w[0];

	(void)text;
	if (!strcmp(op, "open"))
		return (*h = xenevtchn_open(NULL, 0)) ? 0 : -1;
	if (!strcmp(op, "close"))
		return xenevtchn_close(*h);
	if (!strcmp(op, "alloc"))
		return xenevtchn_bind_unbound_port(*h, (uint32_t)num(a, 2));
	if (!strcmp(op, "confine"))
		return xenevtchn_restrict(*h, (domid_t)num(a, 2));
	if (!strcmp(op, "bind"))
		return xenevtchn_bind_interdomain(*h, (uint32_t)num(a, 2),
						  (evtchn_port_t)num(a, 3));
	if (!strcmp(op, "virq"))
		return xenevtchn_bind_virq(*h, (unsigned int)num(a, 2));
	if (!strcmp(op, "unbind"))
		return xenevtchn_unbind(*h, (evtchn_port_t)num(a, 2));
	if (!strcmp(op, "notify"))
		return xenevtchn_notify(*h, (evtchn_port_t)num(a, 2));
	return xenevtchn_unmask(*h, (evtchn_port_t)num(a, 2));
}

/* pending SLOT MS: the port that has an event; "none" when there is none in time. */
static long do_pending(const struct words *a, char *text)
{
	xenevtchn_handle *h = evtchn[num(a, 1) % SLOTS];
	struct pollfd p = { .fd = xenevtchn_fd(h), .events = POLLIN };

	if (poll(&p, 1, (int)num(a, 2)) == 1 && p.revents & POLLIN)
		return xenevtchn_pending(h);
	add(text, "none");
	return 0;
}

/* Without asking poll, on a descriptor made non-blocking as libxl does. */
static long do_trypending(const struct words *a, char *text)
{
	int fd = xenevtchn_fd(evtchn[num(a, 1) % SLOTS]), flags = fcntl(fd, F_GETFL);
	long rc;

	(void)text;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	rc = xenevtchn_pending(evtchn[num(a, 1) % SLOTS]);
	fcntl(fd, F_SETFL, flags);
	return rc;
}

/* ---- grants: the first argument is the mapping's slot ---- */

static long keep(const struct words *a, void *addr, uint32_t count)
{
	if (!addr)
		return -1;
	maps[num(a, 1) % SLOTS].addr = addr;
	maps[num(a, 1) % SLOTS].count = count;
	return 0;
}

/* share SLOT DOMID COUNT WRITABLE [OFFSET PORT]: the references. */
static long do_share(const struct words *a, char *text)
{
	uint32_t refs[SHARE_MAX], domid = (uint32_t)num(a, 2);
	int count = (int)num(a, 3), writable = (int)num(a, 4);
	void *p;

	if (!gntshr)
		gntshr = xengntshr_open(calls_log, 0);
	if (!gntshr || count > SHARE_MAX)
		return -1;
	if (a->n > 5)
		p = xengntshr_share_page_notify(gntshr, domid, refs, writable, (uint32_t)num(a, 5),
						(evtchn_port_t)num(a, 6));
	else
		p = xengntshr_share_pages(gntshr, domid, count, refs, writable);
	if (keep(a, p, (uint32_t)count))
		return -1;
	for (int i = 0; i < count; i++)
		add(text, "%s%u", i ? " " : "", refs[i]);
	return 0;
}

static int gnttab_ready(void)
{
	if (!gnttab)
		gnttab = xengnttab_open(calls_log, 0);
	return gnttab ? 0 : -1;
}

/* map SLOT DOMID REF WRITABLE [OFFSET PORT] */
static long do_map(const struct words *a, char *text)
{
	int prot = PROT_READ | (num(a, 4) ? PROT_WRITE : 0);
	uint32_t ref = (uint32_t)num(a, 3), domid = (uint32_t)num(a, 2);

	(void)text;
	if (gnttab_ready())
		return -1;
	if (a->n > 5)
		return keep(a, xengnttab_map_grant_ref_notify(gnttab, domid, ref, prot,
							      (uint32_t)num(a, 5),
							      (evtchn_port_t)num(a, 6)), 1);
	return keep(a, xengnttab_map_grant_ref(gnttab, domid, ref, prot), 1);
}

/* maps SLOT DOMID REF... */
static long do_maps(const struct words *a, char *text)
{
	uint32_t refs[CALLS_WORDS], n = 0;

	(void)text;
	if (gnttab_ready())
		return -1;
	for (int i = 3; i < a->n; i++)
		refs[n++] = (uint32_t)num(a, i);
	return keep(a, xengnttab_map_domain_grant_refs(gnttab, n, (uint32_t)num(a, 2), refs,
						       PROT_READ | PROT_WRITE), n);
}

/* unmap SLOT, unshare SLOT, poke SLOT OFFSET BYTE, peek SLOT OFFSET */
static long do_page(const struct words *a, char *text)
{
	volatile unsigned char *p = maps[num(a, 1) % SLOTS].addr;
	void *addr = maps[num(a, 1) % SLOTS].addr;
	uint32_t count = maps[num(a, 1) % SLOTS].count;

	(void)text;
	if (!strcmp(a->w[0], "unmap"))
		return xengnttab_unmap(gnttab, addr, count);
	if (!strcmp(a->w[0], "unshare"))
		return xengntshr_unshare(gntshr, addr, count);
	if (!p || num(a, 2) < 0 || num(a, 2) >= count * PAGE)
		return -1;
	if (!strcmp(a->w[0], "peek"))
		return p[num(a, 2)];
	p[num(a, 2)] = (unsigned char)num(a, 3);
	return 0;
}

/* ---- hypercalls ---- */

/*
 * physdev CMD WIDTH@OFFSET=VALUE...: the result; "pirq=N entry=N" of map_pirq, "flags=N" of
 * irq_status_query.
 */
static long do_physdev(const struct words *a, char *text)
{
	unsigned char *p =
		calls_hypercall ? xencall_alloc_buffer(calls_hypercall, ARG_BYTES) : NULL;
	const struct physdev_map_pirq *map = (void *)p;
	long rc;

	if (!p)
		return -1;
	memset(p, 0, ARG_BYTES);
	for (int i = 2; i < a->n; i++) {
		char *end;
		unsigned long width = strtoul(a->w[i], &end, 10);
		unsigned long off = *end ? strtoul(end + 1, &end, 10) : ARG_BYTES;
		long long v = *end ? strtoll(end + 1, &end, 0) : 0;

		if (width <= sizeof(v) && off + width <= ARG_BYTES)
			memcpy(p + off, &v, width);
	}
	rc = xencall2(calls_hypercall, __HYPERVISOR_physdev_op, (uint64_t)num(a, 1),
		      (uint64_t)(uintptr_t)p);
	if (!rc && num(a, 1) == PHYSDEVOP_map_pirq)
		add(text, "pirq=%d entry=%d", map->pirq, map->entry_nr);
	if (!rc && num(a, 1) == PHYSDEVOP_irq_status_query)
		add(text, "flags=%u", ((struct physdev_irq_status_query *)p)->flags);
	xencall_free_buffer(calls_hypercall, p);
	return rc;
}

/*
 * domctl CMD DOMID [FIRST]: the result, with that in the first four bytes of what the command takes; of getdomaininfo
 * "dying", "shut down, reason N", "paused" or "running", and ", HVM or PVH" of what is no PV guest.
 */
static long do_domctl(const struct words *a, char *text)
{
	struct xen_domctl *ctl =
		calls_hypercall ? xencall_alloc_buffer(calls_hypercall, sizeof(*ctl)) : NULL;
	long rc;

	if (!ctl)
		return -1;
	memset(ctl, 0, sizeof(*ctl));
	ctl->cmd = (uint32_t)num(a, 1);
	ctl->domain = (domid_t)num(a, 2);
	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	*(uint32_t *)&ctl->u = (uint32_t)num(a, 3);
	rc = xencall1(calls_hypercall, __HYPERVISOR_domctl, (uint64_t)(uintptr_t)ctl);
	if (!rc && ctl->cmd == XEN_DOMCTL_getdomaininfo) {
		uint32_t flags = ctl->u.getdomaininfo.flags;

		if (flags & XEN_DOMINF_shutdown && !(flags & XEN_DOMINF_dying))
			add(text, "shut down, reason %u",
			    flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
		else
			add(text, "%s", flags & XEN_DOMINF_dying ? "dying" :
					flags & XEN_DOMINF_paused ? "paused" : "running");
		if (flags & XEN_DOMINF_hvm_guest)
			add(text, ", HVM or PVH");
		if (ctl->domain != num(a, 2)) { /* Xen has answered for the next one */
			errno = ESRCH;
			rc = -1;
		}
	}
	xencall_free_buffer(calls_hypercall, ctl);
	return rc;
}

/* shutdown DOMID REASON: another domain, as the toolstack does it */
static long do_shutdown(const struct words *a, char *text)
{
	struct sched_remote_shutdown *s =
		calls_hypercall ? xencall_alloc_buffer(calls_hypercall, sizeof(*s)) : NULL;
	long rc;

	(void)text;
	if (!s)
		return -1;
	*s = (struct sched_remote_shutdown){ .domain_id = (domid_t)num(a, 1),
					     .reason = (unsigned int)num(a, 2) };
	rc = xencall2(calls_hypercall, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown,
		      (uint64_t)(uintptr_t)s);
	xencall_free_buffer(calls_hypercall, s);
	return rc;
}

/* ---- xenstore ---- */

/*
 * write PATH VALUE, rm PATH, watch PATH TOKEN, unwatch PATH TOKEN, introduce, introduced DOMID, resume DOMID,
 * read PATH
 */
static long do_store(const struct words *a, char *text)
{
	const char *op = a->w[0], *path = a->n > 1 ? a->w[1] : "", *more = a->n > 2 ? a->w[2] : "";
	char *v;

	if (!strcmp(op, "write"))
		return xs_write(calls_store, XBT_NULL, path, more, (unsigned int)strlen(more)) ?
			       0 : -1;
	if (!strcmp(op, "rm"))
		return xs_rm(calls_store, XBT_NULL, path) ? 0 : -1;
	if (!strcmp(op, "watch"))
		return xs_watch(calls_store, path, more) ? 0 : -1;
	if (!strcmp(op, "unwatch"))
		return xs_unwatch(calls_store, path, more) ? 0 : -1;
	if (!strcmp(op, "introduce"))
		return xs_introduce_domain(calls_store, 1234, 1, 1) ? 0 : -1;
	if (!strcmp(op, "introduced"))
		return xs_is_domain_introduced(calls_store, (unsigned int)num(a, 1));
	if (!strcmp(op, "resume"))
		return xs_resume_domain(calls_store, (unsigned int)num(a, 1)) ? 0 : -1;
	v = xs_read(calls_store, XBT_NULL, path, NULL);
	add(text, "%s", v ? v : "");
	free(v);
	return v ? 0 : -1;
}

static const struct call_name names[] = {
	{ "open", do_evtchn },	 { "close", do_evtchn },   { "alloc", do_evtchn },
	{ "bind", do_evtchn },	 { "virq", do_evtchn },	   { "unbind", do_evtchn },
	{ "notify", do_evtchn }, { "unmask", do_evtchn },  { "pending", do_pending },
	{ "confine", do_evtchn },
	{ "trypending", do_trypending },
	{ "share", do_share },	 { "map", do_map },	   { "maps", do_maps },
	{ "unmap", do_page },	 { "unshare", do_page },   { "poke", do_page },
	{ "peek", do_page },	 { "physdev", do_physdev }, { "domctl", do_domctl },
	{ "write", do_store },	 { "rm", do_store },	   { "watch", do_store },
	{ "unwatch", do_store }, { "introduce", do_store }, { "read", do_store },
	{ "introduced", do_store }, { "resume", do_store }, { "shutdown", do_shutdown },
};

static call_fn *find(const struct call_name *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return list[i].run;
	return NULL;
}

long calls_perform(char *line, const struct call_name *more, size_t n,
		   char text[static CALLS_TEXT])
{
	struct words a = { .n = 0 };
	call_fn *run = NULL;
	char *save;
	long rc;

	text[0] = '\0';
	for (char *p = strtok_r(line, " \n", &save); p && a.n < CALLS_WORDS;
	     p = strtok_r(NULL, " \n", &save))
		a.w[a.n++] = p;
	if (a.n)
		run = find(more, n, a.w[0]);
	if (a.n && !run)
		run = find(names, sizeof(names) / sizeof(names[0]), a.w[0]);
	if (!run)
		return -EPROTO;
	errno = 0;
	rc = run(&a, text);
	return rc < 0 ? (errno ? -errno : -EPROTO) : rc;
}
