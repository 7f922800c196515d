# SPDX-License-Identifier: MIT
# libxenpcifront (.a, .so, .pc) and the command xenpci-front.

FRONTEND_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard frontend/*.c))
FRONT_TOOL_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard frontend/tool/*.c))
FRONT_PKGS := xenstore xenevtchn xengnttab xentoollog
FRONT_LIBS := $(shell $(PKG_CONFIG) --libs $(FRONT_PKGS) 2>/dev/null) -pthread
FRONT_SONAME := libxenpcifront.so.0
FRONT_SO := libxenpcifront.so.$(VERSION)

LIBRARIES += $(B)/libxenpcifront.a $(B)/libxenpcifront.so $(B)/libxenpcifront.pc
PROGRAMS += $(B)/xenpci-front

# One object whose only global names are the public ones. Where the builder has link-time optimisation, it is done
# here: what is left for later has names that cannot be hidden, and wants the same compiler.
RELOCATABLE = $(if $(and $(filter -flto%,$(CFLAGS)),$(filter 0,$(shell \
	$(CC) -flinker-output=nolto-rel -x c -c -o /dev/null /dev/null 2>/dev/null; echo $$?))),\
	$(CC) $(CFLAGS) -nostdlib -r -flinker-output=nolto-rel,$(LD) -r)
$(B)/frontend/libxenpcifront.o: $(FRONTEND_OBJ) $(SHARED_OBJ)
	$(Q)$(RELOCATABLE) -o $@ $^ && $(OBJCOPY) --localize-hidden $@

$(B)/libxenpcifront.a: $(B)/frontend/libxenpcifront.o
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/$(FRONT_SO): $(FRONTEND_OBJ) $(SHARED_OBJ) frontend/libxenpcifront.map
	$(Q)$(LINK_SO) -shared -Wl,-soname,$(FRONT_SONAME) $(if $(SAN),,-Wl$(comma)-z$(comma)defs) \
		-Wl,--version-script=frontend/libxenpcifront.map \
		-o $@ $(filter %.o,$^) $(FRONT_LIBS)

$(B)/libxenpcifront.so: $(B)/$(FRONT_SO)
	$(Q)ln -sf $(FRONT_SO) $(B)/$(FRONT_SONAME) && ln -sf $(FRONT_SONAME) $@

$(B)/libxenpcifront.pc: frontend/libxenpcifront.pc.in
	@mkdir -p $(@D)
	$(Q)sed 's#@PREFIX@#$(PREFIX)#; s#@VERSION@#$(VERSION)#' $< >$@

# The command is linked with the library's objects: conform looks into the page itself.
$(B)/xenpci-front: $(FRONT_TOOL_OBJ) $(CLI_OBJ) $(FRONTEND_OBJ) $(SHARED_OBJ)
	$(Q)$(LINK) -o $@ $^ $(FRONT_LIBS) -lpci $(CLI_LIBS)
