# SPDX-License-Identifier: MIT
#
#   make            everything, into build/
#   make demo       the main job on this machine, no Xen needed
#                   (DUMP=FILE: on another, as lspci -vvxxxx printed it)
#   make check      unit and box tests (SAN=1: under ASan and UBSan)
#   make check-oxenstored  the box tests with the xenstored in OCaml
#   make demo-xen   the main job on real Xen, which boots under QEMU
#   make check-xen  the scenarios on real Xen (tests/xen/README.md); BOOTS="GROUP...": some of its boots
#   make shell-xen  an interactive dom0
#   make bench      the figures of protocol/PERFORMANCE.md; make bench-xen: those on real Xen
#   make fuzz       libFuzzer over tests/fuzz, 30 s each (HOURS=n), and what of the code it reached
#   make fuzz-coverage  what the stored inputs alone reach, compared with tests/fuzz/unreached.txt
#   make faults     each call of a life of two guests fails once (tests/faults); FAULTS_EVERY=n: every n-th
#   make soak HOURS=n  all of it in random order, for so long (tests/soak); OPERATIONS=n: so many
#   make model      the protocol's machines explored whole (tests/model)
#   make check-mutants  each of tests/mutants' broken builds is caught by a test (check-mutants-quick: a sample)
#   make lint       clang-tidy, cppcheck, a build with clang, unit tests under valgrind
#   make deps       installs what is missing for these (deps-lint, -bench, -xen, -deb...: for those)
#   make install    DESTDIR= PREFIX= sbindir= bindir= libdir= includedir= mandir= ...; make uninstall
#   make deb        Debian packages, into build/deb; make check-deb: installed in chroots
#   make dist       the sources as a tar file
#   make cross-arm64  everything compiles for arm64
#   make help       all targets
#
# CC, CPPFLAGS, CFLAGS, LDFLAGS are the builder's and come last. WERROR=1 makes warnings errors (where
# CI=true they are); HARDENING= builds without the flags that make attacks harder.

# The public header's, which is where it stands.
VERSION := $(shell awk '$$2 ~ /^XENPCIFRONT_VERSION_(MAJOR|MINOR|PATCH)$$/ { v = v s $$3; s = "." } END { print v }' \
	include/xenpci/xenpcifront.h)
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
V ?=
CI ?=
WERROR ?= $(if $(filter true,$(CI)),1)
CROSS_COMPILE ?=
ifneq ($(CROSS_COMPILE),)
CC := $(CROSS_COMPILE)gcc
AR := $(CROSS_COMPILE)ar
LD := $(CROSS_COMPILE)ld
endif
OBJCOPY ?= $(CROSS_COMPILE)objcopy

B ?= build$(if $(SAN),-san)$(if $(filter clang,$(CC)),-clang)
PKGS := xenstore xenevtchn xengnttab xencall xentoollog
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes \
	-Wwrite-strings -Wformat=2 -Wundef $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
comma := ,

# What the compiler has of this; _FORTIFY_SOURCE only where it optimises, and nobody else set it.
cc_has = $(shell $(CC) -Werror $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && echo '$(1)')
HARDENING ?= yes
ifneq ($(HARDENING),)
HARDENING_CFLAGS := $(foreach f,-fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-mbranch-protection=standard,$(call cc_has,$(f)))
HARDENING_CPPFLAGS := $(if $(or $(SAN),$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))),,$(if \
	$(filter -O -O1 -O2 -O3 -Os -Oz -Og,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDENING_LDFLAGS := -Wl,-z,relro -Wl,-z,now
endif

SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -D__XEN_TOOLS__ -DXENPCI_VERSION='"$(VERSION)"' -DXENPCI_LIBEXECDIR='"$(libexecdir)"' \
	-I. -Iinclude \
	-fPIC -fvisibility=hidden -MMD -MP $(WARNINGS) $(HARDENING_CFLAGS) $(HARDENING_CPPFLAGS) $(CPPFLAGS) $(CFLAGS)
# How a program, and how a shared library is linked. All objects are position independent.
LINK_SO = $(CC) $(CFLAGS) $(SANFLAGS) $(HARDENING_LDFLAGS) $(LDFLAGS)
LINK = $(LINK_SO) -pie
Q := $(if $(V),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# Each part names its sources and adds its programs to PROGRAMS, LIBRARIES or TESTS.
PROTOCOL_SRC := $(wildcard protocol/*.c)
COMMON_SRC := $(wildcard common/*.c)
PROGRAMS :=
LIBRARIES :=
UNIT_TESTS :=
# Command lines: of the programs, not of the library.
CLI_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard common/cli/*.c))
# argp is the C library's, or (musl) a library of its own.
CLI_LIBS = $(shell echo 'int argp_parse(); int main(void) { return argp_parse(0, 0, 0, 0, 0, 0); }' | \
	$(CC) -std=gnu89 -w $(CFLAGS) $(LDFLAGS) -x c -o /dev/null - 2>/dev/null || echo -largp)
SHARED_OBJ := $(patsubst %.c,$(B)/%.o,$(PROTOCOL_SRC) $(COMMON_SRC))

include $(wildcard host/host.mk backend/backend.mk operator/operator.mk frontend/frontend.mk tests/unit/unit.mk tests/xenbox/xenbox.mk \
	tests/box/box.mk tests/hostile/hostile.mk tests/bench/bench.mk tests/pvkernel/pvkernel.mk tests/xen/xen.mk)
include tests/faults/faults.mk tests/soak/soak.mk make/deps.mk make/model.mk make/fuzz.mk make/check.mk make/lint.mk make/man.mk make/install.mk make/cross.mk make/deb.mk make/mutants.mk

.PHONY: all help clean
all: $(PROGRAMS) $(LIBRARIES)

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

# One rule compiles everything that is ours; box and rig parts that must stay
# free of sanitizers have rules of their own.
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

# Headers that are used where they are there: what was compiled before one was installed is compiled anew.
has = $(shell printf '\043include <%s>\n' $(1) | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo with || echo without)
SEEN := $(B)/seen/$(call has,valgrind/memcheck.h)-memcheck-$(call has,sys/sdt.h)-sdt
.PHONY: look
$(SEEN): look
	@[ -e $@ ] || { rm -rf $(@D) && mkdir -p $(@D) && touch $@; }
$(patsubst %,$(B)/%.o,tests/xenbox/preload_call backend/supervisor/guest_state backend/worker/requests): $(SEEN)

clean:
	rm -rf build build-san build-clang build-san-clang build-arm64

-include $(shell find $(addprefix $(B)/,common protocol host backend operator frontend tests) -name '*.d' -type f 2>/dev/null)
