#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Devices that come and go under a running guest (PROTOCOL.md 2.7, 2.8): several at
# once, sparse indices, the middle and the last, bad company, and a guest that is not there.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guests 7
guest 8

substates() {
	local i text=
	for i; do
		text="$text $i=$(node "$(be 7 "state-$i")")@$(node "$(be 7 "vdev-$i")")"
	done
	echo "${text# }"
}
reads() {
	config_read g7 "$1" 0 4
	is "the guest reads ${2:-nothing} at slot $(($1 / 8))" "$R" "${2:+0 }${2:--1 0}"
}

create_nodes 7 0000:00:04.0
connect g7 7

# --- Three in one transaction ---
hot_nodes 7 4 1=0000:00:05.0 2=0000:00:06.0 3=0000:00:07.0
check "three devices at once" reconfigure g7 7
is "all three are exported" "$(substates 1 2 3)" \
	"1=3@0000:00:01.00 2=3@0000:00:02.00 3=3@0000:00:03.00"
is "root_num stays 1" "$(node "$(be 7 root_num)")" 1
reads 0 10d38086
reads 8 11e81234
reads 16 d1b36

# --- The middle goes, as xl does it: tell, then renumber ---
leave_nodes 7 2
check "the middle leaves" reconfigure g7 7
reads 16
is "state-2 is left to the toolstack" "$(node "$(be 7 state-2)")" 5
store begin
for name in key dev vdev opts state; do
	store read "$(be 7 $name-3)"
	store write "$(be 7 $name-2)" "$R"
	store rm "$(be 7 $name-3)"
done
store write "$(be 7 num_devs)" 3
check "the toolstack renumbers" store commit

# --- A freed slot is used again ---
hot_nodes 7 4 3=0000:00:06.0
check "the device comes back" reconfigure g7 7
is "in the lowest free slot" "$(substates 3)" "3=3@0000:00:02.00"
reads 16 d1b36

# --- One leaves beside others that were never here ---
store begin
store write "$(be 7 dev-4)" 0000:00:1e.0
store write "$(be 7 state-4)" 5
store write "$(be 7 dev-5)" nonsense
store write "$(be 7 state-5)" 5
store write "$(be 7 state-6)" 5
store write "$(be 7 num_devs)" 7
store write "$(be 7 state-2)" 5
store write "$(be 7 state)" 7
store commit
check "one leaves beside unknown ones" reconfigure g7 7
reads 24
reads 8 11e81234
check "it is free for another guest" eval \
	'create_nodes 8 0000:00:07.0 && await "$(be 8 state-0)" 3'
leave_nodes 7 1
check "the next leaves" reconfigure g7 7
reads 8

for i in 1 2 4 5 6; do
	store rm "$(be 7 key-$i)" "$(be 7 dev-$i)" "$(be 7 vdev-$i)" "$(be 7 opts-$i)" "$(be 7 state-$i)"
done

# --- One that was refused leaves: Linux' frontend fails on its missing vdev-N and stays in 4 ---
store begin
store write "$(be 7 num_devs)" 2
store write "$(be 7 dev-1)" 0000:00:1e.0
store write "$(be 7 state-1)" 5
store write "$(be 7 state)" 7
store commit
check "the toolstack need not wait for the guest" await "$(be 7 state)" 4 3000
is "which has seen nothing" "$(node "$(fe 7)/state")" 4
store rm "$(be 7 dev-1)" "$(be 7 state-1)"

# --- Sparse and unordered ---
hot_nodes 7 12 11=0000:00:05.0
check "a hole in the numbers" reconfigure g7 7
is "the device behind the hole is exported" "$(substates 11)" "11=3@0000:00:01.00"
reads 8 11e81234
reads 16 d1b36

# --- Coming and leaving in one transaction ---
store begin
store write "$(be 7 state-11)" 5
device_nodes 7 1 0000:00:05.0
store write "$(be 7 state)" 7
store commit
check "one leaves while one comes" reconfigure g7 7
reads 16 d1b36

# --- A device that was there all the time, told again ---
leave_nodes 7 0
check "the first leaves" reconfigure g7 7
reads 0
leave_nodes 7 0
check "told again that it leaves: still reaches 8" reconfigure g7 7

# --- The last one ---
leave_nodes 7 1 3
check "all leave" reconfigure g7 7
reads 16
check "a guest without devices still is connected" await "$(be 7 state)" 4
store rm "$(be 7)" "$(fe 7)"
store rm "$(be 8)" "$(fe 8)"
tell g7 unshare
tell g7 closeport

# --- xl's own hand: attach, list, detach ---
check "attach as xl does it" attach 7 0000:00:04.0
check "connect" connect g7 7
say g7 wait device/pci/0/backend any
answer g7
check "hot attach" attach 7 0000:00:05.0
check "the guest follows" reconfigure g7 7
check "list names both" eval 'xb list "$DIR" 7 | grep -c "00:0[45].0" | grep -qx 2'
xb detach "$DIR" 7 0000:00:04.0 >"$WORK/detach.log" 2>&1 &
detaching=$!
check "the guest lets the first go" reconfigure g7 7
check "detach is through" wait "$detaching"
is "the rest moves down" "$(node "$(be 7 dev-0)") $(node "$(be 7 num_devs)")" "0000:00:05.0 1"
reads 8 11e81234
xb detach "$DIR" 7 0000:00:05.0 >"$WORK/detach.log" 2>&1 &
detaching=$!
reconfigure g7 7
check "the last one is detached" wait "$detaching"
is "the directories are gone" "$(node "$(be 7 state)")" "ENOENT read: $(be 7 state)"

# --- No frontend behind it (an HVM guest): the toolstack's 7 is answered by itself ---
create_nodes 8 0000:00:04.0
await "$(be 8 state)" 3
hot_nodes 8 2 1=0000:00:05.0
check "no frontend: an attach returns to 3" await "$(be 8 state)" 3
is "no frontend: the device is exported" "$(node "$(be 8 state-1)")" 3
leave_nodes 8 0
check "no frontend: a detach returns to 3" await "$(be 8 state)" 3
store rm "$(be 7)"
check "no frontend: the device is free" eval \
	'create_nodes 7 0000:00:04.0 && await "$(be 7 state-0)" 3'
check "the daemon lives" daemon_alive
