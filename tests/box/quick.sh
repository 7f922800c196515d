#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What keeps the backend quick and quiet, as behaviour and not as times: it sleeps when nothing
# happens, polls only where that is wanted, and a slow device delays nobody but its guest.
. "$(dirname "$0")/lib.sh"

# two_guests [WHERE]: 7 and 8, each connected with a device of its own.
two_guests() {
	local i
	for i in 7 8; do
		guest $i
	done
	attach 7 0000:00:04.0
	attach 8 0000:00:07.0
	for i in 7 8; do
		peer g$i $i
		check "guest $i connects${1:-}" connect g$i $i
	done
}

wakeups() { # PID...
	local pid
	for pid; do cat "/proc/$pid/status"; done | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'
}

box_up
# Two processors, as domain 0 and a guest have: the daemon's and everybody else's.
processors=$(nproc) mask=$(taskset -p $$ | sed 's/.*: //')
[ "$processors" -lt 2 ] || taskset -p -c 1 $$ >/dev/null
daemon_start -v -v
two_guests
if [ "$processors" -ge 2 ]; then
	for pid in $(family); do taskset -p -c 0 "$pid" >/dev/null; done
fi

# --- Idle ---
# The next guest's worker stands ready when a guest that connected has looked at its buses.
stands_ready() { [ "$(workers | wc -l)" = 3 ]; }
check "a worker stands ready for the next guest" wait_for 10000 stands_ready
check "a burst" tell g7 traffic 2000 0 0x10d38086
# shellcheck disable=SC2046
before=$(wakeups $(family))
sleep 3
# shellcheck disable=SC2046
idle=$(($(wakeups $(family)) - before))
check "3 idle seconds after a burst wake them up twice at most ($idle times)" [ "$idle" -le 2 ]

# --- A domain ends ---
# Xen is asked once for all, and then only for a guest that it says does not run. (xenstored asks
# on its own account, oxenstored for every domain that it knows: its lines bear its name.)
for i in 9 20; do
	guest $i
done
attach 9 0000:00:05.0
log_mark
mark=$(hypercalls | wc -l)
destroy 20
check "guest 9 halts" xb halt "$DIR" 9
check "xenpcid sees it" wait_for 5000 logged_since "guest 9: the domain has halted"
is "no other guest was asked for" \
	"$(hypercalls | tail -n "+$((mark + 1))" | sed -n 's/^0 \(getdomaininfolist.* max=1 \).*/\1/p' | sort -u)" \
	"getdomaininfolist first=9 max=1 "
destroy 9

# --- Polling ---
# Asked without a pause, it need not sleep between requests; without polling it does at each.
asked() { # WHAT [TIMES]
	before=$(wakeups "$(worker_of 7)")
	check "$1: ${2:-5000} answers" tell g7 traffic "${2:-5000}" 0 0x10d38086
	slept=$(($(wakeups "$(worker_of 7)") - before))
}
# First in line for its processor, so that a busy machine does not make it give way.
polled=
if [ "$processors" -ge 2 ] && chrt -f -p 1 "$(worker_of 7)" 2>/dev/null; then
	asked "polling"
	polled=$slept
	chrt -o -p 0 "$(worker_of 7)"
	taskset -c 0 sh -c 'while :; do :; done' &
	hog=$!
	check "the busy process has begun" wait_for 5000 eval '[ "$(awk "{ print \$14 }" "/proc/$hog/stat")" -gt 0 ]'
	asked "polling beside a busy process" 20000
	kill $hog
	check "it gives way to one ($slept times, not $polled)" [ "$slept" -gt "$polled" ]
fi
daemon_stop
for i in 7 8; do
	end_peer g$i
	destroy $i
done
daemon_start --poll-us 0 -v -v
guest 7
attach 7 0000:00:04.0
peer g7 7
check "guest 7 connects without polling" connect g7 7
asked "not polling"
if [ -n "$polled" ]; then
	check "polling sleeps less ($polled times, not $slept)" [ "$polled" -lt "$slept" ]
fi
daemon_stop
end_peer g7
destroy 7

taskset -p "$mask" $$ >/dev/null

# --- A slow device ---
# Every access to 00:07.0 takes 20 ms. Guest 7 is to see hundreds of answers in the time of ten of
# guest 8's; were they served in turns, it would be ten.
daemon_start --devices "image:$bench,slow=0000:00:07.0:20"
two_guests " beside a slow device"
# A register that is not answered from the table: status, dword 4.
for ((i = 0; i < 5; i++)); do
	config_read g8 0 4 4
done
like "the slow device answers" "$R" "^0 "
want=$R
rounds=0
say g8 op 0 0 0 0 4 4
end=$(($(now_ms) + 10000))
until read -rt 0 -u "${PEER_OUT[g8]}" || [ "$(now_ms)" -gt "$end" ]; do
	tell g7 traffic 10 0 0x10d38086 || break
	rounds=$((rounds + 1))
done
check "its answer comes" answer g8
is "and is the same" "${R% *}" "$want"
check "another guest had $rounds rounds of requests meanwhile" [ "$rounds" -ge 2 ]
# Requests in the air at the end are waited for.
say g8 op 0 0 0 0 4 4
check "detaching a slow device while it is asked" detach 8 0000:00:07.0 --no-wait
say g7 traffic 100 0 0x10d38086
check "its neighbour does not notice" answer g7
answer g8 5
daemon_stop

check_not "slow= needs a device" timeout 5 "$xenbox" run "$DIR" 0 -- "$B/xenpcid" --devices "image:$bench,slow=zz:3"
check_not "gate= needs a file" timeout 5 "$xenbox" run "$DIR" 0 -- "$B/xenpcid" --devices "image:$bench,gate=0000:00:07.0:"
check_not "slow= needs one that is there" timeout 5 "$xenbox" run "$DIR" 0 -- "$B/xenpcid" --devices "image:$bench,slow=0000:7f:00.0:3"
