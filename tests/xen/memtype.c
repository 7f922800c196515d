/* SPDX-License-Identifier: MIT */
/*
 * memtype: makes the machine's configuration space in memory uncacheable (a range register of the
 * processors), and says what was done. Real firmware does that; the one of the emulated machine
 * forgets it, as nothing there is cached. Runs in dom0.
 */
#undef __STRICT_ANSI__
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <xencall.h>
#include <xen/platform.h>

#define BUS_FRAMES 0x100u /* one megabyte each */

int main(void)
{
	struct {
		uint8_t head[44];
		uint64_t base;
		uint8_t segment[2], first, last;
	} __attribute__((packed)) mcfg = { .base = 0 };
	FILE *f = fopen("/sys/firmware/acpi/tables/MCFG", "rb");
	xencall_handle *call = xencall_open(NULL, 0);
	xen_platform_op_t *op = call ? xencall_alloc_buffer(call, sizeof(*op)) : NULL;
	int rc = 1;

	if (!f || fread(&mcfg, sizeof(mcfg), 1, f) != 1) {
		perror("memtype: MCFG");
	} else if (op) {
		memset(op, 0, sizeof(*op));
		op->cmd = XENPF_add_memtype;
		op->interface_version = XENPF_INTERFACE_VERSION;
		op->u.add_memtype.mfn = (mcfg.base >> 12) + mcfg.first * BUS_FRAMES;
		op->u.add_memtype.nr_mfns = (mcfg.last - mcfg.first + 1u) * BUS_FRAMES;
		op->u.add_memtype.type = 0;
		rc = xencall1(call, __HYPERVISOR_platform_op, (uintptr_t)op) != 0;
		if (rc)
			perror("memtype: XENPF_add_memtype");
		else
			printf("frames 0x%llx + 0x%llx: uncacheable, register %u\n",
			       (unsigned long long)op->u.add_memtype.mfn,
			       (unsigned long long)op->u.add_memtype.nr_mfns, op->u.add_memtype.reg);
	}
	if (call) {
		xencall_free_buffer(call, op);
		xencall_close(call);
	}
	if (f)
		fclose(f);
	return rc;
}
