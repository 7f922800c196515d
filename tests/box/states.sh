#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# States that a guest shows uninvited (PROTOCOL.md 2.14, 8): numbers out of turn,
# no numbers, nothing. They are ignored, the guest's channel goes on, and so do others.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guests 7 8
create_nodes 8 0000:00:05.0
connect g8 8

# show VALUE: the guest shows it; the daemon has seen it when this returns
show() {
	if [ "$1" = absent ]; then
		tell g7 rm device/pci/0/state
	else
		tell g7 write device/pci/0/state "$1"
	fi
	settled
}

# In 3, before the guest has published anything
create_nodes 7 0000:00:04.0
await "$(be 7 state)" 3
for value in 2 4 7 8 9 99 "" abc -1 0x3 "3 " " 3" 03x 4294967299 18446744073709551619 3.0; do
	check "'$value' shown early" show "$value"
	is "'$value' shown early changes nothing" "$(node "$(be 7 state)")" 3
done
tell g7 fill device/pci/0/state 2000 51
settled
is "2000 digits change nothing" "$(node "$(be 7 state)")" 3
tell g7 fill device/pci/0/state 1 0
settled
is "a zero byte changes nothing" "$(node "$(be 7 state)")" 3
tell g7 write device/pci/0/state 1
check "the guest connects afterwards" connect g7 7

# In 4
for value in 3 4 7 8 9 99 "" abc -4 "4 " 4294967300; do
	show "$value"
	is "'$value' shown when connected changes nothing" "$(node "$(be 7 state)")" 4
	config_read g7 0 0 4
	is "'$value': the channel goes on" "$R" "0 10d38086"
done

# 8 and 4 while a reconfiguration waits for the guest's 7
tell g7 write device/pci/0/state 4
hot_nodes 7 2 1=0000:00:06.0
for value in 8 3 9; do
	show "$value"
	is "'$value' instead of 7 changes nothing" "$(node "$(be 7 state)")" 7
	is "'$value' instead of 7 exports nothing" "$(node "$(be 7 state-1)")" 1
done
check "then the guest goes on as it should" reconfigure g7 7
is "the device is there" "$(node "$(be 7 state-1)")" 3

# Closed, then shown nonsense
tell g7 write device/pci/0/state 6
await "$(be 7 state)" 6
for value in 4 7 8 99; do
	show "$value"
	is "'$value' when closed changes nothing" "$(node "$(be 7 state)")" 6
done

# A state node that is taken away is a frontend that is gone.
tell g7 write device/pci/0/state 1
await "$(be 7 state)" 3
connect g7 7
show absent
check "no state: the instance is closed" await "$(be 7 state)" "6|gone"
check "no state: the device is free" eval 'guest 9; create_nodes 9 0000:00:04.0; await "$(be 9 state)" 3'
config_read g8 0 0 4
like "the other guest never noticed" "$R" "^0 11e81234"
check "the daemon lives" daemon_alive
