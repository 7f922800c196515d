#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 300 times attach, connect, MSI-X, detach, in every manner of leaving: not a
# descriptor, grant, port, pirq or byte is left behind.
. "$(dirname "$0")/lib.sh"

cycles=${LEAK_CYCLES:-300}
box_up
daemon_start
guests 7

# The counts of the box, of guest and dom0; the daemon's descriptors and heap.
counts() { xb stat "$DIR" | tr '\n' ' '; }
heap_kib() { awk '/^(VmRSS|VmData):/ { print $2 }' "/proc/$DAEMON/status" | sort -n | head -1; }

# One life: with the ways of leaving in turn.
life() {
	local way=$(($1 % 4))
	create_nodes 7 0000:00:04.0 0000:00:05.0 || return 1
	connect g7 7 || return 1
	# (Not assigned by a toolstack, so Xen refuses the vectors: a failing path each time.)
	tell g7 op 4 0 0 0 0 0 2 0 0 1
	case $way in
	0)
		leave_nodes 7 0 1 && reconfigure g7 7 || return 1
		;;
	1)
		tell g7 write device/pci/0/state 5 && await "$(be 7 state)" 5 &&
			tell g7 write device/pci/0/state 6 && await "$(be 7 state)" 6 || return 1
		;;
	2)
		tell g7 write device/pci/0/state 6 && await "$(be 7 state)" 6 &&
			tell g7 write device/pci/0/state 1 && await "$(be 7 state)" 3 || return 1
		;;
	esac
	# 3: in the middle of everything
	store rm "$(be 7)" "$(fe 7)" || return 1
	tell g7 unshare
	tell g7 closeport
}
# The daemon has let go when another guest can have the device.
guest 8
settle() {
	create_nodes 8 0000:00:04.0 0000:00:05.0 && await "$(be 8 state)" 3 &&
		store rm "$(be 8)" "$(fe 8)" && create_nodes 8 && await "$(be 8 state)" 3 || return 1
	store rm "$(be 8)" "$(fe 8)"
}

# A process that has ended may still be closing what it had: counted when three looks say the same.
rested_counts() {
	local now before='' same=0
	for _ in {1..50}; do
		now=$(counts)
		[ "$now" = "$before" ] && same=$((same + 1)) || same=0
		[ $same = 2 ] && break
		before=$now
		sleep 0.1
	done
	echo "$now"
}

broken=0
for ((i = 0; i < cycles; i++)); do
	life $i || {
		broken=$((broken + 1))
		[ $broken = 1 ] && not_ok "life $i" "$R"
	}
	if [ $i = 49 ]; then
		settle
		counts_warm=$(rested_counts) fds_warm=$(fds "$DAEMON") heap_warm=$(heap_kib)
	fi
done
settle
is "$cycles lives, each of which went as it should" $broken 0
is "ports, grants, mappings and pirqs are as after 50" "$(rested_counts)" "$counts_warm"
is "descriptors are as after 50" "$(fds "$DAEMON")" "$fds_warm"
grown=$(($(heap_kib) - heap_warm))
case $B in
*san*) skip "memory is as after 50" "the sanitizer keeps what was freed, and tells of leaks at the end" ;;
*) check "memory is as after 50 (grew by $grown KiB)" [ $grown -lt 256 ] ;;
esac

# The same with domains that come and go, and whose vectors Xen grants.
before=$(rested_counts)
for ((i = 0; i < 20; i++)); do
	guest 9
	attach 9 0000:00:06.0
	peer g9 9
	{ connect g9 9 && tell g9 op 2 0 0 0; } || not_ok "domain life $i" "$R"
	destroy 9
	end_peer g9 KILL
done
settle
is "20 domains destroyed with MSI on leave nothing" "$(rested_counts)" "$before"
check "the daemon lives" daemon_alive
