#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenstored is killed and started again, with its nodes and without, or updated in place: xenpcid goes on,
# guests lose nothing, what changed meanwhile is acted upon. With the xenstored in C and in OCaml.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SYS=$WORK/sys
BUS=$SYS/bus/xen-backend
mkdir -p "$BUS"/{devices,drivers/pciback} "$SYS/bus/pci/devices" "$SYS/uevents" "$WORK/state"
echo 1 >"$BUS/drivers_autoprobe"
: >"$BUS/drivers_probe"

lost_at() { [ "$(log_since_count 'warning: xenstore: .*start xenstored again')" = "$1" ]; }
back_at() { [ "$(log_since_count 'xenstore is back after')" = "$1" ]; }
reads() { config_read "$1" 0 0 4 && [ "$R" = "0 $2" ]; }
pirqs() { xb stat "$DIR" "$1" | grep -q "pirqs=$2 "; }
# harmless: nothing that a guest has was taken, reset, or begun anew, from the mark on
harmless() {
	! logged_since 'taken back|goes back|: reset by|taking over|gone|no state|error:|another is started' ||
		return 1
	[ "$(hypercalls | grep -cE 'assign_device|release_msix|pci_device_reset')" = "$ASSIGNED" ] &&
		[ "$(worker_of 7) $(gate_of 7)" = "$SERVED" ]
}
mark() {
	log_mark
	ASSIGNED=$(hypercalls | grep -cE 'assign_device|release_msix|pci_device_reset')
	SERVED="$(worker_of 7) $(gate_of 7)"
}

# begin: guests 7 (a peer), 8 (the library, by a script) and 9, of which each has a device
# fresh COMMAND...: what it starts is not to keep the script's input open. A number that no {fd} gets.
fresh() { "$@" 200>&-; }
lines_to() { echo "$*" >&200; }
answered() { grep -qE "$1" "$WORK/answers"; }
begin() {
	box_up
	guest 7
	guest 8
	guest 9
	daemon_start -v -v --sysfs-root "$SYS" "$@"
	attach 7 0000:00:04.0 0000:00:06.0 || bail "no attach to 7"
	attach 8 0000:00:07.0 || bail "no attach to 8"
	attach 9 0000:00:05.0 || bail "no attach to 9"
	peer g7 7
	peer g9 9
	connect g7 7 && connect g9 9 || bail "no connection"
	rm -f "$WORK/lines"
	mkfifo "$WORK/lines"
	front 8 script - <"$WORK/lines" >"$WORK/answers" 2>"$WORK/script.log" {ready}>&- &
	SCRIPT=$!
	exec 200>"$WORK/lines"
	lines_to "conf_read 0000:00:00.0 0 4"
	check "$NAME: the library's guest reads" wait_for 5000 answered "conf_read.*err=0"
	ID=$(config_read g7 0 0 4 && echo "${R#0 }")
	mark
}
finish_round() {
	exec 200>&-
	check "$NAME: the library's guest ends" wait_for 15000 dead "$SCRIPT"
	kill -KILL "$SCRIPT" 2>/dev/null
	store rm /local/domain/0/backend/pci
	daemon_stop "$@"
	local p
	for p in "${!PEER_PID[@]}"; do end_peer "$p" KILL; done
	xb down "$DIR"
	: >"$daemon_log"
}
attaches() { # DEVICE: to 7, hot, and away again
	xb attach "$DIR" 7 "$1" >"$WORK/attach.out" 2>&1 &
	local tool=$!
	reconfigure g7 7 && wait "$tool" || return
	xb detach "$DIR" 7 "$1" >"$WORK/detach.out" 2>&1 &
	tool=$!
	reconfigure g7 7 && wait "$tool"
}

killed_with_keeper() {
	NAME="$1, killed"
	KEPT=1
	begin
	KEPT=
	local server keeper=$DAEMON
	server=$(children "$keeper" | head -n 1)
	check "$NAME: it is" xenstored_kill --keep
	check "$NAME: that is noticed" wait_for 5000 lost_at 1
	check "$NAME: guests read meanwhile" reads g7 "$ID"
	check "$NAME: and write" config_write g7 0 4 2 0x403
	lines_to "enable_msix 0000:00:00.0 0,1"
	check "$NAME: and turn interrupts on" wait_for 5000 answered "enable_msix.*err=0"
	like "$NAME: asked, it says so" "$(in_domain 0 "$B/xenpci" --state-dir "$WORK/state" status 2>&1)" "no xenstore"
	check "$NAME: another starts" fresh xenstored_start
	check "$NAME: it is found" wait_for 5000 back_at 1
	check "$NAME: guests read" reads g7 "$ID"
	check "$NAME: one line for lost" lost_at 1
	check "$NAME: attach and detach" attaches 0000:01:00.0
	check "$NAME: nothing else has happened" test "$(children "$keeper" | head -n 1)" = "$server"
	check_not "$NAME: to the keeper neither" logged_since "another is started|nobody serves"
	# What a successor needs is written again, the vectors of that time too.
	log_mark
	kill -KILL "$server"
	check "$NAME: a successor goes on" wait_for 10000 logged_since "guest 8: 0000:00:07.0 goes on"
	lines_to "disable_msix 0000:00:00.0"
	check "$NAME: with the vectors of meanwhile" wait_for 5000 answered "disable_msix.*err=0"
	check "$NAME: which it unmaps" wait_for 5000 pirqs 8 0
	# The frontend's watch of the successor's, and a second loss.
	log_mark
	check "$NAME, again: it is" xenstored_kill --keep
	check "$NAME, again: that is noticed" wait_for 5000 lost_at 1
	check "$NAME, again: another starts" fresh xenstored_start
	check "$NAME, again: it is found" wait_for 5000 back_at 1
	check "$NAME, again: a guest closes" tell g9 write device/pci/0/state 6
	check "$NAME, again: that is heard" await "$(be 9 state)" 6
	# Told to stop without xenstore, it leaves all as it is.
	xb store "$DIR" kill --keep
	kill -TERM "$keeper"
	check "$NAME: TERM ends it all the same" wait_for 10000 dead "$keeper"
	wait "$keeper" 2>/dev/null
	is "$NAME: with a status that says that guests are left" $? 1
	DAEMON=
	end_peer dom0 KILL
	fresh xenstored_start
	finish_round
}

# While the daemon cannot look, its xenstored goes, comes, and all kinds of things happen.
changed_meanwhile() {
	NAME="$1, changed meanwhile"
	begin
	check "$NAME: the daemon does not look" daemon_pause
	xenstored_kill --keep && fresh xenstored_start
	store write "$(be 7 state-1)" 5
	hot_nodes 7 3 2=0000:01:00.0
	fresh guests 10
	create_nodes 10 0000:05:00.0
	xb destroy "$DIR" 9 --crash
	daemon_resume
	check "$NAME: it finds out" wait_for 5000 back_at 1
	check "$NAME: a new guest is served" connect g10 10
	check "$NAME: an attach and a detach" reconfigure g7 7
	is "$NAME: the one is done" "$(node "$(be 7 state-2)")" 3
	check "$NAME: the other, too" wait_for 5000 logged_since "guest 7: 0000:00:06.0 taken back"
	check "$NAME: a guest that died is taken back" wait_for 5000 logged_since "guest 9: 0000:00:05.0 taken back"
	check_not "$NAME: but no other" logged_since "00:04.0 taken back|00:07.0 taken back"
	check "$NAME: who was there reads" reads g7 "$ID"
	finish_round
}

# At moments of its own choosing, while devices come and go.
at_random() {
	NAME="$1, at random"
	begin
	local i n=${KILLS:-25} served=0
	for ((i = 1; i <= n; i++)); do
		# What the toolstack writes, in one go; it ends with its xenstored.
		if [ $((i % 2)) = 1 ]; then
			hot_nodes 7 3 2=0000:01:00.0
		else
			leave_nodes 7 2
		fi
		read -rt "0.00$((RANDOM % 10))" <>"$WORK/never"
		xenstored_kill --keep || break
		fresh xenstored_start || break
		reconfigure g7 7 || break
		case $((i % 2))$(node "$(be 7 state-2)") in 13 | 05) served=$((served + 1)) ;; esac
		reads g7 "$ID" || break
	done
	is "$NAME: each attach and detach is done" "$served" "$n"
	check "$NAME: each loss is seen to" wait_for 5000 back_at "$n"
	is "$NAME: given, and taken back, once each" \
		"$(log_since_count '01:00.0 given as') $(log_since_count '01:00.0 taken back')" "$(((n + 1) / 2)) $((n / 2))"
	check_not "$NAME: nobody else is" logged_since "0[467].0 (given|taken back)|goes back"
	check_not "$NAME: no error is told" logged_since "error:|is no state|another backend"
	check "$NAME: the library's guest reads" reads_by_library
	is "$NAME: by who served it before" "$(worker_of 7) $(gate_of 7)" "$SERVED"
	finish_round
}
reads_by_library() {
	: >"$WORK/answers"
	lines_to "conf_read 0000:00:00.0 4 2"
	wait_for 5000 answered "conf_read.*err=0"
}

# Nothing of what it knew is left.
emptied() {
	NAME="$1, emptied"
	begin
	local vdev
	vdev=$(node "$(be 7 vdev-0)")
	xenstored_kill
	check "$NAME: that is noticed" wait_for 5000 lost_at 1
	fresh xenstored_start
	check "$NAME: it is found, and empty" wait_for 5000 logged_since "xenstore is back .* and empty"
	check "$NAME: guests read" reads g7 "$ID"
	check "$NAME: nobody has lost a thing" harmless
	# The toolstack writes as for a new guest; we answer with what it has.
	check "$NAME: the toolstack writes a guest's nodes" create_nodes 7 0000:00:04.0 0000:00:06.0
	check "$NAME: the guest has what it had" await "$(be 7 state)" 4
	is "$NAME: at its place" "$(node "$(be 7 vdev-0)") $(node "$(be 7 state-0)")" "$vdev 3"
	is "$NAME: it is a frontend again" "$(node "$(fe 7 state)")" 4
	check "$NAME: with its page" store read "$(fe 7 pci-op-ref)"
	check "$NAME: and reads" reads g7 "$ID"
	check "$NAME: nothing was reset" harmless
	check "$NAME: attach and detach" attaches 0000:01:00.0
	fresh guests 10
	create_nodes 10 0000:05:00.0
	check "$NAME: a new guest is served as ever" connect g10 10
	# A guest whose nodes do not come back.
	xb destroy "$DIR" 9 --crash
	check "$NAME: one that dies without nodes is taken back" wait_for 5000 logged_since "guest 9: 0000:00:05.0 taken back"
	# A successor knows it all again.
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	log_mark
	fresh daemon_start -v -v --sysfs-root "$SYS"
	check "$NAME: a successor goes on" wait_for 5000 logged_since "guest 7: 0000:00:04.0 goes on"
	check "$NAME: the guest reads" reads g7 "$ID"
	finish_round
}

updated() {
	NAME="$1, updated"
	begin
	local pid
	pid=$(xenstored_pid)
	check "$NAME: it is" xenstored_update
	is "$NAME: in the same process" "$(xenstored_pid)" "$pid"
	like "$NAME: another program" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "(-U|--live) "
	check "$NAME: guests read" reads g7 "$ID"
	check "$NAME: nothing has happened" harmless
	check "$NAME: watches are there" attaches 0000:01:00.0
	check "$NAME: a guest closes" tell g9 write device/pci/0/state 6
	check "$NAME: that is heard" await "$(be 9 state)" 6
	check_not "$NAME: nobody has lost xenstore" logged_since "xenstore"
	finish_round
}

for XENBOX_XENSTORED in ${XENSTOREDS:-xenstored oxenstored}; do
	export XENBOX_XENSTORED
	if ! "$xenbox" which "$XENBOX_XENSTORED" >/dev/null; then
		skip "$XENBOX_XENSTORED" "not installed"
		continue
	fi
	for round in ${ROUNDS:-killed_with_keeper changed_meanwhile at_random emptied updated}; do
		$round "$XENBOX_XENSTORED"
	done
done
