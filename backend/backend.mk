# SPDX-License-Identifier: MIT
# xenpcid, and the worker, which is a program of its own.

libexecdir ?= $(PREFIX)/libexec/xenpci
BACKEND_SRC := $(wildcard backend/*.c $(addprefix backend/,$(addsuffix /*.c,config messages job gate keeper spawner control supervisor)))
BACKEND_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out backend/supervisor/main.c,$(BACKEND_SRC)))
BACKEND_LIBS = $(shell $(PKG_CONFIG) --libs xenstore xencall xenevtchn xentoollog) -lconfig -lseccomp -lcap-ng -ljson-c

WORKER_SRC := $(wildcard backend/worker/*.c backend/config/*.c backend/messages/*.c)
WORKER_OBJ := $(patsubst %.c,$(B)/%.o,$(WORKER_SRC) protocol/page.c common/number.c common/ratelimit.c common/sbdf.c host/policy.c host/device/pcidev.c host/device/slow.c)
WORKER_LIBS = $(shell $(PKG_CONFIG) --libs xenevtchn xengnttab xentoollog)

PROGRAMS += $(B)/xenpcid $(B)/xenpci-worker

$(B)/xenpcid: $(B)/backend/supervisor/main.o $(CLI_OBJ) $(BACKEND_OBJ) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(BACKEND_LIBS) $(CLI_LIBS)

$(B)/xenpci-worker: $(WORKER_OBJ)
	$(Q)$(LINK) -o $@ $^ $(WORKER_LIBS)
