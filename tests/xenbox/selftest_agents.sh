# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the self-test is written in: results, and agents (agent.c), processes in domains that make one call of Xen's
# for each line. Sourced by selftest, whose variables it uses.

ok() {
	echo "ok $1"
	PASSED=$((PASSED + 1))
}

not_ok() {
	echo "not ok $1: $2"
	FAILED=$((FAILED + 1))
}

# is NAME GOT WANT; like NAME GOT PATTERN
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi; }
like() { if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted a match of '$3'"; fi; }

# yields NAME STATUS COMMAND...: the exit status; its output is in A
yields() {
	local name=$1 want=$2 got
	shift 2
	A=$("$@" 2>&1)
	got=$?
	if [ $got = "$want" ]; then ok "$name"; else not_ok "$name" "status $got, wanted $want: $A"; fi
}

# --- agents ---

# agent NAME DOMID [WRAPPER...]
agent() {
	local name=$1 domid=$2 fd
	shift 2
	rm -f "$WORK/$name.in" "$WORK/$name.out"
	mkfifo "$WORK/$name.in" "$WORK/$name.out"
	"$X" run "$DIR" "$domid" -- "$@" "$AGENT" <"$WORK/$name.in" >"$WORK/$name.out" \
		2>"$WORK/$name.log" &
	PID[$name]=$!
	exec {fd}>"$WORK/$name.in" && IN[$name]=$fd
	exec {fd}<"$WORK/$name.out" && OUT[$name]=$fd
	hear "$name"
	[ "$A" = "ok ready" ] || not_ok "agent $name starts" "$A $(cat "$WORK/$name.log")"
}

say() { echo "$2" >&"${IN[$1]}"; }
hear() { A="no answer"; IFS= read -rt 30 -u "${OUT[$1]}" A; }

# ask AGENT "call": the answer in A, without its "ok "
ask() {
	say "$1" "$2"
	hear "$1"
	A=${A#ok }
}

# t NAME AGENT "call" WANT
t() {
	ask "$2" "$3"
	is "$1" "$A" "$4"
}

# dismiss AGENT [SIGNAL]: by closing its input, or by a signal
dismiss() {
	local fd
	[ $# = 1 ] || kill "-$2" "${PID[$1]}"
	fd=${IN[$1]} && exec {fd}>&-
	fd=${OUT[$1]} && exec {fd}<&-
	wait "${PID[$1]}" 2>/dev/null
	STATUS=$?
	unset "PID[$1]"
}

# settle KEY=VALUE DOMID: what the hypervisor does at a process's death is soon done
settle() {
	local i
	for i in {1..250}; do
		[[ " $("$X" stat "$DIR" "$2" 2>&1) " == *" $1 "* ]] && return 0
		read -rt 0.02 <>"$WORK/never"
	done
	return 1
}

settles() {
	if settle "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1" "wanted $2: $("$X" stat "$DIR" "$3" 2>&1)"
	fi
}

counts() {
	"$X" stat "$DIR" "$1" | grep -oE "(ports|grants|mapped|maps|pirqs|devices)=[0-9]+" |
		tr '\n' ' '
}
