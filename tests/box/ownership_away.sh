#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device that its host takes while no xenpcid runs: the next one finds it so before it touches it, and its
# guest loses it. And what was lost once reads as ones under each worker, and each xenpcid, that follows.
. "$(dirname "$0")/lib.sh"

SYS=$WORK/sys
mkdir -p "$SYS/uevents"
bdf=0000:03:00.0 other=0000:04:00.0 third=0000:05:00.0
plain_function "$SYS" 03:00.0 0xfe000000
plain_function "$SYS" 04:00.0 0xfe010000
plain_function "$SYS" 05:00.0 0xfe020000
host=(-v -v --devices "sysfs:$SYS" --sysfs-root "$SYS")
memory=/local/domain/0/xenpci/guests

daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	log_mark
}
# A driver of the host's has it, and has set it up its own way: nobody else may change that.
host_takes() { # BDF DRIVER
	plain_bind "$SYS" "${1#0000:}" "$2"
	plain_put "$SYS" "${1#0000:}" 4 '\x47\x05'
	plain_put "$SYS" "${1#0000:}" 60 '\x77'
	: >"$SYS/bus/pci/devices/$1/reset"
	cp "$SYS/bus/pci/devices/$1/config" "$WORK/$1.config"
}
untouched() { # NAME BDF
	check "$1: no register was written" cmp "$SYS/bus/pci/devices/$2/config" "$WORK/$2.config"
	is "$1: nor was it reset" "$(cat "$SYS/bus/pci/devices/$2/reset")" ""
}
held_back() { # BDF
	store read "/local/domain/0/xenpci/quarantine/${1//[:.]/-}"
	[[ $R == *" unreset: "* ]]
}
unmapped() { hypercalls | tail -n "+$((before + 1))" | grep -q "unmap_pirq.*40"; }
forgotten() { ! store read "$memory/$1${2:+/${2//[:.]/-}}"; } # N [BDF]
reads_ones() { # NAME PEER DEVFN
	config_read "$2" "$3" 0 4
	is "$1: reads give ones" "$R" "0 ffffffff"
	config_read "$2" "$3" 4 2
	is "$1: short ones too" "$R" "0 ffff"
	config_write "$2" "$3" 4 2 7
	like "$1: writes are dropped" "$R" "^0 "
	tell "$2" op 2 0 0 "$3" 0 0 0 0
	like "$1: it has no interrupts" "$R" "^-"
}
there() { # NAME PEER DEVFN
	config_read "$2" "$3" 0 4
	is "$1: its other device is there" "$R" "0 10d38086"
}

box_up
daemon_start "${host[@]}"
guest 7
peer g7 7
create_nodes 7 $bdf $other $third && await "$(be 7 state)" 3 || bail "no devices"
check "a guest is served" connect g7 7
there "at first" g7 0

# --- Bound by a driver of the host's, with a vector that is still mapped ---
daemon_kill
store write "$memory/7/${bdf//[:.]/-}/interrupts" "msi 1 40"
host_takes $bdf e1000e
before=$(hypercalls | grep -c .)
daemon_start "${host[@]}"
check "bound by the host: it is told" wait_for 5000 logged_since \
	"guest 7: $bdf: taken away: while no xenpcid ran: it is bound to another driver"
check "bound by the host: its entry is closed" await "$(be 7 state-0)" 6
like "bound by the host: the error node says why" "$(node "$(error_node 7)")" "$bdf: taken away: while no"
check "bound by the host: the guest goes on" wait_for 5000 logged_since "$other goes on"
check_not "bound by the host: it does not" logged_since "$bdf goes on"
check "bound by the host: its vector is unmapped" wait_for 5000 unmapped
check "bound by the host: nothing is remembered of it" wait_for 5000 forgotten 7 $bdf
check "bound by the host: it is held back" held_back $bdf
there "bound by the host" g7 8
reads_ones "bound by the host" g7 0
untouched "bound by the host" $bdf

# --- Bound anew to pciback: who had it in between nobody knows ---
daemon_kill
plain_bind "$SYS" 04:00.0 pci-stub
host_takes $other pciback
daemon_start "${host[@]}"
check "bound anew: it is told" wait_for 5000 logged_since "guest 7: $other: taken away"
check "bound anew: its entry is closed" await "$(be 7 state-1)" 6
there "bound anew" g7 16
reads_ones "bound anew" g7 8
reads_ones "the one before, under another xenpcid" g7 0
untouched "bound anew" $other

# --- The worker dies: what was lost reads as ones still ---
worker=$(worker_of 7)
log_mark
kill -KILL "$worker"
check "another worker serves" wait_for 5000 logged_since "process [0-9]+ serves it"
there "another worker" g7 16
reads_ones "under another worker" g7 8
reads_ones "under another worker, the first" g7 0

# --- An address of those is given again: its device answers there, the others' do not ---
host_takes $bdf pciback
leave_nodes 7 0
check "detached by the toolstack" reconfigure g7 7
store rm "$(be 7 dev-0)" "$(be 7 state-0)" "$(be 7 vdev-0)" "$(be 7 opts-0)" "$(be 7 key-0)"
hot_nodes 7 4 3=$bdf
check "attached anew" reconfigure g7 7
is "attached anew: at its old address" "$(node "$(be 7 vdev-3)")" 0000:00:00.00
there "attached anew" g7 0
worker=$(worker_of 7)
log_mark
kill -KILL "$worker"
check "one more worker serves" wait_for 5000 logged_since "process [0-9]+ serves it"
there "attached anew, under another worker" g7 0
reads_ones "what is lost still" g7 8

# --- Pulled out ---
daemon_kill
rm -r "$SYS/bus/pci/devices/$third"
daemon_start "${host[@]}"
check "pulled out: it is told" wait_for 5000 logged_since "guest 7: $third: taken away"
check "pulled out: its entry is closed" await "$(be 7 state-2)" 6
reads_ones "pulled out" g7 16
there "pulled out" g7 0

# --- The guest begins anew: it looks for what it is told of, and there is nothing else ---
check "it closes" tell g7 write device/pci/0/state 6
check "it has closed" await "$(be 7 state)" 6
tell g7 write device/pci/0/state 1
check "it begins anew" await "$(be 7 state)" 3
check "and connects" connect g7 7
there "begun anew" g7 0
config_read g7 16 0 4
like "begun anew: what was lost is not there" "$R" "^-[0-9]+ "

# --- Its guest has died as well: it does not go back, it is the host's ---
daemon_kill
destroy 7
end_peer g7
host_takes $bdf e1000e
daemon_start "${host[@]}"
check "a dead guest's: it is told" wait_for 5000 logged_since "guest 7: $bdf: taken away"
check "a dead guest's: nothing is remembered" wait_for 5000 forgotten 7
check "a dead guest's: it is held back" held_back $bdf
untouched "a dead guest's" $bdf
daemon_stop
untouched "a dead guest's, at the end" $bdf
