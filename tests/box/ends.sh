#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How the programs begin and end: usage, bad options, files that cannot be read, SIGTERM,
# a xenstored that goes away. Exit codes and messages as a Unix user expects them.
. "$(dirname "$0")/lib.sh"

# runs NAME STATUS PATTERN COMMAND...: its status, and one line of what it says
runs() {
	local name=$1 status=$2 pattern=$3
	shift 3
	timeout 20 "$@" >"$WORK/runs.out" 2>&1 </dev/null
	local got=$?
	is "$name: status" $got "$status"
	check "$name: says it" grep -qE -- "$pattern" "$WORK/runs.out"
}

d=$B/xenpcid f=$B/xenpci-front
# --- Without any Xen ---
for program in "$d" "$B/xenpci" "$f" "$xenbox"; do
	p=${program##*/}
	runs "$p --help" 0 "^Usage: .*$p" "$program" --help
	runs "$p -h" 0 "^Usage: .*$p" "$program" -h
	runs "$p --version" 0 "[0-9]+\.[0-9]+" "$program" --version
	runs "$p --nonsense" 2 "nonsense" "$program" --nonsense
	[ "$p" != xenbox ] || continue
	runs "$p -V" 0 "^$p [0-9]+\.[0-9]+" "$program" -V
	runs "$p --usage" 0 "^Usage: $p .*-[a-z]*hV" "$program" --usage
	runs "$p: examples" 0 "^  $p " "$program" --help
	runs "$p: exit statuses" 0 "^  2  wrong usage" "$program" --help
done
runs "xenpcid with an argument" 2 "surplus|Too many|unexpected" "$d" surplus
runs "xenpci-front without a command" 2 "Usage|usage|command" "$f"
runs "xenpci-front with an unknown command" 2 "fly" "$f" fly
runs "xenpci-front read without an address" 2 "." "$f" read
runs "xenpci-front read of a malformed address" 2 "zz:00.0" "$f" read zz:00.0 0
runs "xenpcid --devices of no kind" 2 "carrier" "$d" --devices carrier:pigeon
runs "xenpcid --devices image of no file" 1 "/nonexistent" "$d" --devices image:/nonexistent
echo "no dump at all" >"$WORK/no.dump"
runs "xenpcid --devices image of no dump" 1 "no\.dump" "$d" --devices "image:$WORK/no.dump"
runs "xenpcid --devices sysfs of no directory" 1 "/nonexistent" "$d" --devices sysfs:/nonexistent
runs "xenpcid --config of no file" 1 "/nonexistent" "$d" --devices "image:$bench" --config /nonexistent
runs "xenpcid --config of a directory" 1 "/tmp: Is a directory" "$d" --devices "image:$bench" --config /tmp
runs "xenpcid -n without settings" 0 "settings are right|is right|defaults count" "$d" -n
echo "poll_us = 100;" >"$WORK/right.conf"
runs "xenpcid -n of settings that are right" 0 "right.conf is right" "$d" -n -c "$WORK/right.conf"
echo "colour = 1;" >"$WORK/wrong.conf"
runs "xenpcid -n of settings that are wrong" 1 "wrong.conf:1: colour" "$d" -n -c "$WORK/wrong.conf"
runs "xenpcid -n of no file" 1 "/nonexistent" "$d" -n -c /nonexistent
for command in list read write dump bars msi msix watch conform script bench; do
	runs "xenpci-front $command --help" 0 "^Usage: xenpci-front $command" "$f" "$command" --help
	runs "xenpci-front $command --nonsense" 2 "nonsense" "$f" "$command" --nonsense
done
runs "xenpcid --ready-fd of no file" 2 "ready-fd: 77" "$d" --devices "image:$bench" --ready-fd 77
mkdir -p "$WORK/locked"/{kernel/security,bus/pci/devices}
echo "none [integrity] confidentiality" >"$WORK/locked/kernel/security/lockdown"
runs "xenpcid where the kernel is locked down" 3 "locked down \(integrity\)" "$d" --sysfs-root "$WORK/locked" \
	--state-dir "$WORK"
echo "[none] integrity confidentiality" >"$WORK/locked/kernel/security/lockdown"
runs "xenpcid where the kernel could be locked down" 1 "[Xx]en" "$d" --sysfs-root "$WORK/locked" --state-dir "$WORK"
runs "xenpcid where there is no Xen" 1 "[Xx]en" "$d" --devices "image:$bench"
runs "xenpci-front where there is no Xen" 1 "[Xx]en|/dev/" "$f" list

# --- A full disk where the ledgers would be: a successor would not find them ---
box_up
mkdir "$WORK/small"
# shellcheck disable=SC2016
small=(unshare -rm sh -c 'mount -t tmpfs -o size=16k none "$0" && exec "$@"' "$WORK/small")
if "${small[@]}" true 2>/dev/null; then
	log_mark
	"$xenbox" run "$DIR" 0 -- "${small[@]}" "$d" --devices "image:$bench" --allow all \
		--state-dir "$WORK/small" 2>>"$daemon_log" &
	DAEMON=$!
	check "full disk: it starts" wait_for 10000 logged_since "serving"
	check "full disk: and says what it lacks" logged_since "no file below .*small.*No space.*--state-dir"
	guest 7
	attach 7 0000:00:04.0
	peer g7 7
	check "full disk: a guest connects" connect g7 7
	check "full disk: and is answered" tell g7 traffic 100 0 0x10d38086
	destroy 7
	end_peer g7
	daemon_stop
else
	skip "a full disk" "this user may not mount one"
fi

# --- SIGTERM: every guest is left a clean state ---
daemon_start
guests 7 8
attach 7 0000:00:04.0
attach 8 0000:00:05.0
connect g7 7
connect g8 8
tell g7 op 4 0 0 0 0 0 2 0 0 1
pid=$DAEMON
kill -TERM "$pid"
check "SIGTERM: the guest is asked to close" await "$(be 7 state)" 5
tell g7 write device/pci/0/state 6
check "SIGTERM: ends, though one guest does not answer" wait_for 10000 gone "$pid"
wait "$pid"
is "SIGTERM: status" $? 0
DAEMON=
is "SIGTERM: closed" "$(node "$(be 7 state)")" 6
like "SIGTERM: the silent one is closed too" "$(node "$(be 8 state)")" "^[56]$"
check_not "SIGTERM: no pirq is left" grep -q 'pirqs=[1-9]' <(xb stat "$DIR" 7)
check_not "SIGTERM: no page is mapped" grep -qE 'mapped [1-9]' <(xb stat "$DIR" 7)
store rm "$(be 7)" "$(fe 7)" "$(be 8)" "$(fe 8)"
daemon_start
create_nodes 7 0000:00:04.0
check "a daemon started again serves a new instance" connect g7 7

# --- A client in a domain without a device, and one whose backend is silent ---
guest 9
runs "xenpci-front in a guest without devices" 1 "device/pci|backend|no PCI" \
	"$xenbox" run "$DIR" 9 -- "$f" --timeout 1000 list
daemon_pause
store begin && instance_nodes 9 && store commit
runs "xenpci-front with a silent backend gives up" 1 "time" \
	"$xenbox" run "$DIR" 9 -- "$f" --timeout 1000 list
daemon_resume
store rm "$(be 9)" "$(fe 9)"

# --- A guest's process is killed ---
front 7 watch --timeout 20000 >/dev/null 2>&1 &
end_peer g7 KILL
check "the daemon outlives a guest's kill -9" daemon_alive

# --- Two daemons ---
runs "a second daemon is refused" 1 "already|another|running" \
	"$xenbox" run "$DIR" 0 -- "$d" --devices "image:$bench"

# --- xenstored is gone ---
log_mark
pid=$DAEMON DAEMON=
killed=0
for xenstored in $(pgrep -x 'o?xenstored'); do
	grep -qzF "$DIR" "/proc/$xenstored/environ" 2>/dev/null && kill -KILL "$xenstored" &&
		killed=$((killed + 1))
done
is "xenstored gone: it was one process" $killed 1
# It waits for another one (xenstored.sh); told to end, it leaves the guests as they are, and says so.
check "xenstored gone: it is told" wait_for 5000 logged_since "warning: xenstore: .*start xenstored again"
check "xenstored gone: the daemon waits" kill -0 "$pid"
kill -TERM "$pid"
check "xenstored gone: TERM ends it" wait_for 15000 gone "$pid"
kill -KILL "$pid" 2>/dev/null
wait "$pid"
is "xenstored gone: status" $? 1
end_peer dom0 KILL
