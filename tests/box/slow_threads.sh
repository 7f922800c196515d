#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Threads ask slow devices (backend/helper.h), and making one may take longer than the slowest
# device, as under emulation. A device that was slow for a while is asked without them again all the
# same, also beside another such: seen by how many are made.
. "$(dirname "$0")/lib.sh"

export SLOW_THREADS=$WORK/threads
mkdir "$SLOW_THREADS"
: >"$SLOW_THREADS/made"
devices_are() { case $1 in fast) touch "$SLOW_THREADS/fast" ;; slow) rm -f "$SLOW_THREADS/fast" ;; esac; }
made() { stat -c %s "$SLOW_THREADS/made"; }
declare -A value=()
# A register that is not answered from the table: status, dword 4.
ask() { say "$1" traffic "$2" 0 "0x${value[$1]}" 4; } # PEER TIMES
asked() { ask "$@" && answer "$1"; }
directly() { # PEER: the next request makes no thread
	local before
	before=$(made)
	asked "$1" 1 && [ "$(made)" = "$before" ]
}
slow() { # PEER
	local before
	check "$1: four slow answers" asked "$1" 4
	before=$(made)
	check "$1: three more" asked "$1" 3
	is "$1: each of a thread" $(($(made) - before)) 3
}

nic=0000:00:04.0 disk=0000:00:07.0
devices_are fast
box_up
LD_PRELOAD=$B/tests/box/slow_threads.so daemon_start --devices "image:$bench,slow=$nic:20,slow=$disk:20"
for i in 7 8; do guest $i; done
attach 7 $nic
attach 8 $disk
for i in 7 8; do
	peer g$i $i
	check "guest $i connects" connect g$i $i
	config_read g$i 0 4 4
	value[g$i]=${R#* }
done
check "a fast device is asked directly" wait_for 5000 directly g7

# --- One that was slow for a while ---
devices_are slow
slow g7
devices_are fast
before=$(made)
check "300 fast answers" asked g7 300
now=$(($(made) - before))
check "few of them by threads ($now)" [ $now -lt 150 ]

# --- Two of them: while one's thread is made, the other's waits for its turn ---
devices_are slow
slow g7
slow g8
devices_are fast
before=$(made)
ask g7 300
ask g8 300
check "300 fast answers for one" answer g7
check "and for the other" answer g8
now=$(($(made) - before))
check "few of them by threads ($now)" [ $now -lt 300 ]
finish
