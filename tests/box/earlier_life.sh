#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# While no xenpcid runs, a guest dies, is followed by another of its number, loses its nodes or an entry of
# them: the next xenpcid takes back what is remembered of it, resumes nothing of it, and gives no two
# devices one address.
. "$(dirname "$0")/lib.sh"

memory=/local/domain/0/xenpci/guests

daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
}
# forgotten N [BDF]: nothing is remembered of it
forgotten() { ! store read "$memory/$1${2:+/${2//[:.]/-}}"; }
# free_again NAME BDF: a guest of its own can have the device
next=20
free_again() {
	next=$((next + 1))
	guest "$next"
	create_nodes "$next" "$2"
	check "$1: another guest can have the device" await "$(be "$next" vdev-0)" 0000:00:00.00
	destroy "$next"
	check "$1: and nothing is left of that" wait_for 5000 forgotten "$next"
}
# given N BDF...: attached, and through
given() {
	attach "$@" && await "$(be "$1" state)" 3 || bail "no devices for guest $1"
}

box_up
guest 7
daemon_start

# --- Dead, and nothing follows ---
peer g7 7
given 7 0000:00:04.0
check "it connects" connect g7 7
check "and has a ledger" test -e "$WORK/state/guest-7"
check "a guest is remembered with its uuid" store read "$memory/7"
uuid=$(node /local/domain/7/vm)
like "which is its domain's" "$R" "xenpci-guest [0-9]+ 36 ${uuid#/vm/}\$"
daemon_kill
log_mark
cp "$WORK/state/guest-7" "$WORK/state/guest-9" # one of us died between forgetting guest 9 and removing that
end_peer g7 KILL
destroy 7
daemon_start
check "dead: it is noticed" wait_for 5000 logged_since "guest 7: .*has gone.*1 device remembered"
check "dead: nothing is remembered" wait_for 5000 forgotten 7
is "dead: no ledger is left" "$(find "$WORK/state" -name guest-7 | wc -l)" 0
is "dead: nor one of a guest that nobody remembers" "$(find "$WORK/state" -name guest-9 | wc -l)" 0
free_again "dead" 0000:00:04.0

# --- Dead, and another has its number: it is served as if the first had never been ---
guest 7
given 7 0000:00:04.0 0000:00:06.0
daemon_kill
log_mark
destroy 7
guest 7
peer g7 7
create_nodes 7 0000:00:05.0
daemon_start
check "followed: the first one's are taken back" wait_for 5000 logged_since "guest 7: .*has gone.*2 devices"
check "followed: its own device" await "$(be 7 vdev-0)" 0000:00:00.00
check "followed: it connects" connect g7 7
check_not "followed: nothing was resumed" logged_since "goes on as"
config_read g7 0 0 4
like "followed: and is its own" "$R" "^0 "
config_read g7 8 0 4
like "followed: there is no other" "$R" "^-[0-9]+ "
check "followed: one device is remembered" forgotten 7 0000:00:04.0
free_again "followed" 0000:00:04.0
free_again "followed" 0000:00:06.0

# --- Dead, and the nodes of the first are still there when another has its number ---
daemon_kill
log_mark
end_peer g7 KILL
xb destroy "$DIR" 7 --crash
guest 7
daemon_start
check "old nodes: taken back" wait_for 5000 logged_since "guest 7: .*has gone.*1 device"
check "old nodes: nothing is remembered" wait_for 5000 forgotten 7
check_not "old nodes: nothing was resumed" logged_since "taking over|goes on as"
destroy 7

# --- It lives, and only its nodes have gone: its vectors too ---
guest 7
given 7 0000:00:04.0
mkfifo "$WORK/lines"
front 7 script - <"$WORK/lines" >"$WORK/answers" 2>"$WORK/script.log" &
script=$!
exec {lines}>"$WORK/lines"
echo "enable_msix 0000:00:00.0 0,1,2" >&"$lines"
check "vectors are mapped" wait_for 5000 grep -q "enable_msix.*err=0" "$WORK/answers"
like "three of them" "$(xb stat "$DIR" 7)" "pirqs=3"
daemon_kill
log_mark
kill -KILL "$script"
wait "$script" 2>/dev/null
exec {lines}>&-
store rm "$(be 7)"
daemon_start
check "no nodes: taken back" wait_for 5000 logged_since "guest 7: its nodes have gone.*1 device"
check "no nodes: nothing is remembered" wait_for 5000 forgotten 7
like "no nodes: no vector is left" "$(xb stat "$DIR" 7)" "pirqs=0"
free_again "no nodes" 0000:00:04.0
destroy 7

# --- An entry has gone, the others are resumed ---
guest 7
given 7 0000:00:04.0 0000:00:06.0
peer g7 7
check "two devices" connect g7 7
daemon_kill
log_mark
store begin
for node in dev state opts vdev key; do store rm "$(be 7 "$node-1")"; done
store write "$(be 7 num_devs)" 1
store commit
daemon_start
check "no entry: the other is resumed" wait_for 5000 logged_since "0000:00:04.0 goes on"
check "no entry: it is taken back" wait_for 5000 forgotten 7 0000:00:06.0
config_read g7 0 0 4
like "no entry: the other answers" "$R" "^0 "
config_read g7 8 0 4
like "no entry: it does not" "$R" "^-[0-9]+ "
free_again "no entry" 0000:00:06.0

# --- Two are remembered with one address: one of them is resumed ---
hot_nodes 7 2 1=0000:00:06.0
check "another device" reconfigure g7 7
daemon_kill
log_mark
store read "$memory/7/0000-00-06-0"
in_domain 0 xenstore-write "$memory/7/0000-00-06-0" "${R/0000:00:01.00/0000:00:00.00}"
daemon_start
check "one address: one is resumed" wait_for 5000 logged_since "0000:00:04.0 goes on"
check "one address: the other is taken back" wait_for 5000 forgotten 7 0000:00:06.0
is "one address: that is one" "$(log_since_count "goes on as")" 1
config_read g7 0 0 4
like "one address: it answers" "$R" "^0 "
finish
