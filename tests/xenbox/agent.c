/* SPDX-License-Identifier: MIT */
/*
 * A process inside a domain that does one Xen call for each line on its standard input and answers
 * with one line: "ok RESULT..." or "err ERRNO". Unmodified Xen userland: it links nothing of xenbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoollog.h>

#define SLOTS 64
#define PAGE 4096u

struct map {
	void *addr;
	uint32_t count;
};

static xenevtchn_handle *evtchn[SLOTS];
static xengnttab_handle *gnttab;
static xengntshr_handle *gntshr;
static xencall_handle *call;
static xc_interface *xc;
static xentoollog_logger *quiet;
static struct xs_handle *xs;
static struct map maps[SLOTS];
static char *arg[16];
static int nargs;

static long num(int i)
{
	return i < nargs ? strtol(arg[i], NULL, 0) : 0;
}

__attribute__((format(printf, 1, 2))) static void ok(const char *fmt, ...)
{
	va_list ap;

	fputs("ok ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void err(void)
{
	printf("err %s\n", strerrorname_np(errno));
}

static void result(long rc)
{
	if (rc < 0)
		err();
	else
		ok("%ld", rc);
}

/* ---- event channels: the first argument is the handle's number ---- */

static void ev_open(void)
{
	evtchn[num(1)] = xenevtchn_open(NULL, 0);
	result(evtchn[num(1)] ? 0 : -1);
}

static void ev_close(void)
{
	result(xenevtchn_close(evtchn[num(1)]));
}

static void ev_alloc(void)
{
	result(xenevtchn_bind_unbound_port(evtchn[num(1)], (uint32_t)num(2)));
}

static void ev_bind(void)
{
	result(xenevtchn_bind_interdomain(evtchn[num(1)], (uint32_t)num(2),
					  (evtchn_port_t)num(3)));
}

static void ev_virq(void)
{
	result(xenevtchn_bind_virq(evtchn[num(1)], (unsigned int)num(2)));
}

static void ev_unbind(void)
{
	result(xenevtchn_unbind(evtchn[num(1)], (evtchn_port_t)num(2)));
}

static void ev_notify(void)
{
	result(xenevtchn_notify(evtchn[num(1)], (evtchn_port_t)num(2)));
}

static void ev_unmask(void)
{
	result(xenevtchn_unmask(evtchn[num(1)], (evtchn_port_t)num(2)));
}

static void ev_restrict(void)
{
	result(xenevtchn_restrict(evtchn[num(1)], (domid_t)num(2)));
}

/* pending HANDLE TIMEOUT_MS: the port, or "ok none". */
static void ev_pending(void)
{
	struct pollfd p = { .fd = xenevtchn_fd(evtchn[num(1)]), .events = POLLIN };

	if (poll(&p, 1, (int)num(2)) == 1 && p.revents & POLLIN)
		result(xenevtchn_pending(evtchn[num(1)]));
	else
		ok("none");
}

/* Without asking poll first, on a descriptor made non-blocking as libxl does. */
static void ev_trypending(void)
{
	int fd = xenevtchn_fd(evtchn[num(1)]), flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	result(xenevtchn_pending(evtchn[num(1)]));
	fcntl(fd, F_SETFL, flags);
}

/* storm HANDLE PORT N */
static void ev_storm(void)
{
	for (long i = 0; i < num(3); i++)
		xenevtchn_notify(evtchn[num(1)], (evtchn_port_t)num(2));
	ok("");
}

/* echo HANDLE PORT N: answer N events. */
static void ev_echo(void)
{
	for (long i = 0; i < num(3); i++) {
		int port = xenevtchn_pending(evtchn[num(1)]);

		if (port < 0)
			break;
		xenevtchn_unmask(evtchn[num(1)], (evtchn_port_t)port);
		xenevtchn_notify(evtchn[num(1)], (evtchn_port_t)num(2));
	}
	ok("");
}

/* ping HANDLE PORT N: N round trips with an echoing peer; nanoseconds each. */
static void ev_ping(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long i = 0; i < num(3); i++) {
		int port;

		xenevtchn_notify(evtchn[num(1)], (evtchn_port_t)num(2));
		port = xenevtchn_pending(evtchn[num(1)]);
		if (port < 0)
			break;
		xenevtchn_unmask(evtchn[num(1)], (evtchn_port_t)port);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok("%ld", ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) / num(3));
}

/* ---- grants: the first argument is the mapping's number ---- */

static void mapped(void *addr, uint32_t count)
{
	struct map *m = &maps[num(1)];

	if (!addr) {
		err();
		return;
	}
	*m = (struct map){ addr, count };
	ok("0");
}

/* share SLOT DOMID COUNT WRITABLE [OFFSET PORT]: the references. */
static void gn_share(void)
{
	uint32_t refs[64];
	int count = (int)num(3);
	void *p;

	if (!gntshr)
		gntshr = xengntshr_open(quiet, 0);
	p = nargs > 5 ? xengntshr_share_page_notify(gntshr, (uint32_t)num(2), refs, (int)num(4),
						    (uint32_t)num(5), (evtchn_port_t)num(6)) :
			xengntshr_share_pages(gntshr, (uint32_t)num(2), count, refs, (int)num(4));
	if (!p) {
		err();
		return;
	}
	maps[num(1)] = (struct map){ p, (uint32_t)count };
	printf("ok");
	for (int i = 0; i < count; i++)
		printf(" %u", refs[i]);
	putchar('\n');
}

static void gn_unshare(void)
{
	result(xengntshr_unshare(gntshr, maps[num(1)].addr, maps[num(1)].count));
}

/* map SLOT DOMID REF WRITABLE [OFFSET PORT] */
static void gn_map(void)
{
	int prot = PROT_READ | (num(4) ? PROT_WRITE : 0);

	if (nargs > 5)
		mapped(xengnttab_map_grant_ref_notify(gnttab, (uint32_t)num(2), (uint32_t)num(3),
						      prot, (uint32_t)num(5),
						      (evtchn_port_t)num(6)), 1);
	else
		mapped(xengnttab_map_grant_ref(gnttab, (uint32_t)num(2), (uint32_t)num(3), prot),
		       1);
}

/* maps SLOT DOMID REF... */
static void gn_maps(void)
{
	uint32_t refs[16], n = 0;

	for (int i = 3; i < nargs; i++)
		refs[n++] = (uint32_t)num(i);
	mapped(xengnttab_map_domain_grant_refs(gnttab, n, (uint32_t)num(2), refs,
					       PROT_READ | PROT_WRITE), n);
}

static void gn_unmap(void)
{
	result(xengnttab_unmap(gnttab, maps[num(1)].addr, maps[num(1)].count));
}

static void gn_reopen(void)
{
	xengnttab_close(gnttab);
	gnttab = xengnttab_open(quiet, 0);
	result(gnttab ? 0 : -1);
}

static void mem_poke(void)
{
	((volatile unsigned char *)maps[num(1)].addr)[num(2)] = (unsigned char)num(3);
	ok("0");
}

static void mem_peek(void)
{
	ok("%u", ((volatile unsigned char *)maps[num(1)].addr)[num(2)]);
}

/* foreign SLOT DOMID PFN */
static void mem_foreign(void)
{
	xenforeignmemory_handle *f = xenforeignmemory_open(quiet, 0);
	const xen_pfn_t pfn = (xen_pfn_t)num(3);

	mapped(xenforeignmemory_map(f, (uint32_t)num(2), PROT_READ, 1, &pfn, NULL), 1);
	xenforeignmemory_close(f);
}

/* ---- hypercalls ---- */

/* physdev CMD SIZE WIDTH@OFFSET=VALUE...: then the result; "show" prints a 32-bit word at 12. */
static void hc_physdev(void)
{
	unsigned char *p = xencall_alloc_buffer(call, 64);
	int rc;

	memset(p, 0, 64);
	for (int i = 2; i < nargs; i++) {
		unsigned int width, off;
		long long v;

		if (sscanf(arg[i], "%u@%u=%lli", &width, &off, &v) == 3)
			memcpy(p + off, &v, width);
	}
	rc = xencall2(call, __HYPERVISOR_physdev_op, (uint64_t)num(1), (uint64_t)(uintptr_t)p);
	if (rc < 0)
		err();
	else
		ok("%d %d %d", rc, *(int *)(p + 12), *(int *)(p + 24));
	xencall_free_buffer(call, p);
}

/* mapmsi DOMID ENTRY DEVFN BUS TABLE */
static void hc_mapmsi(void)
{
	int pirq = -1;

	if (xc_physdev_map_pirq_msi(xc, (uint32_t)num(1), -1, &pirq, (int)num(3), (int)num(4),
				    (int)num(2), (uint64_t)num(5)))
		err();
	else
		ok("%d", pirq);
}

static void hc_unmap(void)
{
	result(xc_physdev_unmap_pirq(xc, (uint32_t)num(1), (int)num(2)));
}

static void hc_mapgsi(void)
{
	int pirq = (int)num(3);

	if (xc_physdev_map_pirq(xc, (uint32_t)num(1), (int)num(2), &pirq))
		err();
	else
		ok("%d", pirq);
}

static void hc_assign(void)
{
	result(xc_assign_device(xc, (uint32_t)num(1), (uint32_t)num(2), 0));
}

static void hc_testassign(void)
{
	result(xc_test_assign_device(xc, (uint32_t)num(1), (uint32_t)num(2)));
}

static void hc_deassign(void)
{
	result(xc_deassign_device(xc, (uint32_t)num(1), (uint32_t)num(2)));
}

static void hc_info(void)
{
	xc_dominfo_t info;
	int n = xc_domain_getinfo(xc, (uint32_t)num(1), 1, &info);

	if (n == 1)
		ok("%u%s%s", info.domid, info.dying ? " dying" : "",
		   info.paused ? " paused" : "");
	else
		err();
}

static void hc_list(void)
{
	static xc_domaininfo_t info[1024];
	int n = xc_domain_getinfolist(xc, 0, 1024, info);

	if (n < 0) {
		err();
		return;
	}
	printf("ok");
	for (int i = 0; i < n; i++)
		printf(" %u", info[i].domain);
	putchar('\n');
}

static void hc_version(void)
{
	result(xc_version(xc, XENVER_version, NULL));
}

static void hc_destroy(void)
{
	result(xc_domain_destroy(xc, (uint32_t)num(1)));
}

/* ---- xenstore ---- */

static void xs_get(void)
{
	char *v = xs_read(xs, XBT_NULL, arg[1], NULL);

	if (v)
		ok("%s", v);
	else
		err();
	free(v);
}

static void xs_put(void)
{
	result(xs_write(xs, XBT_NULL, arg[1], arg[2], (unsigned int)strlen(arg[2])) ? 0 : -1);
}

static void xs_watch_on(void)
{
	result(xs_watch(xs, arg[1], arg[2]) ? 0 : -1);
}

static void xs_watch_off(void)
{
	result(xs_unwatch(xs, arg[1], arg[2]) ? 0 : -1);
}

/* event TIMEOUT_MS: path and token of a watch that fired, or "ok none". */
static void xs_event(void)
{
	struct pollfd p = { .fd = xs_fileno(xs), .events = POLLIN };
	char **v = poll(&p, 1, (int)num(1)) == 1 ? xs_check_watch(xs) : NULL;

	if (v)
		ok("%s %s", v[XS_WATCH_PATH], v[XS_WATCH_TOKEN]);
	else
		ok("none");
	free(v);
}

static void xs_reopen(void)
{
	if (xs)
		xs_close(xs);
	xs = xs_open(0);
	result(xs ? 0 : -1);
}

/* A transaction that is left open: only its number comes back. */
static void xs_begin(void)
{
	xs_transaction_t tx = xs_transaction_start(xs);

	if (tx)
		ok("%u", tx);
	else
		err();
}

static void xs_end(void)
{
	result(xs_transaction_end(xs, (xs_transaction_t)num(1), false) ? 0 : -1);
}

/* open PATH: what a program sees of the kernel's special files. */
static void file_read(void)
{
	char buf[64];
	int fd = open(arg[1], O_RDWR);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n < 0) {
		err();
	} else {
		buf[n] = '\0';
		buf[strcspn(buf, "\n")] = '\0';
		ok("%s", buf);
	}
	if (fd >= 0)
		close(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{ "open", ev_open },	     { "close", ev_close },   { "alloc", ev_alloc },
	{ "bind", ev_bind },	     { "virq", ev_virq },     { "unbind", ev_unbind },
	{ "notify", ev_notify },     { "unmask", ev_unmask }, { "pending", ev_pending },
	{ "trypending", ev_trypending }, { "storm", ev_storm }, { "echo", ev_echo },
	{ "ping", ev_ping },	     { "restrict", ev_restrict },
	{ "share", gn_share },	     { "unshare", gn_unshare }, { "map", gn_map },
	{ "maps", gn_maps },	     { "unmap", gn_unmap },   { "gntreopen", gn_reopen },
	{ "poke", mem_poke },	     { "peek", mem_peek },    { "foreign", mem_foreign },
	{ "physdev", hc_physdev },   { "mapmsi", hc_mapmsi }, { "unmappirq", hc_unmap },
	{ "mapgsi", hc_mapgsi },     { "assign", hc_assign }, { "testassign", hc_testassign },
	{ "deassign", hc_deassign }, { "info", hc_info },     { "domains", hc_list },
	{ "version", hc_version },   { "destroy", hc_destroy },
	{ "read", xs_get },	     { "write", xs_put },     { "watch", xs_watch_on },
	{ "unwatch", xs_watch_off }, { "event", xs_event },   { "xsreopen", xs_reopen },
	{ "begin", xs_begin },	     { "end", xs_end },	      { "cat", file_read },
};

static void run_line(char *line)
{
	char *save;

	nargs = 0;
	for (char *p = strtok_r(line, " \n", &save); p && nargs < 16; p = strtok_r(NULL, " \n", &save))
		arg[nargs++] = p;
	for (size_t i = 0; nargs && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, arg[0])) {
			commands[i].run();
			return;
		}
	}
	puts("err unknown command");
}

int main(void)
{
	char line[1024];

	setvbuf(stdout, NULL, _IOLBF, 0);
	quiet = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	call = xencall_open(quiet, 0);
	xc = xc_interface_open(quiet, quiet, 0);
	gnttab = xengnttab_open(quiet, 0);
	xs = xs_open(0);
	if (!call || !xc || !gnttab || !xs) {
		printf("err start %s\n", strerrorname_np(errno));
		return 1;
	}
	puts("ok ready");
	while (fgets(line, sizeof(line), stdin))
		run_line(line);
	return 0;
}
