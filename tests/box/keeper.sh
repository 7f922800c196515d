#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# However xenpcid ends, or a part of it, the host's other guests are served: the keeper, its server, and
# the backend bus, which is a tree of plain files here. A FIFO takes what is probed.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0 # a SEGV that we send is no finding

. "$(dirname "$0")/lib_keeper.sh"

driver_appears() {
	mkdir -p "$BUS/drivers/$1"
	"$B/tests/box/announce" "$SYS" add drivers "/bus/xen-backend/drivers/$1"
}

# The server has answered the keeper's last question by then: nothing shows it.
daemon_answers() { wait_for 3000 false; }

box_up

# Guest 7, with a device.
guest_connects() {
	guest 7
	peer g7 7
	attach 7 0000:00:04.0
	connect g7 7
}

# --- While it runs ---
begin
kept "started"
check "a pci node is announced" appears pci-7-0
check "a nic" appears vif-7-0
check "the nic is bound" wait_for 3000 probed vif-7-0
check_not "the pci node is not" probed pci-7-0
# What waits while its driver is not loaded
mkdir -p "$BUS/devices/vif-8-0"
check "a driver comes" driver_appears vif
check "who waited for it is bound" wait_for 3000 probed vif-8-0
check_not "but no pci node" probed pci-7-0

# --- The ends that are asked for ---
kill -TERM "$KEEPER"
ends TERM 0
begin
kill -INT "$KEEPER"
ends INT 0
begin --keep-guests
kill -TERM "$KEEPER"
ends "TERM with --keep-guests" 0
begin
kill -QUIT "$KEEPER"
ends QUIT 0
begin
kill -TERM "$SERVER"
ends "TERM of the server" 0
begin
kill -QUIT "$SERVER"
ends "QUIT of the server" 0
begin
kill -TERM "$KEEPER" "$SERVER"
ends "TERM of both" 0

# --- A guest is asked to close once, whoever is told and how often ---
begin
guest_connects
kill -TERM "$KEEPER" "$SERVER"
check "TERM of both: the guest is asked" await "$(be 7 state)" 5
check "TERM of both: and waited for" kill -0 "$SERVER"
tell g7 write device/pci/0/state 6
ends "TERM of both, with a guest" 0
is "TERM of both: the guest has closed" "$(node "$(be 7 state)")" 6
destroy 7
end_peer g7

# --- What changes nothing ---
begin
SERVED=$(log_since_count serving)
for s in USR1 USR2 ALRM PIPE TSTP SEGV; do
	kill -$s "$KEEPER"
done
kill -USR1 "$SERVER"
check "USR1 of the keeper is told" wait_for 3000 logged_since "keeper: SIGUSR1 has no meaning"
check "USR1 of the server is told" wait_for 3000 logged_since "info: User defined signal 1 has no meaning"
kept "after USR1 and others"
capabilities() { awk '/^Cap(Prm|Eff|Inh|Amb):/ { print $2 }' "/proc/$1/status" | sort -u; }
is "the server has no capability" "$(capabilities "$SERVER")" 0000000000000000
is "the same server serves" "$(server_of "$KEEPER")" "$SERVER"

# --- The server dies ---
guest_connects
for s in KILL SEGV ABRT USR2; do
	SERVED=$(log_since_count serving)
	kill -$s "$SERVER"
	# With KILL, at once: before a successor can be there.
	[ $s != KILL ] || kept "at once after $s of the server"
	goes_on "$s of the server"
	check "$s of the server: the guest is answered" tell g7 traffic 20 0 0x10d38086
done
kill -TERM "$KEEPER"
ends "TERM after four servers" 0
destroy 7
end_peer g7

# --- It fails again and again: the kernel serves what is new ---
cp "$bench" "$WORK/machine.txt"
begin --devices "image:$WORK/machine.txt"
check "failing servers: a pci node that one has seen" appears pci-5-0
daemon_answers
rm "$WORK/machine.txt"
kill -KILL "$SERVER"
check "failing servers: the next fails" wait_for 5000 logged_since "another is started in 1 s"
is "failing servers: the switch is off while one may come" "$(switch)" 0
check "failing servers: a pci node that none has seen" appears pci-9-0
check_not "failing servers: it waits" probed pci-9-0
check "failing servers: the kernel has the bus" wait_for 9000 switch_is 1
check "failing servers: and the node that waited" wait_for 3000 probed pci-9-0
check "failing servers: it is told" logged_since "no xenpcid serves pci-9-0"
check_not "failing servers: not the one that was seen" probed pci-5-0
check_not "failing servers: nothing to restore" test -e "$WORK/state/autoprobe"
check "failing servers: another disk" appears vbd-9-1
check "failing servers: is bound" wait_for 3000 probed vbd-9-1
cp "$bench" "$WORK/machine.txt"
SERVER=0 SERVED=$(log_since_count serving)
check "failing servers: at last one serves" wait_for 20000 another_server
SERVER=$(server_of "$KEEPER")
kept "a server after all"
kill -TERM "$KEEPER"
ends "TERM after failures" 0

# --- It hangs ---
begin
SERVED=$(log_since_count serving)
kill -STOP "$SERVER"
kept "a server that hangs"
check "hanging: a pci node that it cannot see" appears pci-7-0
check "hanging: it is killed" wait_for 9000 logged_since "no answer for 5 s: killed"
goes_on "hanging"
check_not "hanging: the node waited for the successor" probed pci-7-0
# One that hangs when it is told to stop.
kill -STOP "$SERVER"
kill -TERM "$KEEPER"
ends "TERM while the server hangs" 1

# It hangs, and the bus has no news: what a guest wants shows it.
begin
SERVED=$(log_since_count serving)
kill -STOP "$SERVER"
wait_for 1500 false
guest 7
peer g7 7
create_nodes 7 0000:00:04.0
check "hanging, quiet bus: it is killed" wait_for 9000 logged_since "no answer for 5 s: killed"
goes_on "hanging, quiet bus"
check "hanging, quiet bus: who waited is served" await "$(be 7 state)" 3
check "hanging, quiet bus: the guest connects" connect g7 7

# It hangs at work: xenstored gives it no answer. Nothing is there for it to see to; that it is awake shows it.
xenstored=
for pid in $(pgrep -x 'o?xenstored'); do
	grep -qzF "$DIR" "/proc/$pid/environ" 2>/dev/null && xenstored=$pid
done
SERVED=$(log_since_count serving)
log_hangs=$(log_since_count "no answer for 5 s: killed")
kill -STOP "$xenstored"
"$B/tests/box/announce" "$SYS" remove pci /devices/pci0000:00/0000:00:04.0
hangs_again() { [ "$(log_since_count "no answer for 5 s: killed")" -gt "$log_hangs" ]; }
check "hanging at work: it is killed" wait_for 9000 hangs_again
kept "hanging at work"
kill -CONT "$xenstored"
goes_on "hanging at work"

# All are stopped at once, the server at work, as by the kernel for a suspend in which no clock stands still.
log_hangs=$(log_since_count "no answer for 5 s: killed")
kill -STOP "$xenstored"
"$B/tests/box/announce" "$SYS" remove pci /devices/pci0000:00/0000:00:04.0
wait_for 500 false
# shellcheck disable=SC2046
kill -STOP "$KEEPER" $(family)
wait_for 6000 false
# shellcheck disable=SC2046
kill -CONT "$KEEPER" "$xenstored" $(family)
wait_for 1000 false
check_not "frozen at work: it is not killed" hangs_again
check "frozen at work: the server goes on" [ "$(server_of "$KEEPER")" = "$SERVER" ]
kept "frozen at work"

# And while a successor comes, which is not given up for the time that nobody ran.
SERVED=$(log_since_count serving)
kill -STOP "$xenstored"
kill -KILL "$SERVER"
successor() { local s; s=$(server_of "$KEEPER") && [ "$s" != "$SERVER" ]; }
check "frozen at a start: a successor comes" wait_for 3000 successor
# shellcheck disable=SC2046
kill -STOP "$KEEPER" $(family)
wait_for 6000 false
# shellcheck disable=SC2046
kill -CONT "$KEEPER" "$xenstored" $(family)
goes_on "frozen at a start"
check_not "frozen at a start: the kernel does not get the bus" logged_since "nobody serves"
kill -TERM "$KEEPER"
tell g7 write device/pci/0/state 6
ends "TERM after hangs" 0
destroy 7
end_peer g7

# --- Who starts the others hangs: a guest's worker that dies has no successor before another server has its own ---
begin
SERVED=$(log_since_count serving)
guest_connects
spawner=$(children "$SERVER" xenpci-spawner)
kill -STOP "$spawner"
# shellcheck disable=SC2046
kill -KILL $(children "$spawner" xenpci-worker)
check "a spawner that hangs: it is killed" wait_for 20000 logged_since "gives no answer for 10 s: it is killed"
goes_on "a spawner that hangs"
check "a spawner that hangs: the guest is answered" tell g7 traffic 20 0 0x10d38086
tell g7 write device/pci/0/state 6
kill -TERM "$KEEPER"
tell g7 write device/pci/0/state 6
ends "TERM after a spawner that hung" 0
destroy 7
end_peer g7
begin
kill -STOP "$(children "$SERVER" xenpci-spawner)"
kill -TERM "$KEEPER"
ends "TERM while the spawner hangs" 0

# --- The keeper dies: the server takes its place and has a new one ---
begin
SERVED=$(log_since_count serving)
guest_connects
kill -KILL "$KEEPER"
wait "$KEEPER" 2>/dev/null
DAEMON=
KEEPER=$SERVER SERVER=$KEEPER
check "KILL of the keeper: the server has become one, of another" wait_for 10000 another_server "$KEEPER"
SERVER=$(server_of "$KEEPER")
kept "KILL of the keeper"
check "KILL of the keeper: the guest is answered" tell g7 traffic 20 0 0x10d38086
SERVED=$(log_since_count serving)
kill -KILL "$SERVER"
goes_on "KILL of the keeper, then of the server"
kill -KILL "$KEEPER"
KEEPER=$SERVER SERVER=$KEEPER SERVED=$(log_since_count serving)
check "KILL of the second keeper: likewise" wait_for 10000 another_server "$KEEPER"
SERVER=$(server_of "$KEEPER")
kill -TERM "$KEEPER"
check "its server stops" wait_for 10000 dead "$SERVER"
check "and it ends" wait_for 5000 dead "$KEEPER"
is "the switch is as found" "$(switch)" 1
store rm "$(be 7)" "$(fe 7)"
end_peer g7
xb destroy "$DIR" 7

# Stopped first: or the server is the next keeper before its own KILL comes, where the machine is busy.
kill_all() { kill -STOP "$SERVER"; kill -KILL "$KEEPER" "$SERVER"; }

# --- All die at once: the next one knows what was found ---
begin
kill_all
wait "$KEEPER" 2>/dev/null
DAEMON=
check "KILL of all: nobody is left" wait_for 5000 dead "$SERVER"
is "KILL of all: the switch stays off" "$(switch)" 0
mkdir -p "$BUS/devices/vif-3-0"
mkdir -p "$BUS/devices/pci-3-0"
# What udev does then for a driver that is loaded: the rule's own command, in the tree.
rule=$(sed -n "s/.*RUN+=\"\/bin\/sh -c '\(.*\)'\"$/\1/p" "$top/host/udev/90-xenpci.rules")
rule=${rule//\$\$/\$}
other=$(sed -n "s/^ACTION.*KERNEL!=\"pci-\*\", RUN+=\"\/bin\/sh -c '\(.*\)'\"$/\1/p" "$top/host/udev/90-xenpci.rules")
other=${other//%k/vbd-3-1}
: >"$WORK/probed"
check "KILL of all: udev's rule for a device runs" sh -c "${other//\/sys\//$SYS/}"
check "KILL of all: and binds it" wait_for 3000 probed vbd-3-1
: >"$WORK/probed"
check "KILL of all: udev's rule runs" sh -c "${rule//\/sys\//$SYS/}"
check "KILL of all: and binds who waits" wait_for 3000 probed vif-3-0
check_not "KILL of all: but no pci node" probed pci-3-0
begin
is "KILL of all: found off" "$(switch)" 0
kill -TERM "$KEEPER"
ends "KILL of all, a new one, TERM" 0

# --- All die at once, and whoever started them cleans up ---
clean_up() { "$B/xenpcid" --sysfs-root "$SYS" --state-dir "$WORK/state" --clean-up; }
begin
check "clean-up beside one that runs" clean_up
is "changes nothing" "$(switch)" 0
check "nor forgets what was found" test -e "$WORK/state/autoprobe"
kill_all
wait "$KEEPER" 2>/dev/null
DAEMON=
check "KILL of all: nobody is left to clean up" wait_for 5000 dead "$SERVER"
mkdir -p "$BUS/devices/vif-4-0" "$BUS/devices/pci-4-0"
: >"$WORK/probed"
check "clean-up after all were killed" wait_for 5000 eval 'clean_up && switch_is 1'
check "who waits is bound" wait_for 3000 probed vif-4-0
check_not "but no pci node" probed pci-4-0
check_not "and nothing is left to restore" test -e "$WORK/state/autoprobe"
: >"$WORK/probed"
check "once more is no harm" clean_up
is "and does nothing" "$(cat "$WORK/probed")" ""

# --- A switch that was off stays off ---
echo 0 >"$BUS/drivers_autoprobe"
begin
kill -TERM "$KEEPER"
check "off: ends" wait_for 10000 dead "$KEEPER"
DAEMON=
is "off: it stays" "$(switch)" 0
echo 1 >"$BUS/drivers_autoprobe"

# --- xen-pciback comes, goes and comes again: never two backends for one node ---
rmdir "$BUS/drivers/pciback"
begin
is "no xen-pciback: the switch is off" "$(switch)" 0
check "a guest is served" guest_connects
check "its node is on the bus" appears pci-7-0
driver_appears vtpm # what is announced before it has been handled
check "xen-pciback comes" driver_appears pciback
kept "xen-pciback loaded"
check_not "the node stays ours" probed pci-7-0
check "the guest is answered" tell g7 traffic 20 0 0x10d38086
# One that the kernel has bound all the same is the kernel's.
mkdir -p "$BUS/devices/pci-8-0"
ln -s ../../drivers/pciback "$BUS/devices/pci-8-0/driver"
guest 8
attach 8 0000:00:05.0
check "the kernel's is left to it" wait_for 5000 logged_since "guest 8: the kernel's xen-pciback serves it"
kill -TERM "$KEEPER"
tell g7 write device/pci/0/state 6
ends "TERM beside xen-pciback" 0
is "TERM beside xen-pciback: the kernel's guest notices nothing" "$(node "$(be 8 state)")" 1
rm -r "$BUS/devices/pci-8-0"
store rm "$(be 7)" "$(fe 7)" "$(be 8)" "$(fe 8)"

begin
mkdir -p "$BUS/devices/pci-7-0"
rmdir "$BUS/drivers/pciback"
"$B/tests/box/announce" "$SYS" remove drivers /bus/xen-backend/drivers/pciback
kept "xen-pciback unloaded"
check "xen-pciback comes again" driver_appears pciback
kept "xen-pciback loaded again"
check_not "the node is ours still" probed pci-7-0
kill -TERM "$KEEPER"
ends "TERM after a reload" 0

# --- A start that fails is the keeper's failure, and who waits for readiness is told ---
: >"$WORK/no.dump"
timeout 20 "$xenbox" run "$DIR" 0 -- "$B/xenpcid" --devices "image:$WORK/no.dump" --sysfs-root "$SYS" \
	--state-dir "$WORK/state" --ready-fd 3 3>"$WORK/told" 2>>"$daemon_log"
is "a start that fails: status" $? 1
is "a start that fails: nobody is told ready" "$(cat "$WORK/told")" ""
is "a start that fails: the switch" "$(switch)" 1

# --- A service manager is told when it serves, that it lives, and that it ends ---
"$B/tests/box/hear" "$WORK/manager" >"$WORK/heard" &
ear=$!
wait_for 5000 test -S "$WORK/manager"
export NOTIFY_SOCKET=$WORK/manager WATCHDOG_USEC=900000
begin
heard() { grep -q "^$1" "$WORK/heard"; }
heard_times() { [ "$(grep -c "^$1" "$WORK/heard")" -ge "$2" ]; }
check "a manager hears that it serves" wait_for 5000 heard READY=1
check "and again and again that it lives" wait_for 5000 heard_times WATCHDOG=1 3
is "READY is told, and life after it" "$(awk '/READY/ { ready = 1 } /WATCHDOG/ && ready { late = 1 } END { print ready + late }' "$WORK/heard")" 2
kill -STOP "$KEEPER"
wait_for 1500 false
before=$(grep -c WATCHDOG "$WORK/heard")
wait_for 1500 false
is "a keeper that hangs does not live" "$(grep -c WATCHDOG "$WORK/heard")" "$before"
kill -CONT "$KEEPER"
kill -TERM "$KEEPER"
ends "TERM with a manager" 0
check "a manager hears that it ends" heard STOPPING=1
kill $ear
unset NOTIFY_SOCKET WATCHDOG_USEC

# --- Nothing happens: nobody wakes up ---
begin
wakes() { cat "/proc/$KEEPER/status" "/proc/$SERVER"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
wait_for 3000 false
before=$(wakes)
wait_for 10000 false
is "idle for 10 s: no process of it has run" "$(wakes)" "$before"

# --- xenstored goes: the server waits for it, and that is no death (xenstored.sh has what it does then) ---
SERVED=0
xb store "$DIR" kill
check "xenstored gone: it is told" wait_for 5000 logged_since "start xenstored again"
kept "xenstored gone"
wait_for 6000 logged_since "nobody serves" # longer than a dead server is waited for
check_not "xenstored gone: the kernel does not get the bus" logged_since "nobody serves|another is started"
is "xenstored gone: the same server" "$(server_of "$KEEPER")" "$SERVER"
kill -TERM "$KEEPER"
check "xenstored gone: TERM ends it" wait_for 15000 dead "$KEEPER"
DAEMON=
is "xenstored gone: the switch" "$(switch)" 1
end_peer dom0 KILL
kill "$collector" 2>/dev/null
