/* SPDX-License-Identifier: MIT */
/*
 * A process inside a domain for the self-test: does one call (calls.h) for each line on its
 * standard input and answers with one line: "ok RESULT" or "err ERRNO". Unmodified Xen userland.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include "common/libc.h"
#include "calls.h"

#define DOMAINS_MAX 1024

static xc_interface *xc;
static xenevtchn_handle *storm; /* of storm, echo and ping */

#define num calls_num

/* ---- event channels in a loop: a handle of their own, from `stormbind DOMID PORT` ---- */

static long ev_stormbind(const struct words *a, char *text)
{
	(void)text;
	if (!storm)
		storm = xenevtchn_open(NULL, 0);
	if (!storm)
		return -1;
	return a->n > 2 ? xenevtchn_bind_interdomain(storm, (uint32_t)num(a, 1),
						     (evtchn_port_t)num(a, 2)) :
			  xenevtchn_bind_unbound_port(storm, (uint32_t)num(a, 1));
}

static long ev_stormend(const struct words *a, char *text)
{
	(void)a;
	(void)text;
	xenevtchn_close(storm);
	storm = NULL;
	return 0;
}

/* storm PORT N: N notifies. */
static long ev_storm(const struct words *a, char *text)
{
	(void)text;
	for (long i = 0; i < num(a, 2); i++)
		xenevtchn_notify(storm, (evtchn_port_t)num(a, 1));
	return 0;
}

/* echo PORT N: answer N events. */
static long ev_echo(const struct words *a, char *text)
{
	(void)text;
	for (long i = 0; i < num(a, 2); i++) {
		int port = xenevtchn_pending(storm);

		if (port < 0)
			return -1;
		xenevtchn_unmask(storm, (evtchn_port_t)port);
		xenevtchn_notify(storm, (evtchn_port_t)num(a, 1));
	}
	return 0;
}

/* ping PORT N: N round trips with an echoing peer; nanoseconds each. */
static long ev_ping(const struct words *a, char *text)
{
	struct timespec t, u;

	(void)text;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (long i = 0; i < num(a, 2); i++) {
		int port;

		xenevtchn_notify(storm, (evtchn_port_t)num(a, 1));
		port = xenevtchn_pending(storm);
		if (port < 0)
			return -1;
		xenevtchn_unmask(storm, (evtchn_port_t)port);
	}
	clock_gettime(CLOCK_MONOTONIC, &u);
	return ((u.tv_sec - t.tv_sec) * 1000000000 + u.tv_nsec - t.tv_nsec) / num(a, 2);
}

static long ev_restrict(const struct words *a, char *text)
{
	(void)text;
	return xenevtchn_restrict(storm, (domid_t)num(a, 1));
}

/* ---- through libxenctrl ---- */

/* foreign DOMID PFN: its first byte */
static long mem_foreign(const struct words *a, char *text)
{
	xenforeignmemory_handle *f = xenforeignmemory_open(calls_log, 0);
	const xen_pfn_t pfn = (xen_pfn_t)num(a, 2);
	unsigned char *p;
	long rc = -1;

	(void)text;
	p = xenforeignmemory_map(f, (uint32_t)num(a, 1), PROT_READ, 1, &pfn, NULL);
	if (p) {
		rc = *p;
		xenforeignmemory_unmap(f, p, 1);
	}
	xenforeignmemory_close(f);
	return rc;
}

/* mapmsi DOMID ENTRY DEVFN BUS TABLE: the pirq */
static long hc_mapmsi(const struct words *a, char *text)
{
	int pirq = -1;

	(void)text;
	return xc_physdev_map_pirq_msi(xc, (uint32_t)num(a, 1), -1, &pirq, (int)num(a, 3),
				       (int)num(a, 4), (int)num(a, 2), (uint64_t)num(a, 5)) ?
		       -1 : pirq;
}

/* mapgsi DOMID GSI PIRQ: the pirq */
static long hc_mapgsi(const struct words *a, char *text)
{
	int pirq = (int)num(a, 3);

	(void)text;
	return xc_physdev_map_pirq(xc, (uint32_t)num(a, 1), (int)num(a, 2), &pirq) ? -1 : pirq;
}

static long hc_unmap(const struct words *a, char *text)
{
	(void)text;
	return xc_physdev_unmap_pirq(xc, (uint32_t)num(a, 1), (int)num(a, 2));
}

/* assign DOMID SBDF, testassign, deassign */
static long hc_assign(const struct words *a, char *text)
{
	(void)text;
	if (!strcmp(a->w[0], "assign"))
		return xc_assign_device(xc, (uint32_t)num(a, 1), (uint32_t)num(a, 2), 0);
	if (!strcmp(a->w[0], "testassign"))
		return xc_test_assign_device(xc, (uint32_t)num(a, 1), (uint32_t)num(a, 2));
	return xc_deassign_device(xc, (uint32_t)num(a, 1), (uint32_t)num(a, 2));
}

/* getgsi SBDF: by the ioctl that newer kernels have */
static long hc_getgsi(const struct words *a, char *text)
{
	uint32_t arg[2] = { (uint32_t)num(a, 1), 0 };
	int fd = open("/dev/xen/privcmd", O_RDWR);
	int rc = ioctl(fd, _IOC(_IOC_NONE, 'P', 10, sizeof(arg)), arg);

	(void)text;
	close(fd);
	return rc < 0 ? -1 : (long)arg[1];
}

static long hc_info(const struct words *a, char *text)
{
	xc_domaininfo_t info;

	/* The one call for this that libxenctrl has in 4.17 and in 4.20. */
	if (xc_domain_getinfolist(xc, (uint32_t)num(a, 1), 1, &info) != 1)
		return -1;
	snprintf(text, CALLS_TEXT, "%u%s%s", info.domain,
		 info.flags & XEN_DOMINF_dying ? " dying" : "",
		 info.flags & XEN_DOMINF_paused ? " paused" : "");
	return 0;
}

static long hc_domains(const struct words *a, char *text)
{
	static xc_domaininfo_t info[DOMAINS_MAX];
	int n = xc_domain_getinfolist(xc, 0, DOMAINS_MAX, info);

	(void)a;
	for (int i = 0; i < n && strlen(text) < CALLS_TEXT - 8; i++)
		sprintf(text + strlen(text), "%s%u", i ? " " : "", info[i].domain);
	return n;
}

static long hc_version(const struct words *a, char *text)
{
	(void)a;
	(void)text;
	return xc_version(xc, XENVER_version, NULL);
}

/* ---- more of xenstore ---- */

/* event MS: path and token of a watch that fired, or "none". */
static long xs_event(const struct words *a, char *text)
{
	struct pollfd p = { .fd = xs_fileno(calls_store), .events = POLLIN };
	char **v = poll(&p, 1, (int)num(a, 1)) == 1 ? xs_check_watch(calls_store) : NULL;

	if (v)
		snprintf(text, CALLS_TEXT, "%s %s", v[XS_WATCH_PATH], v[XS_WATCH_TOKEN]);
	else
		snprintf(text, CALLS_TEXT, "none");
	free(v);
	return 0;
}

static long xs_reopen(const struct words *a, char *text)
{
	(void)a;
	(void)text;
	xs_close(calls_store);
	calls_store = xs_open(0);
	return calls_store ? 0 : -1;
}

/* A transaction that is left open: only its number comes back. */
static long xs_begin(const struct words *a, char *text)
{
	xs_transaction_t tx = xs_transaction_start(calls_store);

	(void)a;
	(void)text;
	return tx ? (long)tx : -1;
}

/* cat PATH: what a program sees of the kernel's special files. */
static long file_read(const struct words *a, char *text)
{
	int fd = open(a->n > 1 ? a->w[1] : "", O_RDWR);
	ssize_t n = fd < 0 ? -1 : read(fd, text, 64);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (n >= 0 && !*text)
		snprintf(text, CALLS_TEXT, "nothing");
	return n < 0 ? -1 : 0;
}

static const struct call_name names[] = {
	{ "stormbind", ev_stormbind }, { "stormend", ev_stormend },
	{ "storm", ev_storm },	 { "echo", ev_echo },
	{ "ping", ev_ping },	       { "restrict", ev_restrict },
	{ "foreign", mem_foreign },    { "mapmsi", hc_mapmsi },	 { "mapgsi", hc_mapgsi },
	{ "unmappirq", hc_unmap },     { "assign", hc_assign },	 { "testassign", hc_assign },
	{ "deassign", hc_assign },     { "info", hc_info },	 { "domains", hc_domains },
	{ "getgsi", hc_getgsi },       { "version", hc_version },
	{ "event", xs_event },	       { "xsreopen", xs_reopen },
	{ "begin", xs_begin },	       { "cat", file_read },
};

int main(void)
{
	char line[1024], text[CALLS_TEXT];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (calls_init()) {
		printf("err start %s\n", strerrorname_np(errno));
		return 1;
	}
	xc = xc_interface_open(calls_log, calls_log, 0);
	puts(xc ? "ok ready" : "err xc_interface_open");
	while (fgets(line, sizeof(line), stdin)) {
		long rc = calls_perform(line, names, sizeof(names) / sizeof(names[0]), text);

		if (rc < 0)
			printf("err %s\n", strerrorname_np((int)-rc));
		else if (*text)
			printf("ok %s\n", text);
		else
			printf("ok %ld\n", rc);
	}
	return 0;
}
