#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A guest with several PCI frontends: each is served as if it were alone, by processes, virtual addresses and records
# of its own, whatever becomes of the others; what is Xen's is the domain's: vectors, and its life and death.
. "$(dirname "$0")/lib.sh"

memory=/local/domain/0/xenpci/guests
daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	log_mark
}
be1() { DEVID=1 be "$@"; }
# Xen maps vectors of what a guest has been given.
assigned() { # N SBDF-NUMBER
	[ "$(echo "assign $1 $2" | in_domain 0 "$B/tests/xenbox/agent" | tail -n 1)" = "ok 0" ]
}
# connect1 NAME N: a peer as the domain's second frontend
connect1() {
	local ref port
	tell "$1" share && ref=$R && tell "$1" port && port=$R &&
		tell "$1" write device/pci/1/pci-op-ref "$ref" && tell "$1" write device/pci/1/event-channel "$port" &&
		tell "$1" write device/pci/1/magic 7 && tell "$1" write device/pci/1/state 3 &&
		await "$(be1 "$2" state)" 4 && tell "$1" write device/pci/1/state 4
}
reads() { # NAME PEER DEVFN ID
	config_read "$2" "$3" 0 4
	is "$1" "$R" "0 $4"
}
forgotten() { ! store read "$memory/$1"; }
pirqs() { xb stat "$DIR" 7 | grep -o 'pirqs=[0-9]*'; }
given1() { DEVID=1 create_nodes "$@" && await "$(be1 "$1" state)" 3; }

box_up
daemon_start -v -v
guest 7
peer g7 7
peer h7 7
create_nodes 7 0000:00:04.0
given1 7 0000:00:05.0 0000:00:06.0
for device in 0x20 0x28 0x30; do assigned 7 $device || bail "not assigned"; done
check "the first frontend connects" connect g7 7
check "the second one too" connect1 h7 7
is "each has addresses of its own" "$(node "$(be 7 vdev-0)") $(node "$(be1 7 vdev-0)") $(node "$(be1 7 vdev-1)")" \
	"0000:00:00.00 0000:00:00.00 0000:00:01.00"
reads "the first has its device" g7 0 10d38086
reads "the second has its own" h7 0 11e81234
config_read g7 8 0 4
like "and no more" "$R" "^-[0-9]+ "
is "each is remembered" "$(ls "$WORK/state" | grep -c '^guest-7\(-1\)\?$')" 2
check "in xenstore as well" store read "$memory/7-1"
like "the log tells them apart" "$(grep "given as" "$daemon_log" | tr '\n' ' ')" \
	"guest 7: 0000:00:04.0 given.*guest 7-1: 0000:00:05.0 given"

# --- What one has the other cannot get ---
DEVID=1 hot_nodes 7 3 2=0000:00:04.0
tell h7 write device/pci/1/state 7
check "the other's device is refused" await "$(be1 7 state-2)" 6
like "by its error node" "$(node "$(DEVID=1 error_node 7)")" "0000:00:04.0: .*guest 7"
check "which is not the other's" eval '! store read "$(error_node 7)"'
tell h7 write device/pci/1/state 4
check "it goes on" await "$(be1 7 state)" 4

# --- What is told to whoever asks ---
operator() { in_domain 0 "$B/xenpci" -d "image:$bench" "$@"; }
server() { operator --state-dir "$WORK/state" "$@"; }
status=$(server status)
like "xenpci status tells both" "$status" "\(7\).*\(7-1\)"
like "and which has what" "$status" '0000:00:05.0 +0000:00:00.0 +[^ ]* ?\(7-1\)'
is "asked for one" "$(server --json status 7-1 | grep -c '"record":"guest".*"devid":1')" 1
is "asked for the guest" "$(server --json status 7 | grep -c '"record":"guest"')" 2
is "xenpci list has them all" "$(operator list 7 | grep -c '0000:00:0[456].0')" 4
like "xenpci check knows whose it is" "$(operator check 0000:00:05.0)" "7"

# --- Vectors are the domain's ---
tell g7 op 4 0 0 0 0 0 2 0 0 1
like "MSI-X for the first" "$R" "^0 "
is "its pirqs" "$(pirqs)" pirqs=2
tell h7 op 2 0 0 0 0 0 0 0
like "MSI for the second" "$R" "^0 "
is "both have theirs" "$(pirqs)" pirqs=3

# --- A worker dies: its own guest's pause ---
worker=$(worker_of 7)
other=$(worker_of 7-1)
check "each has a worker" test -n "$worker" -a -n "$other" -a "$worker" != "$other"
log_mark
kill -KILL "$other"
check "another takes its place" wait_for 5000 logged_since "guest 7-1: process [0-9]+ serves it"
reads "its device is there" h7 0 11e81234
is "the other's worker is the same" "$(worker_of 7)" "$worker"
reads "and its device" g7 0 10d38086

# --- xenpcid dies: both go on; one was killed while it mapped, and the other's vectors stay ---
daemon_kill
store write "$memory/7-1/0000-00-06-0/interrupts" "enabling 0"
daemon_start -v -v
check "the first goes on" wait_for 5000 logged_since "guest 7: 0000:00:04.0 goes on"
check "the second too" wait_for 5000 logged_since "guest 7-1: 0000:00:06.0 goes on"
reads "the first is served" g7 0 10d38086
reads "the second is served" h7 0 11e81234
is "all vectors are mapped" "$(pirqs)" pirqs=3
check_not "none was taken for lost" logged_since "which nobody remembers"

# --- One closes, the other goes on ---
check "the second closes" tell h7 write device/pci/1/state 6
check "it has closed" await "$(be1 7 state)" 6
is "its vector is unmapped, the others' not" "$(pirqs)" pirqs=2
reads "the first goes on" g7 0 10d38086
tell h7 write device/pci/1/state 1
check "it comes again" await "$(be1 7 state)" 3
check "and connects" connect1 h7 7
reads "and is served" h7 0 11e81234
store rm "$(be1 7)" "$(DEVID=1 fe 7)"
check "its nodes are removed: nothing is left of it" wait_for 5000 forgotten 7-1
check "nor its ledger" wait_for 5000 test ! -e "$WORK/state/guest-7-1"
reads "the first goes on still" g7 0 10d38086
end_peer h7

# --- A program in the guest takes the second ---
given1 7 0000:00:05.0
check "xenpci-front opens it" eval 'front 7 --devid 1 list | grep 1234:11e8'
check_not "and not one that there is not" front 7 --devid 2 --timeout 500 list

# --- The nodes of one go while no xenpcid runs; the other is resumed ---
daemon_kill
store rm "$(be1 7)" "$(DEVID=1 fe 7)"
daemon_start -v -v
check "its devices are taken back" wait_for 5000 logged_since "guest 7-1: its nodes have gone.*1 device"
check "nothing is remembered of it" wait_for 5000 forgotten 7-1
reads "the other was resumed" g7 0 10d38086

# --- The guest dies while no xenpcid runs, and another has its number ---
given1 7 0000:00:05.0
daemon_kill
destroy 7
store rm "$(be1 7)"
end_peer g7
guest 7
given_late() { create_nodes 7 0000:00:06.0; }
given_late
daemon_start -v -v
check "both of its frontends' devices are taken back" wait_for 5000 logged_since "guest 7-1: .*1 device remembered"
check "the first's as well" logged_since "guest 7: .*1 device remembered"
check "the new one is served" await "$(be 7 vdev-0)" 0000:00:00.00
check "nothing is left of the second" wait_for 5000 forgotten 7-1
is "of the first, the new one's" "$(store ls "$memory/7" && echo "$R")" "0000-00-06-0"
DEVID=1 create_nodes 7 0000:00:05.0 0000:00:04.0
check "what they had can be given" await "$(be1 7 vdev-1)" 0000:00:01.00

# --- It dies while xenpcid runs ---
xb destroy "$DIR" 7 --crash
check "dead: both are released" wait_for 5000 forgotten 7
check "dead: the second as well" wait_for 5000 forgotten 7-1
is "no vector is left" "$(xb stat "$DIR" 7 2>/dev/null | grep -o 'pirqs=[1-9]')" ""
daemon_stop
