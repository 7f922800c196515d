#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device that its host takes while a guest has it: unbound from pciback, bound by a host driver, or
# pulled out. The guest loses it at once, and nobody of ours touches it from then on.
. "$(dirname "$0")/lib.sh"

SYS=$WORK/sys
mkdir -p "$SYS/uevents" "$SYS/bus/pci/devices"
announces() { # ACTION BDF [KEY=VALUE]
	"$B/tests/box/announce" "$SYS" "$1" pci "/devices/pci0000:00/0000:$2" "${@:3}"
}
held_back() { # BDF
	store read "/local/domain/0/xenpci/quarantine/0000-${1//[:.]/-}"
	[[ $R == *" unreset: "* ]]
}

box_up
daemon_start -v -v --sysfs-root "$SYS"
guest 7
peer g7 7
attach 7 0000:00:04.0
check "a guest is served" connect g7 7
attach 7 0000:00:05.0 --no-wait
check "and gets a second one" reconfigure g7 7
check "its device is there" config_read g7 0 0 4
is "its device's id" "$R" "0 10d38086"
check "MSI-X goes on" tell g7 op 4 0 0 0 0 0 2 0 0 1
like "MSI-X is on" "$R" "^0 "

# --- What concerns others changes nothing ---
announces unbind 00:06.0
announces add 00:04.0
announces change 00:04.0
"$B/tests/box/announce" "$SYS" unbind usb /devices/pci0000:00/0000:00:04.0
settle_read() { config_read g7 0 0 4 && [ "$R" = "0 10d38086" ]; }
wait_for 500 false
check "others' news: the device is there" settle_read

# --- Unbound ---
before=$(hypercalls | grep -c .)
log_mark
check "an unbinding is announced" announces unbind 00:04.0
check "it is told" wait_for 5000 logged_since "0000:00:04.0: taken away: it was unbound from its driver"
check "its entry is closed" await "$(be 7 state-0)" 6
like "the error node says why" "$(node "$(error_node 7)")" "0000:00:04.0: taken away: it was unbound"
config_read g7 0 0 4
is "reads give ones" "$R" "0 ffffffff"
config_read g7 0 16 2
is "short reads too" "$R" "0 ffff"
config_write g7 0 4 2 7
like "writes are dropped" "$R" "^0 "
config_read g7 0 4 2
is "and change nothing" "$R" "0 ffff"
tell g7 op 2 0 0 0 0 0 0 0
like "interrupts are none of its any more" "$R" "^-"
check "the vectors are unmapped" grep -q unmap <(hypercalls | tail -n "+$((before + 1))")
check "it is held back" held_back 00:04.0
check_not "nothing is reset" logged_since "0000:00:04.0: (reset|not reset)"
config_read g7 8 0 4
is "its other device is there" "$R" "0 11e81234"

# --- It comes back, and is not the guest's ---
announces bind 00:04.0 DRIVER=pciback
wait_for 500 false
config_read g7 0 0 4
is "come back: reads give ones" "$R" "0 ffffffff"

# --- The toolstack takes it from its list, and gives it anew ---
leave_nodes 7 0
check "detached by the toolstack" reconfigure g7 7
store rm "$(be 7 dev-0)" "$(be 7 state-0)" "$(be 7 vdev-0)" "$(be 7 opts-0)" "$(be 7 key-0)"
hot_nodes 7 3 2=0000:00:04.0
check "attached anew" reconfigure g7 7
is "attached anew: it is the guest's" "$(node "$(be 7 state-2)")" 3
config_read g7 0 0 4
is "attached anew: it can be read" "$R" "0 10d38086"
check_not "attached anew: reset, it is held back no more" held_back 00:04.0

# --- A host driver takes the other; a newline in its name does not break the log ---
log_mark
check "a binding is announced" announces bind 00:05.0 $'DRIVER=e1000e\nx'
check "the driver is told" wait_for 5000 logged_since "0000:00:05.0: taken away: driver e1000e.x of the host has it"
check "its entry is closed" await "$(be 7 state-1)" 6
config_read g7 8 0 4
is "bound by the host: reads give ones" "$R" "0 ffffffff"

# --- Pulled out while its guest goes: no register is touched ---
destroy 7
end_peer g7
guests 8
attach 8 0000:00:06.0
check "another guest is served" connect g8 8
log_mark
check "a removal is announced" announces remove 00:06.0
check "it is told" wait_for 5000 logged_since "0000:00:06.0: taken away: it was pulled out, or removed"
check "another guest's entry is closed" await "$(be 8 state-0)" 6
destroy 8
check "the guest ends" wait_for 5000 logged_since "guest 8: released"
check_not "no reset, no restore" logged_since "0000:00:06.0: (reset|not reset|configuration)"
daemon_stop
