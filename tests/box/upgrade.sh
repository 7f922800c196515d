#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is left by an xenpcid of an older state version is carried on with after kill -9, by another build
# and as kept in tests/state; a version that is not known is refused, and guests stay as they are.
. "$(dirname "$0")/lib.sh"

memory=/local/domain/0/xenpci/guests
record=$memory/7/0000-00-04-0
old=$B/state1
ledger=$WORK/state/guest-7

daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	DAEMON=
}
# The build that is told by B serves.
daemon_of() {
	log_mark
	if [ -n "${lines:-}" ]; then B=$1 daemon_start {lines}>&-; else B=$1 daemon_start; fi
}
answered() { [ "$(wc -l <"$WORK/answers")" -gt "$asked" ]; }
ask() {
	echo "$*" >&"$lines"
	wait_for 5000 answered
	asked=$(wc -l <"$WORK/answers")
	R=$(tail -n 1 "$WORK/answers")
}
# put PATH VALUE: a peer knows no spaces in values
put() { in_domain 0 xenstore-write "$1" "$2"; }
begin_guest() {
	attach 7 0000:00:04.0
	await "$(be 7 state)" 3
	asked=0
	rm -f "$WORK/lines"
	mkfifo "$WORK/lines"
	: >"$WORK/answers"
	front 7 script - <"$WORK/lines" >"$WORK/answers" 2>"$WORK/script.log" &
	script=$!
	exec {lines}>"$WORK/lines"
}
# refused NAME WHERE: this build does not start, and touches nothing
refused() {
	local before after status ledger_sum
	before=$(in_domain 0 xenstore-ls -f /local/domain/0 | grep -v /xenpci/pid)
	ledger_sum=$(md5sum <"$ledger")
	log_mark
	timeout 20 "$xenbox" run "$DIR" 0 -- "$B/xenpcid" --worker "$B/xenpci-worker" --devices "image:$bench" \
		--allow all --state-dir "$WORK/state" 2>>"$daemon_log" </dev/null {lines}>&-
	status=$?
	is "$1: it does not start" "$status" 1
	check "$1: it says why" logged_since "$2.*left by an xenpcid whose state has another version.*1 to 2"
	after=$(in_domain 0 xenstore-ls -f /local/domain/0 | grep -v /xenpci/pid)
	is "$1: every node is as it was" "$after" "$before"
	is "$1: and the ledger" "$(md5sum <"$ledger")" "$ledger_sum"
}

box_up
guest 7

# --- Left by another build ---
daemon_of "$old"
begin_guest
ask conf_write 0000:00:00.0 4 2 0x407
ask enable_msix 0000:00:00.0 0,1,2
like "an older one serves" "$R" "err=0"
ask conf_read 0000:00:00.0 4 2
command=${R##*value=}
like "the guest's command register" "$command" "^0x0?407"
store read "$record"
like "it is of version 1" "$R" "^0000:00:00"
store read "$memory/7"
is "and so is its guest" "$R" ""
is "and its ledger" "$(od -An -tu4 -j4 -N4 "$ledger" | tr -d " ")" 1
daemon_kill
daemon_of "$B"
check "this one carries on" wait_for 5000 logged_since "0000:00:04.0 goes on"
check_not "with nothing lost" logged_since "lost or of another version"
ask conf_read 0000:00:00.0 4 2
is "the command register stays" "${R##*value=}" "$command"
like "the vectors too" "$(xb stat "$DIR" 7)" "pirqs=3"
ask conf_write 0000:00:00.0 4 2 0x403
ask disable_msix 0000:00:00.0
like "and can be taken back" "$(xb stat "$DIR" 7)" "pirqs=0"
ask enable_msix 0000:00:00.0 0,1
store read "$record/interrupts"
like "what it writes has a version" "$R" "^xenpci-interrupts 2 [0-9]+ msix 2 "
daemon_kill
daemon_of "$B"
check "the next one carries on" wait_for 5000 logged_since "0000:00:04.0 goes on"
ask conf_read 0000:00:00.0 4 2
like "with that" "${R##*value=}" "^0x0?403"
daemon_kill

# --- The older one on what this one left ---
timeout 20 "$xenbox" run "$DIR" 0 -- "$old/xenpcid" --worker "$old/xenpci-worker" --devices "image:$bench" \
	--allow all --state-dir "$WORK/state" 2>"$WORK/old.log" </dev/null {lines}>&-
is "the older one does not start on it" $? 1
check "and says so" grep -q "another version.*knows 1 to 1" "$WORK/old.log"

# --- Unknown ---
while read -r part node; do
	store read "$node"
	text=$R
	put "$node" "xenpci-$part 9 ${#text} $text"
	refused "unknown $part" "${node%/interrupts}"
	put "$node" "$text"
done <<END
guest $memory/7
device $record
interrupts $record/interrupts
END
cp "$ledger" "$WORK/ledger"
printf '\x09' | dd of="$ledger" bs=1 seek=4 conv=notrunc status=none
refused "unknown ledger" "$ledger"
cp "$WORK/ledger" "$ledger"
daemon_of "$B"
check "once it is known again the guest goes on" wait_for 5000 logged_since "0000:00:04.0 goes on"
ask conf_read 0000:00:00.0 4 2
like "and lost nothing" "${R##*value=}" "^0x0?403"

# --- As they are kept: each with the command register that its guest had ---
ask disable_msix 0000:00:00.0
for kept in "$top"/tests/state/*/; do
	name="state $(basename "$kept")"
	daemon_kill
	# shellcheck disable=SC1091
	. "$kept/nodes"
	put "$memory/7" "$guest_node"
	put "$record" "$device_node"
	put "$record/interrupts" "$interrupts_node"
	xz -dc "$kept/ledger.xz" >"$ledger"
	daemon_of "$B"
	check "$name: it is carried on with" wait_for 5000 logged_since "0000:00:04.0 goes on as 0000:00:00.00"
	check_not "$name: nothing is lost" logged_since "lost or of another version|damaged"
	ask conf_read 0000:00:00.0 4 2
	is "$name: the command register" "${R##*value=}" "$command_register"
done
exec {lines}>&-
check "the guest's driver ends well" wait "$script"
finish
