#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenpcid is killed (-9) again and again, at random moments, while a guest reads, sizes
# BARs, switches interrupts; a new one carries on: every answer is what it
# would have been, and nothing is left behind. KILLS: how often (default 200).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KILLS=${KILLS:-200}
state=$WORK/state

# A driver's life, on two devices: 00.0 (MSI, MSI-X) and 01.0.
requests() {
	local dev bar at
	for dev in 0000:00:00.0 0000:00:01.0; do
		for at in $(seq 0 4 252); do echo "conf_read $dev $at 4"; done
		for bar in 16 20 24 28 32 36 48; do
			echo "conf_write $dev $bar 4 0xffffffff"
			echo "conf_read $dev $bar 4"
			echo "conf_write $dev $bar 4 0"
			echo "conf_read $dev $bar 4"
		done
		for at in 0x107 0x407 0x3 0x507 0x103; do
			echo "conf_write $dev 4 2 $at"
			echo "conf_read $dev 4 2"
		done
	done
	echo "enable_msix 0000:00:00.0 0,1,2"
	echo "enable_msix 0000:00:00.0 0,1"
	echo "conf_read 0000:00:00.0 0xa0 4"
	echo "disable_msix 0000:00:00.0"
	echo "enable_msi 0000:00:00.0"
	echo "conf_read 0000:00:00.0 0xd0 4"
	echo "disable_msi 0000:00:00.0"
	echo "op 99 0 0 0 0 4 0"
	echo "conf_read 0000:00:1f.0 0 4"
}

# Not with our end of the script's input: it would never see the end.
lines=
daemon_again() {
	if [ -n "$lines" ]; then
		daemon_start --state-dir "$state" {lines}>&-
	else
		daemon_start --state-dir "$state"
	fi
}

daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
}

# run NAME: the guest's driver lives ROUNDS lives, answers into $WORK/NAME
lives() {
	for ((i = 0; i < $2; i++)); do
		cat "$WORK/requests"
	done >"$WORK/lives"
	front 7 --request-timeout 2000 script "$WORK/lives" >"$WORK/$1" 2>"$WORK/$1.err"
}

mkdir -p "$state"
box_up
guest 7
guest 8
daemon_again
attach 7 0000:00:04.0 0000:00:06.0
attach 8 0000:00:05.0
requests >"$WORK/requests"

# The first life of a connection moves the BARs; from the second on all are alike.
check "two lives without a kill" lives lived 2
half=$(($(wc -l <"$WORK/lived") / 2))
before=$(xb stat "$DIR" 7)

# --- Killed at random moments ---

lives got $((KILLS * 15)) &
driver=$!
killed=0
while kill -0 "$driver" 2>/dev/null && [ "$killed" -lt "$KILLS" ]; do
	sleep "0.0$((RANDOM % 50 + 10))"
	daemon_kill
	daemon_again
	killed=$((killed + 1))
done
check "the driver lives through $killed kills" wait "$driver"
{
	head -n "$half" "$WORK/lived"
	for ((i = 1; i < KILLS * 15; i++)); do tail -n "$half" "$WORK/lived"; done
} >"$WORK/wanted"
check "every answer is as without a kill" diff "$WORK/wanted" "$WORK/got"
check "the guest was served between kills" test "$killed" -ge $((KILLS / 4))
is "no pirq, port or grant is left" "$(xb stat "$DIR" 7)" "$before"

# --- Vectors stay, and can be taken back by the successor ---

mkfifo "$WORK/lines"
front 7 script - <"$WORK/lines" >"$WORK/answers" 2>"$WORK/script.log" &
script=$!
exec {lines}>"$WORK/lines"
echo "enable_msix 0000:00:00.0 0,1,2" >&"$lines"
check "MSI-X on" wait_for 5000 grep -q "enable_msix.*err=0" "$WORK/answers"
like "three pirqs" "$(xb stat "$DIR" 7)" "pirqs=3"
daemon_kill
log_mark
daemon_again
check "another xenpcid takes over" wait_for 5000 logged_since "0000:00:04.0 goes on"
like "the pirqs are mapped still" "$(xb stat "$DIR" 7)" "pirqs=3"

echo "conf_read 0000:00:00.0 162 2" >&"$lines"
check "the device still sends them" wait_for 5000 grep -q "162 2.*value=0x8004" "$WORK/answers"
echo "disable_msix 0000:00:00.0" >&"$lines"
check "MSI-X off" wait_for 5000 grep -q "disable_msix.*err=0" "$WORK/answers"
like "no pirq is left" "$(xb stat "$DIR" 7)" "pirqs=0"
exec {lines}>&-
check "the script ends well" wait "$script"

# --- Killed in the middle of a hot attach and of a detach ---

peer p8 8
connect p8 8
for ((i = 0; i < 10; i++)); do
	xb attach "$DIR" 8 0000:00:07.0 >"$WORK/attach.out" 2>&1 &
	tool=$!
	sleep "0.00$((RANDOM % 9))"
	daemon_kill
	daemon_again
	reconfigure p8 8 >"$WORK/reconfigure.out" 2>&1
	wait "$tool" || not_ok "attach $i through a kill" "$(cat "$WORK/attach.out")"
	xb detach "$DIR" 8 0000:00:07.0 >"$WORK/detach.out" 2>&1 &
	tool=$!
	sleep "0.00$((RANDOM % 9))"
	daemon_kill
	daemon_again
	reconfigure p8 8 >"$WORK/reconfigure.out" 2>&1
	wait "$tool" || not_ok "detach $i through a kill" "$(cat "$WORK/detach.out")"
done

# --- Killed between what is remembered of a device and what its guest is told ---

xb attach "$DIR" 8 0000:00:07.0 >"$WORK/attach.out" 2>&1 &
tool=$!
reconfigure p8 8 >"$WORK/reconfigure.out" 2>&1
check "one more attach" wait "$tool"
vdev=$(node "$(be 8 vdev-1)")
daemon_kill
store begin
store rm "$(be 8 vdev-1)"
store write "$(be 8 state-1)" 1
store write "$(be 8 state)" 7
store commit
daemon_again
check "the successor goes on with the attach" reconfigure p8 8
is "the guest is told of the device" "$(node "$(be 8 state-1)") $(node "$(be 8 vdev-1)")" "3 $vdev"
config_read p8 8 0 4
like "and reads it" "$R" "^0 "
daemon_kill
store rm /local/domain/0/xenpci/guests/8/0000-00-07-0
leave_nodes 8 1
daemon_again
check "the successor goes on with the detach" reconfigure p8 8
is "its entry is the toolstack's" "$(node "$(be 8 state-1)")" 5
end_peer p8

# --- A clean end leaves nothing to a successor ---

daemon_stop
check_not "nothing is remembered" store read /local/domain/0/xenpci/guests
is "no file is left" "$(find "$state" -type f -printf "%f ")" ""
finish
