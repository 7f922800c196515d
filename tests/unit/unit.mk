# SPDX-License-Identifier: MIT
# Every tests/unit/test_*.c is one cmocka program. test_front_* are linked with
# the frontend's objects, all others with the backend's, test_worker_* with the
# worker's as well; support_*.c serve all.

UNIT_SUPPORT_SRC := $(wildcard tests/unit/support_*.c)
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
UNIT_LIBS := $(shell $(PKG_CONFIG) --libs cmocka $(PKGS) xencall xenforeignmemory 2>/dev/null) -lconfig -lseccomp -ljson-c

# Archives, so that a test takes in what it calls and nothing else.
$(B)/tests/libunit-%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/tests/libunit-backend.a: $(BACKEND_OBJ) $(HOST_OBJ) $(SHARED_OBJ) $(patsubst %.c,$(B)/%.o,$(UNIT_SUPPORT_SRC))
$(B)/tests/libunit-worker.a: $(patsubst %.c,$(B)/%.o,$(filter-out backend/worker/main.c,$(wildcard backend/worker/*.c)))
$(B)/tests/libunit-frontend.a: $(FRONTEND_OBJ) $(SHARED_OBJ) $(patsubst %.c,$(B)/%.o,$(UNIT_SUPPORT_SRC))

$(B)/tests/unit/test_front%: $(B)/tests/unit/test_front%.o $(B)/tests/libunit-frontend.a
	$(Q)$(LINK) -o $@ $^ $(UNIT_LIBS)
$(B)/tests/unit/test_worker%: $(B)/tests/unit/test_worker%.o $(B)/tests/libunit-worker.a $(B)/tests/libunit-backend.a
	$(Q)$(LINK) -o $@ $^ $(UNIT_LIBS)
$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(B)/tests/libunit-backend.a
	$(Q)$(LINK) -o $@ $^ $(UNIT_LIBS)
