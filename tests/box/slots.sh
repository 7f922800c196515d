#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where a guest sees its devices (PROTOCOL.md 2.6), through the whole stack: slots of
# 'vpci' with functions kept together, 32 of them and no more, and 'passthrough'.
. "$(dirname "$0")/lib.sh"

# A machine with a great many functions: slots 0..31 of two buses, and pairs.
machine() {
	local bus slot function
	for bus in 0 1; do
		for slot in $(seq 0 31); do
			for function in 0 1 3; do
				printf '%02x:%02x.%x Ethernet controller: Nobody Device %x%02x%x\n' \
					$bus "$slot" $function $bus "$slot" $function
				printf '00: 34 12 %x%x %02x 00 00 00 00 00 00 00 02 00 00 80 00\n' \
					$bus $function "$slot"
				for row in 1 2 3; do
					printf '%x0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n' $row
				done
				echo
			done
		done
	done
	printf '02:00.0 PCI bridge: Nobody Device 0001\n'
	printf '00: 34 12 01 00 07 00 00 00 00 00 04 06 00 00 01 00\n'
	for row in 1 2 3; do
		printf '%x0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n' $row
	done
}
machine >"$WORK/machine.txt"

vdevs() {
	local domid=$1 i text=
	shift
	for i; do
		store read "$(be "$domid" "vdev-$i")"
		text="$text ${R#0000:00:}"
	done
	echo "${text# }"
}

box_up
daemon_start --devices "image:$WORK/machine.txt"
guest 7
guest 8
guest 9

# --- vpci ---
create_nodes 7 0000:00:02.0 0000:01:05.0 0000:00:02.1 0000:01:05.3 0000:01:07.3 0000:00:1f.1
await "$(be 7 state)" 3
is "functions of one slot are kept together, a lone one keeps its number" \
	"$(vdevs 7 0 1 2 3 4 5)" "00.00 01.00 00.01 01.03 02.03 03.01"
is "one root" "$(node "$(be 7 root_num)") $(node "$(be 7 root-0)")" "1 0000:00"
# Checked as the guest lists them: address and ids
front 7 list -n >"$WORK/list" 2>&1
is "the guest finds them there" "$(awk '{ print $1 }' "$WORK/list" | sed 's/^0000://' | tr '\n' ' ')" \
	"00:00.0 00:00.1 00:01.0 00:01.3 00:02.3 00:03.1 "
check "with the ids of the right functions" grep -q '00:01\.3.*1234:0513' "$WORK/list"

# --- 32 slots and no more ---
devices=()
for slot in $(seq 0 30); do
	devices+=("$(printf '0000:00:%02x.3' "$slot")")
done
devices+=(0000:01:00.3)
create_nodes 8 "${devices[@]}"
check "32 slots" await "$(be 8 state)" 3
is "the last one" "$(vdevs 8 31)" "1f.03"
peer g8 8
connect g8 8
hot_nodes 8 34 32=0000:01:01.3 33=0000:00:1e.0
check "a 33rd slot does not stop the rest" reconfigure g8 8
is "a function that joins a slot has room" "$(vdevs 8 33)" "1e.00"
store read "$(be 8 vdev-32)"
like "the 33rd slot does not exist" "$R" "ENOENT"
like "the error node says why" "$(node "$(error_node 8)")" "^[0-9]+ .*0000:01:01\.3"
check "the log too" logged "guest 8.*0000:01:01\.3.*slot"
config_read g8 251 0 4
is "the guest's devices go on" "$R" "0 131234"

# --- A bridge has no place on a flat bus ---
create_nodes 9 0000:00:0f.1 0000:02:00.0
await "$(be 9 state)" 3
is "a device beside a bridge is served" "$(vdevs 9 0)" "00.01"
check_not "the bridge is not" store read "$(be 9 vdev-1)"
like "the error node names the bridge" "$(node "$(error_node 9)")" "0000:02:00\.0"
daemon_stop

# --- passthrough ---
for i in 7 8 9; do
	store rm "$(be $i)" "$(fe $i)"
done
end_peer g8
daemon_start --devices "image:$WORK/machine.txt" --slots passthrough
create_nodes 7 0000:00:02.0 0000:01:05.3 0000:00:1f.1
check "passthrough: exported" await "$(be 7 state)" 3
is "passthrough: the host's own addresses" \
	"$(node "$(be 7 vdev-0)") $(node "$(be 7 vdev-1)") $(node "$(be 7 vdev-2)")" \
	"0000:00:02.00 0000:01:05.03 0000:00:1f.01"
is "passthrough: a root per bus" "$(node "$(be 7 root_num)") $(node "$(be 7 root-0)") $(node "$(be 7 root-1)")" \
	"2 0000:00 0000:01"
front 7 list -n >"$WORK/list" 2>&1
is "passthrough: the guest finds them there" \
	"$(awk '{ print $1 }' "$WORK/list" | sed 's/^0000://' | tr '\n' ' ')" "00:02.0 00:1f.1 01:05.3 "
