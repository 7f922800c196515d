# SPDX-License-Identifier: MIT
# A guest for the rig that is nothing but a PCI frontend (main.c). It is for x86-64, as the rig is.

PVKERNEL := $(B)/tests/pvkernel/pvkernel
PVKERNEL_OBJ := $(patsubst %,$(B)/tests/pvkernel/%.o,start pv text store front main)
# Bare: nothing of the host's C library, no registers but the general ones.
PVKERNEL_CFLAGS = -std=gnu11 -O2 -g -I. -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
	-MMD -MP $(WARNINGS) -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables

$(B)/tests/pvkernel/%.o: tests/pvkernel/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(PVKERNEL_CFLAGS) -c -o $@ $<

$(B)/tests/pvkernel/%.o: tests/pvkernel/%.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(PVKERNEL_CFLAGS) -c -o $@ $<

$(PVKERNEL): $(PVKERNEL_OBJ) tests/pvkernel/pvkernel.lds
	$(Q)$(LD) -static --build-id=none -z noexecstack -T tests/pvkernel/pvkernel.lds -o $@ $(PVKERNEL_OBJ)

.PHONY: pvkernel
pvkernel: $(PVKERNEL)
