#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenstored is updated in place (xenstore-control live-update) again and again: while devices come and go, while
# xenpcid does not look, under a guest that is suspended, between the death of xenpcid's server and the next. Nobody
# loses xenstore, a word, or a device. (xenstored.sh has one update, and its end.) With the xenstored in C and in OCaml.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

reads() { config_read "$1" 0 0 4 && [ "$R" = "0 $ID" ]; }
taken_and_given() { echo "$(log_since_count '01:00.0 given as') $(log_since_count '01:00.0 taken back')"; }
updated_to() { [ "$(wc -l <"$WORK/updates")" -ge "$1" ]; }

# Until it is told to end: a line for each update that was made.
update_on_and_on() {
	while [ ! -e "$WORK/enough" ]; do
		xenstored_update >>"$WORK/update.log" 2>&1 && echo updated >>"$WORK/updates"
	done
}
updates_begin() {
	rm -f "$WORK/enough"
	: >"$WORK/updates"
	update_on_and_on </dev/null >/dev/null 2>&1 &
	UPDATES=$!
}
updates_end() {
	touch "$WORK/enough"
	wait "$UPDATES"
}

round() {
	local i served=0 pid keeper server n=${ATTACHES:-10}
	NAME=$1
	box_up
	guest 7
	guest 8
	guest 9
	KEPT=1
	daemon_start -v -v
	KEPT=
	keeper=$DAEMON
	attach 7 0000:00:04.0 0000:00:06.0 || bail "no attach to 7"
	attach 8 0000:00:07.0 || bail "no attach to 8"
	attach 9 0000:00:05.0 || bail "no attach to 9"
	peer g7 7
	peer g8 8
	peer g9 9
	connect g7 7 && connect g8 8 && connect g9 9 || bail "no connection"
	ID=$(config_read g7 0 0 4 && echo "${R#0 }")
	pid=$(xenstored_pid)

	# --- Devices come and go meanwhile ---
	log_mark
	updates_begin
	for ((i = 1; i <= n; i++)); do
		if [ $((i % 2)) = 1 ]; then
			hot_nodes 7 3 2=0000:01:00.0 || break
		else
			leave_nodes 7 2 || break
		fi
		reconfigure g7 7 && reads g7 || break
		case $((i % 2))$(node "$(be 7 state-2)") in 13 | 05) served=$((served + 1)) ;; esac
	done
	check "$NAME: it was updated more than once" wait_for 30000 updated_to 2
	updates_end
	echo "# $NAME: $(wc -l <"$WORK/updates") updates under $n changes"
	is "$NAME: each attach and detach is done" "$served" "$n"
	is "$NAME: given, and taken back, once each" "$(taken_and_given)" "$(((n + 1) / 2)) $((n / 2))"
	is "$NAME: in the same process" "$(xenstored_pid)" "$pid"
	check_not "$NAME: nobody has lost xenstore" logged_since "xenstore|another is started|no state"

	# --- xenpcid does not look: what was written before and behind it is seen ---
	log_mark
	server=$(children "$keeper" | head -n 1)
	check "$NAME: the server does not look" eval "DAEMON=$server daemon_pause"
	check "$NAME: a device is asked for" hot_nodes 7 3 2=0000:01:00.0
	check "$NAME: it is updated" xenstored_update
	check "$NAME: a guest closes" tell g9 write device/pci/0/state 6
	DAEMON=$server daemon_resume
	check "$NAME: the device is served" reconfigure g7 7
	is "$NAME: once" "$(log_since_count '01:00.0 given as')" 1
	check "$NAME: the close is heard" await "$(be 9 state)" 6

	# --- A guest is suspended ---
	check "$NAME: guest 8 is suspended" xb suspend "$DIR" 8
	check "$NAME: it is updated" xenstored_update
	check "$NAME: the guest goes on" xb resume "$DIR" 8
	check "$NAME: and reads" config_read g8 0 0 4
	check "$NAME: it is updated" xenstored_update
	check "$NAME: a guest halts" xb halt "$DIR" 8
	check "$NAME: that is heard" wait_for 5000 logged_since "guest 8: the domain has halted"

	# --- The server dies just then ---
	log_mark
	server=$(children "$keeper" | head -n 1)
	kill -KILL "$server"
	check "$NAME: it is updated" xenstored_update
	check "$NAME: a successor goes on" wait_for 10000 logged_since "guest 7: 0000:00:04.0 goes on"
	check "$NAME: the guest reads" reads g7
	log_mark
	xb destroy "$DIR" 9 --crash
	check "$NAME: it is updated" xenstored_update
	check "$NAME: a guest that died is taken back" wait_for 5000 logged_since "guest 9: 0000:00:05.0 taken back"

	store rm /local/domain/0/backend/pci
	daemon_stop
	for i in "${!PEER_PID[@]}"; do end_peer "$i" KILL; done
	xb down "$DIR"
	: >"$daemon_log"
}

for XENBOX_XENSTORED in ${XENSTOREDS:-xenstored oxenstored}; do
	export XENBOX_XENSTORED
	if ! "$xenbox" which "$XENBOX_XENSTORED" >/dev/null; then
		skip "$XENBOX_XENSTORED" "not installed"
		continue
	fi
	round "$XENBOX_XENSTORED"
done
finish
