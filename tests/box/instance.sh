#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One xenpcid serves a domain's guests: whatever its file is called, whichever state directory it was
# given, and however many are started at the same moment.
. "$(dirname "$0")/lib.sh"

box_up
cp "$B/xenpcid" "$WORK/xpd-0.1.0"
: >"$WORK/round.log"

# one NAME PROGRAM STATE [OPTIONS]: started in the background, PID[NAME]; says ready in $WORK/NAME.ready
declare -A PID=()
one() {
	local name=$1 program=$2 state=$3
	shift 3
	: >"$WORK/$name.ready"
	"$xenbox" run "$DIR" 0 -- "$program" --devices "image:$bench" --state-dir "$state" --ready-fd 9 "$@" \
		9>"$WORK/$name.ready" 2>>"$WORK/$name.log" </dev/null &
	PID[$name]=$!
}
serves() { [ -s "$WORK/$1.ready" ] && ! gone "${PID[$1]}"; }
decided() { serves "$1" || gone "${PID[$1]}"; }
# counts: SERVING of those that were started; ends them, and those that served must end well
round() {
	local name bad=0
	SERVING=0
	for name in "${!PID[@]}"; do
		wait_for 20000 decided "$name" || bad=1
	done
	for name in "${!PID[@]}"; do
		serves "$name" && SERVING=$((SERVING + 1))
	done
	for name in "${!PID[@]}"; do
		kill "${PID[$name]}" 2>/dev/null
	done
	for name in "${!PID[@]}"; do
		wait "${PID[$name]}"
	done
	PID=()
	return $bad
}

# --- Together, 100 times ---
wrong=
for ((i = 0; i < 100; i++)); do
	case $((i % 4)) in
	0) one a "$B/xenpcid" "$WORK/state"; one b "$B/xenpcid" "$WORK/state" ;;
	1) one a "$B/xenpcid" "$WORK/state"; one b "$WORK/xpd-0.1.0" "$WORK/other" ;;
	2) one a "$B/xenpcid" "$WORK/state" --no-keeper; one b "$WORK/xpd-0.1.0" "$WORK/other" --no-keeper ;;
	3)
		one a "$B/xenpcid" "$WORK/state"
		one b "$WORK/xpd-0.1.0" "$WORK/state" --no-keeper
		one c "$B/xenpcid" "$WORK/other"
		;;
	esac
	round || wrong="$wrong $i:undecided"
	[ $SERVING = 1 ] || wrong="$wrong $i:$SERVING"
done
is "started together 100 times, one serves each time" "$wrong" ""

# --- The lock goes with the process ---
one a "$B/xenpcid" "$WORK/state" --no-keeper
check "the first serves" wait_for 10000 serves a
first=${PID[a]}
for kind in "$B/xenpcid $WORK/state" "$WORK/xpd-0.1.0 $WORK/state" "$WORK/xpd-0.1.0 $WORK/other"; do
	# shellcheck disable=SC2086
	one b $kind
	check "$kind is refused" wait_for 10000 gone "${PID[b]}"
	kill "${PID[b]}" 2>/dev/null
	wait "${PID[b]}"
	is "$kind: status" $? 1
	check "$kind: and told why" grep -qE "another xenpcid.*already" "$WORK/b.log"
	rm "$WORK/b.log"
done
check "it names the process that serves" grep -q . <(one b "$B/xenpcid" "$WORK/other"
	wait_for 10000 gone "${PID[b]}"
	kill "${PID[b]}" 2>/dev/null
	wait "${PID[b]}"; grep "process $first, serves" "$WORK/b.log")
kill -KILL "$first"
wait "$first" 2>/dev/null
unset "PID[a]" "PID[b]"
one a "$WORK/xpd-0.1.0" "$WORK/other"
check "after its kill -9 another serves" wait_for 10000 serves a
round
is "alone" $SERVING 1

# --- Killed before its own processes have had a turn ---
cat >"$WORK/late" <<EOF
#!/bin/sh
LD_PRELOAD="$(realpath "$B")/tests/box/late_child.so \$LD_PRELOAD" exec $(realpath "$B")/xenpcid "\$@"
EOF
chmod +x "$WORK/late"
one a "$WORK/late" "$WORK/state" --no-keeper
check "it serves" wait_for 10000 serves a
kill -KILL "${PID[a]}"
wait "${PID[a]}" 2>/dev/null
unset "PID[a]"
one a "$B/xenpcid" "$WORK/state"
check "killed as soon as it served, it leaves no lock behind" wait_for 10000 serves a
round

# --- No place for the lock ---
one a "$B/xenpcid" "$WORK/none/such"
check "without a state directory it does not serve" wait_for 10000 gone "${PID[a]}"
check "and tells what helps" grep -qE "cannot lock .*none/such.*--state-dir" "$WORK/a.log"
PID=()
