#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A guest that means harm (tests/hostile/guest), beside an honest one in the same daemon. What it cost is
# counted, not timed: lines in the log, private memory, descriptors and processes of all of xenpcid's,
# requests to xenstored and hypercalls for each thing that the guest did; and the honest guest's answers, each
# of which has to be the one to its question.
#   LONG=1       all of it: 10000 connects, 200000 random requests, sequences of 4 (some minutes)
#   CONNECTS, REQUESTS, LENGTH, DEATHS    one of them; SEED repeats a story
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib_trace.sh"

if [ -n "${LONG:-}" ]; then
	: "${CONNECTS:=10000}" "${REQUESTS:=200000}" "${LENGTH:=4}" "${DEATHS:=240}"
fi
connects=${CONNECTS:-150} requests=${REQUESTS:-4000} length=${LENGTH:-4} deaths=${DEATHS:-24} seed=${SEED:-$RANDOM}
program=$B/tests/hostile/guest/guest
nic=0000:00:04.0 wide=0000:05:00.0 other=0000:00:06.0
echo "# SEED=$seed"

# --- What is counted ---

san=$(nm "$B/xenpcid" 2>/dev/null | grep -q __asan_init && echo 1)
private_kib() {
	local pid
	for pid in $(family); do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done |
		awk '/^Private_/ { n += $2 } END { print n + 0 }'
}
# Processes, each with its descriptors by kind, and what Xen has of all domains. (To whoever wakes another the box
# gives a pipe of that one: those of workers are the box's.)
holdings() {
	local pid
	for pid in $(family); do
		find "/proc/$pid/fd" -mindepth 1 -printf "$(cat "/proc/$pid/comm") %l\n" 2>/dev/null
	done | sed -E 's/:\[?[0-9]+\]?$//; /^xenpci-worker pipe$/d' | sort | uniq -c
	xb stat "$DIR"
}
as_before() { holdings | diff "$WORK/rest" -; }
calls() { hypercalls | grep -c '^0 '; }
# requests_since LINE: of the daemon's connections, the one that says who serves and the one that hears of domains'
# ends, after that line of the trace
requests_since() {
	local who
	take_trace
	who=$(grep -E ' WATCH \(@releaseDomain| WRITE \([^ ]*/xenpci/pid' "$trace" | cut -d ' ' -f 2)
	tail -n "+$(($1 + 1))" "$trace" | cut -d ' ' -f 2 | grep -cxF "$who"
}
mark() {
	m_lines=$(wc -l <"$daemon_log") m_calls=$(calls) m_trace=$(trace_lines) m_ms=$(now_ms)
}
# cost NAME ACTIONS CALLS REQUESTS [LINES]: since mark, the daemon made at most so many hypercalls and requests for each
# thing that the guest did (and 200 in all besides), and said no more than the two allowances of common/talk.h,
# but LINES for each besides where the toolstack makes a new guest each time.
cost() {
	local did=$2 lines calls requests
	lines=$(($(wc -l <"$daemon_log") - m_lines)) calls=$(($(calls) - m_calls))
	requests=$(requests_since "$m_trace")
	printf '# %s: %s times, %s hypercalls, %s requests to xenstored, %s lines, %s ms\n' "$1" "$did" "$calls" \
		"$requests" "$lines" $(($(now_ms) - m_ms))
	check "$1: $calls hypercalls for $did, at most $3 for each" test "$calls" -le $((did * $3 + 200))
	check "$1: $requests requests to xenstored for $did, at most $4 for each" \
		test "$requests" -le $((did * $4 + 200))
	check "$1: $lines lines in the log" \
		test "$lines" -le $((2 * (33 + ($(now_ms) - m_ms) / 1000) + did * ${5:-0}))
}

# --- The neighbour ---

neighbour_begin() { tell g7 honest 0x11e81234; }
neighbour_end() { # NAME
	say g7 nothing
	local asked right
	if answer g7; then read -r asked right <<<"$R"; else asked=$R right=none; fi
	is "$1: the neighbour's $asked questions have as many right answers" "$right" "$asked"
	answer g7
}

# harm NAME CALLS REQUESTS VERB...: the guest does it beside the neighbour; R is what it did, whose first word
# is how often
harm() {
	local name=$1 max_calls=$2 max_requests=$3 did
	shift 3
	mark
	neighbour_begin || not_ok "$name" "the neighbour does not begin: $R"
	say h9 "$@"
	if answer h9 "${PATIENCE:-600}"; then ok "$name: $R"; else not_ok "$name" "$R"; fi
	did=$R
	neighbour_end "$name"
	[[ $did =~ ^[0-9]+ ]] && cost "$name" "${BASH_REMATCH[0]}" "$max_calls" "$max_requests"
}

hostile() { # N DEVICE
	guest "$1" && attach "$1" "$2" && peer "h$1" "$1" "$program" &&
		await "$(be "$1" state)" 3 || bail "guest $1 is not served"
}
retire() { # N
	end_peer "h$1" KILL
	destroy "$1"
}

printf 'aer_timeout_ms = 100;\n' >"$WORK/guest.conf"
box_up --extra-irqs 512
daemon_start --config "$WORK/guest.conf"
guest 7
attach 7 0000:00:05.0
peer g7 7 "$program"
check "the neighbour connects" tell g7 open
# A first life, so that what is allocated once is.
hostile 9 $nic
tell h9 open && tell h9 shut
retire 9
hostile 9 $nic
tell h9 connects 6
neighbour_begin
neighbour_end "before all"
all_ready() { holdings | grep -qE '^ *7 xenpci-worker socket$'; }
check "the neighbour's worker and another are ready" wait_for 10000 all_ready
holdings >"$WORK/rest"
memory=$(private_kib)

# --- The page ---

tell h9 open || not_ok "open" "$R"
harm "every field at its bounds, and at random" 1 1 fields "$requests" "$seed"
tell h9 ask 3 0 0 0
tell h9 ask 1 4 2 0x406
harm "two threads that write to the page" 8 2 flip $((requests / 8))
tell h9 ask 3 0 0 0
tell h9 ask 1 4 2 0x406
harm "entries of a table of 5" 12 2 entries 5 "$seed"
harm "sequences of up to $length steps" 8 8 sequences "$length" 0xc8 0xd0 0xa0
harm "a storm of events" 0 0 storm $((requests * 20))
check "it is served afterwards" tell h9 ask 0 0 4 0
is "... rightly" "$R" "0 10d38086"
tell h9 shut || not_ok "shut" "$R"

# --- Nodes and states ---

peer o7 7 "$program"
tell o7 offer
read -r ref port <<<"$R"
harm "nodes that are none" 4 50 nodes "$ref" "$port"
end_peer o7
harm "writes to its state" 0 4 flood device/pci/0/state $((requests / 2)) 4 5x 99 "" 8
tell h9 write device/pci/0/state 1
harm "nodes below its state" 0 4 flood device/pci/0/state/below $((requests / 2)) 3 6
tell h9 rm device/pci/0/state/below
harm "all pairs of states" 6 60 states
harm "connects" 4 45 connects "$connects"
harm "pages revoked and ports closed in mid-request" 4 45 gone $((connects / 3))

# --- Answers that never come ---

# An error's step that the guest does not answer is given up by xenpcid, whose verdict is then the toolstack's.
tell h9 open || not_ok "open" "$R"
tell h9 flags 2 # it has a handler
aer=/local/domain/0/xenpci/aer/${nic//[:.]/-}
mark
neighbour_begin
given_up=0
for ((i = 0; i < 10; i++)); do
	store rm "$aer/result"
	store write "$aer/step" "detected frozen"
	await "$aer/result" any && given_up=$((given_up + 1))
done
is "errors that it does not answer are given up" $given_up 10
neighbour_end "errors"
cost "errors" 10 4 40
# A device that comes while the guest shows no 7, and one that comes while it shows no 4 after it.
mark
neighbour_begin
attach 9 $other --no-wait
check "a device comes" await "$(be 9 state)" 7
for ((i = 0; i < 20; i++)); do tell h9 ask 0 0 4 0; done
is "it does not take part, and is served" "$R" "0 10d38086"
tell h9 write device/pci/0/state 7
check "a device is there" await "$(be 9 state)" 8
for ((i = 0; i < 20; i++)); do tell h9 ask 0 0 4 0; done
is "it does not go on, and is served" "$R" "0 10d38086"
tell h9 shut || not_ok "shut" "$R"
neighbour_end "reconfiguring"
cost "reconfiguring" 42 8 20

# --- It gives up, and is begun anew ---

tell h9 open
tell h9 write device/pci/0/state 0
check "who shows 0 has given up" await "$(be 9 state)" "6|gone"
retire 9

# --- A table of 256 ---

hostile 9 $wide
tell h9 open || not_ok "open" "$R"
harm "entries of a table of 256" 260 2 entries 256 "$seed"
retire 9

# --- It dies, wherever it waits ---

steps() { # LINE...: each told, and right
	local line
	for line; do tell h9 "$line" || return; done
}
published() {
	tell h9 offer && read -r ref port <<<"$R" && steps "write device/pci/0/pci-op-ref $ref" \
		"write device/pci/0/event-channel $port" "write device/pci/0/magic 7"
}
show() { steps "write device/pci/0/state $1"; }
asked() { tell h9 open && tell h9 ask "$1" 0 4 2 post; }
arrived() { tell h9 open && attach 9 $other --no-wait && await "$(be 9 state)" 7; }
in_error() { tell h9 open && tell h9 flags 2 && store write "$aer/step" "detected frozen"; }
busy() { tell h9 open && say h9 "$@"; }
waits=(
	"before it has published:true"
	"in a transaction:tell h9 dangle"
	"with half its nodes:tell h9 write device/pci/0/pci-op-ref 8"
	"when it has published:published && show 3"
	"connected, in 3:published && show 3 && await $(be 9 state) 4"
	"connected:tell h9 open"
	"when it has asked for a read:asked 0"
	"... a write:asked 1"
	"... MSI:asked 2"
	"... MSI-X:asked 4"
	"with MSI:tell h9 open && tell h9 ask 2 0 0 0"
	"in the middle of random requests:busy fields 100000 1"
	"... of a page that changes:busy flip 1000000"
	"... of a storm:busy storm 100000000"
	"... of connects:say h9 connects 100000"
	"... of states:say h9 states"
	"when a device comes:arrived"
	"when it shows 7:arrived && show 7"
	"... and 8 was there:arrived && show 7 && await $(be 9 state) 8"
	"when it closes:tell h9 open && show 5"
	"... and is closing:tell h9 open && show 5 && await $(be 9 state) 5"
	"when it is closed:tell h9 open && show 6"
	"when it opens again:tell h9 open && tell h9 shut && show 1"
	"in an error:in_error"
)
mark
neighbour_begin
for ((i = 0; i < deaths; i++)); do
	row=${waits[i % ${#waits[@]}]}
	hostile 9 $nic
	check "it gets ${row%%:*}" eval "${row#*:}"
	retire 9
done
neighbour_end "$deaths deaths"
cost "deaths" "$deaths" 60 150 16

# --- What it has left ---

hostile 9 $nic
tell h9 connects 6
wait_for 10000 as_before
check "processes, descriptors, ports, grants and pirqs are as before" as_before
grown=$(($(private_kib) - memory))
if [ -n "$san" ]; then
	skip "private memory" "the sanitizer keeps what was freed"
else
	check "private memory: $memory KiB before, $grown KiB more after" test "$grown" -le 256
fi
check_not "no process of xenpcid's had to be replaced" logged "takes its place|killed by signal|its worker hangs"
check "nothing but printable characters is in the log" test "$(LC_ALL=C grep -c '[^ -~]' "$daemon_log")" = 0
is "no line is longer than 400 characters" "$(awk 'length > 400' "$daemon_log" | wc -l)" 0
check "the daemon lives" daemon_alive
finish
