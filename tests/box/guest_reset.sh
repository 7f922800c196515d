#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A guest resets its device with MSI-X on: by an FLR, which a permissive one may write; by D3hot and back; or its
# kernel has died, and the next one finds MSI-X on. Registers and vectors come back.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guests 7
check "attach an nvme, permissive" attach 7 0000:00:07.0,permissive=1
check "the guest connects" connect g7 7

G=g7
reg() { config_reg $G "$@"; }
exp=$(config_cap $G 0x10)
msix=$(config_cap $G 0x11)
check "it has both" [ "$exp" -gt 0 -a "$msix" -gt 0 ]
# What the guest's driver has set up.
config_write g7 0 4 2 6
command=$(reg 4 2)
bar=$(reg 16 4)
tell g7 op 4 0 0 0 0 0 3 0 0 1 2
like "three vectors of MSI-X" "$R" "^0 .* [0-9]+ [0-9]+ [0-9]+$"
on() { [ $(($(reg $((msix + 2)) 2) & 0xc000)) -eq $((0x8000)) ]; }
check "MSI-X is on" on
restores() { hypercalls | grep -c 'restore_msi'; }
maps() { hypercalls | grep -c 'map_pirq'; }

# --- An FLR ---
before=$(restores)
mapped=$(maps)
log_mark
config_write g7 0 $((exp + 8)) 2 $(($(reg $((exp + 8)) 2) | 0x8000))
is "the guest writes an FLR" "${R%% *}" 0
check "that is told" wait_for 5000 logged_since "0000:00:07.0: was reset by its guest: its configuration and its vectors are put back"
check "MSI-X is on again" on
is "Xen wrote the messages anew" "$(restores)" $((before + 1))
is "with the vectors that it had" "$(maps)" "$mapped"
is "its memory is where it was" "$(reg 16 4)" "$bar"
is "decoding is on, bus mastering off, as behind any reset" "$(($(reg 4 2) & 6))" 2
config_write g7 0 4 2 6
is "the guest's driver goes on" "$(reg 4 2)" "$command"
tell g7 op 5 0 0 0 0 0 0
like "and gives its vectors up" "$R" "^0 "
check_not "MSI-X is off" on

# --- The next kernel: MSI-X was left on, and the frontend begins anew ---
tell g7 op 4 0 0 0 0 0 3 0 0 1 2
check "MSI-X is on once more" on
tell g7 write device/pci/0/state 1
check "the frontend begins anew" await "$(be 7 state)" 3
check "with another page" connect g7 7
check_not "MSI-X was turned off" on
tell g7 op 4 0 0 0 0 0 2 0 0 1
like "the next kernel gets vectors" "$R" "^0 .* [0-9]+ [0-9]+$"
check "and MSI-X is on" on

# --- One that is not permissive cannot begin an FLR, and nothing is put back ---
guests 9
check "attach another device to another guest" attach 9 0000:01:00.0
check "a guest that is not permissive connects" connect g9 9
exp=$(config_cap g9 0x10)
check "it has an express capability" [ "$exp" -gt 0 ]
tell g9 op 4 0 0 0 0 0 1 0 0
like "MSI-X is on there" "$R" "^0 "
before=$(restores)
log_mark
tell g9 op 1 0 0 0 $((exp + 8)) 2 0x8000
like "its FLR is dropped" "$R" "^0 "
check_not "nothing was reset" logged_since "was reset by its guest"
is "nor asked of Xen" "$(restores)" "$before"

# --- From D3hot back to D0, where that is a reset ---
guests 10
attach 10 0000:00:04.0
check "a guest with a NIC connects" connect g10 10
G=g10
pm=$(config_cap $G 0x01)
msix=$(config_cap $G 0x11)
check "it has both capabilities" [ "$pm" -gt 0 -a "$msix" -gt 0 ]
is "and forgets in D3hot" "$(($(reg $((pm + 4)) 2) & 8))" 0
config_write $G 0 4 2 6
tell $G op 4 0 0 0 0 0 1 0 0
check "MSI-X is on" on
before=$(restores)
config_write $G 0 $((pm + 4)) 2 3
is "asleep" "$(($(reg $((pm + 4)) 2) & 3))" 3
config_write $G 0 $((pm + 4)) 2 0
is "awake" "$(($(reg $((pm + 4)) 2) & 3))" 0
check "MSI-X is on again" on
is "Xen wrote the messages anew" "$(restores)" $((before + 1))
daemon_stop

# --- The gate is killed behind the reset, when the addresses are back and decoding is not ---
sys=$WORK/sys
for bdf in 0a:00.0 0b:00.0; do plain_function "$sys" $bdf 0xfe000000; done
daemon_start -v -v --devices "sysfs:$sys" --sysfs-root "$sys"
guests 11 12
attach 11 0000:0a:00.0
check "a guest with a plain device connects" connect g11 11
command_is() { [ "$(od -An -tx1 -j 4 -N 2 "$sys/bus/pci/devices/0000:$1/config")" = " $2" ]; }
# killed_behind_reset GUEST BDF: its gate, there
killed_behind_reset() {
	local gate
	gate=$(gate_of "$1")
	kill -STOP "$gate"
	plain_put "$sys" "$2" 4 '\x00\x00'
	kill -KILL "$gate"
	check "another gate" wait_for 5000 others_than "$1" "$gate"
}
others_than() { local now && now=$(gate_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
killed_behind_reset 11 0a:00.0
check "has it decode" wait_for 5000 command_is 0a:00.0 "07 01"
attach 12 0000:0b:00.0,permissive=1
check "a permissive guest connects" connect g12 12
killed_behind_reset 12 0b:00.0
config_read g12 0 0 4
check "may have turned it off, and keeps it so" command_is 0b:00.0 "00 00"
daemon_stop
