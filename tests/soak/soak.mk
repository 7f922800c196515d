# SPDX-License-Identifier: MIT
# make soak HOURS=n, or OPERATIONS=n: the long run (tests/soak/README.md). SEED=n repeats a story. The box tests have
# a short one.

OPERATIONS ?=
SEED ?=
SOAK_EVERY ?= 100

BOX_TESTS += tests/soak/soak.sh

.PHONY: soak
soak: all $(BOX_NEEDS)
	$(Q)B=$(B) HOURS='$(HOURS)' OPERATIONS='$(OPERATIONS)' SEED='$(SEED)' EVERY='$(SOAK_EVERY)' tests/soak/soak.sh
