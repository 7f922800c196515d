#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The frontends of PROTOCOL.md 9, each as it behaves: Linux's 2 s and its scan of 256
# functions, mini-os' num_devs and waiting without end, NetBSD's 4-byte accesses.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
n=7
for who in linux minios netbsd; do
	guest $n
	attach $n 0000:00:04.0
	in_domain $n timeout 20 "$B/tests/box/personality" $who >"$WORK/$who.out" 2>&1
	status=$?
	sed "s/^ok /ok $who: /; s/^FAIL /not ok $who: /; s/^not ok /not ok $who: /" "$WORK/$who.out"
	FAILED=$((FAILED + $(grep -cE '^(FAIL|not ok)' "$WORK/$who.out")))
	is "$who ends well" $status 0
	destroy $n
	store rm "$(be $n)" "$(fe $n)"
	n=$((n + 1))
done
