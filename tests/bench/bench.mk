# SPDX-License-Identifier: MIT
# make bench (in the box), make bench-xen (in the rig): the figures of
# protocol/PERFORMANCE.md, as lines `name value unit` and in $(B)/bench/*.json.

BENCH_PROGRAMS := $(addprefix $(B)/tests/bench/,asker answerer crowd attacher steps)
BENCH_LIBS := $(shell $(PKG_CONFIG) --libs xenstore xenevtchn xengnttab xentoollog 2>/dev/null) -pthread

$(B)/tests/bench/asker: $(B)/tests/bench/asker.o $(FRONTEND_OBJ) $(SHARED_OBJ)
$(B)/tests/bench/answerer: $(B)/tests/bench/answerer.o $(SHARED_OBJ)
$(B)/tests/bench/crowd: $(B)/tests/bench/crowd.o $(FRONTEND_OBJ) $(SHARED_OBJ)
$(B)/tests/bench/attacher: $(B)/tests/bench/attacher.o $(SHARED_OBJ)

$(B)/tests/bench/steps: $(B)/tests/bench/steps.o

$(BENCH_PROGRAMS):
	$(Q)$(LINK) -o $@ $^ $(BENCH_LIBS)

.PHONY: bench bench-xen bench-run
bench: need-bench
	+$(Q)$(MAKE) --no-print-directory bench-run

bench-run: all $(BENCH_PROGRAMS) $(HOSTILE_GUEST)
	$(Q)B=$(B) tests/bench/box

bench-xen: need-bench need-xen
	+$(Q)$(MAKE) --no-print-directory all $(BENCH_PROGRAMS) images-xen
	$(Q)B=$(B) tests/bench/xen
