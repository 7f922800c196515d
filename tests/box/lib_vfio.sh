# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of devices that a program implements source behind lib.sh: the program, vfio_server, as
# `sock`, and what xenpcid says to one that breaks the rules before it serves.

sock=$WORK/device.sock
SERVER=

# serve [WRONG]: a server at $sock
serve() {
	rm -f "$sock"
	"$B/tests/box/vfio_server" "$sock" "$@" &
	SERVER=$!
	wait_for 5000 test -S "$sock" || bail "no server"
}

server_end() {
	kill -KILL "$SERVER"
	wait "$SERVER" 2>/dev/null
	return 0 # whatever ended it
}

# front_bus ARGUMENT...: guest 7's command, at the bus; listen OUTPUT: it waits for one interrupt, as LISTENER
bus=$WORK/bus.sock
front_bus() { in_domain 7 env XENPCIFRONT_BUS="$bus" "$B/xenpci-front" "$@" 2>&1; }
listen() {
	front_bus interrupts --count 1 --timeout 20000 00:00.0 msix 3 >"$1" &
	LISTENER=$!
	wait_for 5000 grep -q 'msix ready' "$1"
}

# refused NAME TEXT [OPTIONS]: xenpcid does not start with the device, and says that
refused() {
	check_not "$1refused" in_domain 0 "$B/xenpcid" --worker "$B/xenpci-worker" --no-keeper \
		--devices "vfio-user:$sock${3:-}" --state-dir "$WORK/state"
	like "$1said so" "$(cat "$WORK/check.out")" "$2"
}

# refused_servers TEXT OPTIONS WRONG...: the same of each server that is wrong so
refused_servers() {
	local text=$1 options=$2 wrong
	shift 2
	for wrong; do
		serve "$wrong"
		refused "$wrong: " "$text" "$options"
		server_end
	done
}
