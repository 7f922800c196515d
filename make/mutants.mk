# SPDX-License-Identifier: MIT
# make check-mutants: each mutant of tests/mutants/ is built in a copy of the tree, and has to be
# caught by a test that is meant for it. make check-mutants-quick: one in MUTANTS_OF (8), another
# eighth each day, and always the page's and the storms'. MUTANTS="a b": only these.

.PHONY: check-mutants check-mutants-quick fetch box-programs
MUTANT_PATCHES = $(sort $(wildcard tests/mutants/*.patch))
MUTANTS_OF ?= 8
check-mutants:
	$(Q)tests/mutants/run $(B) $(if $(MUTANTS),$(patsubst %,tests/mutants/%.patch,$(MUTANTS)),$(MUTANT_PATCHES))

check-mutants-quick:
	$(Q)tests/mutants/run $(B) $$(printf '%s\n' $(MUTANT_PATCHES) | awk -v of=$(MUTANTS_OF) -v day=$$(($$(date +%s) / 86400)) \
		'/\/(page_served|page_count|storm_unmasked)/ || NR % of == day % of')

# What the runner has made, by the names that it knows.
fetch: $(FETCH)
box-programs: all $(BOX_NEEDS)
