#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device that a job could take and its guest's gate cannot open: told once, its entry closed, the guest's
# others served; and tried again when a person asks for it.
. "$(dirname "$0")/lib.sh"

SYS=$WORK/sys
first=0000:03:00.0 second=0000:04:00.0
plain_function "$SYS" 03:00.0 0xfe000000
plain_function "$SYS" 04:00.0 0xfe010000

box_up
daemon_start -v -v --devices "sysfs:$SYS" --sysfs-root "$SYS"
guest 7
peer g7 7
attach 7 $first
check "a guest is served" connect g7 7
gate=$(gate_of 7)
# No descriptor is left to it.
free=3
while [ -e "/proc/$gate/fd/$free" ]; do free=$((free + 1)); done
prlimit --pid "$gate" --nofile=$free:4096

log_mark
hot_nodes 7 2 1=$second
check "attached: the guest goes on" reconfigure g7 7
check "its entry is closed" await "$(be 7 state-1)" 6
like "the error node says why, and what to do" "$(node "$(error_node 7)")" \
	"$second: cannot open the device.*detach it and attach it anew"
like "it has no address" "$(node "$(be 7 vdev-1)")" ENOENT
config_read g7 0 0 4
is "the guest's other device is there" "$R" "0 10d38086"
wait_for 2000 false
is "it is told once" "$(log_since_count "cannot open the device")" 1
is "it was taken once" "$(log_since_count "$second given as")" 1

# --- Once more, by a person ---
log_mark
store begin
for leaf in dev state opts key; do store rm "$(be 7 $leaf-1)"; done
store write "$(be 7 num_devs)" 1
store commit
hot_nodes 7 2 1=$second
check "once more: the guest goes on" reconfigure g7 7
check "once more: its entry is closed again" await "$(be 7 state-1)" 6
is "once more: it is told again" "$(log_since_count "cannot open the device")" 1
prlimit --pid "$gate" --nofile=1024:4096
store begin
for leaf in dev state opts key; do store rm "$(be 7 $leaf-1)"; done
store write "$(be 7 num_devs)" 1
store commit
hot_nodes 7 2 1=$second
check "when it can: attached" reconfigure g7 7
is "when it can: it is the guest's" "$(node "$(be 7 state-1)")" 3
config_read g7 8 0 4
is "when it can: it is there" "$R" "0 10d38086"
check "its guest is served by the gate that it had" test "$(gate_of 7)" = "$gate"

daemon_stop
