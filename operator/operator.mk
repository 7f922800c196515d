# SPDX-License-Identifier: MIT
# xenpci, the operator's command: host/ and nothing of the daemon's.

OPERATOR_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard operator/*.c))

PROGRAMS += $(B)/xenpci

$(B)/xenpci: $(OPERATOR_OBJ) $(CLI_OBJ) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(HOST_LIBS)
