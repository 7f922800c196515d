/* SPDX-License-Identifier: MIT */
#include "tests/model/world.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/recovery.h"
#include "common/util.h"

#define DUMP "image:tests/dumps/bench.txt"

struct world world;
static struct env env;
static struct machine machine;
static struct provider *provider;
/* Written and never read but for what says that a worker sleeps; one for all. */
static struct ledger ledger;

void world_break(const char *fmt, ...)
{
	va_list ap;

	if (world.broken[0])
		return;
	va_start(ap, fmt);
	vsnprintf(world.broken, sizeof(world.broken), fmt, ap);
	va_end(ap);
}

int world_device_at(struct sbdf a)
{
	for (int i = 0; i < WORLD_DEVICES; i++)
		if (sbdf_equal(world.device[i].sbdf, a))
			return i;
	return -1;
}

/* ---- The hypervisor ---- */

int hypercall_domain_suspended(struct hypercall *hc, uint32_t domid)
{
	(void)hc;
	(void)domid;
	return 0;
}

int hypercall_domain_halted(struct hypercall *hc, uint32_t domid)
{
	unsigned i = domid - WORLD_FIRST_DOMID;

	(void)hc;
	return i < WORLD_GUESTS && (world.halted[i] || !world.introduced[i]);
}

/* No life is told from another by Xen, nor by xenstore: all with one number are one. */
int hypercall_domain_handle(struct hypercall *hc, uint32_t domid, uint8_t handle[16])
{
	(void)hc;
	(void)domid;
	memset(handle, 0, 16);
	return 1;
}

int hypercall_domain_is_hvm(struct hypercall *hc, uint32_t domid)
{
	(void)hc;
	(void)domid;
	return 0;
}

int hypercall_domains_running(struct hypercall *hc, bool *running, uint32_t nr)
{
	(void)hc;
	memset(running, 0, nr);
	for (unsigned i = 0; i < WORLD_GUESTS; i++)
		running[WORLD_FIRST_DOMID + i] = world.introduced[i] && !world.halted[i];
	return 0;
}

static int map(uint32_t domid, struct sbdf a, uint32_t count, uint32_t *pirq)
{
	int d = world_device_at(a);

	if (domid - WORLD_FIRST_DOMID >= WORLD_GUESTS || !world.introduced[domid - WORLD_FIRST_DOMID])
		return fail(ESRCH);
	if (d < 0 || world.device[d].owner != domid)
		world_break("a vector of a device that guest %u does not have", domid);
	for (unsigned at = WORLD_PIRQS - count; at && at < WORLD_PIRQS; at--) {
		bool taken = false;

		for (unsigned i = 0; i < count; i++)
			taken |= world.pirq[at + i].domid != 0;
		if (taken)
			continue;
		for (unsigned i = 0; d >= 0 && i < count; i++) {
			world.pirq[at + i].domid = (uint16_t)domid;
			world.pirq[at + i].device = (uint8_t)d;
		}
		*pirq = at;
		return 0;
	}
	return fail(ENOSPC);
}

int hypercall_map_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, int entry,
		      uint64_t table_base, uint32_t *pirq)
{
	(void)hc;
	(void)entry;
	(void)table_base;
	return map(domid, a, 1, pirq);
}

int hypercall_map_multi_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, uint32_t *count,
			    uint32_t *pirq)
{
	(void)hc;
	return map(domid, a, *count, pirq);
}

int hypercall_unmap_pirq(struct hypercall *hc, uint32_t domid, uint32_t pirq)
{
	(void)hc;
	if (pirq >= WORLD_PIRQS || world.pirq[pirq].domid != domid)
		return fail(EINVAL);
	memset(&world.pirq[pirq], 0, sizeof(world.pirq[0]));
	return 0;
}

int hypercall_restore_msi(struct hypercall *hc, struct sbdf a)
{
	(void)hc;
	(void)a;
	return 0;
}

int hypercall_pause(struct hypercall *hc, uint32_t domid)
{
	(void)hc;
	(void)domid;
	return 0;
}

int hypercall_destroy(struct hypercall *hc, uint32_t domid)
{
	return hypercall_pause(hc, domid);
}

/* ---- What there is none of ---- */

bool kernel_backend_serves(const struct kernel_backend *t, uint32_t domid, uint32_t devid)
{
	(void)devid;
	(void)t;
	(void)domid;
	return false;
}

bool kernel_backend_serves_any(const struct kernel_backend *t)
{
	(void)t;
	return false;
}

int loop_once(struct loop *l, struct source *s, int fd, source_ready *ready)
{
	(void)l;
	s->fd = fd;
	s->ready = ready;
	return 0;
}

void loop_drop(struct loop *l, struct source *s)
{
	(void)l;
	s->ready = NULL;
}

static int some_fd(void)
{
	return world.fake_fds ? WORLD_FD : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int ledger_open(struct successor *m, struct guest_id id, bool keep, struct ledger **out, int *fd)
{
	(void)m;
	(void)id;
	(void)keep;
	*out = &ledger;
	*fd = some_fd();
	return 0;
}

void ledger_close(struct ledger *l, int fd)
{
	(void)l;
	close_keep(fd);
}

int ledger_remove(struct successor *m, struct guest_id id)
{
	(void)m;
	(void)id;
	return 0;
}

void ledger_fresh(struct ledger *l, unsigned slot, uint16_t command)
{
	(void)l;
	(void)slot;
	(void)command;
}

/* ---- Processes, as the supervisor sees them ---- */

void processes_prepare(struct processes *all)
{
	(void)all;
}

struct process *process_start(struct processes *all, enum role role, const struct process_owner *owner,
			      void *context)
{
	struct world_process *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->p.all = all;
	w->p.role = role;
	w->p.id = all->next_id++;
	w->p.owner = owner;
	w->p.context = context;
	w->p.sock = -1;
	TAILQ_INSERT_TAIL(&world.processes, w, of_world);
	return &w->p;
}

static struct world_process *of(struct process *p)
{
	return (struct world_process *)p;
}

void process_send_tail(struct process *p, const struct message *m, const int *fds, unsigned nr,
		       const void *tail, size_t len)
{
	struct world_process *w = of(p);
	struct world_word *word;

	(void)fds;
	(void)nr;
	(void)tail;
	(void)len;
	if (w->dead || m->kind == MESSAGE_CONNECT || m->kind == MESSAGE_MAPPED ||
	    (m->kind == MESSAGE_ANSWER && w->p.role == ROLE_GATE))
		return; /* nothing is waited for */
	if (w->nr == WORLD_INBOX) {
		w->dead = true; /* as a process that does not take what it is sent */
		return;
	}
	word = &w->inbox[w->nr++];
	*word = (struct world_word){ .kind = (uint8_t)m->kind, .slot = (uint8_t)m->slot };
	if (m->kind == MESSAGE_ORDER) {
		word->order = (uint8_t)m->u.order.kind;
		word->device = (uint8_t)world_device_at(m->u.order.sbdf);
		word->domid = (uint16_t)m->u.order.domid;
		word->pristine = m->u.order.pristine.known;
	} else if (m->kind == MESSAGE_HOLD) {
		word->device = (uint8_t)world_device_at(m->u.hold.sbdf);
	} else if (m->kind == MESSAGE_ADD) {
		word->device = (uint8_t)world_device_at(m->u.add.info.sbdf);
	}
}

void process_send(struct process *p, const struct message *m, const int *fds, unsigned nr)
{
	process_send_tail(p, m, fds, nr, NULL, 0);
}

void process_kill(struct process *p)
{
	if (p)
		world_die(of(p));
}

void process_reject(struct process *p)
{
	process_kill(p);
}

static void forget(struct world_process *w)
{
	TAILQ_REMOVE(&world.processes, w, of_world);
	free(w);
}

void process_disown(struct process *p)
{
	if (p)
		forget(of(p));
}

/* ---- Beginning and end ---- */

void world_init(bool fake_fds)
{
	static const struct reset_wait *no_wait;

	memset(&world, 0, sizeof(world));
	world.fake_fds = fake_fds;
	settings_init(&env.settings);
	provider = provider_open(DUMP, NULL);
	if (!provider || topology_read(&machine.topology, provider, NULL)) {
		fprintf(stderr, "%s cannot be read: run it in the tree's root\n", DUMP);
		exit(2);
	}
	machine.fd = -1;
	env.providers = &provider;
	env.nr_providers = 1;
	env.reset_wait = no_wait;
	env.instance = env.keeper = -1;
	TAILQ_INIT(&world.processes);
	if (sbdf_parse("0000:00:04.0", &world.device[0].sbdf) ||
	    sbdf_parse("0000:05:00.0", &world.device[1].sbdf))
		abort();
}

/* The handle: anything but NULL, which would mean that nothing is remembered. */
#define HANDLE ((struct xs_handle *)&world)

void world_start(void)
{
	struct backend *be = &world.be;

	memset(be, 0, sizeof(*be));
	be->env = &env;
	be->upward = &upward_all;
	be->machine = &machine;
	be->xen.xs = be->xen.watches = HANDLE;
	be->successor.xs = HANDLE;
	snprintf(be->successor.dir, sizeof(be->successor.dir), "/local/domain/0/xenpci");
	snprintf(be->root, sizeof(be->root), "/local/domain/0/backend/pci");
	TAILQ_INIT(&be->claims);
	TAILQ_INIT(&be->handovers);
	be->now_ns = now_ns();
	schedule_init(&be->schedule);
	if (watches_open(&world.watches, be))
		abort();
}

static void forget_events(void)
{
	while (world.nr_events)
		free(world.event[--world.nr_events].path);
}

/* A job that was not through when its guest's supervisor died did nothing; what the guest had unseen is free. */
static void release_unremembered(void)
{
	for (unsigned i = 0; i < WORLD_DEVICES; i++) {
		struct world_device *d = &world.device[i];
		char path[160], bdf[NODE_VALUE_MAX];

		snprintf(path, sizeof(path), "/local/domain/0/xenpci/guests/%u/%s", d->owner,
			 node_bdf_format(d->sbdf, bdf));
		if (d->owner && !world_read(path))
			d->owner = 0;
	}
}

void world_kill(void)
{
	struct world_process *w;

	watches_close(&world.watches);
	while ((w = TAILQ_FIRST(&world.processes)))
		forget(w);
	for (struct claim *c; (c = TAILQ_FIRST(&world.be.claims));)
		claim_free(c);
	memset(&world.be, 0, sizeof(world.be));
	memset(&world.watches, 0, sizeof(world.watches));
	world.nr_watches = 0;
	memset(world.watch, 0, sizeof(world.watch));
	forget_events();
	release_unremembered();
}

void world_clear(void)
{
	forget_events();
	while (world.nr_nodes) {
		free(world.node[--world.nr_nodes].path);
		free(world.node[world.nr_nodes].value);
	}
	for (unsigned i = 0; i < WORLD_DEVICES; i++) {
		world.device[i].owner = 0;
		world.device[i].used = false;
	}
	memset(world.pirq, 0, sizeof(world.pirq));
	memset(world.introduced, 0, sizeof(world.introduced));
	memset(world.halted, 0, sizeof(world.halted));
	world.broken[0] = '\0';
}

/* ---- The supervisor's own turns ---- */

bool world_hears_events(void)
{
	return world.nr_events > 0 && !watches_drain(&world.watches);
}

bool world_has_dirty(void)
{
	return !TAILQ_EMPTY(&world.be.schedule.dirty);
}

void world_look(void)
{
	watches_update_one(&world.watches);
}

void world_say(struct world_process *w, const struct message *m, bool with_fd)
{
	int fds[MESSAGE_FDS_MAX] = { -1, -1 };

	if (with_fd)
		fds[0] = some_fd();
	w->p.owner->heard(w->p.context, m, fds);
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++)
		close_keep(fds[i]);
}
