/* SPDX-License-Identifier: MIT */
#include "host/privileges.h"

#include <errno.h>
#include <stdio.h>

/* Of no machine: who may ask is told that there is no such device, or no such line. */
static const struct sbdf nowhere = { .segment = 0xffff, .bus = 0xff, .devfn = 0xff };
#define NO_GSI UINT32_MAX

static int ask(struct hypercall *hc, enum privilege which, uint32_t own_domid)
{
	uint32_t pirq;

	switch (which) {
	case PRIVILEGE_VECTORS:
		return hypercall_map_msi(hc, own_domid, nowhere, HYPERCALL_MSI, 0, &pirq);
	case PRIVILEGE_TABLES:
		return hypercall_prepare_msix(hc, nowhere);
	case PRIVILEGE_LINES:
		return hypercall_setup_gsi(hc, NO_GSI);
	case PRIVILEGE_RESETS:
		return hypercall_device_reset(hc, nowhere, HYPERCALL_RESET_FLR);
	case PRIVILEGE_DOMAINS:
		return hypercall_domain_halted(hc, own_domid);
	case PRIVILEGE_GIVING:
		return hypercall_deassign(hc, own_domid, nowhere);
	case PRIVILEGES_COUNT:
		break;
	}
	return 0;
}

unsigned privileges_denied(struct hypercall *hc, uint32_t own_domid)
{
	unsigned denied = 0;

	for (unsigned i = 0; own_domid && i < PRIVILEGES_COUNT; i++) {
		/* A policy (XSM) refuses with EACCES; anything else is an answer. */
		if (ask(hc, i, own_domid) < 0 && (errno == EPERM || errno == EACCES))
			denied |= 1u << i;
	}
	return denied;
}

/* Those of words that denied has, with between between them: what fits. */
static void join(unsigned denied, const char *const words[PRIVILEGES_COUNT], const char *between, char *text,
		 size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < PRIVILEGES_COUNT && n < size; i++)
		if (denied & 1u << i)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? between : "", words[i]);
}

void privileges_words(unsigned denied, char *text, size_t size)
{
	static const char *const words[PRIVILEGES_COUNT] = {
#define X(name, word, text) [PRIVILEGE_##name] = word,
		PRIVILEGES(X)
#undef X
	};

	join(denied, words, " ", text, size);
}

const char *privileges_text(unsigned denied, char text[PRIVILEGES_TEXT_MAX])
{
	static const char *const words[PRIVILEGES_COUNT] = {
#define X(name, word, text) [PRIVILEGE_##name] = text,
		PRIVILEGES(X)
#undef X
	};

	join(denied, words, ", ", text, PRIVILEGES_TEXT_MAX);
	return text;
}
