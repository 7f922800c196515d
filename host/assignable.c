/* SPDX-License-Identifier: MIT */
#include "host/assignable.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "host/pciback.h"
#include "host/reset_offer.h"
#include "common/text.h"
#include "common/util.h"

#define PAGE 4096u /* what Xen maps for a guest, on x86 */

static const struct {
	const char *name;
	bool overridable;
	const char *wrong;
	const char *remedy;
} rules[] = {
#define X(id, name, overridable, wrong, remedy) { name, overridable, wrong, remedy },
	ASSIGNABLE_RULES(X)
#undef X
};

/* Drivers that keep the host's hands off a device and do nothing with it. */
static const char *const holders[] = { "", "pciback", "pci-stub" };

bool assignable_is_holder(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		if (!strcmp(driver, holders[i]))
			return true;
	}
	return false;
}

unsigned assignable_rules_parse(const char *name)
{
	unsigned set = 0;

	for (unsigned r = 0; r < ASSIGNABLE_RULES_COUNT; r++) {
		if (rules[r].overridable && (!strcmp(name, rules[r].name) || !strcmp(name, "all")))
			set |= ASSIGNABLE_BIT(r);
	}
	return set;
}

const char *assignable_rule_name(enum assignable_rule rule)
{
	return rules[rule].name;
}

/* One judgement in the making. */
struct judge {
	const struct topology *t;
	int i;
	const struct topology_function *fn; /* i's */
	uint32_t domid;
	unsigned allow;
	struct assignable *out;
};

/* The rule is broken; its refusal, so that others can be named. */
static struct assignable_refusal *refuse(struct judge *j, enum assignable_rule rule, int bar)
{
	struct assignable_refusal *r = &j->out->refusal[j->out->nr];

	if (j->out->nr && r[-1].rule == rule)
		return &r[-1];
	j->out->nr++;
	*r = (struct assignable_refusal){
		.rule = rule,
		.bar = bar,
		.allowed = rules[rule].overridable && j->allow & ASSIGNABLE_BIT(rule),
	};
	if (!r->allowed)
		j->out->refused++;
	return r;
}

static void involve(struct assignable_refusal *r, int other)
{
	for (unsigned k = 0; k < r->nr_others && k < ASSIGNABLE_OTHERS_MAX; k++) {
		if (r->others[k] == other)
			return;
	}
	if (r->nr_others < ASSIGNABLE_OTHERS_MAX)
		r->others[r->nr_others] = other;
	r->nr_others++;
}

/* In the hands of another guest, or of a driver of the host. */
static bool is_anothers(const struct judge *j, int other)
{
	const struct topology_function *fn = &j->t->function[other];

	if (fn->guest != TOPOLOGY_NO_GUEST)
		return fn->guest != j->domid;
	return !assignable_is_holder(fn->driver);
}

/* Intel's volume management device has a bus of its own behind it (Linux's driver vmd). */
static bool is_vmd(const struct pcidev_info *info)
{
	static const uint16_t ids[] = { 0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b,
					0xa77f, 0xad0b, 0xb06f, 0xb07f, 0xb60b };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (info->vendor == 0x8086 && info->device == ids[i])
			return true;
	}
	return false;
}

/* Where there are several, nothing that a topology has tells which of them it is. */
static void name_vmd(struct judge *j, struct assignable_refusal *r)
{
	for (int k = 0; k < j->t->nr; k++) {
		if (is_vmd(&j->t->function[k].info))
			involve(r, k);
	}
}

static void judge_itself(struct judge *j)
{
	if (j->fn->info.caps_unseen)
		j->out->notes |= 1u << ASSIGNABLE_NOTE_CAPS_UNSEEN;
	if (topology_traits(j->t, j->i) & TOPOLOGY_BRIDGE)
		refuse(j, ASSIGNABLE_BRIDGE, -1);
	if (j->fn->info.sbdf.segment > UINT16_MAX)
		name_vmd(j, refuse(j, ASSIGNABLE_SEGMENT, -1));
	if (j->fn->dead)
		refuse(j, j->fn->d3cold ? ASSIGNABLE_ASLEEP : ASSIGNABLE_DEAD, -1);
	if (j->fn->d3hot && j->fn->guest == TOPOLOGY_NO_GUEST)
		j->out->notes |= 1u << ASSIGNABLE_NOTE_ASLEEP;
	if (j->fn->quarantined)
		refuse(j, ASSIGNABLE_QUARANTINE, -1);
	if (!assignable_is_holder(j->fn->driver))
		involve(refuse(j, ASSIGNABLE_HOST_DRIVER, -1), j->i);
	else if (j->fn->os && strcmp(j->fn->driver, PCIBACK_DRIVER))
		refuse(j, ASSIGNABLE_NOT_HELD, -1);
	if (j->fn->guest != TOPOLOGY_NO_GUEST && j->fn->guest != j->domid)
		involve(refuse(j, ASSIGNABLE_OTHER_GUEST, -1), j->i);
}

/* Whether what resets function i may reset its slot's others, too. FLR of either kind does not. */
static bool binds_slot(const struct topology *t, int i)
{
	return topology_traits(t, i) & TOPOLOGY_EXPRESS && !reset_offered_alone(t, i);
}

/*
 * Whoever lacks FLR binds the slot, whichever of them is given first. What the host drives is reset
 * by nobody, so that it binds no other.
 */
static void judge_slot(struct judge *j)
{
	bool binds = binds_slot(j->t, j->i);

	for (int k = 0; k < j->t->nr; k++) {
		if (!topology_same_slot(j->t, j->i, k) || !is_anothers(j, k) ||
		    topology_traits(j->t, k) & TOPOLOGY_BRIDGE)
			continue;
		if (binds || (j->t->function[k].guest != TOPOLOGY_NO_GUEST && binds_slot(j->t, k)))
			involve(refuse(j, ASSIGNABLE_SLOT, -1), k);
	}
}

static void judge_pci_bus(struct judge *j)
{
	int bridge = topology_uppermost_pci_bridge(j->t, j->i);

	if (bridge == TOPOLOGY_NONE)
		return;
	for (int k = 0; k < j->t->nr; k++) {
		if (k != j->i && topology_is_below(j->t, k, bridge) && is_anothers(j, k) &&
		    !(topology_traits(j->t, k) & TOPOLOGY_BRIDGE))
			involve(refuse(j, ASSIGNABLE_PCI_BUS, -1), k);
	}
}

/* The host keeps a physical function and gives virtual ones away: that is what they are for. */
static void judge_sriov(struct judge *j)
{
	for (int k = 0; k < j->t->nr; k++) {
		uint32_t guest = j->t->function[k].guest;

		if (k == j->i || !topology_pf_and_vf(j->t, j->i, k))
			continue;
		if (j->fn->pf == k ? guest != TOPOLOGY_NO_GUEST && guest != j->domid :
				     is_anothers(j, k))
			involve(refuse(j, ASSIGNABLE_SRIOV, -1), k);
	}
}

/* What a dead function has, nobody can tell. */
static void judge_reset(struct judge *j)
{
	if (!j->fn->dead && !reset_offered(j->t, j->i))
		refuse(j, ASSIGNABLE_NO_RESET, -1);
	if (j->fn->unreset)
		refuse(j, ASSIGNABLE_UNRESET, -1);
}

/* A memory BAR that has an address. The ROM counts. */
static bool is_memory(const struct pcidev_info *info, int bar)
{
	const struct pcidev_resource *r = &info->resource[bar];

	return r->size && r->start && !r->disabled &&
	       (bar == PCIDEV_ROM || !(r->flags & PCI_BASE_ADDRESS_SPACE_IO));
}

static bool pages_overlap(const struct pcidev_resource *a, const struct pcidev_resource *b)
{
	return a->start / PAGE <= (b->start + b->size - 1) / PAGE &&
	       b->start / PAGE <= (a->start + a->size - 1) / PAGE;
}

static void judge_bar_page(struct judge *j, int bar)
{
	const struct pcidev_resource *mine = &j->fn->info.resource[bar];

	for (int k = 0; k < j->t->nr; k++) {
		const struct pcidev_info *info = &j->t->function[k].info;

		if (k == j->i || !is_anothers(j, k))
			continue;
		for (int b = 0; b < PCIDEV_RESOURCES; b++) {
			if (is_memory(info, b) && pages_overlap(mine, &info->resource[b]))
				involve(refuse(j, ASSIGNABLE_SHARED_PAGE, bar), k);
		}
	}
}

static bool within_a_page(const struct pcidev_resource *r)
{
	return r->start % PAGE + r->size <= PAGE;
}

/*
 * A BAR that has its page for itself loses nothing by being small. With another owner's in it, that
 * is the rule about shared pages; with nobody's, the guest would have what others may be given yet.
 */
static void judge_small_bar(struct judge *j, int bar)
{
	const struct pcidev_resource *mine = &j->fn->info.resource[bar];

	for (int k = 0; k < j->t->nr; k++) {
		const struct topology_function *fn = &j->t->function[k];

		if (k == j->i || is_anothers(j, k) || fn->guest != TOPOLOGY_NO_GUEST)
			continue;
		for (int b = 0; b < PCIDEV_RESOURCES; b++) {
			if (is_memory(&fn->info, b) && pages_overlap(mine, &fn->info.resource[b]))
				involve(refuse(j, ASSIGNABLE_SMALL_BAR, bar), k);
		}
	}
}

/* Unless a rule says more of it. */
static void note_small_bar(struct judge *j)
{
	const struct assignable_refusal *r = j->out->refusal;

	if (j->fn->dead)
		return;
	for (unsigned k = 0; k < j->out->nr; k++) {
		if (r[k].rule == ASSIGNABLE_SMALL_BAR || r[k].rule == ASSIGNABLE_UNALIGNED_BAR ||
		    r[k].rule == ASSIGNABLE_SHARED_PAGE)
			return;
	}
	j->out->notes |= 1u << ASSIGNABLE_NOTE_SMALL_BAR;
}

/* Rule by rule rather than BAR by BAR, so that a rule is broken once. */
static void judge_bars(struct judge *j)
{
	const struct pcidev_info *info = &j->fn->info;

	for (int b = 0; b < PCIDEV_RESOURCES; b++) {
		if (is_memory(info, b) && info->resource[b].size < PAGE &&
		    within_a_page(&info->resource[b]))
			judge_small_bar(j, b);
	}
	for (int b = 0; b < PCIDEV_RESOURCES; b++) {
		if (is_memory(info, b) && info->resource[b].start % PAGE &&
		    !within_a_page(&info->resource[b]))
			refuse(j, ASSIGNABLE_UNALIGNED_BAR, b);
	}
	for (int b = 0; b < PCIDEV_RESOURCES; b++) {
		if (is_memory(info, b))
			judge_bar_page(j, b);
	}
	for (int b = 0; b < PCIDEV_RESOURCES; b++) {
		if (is_memory(info, b) && info->resource[b].size < PAGE)
			note_small_bar(j);
	}
}

static void share_line(struct judge *j, int other)
{
	if (!j->out->line_shared)
		j->out->line_other = other;
	j->out->line_shared = true;
	if (!j->fn->msi) {
		struct assignable_refusal *r = refuse(j, ASSIGNABLE_SHARED_IRQ, -1);

		if (other != TOPOLOGY_NONE)
			involve(r, other);
	} else if (!(j->allow & ASSIGNABLE_BIT(ASSIGNABLE_SHARED_IRQ))) {
		j->out->hide_intx = true;
	}
}

/*
 * No user-space process can acknowledge a line in the kernel's place: MSI, or nothing.
 * What else the host listens to, its own list of handlers tells; a function of the
 * host's that shares the line may well use MSI.
 */
static void judge_irq(struct judge *j)
{
	if (!j->fn->intx)
		return;
	if (!pcidev_is_line(j->fn->info.irq)) {
		if (!j->fn->msi)
			j->out->notes |= 1u << ASSIGNABLE_NOTE_NO_LINE;
		return;
	}
	if (j->fn->line_users[0])
		share_line(j, TOPOLOGY_NONE);
	for (int k = 0; k < j->t->nr; k++) {
		const struct topology_function *fn = &j->t->function[k];

		if (k != j->i && fn->intx && fn->info.irq == j->fn->info.irq &&
		    fn->guest != TOPOLOGY_NO_GUEST && fn->guest != j->domid)
			share_line(j, k);
	}
}

bool assignable_check(const struct topology *t, int i, uint32_t domid, unsigned allow,
		      struct assignable *out)
{
	struct judge j = {
		.t = t, .i = i, .fn = &t->function[i], .domid = domid, .allow = allow, .out = out,
	};

	memset(out, 0, sizeof(*out));
	out->line_other = TOPOLOGY_NONE;
	judge_itself(&j);
	judge_slot(&j);
	judge_pci_bus(&j);
	judge_sriov(&j);
	judge_reset(&j);
	judge_bars(&j);
	judge_irq(&j);
	return !out->refused;
}

/* By slot, link or bus. Virtual functions are reset one by one, and are of no slot. */
static bool neighbours(const struct topology *t, int i, int j)
{
	int one = topology_root(t, i), other = topology_root(t, j);

	if (one != other && !topology_same_slot(t, one, other))
		return false;
	return !t->function[i].info.is_vf || !t->function[j].info.is_vf ||
	       topology_uppermost_pci_bridge(t, i) != TOPOLOGY_NONE;
}

static bool share_page(const struct pcidev_info *a, const struct pcidev_info *b)
{
	for (int i = 0; i < PCIDEV_RESOURCES; i++) {
		for (int k = 0; is_memory(a, i) && k < PCIDEV_RESOURCES; k++) {
			if (is_memory(b, k) && pages_overlap(&a->resource[i], &b->resource[k]))
				return true;
		}
	}
	return false;
}

/* The same one, or one that a reset may reach too. */
static bool go_together(const struct topology *t, int i, int j)
{
	return i == j || neighbours(t, i, j) || topology_pf_and_vf(t, i, j);
}

bool assignable_concerns(const struct topology *t, int i, int j, bool judged)
{
	const struct topology_function *a = &t->function[i], *b = &t->function[j];

	if (go_together(t, i, j))
		return true;
	return judged && ((a->intx && b->intx && pcidev_is_line(a->info.irq) &&
			   a->info.irq == b->info.irq) || share_page(&a->info, &b->info));
}

/* Who drives a device that shares the line is asked of the line: judge_irq. */
void assignable_look(struct topology *t, struct provider *p, int i)
{
	for (int k = 0; k < t->nr; k++) {
		if (go_together(t, k, i) || share_page(&t->function[k].info, &t->function[i].info))
			topology_look(t, p, k);
	}
	topology_probe(t, p, i);
}

const char *assignable_note_text(enum assignable_note_kind note)
{
	static const char *const texts[] = {
#define X(id, text) text,
		ASSIGNABLE_NOTES(X)
#undef X
	};

	return texts[note];
}

const struct assignable_refusal *assignable_first(const struct assignable *a)
{
	for (unsigned k = 0; k < a->nr; k++) {
		if (!a->refusal[k].allowed)
			return &a->refusal[k];
	}
	return NULL;
}

void assignable_append(char *buf, size_t size, const struct topology_function *fn)
{
	char address[SBDF_TEXT];

	text_append(buf, size, "%s", sbdf_format(fn->info.sbdf, address));
	if (fn->guest != TOPOLOGY_NO_GUEST)
		text_append(buf, size, " (guest %u)", fn->guest);
	else if (!assignable_is_holder(fn->driver))
		text_append(buf, size, " (host, %s)", fn->driver);
}

/* Of a text of ASSIGNABLE_TEXT_MAX bytes. */
#define append(buf, ...) text_append(buf, ASSIGNABLE_TEXT_MAX, __VA_ARGS__)

const char *assignable_text(const struct topology *t, int i,
			    const struct assignable_refusal *refusal,
			    char buf[ASSIGNABLE_TEXT_MAX])
{
	const char *users = t->function[i].line_users;

	buf[0] = '\0';
	append(buf, "%s", rules[refusal->rule].wrong);
	if (refusal->bar == PCIDEV_ROM)
		append(buf, " (ROM)");
	else if (refusal->bar >= 0)
		append(buf, " (BAR %d)", refusal->bar);
	for (unsigned k = 0; k < refusal->nr_others && k < ASSIGNABLE_OTHERS_MAX; k++) {
		append(buf, "%s", k ? ", " : ": ");
		assignable_append(buf, ASSIGNABLE_TEXT_MAX, &t->function[refusal->others[k]]);
	}
	if (refusal->rule == ASSIGNABLE_SHARED_IRQ && users[0])
		append(buf, "%s(host, %s)", refusal->nr_others ? ", " : ": ", users);
	if (refusal->nr_others > ASSIGNABLE_OTHERS_MAX)
		append(buf, " and %u more", refusal->nr_others - ASSIGNABLE_OTHERS_MAX);
	append(buf, " [rule %s; ", rules[refusal->rule].name);
	if (rules[refusal->rule].remedy)
		append(buf, "%s", rules[refusal->rule].remedy);
	if (rules[refusal->rule].overridable)
		append(buf, "%sallow = [\"%s\"] overrides it", rules[refusal->rule].remedy ? "; " : "",
		       rules[refusal->rule].name);
	append(buf, "]");
	return buf;
}
