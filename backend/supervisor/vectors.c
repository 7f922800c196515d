/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/vectors.h"

#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

/*
 * As text: "none 0", "enabling 0", "off V pirq...", "msi V pirq", "msix V pirq/entry...". Written
 * before what it tells of can be seen from outside: enabling before vectors are mapped, off before
 * they are unmapped.
 */
#define TEXT_MAX (32 + 20 * SH_INFO_MAX_VEC)

/* In whose numbering pirqs are: Xen maps a device's vectors for the domain that it is assigned to, and no other. */
static uint32_t owner_of(const struct vector_record *v)
{
	return v->owner ? v->owner : v->talk->domid;
}

static void remember(struct vector_record *v, const char *word)
{
	char text[TEXT_MAX], name[SBDF_TEXT];
	int n = snprintf(text, sizeof(text), "%s %u", word, v->nr);

	for (unsigned i = 0; i < v->pirqs; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %u", v->pirq[i]);
		if (v->mode == VECTORS_MSIX)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "/%u", v->entry[i]);
	}
	/* The guest goes on; a successor would not know of these vectors. */
	if (successor_interrupts_write(v->successor, text))
		talk_event(v->talk, XTL_WARN, "%s: cannot keep its vectors in xenstore: %s",
			   sbdf_format(v->sbdf, name), strerror(errno));
}

void vectors_remember(struct vector_record *v)
{
	remember(v, v->mode == VECTORS_MSI ? "msi" : v->mode == VECTORS_MSIX ? "msix" : "none");
}

/* One "pirq" or "pirq/entry". */
static int parse_item(struct vector_record *v, char *item)
{
	char *slash = strchr(item, '/');
	uint32_t entry = 0;

	if (slash)
		*slash++ = '\0';
	if (v->pirqs == SH_INFO_MAX_VEC || number_u32(item, &v->pirq[v->pirqs]) ||
	    (slash && (number_u32(slash, &entry) || entry > UINT16_MAX)))
		return fail(EINVAL);
	v->entry[v->pirqs++] = (uint16_t)entry;
	return 0;
}

/* The word goes to *word, the numbers into *v. */
static int parse(struct vector_record *v, char *text, const char **word)
{
	char *item;
	uint32_t n;

	*word = strsep(&text, " ");
	item = strsep(&text, " ");
	if (!item || number_u32(item, &n) || n > SH_INFO_MAX_VEC)
		return fail(EINVAL);
	v->nr = (uint16_t)n;
	v->pirqs = 0;
	while ((item = strsep(&text, " ")))
		if (parse_item(v, item))
			return -1;
	return 0;
}

void vectors_forget(struct vector_record *v)
{
	v->pirqs = 0;
	v->nr = 0;
	v->mode = VECTORS_NONE;
	remember(v, "none");
}

/* Unmaps every pirq; one that Xen no longer knows is done. */
static void unmap_all(struct vector_record *v)
{
	char name[SBDF_TEXT];

	for (unsigned i = 0; i < v->pirqs; i++) {
		if (!hypercall_unmap_pirq(v->hypercall, owner_of(v), v->pirq[i]) ||
		    (v->doubtful && errno == EINVAL))
			continue;
		v->stuck = true;
		talk_say(v->talk, XTL_WARN, "%s: cannot unmap pirq %u: %s", sbdf_format(v->sbdf, name),
			 v->pirq[i], strerror(errno));
	}
	vectors_forget(v);
}

void vectors_unmap(struct vector_record *v)
{
	if (v->mode == VECTORS_NONE)
		return;
	remember(v, "off");
	unmap_all(v);
}

static bool same_request(const struct vector_record *v, const struct message_map *want)
{
	unsigned nr = want->mode == VECTORS_MSIX ? want->nr : want->multi ? want->multi : 1;

	if (v->mode != want->mode || v->nr != nr)
		return false;
	return v->mode == VECTORS_MSI ||
	       !memcmp(v->entry, want->entry, v->nr * sizeof(v->entry[0]));
}

static void tell(const struct vector_record *v, struct message_mapped *got)
{
	memcpy(got->pirq, v->pirq, v->pirqs * sizeof(v->pirq[0]));
}

static int map_msi(struct vector_record *v, const struct message_map *want,
		   struct message_mapped *got)
{
	uint32_t count = want->multi;
	int rc;

	remember(v, "enabling");
	if (want->multi)
		rc = hypercall_map_multi_msi(v->hypercall, owner_of(v), v->sbdf, &count, &v->pirq[0]);
	else
		rc = hypercall_map_msi(v->hypercall, owner_of(v), v->sbdf, HYPERCALL_MSI, 0,
				       &v->pirq[0]);
	if (rc) {
		int err = errno;

		got->count = count;
		vectors_forget(v);
		return fail(err);
	}
	v->mode = VECTORS_MSI;
	v->pirqs = 1;
	v->nr = (uint16_t)(want->multi ? want->multi : 1);
	remember(v, "msi");
	return 0;
}

/* Maps all entries, or none. */
static int map_msix(struct vector_record *v, const struct message_map *want)
{
	remember(v, "enabling");
	for (v->pirqs = 0; v->pirqs < want->nr; v->pirqs++) {
		v->entry[v->pirqs] = want->entry[v->pirqs];
		if (hypercall_map_msi(v->hypercall, owner_of(v), v->sbdf, want->entry[v->pirqs],
				      v->base, &v->pirq[v->pirqs])) {
			int err = errno;

			unmap_all(v);
			return fail(err);
		}
	}
	v->mode = VECTORS_MSIX;
	v->nr = (uint16_t)want->nr;
	remember(v, "msix");
	return 0;
}

/* Whether the device has what is asked for, by what was seen of it before its guest had it. */
static bool is_sound(const struct vector_record *v, const struct message_map *want)
{
	if (want->mode == VECTORS_MSI)
		return v->has_msi && want->multi <= HYPERCALL_MULTI_MSI_MAX;
	if (want->mode != VECTORS_MSIX || !v->has_msix || v->no_msix || !v->base || !want->nr ||
	    want->nr > SH_INFO_MAX_VEC)
		return false;
	for (unsigned i = 0; i < want->nr; i++) {
		if (want->entry[i] >= v->entries)
			return false;
		for (unsigned k = 0; k < i; k++)
			if (want->entry[k] == want->entry[i])
				return false;
	}
	return true;
}

void vectors_map(struct vector_record *v, const struct message_map *want, struct message_mapped *got)
{
	int rc;

	memset(got, 0, sizeof(*got));
	if (v->mode != VECTORS_NONE) {
		got->again = want->first && same_request(v, want);
		got->err = got->again ? 0 : EBUSY;
		if (got->again)
			tell(v, got);
		return;
	}
	if (v->no_vectors || !is_sound(v, want)) {
		got->err = v->no_vectors ? EPERM : EINVAL;
		return;
	}
	rc = want->mode == VECTORS_MSI ? map_msi(v, want, got) : map_msix(v, want);
	got->err = rc ? errno : 0;
	if (!rc)
		tell(v, got);
}

/* What was going off goes off: some of it is unmapped already. */
static void finish_release(struct vector_record *v)
{
	for (unsigned i = 0; i < v->pirqs; i++)
		hypercall_unmap_pirq(v->hypercall, owner_of(v), v->pirq[i]);
	vectors_forget(v);
}

/* The mode of what stands in *v, by its word; VECTORS_NONE: that is none we have written. */
static enum vectors_mode parse_mode(const struct vector_record *v, const char *word)
{
	if (!strcmp(word, "msi") && v->pirqs == 1 && v->nr && v->nr <= HYPERCALL_MULTI_MSI_MAX)
		return VECTORS_MSI;
	if (!strcmp(word, "msix") && v->pirqs && v->pirqs == v->nr)
		return VECTORS_MSIX;
	return VECTORS_NONE;
}

int vectors_recall(struct vector_record *v)
{
	char text[TEXT_MAX];
	const char *word;

	if (successor_interrupts_read(v->successor, text, sizeof(text)))
		return errno == ENOENT ? 0 : -1;
	if (parse(v, text, &word))
		return -1;
	if (!strcmp(word, "none"))
		return 0;
	if (!strcmp(word, "enabling")) {
		v->pirqs = 0;
		v->nr = 0;
		v->stuck = true;
		return 1;
	}
	if (!strcmp(word, "off")) {
		finish_release(v);
		return 0;
	}
	v->mode = parse_mode(v, word);
	return v->mode == VECTORS_NONE ? fail(EINVAL) : 0;
}

int vectors_probe(struct vector_record *v, uint32_t *pirq)
{
	if (!v->has_msi && (!v->has_msix || !v->base))
		return fail(ENODEV);
	if (hypercall_map_msi(v->hypercall, owner_of(v), v->sbdf, v->has_msi ? HYPERCALL_MSI : 0,
			      v->has_msi ? 0 : v->base, pirq))
		return -1;
	return hypercall_unmap_pirq(v->hypercall, owner_of(v), *pirq);
}

bool vectors_have(const struct vector_record *v, uint32_t pirq)
{
	for (unsigned i = 0; i < v->pirqs; i++) {
		uint32_t first = v->pirq[i], n = v->pirqs == 1 ? v->nr : 1;

		if (pirq >= first && pirq < first + n)
			return true;
	}
	return false;
}
