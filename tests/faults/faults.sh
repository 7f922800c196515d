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

every=${FAULTS_EVERY:-${FAULTS_SAMPLE:-2999}}
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
	log_mark
	remember
	plain <"$daemon_log" | sort -u >"$WORK/usual"
	as_before || { cat "$WORK/difference"; bail "a daemon at rest has no rest"; }
}
no_jobs() {
	find_family
	! children "$SPAWNER" xenpci-job && ! children "$SPAWNER" xenpci-gate
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

keep_log() { mkdir -p "$FAULTS_LOGS" && { echo "$2" && unusual; } >"$FAULTS_LOGS/${1//[ \/]/_}"; }
# note WHAT HIT: one line of results; WHAT is SERIES ROLE KIND N ACTION
note() { # WHAT FIRST SECOND VERDICT REMARKS
	if [ -n "$4" ]; then
		echo "$1 FAILED $2 $3: $(tr '\n' ' ' <<<"$4")" >>"$results"
		not_ok "$1" "$2 $3: $4"
	else
		echo "$1 survived $2 $3 $5" >>"$results"
	fi
}
# one_life SERIES ROLE KIND N ACTION: a life with it; in the series "unnoticed" no guest may notice.
one_life() {
	local verdict hit first second pid bad said
	[ -n "$DAEMON" ] && kill -0 "$DAEMON" 2>/dev/null || { quit; fresh; }
	log_mark
	ctl arm "${@:2}"
	life
	read -r hit first second pid < <(ctl hit)
	[ "$hit" != 0 ] || { echo "$* not-reached" >>"$results"; return; }
	bad="${BAD[7]:+7: ${BAD[7]}}${BAD[8]:+8: ${BAD[8]}}"
	verdict=$(judge)
	[ "$1" = life ] || verdict=$verdict$bad
	said=$(unusual | wc -l)
	[ -z "${FAULTS_LOGS:-}" ] || [ -z "$bad$verdict" ] || keep_log "$*" "$bad $verdict"
	find_family
	if [ "$SUPERVISOR" != "$server" ]; then
		quit # a server that has died makes the next one wait
	elif [ -z "$verdict" ] && [ -n "$bad" ]; then
		# Those that come next have the same devices, and find them free.
		life
		[ ${#BAD[@]} = 0 ] || verdict="the next life: ${BAD[*]}"
	fi
	[ -z "$verdict" ] || quit
	note "$*" "$first" "$second" "$verdict" "said=$said ${bad:+disturbed $bad}"
}

# --- A start and an end, without guests ---

# The daemon's processes, not the box's.
ours() {
	local comm name
	for comm in /proc/[0-9]*/comm; do
		read -r name <"$comm" && [[ $name == xenpci* ]] && grep -qz "^XENPCI_FAULTS=$XENPCI_FAULTS$" "${comm%comm}environ" &&
			basename "${comm%/comm}"
	done
} 2>/dev/null
none_of_ours() { [ -z "$(ours)" ]; }
# Who loses its keeper while it serves becomes the keeper of another server, and is asked to end as that.
heirs_end() {
	local pid
	for pid in $(ours); do
		[ "$(names "$pid")" != xenpcid-keeper ] || kill -TERM "$pid"
	done
	none_of_ours
}
# start_and_end: sets READY (1: it did serve) and STATUS
start_and_end() {
	local until=$((SECONDS + 15)) _
	READY=0
	[ -p "$WORK/ready" ] || mkfifo "$WORK/ready"
	exec {ready}<>"$WORK/ready"
	"$xenbox" run "$DIR" 0 -- "$INSTALLED" --devices "image:$bench" --allow all --ready-fd 9 \
		--state-dir "$WORK/state" 9>"$WORK/ready" {ready}>&- 2>>"$daemon_log" </dev/null &
	DAEMON=$!
	until [ $SECONDS -gt $until ] || gone $DAEMON; do
		if read -rt 0.05 -N 1 -u "$ready" _; then READY=1 && break; fi
	done
	exec {ready}>&-
	kill -TERM $DAEMON 2>/dev/null
	wait_for 10000 gone $DAEMON || { STATUS=hangs && kill -KILL $DAEMON; }
	wait $DAEMON 2>/dev/null
	STATUS=${STATUS:-$?}
	DAEMON=
}
one_start() {
	local hit first second pid verdict='' pids READY STATUS=''
	quit
	log_mark
	ctl arm "${@:2}"
	start_and_end
	read -r hit first second pid < <(ctl hit)
	[ "$hit" != 0 ] || { echo "$* not-reached" >>"$results"; return; }
	[ "$STATUS" != hangs ] || verdict="it does not end"
	[ "$2" != xenpcid-keeper ] || wait_for 15000 heirs_end
	wait_for 5000 none_of_ours || {
		pids=$(ours)
		verdict="$verdict; processes are left: ${pids//$'\n'/ }"
		# shellcheck disable=SC2086
		kill -KILL $pids
	}
	[ $READY = 1 ] || [ "$5" != fail ] || log_since | grep -qE 'xenpcid.*: (error|warning)' || verdict="$verdict; it did not serve, and does not say why"
	fresh
	life
	[ ${#BAD[@]} = 0 ] || verdict="$verdict; the next one: ${BAD[*]}"
	as_before || verdict="$verdict; $(tr '\n' ';' <"$WORK/difference")"
	[ -z "${FAULTS_LOGS:-}" ] || [ -z "$verdict" ] || keep_log "$*" "$verdict"
	note "$*" "$first" "$second" "$verdict" "served=$READY status=$STATUS"
}
one() { if [ "$1" = start ]; then one_start "$@"; else one_life "$@"; fi; }

wanted() { # SERIES ROLE KIND N ACTION
	[[ "$*" =~ $only ]] && ! grep -qF "$* " "$results"
}
in_time() { [ "$budget" = 0 ] || [ $SECONDS -lt "$budget" ]; }

# --- All of them ---

box_up
fresh
warm_up
declare -a COUNTS=()
count() { # SERIES COMMAND: how often each kind of call is made
	ctl arm xenpcid any 0 fail
	$2
	while read -r line; do COUNTS+=("$1 $line"); done < <(ctl counts)
}
count life life
quit
count start start_and_end
[ "$READY" = 1 ] || bail "a start without a fault"
printf '# %s\n' "${COUNTS[@]}"

# Several can share the work: FAULTS_SHARD=i/n is the i-th of n, from 0 on.
index=0 shard=${FAULTS_SHARD:-0/1}
due() { local i=$((index++)); [ $((i % every)) = 0 ] && [ $((i / every % ${shard#*/})) = "${shard%/*}" ]; }
plan() {
	local series role kind n i
	[ "${shard%/*}" != 0 ] || grep -v "^#" "${FAULTS_KEPT:-$here/kept.txt}"
	for i in "${COUNTS[@]}"; do
		read -r series role kind n <<<"$i"
		for ((i = 1; i <= n; i++)); do
			case $kind in
			any) due && echo "$series $role any $i before"; due && echo "$series $role any $i after" ;;
			other) ;;
			*)
				due && echo "$series $role $kind $i fail"
				[ "$i" -le $PAIRS ] && due && echo "$series $role $kind $i pair"
				;;
			esac
		done
	done
}
while read -r what; do
	in_time || break
	# shellcheck disable=SC2086
	wanted $what && one $what
done < <(plan)
[ -n "$DAEMON" ] || fresh
life
is "a life after all of them: who did not live through it" "${!BAD[*]}" ""
quit

# --- What came of it ---

summary() {
	awk 'function kind() { return $5 == "fail" ? ($3 ~ /^[a-z]+$/ ? $3 : "kept") : $5 == "pair" ? "pairs" : "killed " $2 }
		/ (survived|FAILED) / { k = $1 ", " kind(); i[k]++; all++
			if (/ survived /) { s[k]++; good++ }
			noticed += / disturbed /; hung += / disturbed .*ETIMEDOUT .*state/
			silent += / survived .*said=0 *$/ }
		END { for (k in i) printf "# %-36s %5d survived of %5d injected\n", k, s[k], i[k] | "sort"
			close("sort")
			printf "# %d survived of %d injected; %d had one guest notice (%d of them waited in vain), ", good, all,
				noticed, hung
			printf "%d were noticed by nobody and not told\n", silent }' "$results"
}
summary
check "faults were injected" grep -qE ' (survived|FAILED) ' "$results"
is "all were survived" "$(grep -c ' FAILED ' "$results")" 0
DAEMON=
finish
