# SPDX-License-Identifier: MIT
# xenpci, the operator's command. It takes what it needs of the daemon's parts.

OPERATOR_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard operator/*.c))

PROGRAMS += $(B)/xenpci

$(B)/operator/libbackend.a: $(BACKEND_OBJ) $(SHARED_OBJ)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/xenpci: $(OPERATOR_OBJ) $(B)/operator/libbackend.a
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(BACKEND_LIBS)
