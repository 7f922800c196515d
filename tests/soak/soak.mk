# SPDX-License-Identifier: MIT
# make soak HOURS=n, or OPERATIONS=n: the long run (tests/soak/README.md). SEED=n repeats a story. It is none
# of the box tests: what it is for is to go on for longer than those may.

OPERATIONS ?=
SEED ?=
SOAK_EVERY ?= 100

.PHONY: soak
soak: all $(BOX_NEEDS)
	$(Q)B=$(B) HOURS='$(HOURS)' OPERATIONS='$(OPERATIONS)' SEED='$(SEED)' EVERY='$(SOAK_EVERY)' tests/soak/soak.sh
