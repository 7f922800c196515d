#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Nodes, grants, ports and magics that are wrong: the error node is written, one clear
# line is logged, the guest's other devices and all other guests go on.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guests 7 8
attach 8 0000:00:05.0
connect g8 8
other_is_served() { config_read g8 0 0 4 && [ "$R" = "0 11e81234" ]; }
clear_nodes() { store rm "$(be 7)" "$(fe 7)" "$(error_node 7)"; }
# one_line NAME: what is wrong is said in one line, not more
one_line() {
	log_since | grep -E '(error|warning):.*guest 7' | grep -v 'not reset' >"$WORK/lines"
	check "$1: one line is logged" eval 'cat "$WORK/lines"; [ "$(wc -l <"$WORK/lines")" = 1 ]'
}
# told NAME PATTERN: both places tell of it, the log in one line
told() {
	check "$1: the error node is written" await "$(error_node 7)" any
	like "$1: errno and message" "$(node "$(error_node 7)")" "^[1-9][0-9]* .*$2"
	one_line "$1"
	check "$1: which says the same" logged_since "guest 7.*$2"
	check "$1: the other guest goes on" other_is_served
}

# --- One bad device beside a good one, at create ---
bad_device() { # NAME DEV PATTERN
	clear_nodes
	log_mark
	create_nodes 7 0000:00:04.0 "$2"
	check "$1: the good device is exported" await "$(be 7 state-0)" 3
	check "$1: the instance goes on" await "$(be 7 state)" 3
	told "$1" "$3"
	store read "$(be 7 vdev-1)"
	like "$1: no vdev-1" "$R" "ENOENT"
	check "$1: the guest connects" connect g7 7
	config_read g7 0 0 4
	is "$1: the good device is served" "$R" "0 10d38086"
}
bad_device "malformed BDF" 0000:00:0z.0 "dev-1|0000:00:0z"
bad_device "empty BDF" "" "dev-1"
bad_device "BDF with a tail" 0000:00:06.0x "dev-1|0000:00:06.0x"
bad_device "slot beyond 31" 0000:00:20.0 "dev-1|0000:00:20.0"
bad_device "function beyond 7" 0000:00:06.8 "dev-1|0000:00:06.8"
bad_device "absent device" 0000:42:00.0 "0000:42:00.0"
bad_device "another guest's device" 0000:00:05.0 "0000:00:05.0.*8"
bad_device "the same device twice" 0000:00:04.0 "0000:00:04.0"

# --- The same, hot ---
clear_nodes
create_nodes 7 0000:00:04.0
connect g7 7
log_mark
hot_nodes 7 3 1=0000:42:00.0 2=0000:00:06.0
check "hot, absent: the guest is through" reconfigure g7 7
told "hot, absent" "0000:42:00.0"
is "hot, absent: the good one beside it is exported" "$(node "$(be 7 state-2)")" 3
config_read g7 8 0 4
is "hot, absent: and served" "$R" "0 d1b36"

# --- Only bad devices: xl's wait for "4" must not hang, so the guest connects to none ---
clear_nodes
log_mark
create_nodes 7 0000:42:00.0
check "nothing but an absent device: the instance goes on" await "$(be 7 state)" 3
is "nothing but an absent device: it is marked as closed" "$(node "$(be 7 state-0)")" 6
told "nothing but an absent device" "0000:42:00.0"
check "nothing but an absent device: the guest connects" connect g7 7
hot_nodes 7 2 1=0000:00:04.0
check "nothing but an absent device: a good one comes hot" reconfigure g7 7
config_read g7 0 0 4
is "nothing but an absent device: and is served" "$R" "0 10d38086"

# --- num_devs ---
for value in absent "" x -1 99999999999 3x; do
	clear_nodes
	log_mark
	store begin
	instance_nodes 7
	device_nodes 7 0 0000:00:04.0
	[ "$value" = absent ] || store write "$(be 7 num_devs)" "$value"
	store commit
	check "num_devs '$value': state 5" await "$(be 7 state)" 5
	told "num_devs '$value'" "num_devs"
done

# --- opts-N ---
bad_opts() { # NAME OPTS PATTERN
	clear_nodes
	log_mark
	store begin
	instance_nodes 7
	device_nodes 7 0 0000:00:04.0 "$2"
	store write "$(be 7 num_devs)" 1
	store commit
	check "$1: the device is exported" await "$(be 7 state-0)" 3
	one_line "$1"
	check "$1: naming it" logged_since "opts-0.*$3"
	check_not "$1: and no error node" store read "$(error_node 7)"
	check "$1: the guest connects" connect g7 7
	config_read g7 0 0 4
	is "$1: and is served" "$R" "0 10d38086"
}
bad_opts "unknown key in opts" "msitranslate=0,permisive=1" "permisive"
bad_opts "malformed value in opts" "permissive=yes" "permissive=yes"
bad_opts "another toolstack's key" "rdm_policy=1,seize=1" "seize=1"
bad_opts "another toolstack's number" "rdm_policy=7" "rdm_policy=7"
bad_opts "no key in opts" "=1,,x" "=1"
config_write g7 0 0x40 4 0xffffffff
config_read g7 0 0x40 4
is "what was malformed is not allowed" "$R" "0 0"

# --- The frontend's three nodes ---
bad_nodes() { # NAME PATTERN REF PORT MAGIC
	clear_nodes
	create_nodes 7 0000:00:04.0
	await "$(be 7 state)" 3
	log_mark
	check "$1: published" tell g7 publish "$3" "$4" "$5"
	check "$1: state 5" await "$(be 7 state)" 5
	told "$1" "$2"
}
tell g7 share
tell g7 port
for ref in none -1 x 4294967296 4294967304 "99999999999999999999999" 0x8; do
	bad_nodes "pci-op-ref '$ref'" "pci-op-ref" "$ref" - -
done
for port in none -1 x 4294967296 4294967297; do
	bad_nodes "event-channel '$port'" "event-channel" - "$port" -
done
bad_nodes "a grant that is not there" "grant|pci-op-ref" 4000 - -
bad_nodes "a port that is not there" "port|event-channel" - 1000 -
for magic in none 6 8 77 "7x" 07 x; do
	bad_nodes "magic '$magic'" "magic" - - "$magic"
done
# Another domain's page and port
peer other 8
for _ in {1..20}; do
	tell other share # numbers are per domain: one that guest 7 does not have
done
bad_nodes "a reference of another guest" "grant|pci-op-ref" "$R" - -
tell g7 share ro
bad_nodes "a read-only grant" "grant|pci-op-ref" "$R" - -
tell g7 share 8
bad_nodes "a grant to another domain" "grant|pci-op-ref" "$R" - -
tell g7 share
tell g7 port 8
bad_nodes "a port for another domain" "port|event-channel" - "$R" -
tell g7 port
clear_nodes
create_nodes 7 0000:00:04.0
await "$(be 7 state)" 3
tell g7 publish - - none none
log_mark
tell g7 fill device/pci/0/magic 2000 55
tell g7 write device/pci/0/state 3
check "a magic of 2000 bytes: state 5" await "$(be 7 state)" 5
told "a magic of 2000 bytes" magic
log_line_lengths() { log_since | awk 'length > 400' | wc -l; }
is "a magic of 2000 bytes: is not logged whole" "$(log_line_lengths)" 0

# --- The frontend's identity comes from the toolstack's nodes alone ---
clear_nodes
create_nodes 7 0000:00:04.0
tell g7 write device/pci/0/backend /local/domain/0/backend/pci/8/0
tell g7 write device/pci/0/backend-id 8
check "a guest that lies about its backend connects as itself" connect g7 7
# identity NODE VALUE: one that libxl would not write
identity() {
	clear_nodes
	log_mark
	store begin
	instance_nodes 7
	device_nodes 7 0 0000:00:04.0
	store write "$(be 7 num_devs)" 1
	store write "$(be 7 "$1")" "$2"
	store commit
	check "$1 '$2': refused" await "$(be 7 state)" "5|6"
	told "$1 '$2'" "$1"
}
for path in /local/domain/8/device/pci/0 /local/domain/7/device/vbd/0 7 "" /local/domain/7/device/pci/0/..; do
	identity frontend "$path"
done
for id in 8 0 x ""; do
	identity frontend-id "$id"
done

# --- Backend directories that are none ---
log_mark
for name in x 0x7 -1 99999999999 "7x"; do
	store write "/local/domain/0/backend/pci/$name/0/state" 1
done
store write /local/domain/0/backend/pci/7/x/state 1
store write /local/domain/0/backend/pci/stray 1
clear_nodes
create_nodes 7 0000:00:04.0
check "directories of no domain do not matter" connect g7 7
check "the other guest goes on" other_is_served
check "the daemon lives" daemon_alive
