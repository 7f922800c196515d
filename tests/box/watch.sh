#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a running guest sees of its devices' life, from end to end: attach and detach as
# xl does them, as xenpci-front watch prints them; error recovery (AER) and its verdicts,
# in time, too late, unknown, or from a guest that cannot be asked.
. "$(dirname "$0")/lib.sh"

box_up
cat >"$WORK/xenpci.conf" <<-END
	aer_timeout_ms = 300;
END
daemon_start --config "$WORK/xenpci.conf"

# --- Hot plug ---
guest 7
attach 7 0000:00:04.0
"$xenbox" run "$DIR" 7 -- "$B/xenpci-front" --timeout 60000 watch >"$WORK/watch" 2>"$WORK/watch.log" &
watcher=$!
disown
seen() { wait_for 5000 grep -qE "$1" "$WORK/watch"; }
check "watch sees the first device" seen "added .*00:00\.0 8086:10d3"
check "watch is connected" seen "^connected"
check "and has enumerated" seen "^enumerated"
check "attach" attach 7 0000:00:05.0
check "watch sees the hot one" seen "added .*00:01\.0 1234:11e8"
check "attach of two more" attach 7 0000:00:06.0 0000:00:07.0
check "watch sees the third" seen "added .*00:02\.0 1b36:000d"
check "watch sees the fourth" seen "added .*00:03\.0"
check "detach of the second" detach 7 0000:00:05.0
check "watch sees it go" seen "removed .*00:01\.0"
check "detach of the first" detach 7 0000:00:04.0
check "watch sees it go" seen "removed .*00:00\.0"
check "attach again" attach 7 0000:00:04.0
check "watch sees it come, in the freed slot" wait_for 5000 eval \
	'[ "$(grep -cE "added .*00:00\.0 8086:10d3" "$WORK/watch")" = 2 ]'
is "xl lists what is there" "$(xb list "$DIR" 7 | grep -oE "00:0[4-7]\.0" | sort | tr '\n' ' ')" \
	"00:04.0 00:06.0 00:07.0 "
check_not "a device that another guest has cannot be attached" eval \
	'guest 8 && attach 8 0000:00:06.0'

# --- AER, answered by the library ---
# step BDF TEXT: the verdict
step() {
	local dir=/local/domain/0/xenpci/aer/${1//[:.]/-}
	store rm "$dir/result"
	store write "$dir/step" "$2" && await "$dir/result" any
}
check "an error is told" step 0000:00:04.0 "detected frozen"
verdict=$R
check "watch sees whose, and what" seen "aer .*00:00\.0 .*frozen"
is "and its verdict comes back" "$verdict" \
	"$(grep -oE 'aer .*-> .*' "$WORK/watch" | tail -1 | sed 's/.*-> //')"
kill -TERM "$watcher"
check "watch ends at SIGTERM" wait_for 5000 gone "$watcher"
store rm "$(be 7)" "$(fe 7)"

# --- AER, by a scripted frontend ---
peer g7 7
create_nodes 7 0000:00:04.0 0000:00:05.0
connect g7 7
aer_state() { node "$(be 7 aerState)"; }
ask() { # BDF TEXT: without waiting for the verdict
	dir=/local/domain/0/xenpci/aer/${1//[:.]/-}
	store rm "$dir/result" "$(be 7 aerState)"
	store write "$dir/step" "$2"
}
verdict() { await "$dir/result" any; }
for row in "detected normal:6 1" "detected frozen:6 2" "detected perm_failure:6 3" "mmio:8 1" \
	"slotreset:9 1" "resume:7 1"; do
	ask 0000:00:05.0 "${row%%:*}"
	check "${row%%:*}: posted" tell g7 aer
	is "${row%%:*}: command, channel state, the guest's address" "$R" "${row#*:} 0 0 8"
	tell g7 op 0 0 0 0 0 4
	is "${row%%:*}: requests are served meanwhile" "$R" "0 10d38086 0"
	tell g7 aer_answer 5
	check "${row%%:*}: the verdict comes" verdict
	like "${row%%:*}: as given" "$R" "recovered"
done
for row in 1:none 2:can_recover 3:need_reset 4:disconnect 6:no_aer_driver; do
	ask 0000:00:04.0 "detected frozen"
	tell g7 aer
	tell g7 aer_answer "${row%:*}"
	verdict
	like "verdict ${row%:*}" "$R" "${row#*:}"
done
for result in 0 7 -1 2147483647; do
	ask 0000:00:04.0 mmio
	tell g7 aer
	tell g7 aer_answer $result
	verdict
	like "verdict $result is clamped" "$R" "disconnect"
	is "verdict $result: the toolstack is told" "$(aer_state)" aerfail
done
ask 0000:00:04.0 "detected frozen"
tell g7 aer
check "no answer: given up" verdict
like "no answer: the step's default" "$R" "can_recover"
tell g7 peek 0
is "no answer: the request is withdrawn" $((0x$R & 4)) 0
tell g7 op 0 0 0 0 0 4
is "no answer: requests are served" "$R" "0 10d38086 0"
tell g7 poke 0 0
for row in "detected frozen:can_recover:aerfail" "mmio:recovered:ENOENT" "slotreset:recovered:ENOENT"; do
	IFS=: read -r text want failed <<<"$row"
	ask 0000:00:04.0 "$text"
	verdict
	like "a guest without a handler: $text" "$R" "$want"
	like "a guest without a handler: $text: aerState" "$(aer_state)" "$failed"
done
ask 0000:00:07.0 "detected frozen"
verdict
like "a device that no guest has" "$R" "no guest"
ask 0000:00:04.0 "detected slowly"
verdict
like "a step that there is not" "$R" "no such step"
tell g7 poke 0 2
ask 0000:00:04.0 "detected frozen"
tell g7 aer
store rm "$(be 7)" "$(fe 7)"
create_nodes 7 0000:00:04.0
check "a guest that goes away in the middle" connect g7 7
tell g7 op 0 0 0 0 0 4
is "comes back and is served" "$R" "0 10d38086 0"
check "the daemon lives" daemon_alive
