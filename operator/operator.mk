# SPDX-License-Identifier: MIT
# xenpci, the operator's command: host/, and of the daemon's the filter's table alone.

OPERATOR_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard operator/*.c))
# The filter, over a device that nothing is done to.
FILTER_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard backend/config/*.c))

PROGRAMS += $(B)/xenpci

$(B)/xenpci: $(OPERATOR_OBJ) $(CLI_OBJ) $(FILTER_OBJ) $(B)/host/libhost.a
	$(Q)$(LINK) -o $@ $^ $(HOST_LIBS) -ljson-c -lpci -pthread $(CLI_LIBS)
