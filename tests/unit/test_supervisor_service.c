/* SPDX-License-Identifier: MIT */
/*
 * What a guest's gate and worker say, and what the supervisor makes of it: each word is judged by
 * what the guest is known to have. Both processes are the test's: what is sent to them is noted, what
 * they say is said by hand. So are their neighbours in the supervisor.
 */
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

struct process *process_start(struct processes *all, enum role role, const struct process_owner *owner,
			      void *context)
{
	struct process *p = role == ROLE_GATE ? &processes[0] : &processes[1];

	assert_ptr_equal(all, &be.processes);
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

/* ---- Coming up ---- */

static void it_is_up_when_all_know_of_all(void **state)
{
	struct problem p = { 0 };
	unsigned setups = 0;

	(void)state;
	hold();
	assert_int_equal(sent[0].m.kind, MESSAGE_HOLD);
	assert_int_equal(sent[0].m.slot, FIRST);
	assert_int_equal(service_connect(&g, &p), 0);
	for (unsigned i = 0; i < nr_sent; i++) {
		if (sent[i].m.kind != MESSAGE_SETUP)
			continue;
		setups++;
		assert_ptr_equal(sent[i].to, worker);
		assert_int_equal(sent[i].m.u.setup.domid, DOMID);
		assert_int_equal(sent[i].m.u.setup.ref, REF);
		assert_int_equal(sent[i].m.u.setup.port, PORT);
	}
	assert_int_equal(setups, 1);
	ready(0, "");
	answer(worker, MESSAGE_ADD, FIRST, 0);
	assert_int_equal(service_connect(&g, &p), 0);
	answer(worker, MESSAGE_ADD, FIRST, 0); /* does not stand for the other */
	assert_int_equal(service_connect(&g, &p), 0);
	answer(worker, MESSAGE_ADD, SECOND, 0);
	assert_int_equal(service_connect(&g, &p), 1);
	last(worker, MESSAGE_RESUME);
}

static void a_worker_that_cannot_says_why(void **state)
{
	static const struct {
		int err;
		const char *what, *text;
		int told;
	} rows[] = {
		{ EINVAL, "map", "cannot map the frontend's page, grant 12", EINVAL },
		{ ENOENT, "bind", "cannot bind the frontend's event channel, port 34", ENOENT },
		{ EPERM, "seccomp", "cannot confine its worker", EPERM },
		{ -5, "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
		  "\377\377\377\377\377\377\377\377\377\377\377", "cannot confine its worker", EIO },
		{ INT32_MIN, "map\n\33[2J", "cannot confine its worker", EIO },
		{ INT32_MAX, "", "cannot confine its worker", INT32_MAX },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct problem p = { 0 };

		setup(state);
		hold();
		assert_int_equal(service_connect(&g, &p), 0);
		ready(rows[i].err, rows[i].what);
		assert_int_equal(service_connect(&g, &p), -1);
		assert_int_equal(p.err, rows[i].told);
		if (strncmp(p.text, rows[i].text, strlen(rows[i].text)))
			fail_msg("row %u: \"%s\"", i, p.text);
		assert_int_equal(disowned, 1);
		teardown(state);
	}
	setup(state);
}

/* ---- What the gate asks for ---- */

static struct message map_of(unsigned slot, uint32_t nr, uint16_t entry)
{
	struct message m;

	message_init(&m, MESSAGE_MAP, slot);
	m.u.map.mode = VECTORS_MSIX;
	m.u.map.nr = nr;
	m.u.map.entry[0] = entry;
	return m;
}

static void vectors_are_for_what_the_guest_has(void **state)
{
	struct message m = map_of(NOBODY, 1, 0);

	(void)state;
	come_up();
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, ENODEV);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->slot, NOBODY);
	for (enum claim_phase phase = CLAIM_QUEUED; phase <= CLAIM_ERRAND; phase++) {
		claim[0].phase = phase;
		m = map_of(FIRST, 1, 0);
		say(gate, &m, false);
		assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, phase == CLAIM_TAKEN ? 0 : ENODEV);
		assert_int_equal(mapped(), phase == CLAIM_TAKEN);
		vectors_unmap(&claim[0].vectors);
	}
	claim[0].phase = CLAIM_TAKEN;
	m = map_of(FIRST, 1, 4); /* the table ends before */
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, EINVAL);
	assert_int_equal(mapped(), 0);
	m = map_of(FIRST, 1, 3);
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.pirq[0], TOP - 1);
	/* Once; and the other device has its own. */
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, EBUSY);
	m = map_of(SECOND, 1, 3);
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.pirq[0], TOP - 2);

	say_plain(gate, MESSAGE_UNMAP, NOBODY);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	assert_int_equal(mapped(), 2);
	say_plain(gate, MESSAGE_UNMAP, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, 0);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.to, MESSAGE_UNMAP);
	assert_int_equal(mapped(), 1);
	assert_int_equal(claim[1].vectors.nr, 1);
}

static void messages_are_restored_for_what_the_guest_has(void **state)
{
	(void)state;
	come_up();
	say_plain(gate, MESSAGE_RESTORE, NOBODY);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	claim[0].phase = CLAIM_LEAVING;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	assert_int_equal(heard.restored, 0);
	claim[0].phase = CLAIM_TAKEN;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, 0);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.to, MESSAGE_RESTORE);
	assert_int_equal(heard.restored, 1);
	heard.restore_err = ENOSYS;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENOSYS);
}

static void a_device_that_is_not_held_leaves(void **state)
{
	unsigned before = count_fds();
	struct message m;

	(void)state;
	service_add(&claim[0]);
	message_init(&m, MESSAGE_HELD, NOBODY);
	say(gate, &m, true);
	assert_int_equal(count_fds(), before);
	message_init(&m, MESSAGE_HELD, FIRST);
	m.u.held.err = ENODEV;
	memset(m.u.held.text, '\n', sizeof(m.u.held.text));
	say(gate, &m, true);
	assert_int_equal(heard.left, 1);
	assert_int_equal(heard.problem.err, ENODEV);
	assert_null(strchr(heard.problem.text, '\n'));
	assert_false(claim[0].in_gate);
	/* It leaves: what is said of it comes too late. */
	held(FIRST);
	assert_false(claim[0].in_gate);
	assert_int_equal(claim[0].reader_fd, -1);
	assert_int_equal(count_fds(), before);
	/* Without a descriptor there is nothing to read it by. */
	service_add(&claim[1]);
	message_init(&m, MESSAGE_HELD, SECOND);
	say(gate, &m, false);
	assert_int_equal(heard.left, 2);
	assert_int_equal(heard.problem.err, EIO);
}

static void descriptors_are_replaced(void **state)
{
	unsigned before;

	(void)state;
	hold();
	before = count_fds();
	for (unsigned i = 0; i < 100; i++)
		held(FIRST);
	assert_int_equal(count_fds(), before);
}

/* ---- What a worker says, taken over or not ---- */

static void answers_to_what_was_not_asked_change_nothing(void **state)
{
	static const unsigned slots[] = { FIRST, SECOND, NOBODY, 0, SLOT_COUNT - 1 };
	struct problem p = { 0 };

	(void)state;
	come_up();
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++)
		for (unsigned to = 0; to <= MESSAGE_KINDS + 2; to++)
			answer(worker, to == MESSAGE_KINDS + 2 ? UINT32_MAX : to, slots[i], 0);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(heard.let_go + heard.left + heard.reports + kills + disowned, 0);
	assert_int_equal(service_connect(&g, &p), 1);
	assert_true(claim[0].in_worker && claim[1].in_worker && claim[0].in_gate && claim[1].in_gate);
	/* A device that it was not told of it does not know of, whatever it says. */
	claim[0].worker_asked = claim[0].in_worker = false;
	answer(worker, MESSAGE_ADD, FIRST, 0);
	assert_false(claim[0].in_worker);
}

/* What is lost to its host is let go of by the gate alone, and touched by nobody. */
static void a_lost_device_is_told_to_both_at_once(void **state)
{
	(void)state;
	come_up();
	claim[0].lost = true;
	claim_leave(&claim[0]);
	service_lose(&claim[0]);
	assert_int_equal(last(gate, MESSAGE_DISOWN)->slot, FIRST);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(sent[0].m.kind, MESSAGE_GONE);
	assert_ptr_equal(sent[0].to, worker);
	answer(worker, MESSAGE_GONE, FIRST, 0);
	assert_int_equal(heard.let_go, 0);
	answer(gate, MESSAGE_DISOWN, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
	assert_int_equal(nr_sent, 2);
}

static void a_device_leaves_step_by_step(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	last(worker, MESSAGE_DROP);
	answer(worker, MESSAGE_DROP, SECOND, 0); /* that one does not leave */
	last(worker, MESSAGE_DROP);
	answer(worker, MESSAGE_DROP, FIRST, 0);
	assert_int_equal(last(gate, MESSAGE_LET_GO)->slot, FIRST);
	/* A worker cannot say what the gate has done, nor have the gate told twice. */
	nr_sent = 0;
	answer(worker, MESSAGE_LET_GO, FIRST, 0);
	answer(worker, MESSAGE_DROP, FIRST, 0);
	assert_int_equal(heard.let_go, 0);
	assert_int_equal(nr_sent, 0);
	answer(gate, MESSAGE_LET_GO, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
	assert_true(claim[1].in_gate && claim[1].in_worker);
}

static void ready_is_said_once(void **state)
{
	struct problem p = { 0 };
	unsigned before;

	(void)state;
	come_up();
	before = count_fds();
	ready(0, "");
	ready(EINVAL, "map");
	assert_int_equal(rejected, 2);
	assert_int_equal(count_fds(), before);
	assert_int_equal(service_connect(&g, &p), 1);
	assert_int_equal(disowned, 0);
	assert_int_equal(rejected, 2);
	/* Nor do its last words spare the gate its work: interrupts go off. */
	ledger.device[FIRST].shadow = LEDGER_KEPT;
	assert_false(service_disconnect(&g));
	ready(EINVAL, "map"); /* before it heard of its end */
	assert_int_equal(rejected, 2);
	worker->owner->ended(worker->context, 9, "was killed");
	assert_int_equal(last(gate, MESSAGE_QUIET)->slot, SECOND);
	assert_false(service_disconnect(&g));
	answer(worker, MESSAGE_QUIET, FIRST, 0);
	answer(worker, MESSAGE_QUIET, SECOND, 0);
	assert_false(service_disconnect(&g));
	answer(gate, MESSAGE_QUIET, FIRST, 0);
	assert_false(service_disconnect(&g));
	answer(gate, MESSAGE_QUIET, SECOND, 0);
	assert_true(service_disconnect(&g));
	assert_int_equal(ledger.device[FIRST].shadow, LEDGER_FRESH);
}

static void ready_is_said_while_it_starts(void **state)
{
	struct problem p = { 0 };

	(void)state;
	hold();
	assert_int_equal(service_connect(&g, &p), 0);
	ready(0, "");
	ready(EINVAL, "map");
	assert_int_equal(service_connect(&g, &p), 0);
	assert_int_equal(disowned, 0);
	assert_int_equal(rejected, 1);
	/* It is ended before it was ready. */
	teardown(state);
	setup(state);
	hold();
	assert_int_equal(service_connect(&g, &p), 0);
	assert_false(service_disconnect(&g));
	ready(EINVAL, "map");
	assert_false(service_disconnect(&g));
	worker->owner->ended(worker->context, 9, "was killed");
	answer(gate, MESSAGE_QUIET, FIRST, 0);
	answer(gate, MESSAGE_QUIET, SECOND, 0);
	assert_true(service_disconnect(&g));
}

static void refusals_are_told_of_devices_it_has(void **state)
{
	struct message m;

	(void)state;
	come_up();
	message_init(&m, MESSAGE_DENIED, NOBODY);
	say(worker, &m, false);
	assert_int_equal(book.lines, 0);
	/* Noise: what is printed is printable (vmessage looks), and bounded by its room. */
	message_init(&m, MESSAGE_DENIED, FIRST);
	memset(&m.u, 0xff, sizeof(m.u.denied));
	say(worker, &m, false);
	assert_int_equal(book.lines, 1);
	assert_true(strlen(book.last) < 300);
	message_init(&m, MESSAGE_SAY, FIRST);
	memset(&m.u, 0x9b, sizeof(m.u.say));
	say(gate, &m, false);
	assert_int_equal(book.lines, 2);
}

static void nothing_said_a_million_times_fills_the_log(void **state)
{
	static const enum message_kind kinds[] = { MESSAGE_DENIED, MESSAGE_LATE, MESSAGE_AER_ANSWER,
						   MESSAGE_AER_UNHEARD, MESSAGE_READY, MESSAGE_ANSWER };
	uint64_t began = now_ns();
	unsigned fds;

	(void)state;
	come_up();
	fds = count_fds();
	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct message m;

		message_init(&m, kinds[k], FIRST);
		if (kinds[k] == MESSAGE_ANSWER)
			m.u.answer = (struct message_answer){ .to = MESSAGE_ADD, .err = EINVAL };
		for (unsigned i = 0; i < 20000; i++)
			say(worker, &m, false);
	}
	/* The limit lets some through as time passes, of which valgrind takes much. */
	if (book.lines > 100 + 10 * ((now_ns() - began) / 1000000000))
		fail_msg("%u lines were logged, the last \"%s\"", book.lines, book.last);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(count_fds(), fds);
}

static void a_verdict_is_passed_on_as_it_is(void **state)
{
	struct message m;

	(void)state;
	come_up();
	message_init(&m, MESSAGE_AER_ANSWER, 0);
	m.u.aer.err = -77;
	say(worker, &m, false);
	assert_int_equal(heard.aer, 1);
	assert_true(heard.aer_heard);
	assert_int_equal(heard.aer_err, -77);
	say_plain(worker, MESSAGE_AER_UNHEARD, 0);
	assert_int_equal(heard.aer, 2);
	assert_false(heard.aer_heard);
}

/* ---- Deaths ---- */

static unsigned count_sent(const struct process *p, enum message_kind kind, unsigned slot)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_sent; i++)
		n += sent[i].to == p && sent[i].m.kind == kind && sent[i].m.slot == slot;
	return n;
}

static void die(struct process *p)
{
	p->owner->ended(p->context, 9, "was killed by signal 9 (Killed)");
}

static void a_worker_that_died_is_replaced(void **state)
{
	struct problem p = { 0 };

	(void)state;
	come_up();
	die(worker);
	assert_int_equal(heard.worker_died, 1);
	assert_int_equal(count_sent(gate, MESSAGE_CONNECT, 0), 1);
	assert_int_equal(count_sent(worker, MESSAGE_SETUP, 0), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, FIRST), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
	for (unsigned i = 0; i < nr_sent; i++)
		if (sent[i].m.kind == MESSAGE_SETUP)
			assert_true(sent[i].m.u.setup.resumed);
	assert_int_equal(service_connect(&g, &p), 0);
	ready(0, "");
	answer(worker, MESSAGE_ADD, FIRST, 0);
	answer(worker, MESSAGE_ADD, SECOND, 0);
	assert_int_equal(service_connect(&g, &p), 1);
}

static void a_device_goes_on_leaving_when_its_worker_dies(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	die(worker);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, FIRST), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, FIRST), 0);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
	answer(gate, MESSAGE_LET_GO, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
}

static void a_device_goes_on_leaving_when_its_gate_dies(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	die(gate);
	assert_int_equal(kills, 1); /* the worker's socket went with it */
	die(worker);
	assert_int_equal(heard.let_go, 1);
	assert_int_equal(count_sent(gate, MESSAGE_HOLD, FIRST), 0);
	assert_int_equal(count_sent(gate, MESSAGE_HOLD, SECOND), 1);
	held(SECOND);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
}

/* The next worker cannot serve: the guest is not connected any more, and its vectors are to go. */
static void interrupts_go_off_where_no_worker_can_follow(void **state)
{
	struct problem p = { 0 };

	(void)state;
	come_up();
	claim_leave(&claim[1]);
	service_drop(&claim[1]);
	die(worker);
	nr_sent = 0;
	ready(ENOENT, "bind");
	assert_int_equal(count_sent(gate, MESSAGE_QUIET, FIRST), 1);
	assert_int_equal(count_sent(gate, MESSAGE_QUIET, SECOND), 0);
	assert_int_equal(ledger.device[FIRST].shadow, LEDGER_FRESH);
	assert_int_equal(service_connect(&g, &p), -1);
	assert_int_equal(p.err, ENOENT);
}

/* Its answers are worth one look each, however often it gives them. */
static void a_worker_that_repeats_itself_causes_no_looks(void **state)
{
	unsigned looks = 0;

	(void)state;
	come_up();
	while (schedule_next_dirty(&be.schedule))
		;
	for (unsigned i = 0; i < 1000; i++) {
		answer(worker, MESSAGE_ADD, FIRST, 0);
		looks += schedule_next_dirty(&be.schedule) != NULL;
	}
	assert_int_equal(looks, 0);
}

/* It makes progress, and serves its guest; but the device is to leave. */
static void a_worker_that_keeps_a_device_is_replaced(void **state)
{
	uint64_t now = now_ns();

	(void)state;
	come_up();
	atomic_store(&ledger.at_gate, 1);
	claim_leave(&claim[1]);
	service_drop(&claim[1]);
	atomic_store(&ledger.progress, 1);
	service_check(&g, now);
	assert_int_equal(kills, 0);
	service_check(&g, now + 60000000000u);
	assert_int_equal(kills, 1);
	nr_sent = 0;
	die(worker);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, SECOND), 1);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, FIRST), 0);
	/* One that lets go in time stays. */
	kills = 0;
	g.service.ready = true;
	service_check(&g, now + 120000000000u);
	assert_int_equal(kills, 0);
	/* One that never tells that it serves does not. */
	g.service.ready = false;
	service_check(&g, now + 120000000000u);
	assert_int_equal(kills, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_up_when_all_know_of_all),
		TEST(a_worker_that_cannot_says_why),
		TEST(vectors_are_for_what_the_guest_has),
		TEST(messages_are_restored_for_what_the_guest_has),
		TEST(a_device_that_is_not_held_leaves),
		TEST(descriptors_are_replaced),
		TEST(answers_to_what_was_not_asked_change_nothing),
		TEST(a_device_leaves_step_by_step),
		TEST(a_lost_device_is_told_to_both_at_once),
		TEST(ready_is_said_once),
		TEST(ready_is_said_while_it_starts),
		TEST(refusals_are_told_of_devices_it_has),
		TEST(nothing_said_a_million_times_fills_the_log),
		TEST(a_verdict_is_passed_on_as_it_is),
		TEST(a_worker_that_died_is_replaced),
		TEST(a_device_goes_on_leaving_when_its_worker_dies),
		TEST(a_device_goes_on_leaving_when_its_gate_dies),
		TEST(interrupts_go_off_where_no_worker_can_follow),
		TEST(a_worker_that_repeats_itself_causes_no_looks),
		TEST(a_worker_that_keeps_a_device_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
