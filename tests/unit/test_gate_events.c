/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a virtual device, through the door of backend/gate/events.h: what its program is asked for, and which
 * ports the guest gets. Xen's event channels are a few lines here, and so is the program.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/gate/events.h"

enum { DOMID = 7, HANDLES = 8, PORTS = 512, FIRST = 20, MANY = 3 };

struct xenevtchn_handle {
	bool open, restricted;
	int fd;
	evtchn_port_t pending; /* 0: none */
};

static struct {
	struct xenevtchn_handle handle[HANDLES];
	struct xenevtchn_handle *owner[PORTS];
	unsigned sent[PORTS];
	bool skip[PORTS];	     /* somebody else has it */
	int fail_open, fail_restrict; /* errno */
	unsigned room;		     /* ports that are left */
	unsigned unmasked;
} xen;

/* The device's program. */
static struct {
	int fd[PCIDEV_MSIX + 1][SH_INFO_MAX_VEC];
	unsigned offs[PCIDEV_MSIX + 1], eois;
	int no_line;	  /* errno of all that is asked of the line */
	int refuse;	  /* errno of a PCIDEV_VECTOR_ON */
	unsigned refused; /* that many are granted before */
} program;

xenevtchn_handle *xenevtchn_open(xentoollog_logger *lg, unsigned flags)
{
	(void)lg;
	(void)flags;
	for (unsigned i = 0; i < HANDLES && !xen.fail_open; i++) {
		if (xen.handle[i].open)
			continue;
		xen.handle[i] = (struct xenevtchn_handle){ .open = true, .fd = eventfd(0, EFD_CLOEXEC) };
		return &xen.handle[i];
	}
	errno = xen.fail_open ? xen.fail_open : EMFILE;
	return NULL;
}

int xenevtchn_close(xenevtchn_handle *h)
{
	assert_true(h->open);
	h->open = false;
	close(h->fd);
	for (unsigned i = 0; i < PORTS; i++)
		if (xen.owner[i] == h)
			xen.owner[i] = NULL;
	errno = EBADF; /* nobody may tell this for what went wrong before */
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
	assert_int_equal(domid, DOMID);
	assert_true(h->open && !h->restricted);
	for (evtchn_port_t i = FIRST; i < PORTS && xen.room; i++) {
		if (xen.owner[i] || xen.skip[i])
			continue;
		xen.owner[i] = h;
		xen.room--;
		return (xenevtchn_port_or_error_t)i;
	}
	errno = ENOSPC;
	return -1;
}

int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	assert_ptr_equal(xen.owner[port], h);
	xen.owner[port] = NULL;
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *h, domid_t domid)
{
	assert_int_equal(domid, DOMID);
	h->restricted = !xen.fail_restrict;
	errno = xen.fail_restrict;
	return xen.fail_restrict ? -1 : 0;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	assert_ptr_equal(xen.owner[port], h);
	xen.sent[port]++;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	uint64_t count;

	assert_true(fcntl(h->fd, F_GETFL) & O_NONBLOCK);
	return read(h->fd, &count, sizeof(count)) < 0 ? -1 : (xenevtchn_port_or_error_t)h->pending;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	assert_int_equal(h->pending, port);
	xen.unmasked++;
	return 0;
}

static int vector(struct pcidev *dev, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr, int eventfd)
{
	int err = 0;

	(void)dev;
	assert_true(nr < SH_INFO_MAX_VEC);
	assert_int_equal(eventfd >= 0, what == PCIDEV_VECTOR_ON);
	if (kind == PCIDEV_INTX)
		err = program.no_line;
	else if (what == PCIDEV_VECTOR_ON && program.refuse && !program.refused--)
		err = program.refuse;
	if (err) {
		errno = err;
		return -1;
	}
	if (what == PCIDEV_VECTOR_ON) {
		program.fd[kind][nr] = eventfd;
	} else if (what == PCIDEV_VECTOR_OFF) {
		program.offs[kind]++;
		memset(program.fd[kind], 0xff, sizeof(program.fd[kind]));
	} else {
		assert_int_equal(kind, PCIDEV_INTX);
		program.eois++;
	}
	return 0;
}

static const struct pcidev_ops ops = { .vector = vector };
static const struct pcidev_ops deaf = { .vector = NULL };

struct bench {
	struct pcidev dev;
	struct events e;
};

static unsigned ports(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PORTS; i++)
		n += !!xen.owner[i];
	return n;
}

static unsigned handles(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HANDLES; i++)
		n += xen.handle[i].open;
	return n;
}

static int setup(void **state)
{
	static struct bench b;

	memset(&xen, 0, sizeof(xen));
	xen.room = PORTS;
	memset(&program, 0, sizeof(program));
	memset(program.fd, 0xff, sizeof(program.fd));
	memset(&b, 0, sizeof(b));
	b.dev.ops = &ops;
	b.dev.info.is_virtual = true;
	events_none(&b.e);
	*state = &b;
	return 0;
}

/* Whatever a test did: what is disposed of leaves nothing, and may be disposed of again. */
static int teardown(void **state)
{
	struct bench *b = *state;

	errno = ENODATA;
	events_dispose(&b->e);
	events_dispose(&b->e);
	if (errno != ENODATA || ports() || handles() || events_fd(&b->e) != -1)
		return -1;
	return 0;
}

static void begin(struct bench *b)
{
	assert_int_equal(events_init(&b->e, &b->dev, DOMID, NULL), 0);
	assert_true(events_fd(&b->e) >= 0);
}

static struct message_mapped ask(struct bench *b, const struct message_map *want)
{
	struct message_mapped got;

	memset(&got, 0xff, sizeof(got));
	events_map(&b->e, want, &got);
	return got;
}

static const struct message_map msi = { .mode = VECTORS_MSI }, multi = { .mode = VECTORS_MSI, .multi = 4 },
				msix = { .mode = VECTORS_MSIX, .nr = MANY, .entry = { 4, 0, 2 } };

static void raise_one(int fd)
{
	assert_int_equal(eventfd_write(fd, 1), 0);
}

static bool has_work(const struct bench *b)
{
	struct pollfd p = { .fd = events_fd(&b->e), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void only_virtual_devices_have_them(void **state)
{
	struct bench *b = *state;

	b->dev.info.is_virtual = false;
	assert_int_equal(events_init(&b->e, &b->dev, DOMID, NULL), -1);
	assert_int_equal(errno, ENOTTY);
	b->dev.info.is_virtual = true;
	b->dev.ops = &deaf;
	assert_int_equal(events_init(&b->e, &b->dev, DOMID, NULL), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(handles(), 0);
}

static void the_line_is_forwarded_and_ended_by_the_guest(void **state)
{
	struct bench *b = *state;

	begin(b);
	assert_int_equal(b->dev.info.irq, FIRST);
	assert_true(xen.owner[FIRST]->restricted);
	assert_false(has_work(b));
	raise_one(program.fd[PCIDEV_INTX][0]);
	assert_true(has_work(b));
	events_turn(&b->e);
	assert_int_equal(xen.sent[FIRST], 1);
	assert_false(has_work(b));

	/* Another port is nobody's end of interrupt. */
	xen.owner[FIRST]->pending = FIRST + 1;
	raise_one(xen.owner[FIRST]->fd);
	events_turn(&b->e);
	assert_int_equal(program.eois, 0);
	xen.owner[FIRST]->pending = FIRST;
	raise_one(xen.owner[FIRST]->fd);
	events_turn(&b->e);
	assert_int_equal(program.eois, 1);
	assert_int_equal(xen.unmasked, 2);
	assert_false(has_work(b));
}

static void a_line_is_never_told_as_255(void **state)
{
	struct bench *b = *state;

	for (unsigned i = FIRST; i < 255; i++)
		xen.skip[i] = true;
	begin(b);
	assert_int_equal(b->dev.info.irq, 256);
	assert_int_equal(ports(), 1);
}

static void a_device_without_a_line_has_vectors(void **state)
{
	struct bench *b = *state;
	struct message_mapped got;

	program.no_line = ENXIO;
	begin(b);
	assert_int_equal(handles(), 0);
	got = ask(b, &msi);
	assert_int_equal(got.err, 0);
	raise_one(program.fd[PCIDEV_MSI][0]);
	events_turn(&b->e);
	assert_int_equal(xen.sent[got.pirq[0]], 1);
}

static void what_fails_at_the_beginning_leaves_nothing(void **state)
{
	struct bench *b = *state;
	const int errors[] = { EMFILE, EPERM, ENOSPC, ETIMEDOUT };
	int *const at[] = { &xen.fail_open, &xen.fail_restrict, NULL, &program.no_line };

	for (unsigned i = 0; i < 4; i++) {
		setup(state);
		if (at[i])
			*at[i] = errors[i];
		else
			xen.room = 0;
		assert_int_equal(events_init(&b->e, &b->dev, DOMID, NULL), -1);
		assert_int_equal(errno, errors[i]);
		assert_int_equal(ports() + handles(), 0);
		assert_int_equal(events_fd(&b->e), -1);
	}
	/* A kernel that cannot restrict is as good as there is. */
	setup(state);
	xen.fail_restrict = ENOTTY;
	begin(b);
}

static void each_entry_has_its_port(void **state)
{
	struct bench *b = *state;
	struct message_mapped got;

	begin(b);
	got = ask(b, &msix);
	assert_int_equal(got.err, 0);
	assert_false(got.again);
	for (unsigned i = 0; i < MANY; i++) {
		raise_one(program.fd[PCIDEV_MSIX][msix.entry[i]]);
		events_turn(&b->e);
		for (unsigned j = 0; j < MANY; j++)
			assert_int_equal(xen.sent[got.pirq[j]], j <= i);
		assert_true(xen.owner[got.pirq[i]]->restricted);
	}
	events_unmap(&b->e);
	assert_int_equal(program.offs[PCIDEV_MSIX], 1);
	assert_int_equal(ports(), 1);
	/* The line is forwarded all the time. */
	raise_one(program.fd[PCIDEV_INTX][0]);
	events_turn(&b->e);
	assert_int_equal(xen.sent[FIRST], 1);
	events_unmap(&b->e);
	assert_int_equal(program.offs[PCIDEV_MSIX], 1);
}

static void several_messages_stand_in_a_row(void **state)
{
	struct bench *b = *state;
	struct message_mapped got;

	begin(b);
	xen.skip[FIRST + 3] = xen.skip[FIRST + 5] = true;
	got = ask(b, &multi);
	assert_int_equal(got.err, 0);
	for (unsigned i = 0; i < multi.multi; i++)
		assert_int_equal(got.pirq[i], FIRST + 6 + i);
	assert_int_equal(ports(), 1 + multi.multi);
	events_unmap(&b->e);

	/* Every second one is somebody else's: the search ends. */
	for (unsigned i = 0; i < PORTS; i++)
		xen.skip[i] = i % 2;
	got = ask(b, &multi);
	assert_int_equal(got.err, ENOSPC);
	assert_int_equal(ports(), 1);
}

static void the_same_is_answered_again_and_another_is_busy(void **state)
{
	struct bench *b = *state;
	struct message_map again = msix, other = msix;
	struct message_mapped before, got;

	begin(b);
	before = ask(b, &msix);
	again.first = other.first = 1;
	got = ask(b, &again);
	assert_int_equal(got.err, 0);
	assert_true(got.again);
	assert_memory_equal(got.pirq, before.pirq, sizeof(got.pirq));
	other.entry[1] = 1;
	got = ask(b, &other);
	assert_int_equal(got.err, EBUSY);
	assert_false(got.again);
	got = ask(b, &msix);
	assert_int_equal(got.err, EBUSY);
	got = ask(b, &multi);
	assert_int_equal(got.err, EBUSY);
	assert_int_equal(ports(), 1 + MANY);
}

static void too_many_and_none_are_refused(void **state)
{
	struct bench *b = *state;
	struct message_map want = { .mode = VECTORS_MSIX, .nr = SH_INFO_MAX_VEC + 1 };

	begin(b);
	assert_int_equal(ask(b, &want).err, EINVAL);
	want.nr = 0;
	assert_int_equal(ask(b, &want).err, EINVAL);
	want = (struct message_map){ .mode = VECTORS_MSI, .multi = UINT32_MAX };
	assert_int_equal(ask(b, &want).err, EINVAL);
	assert_int_equal(ports(), 1);
}

/* A program that grants some and no more, or that has answered nothing in its time. */
static void a_program_that_stops_midway_leaves_the_device_free(void **state)
{
	struct bench *b = *state;

	begin(b);
	for (unsigned granted = 0; granted < MANY; granted++) {
		program.refuse = ETIMEDOUT;
		program.refused = granted;
		assert_int_equal(ask(b, &msix).err, ETIMEDOUT);
		assert_int_equal(ports(), 1);
		assert_int_equal(handles(), 1);
		assert_int_equal(program.offs[PCIDEV_MSIX], granted + 1);
		program.refuse = 0;
	}
	assert_int_equal(ask(b, &msix).err, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(only_virtual_devices_have_them),
		TEST(the_line_is_forwarded_and_ended_by_the_guest),
		TEST(a_line_is_never_told_as_255),
		TEST(a_device_without_a_line_has_vectors),
		TEST(what_fails_at_the_beginning_leaves_nothing),
		TEST(each_entry_has_its_port),
		TEST(several_messages_stand_in_a_row),
		TEST(the_same_is_answered_again_and_another_is_busy),
		TEST(too_many_and_none_are_refused),
		TEST(a_program_that_stops_midway_leaves_the_device_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
