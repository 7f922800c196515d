#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every edge of the backend's state machine: it is brought to each state that it rests
# in, a frontend shows each state there is, and it goes where the table says (PROTOCOL.md
# 2.14, with the rules of PROTOCOL.md 2.4 to 2.9) and nowhere else.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guests 7 8
create_nodes 8 0000:00:05.0
connect g8 8
tell g7 share
tell g7 port

# reach STATE: a new instance of guest 7, brought there
reach() {
	store rm "$(be 7)" "$(fe 7)" "$(error_node 7)"
	create_nodes 7 0000:00:04.0
	await "$(be 7 state)" 3 || return 1
	[ "$1" = 3 ] && return
	tell g7 publish && await "$(be 7 state)" 4 && tell g7 write device/pci/0/state 4 || return 1
	case $1 in
	5) tell g7 write device/pci/0/state 5 ;;
	6) tell g7 write device/pci/0/state 6 ;;
	7) hot_nodes 7 2 1=0000:00:06.0 ;;
	8) hot_nodes 7 2 1=0000:00:06.0 && tell g7 write device/pci/0/state 7 ;;
	esac
	await "$(be 7 state)" "$1"
}

# The backend's state, for the frontend's state 0 (no node) to 8.
edges=(
	"3: 6 3 3 5 3 5 6 3 3" # 3 without page and port is an error
	"4: 6 3 3 4 4 5 6 4 4"
	"5: 6 5 5 5 5 5 6 5 5"
	"6: 6 3 3 4 6 6 6 6 6"
	"7: 6 3 3 7 7 5 6 8 7"
	"8: 6 3 3 8 4 5 6 8 8"
)
for row in "${edges[@]}"; do
	own=${row%%:*}
	shown=0
	for want in ${row#*:}; do
		name="state $own, frontend shows $shown: $want"
		if ! reach "$own"; then
			not_ok "$name" "state $own is not reached: $R"
		else
			if [ $shown = 0 ]; then
				tell g7 rm device/pci/0/state
			else
				tell g7 write device/pci/0/state $shown
			fi
			# Where it stays, it must have had its chance to move.
			[ "$own" != "$want" ] || settled
			check "$name" await "$(be 7 state)" "$want" 2000
		fi
		shown=$((shown + 1))
	done
done

# 5 after an error is left by closing alone; 3/3 after reopening connects with new nodes.
reach 3
tell g7 write device/pci/0/state 3
await "$(be 7 state)" 5
tell g7 write device/pci/0/state 6
check "after an error: closed" await "$(be 7 state)" 6
tell g7 write device/pci/0/state 1
check "after an error: open again" await "$(be 7 state)" 3
check "after an error: connects" connect g7 7

# States of its own node that no toolstack writes
for value in 0 9 99 "" x "4 "; do
	reach 4
	store write "$(be 7 state)" "$value"
	settled
	is "'$value' in the backend's own node is left alone" "$(node "$(be 7 state)")" "$value"
done
reach 4
config_read g7 0 0 4
is "and all is well afterwards" "$R" "0 10d38086"
