/* SPDX-License-Identifier: MIT */
/*
 * Lives of devices at random: taken for one guest or another, driven, reset under it,
 * given back in any order. After each round of lives every byte of every function of the
 * machine is as it was before. Runs in dom0 of a box:
 *	life_random DEVICES ROUNDS SEED DOMID DOMID
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/claim.h"
#include "backend/custody.h"
#include "common/util.h"
#include "protocol/pciif.h"

enum { LIVES_MAX = 6, OPS_MAX = 40, CONFIG_MAX = 4096 };

static struct host host = { .claims = TAILQ_HEAD_INITIALIZER(host.claims) };
static struct topology machine;
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

static struct claim *take(int i, struct talk *talk)
{
	struct problem p = { 0 };
	struct sbdf a = machine.function[i].info.sbdf;
	struct claim *claim;

	if (hypercall_assign(host.hypercall, talk->domid, a, false))
		return NULL;
	/* Some that are asked for cannot be had: another guest has one of the group. */
	claim = claim_take(&host, talk, a, any(8) ? "" : "permissive=1,interrupt_control=1", "opts-0",
			   &p);
	if (!claim)
		hypercall_deassign(host.hypercall, talk->domid, a);
	return claim;
}

static void give_back(struct claim *claim)
{
	struct sbdf a = claim->dev->info.sbdf;
	uint32_t domid = claim->irq.talk->domid;

	claim_release(claim);
	if (hypercall_deassign(host.hypercall, domid, a))
		die("deassign");
}

/* The operator's reset, in the middle of it all, by whatever method there is. */
static void reset(struct claim *claim)
{
	struct reset_result result;
	struct reset_request request = {
		.provider = provider,
		.topology = &machine,
		.function = topology_find(&machine, claim->dev->info.sbdf),
		.dev = claim->dev,
		.methods = RESET_BIT(any(RESET_METHODS_COUNT)),
		.wait = &no_wait,
	};

	reset_function(&request, &result);
}

static void interrupts(struct claim *claim)
{
	struct xen_pci_op op = { .value = any(4), .info = any(5) };

	for (unsigned k = 0; k < op.value; k++)
		op.msix_entries[k].entry = (uint16_t)any(8);
	switch (any(5)) {
	case 0:
		interrupt_enable_msi(&claim->irq, &op);
		break;
	case 1:
		interrupt_enable_msix(&claim->irq, &op);
		break;
	case 2:
		interrupt_enable_multi_msi(&claim->irq, &op);
		break;
	case 3:
		interrupt_disable_msi(&claim->irq, &op);
		break;
	default:
		interrupt_disable_msix(&claim->irq, &op);
	}
}

/* One thing that a guest, or the world, does to the device. */
static void act(struct claim *claim)
{
	static const int32_t sizes[] = { 1, 2, 4 };
	int32_t size = sizes[any(3)];
	uint32_t v;

	switch (any(12)) {
	case 0:
		interrupts(claim);
		break;
	case 1:
		if (!any(4))
			reset(claim);
		break;
	case 2:
		if (!any(4))
			claim_idle(claim);
		break;
	case 3:
		config_guest_read(claim->cfg, (int32_t)any(64) * 4, 4, &v);
		break;
	default:
		/* Mostly the header and the capabilities, where there is something to change. */
		config_guest_write(claim->cfg, (int32_t)(any(any(4) ? 256 : CONFIG_MAX)) & -size, size,
				   any(3) ? any(UINT32_MAX) : any(2) ? UINT32_MAX : 0);
	}
}

/* Several lives at once, of devices of either guest; all end. Returns how many there were. */
static unsigned live(void)
{
	struct claim *lives[LIVES_MAX];
	unsigned nr = 0, begun = 0;

	for (unsigned op = any(OPS_MAX) + 2 * LIVES_MAX; op--;) {
		int i = (int)any((uint32_t)machine.nr);

		if (nr < LIVES_MAX && is_endpoint(i) && !any(3)) {
			struct claim *claim = take(i, &talks[any(2)]);

			if (claim)
				lives[nr++] = claim;
			begun += claim != NULL;
		} else if (nr && !any(8)) {
			unsigned k = any(nr);

			give_back(lives[k]);
			lives[k] = lives[--nr];
		} else if (nr) {
			act(lives[any(nr)]);
		}
	}
	while (nr) {
		unsigned k = any(nr);

		give_back(lives[k]);
		lives[k] = lives[--nr];
	}
	return begun;
}

/* Each endpoint is taken and given back once: what that changes is the state that stays. */
static void settle(void)
{
	for (int i = 0; i < machine.nr; i++) {
		struct claim *claim = is_endpoint(i) ? take(i, &talks[0]) : NULL;

		if (claim)
			give_back(claim);
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
	host.lg = mute;
	host.reset_wait = &no_wait;
	settings_init(&host.settings);
	host.settings.allow = ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET) |
			      ASSIGNABLE_BIT(ASSIGNABLE_SMALL_BAR) |
			      ASSIGNABLE_BIT(ASSIGNABLE_UNALIGNED_BAR);
	host.hypercall = hypercall_open(lg, mute);
	provider = provider_open(argv[1], lg);
	if (!host.hypercall || !provider || topology_read(&machine, provider, lg))
		die("open");
	host.providers = &provider;
	host.nr_providers = 1;
	if (custody_init(&host))
		die("memory");
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
	custody_dispose(&host);
	topology_dispose(&machine);
	provider_close(provider);
	settings_dispose(&host.settings);
	hypercall_close(host.hypercall);
	xtl_logger_destroy(mute);
	xtl_logger_destroy(lg);
	return done != rounds;
}
