# SPDX-License-Identifier: MIT
# make model: the protocol's machines explored whole on the supervisor's own objects (tests/model/).

WORLD_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/model/world*.c))
MODEL := $(B)/tests/model/model
MODEL_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/model/*.c))

# Allocations can be put back as they were; descriptors are numbers; time stands still.
MODEL_WRAP := $(foreach f,malloc calloc free close message_pair clock_gettime backend_action,-Wl,--wrap=$(f))

$(MODEL): $(MODEL_OBJ) $(B)/tests/libunit-backend.a
	$(Q)$(LINK) $(MODEL_WRAP) -o $@ $^ $(shell $(PKG_CONFIG) --libs xencall xentoollog) -lconfig

.PHONY: model
model: $(MODEL)
	$(Q)$(MODEL)

# What make check has of it, seconds; and that it sees what is broken on purpose.
BOX_TESTS += tests/model/check.sh
BOX_NEEDS += $(MODEL)
box: $(MODEL)
