# SPDX-License-Identifier: MIT
# make check-mutants: each mutant of tests/mutants/ is built in a copy of the tree, and has to be
# caught by a test that is meant for it. MUTANTS="a b": only these. make check-mutants-quick: all have to
# apply, and a sample (tests/mutants/sample) is built, none of it later than MUTANTS_SECONDS after the
# tree itself.

.PHONY: check-mutants check-mutants-quick fetch box-programs
MUTANT_PATCHES = $(sort $(wildcard tests/mutants/*.patch))
MUTANTS_SECONDS ?= 60
check-mutants: need-test
	$(Q)tests/mutants/run $(B) $(if $(MUTANTS),$(patsubst %,tests/mutants/%.patch,$(MUTANTS)),$(MUTANT_PATCHES))

check-mutants-quick: need-test
	$(Q)tests/mutants/applies $(MUTANT_PATCHES)
	$(Q)MUTANTS_SECONDS=$(MUTANTS_SECONDS) tests/mutants/run $(B) $$(tests/mutants/sample $(MUTANT_PATCHES))

# What the runner has made, by the names that it knows.
fetch: $(FETCH)
box-programs: all $(BOX_NEEDS)
