#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker that its guest has taken over tries everything (hostile.h), beside an honest guest in the same
# daemon. Guest 7 is the honest one, 60 to 98 have hostile workers, and that of 99 is not under seccomp,
# so that what is behind it is seen to hold as well. Each time before the bound of a guest's lines in the
# log is reached another takes its place. REQUESTS: thousands of them to the gate in a row (300, in a few
# seconds).
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"

program=$B/tests/hostile/worker
nic=0000:00:04.0
h=59      # the hostile guest
deaths=0  # of its workers, so far
restarts=12
thousands=${REQUESTS:-300}
root=$([ "$(id -u)" = 0 ] && echo 1)
# A sanitized worker has no filter, nor a bound for its memory, and keeps the descriptor of its log.
san=$(nm "$program" 2>/dev/null | grep -q __asan_init && echo 1)

# --- The guests ---

neighbour() { config_read g7 0 0 4 && [ "$R" = "0 11e81234" ]; }

is_gone() { ! store read "$(be "$h" state)"; }
retire() {
	[ "$h" -ge 60 ] || return 0
	end_peer "g$h" KILL
	destroy "$h" && wait_for 5000 is_gone
}
hostile() { # N [DEVICE...]: a guest whose worker is hostile, in the place of the one before
	retire
	h=$1 deaths=0
	shift
	guest "$h"
	attach "$h" $nic "$@" && peer "g$h" "$h" && connect "g$h" "$h" || bail "guest $h is not served"
}
spend() {
	deaths=$((deaths + 1))
	[ "$deaths" -lt "$restarts" ] || hostile $((h + 1))
}

declare -A number=() aim=()
names=()
while read -r n a name; do
	number[$name]=$n aim[$name]=$a
	names+=("$name")
done < <("$program" --list)

# try NAME [ARG]: "OUTCOME VALUE" in R, decimal; the outcome in O, the value in V
try() {
	tell "g$h" post "${number[$1]:?no attack is called $1}" 0 0 0 0 0 "${2:-0}" || return
	say "g$h" collect 100000 # thousands of tries, on a machine that does other things too
	answer "g$h" 110 || return
	read -r O V _ <<<"$R"
	V=$((16#$V))
}
REFUSED=1 REPLACED=2
outcomes=("done: it got what it wanted" refused replaced)

# hold NAME WANTED [ARG]: a result: the outcome is the wanted one, and the neighbour is served
hold() {
	local name="$1${3:+ $3}" why=
	O="" V=""
	if ! try "$1" "${3:-0}"; then
		why="no answer: $R"
	elif [ "$O" != "$2" ]; then
		why="${outcomes[$O]:-$O}, value $V; wanted: ${outcomes[$2]}"
	elif ! neighbour; then
		why="the neighbour got $R"
	fi
	if [ -n "$why" ]; then not_ok "$name" "$why"; else ok "$name: ${outcomes[$2]}${4:+ ($4 $V)}"; fi
	[ "$2" = "$REFUSED" ] || spend
}

# A device of files, whose registers stay where they are, as hardware's do; with MSI.
sys=$WORK/sys plain=0000:0a:00.0
plain_function "$sys" 0a:00.0 0xfe000000
plain_put "$sys" 0a:00.0 52 '\x40'
plain_put "$sys" 0a:00.0 64 '\x05\x00\x80\x00'
plain_config=$sys/bus/pci/devices/$plain/config

box_up
daemon_start --devices "image:$bench" --devices "sysfs:$sys" --worker "$program" -v -v
guests 7
attach 7 0000:00:05.0
connect g7 7
check "the neighbour is served" neighbour
registers() { cat "$(find "/proc/$DAEMON/fd" -lname '/memfd:registers*' | head -n 1)"; }

# A first life, so that what is allocated once is.
hostile 60 $plain
config_read g60 0 0 4
is "the hostile guest is served what is no attack" "$R" "0 10d38086"
retire
h=59
# What belonged to it is closed when its last process has ended: guest 7's two and the one that stands
# ready are left.
three_left() { [ "$(family | wc -l)" = 5 ]; }
check "its processes end" wait_for 5000 three_left
rss=$(rss_kib "$DAEMON") open=$(fds "$DAEMON")

# --- What it has ---

hostile 60 $plain
worker=$(worker_of 60)
if [ -z "$root" ]; then
	skip "its descriptors" "their targets are root's to see"
	skip "its user, its root, its groups and capabilities" "only root can give them up"
else
	# Its sockets: supervisor, gate, and the box's two, for event channels and for the page that is mapped. In a
	# chroot the kernel names files of its root by their whole path.
	[ -n "$san" ] || is "its descriptors are these and no others" \
		"$(find "/proc/$worker/fd" -mindepth 1 -printf '%l\n' | sed -E 's/:?\[.*//; s/ .*//; s#^/.*(/dev/null)$#\1#' | sort | uniq -c |
			awk '{ printf "%s %s, ", $1, $2 }')" "3 /dev/null, 1 /memfd:registers, 1 $plain_config, 1 pipe, 4 socket, "
	for link in '/memfd:registers*' "$plain_config"; do
		config=$(basename "$(find "/proc/$worker/fd" -lname "$link")")
		is "${link##*/} is open for reading" \
			$((8#$(awk '/^flags/ { print $2 }' "/proc/$worker/fdinfo/$config") & 3)) 0
	done
	is "its capabilities are none, and there are no new privileges" \
		"$(awk '/^Cap|^NoNewPrivs/ { printf "%s ", $2 }' "/proc/$worker/status")" \
		"0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 1 "
	[ -n "$san" ] || is "its calls are filtered" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$worker/status")" 2
	like "its user is nobody's, and not another worker's" \
		"$(awk '/^Uid/ { print $2 }' "/proc/$worker/status") $(awk '/^Uid/ { print $2 }' "/proc/$(worker_of 7)/status")" \
		"^20132[0-9]+ 20132[0-9]+$"
	check_not "its user is not the neighbour's" cmp -s <(grep ^Uid "/proc/$worker/status") \
		<(grep ^Uid "/proc/$(worker_of 7)/status")
	is "its root is empty" "$(find "/proc/$worker/root/" -mindepth 1 | wc -l)" 0
	for ns in mnt net ipc uts; do
		check_not "its $ns namespace is not the daemon's" \
			test "$(readlink "/proc/$worker/ns/$ns")" = "$(readlink "/proc/$DAEMON/ns/$ns")"
	done
fi
hold "self: descriptors" $REFUSED 0 "it has"
hold "self: config space mapped or written" $REFUSED 0 errno
if [ -n "$san" ]; then
	skip "lines in the daemon's log" "a sanitizer's are to be seen there"
else
	log_mark
	hold "self: log lines" $REFUSED 1000
	check_not "none of them are in the log" logged_since "a line of the hostile"
fi
hold "self: notify of other ports" $REFUSED 0 ports
hold "self: ports of others" $REFUSED 7 errno
hold "self: ports of others" $REFUSED 0 errno
[ -n "$san" ] || hold "self: memory" $REFUSED 0 MiB

# --- The gate: no register that is closed has changed, of any device ---

unchanged() {
	is "$1: no device's registers have changed" "$(cmp -l "$WORK/before" <(registers) | wc -l)" 0
	is "$1: nor the plain device's" "$(cmp -l "$WORK/plain" "$plain_config" | wc -l)" 0
}
registers >"$WORK/before"
cp "$plain_config" "$WORK/plain"
log_mark
for n in 0 1; do
	for name in "every closed bit of every register" "every closed bit of extended config space" \
		"MSI and MSI-X control" "all values of the command register" "BARs elsewhere" \
		"offsets and sizes out of range"; do
		hold "gate: $name" $REFUSED $n tries
	done
done
unchanged "writes that are closed"
check "what the gate refuses is told" logged_since "guest $h: .*the gate refuses its worker a write of"
check "... within a bound: $(log_since_count "the gate refuses") times" \
	test "$(log_since_count "the gate refuses")" -le 16
hold "gate: other slots" $REFUSED 0 tries
hold "gate: interrupt commands" $REFUSED 0 tries
tell "g$h" post "${number[gate: many]}" 0 0 0 0 0 "$thousands"
asked=0
while [ "$asked" -lt 200 ] && neighbour; do asked=$((asked + 1)); done
is "the neighbour's answers meanwhile" "$asked" 200
say "g$h" collect 100000
answer "g$h" 100
is "the gate refuses $((1000 * thousands)) requests in a row" "$R" "$(printf '1 %x 0' $((1000 * thousands)))"
unchanged "requests without end"
log_mark
for kind in $("$program" --kinds gate); do hold "gate: kind" $REPLACED "$kind"; done
for n in 0 1 2 3 4 5 6 7 8 9; do hold "gate: misshapen" $REPLACED $n; done
hold "gate: a thousand descriptors" $REPLACED
hold "gate: answers not taken" $REPLACED 1000
is "none of these workers died by a signal" "$(log_since_count "its worker was killed by signal")" 0
check "that a gate hears no more of its worker is told" logged "guest 6[0-9]: .*the gate hears no more of its worker"

# --- The supervisor ---

log_mark
for kind in $("$program" --kinds supervisor); do hold "supervisor: kind" $REPLACED "$kind"; done
for n in 0 1 2 3 4 5 6; do hold "supervisor: misshapen" $REPLACED $n; done
hold "supervisor: a thousand descriptors" $REPLACED
for n in 0 1 2 3; do hold "supervisor: ready again" $REPLACED $n; done
check "each is told" test "$(log_since_count "its worker sent what it may not")" -ge 40
hostile $((h + 1))
for name in denials "late answers" "steps of error recovery" answers; do
	log_mark
	tell "g$h" post "${number[supervisor: $name]}" 0 0 0 0 0 100
	asked=0
	while [ "$asked" -lt 50 ] && neighbour; do asked=$((asked + 1)); done
	is "a flood of $name: the neighbour's answers" "$asked" 50
	tell "g$h" collect 30000
	is "a flood of $name: is survived" "$R" "1 186a0 0"
	check "a flood of $name: $(log_since | wc -l) lines in the log" test "$(log_since | wc -l)" -le 60
done
check "nothing but printable characters is in the log" test "$(LC_ALL=C grep -c '[^ -~]' "$daemon_log")" = 0

# --- The ledger, and time ---

for n in 0 1 2 3; do
	hold "self: spoilt ledger" $REPLACED $n
	check "... the next worker serves" config_read "g$h" 0 0 4
	is "... rightly" "$R" "0 10d38086"
done
hostile $((h + 1))
log_mark
hold "self: spin" $REPLACED
hold "self: play dead" $REPLACED
is "both times it is told that it hangs" "$(log_since_count "guest $h: its worker hangs")" 2

# --- System calls: each is the last ---

if [ -n "$san" ]; then
	skip "system calls" "a sanitized worker has no filter"
else
	log_mark
	calls=0
	for name in "${names[@]}"; do
		[[ ${aim[$name]} == call || ${aim[$name]} == filter ]] || continue
		hold "$name" $REPLACED
		calls=$((calls + 1))
	done
	check "each death is told, with its signal" \
		test "$(log_since_count "its worker was killed by signal 31 .*another takes its place")" -ge $((calls - 1))
fi

# Again and again: served ever later, but served; and the log has its bound.
if [ -z "$san" ]; then
	hostile $((h + 1))
	log_mark
	began=$(now_ms)
	for ((i = 0; i < 60; i++)); do try fork && [ "$O" = $REPLACED ] || break; done
	is "a worker that dies over and over is replaced each time" "$i" 60
	lines=$(log_since | grep -v debug: | grep -c "guest $h: ") bound=$((40 + ($(now_ms) - began) / 1000))
	check "... its guest has $lines lines in the log, $bound at most" test "$lines" -le "$bound"
	config_read "g$h" 0 0 4
	is "... its guest is served" "$R" "0 10d38086"
	check "... the neighbour is served" neighbour
fi

# --- What stands behind the filter ---

hostile 99
for name in "${names[@]}"; do
	[ "${aim[$name]}" = call ] || continue
	if [ -z "$root" ]; then
		skip "unfiltered: $name" "only root can give up what it has"
		continue
	fi
	# A sanitizer maps terabytes.
	[ -n "$san" ] && [[ $name == *": memory" ]] && continue
	O="" V=""
	try "$name"
	is "unfiltered: $name (errno $V)" "$O" $REFUSED
done
check "the neighbour is served" neighbour
retire
h=59

# --- What it has left ---

is "pirqs were mapped for nobody else" \
	"$(hypercalls | grep map_pirq | grep -cvE "dom(ain|id)?=(6|7|8|9)[0-9]")" 0
is "no pirq is mapped" "$(xb stat "$DIR" | grep -c "pirqs=[1-9]")" 0
check "the last one's processes end" wait_for 5000 three_left
check "the supervisor's memory: $rss KiB before, $(rss_kib "$DAEMON") after" \
	test "$(rss_kib "$DAEMON")" -le $((rss + 2048))
is "the supervisor's descriptors" "$(fds "$DAEMON")" "$open"
check "the supervisor lives" daemon_alive
check "the neighbour is served" neighbour
finish
