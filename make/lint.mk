# SPDX-License-Identifier: MIT
# What reads the code instead of running it, and valgrind over the unit tests.

LINT_SRC := $(wildcard protocol/*.c common/*.c common/*/*.c host/*.c host/device/*.c host/device/*/*.c backend/*.c backend/*/*.c frontend/*.c frontend/*/*.c operator/*.c)
LINT_HDR := $(wildcard include/xenpci/*.h protocol/*.h common/*.h common/*/*.h host/*.h host/device/*.h host/device/*/*.h backend/*.h backend/*/*.h frontend/*.h frontend/*/*.h operator/*.h)

.PHONY: lint unlimited tidy cppcheck headers citations troubleshooting doors circles
lint: need-lint
	+$(Q)$(MAKE) --no-print-directory WERROR=1 citations troubleshooting doors circles unlimited headers tidy cppcheck
	+$(Q)$(MAKE) --no-print-directory WERROR=1 CC=clang all

# Each section of protocol/PROTOCOL.md that is cited exists.
citations:
	@make/citations

# Each warning and error that the daemon can print has its cause and its cure there; nor is this a check
# that cannot fail.
troubleshooting:
	@make/troubleshooting docs/troubleshooting.md $(filter backend/% host/% common/%,$(LINT_SRC))
	@! make/troubleshooting README.md $(filter backend/%,$(LINT_SRC)) >/dev/null

# What guests can cause is logged within a limit; the counter-proof is a table that lacks all reasons.
unlimited:
	@make/unlimited make/unlimited.txt $(filter backend/%,$(LINT_SRC))
	@! make/unlimited make/doors.txt $(filter backend/%,$(LINT_SRC)) >/dev/null

# No room is entered but by its door; nor is the check one that cannot fail.
doors:
	@make/doors make/doors.txt $(LINT_SRC) $(LINT_HDR)
	@mkdir -p $(B)/lint/host && cd $(B)/lint && echo '#include "backend/gate/mask.h"' >host/x.h && \
		! $(abspath make/doors) $(abspath make/doors.txt) host/x.h >/dev/null

# Calls between files point one way; nor is this check one that cannot fail.
circles: all doors
	@make/circles $(B) $(LINT_SRC)
	@printf 'void a(void); void b(void); void a(void) { b(); }' | $(CC) -x c -c -o $(B)/lint/one.o -
	@printf 'void a(void); void b(void); void b(void) { a(); }' | $(CC) -x c -c -o $(B)/lint/two.o -
	@! make/circles $(B) lint/one.c lint/two.c >/dev/null 2>&1

# Every header compiles alone.
headers:
	@for h in $(LINT_HDR); do \
		$(CC) $(ALL_CFLAGS) -MMD -MF /dev/null -fsyntax-only -x c $$h || exit 1; \
	done; echo "headers: $(words $(LINT_HDR)) compile alone"

# One clang-tidy per file, two at a time; what it prints besides findings is noise.
tidy:
	$(Q)printf '%s\n' $(LINT_SRC) | xargs -P 2 -n 1 sh -c 'clang-tidy --quiet --warnings-as-errors="*" \
		"$$@" -- $(subst ','\'',$(filter-out -MMD -MP,$(ALL_CFLAGS))) 2>/dev/null' tidy
	@echo "clang-tidy: $(words $(LINT_SRC)) files clean"

# The one system header whose macros it must know.
cppcheck: QUEUE_H = /usr/include/$(shell $(CC) -print-multiarch)/sys/queue.h
cppcheck:
	$(Q)cppcheck -j 2 --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem --include=$(QUEUE_H) \
		-I. -Iinclude $(LINT_SRC)
	@echo "cppcheck: $(words $(LINT_SRC)) files clean"
