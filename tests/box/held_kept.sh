#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device that is held back stays so when xenstored has lost what it knew, when it was taken while there was no
# xenstored, and when xenpcid ended with it; until it has been reset.
. "$(dirname "$0")/lib.sh"
STRICT=1

sys=$WORK/sys
mkdir -p "$sys/uevents"
path() { echo "$sys/bus/pci/devices/0000:$1"; }
for bdf in 03:00.0 04:00.0 05:00.0; do plain_function "$sys" $bdf $((0xfe000000 + 0x${bdf%%:*} * 0x10000)); done
host=(-v -v --devices "sysfs:$sys" --sysfs-root "$sys")
# What is there to reset with refuses, as under lockdown; or does not.
refuse_reset() { rm "$(path "$1")/reset" && mkdir "$(path "$1")/reset"; }
allow_reset() { rmdir "$(path "$1")/reset" && : >"$(path "$1")/reset"; }
operator() { in_domain 0 "$B/xenpci" -d "sysfs:$sys" "$@" >"$WORK/out" 2>&1; }
announces() { # ACTION BDF [KEY=VALUE]
	"$B/tests/box/announce" "$sys" "$1" pci "/devices/pci0000:00/0000:$2" "${@:3}"
}
forget() { # N
	store rm "$(be "$1")"
	store rm "$(fe "$1")"
	store rm "$(error_node "$1")"
}
refused() { # NAME BDF
	create_nodes 7 "0000:$2"
	check "$1: the next guest does not get it" await "$(be 7 state-0)" 6 5000
	like "$1: for this rule" "$(node "$(error_node 7)")" '\[rule unreset; '
	forget 7
	check_not "$1: nor is it assignable, says check" operator check "$2"
	like "$1: for the same" "$(cat "$WORK/out")" 'rule unreset'
}
emptied() {
	log_mark
	xenstored_kill && wait_for 5000 logged_since 'warning: xenstore: ' && "$@" && xenstored_start &&
		wait_for 5000 logged_since 'xenstore is back .* and empty'
}
held_back() { wait_for 3000 logged_since "0000:$1: held back until it has been reset"; }
is_taken() { plain_bind "$sys" 04:00.0 e1000e && announces bind 04:00.0 DRIVER=e1000e && # while xenstored is gone
	wait_for 5000 logged_since '0000:04:00.0: taken away: driver e1000e'; }

box_up
daemon_start "${host[@]}"
guest 7
guest 8
log_mark

refuse_reset 03:00.0
create_nodes 7 0000:03:00.0
check "a device whose reset fails is not given" await "$(be 7 state-0)" 6 5000
forget 7
check "and is held back" held_back 03:00.0
check "xenstored forgets" emptied true
allow_reset 03:00.0
refused "emptied" 03:00.0

create_nodes 8 0000:04:00.0
check "another has another" await "$(be 8 state-0)" 3 5000
check "its host takes that while there is no xenstored" emptied is_taken
check_not "which is no error" logged_since 'cannot be noted'
xb destroy "$DIR" 8 --crash
check "its guest ends" wait_for 5000 logged_since "guest 8: released"
plain_bind "$sys" 04:00.0 pciback
refused "taken meanwhile" 04:00.0

# Both at once: the next xenpcid finds a xenstore without a word of ours.
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
xenstored_kill
xenstored_start
daemon_start "${host[@]}"
refused "both ended" 03:00.0

for bdf in 03:00.0 04:00.0; do
	check "a reset by the operator, $bdf" operator reset $bdf
	check "it may be given, $bdf" operator check $bdf
done
create_nodes 7 0000:03:00.0 0000:04:00.0
check "both are given" await "$(be 7 state-1)" 3 5000
is "both indeed" "$(node "$(be 7 state-0)")" 3
is "no note is left" "$(find "$WORK/state" -name 'quarantine-*')" ""
forget 7
daemon_stop
