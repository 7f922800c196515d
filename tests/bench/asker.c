/* SPDX-License-Identifier: MIT */
/*
 * The guest's end of the latency figures. Samples go to DIR/NAME.ns, one per line, appended.
 *
 *   asker pair sleep|poll REPS N DIR	config reads and the bare ping-pong, a block of N of each
 *					in turn; prints "REF PORT" and waits for a line before it starts
 *   asker reads sleep|poll|mixed REPS N DIR NAME [OFFSET]	config reads alone
 *   asker quiet REPS N DIR PID NAME	config reads with pauses, while PID is stopped
 *					(NAME.alone) and while it is not (NAME.beside)
 *   asker paused REPS N DIR NAME	config reads with pauses, whatever others do
 *   asker noise [OFFSET]		config reads and kicks as fast as can be
 *   asker stuck		writes to the device, and no matter what comes of them
 *   asker rounds		for each line "sleep|poll N OFFSET [w]" on stdin: N reads, or writes, and a line
 *				"MEDIAN P99 MAX" in nanoseconds
 *   asker enumerate N		loads the kernel's pcifront and prints how many nanoseconds it takes until
 *				there are N PCI devices
 *   asker until NODE VALUE...	in domain 0: prints "watching", waits until the node in xenstore has had
 *				each value, in this order, and prints when that was (CLOCK_REALTIME, nanoseconds)
 *   asker tick			in domain 0: wakes up every 5 ms, until it is killed
 */
#include <dirent.h>
#include <linux/pci_regs.h>
#include <signal.h>

#include "common/store.h"
#include "frontend/front.h"
#include "tests/bench/channel.h"

enum { CONNECT_MS = 10000, WARM_UP = 200, WARM_UP_NS = 20000000, KICKS = 4, PAUSE_NS = 300000, TICK_NS = 5000000, ROUND_MAX = 100000 };
#define ENUMERATE_NS 20000000000u

struct asker {
	struct xenpcifront *fe;
	struct xenpcifront_address device;
	unsigned offset;
	bool writes; /* two values of its byte by turns, so that each is a change */
	xenevtchn_handle *ec;
	struct bare_page *page;
	evtchn_port_t port;
	uint64_t *times;
};

static void read_config(struct asker *a)
{
	uint32_t value;

	if (xenpcifront_read32(a->fe, a->device, a->offset, &value, NULL))
		bench_die("config read");
}

/* A register that any guest may write and that a device may ignore: the cache line size. */
static int write_config(struct asker *a)
{
	static uint8_t size = 8;

	size ^= 24;
	return xenpcifront_write8(a->fe, a->device, PCI_CACHE_LINE_SIZE, size, NULL);
}

static void ask(struct asker *a)
{
	if (!a->writes)
		read_config(a);
	else if (write_config(a))
		bench_die("config write");
}

static void await_answer(struct asker *a, enum bare_mode mode)
{
	if (xenevtchn_notify(a->ec, a->port))
		bench_die("notify");
	while (__atomic_load_n(&a->page->asked, __ATOMIC_ACQUIRE)) {
		if (mode == BARE_SLEEP)
			bare_hear(a->ec);
		else
			bench_relax();
	}
}

static void ask_page(struct asker *a)
{
	struct xen_pci_op op;

	op.cmd = XEN_PCI_OP_conf_read;
	op.err = XEN_PCI_ERR_op_failed;
	op.domain = op.bus = op.devfn = op.value = op.info = 0;
	op.offset = 0;
	op.size = 4;
	page_post_head(&a->page->page, &op);
	await_answer(a, BARE_PAGE_POLL);
	page_collect_head(&a->page->page, &op);
	if (op.err)
		bench_die("answer");
}

static void ask_bare(struct asker *a, enum bare_mode mode)
{
	if (mode == BARE_PAGE_POLL) {
		ask_page(a);
		return;
	}
	__atomic_store_n(&a->page->asked, 1, __ATOMIC_RELEASE);
	await_answer(a, mode);
}

static void pause_ns(long ns)
{
	const struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

static void save(const struct asker *a, unsigned n, const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.ns", dir, name);
	f = fopen(path, "a");
	if (!f)
		bench_die(path);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%llu\n", (unsigned long long)a->times[i]);
	if (fclose(f))
		bench_die(path);
}

/*
 * Until so many requests and so much time: bare and xenpcid share a processor, and xenpcid, which saw
 * it taken, rests from polling for some milliseconds.
 */
static bool warming_up(unsigned done, uint64_t since)
{
	return done < WARM_UP || now_ns() - since < WARM_UP_NS;
}

static void time_reads(struct asker *a, unsigned n, bool pauses)
{
	uint64_t since = now_ns();

	for (unsigned i = 0; !pauses && warming_up(i, since); i++)
		ask(a);
	for (unsigned i = 0; i < n; i++) {
		uint64_t start;

		if (pauses)
			pause_ns(PAUSE_NS);
		start = now_ns();
		ask(a);
		a->times[i] = now_ns() - start;
	}
}

static void time_bare(struct asker *a, enum bare_mode mode, unsigned n)
{
	uint64_t since = now_ns();

	a->page->mode = mode;
	for (unsigned i = 0; warming_up(i, since); i++)
		ask_bare(a, mode);
	for (unsigned i = 0; i < n; i++) {
		uint64_t start = now_ns();

		ask_bare(a, mode);
		a->times[i] = now_ns() - start;
	}
	a->page->mode = BARE_SLEEP;
}

static void open_bare(struct asker *a)
{
	xengntshr_handle *gs = xengntshr_open(NULL, 0);
	xenevtchn_port_or_error_t port;
	uint32_t ref;
	char line[8];

	a->ec = xenevtchn_open(NULL, 0);
	a->page = gs ? xengntshr_share_pages(gs, 0, 1, &ref, 1) : NULL;
	port = a->ec ? xenevtchn_bind_unbound_port(a->ec, 0) : -1;
	if (!a->page || port < 0)
		bench_die("bare channel");
	a->port = (evtchn_port_t)port;
	memset(a->page, 0, sizeof(*a->page));
	printf("%u %u\n", ref, a->port);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		bench_die("no go");
}

static void connect_front(struct asker *a)
{
	struct xenpcifront_device dev;

	a->fe = xenpcifront_open(NULL, 0);
	if (!a->fe || xenpcifront_connect_wait(a->fe, CONNECT_MS))
		bench_die("connect");
	if (xenpcifront_devices(a->fe, &dev, 1) < 1)
		bench_die("no device");
	a->device = dev.address;
}

static void set_mode(struct asker *a, const char *mode)
{
	if (!strcmp(mode, "sleep"))
		xenpcifront_set_spin(a->fe, 0);
	else if (!strcmp(mode, "poll"))
		xenpcifront_set_spin(a->fe, XENPCIFRONT_SPIN_ALWAYS);
}

static void pair(struct asker *a, const char *mode, unsigned reps, unsigned n, const char *dir)
{
	enum bare_mode bare = strcmp(mode, "poll") ? BARE_SLEEP : BARE_POLL;
	char name[64];

	open_bare(a);
	set_mode(a, mode);
	for (unsigned i = 0; i < reps; i++) {
		snprintf(name, sizeof(name), "bare.%s", mode);
		time_bare(a, bare, n);
		save(a, n, dir, name);
		snprintf(name, sizeof(name), "xenpcid.%s", mode);
		time_reads(a, n, false);
		save(a, n, dir, name);
		if (bare == BARE_SLEEP)
			continue;
		time_bare(a, BARE_PAGE_POLL, n);
		save(a, n, dir, "page.poll");
	}
	a->page->mode = BARE_END;
	xenevtchn_notify(a->ec, a->port);
}

static void quiet(struct asker *a, unsigned reps, unsigned n, const char *dir, pid_t noise,
		  const char *name)
{
	char alone[64], beside[64];

	snprintf(alone, sizeof(alone), "%s.alone", name);
	snprintf(beside, sizeof(beside), "%s.beside", name);
	for (unsigned i = 0; i < reps; i++) {
		kill(noise, SIGSTOP);
		pause_ns(20000000);
		time_reads(a, n, true);
		save(a, n, dir, alone);
		kill(noise, SIGCONT);
		pause_ns(20000000);
		time_reads(a, n, true);
		save(a, n, dir, beside);
	}
}

/* Requests, and kicks behind the library's back that have nothing to do. */
static void noise(struct asker *a)
{
	for (;;) {
		for (int i = 0; i < KICKS; i++)
			xen_notify(&a->fe->xen, a->fe->channel.offer.port);
		read_config(a);
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void rounds(struct asker *a)
{
	char line[64], mode[16], what;
	unsigned n;
	int got;

	a->times = calloc(ROUND_MAX, sizeof(*a->times));
	if (!a->times)
		bench_die("times");
	while (fgets(line, sizeof(line), stdin)) {
		got = sscanf(line, "%15s %u %x %c", mode, &n, &a->offset, &what);
		if (got < 3 || !n || n > ROUND_MAX)
			return;
		a->writes = got == 4;
		set_mode(a, mode);
		time_reads(a, n, false);
		qsort(a->times, n, sizeof(*a->times), by_size);
		printf("%llu %llu %llu\n", (unsigned long long)a->times[n / 2],
		       (unsigned long long)a->times[n * 99 / 100], (unsigned long long)a->times[n - 1]);
		fflush(stdout);
	}
}

static unsigned devices(void)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void enumerate(unsigned n)
{
	uint64_t start = now_ns();

	if (system("modprobe xen-pcifront"))
		bench_die("modprobe xen-pcifront");
	while (devices() < n) {
		if (now_ns() - start > ENUMERATE_NS)
			bench_die("too few devices");
		pause_ns(200000);
	}
	printf("%llu\n", (unsigned long long)(now_ns() - start));
}

static void until(const char *node, char *const *values, int n)
{
	struct xs_handle *xs = xs_open(0);
	struct timespec ts;
	char is[16], **event;

	if (!xs || !xs_watch(xs, node, ""))
		bench_die("watch");
	puts("watching");
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		while (store_read(xs, XBT_NULL, node, NULL, is, sizeof(is)) < 0 || strcmp(is, values[i])) {
			event = xs_read_watch(xs, &(unsigned){ 0 });
			if (!event)
				bench_die("xenstore");
			free(event);
		}
		clock_gettime(CLOCK_REALTIME, &ts);
		printf("%lld%09ld\n", (long long)ts.tv_sec, ts.tv_nsec);
		fflush(stdout);
	}
	xs_close(xs);
}

static unsigned count(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (!n || n > 10000000)
		bench_die("a count");
	return (unsigned)n;
}

int main(int argc, char **argv)
{
	struct asker a = { 0 };
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "enumerate") && argc == 3) {
		enumerate(count(argv[2]));
		return 0;
	}
	if (!strcmp(what, "tick"))
		for (;;)
			pause_ns(TICK_NS);
	if (!strcmp(what, "until") && argc > 3) {
		until(argv[2], argv + 3, argc - 3);
		return 0;
	}
	connect_front(&a);
	if (!strcmp(what, "noise")) {
		a.offset = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 0;
		noise(&a);
	} else if (!strcmp(what, "stuck")) {
		for (;;)
			write_config(&a);
	} else if (!strcmp(what, "paused") && argc == 6) {
		a.times = calloc(count(argv[3]), sizeof(*a.times));
		for (unsigned i = 0; i < count(argv[2]); i++) {
			time_reads(&a, count(argv[3]), true);
			save(&a, count(argv[3]), argv[4], argv[5]);
		}
	} else if (!strcmp(what, "rounds")) {
		rounds(&a);
	} else if (!strcmp(what, "quiet") && argc == 7) {
		a.times = calloc(count(argv[3]), sizeof(*a.times));
		quiet(&a, count(argv[2]), count(argv[3]), argv[4], (pid_t)count(argv[5]), argv[6]);
	} else if (!strcmp(what, "pair") && argc == 6) {
		a.times = calloc(count(argv[4]), sizeof(*a.times));
		pair(&a, argv[2], count(argv[3]), count(argv[4]), argv[5]);
	} else if (!strcmp(what, "reads") && argc >= 7) {
		a.times = calloc(count(argv[4]), sizeof(*a.times));
		a.offset = argc > 7 ? (unsigned)strtoul(argv[7], NULL, 0) : 0;
		set_mode(&a, argv[2]);
		for (unsigned i = 0; i < count(argv[3]); i++) {
			time_reads(&a, count(argv[4]), false);
			save(&a, count(argv[4]), argv[5], argv[6]);
		}
	} else {
		bench_die("asker pair|reads|quiet|paused|noise|stuck|rounds ...");
	}
	free(a.times);
	xenpcifront_disconnect(a.fe);
	xenpcifront_close(a.fe);
	return 0;
}
