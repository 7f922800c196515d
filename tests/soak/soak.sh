#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The long run (README.md): what the other tests do one by one, in random order, beside a neighbour who asks all the
# time.
#   OPERATIONS=n | HOURS=n    how long; SEED=n the same story again; EVERY=n operations between two looks
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
here=$top/tests/soak
. "$top/tests/faults/life.sh"
. "$here/operations.sh"

seed=${SEED:-$((RANDOM * 32768 + RANDOM))} every=${EVERY:-40}
until_s=$((${HOURS:-0} * 3600)) wanted=${OPERATIONS:-}
[ -n "$wanted" ] || [ "$until_s" != 0 ] || wanted=40

declare -A DID=() TOOK=() BLOWS=()
declare -a WRONG=()
OPERATION=0 INJECTED=0 DISTURBED=0 slept=0
asked_all=0 lines_all=0 calls_all=0 servers_all=0 replaced_all=0 looks=0 memory_max=0
# What a pair's hours are counted by (README.md): an operation here, and a guest's coming there.
OPERATION_MS=200 GUEST_MS=3300
GUESTS=0
xb() {
	[ "$1" != create ] || GUESTS=$((GUESTS + 1))
	"$xenbox" "$@"
}
# Several things fail at once: a worker that stood ready and hangs is found out after 6 s.
export PEER_PATIENCE_MS=20000

# --- The daemon, with who makes its host sleep and its calls fail ---

san=$(nm "$B/xenpcid" 2>/dev/null | grep -q __asan_init && echo 1)
FAULTS=$([ -n "$san" ] || echo "$B/tests/faults/libfaults.so:")
export XENPCI_FAULTS=$WORK/faults XENPCI_ASLEEP=$WORK/asleep
ctl() { "$B/tests/faults/faultctl" "$XENPCI_FAULTS" "$@"; }
ctl counts
asleep() { printf '%-8s\n' "$1" 1<>"$XENPCI_ASLEEP"; } # in place, as it is mapped
asleep 0
mkfifo "$XENPCI_ASLEEP.jump"
exec {jump}<>"$XENPCI_ASLEEP.jump"
INSTALLED=$WORK/xenpcid
cat >"$INSTALLED" <<END
#!/bin/sh
exec env LD_PRELOAD=$B/tests/box/asleep.so:$FAULTS\$LD_PRELOAD $B/xenpcid --worker $B/xenpci-worker "\$@"
END
chmod +x "$INSTALLED"
printf 'aer_timeout_ms = 100;\n' >"$WORK/soak.conf"
KEPT=1
# Without this shell's descriptors, which are another number each time.
start_daemon() {
	local fd close=
	for fd in "${PEER_IN[@]}" "${PEER_OUT[@]}" "$jump"; do close+=" $fd>&-"; done
	eval "daemon_start --config '$WORK/soak.conf' $close"
	SERVER_DIED=
}

# --- The neighbour: 3 ---

neighbour_begin() { tell n3 honest "0x$IDS" bar; }
neighbour_end() {
	local asked right
	say n3 nothing
	answer n3 60 || { WRONG+=("the neighbour: $R; $(tail -n 1 "$WORK/n3.log")"); return; }
	read -r asked right <<<"$R"
	answer n3
	asked_all=$((asked_all + asked))
	[ "$asked" = "$right" ] || WRONG+=("the neighbour's $asked questions have $right right answers")
}

# --- What is counted ---

everybody() {
	find_family
	echo "$DAEMON"
	echo "$SUPERVISOR"
	echo "$SPAWNER"
	children "$SPAWNER"
}
private_kib() {
	local pid
	for pid in $(everybody); do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done |
		awk '/^Private_/ { n += $2 } END { print n + 0 }'
}
# A guest comes and goes: the next worker stands ready afterwards.
settle() {
	served_again
	went "a guest comes" shut && went "and asks" opened && tell h9 shut
	dies_hostile
}
# All but the neighbour go.
rest() {
	local domid
	dies_hostile
	for domid in "${!ALIVE[@]}"; do dies_random "$domid"; done
	settle
}
all_ready() { find_family && [ "$(children "$SPAWNER" xenpci-worker | wc -l)" = 2 ]; }
at_rest() { wait_for 20000 all_ready && as_before; }

# A device whose job was killed in the midst of its reset, or whose sibling would have been reset too, may be kept from
# others until it is reset: that is told, and the operator does it.
HELD=/local/domain/0/xenpci/quarantine
lifted() {
	local at device
	for at in "$WORK"/state/quarantine-*; do
		[ -e "$at" ] || continue
		device=${at##*/quarantine-}
		QUARANTINED=$((QUARANTINED + 1))
		went "the operator resets $device" in_domain 0 "$B/xenpci" --devices "image:$bench" reset "$device"
	done
	store ls $HELD || return 0
	[ -z "$R" ] || WRONG+=("held back after the operator's reset: $R")
	store rm $HELD
}
QUARANTINED=0

# look: everything is as it was at first; a line of figures
look() {
	local lines calls memory did=$((OPERATION - looked_at))
	rest
	neighbour_end
	lifted
	at_rest || WRONG+=("not as at first: $(head -n 8 "$WORK/difference" | tr '\n' ';')")
	lines=$(wc -l <"$daemon_log") calls=$(hypercalls | wc -l) memory=$(private_kib)
	[ "$memory" -le "$memory_max" ] || memory_max=$memory
	lines_all=$((lines_all + lines)) calls_all=$((calls_all + calls)) looks=$((looks + 1))
	servers_all=$((servers_all + $(log_count 'xenpcid: info: serving /')))
	replaced_all=$((replaced_all + $(log_count 'another takes its place')))
	[ "$lines" -le $((did * LINES_EACH + 200)) ] || WRONG+=("$lines lines in the log for $did operations")
	[ -n "$san" ] || [ "$memory" -le $((memory_first + MEMORY_MORE)) ] ||
		WRONG+=("private memory: $memory KiB, at first $memory_first")
	[ "$(LC_ALL=C grep -c '[^ -~]' "$daemon_log")" = 0 ] || WRONG+=("the log has more than printable characters")
	[ "$(awk 'length > 400' "$daemon_log" | wc -l)" = 0 ] || WRONG+=("the log has a line of more than 400 characters")
	! grep -qE 'AddressSanitizer|LeakSanitizer|runtime error:' "$daemon_log" || WRONG+=("a sanitizer complained")
	printf '# %d operations in %d s: %s lines, %s hypercalls, %s KiB, %s questions of the neighbour\n' "$OPERATION" \
		"$SECONDS" "$lines" "$calls" "$memory" "$asked_all"
	check "after $OPERATION operations (seed $seed)" [ ${#WRONG[@]} = 0 ]
	if [ ${#WRONG[@]} != 0 ]; then
		printf '    | %s\n' "${WRONG[@]}"
		echo "    | what was done since the last look:"
		sed 's/^/    |   /' "$WORK/journal"
		return 1
	fi
	begin_part
}
begin_part() {
	cp "$daemon_log" "$WORK/part.before"
	: >"$daemon_log"
	: >"$DIR/hypercalls.log"
	: >"$WORK/journal"
	log_mark
	looked_at=$OPERATION
	neighbour_begin || WRONG+=("the neighbour does not begin: $R")
}
LINES_EACH=60 MEMORY_MORE=1024

# --- The run ---

declare -a TABLE=()
while read -r weight name; do
	for ((; weight > 0; weight--)); do TABLE+=("$name"); done
done < <(grep . <<<"$OPERATIONS_TABLE")
operate() {
	OPERATION=$((OPERATION + 1))
	local name=${TABLE[RANDOM % ${#TABLE[@]}]} began ms
	R1=$RANDOM R2=$RANDOM R3=$RANDOM CHOICE= began=$(now_ms)
	DID[$name]=$((${DID[$name]:-0} + 1))
	"op_$name"
	ms=$(($(now_ms) - began))
	TOOK[$name]=$((${TOOK[$name]:-0} + ms))
	echo "$OPERATION $name: $CHOICE ($R1 $R2 $R3), $ms ms" >>"$WORK/journal"
}
# A file named stop in its directory (which is told first) ends it before its time, with all that it tells at its end.
more() {
	[ ! -e "$WORK/stop" ] || return
	if [ -n "$wanted" ]; then [ $OPERATION -lt "$wanted" ]; else [ $SECONDS -lt $until_s ]; fi
}

echo "# SEED=$seed, in $WORK"
# Seen: bash waited for ever for a child that had the number of an earlier one.
[ "$(cat /proc/sys/kernel/pid_max)" -gt 100000 ] ||
	echo "# numbers of processes come again soon here; for a long run: sysctl kernel.pid_max=4194304"
box_up --extra-irqs 512
start_daemon
guest 3
attach 3 0000:00:06.0
peer n3 3 "$program" # its log tells which answer was wrong
# It asks without a pause: on a busy machine it is to leave the processor to what happens beside it.
renice -n 19 -p "${PEER_PID[n3]}" >/dev/null
peer o3 3 "$program"
check "the neighbour connects" tell n3 open
tell n3 ask 0 0 4 0
IDS=${R#0 }
tell o3 offer
OFFER=$R
# What is allocated, or written down, once, and stays, is by then.
op_xenstored_anew
life
check "lives without anything: ${BAD[*]:-}" [ ${#BAD[@]} = 0 ]
settle
settle
check "a worker stands ready" wait_for 20000 all_ready
log_mark
remember
memory_first=$(private_kib) memory_max=$memory_first
began_s=$SECONDS
begin_part
RANDOM=$seed
good=1
while more && [ -n "$good" ]; do
	operate
	if [ ${#WRONG[@]} != 0 ] || [ $((OPERATION % every)) = 0 ] || ! more; then look || good=; fi
done
took=$((SECONDS - began_s + 1))
worth_min=$(((OPERATION * OPERATION_MS + GUESTS * GUEST_MS) / 60000))

echo "# --- SEED=$seed ---"
printf '# %-36s %s\n' "operations" "$OPERATION in $took s, $((OPERATION * 3600 / took)) an hour" \
	"worth" "$worth_min minutes of a pair's" \
	"looks, all as at first" "$looks" \
	"the neighbour's questions, all right" "$asked_all" \
	"guests that came" "$GUESTS" \
	"servers started again" "$servers_all" \
	"workers and gates replaced" "$replaced_all" \
	"lines in the log" "$lines_all" \
	"hypercalls" "$calls_all" \
	"faults injected" "$INJECTED, of which $DISTURBED were noticed by one guest" \
	"devices held back, reset by the operator" "$QUARANTINED" \
	"private memory" "$memory_first KiB at first, $memory_max at most"
for name in "${!DID[@]}"; do printf '# %-36s %s, %s ms each\n' "done: $name" "${DID[$name]}" $((TOOK[$name] / DID[$name])); done | sort
for name in "${!BLOWS[@]}"; do printf '# %-36s %s\n' "blow: $name" "${BLOWS[$name]}"; done | sort
end_peer n3 KILL
destroy 3
# Its status goes to this shell only where it is its child.
store rm /local/domain/0/backend/pci
kill -TERM "$DAEMON"
check "xenpcid ends at SIGTERM" wait_for 15000 dead "$DAEMON"
DAEMON=
finish
