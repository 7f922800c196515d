/* SPDX-License-Identifier: MIT */
/*
 * A guest's service with everything around it made by hand, for tests of what its gate and worker say: both
 * processes are the test's, what is sent to them is noted, what they say is said by the test. So are their neighbours
 * in the supervisor. Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_UNIT_SERVICE_BENCH_H
#define XENPCI_TESTS_UNIT_SERVICE_BENCH_H

#include "tests/unit/hypervisor_fake.h"

#include <fcntl.h>
#include <unistd.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/recovery.h"
#include "common/store.h"
#include "common/util.h"

enum { SENT_MAX = 64, FIRST = 3, SECOND = 9, NOBODY = 5, REF = 12, PORT = 34 };

static struct log {
	xentoollog_logger logger; /* first: is the logger */
	unsigned lines;
	char last[1024];
} book;

static struct backend be;
static struct env env;
static struct guest g;
static struct claim claim[2];
static struct ledger ledger;

/* ---- The neighbours ---- */

static struct {
	unsigned left, let_go, reports, aer, gate_told, worker_told, gate_died, worker_died, restored;
	int32_t aer_err;
	bool aer_heard;
	struct problem problem;
	int restore_err;
} heard;

void claim_leave(struct claim *c)
{
	c->phase = CLAIM_LEAVING;
	heard.left++;
}

void claim_let_go(struct claim *c)
{
	if (c->phase == CLAIM_LEAVING)
		heard.let_go++;
	c->phase = CLAIM_RETURN_QUEUED;
}

void guest_report(struct guest *guest, const struct problem *p, bool by_guest)
{
	assert_ptr_equal(guest, &g);
	(void)by_guest;
	heard.problem = *p;
	heard.reports++;
}

void aer_answered(struct guest *guest, bool was_heard, int32_t err)
{
	assert_ptr_equal(guest, &g);
	heard.aer_heard = was_heard;
	heard.aer_err = err;
	heard.aer++;
}

void aer_cancel(struct guest *guest)
{
	(void)guest;
}

void recovery_gate_answered(struct claim *c, const struct message *m)
{
	(void)c;
	(void)m;
	heard.gate_told++;
}

void recovery_worker_answered(struct claim *c, enum message_kind to)
{
	(void)c;
	(void)to;
	heard.worker_told++;
}

void recovery_gate_died(struct guest *guest)
{
	(void)guest;
	heard.gate_died++;
}

void recovery_worker_died(struct guest *guest)
{
	(void)guest;
	heard.worker_died++;
}

static const struct upward upward = {
	.gate = &service_gate_owner,
	.worker = &service_worker_owner,
	.let_go = claim_let_go,
	.not_held = claim_leave,
	.gate_answered = recovery_gate_answered,
	.worker_answered = recovery_worker_answered,
	.gate_died = recovery_gate_died,
	.worker_died = recovery_worker_died,
	.aer_answered = aer_answered,
	.aer_cancel = aer_cancel,
};

int hypercall_restore_msi(struct hypercall *hc, struct sbdf a)
{
	(void)hc;
	assert_int_equal(a.devfn, claim[0].sbdf.devfn);
	heard.restored++;
	errno = heard.restore_err;
	return errno ? -1 : 0;
}

int ledger_open(struct successor *successor, struct guest_id id, bool keep, struct ledger **out, int *fd)
{
	(void)successor;
	(void)keep;
	assert_int_equal(id.domid, DOMID);
	*out = &ledger;
	*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

void ledger_close(struct ledger *l, int fd)
{
	(void)l;
	close_keep(fd);
}

void ledger_fresh(struct ledger *l, unsigned slot, uint16_t command)
{
	(void)command;
	if (l)
		atomic_store(&l->device[slot].shadow, LEDGER_FRESH);
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	return 1;
}

void store_abort(struct xs_handle *xs, xs_transaction_t t)
{
	(void)xs;
	(void)t;
}

int store_read_number(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *name,
		      int base, uint64_t max, uint64_t *out)
{
	(void)xs;
	(void)t;
	(void)dir;
	(void)base;
	(void)max;
	*out = strcmp(name, NODE_PCI_OP_REF) ? PORT : REF;
	return 0;
}

int store_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *name, char *buf,
	       unsigned size)
{
	(void)xs;
	(void)t;
	(void)dir;
	(void)name;
	return snprintf(buf, size, PCIIF_MAGIC);
}

/* ---- The processes ---- */

static struct process processes[2];
static struct process *gate, *worker;
static struct {
	struct process *to;
	struct message m;
} sent[SENT_MAX];
static unsigned nr_sent, kills, disowned, rejected;

void processes_prepare(struct processes *all)
{
	assert_ptr_equal(all, &be.processes);
}

static int no_process; /* errno: none can be started */

struct process *process_start(struct processes *all, enum role role, const struct process_owner *owner,
			      void *context)
{
	struct process *p = role == ROLE_GATE ? &processes[0] : &processes[1];

	assert_ptr_equal(all, &be.processes);
	if (no_process) {
		errno = no_process;
		return NULL;
	}
	p->role = role;
	p->owner = owner;
	p->context = context;
	*(role == ROLE_GATE ? &gate : &worker) = p;
	return p;
}

void process_send(struct process *p, const struct message *m, const int *fds, unsigned nr)
{
	(void)fds;
	(void)nr;
	assert_non_null(p);
	assert_true(nr_sent < SENT_MAX);
	sent[nr_sent].to = p;
	sent[nr_sent++].m = *m;
}

void process_kill(struct process *p)
{
	assert_non_null(p);
	kills++;
}

void process_reject(struct process *p)
{
	assert_ptr_equal(p, worker);
	rejected++;
}

void process_disown(struct process *p)
{
	disowned += p != NULL;
}

/* ---- The test's hands ---- */

static void vmessage(xentoollog_logger *lg, xentoollog_level level, int errnoval, const char *context,
		     const char *format, va_list al) __attribute__((format(printf, 5, 0)));
static void vmessage(xentoollog_logger *lg, xentoollog_level level, int errnoval, const char *context,
		     const char *format, va_list al)
{
	struct log *l = (struct log *)lg;

	(void)level;
	(void)errnoval;
	(void)context;
	l->lines++;
	vsnprintf(l->last, sizeof(l->last), format, al);
	for (const char *c = l->last; *c; c++)
		if (*c < ' ' || *c > '~')
			fail_msg("byte 0x%x in the log", (uint8_t)*c);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* p says that, with a descriptor or none; what the supervisor does not take is closed. */
static void say(struct process *p, const struct message *m, bool with_fd)
{
	int fds[MESSAGE_FDS_MAX] = { -1, -1 };

	if (with_fd)
		fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	p->owner->heard(p->context, m, fds);
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++)
		close_keep(fds[i]);
}

static void say_plain(struct process *p, enum message_kind kind, unsigned slot)
{
	struct message m;

	message_init(&m, kind, slot);
	say(p, &m, false);
}

static void answer(struct process *p, enum message_kind to, unsigned slot, int err)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, slot);
	m.u.answer.to = to;
	m.u.answer.err = err;
	say(p, &m, false);
}

static void ready(int err, const char *what)
{
	struct message m;

	message_init(&m, MESSAGE_READY, 0);
	m.u.ready.err = err;
	memcpy(m.u.ready.what, what, strlen(what));
	say(worker, &m, !err);
}

/* The last thing that was sent, which is to p and of that kind. */
static const struct message *last(const struct process *p, enum message_kind kind)
{
	const struct message *m = &sent[nr_sent - 1].m;

	assert_true(nr_sent);
	if (sent[nr_sent - 1].to != p || m->kind != kind)
		fail_msg("%s was sent, not %s", message_name(m->kind), message_name(kind));
	return m;
}

static void make_claim(struct claim *c, unsigned slot)
{
	c->be = &be;
	c->guest = &g;
	c->sbdf.devfn = (uint8_t)(slot << 3);
	c->slot = slot;
	c->phase = CLAIM_TAKEN;
	c->has_virt = true;
	c->reader_fd = -1;
	c->vectors = (struct vector_record){ .talk = &g.talk, .successor = &c->successor, .has_msix = true,
					     .entries = 4, .base = 0xfe000000, .sbdf = c->sbdf };
	TAILQ_INSERT_TAIL(&g.claims, c, of_guest);
}

/* Two devices, known to a gate. */
static int setup(void **state)
{
	(void)state;
	hypervisor_reset();
	memset(&heard, 0, sizeof(heard));
	no_process = 0;
	memset(&g, 0, sizeof(g));
	memset(claim, 0, sizeof(claim));
	memset(&ledger, 0, sizeof(ledger));
	book = (struct log){ .logger = { .vmessage = vmessage } };
	nr_sent = kills = disowned = rejected = 0;
	gate = worker = NULL;
	be.env = &env;
	be.upward = &upward;
	be.lg = &book.logger;
	schedule_init(&be.schedule);
	assert_int_equal(loop_open(&be.loop), 0);
	g.be = &be;
	g.domid = DOMID;
	TAILQ_INIT(&g.claims);
	talk_init(&g.talk, &book.logger, DOMID);
	talk_init(&g.denials, &book.logger, DOMID);
	service_init(&g.service);
	make_claim(&claim[0], FIRST);
	make_claim(&claim[1], SECOND);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	service_dispose(&g);
	close_keep(claim[0].reader_fd);
	close_keep(claim[1].reader_fd);
	loop_close(&be.loop);
	return 0;
}

static void held(unsigned slot)
{
	struct message m;

	message_init(&m, MESSAGE_HELD, slot);
	say(gate, &m, true);
}

static void hold(void)
{
	service_add(&claim[0]);
	service_add(&claim[1]);
	held(FIRST);
	held(SECOND);
	assert_true(claim[0].in_gate && claim[1].in_gate);
}

/* Connected. */
static void come_up(void)
{
	struct problem p = { 0 };

	hold();
	assert_int_equal(service_connect(&g, &p), 0);
	ready(0, "");
	answer(worker, MESSAGE_ADD, FIRST, 0);
	answer(worker, MESSAGE_ADD, SECOND, 0);
	assert_int_equal(service_connect(&g, &p), 1);
	nr_sent = 0;
	book.lines = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
