# SPDX-License-Identifier: MIT
# A full life of two guests, and what is left when it is over. Sourced by faults.sh.
# shellcheck shell=bash disable=SC2154,SC2034

declare -A BAD=() # guest: the step that it did not live through, and why

# step N NAME COMMAND...: guest N's next step; it has no more after one that failed.
step() {
	local domid=$1 name=$2
	shift 2
	[ -z "${BAD[$domid]:-}" ] || return 0
	R=
	"$@" >"$WORK/step.out" 2>&1 || BAD[$domid]="$name: ${R:-$(tail -n 1 "$WORK/step.out")}"
}

# reaches N STATE [OTHERS]: the backend does, or has given up, which is one of OTHERS (5|6)
reaches() { store wait "$(be "$1" state)" "$2|${3:-5|6}|gone" && [ "$R" = "$2" ]; }
shows() { tell "g$1" write device/pci/0/state "$2"; }
answers() { config_read "g$1" 0 0 4 && [ "${R%% *}" = 0 ]; }
op_works() { tell "$@" && [ "${R%% *}" = 0 ]; }

comes() { # N DEVICE
	step "$1" create xb create "$DIR" "$1"
	[ -n "${BAD[$1]:-}" ] || peer "g$1" "$1"
	step "$1" attach attach "$1" "$2"
	step "$1" page tell "g$1" share
	step "$1" port tell "g$1" port
	step "$1" publish tell "g$1" publish
}
connects() {
	step "$1" connected reaches "$1" 4
	step "$1" connected shows "$1" 4
	step "$1" read answers "$1"
}
works() {
	step "$1" write config_write "g$1" 0 4 2 6
	step "$1" asks tell "g$1" op 0 0 0 0 4 2
	step "$1" msix-on op_works "g$1" op 4 0 0 0 0 0 2 0 0 1
	step "$1" msix-off op_works "g$1" op 5 0 0 0
}
gets_another() { # N DEVICE
	step "$1" hot hot_nodes "$1" 2 "1=$2"
	step "$1" reconfiguring reaches "$1" 7
	step "$1" reconfiguring shows "$1" 7
	step "$1" reconfigured reaches "$1" 8
	step "$1" reconfigured shows "$1" 4
	step "$1" reconfigured reaches "$1" 4
}
gives_back() { # N INDEX
	step "$1" leave leave_nodes "$1" "$2"
	step "$1" leaving reaches "$1" 7
	step "$1" leaving shows "$1" 7
	step "$1" left reaches "$1" 8
	step "$1" left shows "$1" 4
	step "$1" left reaches "$1" 4
}
comes_again() {
	step "$1" close shows "$1" 6
	step "$1" closed reaches "$1" 6 none
	step "$1" reopen shows "$1" 1
	step "$1" reopened reaches "$1" 3 5
	step "$1" publish tell "g$1" publish
}
goes() {
	[ -z "${PEER_PID[g$1]:-}" ] || end_peer "g$1" KILL
	destroy "$1" >/dev/null 2>&1
}
# goes_out N: as one that is shut down in order
goes_out() {
	step "$1" closing shows "$1" 5
	step "$1" closing reaches "$1" 5 6
	step "$1" close shows "$1" 6
	step "$1" closed reaches "$1" 6 none
}

# The life: each does what the other does, in turn, with interrupts on at its end.
life() {
	local n
	BAD=()
	comes 7 0000:00:04.0
	comes 8 0000:00:07.0
	for n in 7 8; do connects $n; done
	for n in 7 8; do works $n; done
	gets_another 7 0000:00:05.0
	step 8 read answers 8
	gives_back 7 1
	comes_again 7
	connects 7
	for n in 7 8; do step $n msix-again op_works g$n op 4 0 0 0 0 0 2 0 0 1; done
	goes_out 7
	step 8 read answers 8
	goes 7
	step 8 read answers 8
	goes 8
}

# --- What is left ---

SUPERVISOR= SPAWNER=
find_family() {
	SUPERVISOR= SPAWNER=
	read -r SUPERVISOR < <(children "$DAEMON") && read -r SPAWNER < <(children "$SUPERVISOR")
}
# names PID...: what processes are called
names() {
	local pid name
	for pid; do read -r name <"/proc/$pid/comm" && echo "$name"; done
} 2>/dev/null
open_files() { [ -z "$1" ] || ls "/proc/$1/fd" 2>/dev/null | wc -l; }
# What must be as it was: the box's counts, the processes, nodes, state and descriptors.
left() {
	find_family
	# (A worker may stand ready, and have its handles, or not.)
	xb stat "$DIR" | sed 's/ handles=[0-9]*//'
	# shellcheck disable=SC2046
	[ -z "$SPAWNER" ] || names "$DAEMON" "$SUPERVISOR" "$SPAWNER" $(children "$SPAWNER") | sort | awk '$1 != "xenpci-worker" || n++'
	# (Empty directories of errors and of backends stay, as with xl.)
	in_domain 0 xenstore-ls -f / | sed 's/ = .*//' | sort |
		grep -v '^/local/domain/0/backend\(/pci\)\?$\|^/libxl\|^/vm\|^/local/domain/0/error\(/backend\(/pci\(/[0-9]*\(/0\)\?\)\?\)\?\)\?$'
	# (A ledger may stay where the log says that it cannot be removed.)
	logged_since 'what its worker left in .* cannot be removed' && rm -f "$WORK"/state/guest-[78]*
	(cd "$WORK/state" && find . -type f ! -name "lock-*" | sort)
}
descriptors() { echo "$(open_files "$DAEMON") $(open_files "$SUPERVISOR") $(open_files "$SPAWNER")"; }
# A server that took another's place may have fewer: it has told nobody that it is ready.
no_more_descriptors() {
	local i is was
	read -ra was <"$WORK/descriptors"
	read -ra is < <(descriptors)
	for i in 0 1 2; do [ "${is[i]:-99}" -le "${was[i]}" ] || return; done
}
# as_before: within 5 s; otherwise the difference is in $WORK/difference
same() {
	left >"$WORK/left" 2>&1
	diff "$WORK/before" "$WORK/left" >"$WORK/difference" && {
		no_more_descriptors || { echo "descriptors: $(descriptors)" >"$WORK/difference"; false; }
	}
}
remember() { left >"$WORK/before" && descriptors >"$WORK/descriptors"; }
as_before() { wait_for 5000 same; }
