#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What one hot attach and one detach ask of xenstored, by its own trace, from the toolstack's
# word to the backend's: most of the time that they take is made of it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

. "$(dirname "${BASH_SOURCE[0]}")/lib_trace.sh"

box_up
daemon_start
guest 7
attach 7 0000:00:04.0
front 7 --timeout 60000 watch >"$WORK/watch" 2>"$WORK/watch.log" &
watcher=$!
disown
seen() { wait_for 5000 grep -qE "$1" "$WORK/watch"; }

# requests SINCE PATTERN: how many the connection that did PATTERN made after line SINCE, from the
# toolstack's state 7 to the backend's 4
requests() {
	take_trace
	awk -v from="$1" -v be="$(be 7 state)" '
		NR <= from || !/^(IN|OUT) / { next }
		$0 ~ be " 7\\)" { on = 1 }
		on && $1 == "IN" && !done { n[$2]++ }
		on && $1 == "IN" && $0 ~ be " 4\\)" { done = 1 }
		$1 == "IN" && $5 " " $6 ~ pattern && !who { who = $2 }
		END { print n[who] + 0 }' pattern="$2" "$trace"
}
at_most() { check "$1: $2, at most $3" test "$2" -ge 1 -a "$2" -le "$3"; }

check "the guest is connected" seen "^enumerated"
# The first time, states that nobody has read yet are read.
check "a first attach" attach 7 0000:00:05.0
check "is seen" seen "added .*00:01\.0"
since=$(trace_lines)
check "attach" attach 7 0000:00:06.0
check "is seen" seen "added .*00:02\.0"
check "xenpcid has heard of all" await "$(be 7 state)" 4
at_most "xenpcid's requests for an attach" "$(requests "$since" "WRITE .*/vdev-2")" 22
at_most "the guest's" "$(requests "$since" "WRITE .device/pci/0/state")" 12
is "the guest's transactions" \
	"$(tail -n "+$since" "$trace" | awk '$1 == "IN" && /WRITE .device/ { who = $2 } $1 == "IN" && /TRANSACTION_START/ { n[$2]++ }
		END { print n[who] + 0 }')" 0
since=$(trace_lines)
check "detach" detach 7 0000:00:06.0
check "is seen" seen "removed .*00:02\.0"
at_most "xenpcid's requests for a detach" "$(requests "$since" "RM .*/xenpci/guests/7/0000-00-06-0")" 18
at_most "the guest's" "$(requests "$since" "WRITE .device/pci/0/state")" 13

kill "$watcher" 2>/dev/null
wait_for 5000 gone "$watcher"
daemon_stop
finish
