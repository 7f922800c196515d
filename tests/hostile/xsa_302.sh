#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# XSA-302, XSA-306: a device that a guest has used does no DMA from before its reset on, stays with who
# held it, and nobody is told that it is free, nor gets it, until the reset is over. Resets here take
# until a file, the gate, is removed.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"

nic=0000:00:04.0
gate=$WORK/gate
# What its command register holds, in the machine's memory; the BAR tells it from the other one.
command_register() {
	od -An -v -tx4 -w4 "$(find "/proc/$DAEMON/fd" -lname '/memfd:registers*' | head -n 1)" |
		awk '{ word[NR] = $1 } $1 == "feb40000" && word[NR - 4] == "10d38086" { print substr(word[NR - 3], 5); exit }'
}
master() { [ $((0x$(command_register) & 4)) = 4 ]; }
no_master() { ! master; }
used() { # N: guest N has it at work
	check "guest $1 connects" connect "g$1" "$1"
	config_write "g$1" 0 4 2 0x407
	check "guest $1: it masters the bus" master
}
freed() { # NAME: while the reset is under way
	check "XSA-302: $1: bus mastering is off before the reset" wait_for 5000 no_master
	check "XSA-302: $1: a reset is under way" job_runs
}

box_up
daemon_start --devices "image:$bench,gate=$nic:$gate" -v -v
guests 7 8
create_nodes 7 $nic
used 7

# --- Detached ---
touch "$gate"
leave_nodes 7 0
await "$(be 7 state)" 7 && tell g7 write device/pci/0/state 7
freed "a detach"
create_nodes 8 $nic
check "another guest wants it" wait_for 5000 logged "guest 8: state 1 .* -> 2"
is "XSA-302: and does not have it" "$(node "$(be 8 state-0)")" 1
is "XSA-302: nor is the toolstack told yet" "$(node "$(be 7 state)")" 7
rm "$gate"
check "XSA-302: then it is told" await "$(be 7 state)" 8 5000
check "XSA-302: and the other guest gets it" await "$(be 8 state-0)" 3 5000
check "XSA-302: silent" no_master
used 8

# --- Its guest dies, and the process that served it does nothing for the device any more ---
touch "$gate"
kill -STOP "$(worker_of 8)"
end_peer g8 KILL
destroy 8
freed "a guest's death"
guest 9
create_nodes 9 $nic
check "the next guest wants it" wait_for 5000 logged "guest 9: state 1 .* -> 2"
is "XSA-302: the next guest does not have it" "$(node "$(be 9 state-0)")" 1
rm "$gate"
check "XSA-302: then it does" await "$(be 9 state-0)" 3 5000
check "XSA-302: silent" no_master
finish
