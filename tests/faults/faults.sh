#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each call of a full life of two guests fails once, and each process dies at each of its calls
# (README.md). As a test of make check: every FAULTS_EVERY-th, and those of kept.txt.
# shellcheck source=tests/box/lib.sh
. "$(dirname "$0")/../box/lib.sh"
here=$(dirname "$0")
. "$here/life.sh"

case $B in
*san*)
	skip "faults one by one" "a sanitizer allocates for itself"
	finish
	;;
esac

every=${FAULTS_EVERY:-${FAULTS_SAMPLE:-199}}
only=${FAULTS_ONLY:-.}       # of "SERIES ROLE KIND N ACTION"
results=${FAULTS_RESULTS:-$WORK/results} # one line for each that was done: it is not done again
budget=${FAULTS_SECONDS:-0}  # 0: as long as it takes
PAIRS=100
export XENPCI_FAULTS=$WORK/faults
ctl() { "$B/tests/faults/faultctl" "$XENPCI_FAULTS" "$@"; }
ctl counts
touch "$results"

# The daemon with the library before the box's.
INSTALLED=$WORK/xenpcid
cat >"$INSTALLED" <<EOF
#!/bin/sh
exec env LD_PRELOAD=$B/tests/faults/libfaults.so:\$LD_PRELOAD $B/xenpcid --worker $B/xenpci-worker "\$@"
EOF
chmod +x "$INSTALLED"
KEPT=1

# --- The daemon between two faults ---

fresh() {
	daemon_start
	find_family
	server=$SUPERVISOR
}
# What a daemon has at rest, and says, after some lives.
warm_up() {
	local i
	for i in 1 2 3 4 5; do
		life
		[ ${#BAD[@]} = 0 ] || bail "a life without a fault: ${BAD[*]}"
	done
	wait_for 5000 no_jobs
	remember
	plain <"$daemon_log" | sort -u >"$WORK/usual"
	as_before || { cat "$WORK/difference"; bail "a daemon at rest has no rest"; }
}
no_jobs() {
	find_family
	! pgrep -P "$SPAWNER" -x xenpci-job && ! pgrep -P "$SPAWNER" -x xenpci-gate
}
# All of it ends, in whatever state it is.
quit() {
	local pid=$DAEMON all
	[ -n "$pid" ] || return 0
	find_family
	all="$SUPERVISOR $SPAWNER $([ -z "$SPAWNER" ] || children "$SPAWNER")"
	DAEMON=
	store rm /local/domain/0/backend/pci
	kill -TERM "$pid" 2>/dev/null
	wait_for 5000 gone "$pid" || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	# shellcheck disable=SC2086
	for pid in $all; do wait_for 2000 gone "$pid" || kill -KILL "$pid" 2>/dev/null; done
}

# --- One fault ---

# What the log has that it has not in a life without a fault.
plain() { sed 's/[0-9]* ms/N ms/'; }
unusual() { log_since | plain | grep -vxFf "$WORK/usual"; }
# verdict of a life: empty, or what is wrong
judge() {
	local n
	[ ${#BAD[@]} -lt 2 ] || { echo "both notice: 7: ${BAD[7]}; 8: ${BAD[8]}"; return; }
	as_before || { tr '\n' ';' <"$WORK/difference"; return; }
	for n in "${!BAD[@]}"; do
		unusual | grep -qE "guest $n\b|domain $n\b|pci/$n/" || echo "guest $n: ${BAD[$n]}: the log does not name it"
	done
}

keep_log() { mkdir -p "$FAULTS_LOGS" && { echo "$2" && unusual; } >"$FAULTS_LOGS/${1// /_}"; }
# one ROLE KIND N ACTION: a life with it; appends to results
one() {
	local verdict hit first second pid bad said
	[ -n "$DAEMON" ] && kill -0 "$DAEMON" 2>/dev/null || { quit; fresh; }
	log_mark
	ctl arm "$@"
	life
	read -r hit first second pid < <(ctl hit)
	[ "$hit" != 0 ] || { echo "life $* not-reached" >>"$results"; return; }
	bad="${BAD[7]:+7: ${BAD[7]}}${BAD[8]:+8: ${BAD[8]}}"
	verdict=$(judge)
	said=$(unusual | wc -l)
	[ -z "${FAULTS_LOGS:-}" ] || [ -z "$bad$verdict" ] || keep_log "$*" "$bad $verdict"
	if [ "$(children "$DAEMON" | head -n 1)" != "$server" ]; then
		quit # a server that has died makes the next one wait
	elif [ -z "$verdict" ] && [ -n "$bad" ]; then
		# Those that come next have the same devices, and find them free.
		life
		[ ${#BAD[@]} = 0 ] || verdict="the next life: ${BAD[*]}"
	fi
	if [ -n "$verdict" ]; then
		quit
		echo "life $* FAILED $first $second: $verdict" | tr '\n' ' ' >>"$results"
		echo >>"$results"
		not_ok "life $*" "$first $second: $verdict"
	else
		echo "life $* survived $first $second said=$said ${bad:+disturbed $bad}" >>"$results"
	fi
}

wanted() { # SERIES ROLE KIND N ACTION
	[[ "$*" =~ $only ]] && ! grep -q "^$* " "$results"
}
in_time() { [ "$budget" = 0 ] || [ $SECONDS -lt "$budget" ]; }

# --- All of them ---

box_up
fresh
warm_up
ctl arm xenpcid any 0 fail
life
mapfile -t COUNTS < <(ctl counts)
printf '# a life: %s\n' "${COUNTS[@]}"

# Several can share the work: FAULTS_SHARD=i/n is the i-th of n, from 0 on.
index=0 shard=${FAULTS_SHARD:-0/1}
due() { local i=$((index++)); [ $((i % every)) = 0 ] && [ $((i / every % ${shard#*/})) = "${shard%/*}" ]; }
plan() {
	local role kind n i
	while read -r series role kind n action; do
		[ "$series" != life ] || echo "$role $kind $n $action"
	done < <(grep -v '^#' "$here/kept.txt")
	for i in "${COUNTS[@]}"; do
		read -r role kind n <<<"$i"
		for ((i = 1; i <= n; i++)); do
			case $kind in
			any) due && echo "$role any $i before"; due && echo "$role any $i after" ;;
			other) ;;
			*)
				due && echo "$role $kind $i fail"
				[ "$i" -le $PAIRS ] && due && echo "$role $kind $i pair"
				;;
			esac
		done
	done
}
while read -r what; do
	in_time || break
	# shellcheck disable=SC2086
	wanted life $what && one $what
done < <(plan)
quit

# --- What came of it ---

summary() {
	awk '{ k = $3 " " $5 } / survived / { s[$5 == "fail" || $5 == "pair" ? $3 "," $5 : "killed"]++; all["s"]++ }
		/ (survived|FAILED) / { i[$5 == "fail" || $5 == "pair" ? $3 "," $5 : "killed"]++; all["i"]++ }
		END { for (k in i) printf "# %-22s %5d of %5d survived\n", k, s[k], i[k]
		printf "# %d survived of %d injected\n", all["s"], all["i"] }' "$results" | sort
}
summary
check "some faults were injected" grep -qE ' (survived|FAILED) ' "$results"
is "all were survived" "$(grep -c ' FAILED ' "$results")" 0
DAEMON=
finish
