#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A successor takes a guest over, and one of its requests to xenstored about that guest fails:
# the guest has its device all the same.
. "$(dirname "$0")/../box/lib.sh"

case $B in
*san*)
	skip "faults of a successor" "a sanitizer allocates for itself"
	finish
	;;
esac
export XENPCI_FAULTS=$WORK/faults
ctl() { "$B/tests/faults/faultctl" "$XENPCI_FAULTS" "$@"; }
ctl counts
INSTALLED=$WORK/xenpcid
cat >"$INSTALLED" <<EOF2
#!/bin/sh
exec env LD_PRELOAD=$B/tests/faults/libfaults.so:\$LD_PRELOAD $B/xenpcid --worker $B/xenpci-worker "\$@"
EOF2
chmod +x "$INSTALLED"
box_up
daemon_start
guests 7
attach 7 0000:00:04.0
check "the guest connects" connect g7 7
answered() { config_read g7 0 0 4 && [ "$R" = "0 10d38086" ]; }
remembered=/local/domain/0/xenpci/guests/7
published=/local/domain/7/device/pci/0
for what in transaction:3 $published/pci-op-ref:1 $published/event-channel:1 $published/magic:1 \
	 $remembered:1 $remembered:2 $remembered:3 $remembered:4 $remembered/0000-00-04-0:1 $remembered/0000-00-04-0:2; do
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	# It serves without a keeper, and so has the name of one.
	ctl arm xenpcid-keeper "${what%:*}" "${what##*:}" fail
	daemon_start
	check "request ${what##*:} about it fails: the guest is answered" wait_for 15000 answered
	read -r hit first _ < <(ctl hit)
	is "it did fail ($first)" "$hit" 1
done
is "it has its device" "$(node "$(be 7 state)")" 4

# --- Who becomes the keeper has no descriptor left for --ready-fd, which it is started with again ---
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
KEPT=1 daemon_start --hide 0000:03:00.0,0000:04:00.*
server=$(children "$DAEMON")
arguments() { tr '\0' ' ' <"/proc/$1/cmdline"; }
before=$(arguments "$DAEMON")
# At rest: nothing else opens a file.
check "and serves: the guest is answered" wait_for 15000 answered
wait_for 1000 false
ctl arm xenpcid open 1 fail # of /dev/null
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
DAEMON=$server
becomes_keeper() { grep -q keeper "/proc/$DAEMON/comm"; }
check "the server becomes the keeper" wait_for 15000 becomes_keeper
read -r hit first _ < <(ctl hit)
is "it did fail ($first)" "$hit" 1
check "of another server: the guest is answered" wait_for 15000 answered
is "with the same arguments but for that" "$(arguments "$DAEMON")" "${before/--ready-fd 9/--ready-fd -}"
store rm /local/domain/0/backend/pci
kill -TERM "$DAEMON"
check "it ends" wait_for 10000 dead "$DAEMON"
DAEMON=
finish
