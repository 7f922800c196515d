/* SPDX-License-Identifier: MIT */
#include "operator/check.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "host/reset_offer.h"
#include "operator/device_name.h"
#include "operator/json.h"

/* Entries of its MSI-X table; 0: it has none. */
static unsigned vectors_of(const struct place *place)
{
	struct pcidev *dev = provider_look(place->machine->provider, place->fn->info.sbdf);
	unsigned cap = dev ? pcidev_find_cap(dev, PCI_CAP_ID_MSIX) : 0, nr = 0;
	uint32_t flags;

	if (cap && !pcidev_read(dev, cap + PCI_MSIX_FLAGS, 2, &flags))
		nr = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	pcidev_close(dev);
	return nr;
}

static void tell_what(struct json *j, const struct place *place)
{
	const struct topology_function *fn = place->fn;
	char buf[SBDF_TEXT], name[128];

	device_name(fn->info.vendor, fn->info.device, name, sizeof(name));
	json_text(j, JSON_check_host, place->name);
	json_number(j, JSON_check_vendor, fn->info.vendor);
	json_number(j, JSON_check_device, fn->info.device);
	json_text(j, JSON_check_name, name);
	json_text(j, JSON_check_kind, topology_kind_name(fn->kind));
	if (fn->parent != TOPOLOGY_NONE)
		json_text(j, JSON_check_parent,
			  sbdf_format(place->machine->topology.function[fn->parent].info.sbdf, buf));
	if (fn->info.is_vf)
		json_text(j, JSON_check_physical, sbdf_format(fn->info.pf, buf));
	if (fn->guest != TOPOLOGY_NO_GUEST)
		json_number(j, JSON_check_guest, fn->guest);
	json_text(j, JSON_check_driver, fn->driver);
}

/* Of both sets, but for the slot, which is the bus in another way. */
static void tell_resets(struct json *j, const struct place *place)
{
	const struct topology *t = &place->machine->topology;
	unsigned offered = reset_offered(t, place->i), present = reset_present(t, place->i);

	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++) {
		if (m == RESET_SLOT)
			continue;
		if (offered & RESET_BIT(m))
			json_item(j, JSON_check_resets, reset_method_name(m));
		else if (present & RESET_BIT(m))
			json_item(j, JSON_check_withheld, reset_method_name(m));
	}
}

static void tell_interrupts(struct json *j, const struct place *place, const struct assignable *result)
{
	const struct topology_function *fn = place->fn;
	unsigned vectors = vectors_of(place);

	json_flag(j, JSON_check_msi, fn->msi);
	if (vectors)
		json_number(j, JSON_check_vectors, vectors);
	if (fn->intx && pcidev_is_line(fn->info.irq))
		json_number(j, JSON_check_line, fn->info.irq);
	json_flag(j, JSON_check_line_shared, result->line_shared);
}

int check_json(const struct operator *op, const struct place *place, const struct assignable *result)
{
	int iommu = op->hypercall ? hypercall_iommu(op->hypercall) : -1;
	char buf[ASSIGNABLE_TEXT_MAX];
	struct json j;

	json_begin(&j, JSON_RECORD_check);
	tell_what(&j, place);
	tell_resets(&j, place);
	tell_interrupts(&j, place, result);
	if (iommu >= 0)
		json_flag(&j, JSON_check_iommu, iommu);
	for (unsigned k = 0; k < result->nr; k++) {
		const struct assignable_refusal *r = &result->refusal[k];

		json_item(&j, r->allowed ? JSON_check_overridden : JSON_check_refused,
			  assignable_rule_name(r->rule));
		json_item(&j, JSON_check_texts,
			  assignable_text(&place->machine->topology, place->i, r, buf));
	}
	for (unsigned k = 0; k < ASSIGNABLE_NOTES_COUNT; k++) {
		if (result->notes & 1u << k)
			json_item(&j, JSON_check_notes, assignable_note_text(k));
	}
	json_flag(&j, JSON_check_assignable, !result->refused);
	return json_end(&j);
}

/* ---- A table ---- */

int check_columns(struct columns *c)
{
	static const char *const headings[] = { "DEVICE", "ASSIGNABLE", "HELD BY", "RESET", "KIND", "NAME" };

	return columns_init(c, sizeof(headings) / sizeof(headings[0]), headings);
}

static const char *holder_text(const struct topology_function *fn, char buf[64])
{
	if (fn->guest != TOPOLOGY_NO_GUEST)
		snprintf(buf, 64, "guest %u", fn->guest);
	else
		snprintf(buf, 64, "%s", fn->driver);
	return buf;
}

int check_row(const struct place *place, const struct assignable *result, struct columns *c)
{
	unsigned offered = reset_offered(&place->machine->topology, place->i) & ~RESET_BIT(RESET_SLOT);
	const struct assignable_refusal *first = result->refused ? assignable_first(result) : NULL;
	char resets[64] = "", holder[64], name[128], verdict[64] = "yes";

	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++) {
		size_t n = strlen(resets);

		if (offered & RESET_BIT(m))
			snprintf(resets + n, sizeof(resets) - n, "%s%s", n ? " " : "", reset_method_name(m));
	}
	if (first)
		snprintf(verdict, sizeof(verdict), "no: %s%s", assignable_rule_name(first->rule),
			 result->refused > 1 ? ", ..." : "");
	device_name(place->fn->info.vendor, place->fn->info.device, name, sizeof(name));
	if (!name[0])
		snprintf(name, sizeof(name), "%04x:%04x", place->fn->info.vendor, place->fn->info.device);
	return columns_add(c, "%s\t%s\t%s\t%s\t%s\t%s", place->name, verdict, holder_text(place->fn, holder),
			   resets, topology_kind_name(place->fn->kind), name);
}
