# SPDX-License-Identifier: MIT
# make check: unit tests, the same under valgrind (where no sanitizer is built
# in), and box tests, counted together. SAN=1 builds everything of ours with ASan
# and UBSan, into a build directory of its own.

.PHONY: check check-run check-oxenstored check-oxenstored-run unit demo demo-run
VALGRIND_TESTS := $(if $(SAN),,$(patsubst $(B)/tests/unit/%,$(B)/tests/valgrind/valgrind_%,$(UNIT_TESTS)))
DUMPS ?= $(abspath ../shared/dumps)
CASES ?= $(abspath ../shared/cases)
BOX_TESTS += tests/xenbox/selftest
CHECK_ENV = B=$(B) XENPCI_DUMPS=$(DUMPS) XENPCI_CASES=$(CASES) UBSAN_OPTIONS=print_stacktrace=1 \
	ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0

# Two steps, since what make reads of installed libraries it reads at its start.
check: need-test
	+$(Q)$(MAKE) --no-print-directory check-run

check-run: all $(UNIT_TESTS) $(VALGRIND_TESTS) $(BOX_TESTS) $(BOX_NEEDS)
	$(Q)$(CHECK_ENV) tests/run $(B)/tests/logs $(UNIT_TESTS) $(VALGRIND_TESTS) $(BOX_TESTS)

# The box tests with the other xenstored, which Debian's init script prefers; but for those in which none takes
# part, or none that matters.
NO_XENSTORED = $(FUZZ_REPLAY) tests/model/check.sh tests/hostile/xsa_155_478.sh tests/hostile/worker.sh \
	tests/hostile/advisories.sh tests/hostile/xsa_043_130.sh tests/hostile/xsa_302.sh tests/hostile/xsa_360.sh \
	$(wildcard tests/install/*.sh tests/documents/*.sh) tests/box/offline.sh \
	tests/box/dumps.sh tests/box/quick.sh tests/box/json_fields.sh tests/box/logs.sh tests/faults/faults.sh
check-oxenstored: need-test
	+$(Q)$(MAKE) --no-print-directory check-oxenstored-run

check-oxenstored-run: all $(BOX_NEEDS)
	$(Q)if $(XENBOX_B)/xenbox which oxenstored >/dev/null; then \
		XENBOX_XENSTORED=oxenstored $(CHECK_ENV) tests/run $(B)/tests/logs/oxenstored \
			$(filter-out $(NO_XENSTORED),$(BOX_TESTS)); \
	else echo "oxenstored is not installed: nothing was tested with it"; fi

# A quick round while writing code.
unit: $(UNIT_TESTS)
	$(Q)$(CHECK_ENV) tests/run $(B)/tests/logs $(UNIT_TESTS)

$(B)/tests/valgrind/valgrind_%: $(B)/tests/unit/%
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec valgrind -q --leak-check=full --error-exitcode=99 %s\n' $< >$@
	@chmod +x $@

demo: need-demo
	+$(Q)$(MAKE) --no-print-directory demo-run

demo-run: all
	$(Q)B=$(B) DUMP="$(DUMP)" tests/box/demo
