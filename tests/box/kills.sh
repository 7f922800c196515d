#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of each kind of process, alone and several at once, at random moments while two guests ask:
# every answer is right, no guest has to do anything, and nobody but the victim's own guest is
# delayed. (The supervisor's own death, 200 times, is resume.sh's.)
. "$(dirname "$0")/lib.sh"

rounds=${KILLS:-50}
box_up
daemon_start -v -v
guests 7 8
for i in 7 8; do
	attach $i 0000:00:0$((i - 3)).0
	check "guest $i connects" connect g$i $i
done
id7=0x10d38086
config_read g8 0 0 4
id8=0x${R#* }

victims() { # KIND: their pids
	case $1 in
	worker) worker_of 7 ;;
	gate) gate_of 7 ;;
	both) echo "$(worker_of 7) $(gate_of 7)" ;;
	standby) workers | grep -vx -e "$(worker_of 7)" -e "$(worker_of 8)" ;;
	esac
}
nap() { read -rt "0.0$((RANDOM % 5))$((RANDOM % 10))" <>"$WORK/never"; }
for kind in worker gate both standby; do
	wrong=0 killed=0
	before=$(log_count 'another takes its place')
	say g8 traffic 20000 0 "$id8"
	for ((i = 0; i < rounds; i++)); do
		say g7 traffic 100 0 $id7
		nap
		# shellcheck disable=SC2046
		kill -9 $(victims $kind) 2>/dev/null && killed=$((killed + 1))
		# Writes that reach the register: bus mastering, on and off.
		answer g7 || wrong=$((wrong + 1))
		config_write g7 0 4 2 $((4 * (i % 2))) && [ "$R" = "0 $((4 * (i % 2)))" ] || true
		config_read g7 0 4 2 || wrong=$((wrong + 1))
		[ $((0x${R#* } & 4)) = $((4 * (i % 2))) ] || wrong=$((wrong + 1))
	done
	is "$kind: $killed kills, every answer of its guest's right" $wrong 0
	# (One that stands ready is not started for ever: the next guest that comes has it started.)
	check "$kind: some were killed" [ $killed -ge $([ $kind = standby ] && echo 3 || echo $((rounds / 2))) ]
	check "$kind: the neighbour's answers are right" answer g8 60
	[ $kind = standby ] || check "$kind: the log tells" [ "$(log_count 'another takes its place')" -gt "$before" ]
done

# --- With interrupts on: the vectors stay, the request that was begun is not done twice ---
check "MSI-X on" tell g7 op 4 0 0 0 0 0 2 0 0 1
msix=$R
mapped=$(hypercalls | grep -cw map_pirq)
kill -9 "$(worker_of 7)" "$(gate_of 7)"
check "the guest goes on" tell g7 traffic 100 0 $id7
kill -9 "$(worker_of 7)" "$(gate_of 7)"
tell g7 op 4 0 0 0 0 0 2 0 0 1
like "the same request once more is no repetition: the first was answered" "$R" "^-"
check "MSI-X off" tell g7 op 5 0 0 0
is "nothing was mapped again" "$(hypercalls | grep -cw map_pirq)" "$mapped"
like "it had been on" "$msix" "^0 "

# --- A hang ---
pid=$(worker_of 7)
kill -STOP "$pid"
check "a worker that hangs is replaced within the frontend's two seconds" tell g7 traffic 10 0 $id7
check "and ended" wait_for 2000 gone "$pid"
check "the log says so" logged "guest 7: its worker hangs"
# One that waits for its gate, and hangs before that answers: it is no device that it waits for afterwards.
pid=$(worker_of 7) gate=$(gate_of 7)
waits_for_gate() { grep -q '^47 ' "/proc/$pid/syscall"; } # recvmsg
hangs=$(log_count "guest 7: its worker hangs")
kill -STOP "$gate"
say g7 op 4 0 0 0 0 0 2 0 0 1 # MSI-X on
check "a worker waits for its gate" wait_for 5000 waits_for_gate
kill -STOP "$pid"
check "and hangs" wait_for 5000 stopped "$pid"
kill -CONT "$gate"
check "it is replaced, and its guest answered" answer g7
like "with its vectors" "$R" "^0 "
check "which it may turn off" tell g7 op 5 0 0 0
is "the log says so" "$(log_count "guest 7: its worker hangs")" $((hangs + 1))
# One that its gate refuses is refused by the next, too, though it is the same as what is on.
check "MSI-X on" tell g7 op 4 0 0 0 0 0 2 0 0 1
pid=$(worker_of 7) gate=$(gate_of 7)
kill -STOP "$gate"
say g7 op 4 0 0 0 0 0 2 0 0 1
check "a worker waits for its gate with what is refused" wait_for 5000 waits_for_gate
kill -KILL "$pid"
kill -CONT "$gate"
check "and is killed: its guest is answered" answer g7
like "with a refusal" "$R" "^-"
check "and may turn it off" tell g7 op 5 0 0 0
# One that stood ready, and hangs when a guest gets it.
another_stands_ready() { [ -n "$(victims standby)" ]; }
check "a worker stands ready" wait_for 10000 another_stands_ready
pid=$(victims standby)
# shellcheck disable=SC2086
kill -STOP $pid
tell g7 write device/pci/0/state 6
check "the guest closes" await "$(be 7 state)" 6
tell g7 write device/pci/0/state 1
check "and opens again" await "$(be 7 state)" 3
tell g7 publish
check "it is served, if by another worker" await "$(be 7 state)" 4 15000
tell g7 write device/pci/0/state 4
check "and answered" tell g7 traffic 10 0 $id7
check "the log says so" logged "guest 7: its worker does not begin"
is "the supervisor was never started again" "$(log_count 'serving /local')" 1
check "the daemon lives" daemon_alive
finish
