/* SPDX-License-Identifier: MIT */
/*
 * Lives of devices at random: taken for one guest or another, driven, reset under it,
 * given back in any order. After each round of lives every byte of every function of the
 * machine is as it was before, and the gate's mask allows every write that the filter makes. Runs in
 * dom0 of a box:
 *	life_random DEVICES ROUNDS SEED DOMID DOMID
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/assignment.h"
#include "backend/gate/interrupt.h"
#include "backend/gate/mask.h"
#include "backend/job/job.h"
#include "backend/supervisor/vectors.h"
#include "common/util.h"
#include "host/assignable.h"
#include "host/reset_function.h"
#include "protocol/pciif.h"

enum { LIVES_MAX = 6, OPS_MAX = 40, CONFIG_MAX = 4096 };

/* What the processes of a guest have of one device, all in this one. */
struct life {
	struct pcidev dev; /* first: the filter's, whose writes the gate judges */
	struct pcidev *real;
	struct talk *talk;
	struct sbdf sbdf;
	struct message_result taken;
	struct successor_device successor;
	struct vector_record record;
	struct interrupts irq;
	struct mask mask;
	struct config *cfg;
	bool stuck;
};

static struct env env;
static struct hypercall *hypercall;
static struct life *held[LIVES_MAX];
static struct topology machine, known;
static uint8_t *golden; /* CONFIG_MAX bytes for each function */
static struct talk talks[2];
static struct provider *provider;
static uint64_t seed;

/* xorshift: the same seed is the same story. */
static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static void no_sleep(void *context, unsigned ms)
{
	(void)context, (void)ms;
}

static const struct reset_wait no_wait = { .sleep = no_sleep, .patience_ms = 100 };

static void die(const char *what)
{
	printf("not ok %s: %s\n", what, strerror(errno));
	exit(1);
}

/* All of function i's registers into bytes. */
static void look(int i, uint8_t bytes[CONFIG_MAX])
{
	struct pcidev *dev = provider_look(provider, machine.function[i].info.sbdf);
	uint32_t v;

	if (!dev)
		die("look");
	for (unsigned at = 0; at < dev->info.config_size; at += 4) {
		pcidev_read(dev, at, 4, &v);
		memcpy(bytes + at, &v, 4);
	}
	pcidev_close(dev);
}

/* Whether the machine is as it was; tells the first byte that is not. */
static bool is_golden(unsigned round)
{
	uint8_t now[CONFIG_MAX];
	char name[SBDF_TEXT];

	for (int i = 0; i < machine.nr; i++) {
		const uint8_t *then = golden + (size_t)i * CONFIG_MAX;

		look(i, now);
		for (unsigned at = 0; at < machine.function[i].info.config_size; at++) {
			if (now[at] == then[at])
				continue;
			printf("not ok round %u: %s at %03x is %02x, was %02x\n", round,
			       sbdf_format(machine.function[i].info.sbdf, name), at, now[at],
			       then[at]);
			return false;
		}
	}
	return true;
}

static bool is_endpoint(int i)
{
	return !(topology_traits(&machine, i) & TOPOLOGY_BRIDGE);
}

static void do_job(enum job_kind kind, const struct life *l, struct message_order *o,
		   struct message_result *r)
{
	struct message_owner owners[LIVES_MAX];

	o->kind = kind;
	o->sbdf = l->sbdf;
	o->domid = l->talk->domid;
	strcpy(o->opts_node, "opts-0");
	for (unsigned i = 0; i < LIVES_MAX; i++)
		if (held[i])
			owners[o->nr_owners++] = (struct message_owner){ held[i]->sbdf,
									 held[i]->talk->domid };
	job_run(&env, hypercall, o, owners, &known, r, -1);
}

static int read_through(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	return pcidev_read(((struct life *)dev)->real, offset, size, value);
}

static int write_judged(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct life *l = (struct life *)dev;
	uint32_t old;
	int rc;

	if (pcidev_read(l->real, offset, size, &old))
		return -1;
	if (!mask_allows(&l->mask, offset, size, old, value)) {
		printf("not ok the gate refuses %u bytes at %03x: %x -> %x\n", size, offset, old, value);
		exit(1);
	}
	rc = pcidev_write(l->real, offset, size, value);
	mask_note_command(&l->mask, l->real);
	return rc;
}

static int enable_through(struct pcidev *dev, bool on)
{
	return pcidev_enable(((struct life *)dev)->real, on);
}

static const struct pcidev_ops judged = { .read = read_through, .write = write_judged,
					  .enable = enable_through };

static void map(void *context, const struct message_map *want, struct message_mapped *got)
{
	vectors_map(&((struct life *)context)->record, want, got);
}

static void unmap(void *context)
{
	vectors_unmap(&((struct life *)context)->record);
}

static void say(void *context, unsigned level, const char *text)
{
	(void)context, (void)level, (void)text;
}

/* Nothing here loses what Xen wrote. */
static int restore(void *context)
{
	(void)context;
	return 0;
}

/* The device as gate and worker open it. */
static void open_life(struct life *l, const char *opts)
{
	const struct vectors vectors = { map, unmap, say, l, restore };
	struct config_state state;
	struct assignment a;

	l->real = provider_open_device(provider, l->sbdf);
	if (!l->real)
		die("open device");
	l->dev = (struct pcidev){ .ops = &judged, .info = l->real->info };
	l->record = (struct vector_record){
		.sbdf = l->sbdf, .hypercall = hypercall, .talk = l->talk, .successor = &l->successor,
		.has_msi = l->taken.msi, .has_msix = l->taken.msix, .entries = l->taken.msix_entries,
		.base = l->taken.msix_base, .no_msix = l->taken.no_msix,
	};
	assignment_init(&a, &env.settings, &l->real->info, opts, "opts-0");
	if (mask_init(&l->mask, l->real, &a.policy.policy))
		die("mask");
	interrupt_init(&l->irq, l->real, &vectors);
	l->cfg = config_open(&l->dev, &a.policy.policy);
	if (!l->cfg)
		die("filter");
	config_save_state(l->cfg, &state);
	state.command = state.command_home = l->taken.command;
	if (config_load_state(l->cfg, &state))
		die("shadow");
}

static struct life *take(int i, struct talk *talk)
{
	struct message_order order = { 0 };
	struct life *l = calloc(1, sizeof(*l));

	if (!l)
		die("memory");
	l->talk = talk;
	l->sbdf = machine.function[i].info.sbdf;
	if (hypercall_assign(hypercall, talk->domid, l->sbdf, false)) {
		free(l);
		return NULL;
	}
	if (!any(8))
		strcpy(order.opts, "permissive=1,interrupt_control=1");
	/* Some that are asked for cannot be had: another guest has one of the group. */
	do_job(JOB_TAKE, l, &order, &l->taken);
	if (l->taken.err) {
		hypercall_deassign(hypercall, talk->domid, l->sbdf);
		free(l);
		return NULL;
	}
	open_life(l, order.opts);
	return l;
}

static void give_back(struct life *l)
{
	struct message_order order = { .prepared = l->taken.prepared, .raw = l->taken.raw };
	struct message_result result;

	interrupt_release(&l->irq);
	config_close(l->cfg);
	mask_dispose(&l->mask);
	pcidev_close(l->real);
	memcpy(order.saved, l->taken.saved, sizeof(order.saved));
	order.raw = true; /* decoding as it was, so that every byte can be compared */
	do_job(JOB_GIVE_BACK, l, &order, &result);
	if (result.err)
		die("give back");
	if (hypercall_deassign(hypercall, l->talk->domid, l->sbdf))
		die("deassign");
	free(l);
}

/* Its guest is away, and comes back. */
static void idle(struct life *l)
{
	struct config_state state;

	interrupt_release(&l->irq);
	config_reset(l->cfg);
	config_save_state(l->cfg, &state);
	if (config_load_state(l->cfg, &state))
		die("reload");
}

/* The operator's reset, in the middle of it all, by whatever method there is. */
static void reset(struct life *l)
{
	struct reset_result result;
	struct reset_request request = {
		.provider = provider,
		.topology = &machine,
		.function = topology_find(&machine, l->sbdf),
		.dev = l->real,
		.methods = RESET_BIT(any(RESET_METHODS_COUNT)),
		.wait = &no_wait,
	};

	reset_function(&request, &result);
}

static void interrupts(struct life *l)
{
	struct xen_pci_op op = { .value = any(4), .info = any(5) };

	for (unsigned k = 0; k < op.value; k++)
		op.msix_entries[k].entry = (uint16_t)any(8);
	switch (any(5)) {
	case 0:
		interrupt_enable_msi(&l->irq, &op, false);
		break;
	case 1:
		interrupt_enable_msix(&l->irq, &op, false);
		break;
	case 2:
		interrupt_enable_multi_msi(&l->irq, &op, false);
		break;
	case 3:
		interrupt_disable_msi(&l->irq, &op);
		break;
	default:
		interrupt_disable_msix(&l->irq, &op);
	}
	mask_note_command(&l->mask, l->real);
}

/* One thing that a guest, or the world, does to the device. */
static void act(struct life *l)
{
	static const int32_t sizes[] = { 1, 2, 4 };
	int32_t size = sizes[any(3)];
	uint32_t v;

	switch (any(12)) {
	case 0:
		interrupts(l);
		break;
	case 1:
		if (!any(4))
			reset(l);
		break;
	case 2:
		if (!any(4))
			idle(l);
		break;
	case 3:
		config_guest_read(l->cfg, (int32_t)any(64) * 4, 4, &v);
		break;
	default:
		/* Mostly the header and the capabilities, where there is something to change. */
		config_guest_write(l->cfg, (int32_t)(any(any(4) ? 256 : CONFIG_MAX)) & -size, size,
				   any(3) ? any(UINT32_MAX) : any(2) ? UINT32_MAX : 0);
	}
}

static void end_one(unsigned k)
{
	give_back(held[k]);
	held[k] = NULL;
}

/* Several lives at once, of devices of either guest; all end. Returns how many there were. */
static unsigned live(void)
{
	unsigned begun = 0;

	for (unsigned op = any(OPS_MAX) + 2 * LIVES_MAX; op--;) {
		int i = (int)any((uint32_t)machine.nr);
		unsigned k = any(LIVES_MAX);

		if (!held[k] && is_endpoint(i) && !any(3)) {
			held[k] = take(i, &talks[any(2)]);
			begun += held[k] != NULL;
		} else if (held[k] && !any(8)) {
			end_one(k);
		} else if (held[k]) {
			act(held[k]);
		}
	}
	for (unsigned k = 0; k < LIVES_MAX; k++)
		if (held[k])
			end_one(k);
	return begun;
}

/* Each endpoint is taken and given back once: what that changes is the state that stays. */
static void settle(void)
{
	for (int i = 0; i < machine.nr; i++) {
		struct life *l = is_endpoint(i) ? take(i, &talks[0]) : NULL;

		if (l)
			give_back(l);
	}
	golden = calloc((size_t)machine.nr + 1, CONFIG_MAX);
	if (!golden)
		die("memory");
	for (int i = 0; i < machine.nr; i++)
		look(i, golden + (size_t)i * CONFIG_MAX);
}

int main(int argc, char **argv)
{
	xentoollog_logger *lg =
		(xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
	xentoollog_logger *mute =
		(xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	unsigned rounds, done = 0, lives = 0;

	if (argc != 6)
		return 2;
	rounds = (unsigned)strtoul(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10) * 2654435761u + 88172645463325252u;
	env.lg = mute;
	env.mute = mute;
	env.state_dir = "/nonexistent";
	env.reset_wait = &no_wait;
	settings_init(&env.settings);
	env.settings.allow = ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET) |
			      ASSIGNABLE_BIT(ASSIGNABLE_SMALL_BAR) |
			      ASSIGNABLE_BIT(ASSIGNABLE_UNALIGNED_BAR);
	hypercall = hypercall_open(lg, mute);
	provider = provider_open(argv[1], lg);
	if (!hypercall || !provider || topology_read(&machine, provider, lg))
		die("open");
	env.providers = &provider;
	env.nr_providers = 1;
	talk_init(&talks[0], mute, (uint32_t)strtoul(argv[4], NULL, 10));
	talk_init(&talks[1], mute, (uint32_t)strtoul(argv[5], NULL, 10));
	settle();
	for (; done < rounds; done++) {
		lives += live();
		if (!is_golden(done))
			break;
	}
	printf("%s %u rounds, %u lives, seed %s: every byte is as it was\n",
	       done == rounds ? "ok" : "not ok", done, lives, argv[3]);
	free(golden);
	topology_dispose(&known);
	topology_dispose(&machine);
	provider_close(provider);
	settings_dispose(&env.settings);
	hypercall_close(hypercall);
	xtl_logger_destroy(mute);
	xtl_logger_destroy(lg);
	return done != rounds;
}
