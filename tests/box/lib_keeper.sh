# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The backend bus as a tree of plain files, whose FIFO takes what is probed, and xenpcid with its keeper on it. Sourced
# behind lib.sh.

SYS=$WORK/sys
BUS=$SYS/bus/xen-backend
mkdir -p "$BUS"/{devices,drivers/pciback,drivers/vbd} "$SYS/bus/pci/devices" "$SYS/uevents" "$WORK/state"
echo 1 >"$BUS/drivers_autoprobe"
mkfifo "$BUS/drivers_probe"
exec {probes}<>"$BUS/drivers_probe"
cat <&"$probes" >>"$WORK/probed" &
collector=$!
exec {probes}>&-
disown

switch() { head -c 1 "$BUS/drivers_autoprobe"; }
switch_is() { [ "$(switch)" = "$1" ]; }
probed() { grep -qF "$1;" <(grep -oE '(vbd|vif|pci)-[0-9]+-[0-9]' "$WORK/probed" | sed 's/$/;/'); }
# appears DEVICE: on the bus, unbound, and announced
appears() {
	mkdir -p "$BUS/devices/$1"
	"$B/tests/box/announce" "$SYS" add xen-backend "/devices/$1"
}
vanishes() {
	rm -r "$BUS/devices/$1"
	"$B/tests/box/announce" "$SYS" remove xen-backend "/devices/$1"
}

KEPT=1
begin() { # [OPTIONS]: KEEPER, who is DAEMON too, and SERVER
	: >"$WORK/probed"
	rm -rf "$BUS/devices" && mkdir "$BUS/devices"
	log_mark
	daemon_start --sysfs-root "$SYS" "$@"
	KEEPER=$DAEMON
	SERVER=$(server_of "$KEEPER")
}
server_of() { children "$1"; }
another_server() { # than SERVER
	local s
	s=$(server_of "${1:-$KEEPER}") && [ "$s" != "$SERVER" ] && [ "$(log_since_count serving)" -gt "$SERVED" ]
}
# ends NAME STATUS: all is over, and the host is as it was
ends() {
	check "$1: ends" wait_for 10000 dead "$KEEPER"
	wait "$KEEPER" 2>/dev/null
	is "$1: status" $? "$2"
	DAEMON=
	check "$1: so does the server" wait_for 10000 dead "$SERVER"
	is "$1: the switch is as found" "$(switch)" 1
	check_not "$1: nothing is left to restore" test -e "$WORK/state/autoprobe"
}
# goes_on NAME: a successor serves, and the keeper keeps
goes_on() {
	check "$1: a successor serves" wait_for 10000 another_server
	check "$1: the keeper lives" kill -0 "$KEEPER"
	SERVER=$(server_of "$KEEPER")
	kept "$1"
}
# kept NAME: off is the switch, and the others' devices are bound
kept() {
	is "$1: the switch is off" "$(switch)" 0
	number=$((number + 1))
	check "$1: a disk is announced" appears "vbd-$number-1"
	check "$1: and bound by name" wait_for 3000 probed "vbd-$number-1"
}
number=100
