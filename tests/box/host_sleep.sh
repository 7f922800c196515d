#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The host sleeps and wakes under a guest with MSI: what its kernel does not put back is put back, and what
# does not read as the device is not written to.
. "$(dirname "$0")/lib.sh"

export XENPCI_ASLEEP=$WORK/asleep
asleep() { printf '%-8s\n' "$1" 1<>"$XENPCI_ASLEEP"; } # SECONDS in all: in place, as it is mapped
asleep 0
mkfifo "$XENPCI_ASLEEP.jump"
exec {jump}<>"$XENPCI_ASLEEP.jump" # or who writes would wait for a reader
cat >"$WORK/xenpcid" <<END
#!/bin/sh
LD_PRELOAD="$(realpath "$B")/tests/box/asleep.so \$LD_PRELOAD" exec $(realpath "$B")/xenpcid --worker $(realpath "$B")/xenpci-worker "\$@"
END
chmod +x "$WORK/xenpcid"

sys=$WORK/sys
mkdir -p "$sys/power/suspend_stats"
echo "freeze mem" >"$sys/power/state"
echo 0 | tee "$sys/power/suspend_stats/success" >"$sys/power/suspend_stats/fail"
for n in 3 4; do
	plain_function "$sys" 00:0$n.0 $((0xfe000000 + n * 0x10000))
	plain_put "$sys" 00:0$n.0 52 '\x50'
	plain_put "$sys" 00:0$n.0 80 '\x05\x00\x80\x00' # MSI, 64 bits
done
config() { od -An -tx1 -j "$2" -N "$3" "$sys/bus/pci/devices/0000:$1/config" | tr -d ' '; } # BDF OFFSET N
restores() { hypercalls | grep -c 'restore_msi'; }
sleeps=0
sleeps_on() { sleeps=$((sleeps + 60)) && asleep "$sleeps"; } # the host slept for a minute, and nobody was told
wakes() {
	sleeps_on
	echo jump >&"$jump"
}

box_up
INSTALLED=$WORK/xenpcid daemon_start -v -v --devices "sysfs:$sys" --sysfs-root "$sys"
guests 7 8
attach 7 0000:00:03.0
check "the guest connects" connect g7 7
attach 7 0000:00:04.0
check "another device comes" reconfigure g7 7
tell g7 op 2 0 0 0 0 0 0
like "MSI is on for one device" "$R" '^0 '
is "its enable bit is set" "$(config 00:03.0 82 2)" 8100

# --- The kernel has put back what it knows of ---
log_mark
plain_put "$sys" 00:03.0 82 '\x80\x00'
before=$(restores)
wakes
check "the sleep is noticed" wait_for 5000 logged_since "the host slept for 60[.][0-9] s"
enabled() { [ "$(config 00:03.0 82 2)" = 8100 ]; }
check "its enable bit is set again" wait_for 5000 enabled
is "Xen wrote its messages anew" "$(restores)" $((before + 1))
config_read g7 0 0 4
is "the guest is answered" "$R" "0 10d38086"

# --- It has put back nothing ---
plain_put "$sys" 00:03.0 4 '\x00\x00'
plain_put "$sys" 00:03.0 16 '\x00\x00\x00\x00'
plain_put "$sys" 00:03.0 82 '\x80\x00'
wakes
check "all of it is put back" wait_for 5000 enabled
is "decoding too, and INTx off beside MSI" "$(config 00:03.0 4 2)" 0705
is "the address too" "$(config 00:03.0 16 4)" 000003fe
config_read g7 0 16 4
is "the guest reads its own address" "${R%% *}" 0

# --- What reads as zeros is not the device ---
cp "$sys/bus/pci/devices/0000:00:03.0/config" "$WORK/config"
head -c 256 /dev/zero >"$sys/bus/pci/devices/0000:00:03.0/config"
log_mark
before=$(restores)
wakes
check "it is told" wait_for 5000 logged_since "0000:00:03.0: does not answer as itself behind the host's sleep"
is "nothing is written to it" "$(config 00:03.0 0 256 | tr -d '0\n*')" ""
is "nothing is asked of Xen" "$(restores)" "$before"
config_read g7 8 0 4
is "the other device is answered for" "$R" "0 10d38086"

# --- Until it is back nothing is written on the word of what it reads ---
config_write g7 0 4 2 6
is "its guest's write fails" "${R%% *}" -5
tell g7 op 2 0 0 0 0 0 0
is "and so does a request for its interrupt" "${R%% *}" -5
is "still nothing is written to it" "$(config 00:03.0 0 256 | tr -d '0\n*')" ""
cp "$WORK/config" "$sys/bus/pci/devices/0000:00:03.0/config"
plain_put "$sys" 00:03.0 82 '\x80\x00'
config_write g7 0 4 2 6
is "when it is itself again, a write is one" "${R%% *}" 0
check "and its interrupt is put back before" enabled
is "by Xen, too" "$(restores)" $((before + 1))

# --- Between the end of the sleep and the server's notice of it nobody is answered ---
plain_put "$sys" 00:03.0 82 '\x80\x00'
log_mark
sleeps_on
tell g7 post 0 0 0 0 82 2
tell g7 collect 700
like "a request waits" "$R" "^ETIMEDOUT"
check_not "nobody has noticed" logged_since "the host slept"
echo jump >&"$jump"
tell g7 collect
is "when it is noticed, the answer is what was put back" "$R" "0 81 0"
config_read g7 8 0 4
is "the other device is answered for, too" "$R" "0 10d38086"

# --- Somebody sets the clock ---
log_mark
before=$(restores)
echo jump >&"$jump"
config_read g7 8 0 4
check_not "a clock that is set is no sleep" logged_since "the host slept"
is "and nothing is done" "$(restores)" "$before"

# --- What the kernel counts as a suspend, while who asked for it still writes, is that of which the clock has told ---
counts() { # success|fail: in place, as it may be read meanwhile
	printf '%-8s\n' $(($(cat "$sys/power/suspend_stats/$1") + 1)) 1<>"$sys/power/suspend_stats/$1"
}
suspends() { # STATE
	local power
	exec {power}>"$sys/power/state"
	counts success
	echo "$1" >&"$power"
	exec {power}>&-
}
log_mark
before=$(restores)
wakes
check "a sleep by the clock is noticed" wait_for 5000 logged_since "the host slept for"
config_read g7 8 0 4
suspends mem
echo nonsense >"$sys/power/state"
kill -USR1 "$DAEMON"
check "the server has heard of what followed" wait_for 5000 logged_since "User defined signal 1"
check_not "it is one, and a write that suspends nothing is none" logged_since "its clocks went on"
is "and seen to once" "$(restores)" $((before + 1))

# --- Suspended to idle, as under Xen: no clock stands still ---
log_mark
plain_put "$sys" 00:03.0 82 '\x80\x00'
before=$(restores)
suspends freeze
check "a suspend to idle is noticed" wait_for 5000 logged_since "the host was suspended, and its clocks went on"
check "what is lost in it is put back" wait_for 5000 enabled
is "by Xen, too" "$(restores)" $((before + 1))
config_read g7 8 0 4
is "the other device is answered for" "$R" "0 10d38086"
log_mark
plain_put "$sys" 00:03.0 82 '\x80\x00'
exec {power}>"$sys/power/state"
counts fail
exec {power}>&-
check "and one that failed halfway" wait_for 5000 enabled
config_read g7 8 0 4

# --- One sleep behind the other, some of them while the one before is being seen to ---
for _ in 1 2 3 4 5 6 7 8; do
	plain_put "$sys" 00:03.0 82 '\x80\x00'
	wakes
done
check "it is put back" wait_for 5000 enabled
config_read g7 8 0 4
is "and the guest answered behind each" "$R" "0 10d38086"

# --- A worker that dies meanwhile, and many sleeps in a row ---
died=0
for _ in 1 2 3 4 5; do
	plain_put "$sys" 00:03.0 82 '\x80\x00'
	wakes
	kill -9 "$(worker_of 7)" 2>/dev/null && died=$((died + 1))
done
check "workers were killed ($died)" [ "$died" -ge 1 ]
check "it is put back in the end" wait_for 10000 enabled
answered() { config_read g7 8 0 4 && [ "$R" = "0 10d38086" ]; }
check "and the guest answered" wait_for 10000 answered

# --- A worker that hangs when the host wakes, and cannot stop its guest: it is not waited for ---
for asks in "" yes; do
	log_mark
	plain_put "$sys" 00:03.0 82 '\x80\x00'
	pid=$(worker_of 7)
	kill -STOP "$pid"
	check "a worker hangs${asks:+, and its guest asks}" wait_for 5000 stopped "$pid"
	[ -z "$asks" ] || tell g7 post 0 0 0 0 0 4
	wakes
	check "what it is in the way of is done nevertheless" wait_for 10000 enabled
	check "it is replaced" wait_for 10000 logged_since "guest 7: its worker (does not answer|hangs): it is replaced"
	[ -z "$asks" ] || { tell g7 collect 5000; is "its guest is answered" "$R" "0 10d38086 0"; }
	check "and the guest answered" wait_for 10000 answered
done

# --- An xenpcid that is killed in the sleep, and one that begins behind it: nobody tells that one of a sleep ---
killed() {
	kill -9 "$DAEMON"
	wait "$DAEMON" 2>/dev/null
} 2>/dev/null
serve() { log_mark && INSTALLED=$WORK/xenpcid daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"; }
killed
sleeps_on
plain_put "$sys" 00:03.0 4 '\x00\x00'
plain_put "$sys" 00:03.0 16 '\x00\x00\x00\x00'
plain_put "$sys" 00:03.0 82 '\x80\x00'
before=$(restores)
serve
check "a successor goes on with it" wait_for 5000 logged_since "00:03.0 goes on as"
check "with its vectors" wait_for 5000 enabled
is "that Xen wrote" "$(restores)" $((before + 1))
is "decoding is back, and INTx is off beside MSI" "$(config 00:03.0 4 2)" 0705
is "the address too" "$(config 00:03.0 16 4)" 000003fe
config_read g7 0 0 4
is "and its guest is answered" "$R" "0 10d38086"
decodes_at_restore() { # Xen masks MSI-X for good where it finds decoding off: config was there first
	logged_since "00:03.0: was reset by others: its configuration is restored"
}
check "it is told" decodes_at_restore

# --- The same where it has lost nothing but what a permissive guest might have taken from it (guest_reset.sh) ---
killed
plain_put "$sys" 00:03.0 4 '\x01\x01'
serve
check "a successor goes on" wait_for 5000 logged_since "00:03.0 goes on as"
config_read g7 8 0 4
is "its guest is answered" "$R" "0 10d38086"
check "its guest, which may not, did not" decodes_at_restore
is "it decodes again" "$(config 00:03.0 4 2)" 0705

# --- And where it does not read as the device: nothing is written to it ---
killed
cp "$sys/bus/pci/devices/0000:00:03.0/config" "$WORK/config"
head -c 256 /dev/zero >"$sys/bus/pci/devices/0000:00:03.0/config"
before=$(restores)
serve
check "it is told" wait_for 10000 logged_since "0000:00:03.0: does not answer as itself: nothing is written to it"
is "nothing is written" "$(config 00:03.0 0 256 | tr -d '0\n*')" ""
is "nothing is asked of Xen" "$(restores)" "$before"
config_read g7 8 0 4
is "the other device is answered for" "$R" "0 10d38086"
cp "$WORK/config" "$sys/bus/pci/devices/0000:00:03.0/config"
daemon_stop
