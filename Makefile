# SPDX-License-Identifier: MIT
#
#   make            everything, into build/
#   make demo       the main job on this machine, no Xen needed
#                   (DUMP=FILE: on another, as lspci -vvxxxx printed it)
#   make check      unit and box tests (SAN=1: under ASan and UBSan)
#   make check-oxenstored  the box tests with the xenstored in OCaml
#   make demo-xen   the main job on real Xen, which boots under QEMU
#   make check-xen  the scenarios on real Xen (tests/xen/README.md)
#   make shell-xen  an interactive dom0
#   make bench      the figures of protocol/PERFORMANCE.md; make bench-xen: those on real Xen
#   make lint       clang-tidy, cppcheck, a build with clang, unit tests under valgrind
#   make install    DESTDIR= PREFIX=
#   make help       all targets

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
V ?=

B ?= build$(if $(SAN),-san)$(if $(filter clang,$(CC)),-clang)
PKGS := xenstore xenevtchn xengnttab xencall xentoollog
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes \
	-Wwrite-strings -Wformat=2 -Wundef -Werror
CFLAGS ?= -O2 -g
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -D__XEN_TOOLS__ -DXENPCI_VERSION='"$(VERSION)"' -I. -Iinclude \
	-fPIC -fvisibility=hidden -MMD -MP $(WARNINGS) $(CFLAGS)
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
SHARED_OBJ := $(patsubst %.c,$(B)/%.o,$(PROTOCOL_SRC) $(COMMON_SRC))

include $(wildcard host/host.mk backend/backend.mk operator/operator.mk frontend/frontend.mk tests/unit/unit.mk tests/xenbox/xenbox.mk \
	tests/box/box.mk tests/bench/bench.mk tests/xen/xen.mk)
include make/deps.mk make/check.mk make/lint.mk make/install.mk

.PHONY: all help clean
all: $(PROGRAMS) $(LIBRARIES)

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

# One rule compiles everything that is ours; box and rig parts that must stay
# free of sanitizers have rules of their own.
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

clean:
	rm -rf build build-san build-clang build-san-clang

-include $(shell find $(addprefix $(B)/,common protocol host backend operator frontend tests) -name '*.d' -type f 2>/dev/null)
