#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is held for guests, and nobody has, sleeps in D3hot where xenpci.conf says so, and is awake, and as it was,
# before anybody uses it: a guest, a reset, the host's driver. The host is one whose functions have power states, and
# which counts what is done to them (powered.c).
. "$(dirname "$0")/lib.sh"

sys=$WORK/sys
export XENPCI_ASLEEP=$WORK/host_asleep
printf '%-8s\n' 0 >"$XENPCI_ASLEEP"
mkfifo "$XENPCI_ASLEEP.jump"
exec {jump}<>"$XENPCI_ASLEEP.jump"
PRELOAD=$B/tests/box/powered.so:$B/tests/box/asleep.so

path() { echo "$sys/bus/pci/devices/0000:$1"; }
config() { od -An -v -tx1 -j "$2" -N "$3" "$(path "$1")/config" | tr -d ' \n'; } # BDF OFFSET N
state() { config "$1" 84 1; }
is_in() { [ "$(state "$1")" = "$2" ]; }
sleeps() { wait_for 5000 is_in "$1" "${2:-03}" && wait_for 5000 logged_since "0000:$1: sleeps in D3hot"; } # BDF [PMCSR]
power_log() { cat "$(path "$1")/power_log" 2>/dev/null; }
power() { power_log "$1" | tail -n "${2:-1}" | tr '\n' ',' ; }
noted() { [ -e "$WORK/state/asleep-0000:$1" ]; }
unnoted() { ! noted "$1"; }
# Never of any of them: in D3hot nothing but its power state is written, no kernel resets it, nobody is in a hurry.
never() {
	local bdf
	for bdf in $functions; do power_log "$bdf" | sed -n "s/^\(early\|asleep\)/$bdf \1/p"; done
}
operator() { in_domain 0 sh -c 'export LD_PRELOAD="$0:$LD_PRELOAD"; exec "$@"' "$PRELOAD" "$B/xenpci" -d "sysfs:$sys" \
	"$@" >"$WORK/out" 2>&1; }
out() { cat "$WORK/out"; }
give() { # N BDF
	log_mark
	store begin && instance_nodes "$1" && device_nodes "$1" 0 "0000:$2" && store write "$(be "$1" num_devs)" 1 &&
		store commit && await "$(be "$1" state-0)" 3 5000
}
take_back() { # N BDF
	log_mark
	store rm "$(be "$1")" "$(fe "$1")" && wait_for 5000 logged_since "guest $1: 0000:$2 taken back"
}
killed() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
} 2>/dev/null
serves=0
serve() { log_mark && serves=$((serves + 1)) && daemon_start --devices "sysfs:$sys" --sysfs-root "$sys" --config "$WORK/conf" "$@"; }

# With a PM capability, at home in D0, and nobody's bus master. 04 keeps its registers over D3hot, the others do not.
functions='03:00.0 04:00.0 05:00.0 06:00.0 07:00.0 08:00.0 09:00.0'
for bdf in $functions; do
	plain_function "$sys" "$bdf" $((0xfe000000 + 0x${bdf%%:*} * 0x10000))
	plain_put "$sys" "$bdf" 4 '\x02\x01\x10\x00'
	plain_put "$sys" "$bdf" 12 '\x10'
	plain_put "$sys" "$bdf" 52 '\x50'
	plain_put "$sys" "$bdf" 80 '\x01\x00\x03\x00\x00\x00'
done
plain_put "$sys" 04:00.0 84 '\x08'
plain_put "$sys" 06:00.0 4 '\x07'   # somebody uses it
: >"$(path 07:00.0)/mute"           # it does not answer in D3hot
: >"$(path 09:00.0)/deaf"           # it does not enter it
home3=$(config 03:00.0 4 60)
home7=$(config 07:00.0 4 84)

# --- Off, as nothing else is said: awake, whatever changes hands ---
cat >"$WORK/conf" <<'END'
idle_d3_after_ms = 0;
END
box_up
serve
guests 7 8
for _ in 1 2 3; do
	check "off: given" give 8 03:00.0
	check "off: taken back" take_back 8 03:00.0
done
is "off: its power state was never touched" "$(power_log 03:00.0)$(power_log 04:00.0)" ""
daemon_stop

# --- On ---
cat >"$WORK/conf" <<'END'
idle_d3 = true;
idle_d3_after_ms = 50;
devices = ( { bdf = "0000:05:00.0"; idle_d3 = false; } );
END
cp "$WORK/conf" "$WORK/conf.on"
store write /libxl/pci/0000-08-00-0/domid 8 # a toolstack is about to have it
serve
check "what nobody has goes to sleep" sleeps 03:00.0
check "also what keeps its registers" sleeps 04:00.0 0b
check "what does not answer in D3hot is told of" wait_for 5000 logged_since '07:00.0: stays awake: it does not answer in D3hot'
is "and is awake, as it was" "$(state 07:00.0) $(config 07:00.0 4 84)" "00 $home7"
check "what does not enter it, too" wait_for 5000 logged_since '09:00.0: stays awake: it does not enter D3hot'
check "what somebody uses is left alone" wait_for 5000 logged_since '06:00.0: stays awake: somebody uses it'
is "and was never touched" "$(power_log 06:00.0)" ""
check_not "nothing is noted of those that are awake" eval 'noted 06:00.0 || noted 07:00.0 || noted 09:00.0'
is "nor is the one that a toolstack is about to have" "$(power_log 08:00.0)" ""
store rm /libxl/pci/0000-08-00-0/domid
check "until it lets go of it" sleeps 08:00.0
is "one whose own setting says no is awake" "$(power_log 05:00.0)" ""

# --- Who looks at it is told so, and it sleeps on ---
before=$(power_log 03:00.0)
operator check 03:00.0
like "check: it sleeps" "$(out)" 'note: it sleeps in D3hot'
check_not "check: it is not dead" grep -qE 'dead|does not answer' "$WORK/out"
like "check: its resets are those that it has" "$(out)" 'reset: kernel .* pm'
operator --state-dir "$WORK/state" status
like "status: asleep" "$(out)" '0000:03:00.0 .*asleep'
is "none of this woke it" "$(power_log 03:00.0)" "$before"

# --- A guest gets it ---
check "given" give 8 03:00.0
check "which woke it" logged_since '03:00.0: awake'
is "before it was reset" "$(power 03:00.0)" "D0 forgot,"
is "and all that it forgot is back" "$(config 03:00.0 16 44) $(config 03:00.0 12 1)" "${home3:24:88} 10"
is "it decodes" "$((0x$(config 03:00.0 4 1) & 3))" 2
check_not "nothing is noted any more" noted 03:00.0
check "the guest connects" connect g8 8
config_read g8 0 0 4
is "and reads it" "$R" "0 10d38086"
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0
check "given once more" give 8 03:00.0
check "the sleep was no use of it" logged_since '03:00.0: not reset again: nobody can have used it'
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0

# --- The operator resets it, or gives it back to the host ---
check "a reset by the operator" operator reset 03:00.0
is "which it was awake for" "$(state 03:00.0) $(power 03:00.0)" "00 D0 forgot,"
is "and is as before" "$(config 03:00.0 16 44)" "${home3:24:88}"
check_not "nothing is noted" noted 03:00.0
check "given and taken back" give 8 03:00.0
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0

# --- Killed, and started again ---
killed
serve
check "a successor finds it asleep, and gives it" give 8 03:00.0
is "awake and as it was" "$(state 03:00.0) $(config 03:00.0 16 44)" "00 ${home3:24:88}"
# Before it has come to all of its guests: it looks at one in each turn, and at what nobody has at once.
for bdf in 04:00.0 05:00.0 08:00.0; do
	guest "2${bdf:1:1}"
	check "others, too" give "2${bdf:1:1}" "$bdf"
done
killed
sed -i 's/after_ms = 50/after_ms = 0/; s/^devices.*//' "$WORK/conf"
before=$(power_log 03:00.0; power_log 04:00.0; power_log 05:00.0; power_log 08:00.0)
serve
for bdf in 03:00.0 04:00.0 05:00.0 08:00.0; do
	check "it goes on for the guest that has $bdf" wait_for 5000 logged_since "$bdf goes on as"
done
check "what nobody has is looked at" wait_for 5000 logged_since '06:00.0: stays awake'
is "and none that a guest has" "$(power_log 03:00.0; power_log 04:00.0; power_log 05:00.0; power_log 08:00.0)" "$before"
killed
cp "$WORK/conf.on" "$WORK/conf"
serve
for bdf in 04:00.0 05:00.0 08:00.0; do check "taken back" take_back "2${bdf:1:1}" "$bdf"; done
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0

# --- Killed between waking it and putting it back ---
killed
plain_put "$sys" 03:00.0 84 '\x00'
plain_put "$sys" 03:00.0 4 '\x00\x00'
plain_put "$sys" 03:00.0 16 '\x00\x00\x00\x00'
serve
check "what is awake and not as it was" give 8 03:00.0
is "is put back" "$(config 03:00.0 16 44)" "${home3:24:88}"
is "and decodes" "$((0x$(config 03:00.0 4 1) & 3))" 2
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0

# --- A note that nobody can read ---
killed
echo "xenpci-asleep 2 9999 1 4=103" >"$WORK/state/asleep-0000:03:00.0"
serve
check "given" give 8 03:00.0
is "it is put back by what it read in D3hot" "$(state 03:00.0) $(config 03:00.0 16 44)" "00 ${home3:24:88}"
check "taken back" take_back 8 03:00.0
check "it sleeps again" sleeps 03:00.0

# --- An HVM guest has it: QEMU, which knows nothing of this, finds it awake; what it has made of it by then stays ---
xb create "$DIR" 9 --hvm || bail "no HVM guest"
check "an HVM guest's device" give 9 03:00.0
is "is awake and as it was" "$(state 03:00.0) $(config 03:00.0 16 44)" "00 ${home3:24:88}"
check "taken back" take_back 9 03:00.0
check "it sleeps again" sleeps 03:00.0
plain_put "$sys" 08:00.0 84 '\x00' # the toolstack has reset it, and QEMU is at work
plain_put "$sys" 08:00.0 4 '\x06\x04'
plain_put "$sys" 08:00.0 16 '\x00\x00\x11\xfe'
before=$(config 08:00.0 0 256)
check "an HVM guest's device that is awake" give 9 08:00.0
is "is not touched" "$(config 08:00.0 0 256)" "$before"
check_not "nor is it taken for asleep" noted 08:00.0
check "taken back" take_back 9 08:00.0
check "it sleeps again" sleeps 08:00.0

# --- The host sleeps: its kernel wakes all devices, and puts back what it saved, or not ---
plain_put "$sys" 03:00.0 84 '\x00'
plain_put "$sys" 03:00.0 16 '\x00\x00\x00\x00'
plain_put "$sys" 04:00.0 84 '\x08'
log_mark
printf '%-8s\n' 60 1<>"$XENPCI_ASLEEP"
echo jump >&"$jump"
check "the sleep is noticed" wait_for 5000 logged_since "the host slept"
check "they sleep again" sleeps 03:00.0
check "both of them" sleeps 04:00.0 0b
is "with the address that it had" "$(config 03:00.0 16 4)" "0000${home3:28:4}"

# --- The host's driver has had it meanwhile ---
operator assignable remove 04:00.0 # there is no driver to go back to in this tree; what counts is before that
check "whom the operator takes it from guests for finds it awake" is_in 04:00.0 08
plain_bind "$sys" 04:00.0 e1000e
printf '%s' "xenpci-asleep 2 $(printf '1 4=103 10=0' | wc -c) 1 4=103 10=0" >"$WORK/state/asleep-0000:04:00.0"
before=$(config 04:00.0 0 256)

# --- The end: nobody is left who would wake them ---
daemon_stop
is "all are awake" "$(for bdf in 03:00.0 05:00.0 08:00.0; do state $bdf; done | tr -d '\n')" 000000
is "and as they were" "$(config 03:00.0 4 60)" "$home3"
is "but for the host's own, which is not touched" "$(config 04:00.0 0 256)" "$before"
is "nothing is left noted" "$(ls "$WORK/state" | grep -c asleep)" 0

# --- The switch is off again, and a killed one has left some asleep ---
serve
check "asleep" sleeps 03:00.0
killed
echo 'idle_d3_after_ms = 0;' >"$WORK/conf"
serve
check "they are woken" wait_for 5000 is_in 03:00.0 00
check "and the notes go" wait_for 5000 unnoted 03:00.0
is "as they were" "$(config 03:00.0 4 60)" "$home3"

# --- D3cold, where the kernel put it ---
STRICT=1
daemon_stop
mkdir "$(path 05:00.0)/power" "$(path 08:00.0)/power"
echo auto >"$(path 05:00.0)/power/control"
echo D3cold >"$(path 05:00.0)/power_state"
: >"$(path 05:00.0)/cold"
operator check 05:00.0
like "check: it is in D3cold" "$(out)" 'in D3cold, as the kernel says.*rule asleep'
check_not "check: it is not dead" grep -q 'rule dead' "$WORK/out"
operator --state-dir "$WORK/state" status 05:00.0
serve
home5=$(config 05:00.0 16 4)
check "given, it is powered on" give 8 05:00.0
is "by its switch, which stays so" "$(head -c 2 "$(path 05:00.0)/power/control")" on
is "and is as the system knows it" "$(config 05:00.0 16 4)" "$home5"
check "taken back" take_back 8 05:00.0
# What a driver of the host has is not ours to keep awake.
mkdir "$(path 04:00.0)/power"
echo auto >"$(path 04:00.0)/power/control"
check "what the host uses is asked for" create_nodes 8 0000:04:00.0
check "and refused" await "$(be 8 state-0)" 6 5000
is "and its switch is as it was" "$(cat "$(path 04:00.0)/power/control")" auto
store rm "$(be 8)" "$(fe 8)"
# The kernel may put to sleep what has no driver, or another one than pciback, under a guest.
rm "$(path 08:00.0)/driver"
echo auto >"$(path 08:00.0)/power/control"
echo 'allow = [ "not-held" ];' >>"$WORK/conf"
daemon_stop
serve
check "what nothing holds is given" give 8 08:00.0
is "and is kept out of D3cold" "$(head -c 2 "$(path 08:00.0)/power/control")" on
check "taken back" take_back 8 08:00.0
check "what does not answer in D3hot was tried once by each process, and not each time" \
	[ "$(power_log 07:00.0 | grep -c D3hot)" -le "$serves" ]
is "in all this nothing was done to what slept, or too early" "$(never)" ""

# --- A guest puts its device to sleep itself, and leaves it so ---
check "given" give 8 03:00.0
check "the guest connects" connect g8 8
config_write g8 0 84 2 3
check "its device is in D3hot" is_in 03:00.0 03
check "taken back" take_back 8 03:00.0
check "it is reset" wait_for 5000 logged_since '03:00.0: (not )?reset'
is "awake, as the kernel thinks that it is" "$(state 03:00.0) $(power_log 03:00.0 | grep -c 'asleep reset')" "00 0"
is "and is as before" "$(config 03:00.0 16 44)" "${home3:24:88}"
