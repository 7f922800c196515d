# SPDX-License-Identifier: MIT
# make fuzz: libFuzzer over the harnesses of tests/fuzz/, with clang's sanitizers, SECONDS_EACH of each
# (HOURS=n: as long in all), beginning with the stored corpus; then what of the code was reached. What is
# new and worth keeping goes to build-fuzz/corpus; an input that broke something stays in build-fuzz/found.
# Everywhere else, make check runs the stored corpus through the same harnesses without libFuzzer.

FUZZ_HARNESSES := operations messages nodes settings dump remembered
FUZZ_WORLD := messages nodes remembered
SECONDS_EACH ?= 30
HOURS ?=
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-fprofile-instr-generate -fcoverage-mapping

fuzz_parts = $(B)/tests/fuzz/$(1).o $(B)/tests/fuzz/file.o $(if $(filter $(1),operations),$(B)/tests/fuzz/oracle.o) \
	$(if $(filter $(1),$(FUZZ_WORLD)),$(B)/tests/fuzz/served.o $(WORLD_OBJ) $(B)/tests/model/moves.o) $(B)/tests/libunit-backend.a
FUZZ_LIBS = $(shell $(PKG_CONFIG) --libs xencall xentoollog) -lconfig
FUZZ_REPLAY := $(patsubst %,$(B)/tests/fuzz/replay_%,$(FUZZ_HARNESSES))

define FUZZ_RULES
$(B)/tests/fuzz/fuzz_$(1): $(call fuzz_parts,$(1))
	$$(Q)$$(LINK) -fsanitize=fuzzer -o $$@ $$^ $$(FUZZ_LIBS)
$(B)/tests/fuzz/replay_$(1).bin: $(B)/tests/fuzz/replay.o $(call fuzz_parts,$(1))
	$$(Q)$$(LINK) -o $$@ $$^ $$(FUZZ_LIBS)
$(B)/tests/fuzz/replay_$(1): $(B)/tests/fuzz/replay_$(1).bin
	@printf '#!/bin/sh\nexec %s tests/fuzz/corpus/$(1)\n' $$< >$$@
	@chmod +x $$@
endef
$(foreach h,$(FUZZ_HARNESSES),$(eval $(call FUZZ_RULES,$(h))))

BOX_TESTS += $(FUZZ_REPLAY)
BOX_NEEDS += $(FUZZ_REPLAY)
box: $(FUZZ_REPLAY)

.PHONY: fuzz fuzz-ci fuzz-run
# What CI has of it: the stored corpus, and a few seconds of each.
fuzz-ci:
	+$(Q)$(MAKE) --no-print-directory fuzz SECONDS_EACH=3 HOURS=

fuzz: need-fuzz
	+$(Q)$(MAKE) --no-print-directory B=build-fuzz CC=clang HARDENING= CFLAGS='-O1 -g' \
		SANFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' fuzz-run

fuzz-run: $(patsubst %,$(B)/tests/fuzz/fuzz_%,$(FUZZ_HARNESSES))
	$(Q)SECONDS_EACH='$(SECONDS_EACH)' HOURS='$(HOURS)' tests/fuzz/run $(B) $(FUZZ_HARNESSES)
