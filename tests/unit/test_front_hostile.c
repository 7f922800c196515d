/* SPDX-License-Identifier: MIT */
/*
 * A backend that means harm: answers just in time, never, early and wrong; states, AER requests, kicks
 * and nodes without end. What it costs is counted; where time is money, so much of it has passed.
 */
#include "tests/unit/front_fake.h"
#include "tests/unit/front_store.h"

#include <stdarg.h>

#include "frontend/states.h"
#include "protocol/nodes.h"

#define SHORT_MS 20    /* for what nobody answers */
#define LONG_MS	 60000 /* for who is told to leave, however slow the machine */

/* ---- the rest of libxenstore, and a logger that counts ---- */

static const char *own_node = NODE_FRONTEND_DIR "/state";
static const char *flap; /* what the backend's state becomes next, "78": one letter after the other */

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned len)
{
	(void)h;
	(void)t;
	store_writes++;
	store_set_bytes(path, data, len);
	return true;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
					  unsigned *num)
{
	(void)h;
	(void)t;
	(void)path;
	(void)num;
	errno = ENOENT;
	return NULL;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	return 5;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	(void)h;
	(void)t;
	(void)abort;
	return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	(void)path;
	(void)token;
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	return xs_watch(h, path, token);
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return -1;
}

/* With a state that flaps: one event for each look. */
char **xs_check_watch(struct xs_handle *h)
{
	static unsigned calls;
	static char token[] = "backend";
	char state[2] = "", **event;

	(void)h;
	if (!flap || calls++ % 2)
		return NULL;
	state[0] = flap[calls / 2 % strlen(flap)];
	store_set("state", state);
	event = calloc(2, sizeof(*event));
	assert_non_null(event);
	event[XS_WATCH_TOKEN] = token;
	return event;
}

static unsigned lines;

static void count_line(xentoollog_logger *lg, xentoollog_level level, int errnoval,
		       const char *context, const char *format, va_list al)
{
	(void)lg;
	(void)level;
	(void)errnoval;
	(void)context;
	(void)format;
	(void)al;
	lines++;
}

static xentoollog_logger counter = { .vmessage = count_line };

/* ---- */

static uint64_t born;

static int begin(void **state)
{
	struct xenpcifront *fe = fake_front();

	store_clear();
	flap = NULL;
	lines = 0;
	born = now_ns();
	fe->lg = &counter;
	strcpy(fe->backend, FRONT_STORE_BACKEND);
	fe->phase = PHASE_RUNNING;
	fe->watching_self = fe->backend_known = true;
	store_set("state", "4");
	store_set_bytes(own_node, "4", 1);
	store_set_bytes(NODE_FRONTEND_DIR "/backend", FRONT_STORE_BACKEND,
			strlen(FRONT_STORE_BACKEND));
	store_set_bytes(NODE_FRONTEND_DIR "/backend-id", "0", 1);
	*state = fe;
	return 0;
}

static int end(void **state)
{
	xenpcifront_close(*state);
	store_clear();
	return 0;
}

/* A bucket of so many, one more each interval: what it may have given since the test began. */
static uint64_t allowed(const struct ratelimit *rl)
{
	return rl->burst + (now_ns() - born) / rl->interval_ns + 1;
}

/* ---- just in time ---- */

#define ANSWER_MS 5
#define CALL_MS	  40
#define MOST	  (CALL_MS / ANSWER_MS + 1) /* answers that fit into a call */

static void in_time(struct xen_pci_op *op)
{
	struct timespec ts = { .tv_nsec = ANSWER_MS * 1000000 };

	nanosleep(&ts, NULL);
	fake_config(op);
}

static void is_late(struct xenpcifront *fe, int rc)
{
	assert_int_equal(rc, -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(fake.kicks, 1, MOST);
	fake.kicks = 0;
	assert_false(fe->channel.poisoned);
}

static void calls_have_one_time(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_capability caps[128];
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint8_t space[PCIIF_CONFIG_SIZE] = { 1 };

	fake.device = in_time;
	fake_set(PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	fake_set(PCI_CAPABILITY_LIST, 1, 0x50, 0);
	fake_set(0x50, 2, 0x5005, 0);
	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	assert_int_equal(xenpcifront_set_call_timeout(fe, CALL_MS), 0);
	is_late(fe, xenpcifront_pull(fe, fake_device, space, 4096));
	is_late(fe, xenpcifront_push(fe, fake_device, space, 4096, NULL));
	is_late(fe, xenpcifront_capabilities(fe, fake_device, caps, 128));
	is_late(fe, xenpcifront_bars(fe, fake_device, bars));
}

static void a_scan_has_one_time(void **state)
{
	struct xenpcifront *fe = *state;
	char name[16], text[16];

	fake.device = in_time;
	fake.anywhere = true;
	fake.config_size = 0; /* nobody is there */
	store_set("root_num", "8");
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "root-%d", i);
		snprintf(text, sizeof(text), "0000:%02x", i);
		store_set(name, text);
	}
	store_set("state", "8");
	store_set_bytes(own_node, "7", 1);
	xenpcifront_set_call_timeout(fe, CALL_MS);
	assert_int_equal(xenpcifront_process(fe), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(fake.kicks, 1, MOST);
}

/* The look at the BARs after a write has no time of its own. */
static void on_move(void *opaque, const struct xenpcifront_bar_change *change)
{
	(void)change;
	++*(unsigned *)opaque;
}

static void a_write_has_one_time(void **state)
{
	static const struct xenpcifront_handlers handlers = { .bar_changed = on_move };
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	unsigned moves = 0;

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	xenpcifront_set_handlers(fe, &handlers, &moves);
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);
	fake.kicks = 0;
	fake.device = in_time;
	xenpcifront_set_timeout(fe, CALL_MS);
	assert_int_equal(xenpcifront_write32(fe, fake_device, PCI_BASE_ADDRESS_0, 0xfeb10000, NULL),
			 0);
	assert_in_range(fake.kicks, 1, MOST);
	assert_int_equal(moves, 0);
	/* It is seen when there is time. */
	fake.device = fake_config;
	xenpcifront_set_timeout(fe, LONG_MS);
	assert_int_equal(xenpcifront_write32(fe, fake_device, PCI_BASE_ADDRESS_0, 0xfeb10000, NULL),
			 0);
	assert_int_equal(moves, 1);
}

/* ---- told to leave ---- */

struct caller {
	pthread_t thread;
	struct xenpcifront *fe;
	void (*call)(struct caller *c);
	atomic_bool done;
	int rc, err;
};

static void *run(void *arg)
{
	struct caller *c = arg;

	errno = 0;
	c->call(c);
	c->err = errno;
	c->done = true;
	return NULL;
}

static void call_read(struct caller *c)
{
	uint32_t v;

	c->rc = xenpcifront_read32(c->fe, fake_device, 0, &v, NULL);
}

static void call_bars(struct caller *c)
{
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	c->rc = xenpcifront_bars(c->fe, fake_device, bars);
}

static void call_process(struct caller *c)
{
	c->rc = xenpcifront_process(c->fe);
}

static void call_wait(struct caller *c)
{
	c->rc = xenpcifront_connect_wait(c->fe, LONG_MS);
}

static void start(struct caller *c, struct xenpcifront *fe, void (*call)(struct caller *))
{
	*c = (struct caller){ .fe = fe, .call = call };
	assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
}

static void left(struct caller *c, int err)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_MS / 1000 / 2;
	assert_int_equal(pthread_timedjoin_np(c->thread, NULL, &until), 0);
	assert_int_equal(c->rc, -1);
	assert_int_equal(c->err, err);
}

static void wait_for_kicks(unsigned n)
{
	while (fake.kicks < n)
		usleep(1000);
}

static void (*const waiting[])(struct caller *) = { call_process, call_read, call_bars };

/*
 * Two of each: one carries the connection on and is in a request; behind it others wait for the
 * connection's lock, for the slot, for the lock of sizing.
 */
static void wait_all(struct xenpcifront *fe, struct caller *c)
{
	fake.silent = true;
	xenpcifront_set_timeout(fe, LONG_MS);
	xenpcifront_set_call_timeout(fe, LONG_MS);
	store_set("num_devs", "1");
	store_set("vdev-0", "0000:00:00.00");
	store_set("state", "8");
	store_set_bytes(own_node, "7", 1);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(waiting); i++) {
		start(&c[i], fe, waiting[i / 2]);
		wait_for_kicks(1);
	}
}

static void interrupt_is_heard(void **state)
{
	static const uint32_t spins[] = { 0, 50, XENPCIFRONT_SPIN_ALWAYS };
	struct caller c[2 * ARRAY_SIZE(waiting)];
	struct xenpcifront *fe = *state;
	uint32_t v;

	for (size_t k = 0; k < ARRAY_SIZE(spins); k++) {
		end(state);
		begin(state);
		fe = *state;
		xenpcifront_set_spin(fe, spins[k]);
		wait_all(fe, c);
		errno = 77;
		xenpcifront_interrupt(fe);
		assert_int_equal(errno, 77);
		for (size_t i = 0; i < ARRAY_SIZE(c); i++)
			left(&c[i], ECANCELED);
		/* Nothing was closed; but whoever comes now does not wait either. */
		assert_true(xenpcifront_connected(fe));
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		assert_int_equal(errno, ECANCELED);
		assert_int_equal(xenpcifront_process(fe), -1);
		assert_int_equal(errno, ECANCELED);
		/* disconnect takes it back, and waits for the backend itself. */
		store_set("state", "6");
		fe->peer_known = false;
		assert_int_equal(xenpcifront_disconnect(fe), 0);
		assert_int_equal(halt_reason(&fe->channel.halt), 0);
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		assert_int_equal(errno, ENOTCONN);
	}
}

static void disconnect_is_heard(void **state)
{
	struct caller c[2 * ARRAY_SIZE(waiting)], waiter;
	struct xenpcifront *fe = *state;

	wait_all(fe, c);
	start(&waiter, fe, call_wait);
	xenpcifront_set_timeout(fe, SHORT_MS);
	assert_int_equal(xenpcifront_disconnect(fe), -1); /* the backend does not follow */
	assert_int_equal(errno, ETIMEDOUT);
	/* The second may have come in time to find nothing to do any more. */
	pthread_join(c[1].thread, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		if (i != 1)
			left(&c[i], ENOTCONN);
	xenpcifront_interrupt(fe); /* it may have begun anew */
	pthread_join(waiter.thread, NULL);
	assert_int_equal(waiter.rc, -1);
	assert_false(xenpcifront_connected(fe));
}

/* What an event loop calls does not wait for another's request. */
static void looks_do_not_wait(void **state)
{
	struct caller c[2 * ARRAY_SIZE(waiting)];
	struct xenpcifront *fe = *state;
	struct xenpcifront_event event;

	wait_all(fe, c);
	while (xenpcifront_next_event(fe, &event))
		;
	xenpcifront_devices(fe, NULL, 0);
	xenpcifront_enumerated(fe);
	xenpcifront_connected(fe);
	xenpcifront_answer_aer(fe, XENPCIFRONT_RESULT_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		assert_false(c[i].done);
	xenpcifront_interrupt(fe);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		left(&c[i], ECANCELED);
}

/* ---- never, late, early ---- */

static unsigned stop_cmd, stop_offset;

/* Falls silent after one access of the sizing. */
static void stops(struct xen_pci_op *op)
{
	fake.silent |= op->cmd == stop_cmd && (unsigned)op->offset == stop_offset;
	fake_config(op);
}

static void a_bar_gets_its_value_back(void **state)
{
	/* The last read before all ones are written, and the write of the ones. */
	static const struct { unsigned cmd, offset; } when[] = {
		{ XEN_PCI_OP_conf_read, PCI_ROM_ADDRESS },
		{ XEN_PCI_OP_conf_write, PCI_BASE_ADDRESS_0 },
	};
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v;

	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		struct xenpcifront *fe = *state;

		fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
		fake.device = stops;
		stop_cmd = when[i].cmd;
		stop_offset = when[i].offset;
		xenpcifront_set_timeout(fe, SHORT_MS);
		assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
		assert_int_equal(errno, ETIMEDOUT);
		fake_serve(); /* late: the ones, or the mask's read */
		assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xff);
		fake.silent = false;
		fake.device = fake_config;
		xenpcifront_set_timeout(fe, LONG_MS);
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0x40, &v, NULL), 0);
		assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xfe);
		assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);
		assert_int_equal(bars[0].start, 0xfeb00000);
		assert_int_equal(bars[0].size, 4096);
	}
}

/* No time is left in the middle: an answer of the call's last moment. */
static void a_bar_gets_its_value_back_later(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v;

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	fake.device = in_time;
	for (uint32_t ms = 0; ms < 20 * ANSWER_MS; ms += ANSWER_MS) {
		xenpcifront_set_call_timeout(fe, ms + 1);
		xenpcifront_bars(fe, fake_device, bars);
		assert_int_equal(xenpcifront_read32(fe, fake_device, PCI_BASE_ADDRESS_0, &v, NULL), 0);
		assert_int_equal(v, 0xfeb00000);
	}
}

static void no_mask(struct xen_pci_op *op)
{
	if (op->cmd == XEN_PCI_OP_conf_read && op->offset == PCI_BASE_ADDRESS_0 &&
	    fake.config[PCI_BASE_ADDRESS_0 + 3] == 0xff)
		op->err = XEN_PCI_ERR_access_denied;
	else
		fake_config(op);
}

static void a_refused_mask_leaves_no_ones(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	fake.device = no_mask;
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xfe);
}

static void untouched(struct xen_pci_op *op)
{
	page_collect(fake.page, op);
}

/* The flag goes down before anything was done. */
static void early(void **state)
{
	static const uint16_t entries[] = { 0, 1 };
	struct xenpcifront *fe = *state;
	struct xenpcifront_capability caps[4];
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v, pirqs[2] = { 9, 9 };
	uint8_t space[256];

	fake.device = untouched;
	assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(xenpcifront_write32(fe, fake_device, 0, 1, NULL), -1);
	assert_int_equal(xenpcifront_pull(fe, fake_device, space, 256), -1);
	assert_int_equal(xenpcifront_push(fe, fake_device, space, 256, NULL), -1);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 4), -1);
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
	assert_int_equal(xenpcifront_enable_msi(fe, fake_device, pirqs, NULL), -1);
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 2, pirqs, NULL, NULL), -1);
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, entries, 2, pirqs, NULL), -1);
	assert_int_equal(xenpcifront_disable_msi(fe, fake_device, NULL), -1);
	assert_int_equal(xenpcifront_disable_msix(fe, fake_device, NULL), -1);
	assert_true(pirqs[0] == 9 && pirqs[1] == 9);
}

/* ---- wrong ---- */

static unsigned seed = 1;

static void any_answer(struct xen_pci_op *op)
{
	static const int32_t errs[] = { 0, 0, 0, 0, -1, -2, -3, -4, -5, -22, INT32_MIN, INT32_MAX };

	op->err = errs[(unsigned)rand_r(&seed) % ARRAY_SIZE(errs)];
	op->value = rand_r(&seed) % 4 ? (uint32_t)rand_r(&seed) << (rand_r(&seed) % 17) : UINT32_MAX;
	if (op->cmd == XEN_PCI_OP_enable_msix && rand_r(&seed) % 2)
		op->value = 0;
	op->info = (uint32_t)rand_r(&seed);
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		op->msix_entries[i].vector = (uint16_t)(rand_r(&seed) % (op->info % 2 ? 8 : 0x10000));
}

static bool pirqs_are(const uint32_t *pirqs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!pirqs[i] || pirqs[i] > UINT16_MAX)
			return false;
		for (unsigned k = 0; k < i; k++)
			if (pirqs[k] == pirqs[i])
				return false;
	}
	return true;
}

static void bars_are(const struct xenpcifront_bar *bars)
{
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		assert_int_equal(bars[i].size & (bars[i].size - 1), 0);
		assert_true(bars[i].kind <= XENPCIFRONT_BAR_ROM);
		assert_true(bars[i].kind != XENPCIFRONT_BAR_HIGH ||
			    (i && bars[i - 1].kind == XENPCIFRONT_BAR_MEM64));
	}
}

static void whatever_is_answered(void **state)
{
	static const uint16_t entries[] = { 4, 3, 2, 1, 0 };
	struct xenpcifront *fe = *state;
	uint8_t space[PCIIF_CONFIG_SIZE] = { 0 };

	fake.device = any_answer;
	for (unsigned i = 0; i < 3000; i++) {
		struct xenpcifront_capability caps[XENPCIFRONT_CONFIG_SIZE / 4];
		struct xenpcifront_bar bars[XENPCIFRONT_BARS];
		uint32_t pirqs[5] = { 0 };
		unsigned count = 1u + i % 32, available = 0;
		int n;

		seed = i + 1;
		fake.kicks = 0;
		if (!xenpcifront_enable_msi(fe, fake_device, pirqs, NULL))
			assert_true(pirqs_are(pirqs, 1));
		if (!xenpcifront_enable_multi_msi(fe, fake_device, count, pirqs, &available, NULL))
			assert_true(pirqs_are(pirqs, 1) && pirqs[0] + count - 1 <= UINT16_MAX);
		assert_in_range(available, 1, count);
		if (!xenpcifront_enable_msix(fe, fake_device, entries, 5, pirqs, NULL))
			assert_true(pirqs_are(pirqs, 5));
		n = xenpcifront_capabilities(fe, fake_device, caps, ARRAY_SIZE(caps));
		for (int k = 0; k < n; k++)
			assert_in_range(caps[k].offset, 0x40, XENPCIFRONT_CONFIG_SIZE - 1);
		if (!xenpcifront_bars(fe, fake_device, bars))
			bars_are(bars);
		n = xenpcifront_pull(fe, fake_device, space, sizeof(space));
		assert_true(n == -1 || n == 256 || n == 4096);
		xenpcifront_push(fe, fake_device, space, sizeof(space), NULL);
		assert_in_range(fake.kicks, 1, 3 + 600 + 40 + 1024 + 2 * 1024);
	}
}

/* ---- without end ---- */

static void kicks_in_a_wait(void **state)
{
	struct xenpcifront *fe = *state;
	uint64_t start = now_ns();
	uint32_t v;

	fake.silent = fake.storm = true;
	xenpcifront_set_timeout(fe, 200);
	assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* Some at once; then one in each rest. */
	assert_true(fake.unmasked <= 32 + (now_ns() - start) / (5 * NS_PER_MS));
}

/* A request that stands in the page explains one kick, not a thousand; nor does a late answer. */
static void kicks_that_explain_themselves(void **state)
{
	struct xenpcifront *fe = *state;
	uint32_t v;

	for (int poisoned = 0; poisoned < 2; poisoned++) {
		uint64_t delay = 0;

		if (poisoned) {
			fake.silent = true;
			xenpcifront_set_timeout(fe, 1);
			assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		} else {
			page_aer_post(fake.page, &(struct xen_pcie_aer_op){ 0 });
		}
		fe->channel.spurious = 0;
		for (int i = 0; i < 64; i++) {
			fake.events = 1;
			delay = channel_events(&fe->channel);
		}
		assert_int_equal(delay, 1000000000u);
		page_aer_withdraw(fake.page);
	}
}

static void aer_requests(void **state)
{
	struct xenpcifront *fe = *state;
	struct xen_pcie_aer_op op = { .cmd = 999, .err = -1, .bus = UINT32_MAX };
	unsigned answered = 0;

	fe->flags = XENPCIFRONT_AER;
	for (int i = 0; i < 100000; i++) {
		page_aer_post(fake.page, &op);
		aer_take(fe);
		answered += !page_aer_requested(fake.page);
	}
	assert_true(answered > 0 && answered <= allowed(&fe->aer_requests));
	/* What was put off is taken later. */
	ratelimit_init(&fe->aer_requests, 1, 1, now_ns());
	aer_take(fe);
	assert_false(page_aer_requested(fake.page));
}

static void states_that_flap(void **state)
{
	static const char *const ways[] = { "78", "748", "7", "84", "9x7", "478" };
	struct xenpcifront *fe = *state;

	store_set("num_devs", "1");
	store_set("vdev-0", "0000:00:00.00");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		flap = ways[i];
		for (int k = 0; k < 20000; k++)
			xenpcifront_process(fe);
	}
	assert_true(store_writes > 0 && store_writes <= allowed(&fe->steps));
	assert_true(lines <= allowed(&fe->lines));
}

/* ---- nodes ---- */

static void finds_nothing(struct xenpcifront *fe)
{
	fake.kicks = 0;
	assert_int_equal(devices_scan(fe), 0);
	assert_int_equal(xenpcifront_devices(fe, NULL, 0), 0);
	assert_int_equal(fake.kicks, 0);
}

static void roots_without_bound(void **state)
{
	static const char *const bad[] = { "257", "4294967296", "18446744073709551616", "-1", "1e3",
					   "0x10", "", " 1" };
	struct xenpcifront *fe = *state;
	char huge[4096];

	fe->n_devices = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		store_set("root_num", bad[i]);
		finds_nothing(fe);
	}
	memset(huge, '9', sizeof(huge));
	store_set_bytes(FRONT_STORE_BACKEND "/root_num", huge, sizeof(huge));
	finds_nothing(fe);
	store_set_bytes(FRONT_STORE_BACKEND "/root_num", "1\0 ", 3);
	finds_nothing(fe);
	/* Each of 256 is refused, in each of many scans: the log does not hear of them all. */
	store_set("root_num", "256");
	store_set_bytes(FRONT_STORE_BACKEND "/root-0", huge, sizeof(huge));
	lines = 0;
	for (int i = 0; i < 100; i++)
		finds_nothing(fe);
	assert_true(lines > 0 && lines <= allowed(&fe->lines));
}

static void more_devices_than_there_is_room(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES + 1];

	fake.anywhere = true;
	fake_set(0, 4, 0x10d38086, 0);
	store_set("root_num", "3");
	store_set("root-0", "0000:00");
	store_set("root-1", "0000:01");
	store_set("root-2", "ffff:ff");
	for (int i = 0; i < 100; i++) {
		fake.kicks = 0;
		assert_int_equal(devices_scan(fe), 0);
		assert_int_equal(xenpcifront_devices(fe, devices, ARRAY_SIZE(devices)),
				 XENPCIFRONT_MAX_DEVICES);
		assert_in_range(fake.kicks, 1, 3 * (XENPCIFRONT_MAX_DEVICES + 1));
	}
	assert_true(lines > 0 && lines <= allowed(&fe->lines));
	assert_true(fe->n_devices <= XENPCIFRONT_MAX_DEVICES);
}

/* The toolstack names another backend: whoever has our page is it no more. */
static void a_backend_that_moves(void **state)
{
	static const char *const others[] = { "/local/domain/0/backend/pci/7/1",
					      "/local/domain/0/backend/pci/8/0" };
	struct xenpcifront *fe = *state;
	struct xenpcifront_event event;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char path[64];

		end(state);
		begin(state);
		fe = *state;
		assert_int_equal(xenpcifront_process(fe), 0);
		assert_true(xenpcifront_connected(fe));
		store_set_bytes(NODE_FRONTEND_DIR "/backend", others[i], (unsigned)strlen(others[i]));
		snprintf(path, sizeof(path), "%s/state", others[i]);
		store_set_bytes(path, "4", 1);
		fe->backend_known = fe->own_known = false; /* as the watch has it */
		assert_int_equal(xenpcifront_process(fe), 0);
		assert_false(xenpcifront_connected(fe));
		assert_null(fake.page);
		while (xenpcifront_next_event(fe, &event) && event.type != XENPCIFRONT_EVENT_CLOSED)
			;
		assert_int_equal(event.type, XENPCIFRONT_EVENT_CLOSED);
		assert_int_equal(event.backend_state, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_have_one_time),
		TEST(a_scan_has_one_time),
		TEST(a_write_has_one_time),
		TEST(interrupt_is_heard),
		TEST(disconnect_is_heard),
		TEST(looks_do_not_wait),
		TEST(a_bar_gets_its_value_back),
		TEST(a_bar_gets_its_value_back_later),
		TEST(a_refused_mask_leaves_no_ones),
		TEST(early),
		TEST(whatever_is_answered),
		TEST(kicks_in_a_wait),
		TEST(kicks_that_explain_themselves),
		TEST(aer_requests),
		TEST(states_that_flap),
		TEST(roots_without_bound),
		TEST(more_devices_than_there_is_room),
		TEST(a_backend_that_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
