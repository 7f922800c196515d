/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/requests.h"

#include "common/util.h"
#include "protocol/page.h"

/* What of the request the backend copies out of the page: nothing else, and no more entries than there are. */
void request_take(struct bytes *in, uint8_t what, struct xen_pci_op *op)
{
	static const uint32_t commands[] = { XEN_PCI_OP_enable_msi, XEN_PCI_OP_enable_multi_msi,
					     XEN_PCI_OP_enable_msix, XEN_PCI_OP_enable_msix,
					     XEN_PCI_OP_disable_msi, XEN_PCI_OP_disable_msix };
	static page_t page;
	static struct xen_pci_op asked;

	memset(&asked, 0xee, sizeof(asked));
	asked.cmd = (what & 7) < ARRAY_SIZE(commands) ? commands[what & 7] : 0;
	asked.value = what & 0x40 ? take_u32(in) : take_u8(in) % 40;
	asked.info = asked.value;
	for (unsigned i = 0; i < 8; i++)
		asked.msix_entries[i].entry = (uint16_t)(what & 0x20 ? take_u16(in) : i);
	memset(op, 0, sizeof(*op));
	page_post(&page, &asked);
	page_snapshot(&page, op);
	fuzz_check(op->cmd == asked.cmd && op->value == asked.value && op->info == asked.info);
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		fuzz_check(op->msix_entries[i].entry ==
			   (op->cmd == XEN_PCI_OP_enable_msix && i < op->value ? asked.msix_entries[i].entry : 0));
}

/* The answer changes no more of the page than it says. */
void request_answer(const struct xen_pci_op *op, unsigned n, bool with_info)
{
	static page_t page;
	static struct xen_pci_op got, before;

	memset(&before, 0xee, sizeof(before));
	page_post(&page, &before);
	/* There is room for so many, whoever asks. */
	page_answer(&page, &before, UINT32_MAX, true);
	page_post(&page, &before);
	page_answer(&page, op, n, with_info);
	page_collect(&page, &got);
	fuzz_check(page_answered(&page) && got.err == op->err && got.value == op->value &&
		   got.cmd == before.cmd && got.info == (with_info ? op->info : before.info));
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		fuzz_check(got.msix_entries[i].vector ==
			   (i < n ? op->msix_entries[i].vector : before.msix_entries[i].vector));
}
