# SPDX-License-Identifier: MIT
# What every box test sources first: a box in a directory of its own, the daemon,
# guests and their peers, results as TAP-like lines, and an end that leaves nothing
# behind. Needs B (the build directory); XENPCI_DUMPS for the tests of dumps.
#
#   box_up [xenbox up's options]      sets DIR
#   daemon_start [xenpcid's options]  waits until it serves; sets DAEMON (its pid)
#   guest N                           creates domain N
#   peer NAME N [PROGRAM]             a scripted peer (peer.h) in domain N, or another that takes lines
#   guests N...                       domains, each with a peer gN
#   tell NAME LINE...                 its answer in R; fails where the peer says "!"
#   attach, detach, destroy           xenbox's, in DIR
#   check NAME COMMAND...             a result: ok if COMMAND succeeds
#   is NAME GOT WANT, like NAME GOT PATTERN, skip NAME WHY
# A failure shows what the command printed, and at the end every log. KEEP=1 leaves the logs.

# shellcheck shell=bash disable=SC2120
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
B=$(cd "$top" && realpath "${B:-build}")
xenbox=$B/tests/xenbox/xenbox
bench=$top/tests/dumps/bench.txt
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:verify_asan_link_order=0}

WORK=$(mktemp -d "${TMPDIR:-/tmp}/xenpci-box.XXXXXX")
DIR=$WORK/box
DAEMON=
FAILED=0
R=
declare -A PEER_IN=() PEER_OUT=() PEER_PID=()

# --- Results ---

ok() { echo "ok $1"; }

not_ok() {
	echo "not ok $1: ${2:-}"
	FAILED=$((FAILED + 1))
}

skip() { echo "ok $1 # SKIP $2"; }

# R is what a told peer answered last: shown with the failure.
check() {
	local name=$1
	shift
	R=
	if "$@" >"$WORK/check.out" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$* ${R:+(answer: $R)}"
		sed 's/^/    | /' "$WORK/check.out" | head -n 15
	fi
}

check_not() {
	local name=$1
	shift
	R=
	if "$@" >"$WORK/check.out" 2>&1; then
		not_ok "$name" "succeeded: $* ${R:+(answer: $R)}"
		sed 's/^/    | /' "$WORK/check.out" | head -n 15
	else
		ok "$name"
	fi
}

is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi; }

like() { if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted a match of '$3'"; fi; }

# --- Waiting: for a condition, and never longer than MS ---

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# wait_for MS COMMAND...: until COMMAND succeeds
wait_for() {
	local until=$(($(now_ms) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$until" ] || return 1
		read -rt 0.02 <>"$WORK/never"
	done
	return 0
}

gone() { ! kill -0 "$1" 2>/dev/null; }
# dead PID: likewise, or nobody has waited for it yet
dead() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.[ZX]' "/proc/$1/status"; }

# --- The box ---

xb() { "$xenbox" "$@"; }

box_up() {
	xb up "$DIR" "$@" || bail "the box does not come up"
	[ -n "${PEER_PID[dom0]:-}" ] || peer dom0 0
}

# in_domain N COMMAND...: a process of that domain
in_domain() {
	local domid=$1
	shift
	xb run "$DIR" "$domid" -- "$@"
}

# What the backend's and a guest's directories are called.
# With DEVID set they are of another of its frontends than the first, with BACKEND of a driver domain's.
be() { echo "/local/domain/${BACKEND:-0}/backend/pci/$1/${DEVID:-0}${2:+/$2}"; }
fe() { echo "/local/domain/$1/device/pci/${DEVID:-0}${2:+/$2}"; }
error_node() { echo "/local/domain/${BACKEND:-0}/error/backend/pci/$1/${DEVID:-0}/error"; }

guest() { xb create "$DIR" "$1" || bail "domain $1 cannot be created"; }
attach() { xb attach "$DIR" "$@"; }
detach() { xb detach "$DIR" "$@"; }
# destroy N: the domain dies at once; what xl would remove of it goes too
destroy() {
	local device vm
	vm=$(node "/local/domain/$1/vm")
	[[ $vm == /vm/* ]] || vm=
	xb destroy "$DIR" "$1" --crash && store rm "$(be "$1")" "/local/domain/$1" "$(error_node "$1")" ${vm:+"$vm"} ||
		return 1
	store ls /libxl/pci
	for device in $R; do
		[ "$(node "/libxl/pci/$device/domid")" = "$1" ] && store rm "/libxl/pci/$device/domid"
	done
	return 0
}
front() {
	local domid=$1
	shift
	in_domain "$domid" "$B/xenpci-front" "$@"
}
hypercalls() { xb log "$DIR"; }

# --- The daemon ---

daemon_log=$WORK/xenpcid.log

# daemon_start [OPTIONS]: with the bench's devices where no --devices is given. The rules
# of which device may be assigned are off, unless STRICT is set: they have their own test. It serves
# by itself, so that DAEMON is who serves; with KEPT set, DAEMON is its keeper. With INSTALLED set,
# that xenpcid is started, which finds its worker itself. With BACKEND set, it runs in that domain.
daemon_start() {
	local alone=--no-keeper
	[ -z "${KEPT:-}" ] || alone=
	local program=("$B/xenpcid" --worker "$B/xenpci-worker")
	[ -z "${INSTALLED:-}" ] || program=("$INSTALLED")
	# PRELOAD: a library of the test's, before the box's own.
	# shellcheck disable=SC2016
	[ -z "${PRELOAD:-}" ] || program=(sh -c 'export LD_PRELOAD="$0:$LD_PRELOAD"; exec "$@"' "$PRELOAD" "${program[@]}")
	local devices=(--devices "image:$bench") allow=(--allow all)
	[ -z "${STRICT:-}" ] || allow=()
	[[ " $* " == *" --devices"* ]] && devices=()
	# Its own: what is left of one before may have the other open still.
	rm -f "$WORK/ready"
	mkfifo "$WORK/ready"
	exec {ready}<>"$WORK/ready"
	# shellcheck disable=SC2093
	"$xenbox" run "$DIR" "${BACKEND:-0}" -- "${program[@]}" $alone "${devices[@]}" "${allow[@]}" --ready-fd 9 \
		--state-dir "$WORK/state" "$@" 9>"$WORK/ready" {ready}>&- 2>>"$daemon_log" </dev/null &
	DAEMON=$!
	local _
	read -rt 10 -N 1 -u "$ready" _ || bail "xenpcid does not become ready"
	exec {ready}>&-
}

# daemon_stop [STATUS]: by SIGTERM; it must end with STATUS (0). All instances are taken
# away before, as it would wait for their guests (ends.sh tests that it does).
daemon_stop() {
	local pid=$DAEMON
	[ -n "$pid" ] || return 0
	DAEMON=
	[ -n "${PEER_PID[dom0]:-}" ] && store rm "/local/domain/${BACKEND:-0}/backend/pci"
	kill -TERM "$pid" 2>/dev/null
	wait_for 10000 gone "$pid" || kill -KILL "$pid"
	wait "$pid"
	local status=$?
	is "xenpcid ends with status ${1:-0} at SIGTERM" "$status" "${1:-0}"
}

# children PID [NAME]: its child processes, or those that are called so; status 1: there are none. (pgrep looks at each
# process of the machine.)
children() {
	local list pid name none=1
	read -ra list <"/proc/$1/task/$1/children"
	for pid in "${list[@]}"; do
		[ -z "${2:-}" ] || { read -r name <"/proc/$pid/comm" && [ "$name" = "$2" ]; } || continue
		echo "$pid"
		none=0
	done
	return $none
} 2>/dev/null
# Its processes: the supervisor, the spawner, and what that has started.
family() {
	local spawner
	echo "$DAEMON"
	for spawner in $(children "$DAEMON"); do
		echo "$spawner"
		children "$spawner"
	done
}
# workers: those of guests, and the one that stands ready
workers() {
	local spawner
	for spawner in $(children "$DAEMON"); do children "$spawner" xenpci-worker; done
}
# job_runs: some device is being seen to; worker_of N, gate_of N: the processes of a guest (with -v -v)
job_runs() {
	local spawner
	for spawner in $(children "$DAEMON"); do children "$spawner" xenpci-job >/dev/null && return; done
	return 1
}
# Nothing where the supervisor does not know it yet: process 0 would be all of ours.
serving() { grep -oE "guest $1: process [0-9]+ serves it, process [0-9]+ writes" "$daemon_log" | tail -n 1; }
worker_of() { serving "$1" | grep -oE '[1-9][0-9]* serves' | cut -d ' ' -f 1; }
gate_of() { serving "$1" | grep -oE '[1-9][0-9]* writes' | cut -d ' ' -f 1; }

# stopped PID: a SIGSTOP has had its effect
stopped() { grep -q '^State:.T' "/proc/$1/status"; }
# daemon_pause, daemon_resume: through when the signal's effect has reached this shell,
# whose reads it would otherwise interrupt
daemon_is() { grep -q "^State:.$1" "/proc/$DAEMON/status"; }
# Stopped between two messages to xenstored: that waits, for everybody, for the rest of one
# that a client has begun.
daemon_pause() {
	local i
	for ((i = 0; i < 20; i++)); do
		kill -STOP "$DAEMON" && wait_for 5000 daemon_is T || return
		if timeout -k 1 2 "$xenbox" run "$DIR" 0 -- xenstore-list / >/dev/null 2>&1; then
			# shellcheck disable=SC2046
			kill -STOP $(family)
			return
		fi
		kill -CONT "$DAEMON"
	done
	return 1
}
# shellcheck disable=SC2046
daemon_resume() { kill -CONT $(family) && wait_for 5000 daemon_is '[RS]'; }

daemon_alive() { kill -0 "$DAEMON" 2>/dev/null; }

logged() { grep -qE -- "$1" "$daemon_log"; }
log_count() { grep -cE -- "$1" "$daemon_log"; }
# log_mark, log_since: what the daemon said from the mark on
log_mark() { LOG_MARK=$(($(wc -l <"$daemon_log") + 1)); }
log_since() { tail -n "+$LOG_MARK" "$daemon_log"; }
logged_since() { log_since | grep -qE -- "$1"; }
log_since_count() { log_since | grep -cE -- "$1"; }

rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
fds() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }

# --- Peers ---

peer() {
	local name=$1 domid=$2 fd
	mkfifo "$WORK/$name.in" "$WORK/$name.out"
	"$xenbox" run "$DIR" "$domid" -- "${3:-$B/tests/box/peer}" <"$WORK/$name.in" >"$WORK/$name.out" \
		2>"$WORK/$name.log" &
	PEER_PID[$name]=$!
	disown # or bash tells of its end
	exec {fd}>"$WORK/$name.in" && PEER_IN[$name]=$fd
	exec {fd}<"$WORK/$name.out" && PEER_OUT[$name]=$fd
	answer "$name" || bail "the peer $name does not start: $R"
}

guests() {
	local n
	for n; do
		guest "$n"
		peer "g$n" "$n"
	done
}

# answer NAME [SECONDS]: the peer's next line into R, without its mark. It waits for longer than any line lets a peer wait.
answer() {
	R="no answer from the peer"
	IFS= read -rt "${2:-60}" -u "${PEER_OUT[$1]}" R || return 1
	local mark=${R:0:2}
	R=${R:2}
	[ "$mark" = "= " ]
}

# tell NAME LINE...: does it and takes the answer; say NAME LINE...: takes it later
say() {
	local name=$1
	shift
	echo "$*" >&"${PEER_IN[$name]}"
}
tell() {
	say "$@"
	answer "$1"
}

# end_peer NAME [SIGNAL]
end_peer() {
	local pid=${PEER_PID[$1]} fd
	fd=${PEER_IN[$1]} && exec {fd}>&-
	fd=${PEER_OUT[$1]} && exec {fd}<&-
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	wait_for 5000 gone "$pid"
	rm -f "$WORK/$1.in" "$WORK/$1.out"
	unset "PEER_PID[$1]" "PEER_IN[$1]" "PEER_OUT[$1]"
}

# store LINE...: dom0's own peer, which comes with the box
store() { tell dom0 "$@"; }
# await PATH VALUE [MS]; node PATH: its value, or what went wrong
await() { store wait "$@"; }
node() {
	store read "$1"
	echo "$R"
}

# --- xenstored: killed, started again, updated in place ---

xenstored_pid() { xb store "$DIR" pid; }
# xenstored_kill [--keep]: dom0's peer goes with its connection. What it knows is lost, or written again
# before anybody finds its successor.
xenstored_kill() {
	xb store "$DIR" kill "$@" || return
	end_peer dom0 KILL
}
xenstored_start() {
	xb store "$DIR" start || return
	peer dom0 0
}
# xenstored_update: the program is replaced by itself, in the same process
xenstored_update() {
	local program
	program=$(readlink "/proc/$(xenstored_pid)/exe")
	in_domain 0 "${program%/*}/xenstore-control" live-update "$program"
}

# --- The toolstack by hand, for what xl would not write ---

# instance_nodes N: both directories without a device, in state 1, in the transaction at hand
instance_nodes() {
	local domid=$1 b f
	b=$(be "$domid") f=$(fe "$domid")
	store write "$b" && store chmod "$b" n0 "r$domid" &&
		store write "$b/frontend" "$f" && store write "$b/frontend-id" "$domid" &&
		store write "$b/online" 1 && store write "$b/state" 1 &&
		store write "$b/domain" "g$domid" &&
		store write "$f" && store chmod "$f" "n$domid" r0 &&
		store write "$f/backend" "$b" && store write "$f/backend-id" 0 &&
		store write "$f/state" 1
}

# create_nodes N DEV...: an instance with these devices, in one transaction
create_nodes() {
	local domid=$1 index=0 dev
	shift
	store begin && instance_nodes "$domid" || return 1
	for dev; do
		device_nodes "$domid" "$index" "$dev" || return 1
		index=$((index + 1))
	done
	store write "$(be "$domid" num_devs)" "$index" && store commit
}

# device_nodes N INDEX DEV [OPTS]: one device's nodes, in the transaction at hand
default_opts=msitranslate=0,power_mgmt=0,permissive=0,rdm_policy=strict
device_nodes() {
	local b
	b=$(be "$1")
	store write "$b/key-$2" "$3" && store write "$b/dev-$2" "$3" &&
		store write "$b/opts-$2" "${4-$default_opts}" && store write "$b/state-$2" 1
}

# hot_nodes N COUNT INDEX=DEV...: devices for a connected guest, num_devs = COUNT, state 7
hot_nodes() {
	local domid=$1 count=$2 pair b
	shift 2
	b=$(be "$domid")
	store begin || return 1
	for pair; do
		device_nodes "$domid" "${pair%%=*}" "${pair#*=}" || return 1
	done
	store write "$b/num_devs" "$count" && store write "$b/state" 7 && store commit
}

# leave_nodes N INDEX...: these devices are to go, state 7
leave_nodes() {
	local domid=$1 index
	shift
	store begin || return 1
	for index; do
		store write "$(be "$domid" "state-$index")" 5 || return 1
	done
	store write "$(be "$domid" state)" 7 && store commit
}

# connect NAME N: a peer's frontend, from its page to state 4
connect() {
	tell "$1" share "${BACKEND:-0}" && tell "$1" port "${BACKEND:-0}" && tell "$1" publish &&
		await "$(be "$2" state)" 4 && tell "$1" write device/pci/0/state 4
}

# settled: the daemon has seen all that was written before. What tells is another guest's close and
# reopening, which is through then: guest 8, connected by g8.
settled() {
	tell g8 write device/pci/0/state 6 && await "$(be 8 state)" 6 &&
		tell g8 write device/pci/0/state 1 && await "$(be 8 state)" 3 && connect g8 8
}

# reconfigure NAME N: the guest's part of a hot attach or detach
reconfigure() {
	await "$(be "$2" state)" 7 && tell "$1" write device/pci/0/state 7 &&
		await "$(be "$2" state)" 8 && tell "$1" write device/pci/0/state 4 &&
		await "$(be "$2" state)" 4
}

# config_read NAME DEVFN OFFSET SIZE: "ERR VALUE" in R
config_read() {
	tell "$1" op 0 0 0 "$2" "$3" "$4" 0 || return 1
	R=${R% *}
}
config_write() {
	tell "$1" op 1 0 0 "$2" "$3" "$4" "$5" || return 1
	R=${R% *}
}

# config_reg NAME OFFSET SIZE: of the device at DEVFN (0), as a decimal number
config_reg() { config_read "$1" "${DEVFN:-0}" "$2" "$3" && echo $((0x${R#* })); }
# config_cap NAME ID: where that capability of it is; 0: it has none
config_cap() {
	local at id n
	at=$(config_reg "$1" 0x34 1)
	for ((n = 0; at && n < 48; n++)); do
		id=$(config_reg "$1" "$at" 2)
		[ $((id & 255)) -ne $(($2)) ] || break
		at=$((id >> 8))
	done
	echo "$at"
}

# --- A host of plain files: what would reach hardware is seen there ---

# plain_function SYS BDF ADDRESS: a NIC with a page of memory, held by pciback, that the kernel can reset
plain_function() {
	local dev=$1/bus/pci/devices/0000:$2
	mkdir -p "$dev" "$1/bus/pci/drivers/pciback"
	head -c 256 /dev/zero >"$dev/config"
	plain_put "$1" "$2" 0 '\x86\x80\xd3\x10\x07\x01\x10\x00\x00\x00\x00\x02'
	plain_put "$1" "$2" 16 "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($3 & 255)) $(($3 >> 8 & 255)) \
		$(($3 >> 16 & 255)) $(($3 >> 24 & 255)))"
	echo 0x8086 >"$dev/vendor"
	echo 0x10d3 >"$dev/device"
	echo 0x020000 >"$dev/class"
	echo 0 >"$dev/irq"
	{
		printf '%#x %#x 0x40200\n' "$3" $(($3 + 4095))
		yes "0x0 0x0 0x0" | head -n 6
	} >"$dev/resource"
	: >"$dev/reset"
	plain_bind "$1" "$2" pciback
}
plain_put() { # SYS BDF OFFSET BYTES: into config space
	# shellcheck disable=SC2059
	printf "$4" | dd of="$1/bus/pci/devices/0000:$2/config" bs=1 seek="$3" conv=notrunc status=none
}
# The link is another file each time, as the kernel's is: no old one's number is given again while that stays.
plain_bind() { # SYS BDF DRIVER
	local dev=$1/bus/pci/devices/0000:$2
	[ ! -L "$dev/driver" ] || mv -T "$dev/driver" "$dev/.was-$((plain_bound += 1))"
	ln -s "../../drivers/$3" "$dev/driver"
}
plain_bound=0

# --- The end ---

bail() {
	not_ok "${0##*/}" "$1"
	exit 1
}

show_logs() {
	local log
	for log in "$WORK"/*.log; do
		[ -s "$log" ] || continue
		echo "  --- ${log##*/}"
		tail -n 40 "$log" | sed 's/^/  | /'
	done
	if [ -f "$DIR/hypercalls.log" ]; then
		echo "  --- hypercalls.log"
		tail -n 15 "$DIR/hypercalls.log" | sed 's/^/  | /'
	fi
}

finish() {
	local name status=$?
	trap - EXIT
	[ -n "$DAEMON" ] && daemon_stop
	for name in "${!PEER_PID[@]}"; do
		end_peer "$name"
	done
	[ -d "$DIR" ] && xb down "$DIR" >/dev/null 2>&1
	if grep -lE 'AddressSanitizer|LeakSanitizer|runtime error:' "$WORK"/*.log 2>/dev/null; then
		not_ok "${0##*/}" "a sanitizer complained"
	fi
	[ "$FAILED" = 0 ] || status=1
	[ "$status" = 0 ] || show_logs
	if [ -n "${KEEP:-}" ]; then echo "# left: $WORK"; else rm -rf "$WORK"; fi
	exit "$status"
}

touch "$daemon_log"
mkfifo "$WORK/never"
trap finish EXIT
trap 'exit 1' INT TERM
