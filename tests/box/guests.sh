#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Three guests at once: with traffic of their own, one killed in the middle, one hostile
# in every way that it has (PROTOCOL.md 8). The others' answers stay right.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
ids=([7]=0x10d38086 [8]=0x11e81234 [9]=0x000d1b36)
devices=([7]=0000:00:04.0 [8]=0000:00:05.0 [9]=0000:00:06.0)
for i in 7 8 9; do
	guest $i
	attach $i "${devices[i]}"
	peer g$i $i
	check "guest $i connects" connect g$i $i
done

# --- All at once ---
for i in 7 8 9; do
	say g$i traffic 3000 0 "${ids[i]}"
done
for i in 7 8 9; do
	check "guest $i: 3000 right answers beside the others'" answer g$i
done

# --- One is killed in the middle ---
for i in 7 8 9; do
	say g$i traffic 100000 0 "${ids[i]}"
done
end_peer g8 KILL
check "guest 7 does not notice a neighbour's kill -9" answer g7 60
check "guest 9 does not notice it either" answer g9 60
check "the killed guest's domain is destroyed" destroy 8
guest 8
attach 8 0000:00:05.0
peer g8 8
check "its device serves the next domain" connect g8 8

# --- Guest 9 is hostile ---
served() { # NAME: the two others, while guest 9 does what it does
	say g7 traffic 1000 0 "${ids[7]}"
	say g8 traffic 1000 0 "${ids[8]}"
	check "$1: guest 7 is served" answer g7
	check "$1: within the frontend's 2 s" [ "$R" -lt 2000000 ]
	check "$1: guest 8 is served" answer g8
	check "$1: within the frontend's 2 s" [ "$R" -lt 2000000 ]
}
log_mark
rss=$(rss_kib "$DAEMON")
say g9 kick 100000
served "100000 kicks without a request"
check "the storm ends" answer g9 60
check "the stormer is served afterwards" tell g9 op 0 0 0 0 0 4
say g9 flood device/pci/0/state 20000 4 5x 99 abc
served "20000 writes to its state node"
check "the flood ends" answer g9 60
tell g9 write device/pci/0/state 4
check "the flooder is served afterwards" tell g9 op 0 0 0 0 0 4
say g9 fuzz 20000 42
served "20000 requests of any shape"
check "each was answered" answer g9 60
for bar in 0x10 0x14 0x18 0x1c; do
	config_write g9 0 $bar 4 0
done
tell g9 op 5 0 0 0
tell g9 op 3 0 0 0
say g9 flip 3000
served "requests rewritten while they are judged"
check "each was answered" answer g9 60
tell g9 op 5 0 0 0
say g9 fuzz 20000 7
served "20000 more"
check "each was answered" answer g9 60
log_since >"$WORK/hostile"
is "what it caused is logged within a bound" "$([ "$(wc -l <"$WORK/hostile")" -lt 400 ] && echo yes)" yes
# A sanitizer's quarantine grows by design.
case $B in
*san*) skip "memory stays flat" "the sanitizer keeps what was freed" ;;
*)
	grown=$(($(rss_kib "$DAEMON") - rss))
	check "memory stays flat (grew by $grown KiB)" [ "$grown" -lt 512 ]
	;;
esac

# --- 100000 failures that a guest asks for (XSA-43, XSA-157) ---
log_mark
say g9 repeat 100000 2 0 -5
served "100000 refused enable_msi"
check "each was refused" answer g9 60
is "each as the protocol says" "$R" 100000
lines=$(log_since_count "guest 9")
check "they are told within a bound ($lines lines)" [ "$lines" -lt 200 ]

# --- State flapping between what means something ---
say g9 flood device/pci/0/state 3000 5 6 1 3 4 7
served "3000 changes of state"
check "the flapping ends" answer g9 60
tell g9 write device/pci/0/state 6
check "the flapper closes" await "$(be 9 state)" 6
tell g9 write device/pci/0/state 1
check "and opens" await "$(be 9 state)" 3
check "and connects" connect g9 9
check "and is served" tell g9 op 0 0 0 0 0 4
like "with the right answer" "$R" "^0 d1b36"
