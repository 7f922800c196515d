#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The frontends of PROTOCOL.md 9, each as it behaves: Linux's 2 s and its scan of 256
# functions, mini-os' num_devs and waiting without end, NetBSD's 4-byte accesses, a rump
# kernel's look-up at each, HaLVM's root_num and host's addresses, micropv's litter and its 0.
. "$(dirname "$0")/lib.sh"

# life N WHO BDF...: one life of its guest, from the attach to the end of the domain
life() {
	local n=$1 who=$2 d
	shift 2
	guest "$n"
	for d; do
		attach "$n" "$d"
	done
	in_domain "$n" timeout 20 "$B/tests/box/personality" "$who" >"$WORK/$who.out" 2>&1
	status=$?
	sed "s/^ok /ok $who: /; s/^FAIL /not ok $who: /; s/^not ok /not ok $who: /" "$WORK/$who.out"
	FAILED=$((FAILED + $(grep -cE '^(FAIL|not ok)' "$WORK/$who.out")))
	is "$who ends well" $status 0
	[ "$who" != micropv ] || check "micropv's 0 ends the instance" wait_for 5000 released "$n"
	destroy "$n"
	store rm "$(be "$n")" "$(fe "$n")"
}
# Nobody holds the device: another guest is given it by hand, behind the toolstack's back.
released() {
	create_nodes 99 0000:00:04.0 && await "$(be 99 state-0)" 3 1000
	local status=$?
	store rm "$(be 99)" "$(fe 99)"
	return $status
}

box_up
daemon_start
guest 99
n=7
for who in linux minios netbsd rump micropv; do
	life $n $who 0000:00:04.0
	n=$((n + 1))
done
daemon_stop
daemon_start --slots passthrough
life $n halvm 0000:00:04.0 0000:01:00.0
