#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a guest's driver does with a device that a program implements, through the library as it is installed: BARs
# of each kind, sized, placed, read, written, mapped and moved, and interrupts of each kind; then the same with a
# server that lies, is late, or breaks off: the guest that has it is told, within its time, and nobody else is hurt.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_vfio.sh"

vdev_fds() { find "/proc/$(pgrep -n -x xenpci-vdev)/fd" -type l | wc -l; }
ok_lines() { sed "s/^ok /ok $1: /; s/^not ok /not ok $1: /" "$2"; FAILED=$((FAILED + $(grep -c '^not ok' "$2"))); }
# drive NAME GUEST STEP...: the driver does these; and what it says is ours
drive() {
	local name=$1 guest=$2
	shift 2
	in_domain "$guest" timeout 60 env XENPCIFRONT_BUS="$bus" "$B/tests/box/vfio_driver" "$@" >"$WORK/driver.out" \
		2>"$WORK/driver.log"
	ok_lines "$name" "$WORK/driver.out"
	[ -s "$WORK/driver.out" ] || not_ok "$name" "the driver said nothing"
}
start() { daemon_start --devices "vfio-user:$sock,events,bus=$bus" --devices "image:$bench" "$@"; }
operator() { in_domain 0 "$B/xenpci" "$@"; }
# The device for guest 7, with options; g8 has one of the captured machine's all the time.
give() { # [OPTIONS]
	check "attach" operator attach --virtual --no-wait 7 "ff00:00:00.0${1:+,$1}"
}
others() { config_read g8 0 0 4 && [ "$R" = "0 10d38086" ]; }

box_up
guest 7
guests 8

# --- A server that keeps the rules ---
serve
start -v -v
create_nodes 8 0000:00:04.0
connect g8 8
give
before=$(vdev_fds)
drive filtered 7 bars place forwarded wrong mapped move filtered
drive interrupts 7 bars place line msi msix line
# Before, the process that gave the device away may have been on its way out.
no_more_fds() { [ "$(vdev_fds)" -le "$before" ]; }
check "nothing of theirs is left in the device's process" wait_for 5000 no_more_fds
check "what this device cannot do was told" logged 'ff00:00:00.0: a program implements it: no DMA.*event channels'
asked_of_it() { hypercalls | grep -E 'map_pirq .* bus=0xff00|prepare_msix dev=ff00:'; }
check_not "Xen was asked for no pirq, nor to prepare its table" asked_of_it
is "the bus is our user's alone" "$(stat -c %a "$bus")" 600

# By hand
like "peek says what is missing" "$(front_bus peek 00:00.0 6 0 2)" "memory decoding is off"
like "poke as well" "$(front_bus poke 00:00.0 1 0x40 0x1234 2)" "memory decoding is off"
like "no such place" "$(front_bus peek 00:00.0 1 4096)" "BAR 1 has no memory at 0x1000"
check "interrupts are listened to" listen "$WORK/irq"
kill -USR2 $SERVER
wait "$LISTENER"
is "and told by number" "$?, $(tail -n 1 "$WORK/irq")" "0, 0000:00:00.0 msix 2"

# The guest's gate dies: the device is the guest's again, its vectors are to be enabled anew.
kill -KILL "$(gate_of 7)"
drive "after a gate's death" 7 bars place msi line

destroy 7
daemon_stop
server_end
end_peer g8
destroy 8

# --- Raw ---
guest 7
serve
start
give permissive=1
drive raw 7 bars place raw
destroy 7
daemon_stop
server_end

# --- Not asked for: no events, no bus ---
guest 7
serve
daemon_start --devices "vfio-user:$sock"
give
drive "not asked for" 7 refused
like "attached twice is told" "$(operator attach --virtual --no-wait 7 ff00:00:00.0 2>&1)" "guest 7 has it already"
like "no address is told" "$(operator attach --virtual 7 ff00 2>&1)" '"ff00" is no PCI address'
check_not "one that it does not have is not detached" operator detach --virtual --no-wait 7 ff00:00:01.0
check_not "nor does a domain serve itself" operator attach --virtual --no-wait 0 ff00:00:00.0
check "detach" operator detach --virtual --no-wait 7 ff00:00:00.0
check_not "its nodes are gone" store read "$(be 7 num_devs)"
check "attached again" operator attach --virtual --no-wait 7 ff00:00:00.0
check "exported again" await "$(be 7 state)" 3
destroy 7
daemon_stop
server_end

# --- Servers that break the rules ---
refused_servers "the server does not show a PCI device: Bad message" ,events outside circle
# wrong SERVER STEP...: what the driver sees of it, in its time; g8 has another device meanwhile
wrong() {
	local how=$1
	shift
	guests 7
	end_peer g7
	serve "$how"
	start
	guests 8
	create_nodes 8 0000:00:04.0
	connect g8 8
	give
	drive "$how" 7 "$@"
	check "$how: the others go on" others
	destroy 7
	end_peer g8
	destroy 8
	daemon_stop
	server_end
}
wrong late bars place spoilt
wrong cut bars place spoilt
wrong deaf refused
wrong unwilling bars place refused
wrong counts bars place forwarded line msi
wrong fds bars place forwarded mapped msi
