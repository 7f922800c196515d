#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An HVM guest's device is QEMU's, or Xen's: judged, recorded as the guest's, and nothing of it touched, at the
# claim, at a restart, at the end of xenpcid; reset and put back when the toolstack has taken it from the guest.
. "$(dirname "$0")/lib.sh"

sys=$WORK/sys
dev=$sys/bus/pci/devices/0000:03:00.0
plain_function "$sys" 03:00.0 0xfe000000
# At work: decoding, bus mastering, no INTx; as a driver leaves it.
plain_put "$sys" 03:00.0 4 '\x06\x04'
at_work=$(od -An -tx1 "$dev/config")

serve() { daemon_start -vv --devices "sysfs:$sys" --sysfs-root "$sys" --allow all "$@"; }
config_is() { is "$1" "$(od -An -tx1 "$dev/config")" "$at_work"; }
resets() { wc -c <"$dev/reset"; }
# Hypercalls that are about a device or an interrupt.
touched() { xb log "$DIR" | grep -E 'map_pirq|prepare_msix|release_msix|setup_gsi|device_reset|irq_permission|iomem_permission'; }
untouched() {
	config_is "$1: its registers are as they were"
	is "$1: it was not reset" "$(resets)" 0
	is "$1: Xen was told nothing of it" "$(touched)" ""
}

box_up
xb create "$DIR" 7 --hvm || bail "no HVM guest"
serve
create_nodes 7 0000:03:00.0
check "an HVM guest's device is exported" await "$(be 7 state)" 3
is "it has its entry" "$(node "$(be 7 state-0)")" 3
untouched "claimed"

guest 8
create_nodes 8 0000:03:00.0
check "nobody else gets it" wait_for 5000 logged 'in use by guest 7'
store rm "$(be 8)"
untouched "asked for by another guest"

# What calls itself a PV frontend in there is none.
xb run "$DIR" 7 -- true
store write "$(fe 7 state)" 3
sleep 0.3
is "no frontend is connected" "$(node "$(be 7 state)")" 3
untouched "after a frontend's state"
store write "$(fe 7 state)" 1

kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
serve
check "a successor goes on with it" wait_for 5000 logged '03:00.0 goes on as'
untouched "killed, and started again"

# At its end, its nodes there as they are.
kill -TERM "$DAEMON"
check "xenpcid ends" wait_for 10000 gone "$DAEMON"
wait "$DAEMON"
check "it says that the guest keeps it" logged '03:00.0 stays with its guest, as it is'
is "the instance stays as it is, for who takes it back" "$(node "$(be 7 state)")" 3
untouched "stopped"
serve
check "the next one goes on with it" wait_for 5000 eval '[ "$(log_count "03:00.0 goes on as")" = 2 ]'
untouched "started again"

leave_nodes 7 0
check "taken from the guest" wait_for 5000 logged '03:00.0 taken back'
check "its entry is answered" await "$(be 7 state)" 3
check "it is reset" eval '[ "$(resets)" -gt 0 ]'
is "and at rest" "$(od -An -tx1 -j 4 -N 1 "$dev/config")" " 00"

# The toolstack has not removed the entry yet: there is nothing more to do, and nothing is done.
sleep 0.2
is "the look at its nodes comes to rest" "$(log_count 'is to leave, but is not here')" 0
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
before=$(for pid in $(family "$DAEMON"); do ticks "$pid"; done)
sleep 1
is "and nobody works" "$(for pid in $(family "$DAEMON"); do ticks "$pid"; done)" "$before"
