# SPDX-License-Identifier: MIT
# host/: what any dom0 program needs of this machine's devices.

HOST_SRC := $(wildcard host/*.c host/device/*.c host/device/*/*.c)
HOST_OBJ := $(patsubst %.c,$(B)/%.o,$(HOST_SRC))
HOST_LIBS = $(shell $(PKG_CONFIG) --libs xenstore xencall xentoollog) -lconfig

# An archive, so that a program takes in what it calls and nothing else.
$(B)/host/libhost.a: $(HOST_OBJ) $(SHARED_OBJ)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
