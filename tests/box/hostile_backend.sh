#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenpci-front against a backend that means harm (hostile_backend.c): it ends when it said it would, closes
# in order when it is told to, and does not grow. Times here are far from what is waited for.
. "$(dirname "$0")/lib.sh"

MUCH=60 # seconds; a whole scan of what the backend publishes would take hours

box_up
guest 7
store begin && instance_nodes 7 && store commit

hostile=
backend() {
	"$xenbox" run "$DIR" 0 -- "$B/tests/box/hostile_backend" 7 "$@" 2>>"$WORK/hostile.log" &
	hostile=$!
}
backend_gone() {
	kill -KILL $hostile 2>/dev/null
	wait $hostile 2>/dev/null
	return 0
}
# run_front ARGUMENT...: its status, and what it said in front.out
run_front() {
	timeout -k 1 $MUCH "$xenbox" run "$DIR" 7 -- "$B/xenpci-front" "$@" >"$WORK/front.out" 2>&1
	status=$?
}
state() { node "$(fe 7 state)"; }
# front_begin ARGUMENT...: in the background; front_pid is the program itself
front_begin() {
	"$xenbox" run "$DIR" 7 -- "$B/xenpci-front" "$@" >"$WORK/front.out" 2>&1 &
	front=$!
}
front_pid() { pgrep -P $front -f xenpci-front || echo $front; }
stands() { wait_for 30000 grep -q enumerated "$WORK/front.out" || ! cat "$WORK/front.out"; }
reached() { [ "$(state)" = "$1" ]; }

# --- Just in time ---
backend just-in-time 200
run_front --timeout 1500 list
is "connecting ends in time" $status 1
like "and says why" "$(cat "$WORK/front.out")" "cannot connect: Connection timed out"
is "the backend is told" "$(state)" 6

front_begin --timeout 3600000 list
check "the scan goes on" wait_for 20000 reached 3
kill -TERM "$(front_pid)"
check "SIGTERM is heard meanwhile" wait_for 30000 gone $front
wait $front
is "by the status, too" $? 143
is "and closes in order" "$(state)" 6
is "what fails then is not complained of" "$(cat "$WORK/front.out")" ""
backend_gone

# --- Never ---
backend never
run_front --request-timeout 200 list
is "who is never answered ends" $status 1
like "and says why" "$(cat "$WORK/front.out")" "timed out"
front_begin --request-timeout 3600000 --timeout 3600000 list
check "a request waits" wait_for 20000 reached 3
kill -INT "$(front_pid)"
check "SIGINT is heard in the middle of a request" wait_for 30000 gone $front
wait $front
is "by the status, too" $? 130
backend_gone

# --- Late ---
backend late 300
run_front --request-timeout 100 list
is "who is answered late ends" $status 1
like "and says why" "$(cat "$WORK/front.out")" "timed out"
is "the backend is told" "$(state)" 6
backend_gone

# --- Anything, early, twice ---
# commands_against HOW COMMAND...: each ends, whatever it is told
commands_against() {
	local how=$1 command
	shift
	# shellcheck disable=SC2086
	backend $how
	for command; do
		# shellcheck disable=SC2086
		run_front --request-timeout 1000 $command
		cat "$WORK/front.out" >>"$WORK/all.out"
		like "$how answers: $command" $status '^[0123]$'
	done
	backend_gone
}
device=0000:00:00.0
commands_against anything "list -nn -v" bars dump "msi $device on" "msi $device multi 4" "msix $device 5" \
	"write $device 4 0xffff 2" "watch --timeout 1000"
# (Who finds 256 devices dumps them all, for as long as that takes.)
for how in early "twice 1"; do
	commands_against "$how" "list -nn -v" "dump $device" "msix $device 5" "watch --timeout 1000"
done
check_not "no pirqs that cannot be" grep -E 'pirqs? ([0-9 ]* )?(0|[0-9]{6,})( |$)' "$WORK/all.out"
check "nothing but printable characters is shown" test "$(LC_ALL=C grep -ac '[^ -~	]' "$WORK/all.out")" = 0

# --- States and events without end ---
for how in flap anything nodes early; do
	backend $how
	front_begin watch
	check "$how: watch stands" stands
	pid=$(front_pid)
	before=$(rss_kib "$pid") open=$(fds "$pid")
	read -rt 3 <>"$WORK/never"
	grown=$(($(rss_kib "$pid") - before))
	check "$how: it does not grow (by $grown KiB)" [ $grown -lt 4096 ]
	is "$how: its descriptors" "$(fds "$pid")" "$open"
	check "$how: nor does its log" [ "$(grep -c '^xenpci-front: ' "$WORK/front.out")" -lt 100 ]
	kill -TERM "$pid"
	check "$how: and ends when it is told to" wait_for 30000 gone $front
	wait $front
	backend_gone
done
