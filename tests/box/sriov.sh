#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A virtual function of a captured machine: the ids and the memory that its physical function tells of, decoding that
# is the physical function's, MSI-X, its own FLR; and the physical function is not another guest's.
. "$(dirname "$0")/lib.sh"

pf=0000:05:00.0
vf=0000:05:00.2
# shellcheck disable=SC2034 # lib.sh
DEVFN=2 # a slot of its own in the guest, and its own function
box_up
mkdir -p "$WORK/sys/uevents" "$WORK/sys/bus/pci/devices"
STRICT=1 daemon_start --sysfs-root "$WORK/sys"
guests 7 8
check "a guest gets a virtual function" attach 7 $vf,permissive=1
check "and connects" connect g7 7

config_read g7 2 0 4
is "its ids are the physical function's vendor and the device that its capability tells" "$R" "0 101815b3"
config_read g7 2 16 4
is "its memory is where the kernel has it" "$R" "0 200000c"
config_write g7 2 16 4 0xffffffff
config_read g7 2 16 4
is "and as large" "$R" "0 fff0000c"
config_write g7 2 16 4 0x0200000c
config_read g7 2 20 4
is "above 4 GiB" "$R" "0 3820"

# Its own bit reads 0, so that a guest's wish to decode changes nothing of it.
config_write g7 2 4 2 6
is "the guest turns on decoding and bus mastering" "$(config_reg g7 4 2)" 6
exp=$(config_cap g7 0x10)
msix=$(config_cap g7 0x11)
on() { [ $(($(config_reg g7 $((msix + 2)) 2) & 0xc000)) -eq $((0x8000)) ]; }
tell g7 op 4 0 0 2 0 0 2 0 0 1
like "MSI-X, whatever its own decode bit says" "$R" "^0 .* [0-9]+ [0-9]+$"
check "is on" on

log_mark
config_write g7 2 $((exp + 8)) 2 $(($(config_reg g7 $((exp + 8)) 2) | 0x8000))
check "an FLR of its guest's is heard" wait_for 5000 logged_since "$vf: was reset by its guest: its configuration and its vectors"
check "MSI-X is on again" on
config_read g7 2 16 4
is "its memory is where it was" "$R" "0 200000c"
config_read g7 2 0 4
is "its ids, too" "$R" "0 101815b3"

log_mark
attach 8 $pf
check "the physical function is not another guest's" wait_for 5000 logged_since "$pf.*rule sriov"
like "and the error node says so" "$(node "$(error_node 8)")" "rule sriov"

# --- Its physical function loses its driver: pciback lets go of the virtual ones by itself ---
log_mark
"$B/tests/box/announce" "$WORK/sys" unbind pci "/devices/pci0000:00/$vf"
check "withdrawn: it is told" wait_for 5000 logged_since "$vf: taken away: it was unbound from its driver"
check "withdrawn: its entry is closed" await "$(be 7 state-0)" 6
config_read g7 2 0 4
is "withdrawn: even its ids are ones" "$R" "0 ffffffff"
config_write g7 2 16 4 0x1000
config_read g7 2 16 4
is "withdrawn: and its memory" "$R" "0 ffffffff"
daemon_stop
