# SPDX-License-Identifier: MIT
# Processes of the daemon that were taken over: the real one's objects, with other code in one place.

HOSTILE_WORKER := $(B)/tests/hostile/worker
HOSTILE_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/hostile/*.c))
BOX_TESTS += $(wildcard tests/hostile/*.sh)
BOX_NEEDS += $(HOSTILE_WORKER)
box: $(HOSTILE_WORKER)

# The worker's main with our names where the hostile one comes in.
$(B)/tests/hostile/worker_main.o: $(B)/backend/worker/main.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym main=honest_main --redefine-sym channel_open=hostile_channel_open \
		--redefine-sym channel_serve=hostile_channel_serve \
		--redefine-sym confine_calls=hostile_confine_calls $< $@

$(HOSTILE_WORKER): $(HOSTILE_OBJ) $(B)/tests/hostile/worker_main.o \
	$(filter-out $(B)/backend/worker/main.o,$(WORKER_OBJ))
	$(Q)$(LINK) -o $@ $^ $(WORKER_LIBS)

# The worker's page code, as each compiler that there is makes it at each level; no sanitizer, whose
# handlers would come in between.
FETCH_SRC := tests/hostile/fetch/double_fetch.c backend/worker/requests.c backend/worker/record.c protocol/page.c
FETCH_CC := gcc $(if $(shell command -v clang 2>/dev/null),clang)
FETCH := $(foreach c,$(FETCH_CC),$(foreach o,-O0 -O2 -O3,$(B)/tests/hostile/fetch/double_fetch-$(c)$(o)))
BOX_NEEDS += $(FETCH)
box: $(FETCH)

$(FETCH): $(FETCH_SRC) $(wildcard protocol/*.h common/*.h backend/*/*.h)
	@mkdir -p $(@D)
	$(Q)words=$$(echo $(@F) | tr - ' '); set -- $$words; \
	$$2 -std=c11 -D_GNU_SOURCE -D__XEN_TOOLS__ -I. -Iinclude -g -$$3 -o $@ $(FETCH_SRC)

# The hostile guest: the box tests' peer with verbs of its own.
HOSTILE_GUEST := $(B)/tests/hostile/guest/guest
BOX_NEEDS += $(HOSTILE_GUEST)
box: $(HOSTILE_GUEST)

$(HOSTILE_GUEST): $(patsubst %.c,$(B)/%.o,$(wildcard tests/hostile/guest/*.c)) $(B)/tests/box/peer.o $(SHARED_OBJ)
	$(Q)$(LINK) -o $@ $^ $(BOX_LIBS) -lpthread
