#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An HVM guest, 7, whose device model runs in a stub domain, 8: the frontend is there, the device is the guest's to Xen. Who owns
# it, its vectors and the rules go by the guest; what the device model may switch, by interrupt_control.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
nvme=0000:00:07.0
echo 'devices = ( { bdf = "0000:00:04.0"; interrupt_control = true; } );' >"$WORK/conf"
has() { xb stat "$DIR" "$1" | grep -oE "$2=[0-9]+"; }
# model CALL...: one hypercall by the device model's domain
model() { echo "$*" | in_domain 8 "$B/tests/xenbox/agent" | tail -n 1; }
serve() { STRICT=1 daemon_start -vv --config "$WORK/conf" --allow small-bar "$@"; }

box_up
xb create "$DIR" 7 --hvm && xb create "$DIR" 8 --stub-for 7 || bail "no guest with a stub domain"
guest 9
serve
peer g8 8
peer g9 9

# --- Attach, as libxl does it: nodes for 8, the device for 7 ---
attach 7 "$nic" >"$WORK/attach.log" 2>&1 &
op=$!
check "exported to the stub domain" await "$(be 8 state)" 3
check "it connects" connect g8 8
check "libxl is content" wait "$op"
is "to Xen it is the HVM guest's" "$(has 7 devices) $(has 8 devices)" "devices=1 devices=0"
check "xenpcid knows whose device model it is" logged 'guest 8: it is the device model of guest 7, whose its devices are'
check_not "nothing is at the guest's own directory" store read "$(be 7 state)"
config_read g8 0 0 4
is "the device model reads" "$R" "0 10d38086"

operator() { in_domain 0 "$B/xenpci" -d "image:$bench" "$@"; }
like "xenpci check names the HVM guest" "$(operator check "$nic")" 'in use by guest 7|guest 7 has it|\(guest 7\)'
like "xenpci attach leaves a device model's domain to xl" "$(operator attach 8 0000:00:05.0 2>&1)" \
	'domain 8 is the device model of guest 7'

# --- What it may switch: as Linux' backend with allow_interrupt_control ---
config_write g8 0 4 2 0x507
is "INTx off" "${R%% *}" 0
config_read g8 0 4 2
is "which the device has" "$R" "0 507"
config_write g8 0 0xd2 2 0x81
is "MSI on" "$R" "0 81"
config_write g8 0 0xa2 2 0x8004
is "MSI-X beside it is refused" "${R%% *}" "-3"
config_write g8 0 4 2 0x107
is "INTx disable is its to write all the while: MSI overrides it" "${R%% *}" 0
config_write g8 0 0xd2 2 0x80
is "MSI off" "$R" "0 80"
for step in "0xa2 0xc004" "4 0x107" "4 0x507" "0xa2 0x8004"; do
	# shellcheck disable=SC2086
	set -- $step
	config_write g8 0 "$1" 2 "$2"
	is "MSI-X as Linux goes about it: $step" "${R%% *}" 0
done
config_write g8 0 0xa2 2 0x4
is "and off" "${R%% *}" 0

# --- Vectors ---
# By the device model itself, as QEMU does: Xen lets it, for its guest.
is "it maps a vector for its guest" "$(model physdev 13 2@0=7 4@8=-1 4@12=-1 4@20=0x20)" "ok pirq=55 entry=0"
is "not for another" "$(model physdev 13 2@0=9 4@8=-1 4@12=-1 4@20=0x20)" "err EPERM"
is "and unmaps it" "$(model physdev 14 2@0=7 4@4=55)" "ok 0"
# By the backend, for a device model that asks as a guest would.
tell g8 op 4 0 0 0 0 0 2 0 0 1
like "enable_msix" "$R" "^0 0 0"
is "they are the HVM guest's" "$(has 7 pirqs) $(has 8 pirqs)" "pirqs=2 pirqs=0"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
serve
check "the next xenpcid goes on" wait_for 5000 logged '00:04.0 goes on as'
tell g8 op 5 0 0 0 0 0
like "disable_msix" "$R" "^0 "
is "and they are unmapped" "$(has 7 pirqs)" "pirqs=0"

# --- Without interrupt_control the switches are not its ---
attach 7 "$nvme" >"$WORK/attach.log" 2>&1 &
op=$!
check "a second device, hot" reconfigure g8 8
check "libxl is content with it" wait "$op"
cap=0x40 # MSI-X, in the bench
config_read g8 8 $cap 1
is "it has MSI-X" "$R" "0 11"
config_read g8 8 $((cap + 2)) 2
was=${R#* }
config_write g8 8 $((cap + 2)) 2 $((0x8000 | 0x$was))
config_read g8 8 $((cap + 2)) 2
is "the enable bit stays" "$R" "0 $was"
check "and the log tells what would allow it" wait_for 5000 logged "guest 8: 0000:00:07.0: write of .* refused .*interrupt_control=1"

# --- Rules: two devices that share a page and a line ---
xb attach "$DIR" --no-wait 7 0000:00:1a.7 >"$WORK/attach.log" 2>&1 &
op=$!
check "a third device" reconfigure g8 8
wait "$op"
# What only one end says does not count.
store write /local/domain/9/target 7
create_nodes 9 0000:00:1d.7
check "its neighbour is refused to another guest, by the HVM guest's name" \
	wait_for 5000 logged 'guest 9: 0000:00:1d.7: refused: .*0000:00:1a.7 \(guest 7\)'
store rm "$(be 9)"
create_nodes 7 0000:00:1d.7
check "but not to the HVM guest itself" await "$(be 7 state-0)" 3
store rm "$(be 7)"

# --- Away again ---
detach 7 "$nic" >"$WORK/detach.log" 2>&1 &
op=$!
check "the device model lets go of it" reconfigure g8 8
check "detach" wait "$op"
check "it is reset and given back" wait_for 5000 logged 'guest 8: 0000:00:04.0 taken back'
end_peer g8
xb destroy "$DIR" 7 --crash
xb destroy "$DIR" 8 --crash
store rm "$(be 8)" /local/domain/8 /local/domain/7
check "the end of both" wait_for 5000 eval '! store read /local/domain/0/xenpci/guests/8'
