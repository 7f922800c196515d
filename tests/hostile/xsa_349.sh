#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# XSA-349: a guest that rewrites a node which we watch, without end. Events are drained as they come and
# none is kept: the daemon's memory stays as it is, its looks have a bound, and its other guest is served.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"

many=${XSA_WRITES:-20000}

neighbour() { config_read g8 0 0 4 && [ "$R" = "0 11e81234" ]; }
flood() { # COUNT
	say g7 flood device/pci/0/state "$1" 4 4x
	check "XSA-349: $1 writes to the node" answer g7 120
	tell g7 write device/pci/0/state 4
	check "XSA-349: the neighbour is served" neighbour
	settled
}

box_up
daemon_start
guests 7 8
create_nodes 7 0000:00:04.0 && connect g7 7 || bail "guest 7 is not served: $R"
create_nodes 8 0000:00:05.0 && connect g8 8 || bail "guest 8 is not served: $R"
flood 2000 # what is allocated once is
rss=$(rss_kib "$DAEMON") open=$(fds "$DAEMON")
flood "$many"
case $B in
*san*) skip "XSA-349: memory stays flat" "the sanitizer keeps what was freed" ;;
*)
	grown=$(($(rss_kib "$DAEMON") - rss))
	check "XSA-349: memory stays flat (grew by $grown KiB)" test "$grown" -lt 512
	;;
esac
is "XSA-349: no descriptor is left" "$(fds "$DAEMON")" "$open"
config_read g7 0 0 4
is "XSA-349: its own device is served" "$R" "0 10d38086"
finish
