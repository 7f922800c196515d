# SPDX-License-Identifier: MIT
# make fuzz: libFuzzer over the harnesses of tests/fuzz/, with clang's sanitizers, SECONDS_EACH of each
# (HOURS=n: as long in all), beginning with the stored corpus; then what of the code was reached. What is
# new and worth keeping goes to build-fuzz/corpus; an input that broke something stays in build-fuzz/found.
# make fuzz-coverage: the stored corpus alone, whose coverage is judged the same. Everywhere else, make check runs
# the stored corpus through the same harnesses without libFuzzer. make fuzz-merge: what was found and reaches more
# joins the stored corpus.

FUZZ_HARNESSES := operations messages nodes settings dump remembered control ledger pciback replies
FUZZ_WORLD := messages nodes remembered
SECONDS_EACH ?= 30
HOURS ?=
# Where llvm-cov is not there: yes fails, no says so and goes on.
COVERAGE ?= $(if $(filter true,$(CI)),yes,no)
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-fprofile-instr-generate -fcoverage-mapping

# What comes to trouble.c first: the calls that it wraps.
FUZZ_WRAPPED := $(shell sed -n 's/^WRAP.[a-z]*, [^,]*, \([a-z_0-9]*\),.*/\1/p; s/.*[ *]__wrap_\([a-z_0-9]*\)[^a-z_0-9].*;/\1/p' \
	tests/fuzz/trouble.c)
FUZZ_WRAP := $(patsubst %,-Wl$(comma)--wrap=%,$(FUZZ_WRAPPED))

# Parts that only some have.
FUZZ_OBJ_operations := $(B)/tests/fuzz/oracle.o $(B)/tests/fuzz/requests.o
FUZZ_OBJ_control := $(B)/operator/ask.o
fuzz_parts = $(B)/tests/fuzz/$(1).o $(B)/tests/fuzz/file.o $(B)/tests/fuzz/trouble.o $(FUZZ_OBJ_$(1)) \
	$(if $(filter $(1),$(FUZZ_WORLD)),$(B)/tests/fuzz/served.o $(WORLD_OBJ) $(B)/tests/model/moves.o) $(B)/tests/libunit-backend.a
# The world has a xenstore of its own.
fuzz_libs = $(shell $(PKG_CONFIG) --libs $(if $(filter $(1),$(FUZZ_WORLD)),,xenstore) xencall xentoollog) -lconfig -ljson-c
FUZZ_REPLAY := $(patsubst %,$(B)/tests/fuzz/replay_%,$(FUZZ_HARNESSES))

define FUZZ_RULES
$(B)/tests/fuzz/fuzz_$(1): $(call fuzz_parts,$(1))
	$$(Q)$$(LINK) $$(FUZZ_WRAP) -fsanitize=fuzzer -o $$@ $$^ $(call fuzz_libs,$(1))
$(B)/tests/fuzz/replay_$(1).bin: $(B)/tests/fuzz/replay.o $(call fuzz_parts,$(1))
	$$(Q)$$(LINK) $$(FUZZ_WRAP) -o $$@ $$^ $(call fuzz_libs,$(1))
$(B)/tests/fuzz/replay_$(1): $(B)/tests/fuzz/replay_$(1).bin
	@printf '#!/bin/sh\nexec %s tests/fuzz/corpus/$(1)\n' $$< >$$@
	@chmod +x $$@
endef
$(foreach h,$(FUZZ_HARNESSES),$(eval $(call FUZZ_RULES,$(h))))

BOX_TESTS += $(FUZZ_REPLAY)
BOX_NEEDS += $(FUZZ_REPLAY)
box: $(FUZZ_REPLAY)

FUZZ_MAKE = $(MAKE) --no-print-directory B=build-fuzz CC=clang HARDENING= CFLAGS='-O1 -g' \
	SANFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link'
FUZZ_PROGRAMS = $(patsubst %,$(B)/tests/fuzz/fuzz_%,$(FUZZ_HARNESSES))

.PHONY: fuzz fuzz-ci fuzz-coverage fuzz-merge fuzz-run fuzz-merge-run
# A few seconds of each.
fuzz-ci:
	+$(Q)$(MAKE) --no-print-directory fuzz SECONDS_EACH=3 HOURS=

fuzz-coverage:
	+$(Q)$(MAKE) --no-print-directory fuzz SECONDS_EACH=0 HOURS=

fuzz: need-fuzz
	+$(Q)$(FUZZ_MAKE) fuzz-run

fuzz-run: $(FUZZ_PROGRAMS)
	$(Q)SECONDS_EACH='$(SECONDS_EACH)' HOURS='$(HOURS)' COVERAGE='$(COVERAGE)' tests/fuzz/run $(B) $(FUZZ_HARNESSES)

fuzz-merge: need-fuzz
	+$(Q)$(FUZZ_MAKE) fuzz-merge-run

fuzz-merge-run: $(FUZZ_PROGRAMS)
	$(Q)tests/fuzz/merge $(B) $(FUZZ_HARNESSES)
