# SPDX-License-Identifier: MIT

BACKEND_SRC := $(wildcard backend/*.c backend/*/*.c)
BACKEND_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out backend/main.c,$(BACKEND_SRC)))
BACKEND_LIBS = $(shell $(PKG_CONFIG) --libs xenstore xenevtchn xengnttab xencall xenforeignmemory xentoollog) -lconfig

PROGRAMS += $(B)/xenpcid

$(B)/xenpcid: $(B)/backend/main.o $(BACKEND_OBJ) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(BACKEND_LIBS)
