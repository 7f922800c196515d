/* SPDX-License-Identifier: MIT */
/* The interrupts that outlive the process. */
#include <stdio.h>
#include <string.h>

#include "backend/interrupt.h"
#include "common/number.h"
#include "common/util.h"

void interrupt_remember(struct interrupts *irq, const char *word)
{
	char text[INTERRUPT_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%s %u", word, irq->vectors);

	for (unsigned i = 0; i < irq->pirqs; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %u", irq->pirq[i]);
	memory_interrupts_write(irq->memory, text); /* logs; the guest goes on */
}

/* The word goes to *word, the numbers into *irq. */
static int parse(struct interrupts *irq, char *text, const char **word)
{
	const char *item;
	uint32_t n;

	*word = strsep(&text, " ");
	item = strsep(&text, " ");
	if (!item || number_u32(item, &n) || n > SH_INFO_MAX_VEC)
		return fail(EINVAL);
	irq->vectors = (uint16_t)n;
	for (irq->pirqs = 0; (item = strsep(&text, " ")); irq->pirqs++)
		if (irq->pirqs == SH_INFO_MAX_VEC || number_u32(item, &irq->pirq[irq->pirqs]))
			return fail(EINVAL);
	return 0;
}

/* What was going off goes off: some of it is unmapped already. */
static void finish_release(struct interrupts *irq)
{
	for (unsigned i = 0; i < irq->pirqs; i++)
		hypercall_unmap_pirq(irq->hypercall, irq->talk->domid, irq->pirq[i]);
	irq->pirqs = 0;
	irq->vectors = 0;
	interrupt_remember(irq, "none");
}

int interrupt_recall(struct interrupts *irq)
{
	char text[INTERRUPT_TEXT_MAX];
	const char *word;

	if (memory_interrupts_read(irq->memory, text, sizeof(text)))
		return errno == ENOENT ? 0 : -1;
	if (parse(irq, text, &word))
		return -1;
	if (!strcmp(word, "none"))
		return 0;
	if (!strcmp(word, "enabling")) {
		irq->pirqs = 0;
		irq->vectors = 0;
		return 1;
	}
	if (!strcmp(word, "off")) {
		finish_release(irq);
		return 0;
	}
	irq->mode = !strcmp(word, "msix") ? INTERRUPT_MSIX : INTERRUPT_MSI;
	if (!irq->pirqs || !irq->vectors || !(irq->mode == INTERRUPT_MSIX ? irq->msix : irq->msi))
		return fail(EINVAL);
	/* Killed between mapping and turning on, or before an image that forgets: no harm twice. */
	return interrupt_turn_on(irq);
}
