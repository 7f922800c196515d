# SPDX-License-Identifier: MIT
# make faults: each call of a full life fails once (tests/faults/README.md). FAULTS_EVERY=n: every n-th.

FAULTS_B := $(B)/tests/faults
FAULTS := $(FAULTS_B)/libfaults.so $(FAULTS_B)/faultctl
FAULTS_EVERY ?= 1

# Without a sanitizer: the library is preloaded, and allocates in the program's place.
$(FAULTS_B)/%.o: tests/faults/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -U_FORTIFY_SOURCE -fno-builtin $(EXTRA_CFLAGS) -c -o $@ $<

$(FAULTS_B)/libfaults.so: $(FAULTS_B)/core.o $(FAULTS_B)/calls.o
	$(Q)$(CC) $(LDFLAGS) -shared -o $@ $^ -ldl

$(FAULTS_B)/faultctl: $(FAULTS_B)/faultctl.o
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $^

BOX_TESTS += tests/faults/faults.sh tests/faults/resume_faults.sh
BOX_NEEDS += $(FAULTS)
box: $(FAULTS)

.PHONY: faults
faults: all $(BOX_NEEDS)
	$(Q)B=$(B) FAULTS_EVERY=$(FAULTS_EVERY) FAULTS_RESULTS=$(FAULTS_B)/results tests/faults/faults.sh
