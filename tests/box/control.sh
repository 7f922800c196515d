#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control socket through the command: what is given and held, refusals and what would allow them, figures,
# traces; a daemon that starts anew under its guests; clients that are strange, slow, or many.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
sys=$WORK/sys
conf=$WORK/xenpci.conf
operator() { "$B/xenpci" --state-dir "$WORK/state" "$@"; }
status_of() {
	"$@" >"$WORK/out" 2>&1
	echo $?
}
out() { cat "$WORK/out"; }
# json PATTERN COMMAND...: the lines of its records of that kind
json() {
	local kind=$1
	shift
	operator "$@" --json | grep -F "\"record\":\"$kind\""
}
# field NAME: of the lines on stdin
field() { grep -oE "\"$1\":(\"[^\"]*\"|-?[0-9]+|true|false|\[[^]]*\])" | sed -E 's/^"[^"]*"://; s/^"(.*)"$/\1/'; }
raw() { "$B/tests/box/control_client" "$WORK/state/control" "$@"; }

mkdir -p "$sys/bus/pci/devices"
plain_function "$sys" 03:00.0 0xfe000000
echo '# nothing' >"$conf"

box_up
is "without a daemon there is a status of its own" "$(status_of operator status)" 3
like "and a clear line" "$(out)" 'no xenpcid runs: nobody answers at .*/control'
is "also for orders" "$(status_of operator reload)" 3
is "and in what Prometheus reads" "$(operator stats --prometheus 2>/dev/null | tail -n 1)" "xenpci_up 0"

guests 7 8
log_mark
daemon_start --config "$conf"
is "the socket's mode" "$(stat -c %a "$WORK/state/control")" 660
attach 7 $nic || bail "no attach"
attach 8 0000:05:00.2 || bail "no attach"
connect g7 7 || bail "no connection: $R"
connect g8 8 || bail "no connection: $R"

# --- status ---
is "status" "$(status_of operator -d "sysfs:$sys" status)" 0
like "tells the daemon" "$(out)" "xenpcid [0-9.]+: serving since .* process $DAEMON"
like "a guest by name and number, its states by name" "$(out)" 'guest7 \(7\) +Connected +Connected +1'
like "how its worker is confined" "$(out)" 'user [0-9]+, (no capabilities|with capabilities), (no )?seccomp, no new privileges'
like "a device at both addresses" "$(out)" '0000:00:04.0 +0000:00:00.0 +guest7 \(7\) +taken +INTx'
like "by name" "$(out)" '82574L'
like "and what is held and nobody's" "$(out)" '0000:03:00.0 +- +- +held'
is "of one guest" "$(operator status guest8 --json | field host)" 0000:05:00.2
is "by number" "$(operator status 8 --json | field host)" 0000:05:00.2
store write /local/domain/8/name renamed
is_renamed() { [ "$(operator status renamed --json | field host)" = 0000:05:00.2 ]; }
check "as xl rename has it" wait_for 3000 is_renamed
is "the old name is nobody's" "$(status_of operator status guest8)" 1
store write /local/domain/8/name guest8
check "as it was" wait_for 3000 operator status guest8
is "of one device" "$(json device status 05:00.2 | field domid)" 8
is "of one that is held" "$(json device -d "sysfs:$sys" status 03:00.0 | field state)" held
is "of a guest that is none" "$(status_of operator status nobody)" 1
is "of a device that is none" "$(status_of operator -d "sysfs:$sys" status 0f:00.0)" 1
is "the worker is the one that serves" "$(json guest status 7 | field worker)" \
	"$(cat "/proc/$(json guest status 7 | field worker)/stat" | cut -d ' ' -f 1)"
check "MSI-X on" tell g7 op 4 0 0 0 0 0 3 0 0 1 2
is "it is seen" "$(json device status $nic | field irq)" MSI-X
is "with its vectors" "$(json device status $nic | field vectors)" 3
tell g7 op 5 0 0 0 0 0 0
is "and when it is off" "$(json device status $nic | field irq)" INTx
columns=$(operator status 7 | awk '/^HOST/ { at = index($0, "STATE"); next } at && /^0000/ { print substr($0, at, 5) }' | sort -u)
is "columns line up" "$columns" taken
is "no colour where there is no terminal" "$(operator status | grep -c $'\033')" 0

# --- denied ---
config_write g7 0 0xe8 2 0x7fff
config_write g7 0 0xe8 2 0x0fff
config_write g7 0 0xf4 4 0xff00
is "denied" "$(status_of operator denied 7)" 0
like "has the register by name and how often" "$(out)" '0x0e8 +[A-Za-z ]*[Cc]ontrol +0x[0-9a-f]{4} +2 '
is "times in records" "$(json denied denied 7 | grep '"offset":232' | field times)" 2
is "nothing of the other guest" "$(json denied denied 8)" ""
is "which is no failure" "$(status_of operator denied 8) $(out)" "0 no write was refused"
is "but one that is not there is" "$(status_of operator denied nobody)" 1
like "as is told" "$(out)" 'xenpcid serves no such guest: nobody'
is "and a device that nobody has" "$(status_of operator denied 0f:00.0)" 1
like "whichever it is" "$(out)" 'xenpcid serves no such device: 0f:00.0'
operator denied --quirks >"$WORK/quirks.conf"
like "as settings" "$(cat "$WORK/quirks.conf")" 'vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2; mask = 0x7fff; reason = "device control"'
is "of the guest as well" "$(json guest status 7 | field refused)" "$(json stats stats 7 | field refused)"

# --- learn: what is refused meanwhile, and no more ---
(operator learn $nic --for 2s >"$WORK/learnt"; echo $? >"$WORK/learnt.status") &
learner=$!
wait_for 5000 [ -s "$WORK/learnt.status" ] &
sleeper=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	config_write g7 0 0xf0 2 0xffff
	read -rt 0.1 <>"$WORK/never"
done
wait $learner $sleeper
is "learn ends by itself" "$(cat "$WORK/learnt.status")" 0
like "with what was refused" "$(cat "$WORK/learnt")" 'offset = 0xf0'
is "and nothing from before" "$(grep -c 'offset = 0xe8' "$WORK/learnt")" 0

operator learn 0f:00.0 --for 1s >"$WORK/out" 2>&1
like "learn of a device that nobody has says so at once" "$(out)" 'warning: no guest has 0000:0f:00.0 yet'
operator learn $nic --for 1s >"$WORK/out" 2>&1
is "and of one that somebody has does not" "$(out)" "quirks = ( );"
operator trace nobody --for 1s >"$WORK/out" 2>&1
is "trace says of whom there is nothing to see" "$(out)" "xenpci: warning: xenpcid serves no guest nobody yet"
operator trace 7 --for 1s >"$WORK/out" 2>&1
is "and of nobody else" "$(grep -c warning "$WORK/out")" 0

# --- reload: these lines do what they say, under the running guest ---
worker=$(json guest status 7 | field worker)
echo 'nonsense = true;' >"$conf"
is "settings that are wrong are refused" "$(status_of operator reload)" 1
like "with the line" "$(out)" 'xenpci.conf:1'
is "and nothing happens" "$(json guest status 7 | field worker)" "$worker"
cp "$WORK/quirks.conf" "$conf"
is "reload" "$(status_of operator reload)" 0
await "$(be 7 state)" 4
check "the guest goes on" config_read g7 0 0 4
config_write g7 0 0xe8 2 0x0fff
config_read g7 0 0xe8 2
is "and may write what the lines allow" "$R" "0 fff"
is "the effective policy is seen" "$(json device status $nic | field quirks | grep -c '[1-9]')" 1
is "figures go on, and it is not refused any more" "$(json denied denied 7 | grep '"offset":232' | field times)" 2

# --- SIGHUP is reload; restart, upgrade ---
before=$(json daemon status | field started)
changed() {
	local now
	now=$(json daemon status 2>/dev/null | field started)
	[ -n "$now" ] && [ "$now" != "$before" ]
}
kill -HUP "$DAEMON"
check "SIGHUP has it start anew" wait_for 10000 changed
is "restart" "$(status_of operator restart)" 0
is "upgrade" "$(status_of operator upgrade)" 0
check "the guest goes on" config_read g7 0 0 4
check "as the other" config_read g8 0 0 4
is "in the same state" "$(node "$(be 7 state)")" 4

# --- stats ---
is "stats" "$(status_of operator stats)" 0
reads=$(json stats stats 7 | field conf_read)
for _ in 1 2 3; do config_read g7 0 0 4; done
is "counts by command" "$(($(json stats stats 7 | field conf_read) - reads))" 3
all=$(json stats stats 7)
is "the histogram has each answer" "$(field latency <<<"$all" | tr -d '[]' | tr , '\n' | awk '{ n += $1 } END { print n }')" \
	"$(field requests <<<"$all")"
kill -KILL "$(json guest status 7 | field worker)"
check "a worker is replaced" wait_for 5000 config_read g7 0 0 4
check "and that is counted" wait_for 5000 [ "$(json stats stats 7 | field worker_restarts)" = 1 ]
operator stats --prometheus >"$WORK/metrics"
like "as Prometheus reads it" "$(cat "$WORK/metrics")" 'xenpci_requests_total\{domid="7",name="guest7",operation="conf_read"\} [0-9]+'
is "each metric has its type" "$(sed -n 's/^\(xenpci_[a-z_]*\)[ {].*/\1/p' "$WORK/metrics" | sed -E 's/_(bucket|sum|count)$//' | sort -u)" \
	"$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$WORK/metrics" | sort -u)"
check "into a file" operator stats --textfile "$WORK/xenpci.prom"
is "which is whole, and readable" "$(grep -c '^xenpci_up 1' "$WORK/xenpci.prom") $(stat -c %a "$WORK/xenpci.prom")" "1 644"

# --- trace ---
"$B/xenpci" --state-dir "$WORK/state" trace 7 --writes --json >"$WORK/trace" & # itself: to be interrupted
tracer=$!
traced() {
	config_write g7 0 0xe8 2 0x1fff
	config_read g7 0 0 4
	grep -q '"offset":232' "$WORK/trace"
}
check "a trace tells of writes" wait_for 5000 traced
is "and of nothing else" "$(grep -c conf_read "$WORK/trace")" 0
like "decoded" "$(grep '"offset":232' "$WORK/trace" | head -n 1)" '"command":"conf_write".*"size":2,"value":8191,"field":"[^"]+'
kill -INT $tracer
wait $tracer
is "interrupted it ends well" $? 0
operator trace --denied --writes --for 2s >"$WORK/trace" &
tracer=$!
denied_traced() {
	config_write g7 0 0xf0 2 0xffff
	config_write g7 0 0x3c 1 0x55
	grep -q refused "$WORK/trace"
}
check "refused ones alone, for people" wait_for 1800 denied_traced
wait $tracer
is "no other" "$(grep -vc refused "$WORK/trace")" 0

# --- loglevel ---
is "loglevel" "$(status_of operator loglevel debug)" 0
is "is in effect" "$(json daemon status | field log_level)" debug
is "a level that is none is a usage error" "$(status_of operator loglevel loud)" 2
like "which names those that are" "$(out)" '"loud" is none of error, warn, info, detail or debug'

# --- Strange clients ---
mem=$(rss_kib "$DAEMON")
for bad in '' 'x' '{' '[]' '{"version":1}' '{"version":2,"command":"status"}' '{"version":1,"command":"fly"}' \
	'{"version":1,"command":"status","x":1}' '{"version":1,"command":"status","device":"nic"}' \
	'{"version":1,"command":"status","domain":{"a":{"b":{"c":1}}}}' '{"version":1,"command":7}' \
	'{"version":1,"command":"trace","only":"all"}'; do
	[ -z "$bad" ] && continue
	like "refused: $bad" "$(raw say "$bad" | tail -n 1)" '"record":"result","ok":false,"text":".+"'
done
like "half a line" "$(raw say '{"version":1,"comm' | tail -n 1)" '"ok":false'
like "a huge one" "$(raw huge 100000 | tail -n 1)" '"ok":false,"text":"the request is too long"'
like "another request on the same connection" "$(raw twice '{"version":1,"command":"stats"}' | grep -c '"ok":true')" 2
check "garbage, a thousand times" raw garbage 1000
check "one that goes in the midst of an answer" raw leave 200 '{"version":1,"command":"status"}'
check "the daemon lives" daemon_alive
check "guests are served" config_read g7 0 0 4

raw crowd 40 >"$WORK/crowd" &
crowd=$!
check "more than there is room for: some see the end" wait_for 5000 grep -qE '^(1[0-9]|[0-9]) of 40 are in' "$WORK/crowd"
check "guests are served meanwhile" config_read g7 0 0 4
check "whoever asks nothing is dropped in time" wait_for 20000 grep -q 'all are out' "$WORK/crowd"
wait $crowd
is "and there is room again" "$(status_of operator status)" 0

raw slow '{"version":1,"command":"trace"}' >"$WORK/slow" &
slow=$!
fds_before=$(fds "$DAEMON")
check "a trace that nobody reads" wait_for 5000 grep -q asked "$WORK/slow"
for _ in $(seq 3); do tell g7 sweep 7 >/dev/null; done
check "does not hold up guests" config_read g7 0 0 4
check "and is dropped" wait_for 20000 grep -q 'end after' "$WORK/slow"
wait $slow
check "nothing is left of it" wait_for 5000 [ "$(fds "$DAEMON")" -le "$fds_before" ]
case $B in
*-san) skip "memory is what it was" "a sanitizer keeps what was freed" ;;
*) check "memory is what it was ($mem KiB, $(rss_kib "$DAEMON") KiB)" [ "$(rss_kib "$DAEMON")" -lt $((mem + 2048)) ] ;;
esac

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 711 "$WORK" "$WORK/state"
	stranger() { setpriv --reuid 12345 --regid 12345 --clear-groups "$@"; }
	is "a stranger may not ask" "$(stranger "$B/tests/box/control_client" "$WORK/state/control" say '{}' 2>&1 | tail -n 1)" \
		"connect: Permission denied"
	is "xenpci says so, once" "$(stranger "$B/xenpci" --state-dir "$WORK/state" reload 2>&1)" \
		"xenpci: $WORK/state/control: Permission denied; root and the members of group xenpci may ask"
	like "nor xenstore, for want of root and nothing else" \
		"$(in_domain 0 setpriv --reuid 12345 --regid 12345 --clear-groups "$B/xenpci" list 2>&1)" \
		'cannot open xenstore: Permission denied; root may$'
	chmod 666 "$WORK/state/control"
	like "who may connect may ask" "$(stranger "$B/tests/box/control_client" "$WORK/state/control" say \
		'{"version":1,"command":"stats"}' | tail -n 1)" '"ok":true'
	for order in reload restart upgrade release loglevel; do
		like "but not give orders: $order" "$(stranger "$B/tests/box/control_client" "$WORK/state/control" say \
			"{\"version\":1,\"command\":\"$order\",\"level\":\"debug\"}" | tail -n 1)" '"ok":false,"text":"only root'
	done
	stranger "$B/tests/box/control_client" "$WORK/state/control" crowd 16 >"$WORK/crowd" &
	crowd=$!
	check "strangers leave room for root" wait_for 5000 grep -q '^12 of 16 are in' "$WORK/crowd"
	is "who asks meanwhile" "$(status_of operator status)" 0
	kill $crowd
	wait $crowd 2>/dev/null
else
	skip "strangers" "not root, or no setpriv"
fi

# --- The socket's group: this host's own, for which nobody is waited ---
check_not "no name service is asked" sh -c "nm -D '$B/xenpcid' | grep -E ' U (getgr|getpw|getaddrinfo|gethostby)'"
# with_groups TEXT PROGRAM...: PROGRAM on a host with these groups
cat >"$WORK/with_groups" <<'END'
#!/bin/sh
mount --bind "$1" /etc/group && shift && exec "$@"
END
cat >"$WORK/xenpcid" <<END
#!/bin/sh
exec unshare -m --propagation private sh "$WORK/with_groups" "$WORK/group" "$B/xenpcid" --worker "$B/xenpci-worker" "\$@"
END
chmod +x "$WORK/xenpcid"
daemon_leave() { kill -QUIT "$DAEMON" && wait "$DAEMON"; }
check "left to another" daemon_leave
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	printf 'root:x:0:\nxenpci2:x:4711:\nxenpci:x:54321:\n' >"$WORK/group"
	INSTALLED=$WORK/xenpcid daemon_start --config "$conf"
	is "the group of /etc/group has the socket" "$(stat -c '%u %g %a' "$WORK/state/control")" "$(id -u) 54321 660"
	check "left again" daemon_leave
	printf 'root:x:0:\n' >"$WORK/group"
	INSTALLED=$WORK/xenpcid daemon_start --config "$conf"
	is "where there is none, root has" "$(stat -c '%u %g %a' "$WORK/state/control")" "$(id -u) $(id -g) 660"
	check "left once more" daemon_leave
else
	skip "the socket's group" "not root, or no mounts of our own"
fi

# --- The same with a keeper; and release ---
KEPT=1 daemon_start --config "$conf"
check "the guest goes on" config_read g7 0 0 4
is "the keeper is told of" "$(json daemon status | field keeper)" "$DAEMON"
for order in restart upgrade reload; do
	server=$(json daemon status | field pid)
	is "$order" "$(status_of operator $order)" 0
	check "another serves after $order" [ "$(json daemon status | field pid)" != "$server" ]
	is "with the same keeper" "$(json daemon status | field keeper)" "$DAEMON"
	check "and the guest goes on" config_read g7 0 0 4
done
is "the keeper is one of its kind" "$(cat "/proc/$DAEMON/comm")" xenpcid-keeper
before=$(json daemon status | field started)
kill -HUP "$DAEMON"
check "SIGHUP of the keeper is reload" wait_for 10000 changed
log_mark
tell g8 write device/pci/0/state 6
is "release" "$(status_of operator release)" 0
like "says what becomes of guests" "$(out)" 'lose their devices'
await "$(be 7 state)" 5 5000 || await "$(be 7 state)" 6 5000
tell g7 write device/pci/0/state 6
wait "$DAEMON"
is "it ends, and says that it is not to be started again" $? 4
DAEMON=
check "nobody is asked any more" [ ! -e "$WORK/state/control" ]
is "which the command tells" "$(status_of operator status)" 3
