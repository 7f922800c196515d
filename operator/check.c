/* SPDX-License-Identifier: MIT */
/* xenpci check: may it be assigned, and what does it offer. Changes nothing. */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "host/reset_offer.h"
#include "common/util.h"
#include "operator/check.h"
#include "operator/device_name.h"

/* "0000:03:00.0 8086:10d3 PCIe endpoint behind 0000:00:1c.0, held by pciback" */
static void print_what(const struct place *place)
{
	const struct topology *t = &place->machine->topology;
	const struct topology_function *fn = place->fn;
	char buf[SBDF_TEXT], label[128];

	printf("%s %04x:%04x %s", place->name, fn->info.vendor, fn->info.device,
	       topology_kind_name(fn->kind));
	if (fn->parent != TOPOLOGY_NONE)
		printf(" behind %s", sbdf_format(t->function[fn->parent].info.sbdf, buf));
	if (fn->info.is_vf)
		printf(", virtual function of %s", sbdf_format(fn->info.pf, buf));
	if (fn->guest != TOPOLOGY_NO_GUEST)
		printf(", guest %u has it", fn->guest);
	else if (fn->driver[0])
		printf(assignable_is_holder(fn->driver) ? ", held by %s" : ", used by the host's %s",
		       fn->driver);
	else if (fn->os)
		printf(", held by nobody");
	putchar('\n');
	device_name(fn->info.vendor, fn->info.device, label, sizeof(label));
	if (label[0])
		printf("\tname: %s\n", label);
}

/* " flr pm": of present, those that are offered; behind them why others are withheld. */
static void print_resets(const struct place *place)
{
	const struct topology *t = &place->machine->topology;
	unsigned offered = reset_offered(t, place->i), present = reset_present(t, place->i);
	char kernel[RESET_KERNEL_METHODS_MAX];

	/* One bus, whether in a hot-plug slot or not. */
	offered &= ~RESET_BIT(RESET_SLOT);
	present &= ~RESET_BIT(RESET_SLOT);
	printf("\treset:%s", offered ? "" : " none");
	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++) {
		if (!(offered & RESET_BIT(m)))
			continue;
		printf(" %s", reset_method_name(m));
		if (m != RESET_KERNEL)
			continue;
		if (provider_attribute(place->machine->provider, place->fn->info.sbdf, "reset_method",
				       kernel, sizeof(kernel)) < 0)
			strcpy(kernel, "unknown");
		printf(" (%s)", kernel);
	}
	putchar('\n');
	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++) {
		if (present & ~offered & RESET_BIT(m))
			printf("\treset %s is withheld: %s\n", reset_method_name(m),
			       reset_withheld(t, place->i, m));
	}
}

/* " MSI-X (10 vectors)", " MSI": what topology does not tell apart. */
static void print_messages(const struct place *place)
{
	struct pcidev *dev = provider_look(place->machine->provider, place->fn->info.sbdf);
	unsigned cap = dev ? pcidev_find_cap(dev, PCI_CAP_ID_MSIX) : 0, nr;
	uint32_t flags;

	if (cap && !pcidev_read(dev, cap + PCI_MSIX_FLAGS, 2, &flags)) {
		nr = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
		printf(" MSI-X (%u vector%s)", nr, nr == 1 ? "" : "s");
	} else if (place->fn->msi) {
		printf(" MSI");
	}
	pcidev_close(dev);
}

static void print_interrupts(const struct place *place, const struct assignable *result)
{
	const struct topology *t = &place->machine->topology;
	const struct topology_function *fn = place->fn;
	char buf[SBDF_TEXT];

	printf("\tinterrupts:");
	print_messages(place);
	if (fn->intx && pcidev_is_line(fn->info.irq))
		printf(" line %u", fn->info.irq);
	if (result->line_shared && result->line_other != TOPOLOGY_NONE)
		printf(" (shared with %s)",
		       sbdf_format(t->function[result->line_other].info.sbdf, buf));
	else if (result->line_shared)
		printf(" (shared with the host's %s)", fn->line_users);
	if (result->hide_intx)
		printf(", MSI only: the line is withheld");
	puts(fn->msi || (fn->intx && pcidev_is_line(fn->info.irq)) ? "" : " none");
}

/* The host's kernel sees none under Xen: only Xen knows. */
static void print_iommu(const struct operator *op)
{
	static const char *const texts[] = {
		"unknown: Xen does not tell",
		"none that Xen uses: by DMA the device reaches all of the host's memory, whoever drives it",
		"in use by Xen",
	};
	int has = op->hypercall ? hypercall_iommu(op->hypercall) : -1;

	printf("\tiommu: %s\n", texts[1 + has]);
}

static void print_unseen(const struct place *place)
{
	if (place->fn->info.caps_unseen)
		puts("\tcapabilities: not in the dump, so that its resets and its MSI are not known");
}

static void print_all(struct operator *op, const struct place *place, const struct assignable *verdict)
{
	const struct topology *t = &place->machine->topology;
	const struct assignable result = *verdict;
	char buf[ASSIGNABLE_TEXT_MAX];
	struct settings_life life;

	print_what(place);
	print_resets(place);
	print_interrupts(place, &result);
	print_unseen(place);
	print_iommu(op);
	for (unsigned k = 0; k < result.nr; k++)
		printf("\t%s: %s\n", result.refusal[k].allowed ? "overridden" : "refused",
		       assignable_text(t, place->i, &result.refusal[k], buf));
	for (unsigned k = 0; k < ASSIGNABLE_NOTES_COUNT; k++) {
		if (result.notes & 1u << k)
			printf("\tnote: %s\n", assignable_note_text(k));
	}
	settings_life(&op->settings, &place->fn->info, &life);
	if (life.moved_source[0])
		printf("\tnote: %s does not count: it is for another device\n", life.moved_source);
	printf("\t%s\n", result.refused ? "not assignable" : "assignable");
}

/* Returns 1: it is assignable; 0; -1: it could not be told of. */
static int check(struct operator *op, const struct place *place, struct columns *c)
{
	struct assignable result;
	bool good = assignable_check(&place->machine->topology, place->i, TOPOLOGY_NO_GUEST,
				     operator_allowed(op, place), &result);
	int rc = 0;

	if (op->json)
		rc = check_json(op, place, &result);
	else if (c)
		rc = check_row(place, &result, c);
	else
		print_all(op, place, &result);
	return rc ? -1 : good;
}

/* That some are not assignable is no failure here: no host gives all of its devices away. */
static int check_all(struct operator *op, struct columns *c)
{
	struct place place;

	for (unsigned m = 0; m < op->nr_machines; m++) {
		for (int i = 0; i < op->machine[m].topology.nr; i++) {
			operator_place(op, m, i, &place);
			if (check(op, &place, c) < 0)
				return OPERATOR_FAILED;
		}
	}
	return OPERATOR_OK;
}

/* One line for each. */
static int check_table(struct operator *op)
{
	struct columns c;
	int status;

	if (check_columns(&c))
		return operator_fail("%s", strerror(errno));
	status = check_all(op, &c);
	columns_print(&c);
	columns_dispose(&c);
	return status;
}

int run_check(struct operator *op, int argc, char **argv)
{
	int status = OPERATOR_OK;
	struct place place;

	if (operator_open_xen(op, false) || operator_open_machines(op))
		return OPERATOR_FAILED;
	if (!op->xs)
		fputs("xenpci: no xenstore here: what guests have is not known\n", stderr);
	if (argc == 1 && !strcmp(argv[0], "all"))
		return op->json ? check_all(op, NULL) : check_table(op);
	if (!argc)
		return check_all(op, NULL);
	for (int k = 0; k < argc; k++) {
		if (operator_find(op, argv[k], &place) || check(op, &place, NULL) != 1)
			status = OPERATOR_FAILED;
	}
	return status;
}
