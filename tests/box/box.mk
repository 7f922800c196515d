# SPDX-License-Identifier: MIT
# Both ends as processes in the box. A test is a script that prints "ok ..." and
# "not ok ..." lines; what it needs in C stands beside it.

BOX_TESTS := $(filter-out tests/box/lib%.sh,$(wildcard tests/box/*.sh)) \
	$(filter-out tests/install/lib.sh,$(wildcard tests/install/*.sh tests/documents/*.sh))
BOX_PROGRAMS := $(B)/tests/box/peer $(B)/tests/box/replay $(B)/tests/box/expect $(B)/tests/box/announce $(B)/tests/box/hear \
	$(B)/tests/box/personality $(B)/tests/box/hostile_backend $(B)/tests/box/control_client $(B)/tests/box/vfio_server
# A user's program sees the public headers and the built library, nothing else.
BOX_USERS := $(B)/tests/box/user-shared $(B)/tests/box/user-static $(B)/tests/box/vfio_driver
BOX_LIBS := $(shell $(PKG_CONFIG) --libs xenstore xenevtchn xengnttab xentoollog 2>/dev/null)

$(B)/tests/box/peer: $(patsubst %,$(B)/tests/box/%.o,peer peer_front peer_hostile) $(SHARED_OBJ)
$(B)/tests/box/replay: $(B)/tests/box/replay.o $(SHARED_OBJ)
$(B)/tests/box/expect: $(B)/tests/box/expect.o
$(B)/tests/box/hostile_backend: $(B)/tests/box/hostile_backend.o $(SHARED_OBJ)
$(B)/tests/box/control_client: $(B)/tests/box/control_client.o
$(B)/tests/box/vfio_server: $(B)/tests/box/vfio_server.o
$(B)/tests/box/announce: $(B)/tests/box/announce.o
$(B)/tests/box/hear: $(B)/tests/box/hear.o
$(B)/tests/box/personality: $(patsubst %.c,$(B)/%.o,$(wildcard tests/box/personality*.c)) $(B)/frontend/xen.o \
	$(SHARED_OBJ)

$(BOX_PROGRAMS):
	$(Q)$(LINK) -o $@ $^ $(BOX_LIBS) -lpthread

$(B)/tests/box/user.o $(B)/tests/box/vfio_driver.o: $(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -Iinclude -fPIE -MMD -MP $(WARNINGS) $(CFLAGS) $(SANFLAGS) -c -o $@ $<

$(B)/tests/box/user-shared: $(B)/tests/box/user.o $(B)/libxenpcifront.so
	$(Q)$(LINK) -o $@ $< -L$(B) -lxenpcifront -Wl,-rpath,$(abspath $(B)) -lpthread

$(B)/tests/box/user-static: $(B)/tests/box/user.o $(B)/libxenpcifront.a
	$(Q)$(LINK) -o $@ $^ $(BOX_LIBS) -lpthread

$(B)/tests/box/vfio_driver: $(B)/tests/box/vfio_driver.o $(B)/libxenpcifront.so
	$(Q)$(LINK) -o $@ $< -L$(B) -lxenpcifront -Wl,-rpath,$(abspath $(B)) -lpthread

# Drives the daemon's own parts.
$(B)/tests/box/life_random: $(B)/tests/box/life_random.o $(BACKEND_OBJ) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(BACKEND_LIBS)

# Not for a build with sanitizers, which have a malloc of their own.
$(B)/tests/box/no_memory.so: tests/box/no_memory.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -fPIC -shared $(WARNINGS) $(CFLAGS) -fno-builtin -o $@ $<

BOX_LOADED := $(addprefix $(B)/tests/box/,asleep.so late_child.so powered.so)
$(BOX_LOADED): $(B)/%.so: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

BOX_NEEDS := $(if $(SAN),,$(B)/tests/box/no_memory.so) $(BOX_PROGRAMS) $(BOX_LOADED) $(BOX_USERS) $(B)/tests/box/life_random \
	$(B)/tests/xenbox/agent

# The box tests alone.
.PHONY: box
box: all $(BOX_NEEDS)
	$(Q)$(CHECK_ENV) tests/run $(B)/tests/logs $(BOX_TESTS)

# xenpcid as it left its state in version 1 (common/state.h): what reads and writes state is compiled for that.
STATE1 := $(B)/state1
STATE1_SRC := common/state.c common/store.c host/quarantine.c $(wildcard backend/supervisor/*.c backend/worker/*.c)
STATE1_OBJ := $(patsubst %.c,$(STATE1)/%.o,$(STATE1_SRC))
state1_objects = $(filter $(STATE1)/backend/$(1)/%,$(STATE1_OBJ))

$(STATE1)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) -DSTATE_VERSION=1 -c -o $@ $<

$(STATE1)/xenpcid: $(call state1_objects,supervisor) $(patsubst %,$(STATE1)/%.o,common/state common/store \
		host/quarantine) $(CLI_OBJ) $(filter-out $(B)/backend/supervisor/%,$(BACKEND_OBJ)) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(BACKEND_LIBS) $(CLI_LIBS)

$(STATE1)/xenpci-worker: $(call state1_objects,worker) $(filter-out $(B)/backend/worker/%,$(WORKER_OBJ))
	$(Q)$(LINK) -o $@ $^ $(WORKER_LIBS)

BOX_NEEDS += $(STATE1)/xenpcid $(STATE1)/xenpci-worker
box: $(STATE1)/xenpcid $(STATE1)/xenpci-worker
-include $(patsubst %.o,%.d,$(STATE1_OBJ))
