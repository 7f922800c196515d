#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device's reset may take seconds; nobody but its own guest, and who wants the same device, waits
# for it. Resets here take until a file, the gate, is removed: what is seen meanwhile is seen during a
# reset, however fast or slow the machine is.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0 disk=0000:00:07.0 usb=0000:00:06.0 port0=0000:02:00.0 port1=0000:02:00.1
gate_of() { echo "$WORK/gate-${1//:/-}"; }
shut() { touch "$(gate_of "$1")"; }
pass() { rm -f "$(gate_of "$1")"; }
gates=
for bdf in $disk $usb $port0; do gates+=",gate=$bdf:$(gate_of $bdf)"; done
# Reads of g7 are of a register that is asked for at the device.
served() { # WHEN
	local i
	for i in 1 2 3; do
		config_read g7 0 4 4
		like "$1: another guest is answered ($i)" "$R" "^0 "
	done
}
begun() { check "it begins" wait_for 5000 logged_since "$1"; }
substate() { node "$(be "$1" state-0)"; }
# leaves N: device 0 of guest N is to go, and the guest has let it go; left N: both have seen that it has
leaves() {
	leave_nodes "$1" 0 && await "$(be "$1" state)" 7 && tell "g$1" write device/pci/0/state 7
}
left() {
	await "$(be "$1" state)" 8 5000 && tell "g$1" write device/pci/0/state 4 && await "$(be "$1" state)" 4
}
# The guest has died, its nodes are gone.
dies() {
	end_peer "g$1"
	destroy "$1"
	guest "$1"
}

box_up
daemon_start --devices "image:$bench$gates"
for i in 7 8 9; do guest $i; done
attach 7 $nic
for i in 7 8 9; do peer g$i $i; done
check "guest 7 connects" connect g7 7

# --- Attach: the device is reset before the guest gets it ---
log_mark
shut $disk
create_nodes 8 $disk
begun 'guest 8: state 1 .* -> 2'
served "reset before a guest has it"
is "it does not have it yet" "$(substate 8)" 1
pass $disk
check "then it does" await "$(be 8 state-0)" 3 5000
check "and connects" connect g8 8

# --- Detach: it is reset after the guest had it; what the guest asks meanwhile is kept ---
hot_nodes 8 2 1=$usb
check "the guest has another" reconfigure g8 8
log_mark
shut $disk
leaves 8
begun "$disk taken back"
served "reset after a guest had it"
is "the toolstack is not told yet" "$(node "$(be 8 state)")" 7
say g8 op 0 0 0 8 4 4
served "beside one that waits for its own"
pass $disk
check "the guest's request was kept, and is answered" answer g8
like "well" "$R" "^0 "
check "then it is" left 8
hot_nodes 8 1 0=$disk
check "the device can be had again" reconfigure g8 8

# --- Death: who wants the device next waits for it, and is not refused ---
log_mark
shut $disk
dies 8
begun "guest 8: $disk taken back"
create_nodes 9 $disk
begun 'guest 9: state 1 .* -> 2'
served "reset after a death"
is "the next owner waits" "$(substate 9)" 1
pass $disk
check "and gets it" await "$(be 9 state-0)" 3 5000
like "after it was reset for the first" "$(log_since | grep -oE "guest [89]: $disk.*(: reset|not reset again|given)" | tr '\n' ' ')" \
	"^guest 8: $disk: reset guest 9: $disk: not reset again guest 9: $disk given"

# --- A death while the device is on its way to the guest ---
log_mark
shut $usb
peer g8 8
create_nodes 8 $usb
begun 'guest 8: state 1 .* -> 2'
dies 8
served "reset for a guest that dies meanwhile"
pass $usb
check "it is taken back" wait_for 5000 logged_since "guest 8: $usb taken back"

# --- Several at once: each in its own time ---
peer g8 8
log_mark
shut $disk
shut $usb
create_nodes 8 $usb
begun 'guest 8: state 1 .* -> 2'
store rm "$(be 9)"
begun "guest 9: $disk taken back"
served "two resets at once"
pass $usb
check "the one that is through first ends first" await "$(be 8 state-0)" 3 5000
check_not "the other is not" logged_since "guest 9: $disk: reset"
pass $disk
check "then it is" wait_for 5000 logged_since "guest 9: $disk: reset"
store rm "$(be 8)"

# --- Neighbours that a reset reaches too wait for each other ---
create_nodes 8 $port0
check "a function of two" await "$(be 8 state-0)" 3 5000
log_mark
shut $port0
store rm "$(be 8)"
begun "guest 8: $port0 taken back"
create_nodes 9 $port1
begun 'guest 9: state 1 .* -> 2'
served "reset of a neighbour"
is "who wants the other one waits" "$(substate 9)" 1
pass $port0
check "and gets it" await "$(be 9 state-0)" 3 5000
store rm "$(be 9)"
check "which ends well" wait_for 5000 logged_since "guest 9: $port1: (not )?reset"

# --- Killed in the middle ---
create_nodes 8 $disk
check "a device to lose" await "$(be 8 state-0)" 3 5000
check "its guest connects" connect g8 8
log_mark
shut $disk
leaves 8
begun "$disk taken back"
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
pass $disk
log_mark
daemon_start --devices "image:$bench$gates"
check "a successor goes on" wait_for 5000 logged_since "$disk goes on"
check "and finishes what was begun" left 8
served "after that"

# --- Told to stop in the middle ---
hot_nodes 8 1 0=$disk
check "the device is there again" reconfigure g8 8
log_mark
shut $disk
leaves 8
begun "$disk taken back"
kill -TERM "$DAEMON"
begun 'asking the guests to close'
check "guest 7 is asked at once" await "$(be 7 state)" 5 5000
check "it waits for the reset" daemon_alive
pass $disk
pid=$DAEMON DAEMON=
check "and ends" wait_for 10000 gone "$pid"
wait "$pid"
is "well" $? 0
check "after the reset" logged_since "guest 8: $disk: reset"
for i in 7 8 9; do
	end_peer g$i
	store rm "$(be $i)" "$(fe $i)"
done

# --- More than it has threads for: the rest stand in line, requests do not ---
many=16 # HELPER_WORK_MAX
machine=$WORK/machine.txt
{
	cat "$bench"
	for ((i = 0; i < many + 2; i++)); do
		# The disk again, with memory of its own and without a line that all would share.
		awk -v RS= '/^00:07.0/' "$bench" | sed -E "/Interrupt:/d; s/^00:07/00:$(printf %02x $((8 + i)))/
			s/(Region 0: Memory at 3838)0{8}/\100$(printf %02x $((i + 1)))0000/
			s/^10: 04 00 00/10: 04 00 $(printf %02x $((i + 1)))/; s/^(30: .*) 0b 01 00 00/\1 00 00 00 00/"
		echo
	done
} >"$machine"
gates=
for ((i = 0; i < many + 2; i++)); do gates+=",gate=0000:00:$(printf %02x $((8 + i))).0:$(gate_of all)"; done
daemon_start --devices "image:$machine$gates"
create_nodes 7 $nic
peer g7 7
check "guest 7 connects" connect g7 7
shut all
log_mark
for ((i = 0; i < many + 2; i++)); do
	guest $((20 + i))
	create_nodes $((20 + i)) "0000:00:$(printf %02x $((8 + i))).0"
done
begin_count() { [ "$(log_since_count 'state 1 .* -> 2')" = $many ]; }
check "$many resets begin" wait_for 5000 begin_count
served "$many resets at once"
is "no more" "$(log_since_count 'state 1 .* -> 2')" $many
pass all
for ((i = 0; i < many + 2; i++)); do
	await "$(be $((20 + i)) state-0)" 3 5000 || break
done
is "all get their devices" $i $((many + 2))
finish
