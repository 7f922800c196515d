# SPDX-License-Identifier: MIT
# The emulated hypervisor. Never built with sanitizers: its library is preloaded into programs that
# may or may not have them.

XENBOX_B := $(B)/tests/xenbox
XENBOX_CFLAGS = $(ALL_CFLAGS) $(EXTRA_CFLAGS) -pthread
XENBOX_LIB_OBJ := $(patsubst %,$(XENBOX_B)/%.o,preload_call preload_evtchn preload_file \
	preload_gnttab preload_memory preload_oxenstored client box)
XENBOX_OBJ := $(patsubst %,$(XENBOX_B)/%.o,main run tool toolstack restart xl xl_nodes up store hv domain log \
	evtchn grant device physdev hypercall ring xenbus client box)

PROGRAMS += $(XENBOX_B)/xenbox $(XENBOX_B)/libxenbox.so

.PHONY: xenbox
xenbox: $(XENBOX_B)/xenbox $(XENBOX_B)/libxenbox.so $(XENBOX_B)/agent $(B)/tests/xen/fidelity $(B)/tests/xen/intrude

$(XENBOX_B)/%.o: tests/xenbox/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENBOX_CFLAGS) -c -o $@ $<

$(XENBOX_B)/libxenbox.so: $(XENBOX_LIB_OBJ)
	$(Q)$(CC) $(LDFLAGS) -shared -pthread -Wl,-z,defs -o $@ $^

$(XENBOX_B)/xenbox: $(XENBOX_OBJ)
	$(Q)$(CC) $(LDFLAGS) -pthread -o $@ $^ -lxenstore

# Programs that run inside domains: ordinary Xen userland, which does have the sanitizers. The Xen
# headers want GNU C.
XENBOX_GUEST_LIBS := -lxencall -lxenevtchn -lxengnttab -lxenforeignmemory -lxenstore -lxentoollog
XENBOX_GUEST_OBJ := $(patsubst %,$(B)/tests/xenbox/guest/%.o,calls agent)

$(B)/tests/xenbox/guest/%.o: tests/xenbox/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -std=gnu11 $(SANFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

$(XENBOX_B)/agent: $(XENBOX_GUEST_OBJ)
	$(Q)$(LINK) -o $@ $^ $(XENBOX_GUEST_LIBS) -lxenctrl

# The same program for the box and for real Xen: what each primitive is seen to do.
FIDELITY := $(B)/tests/xen/fidelity
FIDELITY_OBJ := $(patsubst %,$(B)/tests/xen/%.o,fidelity fidelity_shared fidelity_answers)
$(B)/tests/xen/%.o: tests/xen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -std=gnu11 $(SANFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

$(FIDELITY): $(FIDELITY_OBJ) $(B)/tests/xenbox/guest/calls.o
	$(Q)$(LINK) -o $@ $^ $(XENBOX_GUEST_LIBS)

# Makes a process do what it may not, for the rig.
$(B)/tests/xen/intrude: $(B)/tests/xen/intrude.o
	$(Q)$(LINK) -o $@ $^
