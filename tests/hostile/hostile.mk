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
