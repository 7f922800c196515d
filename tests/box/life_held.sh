#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Devices that are not given for what they are now: held by nobody, dead, not reset after a guest, of
# a segment that Xen cannot name; resets that the kernel withholds; lines that are none.
. "$(dirname "$0")/lib.sh"
STRICT=1

sys=$WORK/sys
path() { echo "$sys/bus/pci/devices/0000:$1"; }
sysfs() { in_domain 0 "$B/xenpci" -d "sysfs:$sys" "$@" >"$WORK/out" 2>&1; }
out() { cat "$WORK/out"; }
refused() { # NAME BDF RULE: guest 7 is not given it
	create_nodes 7 "0000:$2"
	check "$1: the entry is closed" await "$(be 7 state-0)" 6 5000
	like "$1: for this rule" "$(node "$(error_node 7)")" "\\[rule $3; "
	gone_again 7
}
given() { # NAME BDF
	create_nodes 7 "0000:$2"
	check "$1" await "$(be 7 state-0)" 3 5000
}
gone_again() {
	store rm "$(be "$1")"
	store rm "$(fe "$1")"
	store rm "$(error_node "$1")"
}
taken_back() { # BDF
	gone_again 7
	check "$1 is taken back" wait_for 3000 logged_since "0000:$1 taken back"
	log_mark
}
# An express capability at 0x40 with FLR, of an endpoint of the root complex.
with_flr() {
	plain_put "$sys" "$1" 6 '\x10'
	plain_put "$sys" "$1" 52 '\x40'
	plain_put "$sys" "$1" 64 '\x10\x00\x92\x00\x00\x00\x00\x10'
}
control() { od -An -v -tx1 -j 72 -N 2 "$(path "$1")/config" | tr -d " \n"; } # its device control register

for bdf in 03:00.0 04:00.0 05:00.0 06:00.0; do plain_function "$sys" $bdf $((0xfe000000 + 0x$(echo ${bdf%%:*}) * 0x10000)); done
box_up
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"
guest 7
guest 8
log_mark

# --- Held by nobody ---
rm "$(path 03:00.0)/driver"
check_not "check: what nothing holds is not assignable" sysfs check 03:00.0
like "which it says" "$(out)" 'held by nobody'
refused "a device without any driver" 03:00.0 not-held
check_not "xenpci attach refuses it, too" sysfs attach 7 03:00.0 --no-wait
like "with what to do" "$(out)" 'xenpci assignable add it; allow = \["not-held"\]'
plain_bind "$sys" 03:00.0 pciback
given "held it is given" 03:00.0
taken_back 03:00.0

# --- A reset that failed is not passed over ---
rm "$(path 03:00.0)/reset"
mkdir "$(path 03:00.0)/reset" # what is there to reset with refuses, as under lockdown
given "a device that nobody can have used since its last reset" 03:00.0
gone_again 7
check "its reset afterwards fails: it is held back" wait_for 3000 logged_since \
	'0000:03:00.0: held back until it has been reset .*kernel: it failed'
like "as xenstore remembers" "$(node /local/domain/0/xenpci/quarantine/0000-03-00-0)" '^xenpci-quarantine [0-9]+ [0-9]+ unreset: kernel: it failed'
log_mark
refused "the next guest does not get it" 03:00.0 unreset
check_not "check says so" sysfs check 03:00.0
like "and what to do" "$(out)" 'rule unreset; xenpci reset it; allow = \["unreset"\]'
check_not "a reset that fails again" sysfs reset 03:00.0
refused "helps nothing" 03:00.0 unreset
rmdir "$(path 03:00.0)/reset"
: >"$(path 03:00.0)/reset"
refused "that it would work now is not enough" 03:00.0 unreset
check "a reset by the operator is" sysfs reset 03:00.0
check_not "nothing is remembered" store read /local/domain/0/xenpci/quarantine/0000-03-00-0
given "it is given again" 03:00.0
taken_back 03:00.0
# One whose first reset fails is not given either.
rm "$(path 04:00.0)/reset"
mkdir "$(path 04:00.0)/reset"
refused "a device whose reset fails at claim" 04:00.0 unreset
rmdir "$(path 04:00.0)/reset"
: >"$(path 04:00.0)/reset"
check "until one is done" sysfs reset 04:00.0

# --- It reads ones ---
cp "$(path 05:00.0)/config" "$WORK/config"
head -c 256 /dev/zero | tr '\0' '\377' >"$(path 05:00.0)/config"
check_not "check: what reads ones is not assignable" sysfs check 05:00.0
like "it does not answer, for these reasons" "$(out)" 'does not answer.*rule dead; .*D3cold'
refused "nor is it given" 05:00.0 dead
sysfs reset 05:00.0 &
resetting=$!
kernel_asked() { [ "$(cat "$(path 05:00.0)/reset")" = 1 ]; }
check "a reset is tried all the same, by what there is" wait_for 5000 kernel_asked
cp "$WORK/config" "$(path 05:00.0)/config"
check "it brings the device back" wait "$resetting"
like "after a while" "$(out)" 'reset by the kernel.*back after'
given "then it is given" 05:00.0
taken_back 05:00.0

# --- What the kernel withholds ---
with_flr 06:00.0
rm "$(path 06:00.0)/reset"
check_not "check: FLR that the kernel does not offer is none" sysfs check 06:00.0
like "which it says" "$(out)" 'reset flr is withheld: the kernel does not offer it'
refused "so that nothing can reset it" 06:00.0 no-reset
check_not "nor does xenpci reset use it" sysfs reset 06:00.0
is "no FLR was begun" "$(control 06:00.0)" 0000
check "unless it is named" sysfs reset -m flr 06:00.0
like "with a warning" "$(out)" 'warning: .*flr would not have been used unless it was named'
is "then it is begun" "$(control 06:00.0)" 0080
plain_put "$sys" 06:00.0 72 '\x00\x00'
: >"$(path 06:00.0)/reset"
echo "flr" >"$(path 06:00.0)/reset_method"
check "where the kernel lists it, it may be used" sysfs check 06:00.0
like "and check has it" "$(out)" 'reset: kernel \(flr\) flr'

# --- Linux's number for no line, twice, is no line in common ---
for bdf in 03:00.0 04:00.0; do
	echo 2147483648 >"$(path $bdf)/irq"
	plain_put "$sys" $bdf 60 '\xff\x01'
done
daemon_stop
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"
log_mark
sysfs check 03:00.0
like "check: a pin without a line" "$(out)" 'note: it has an interrupt pin without a line, and no MSI'
create_nodes 8 0000:04:00.0
check "one guest gets one" await "$(be 8 state-0)" 3 5000
given "another the other" 03:00.0
check "which is noted" logged_since '0000:03:00.0: note: it has an interrupt pin without a line'
peer g7 7
connect g7 7
config_read g7 0 0x3c 2
is "the guest reads neither line nor pin" "$R" "0 0"
end_peer g7
gone_again 8
taken_back 03:00.0

# --- A segment that Linux made up ---
mkdir -p "$sys/devices"
cp -r "$(path 03:00.0)" "$sys/bus/pci/devices/10000:e1:00.0"
calls=$(hypercalls | wc -l)
check_not "check: a device behind a VMD device" sysfs check 10000:e1:00.0
like "its rule says what to give" "$(out)" 'rule segment; give the VMD device'
check_not "it is not attached" sysfs attach -a all 7 10000:e1:00.0 --no-wait
create_nodes 7 10000:e1:00.0
check "nor given" await "$(be 7 state-0)" 6 5000
like "for this rule" "$(node "$(error_node 7)")" 'rule segment'
is "and Xen was given no number for it" "$(hypercalls | tail -n "+$((calls + 1))" | grep -cE 'e1:00|assign_device|map_pirq')" 0
gone_again 7
