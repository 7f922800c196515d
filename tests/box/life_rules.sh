#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which devices xenpcid gives to guests, how it resets them on the way, and what it tells
# Xen: each refusal in the log and in the error node, with its rule and what overrides it.
. "$(dirname "$0")/lib.sh"
STRICT=1

refused() { # NAME BDF RULE [OTHERS]: guest 7 is given BDF as its only device, and is not
	create_nodes 7 "$2"
	check "$1: the entry is closed" await "$(be 7 state-0)" 6 3000
	like "$1: the error node names the rule" "$(node "$(error_node 7)")" "^[0-9]+ $2: .*\\[rule $3; "
	[ -z "${4:-}" ] || like "$1: and who else it is about" "$(node "$(error_node 7)")" "$4"
	check "$1: so does the log" logged_since "guest 7: .*$2: .*\\[rule $3; "
	gone_again 7
}
gone_again() {
	store rm "$(be "$1")"
	store rm "$(fe "$1")"
	store rm "$(error_node "$1")"
	log_mark
}
given() { # NAME BDF: it is
	create_nodes 7 "$2"
	check "$1" await "$(be 7 state-0)" 3 3000
}
# resets [FLAGS]: lines of the hypercall log from the mark on
calls_mark() { CALLS=$(hypercalls | wc -l); }
calls_since() { hypercalls | tail -n "+$((CALLS + 1))"; }
resets() { calls_since | grep "pci_device_reset dev=$1 flags=${2:-}"; }

# --- The rules, on Xen 4.17 ---
box_up
daemon_start
for domid in 7 8; do guest $domid; done
log_mark
refused "no reset" 0000:00:05.0 no-reset 'allow = \["no-reset"\] overrides it'
refused "a small BAR in a page with another's" 0000:00:1a.7 small-bar '\(BAR 0\): 0000:00:1d.7'
given "a small BAR that has its page for itself" 0000:04:01.0
check "which is noted" logged_since '0000:04:01.0: note: it gets the whole page of a memory BAR'
gone_again 7
given "a device with nothing against it" 0000:02:00.0
create_nodes 8 0000:02:00.1
check "a slot's other function is not for another guest" await "$(be 8 state-0)" 6 3000
like "and it is told whose slot it is" "$(node "$(error_node 8)")" \
	'rule slot; |0000:02:00.0 \(guest 7\)'
gone_again 8
create_nodes 8 0000:02:00.0
check "nor is the function itself" await "$(be 8 state-0)" 6 3000
like "and it is told who has it" "$(node "$(error_node 8)")" 'in use by guest 7 \[rule other-guest'
gone_again 8
gone_again 7
create_nodes 8 0000:02:00.1
check "once free they are anybody's" await "$(be 8 state-0)" 3 3000
gone_again 8
daemon_stop

# --- Overrides: for one device, for all, and a wrong one ---
cat >"$WORK/rules.conf" <<'END'
devices = (
	{ bdf = "0000:00:05.0"; allow = [ "no-reset" ]; },
	{ bdf = "0000:01:00.0"; reset = [ "flr" ]; },
	{ bdf = "0000:00:04.0"; reset = [ "af_flr", "pm" ]; },
	{ bdf = "0000:02:00.0"; reset = [ "slot" ]; },
	{ bdf = "0000:02:00.1"; reset = [ "slot" ]; },
	{ bdf = "0000:00:1a.0"; reset = [ "af_flr" ]; },
	{ bdf = "0000:00:07.0"; reset = [ "bus" ]; }
);
END
cat >"$WORK/wrong.conf" <<'END'

allow = [ "no-such-rule" ];
END
is "an unknown rule is an error" "$(in_domain 0 "$B/xenpcid" --config "$WORK/wrong.conf" 2>"$WORK/err"
	echo $?)" 1
like "with its line" "$(cat "$WORK/err")" 'wrong.conf:2: allow: '
check_not "a rule that cannot be overridden is none" in_domain 0 "$B/xenpcid" --allow other-guest
daemon_start --config "$WORK/rules.conf"
log_mark
given "allowed for this device" 0000:00:05.0
like "and the log says by whom" "$(log_since)" 'overridden \(.*rules.conf:2\): .*rule no-reset'
gone_again 7
refused "not for others" 0000:00:06.0 no-reset
daemon_stop
end_peer dom0
xb down "$DIR"

# --- Resets, on Xen 4.20, which wants to know of them ---
box_up --xen 4.20
daemon_start --config "$WORK/rules.conf"
for domid in 7 8; do guest $domid; done
for row in "01:00.0 3 PCIe function level reset" "00:04.0 3 power state D3hot and back" \
	"00:1a.0 3 function level reset \\(AF capability\\)" "02:00.0 2 the hot-plug slot"; do
	read -r bdf kind how <<<"$row"
	calls_mark
	log_mark
	given "$bdf is given after a reset" "0000:$bdf"
	check "$bdf: by $how" logged_since "0000:$bdf: reset by $how, back after"
	is "$bdf: Xen is told, kind $kind" "$(resets "0000:$bdf" "$kind" | wc -l)" 1
	calls_mark
	gone_again 7
	wait_for 3000 logged "0000:$bdf taken back"
	check "$bdf: and again when it is back" wait_for 3000 resets "0000:$bdf" "$kind"
done
check "with a slot's other functions" resets 0000:02:00.1 2
calls_mark
log_mark
given "a device whose method it lacks" 0000:00:07.0
check "is given without a reset, which is said" logged_since 'not reset: bus: it is on a root bus'
is "and Xen hears nothing" "$(resets 0000:00:07.0 | wc -l)" 0
gone_again 7

# A slot is not reset under a function that is in use.
create_nodes 7 0000:02:00.0
await "$(be 7 state)" 3 3000
peer g7 7
connect g7 7
calls_mark
hot_nodes 7 2 1=0000:02:00.1
check "the other function joins" reconfigure g7 7
is "without a reset of both" "$(resets 0000:02:00.0 | wc -l)" 0
check "for this reason" logged 'not reset: slot: 0000:02:00.0 \(guest 7\): it would be reset too'
config_read g7 0 0 4
is "and the first one stays as it is" "$R" "0 165714e4"
end_peer g7
gone_again 7

# --- A device that does not come back ---
# A tree of plain files: a function whose kernel resets it, and whose config space then
# does not show the ids that it should.
sysfs_function() { # BDF
	local dev=$sys/bus/pci/devices/0000:$1
	mkdir -p "$dev"
	head -c 256 /dev/zero >"$dev/config"
	printf '\x86\x80\xd3\x10\x07\x01\x10\x00\x00\x00\x00\x02' |
		dd of="$dev/config" conv=notrunc status=none
	printf '\x01' | dd of="$dev/config" bs=1 seek=61 conv=notrunc status=none
	echo 0x8086 >"$dev/vendor"
	echo 0x10d3 >"$dev/device"
	echo 0x020000 >"$dev/class"
	echo 1234 >"$dev/irq"
	yes "0x0 0x0 0x0" | head -n 7 >"$dev/resource"
	: >"$dev/reset"
	echo "flr bus" >"$dev/reset_method"
	plain_bind "$sys" "$1" pciback
}
sys=$WORK/sys
sysfs_function 03:00.0
sysfs_function 06:00.0
echo 1236 >"$sys/bus/pci/devices/0000:06:00.0/irq"
dead=$sys/bus/pci/devices/0000:03:00.0
daemon_stop
echo 0x8087 >"$dead/vendor"
# One that takes its time, and the kernel's 60 s are not over: nobody else waits for it.
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys" --devices "image:$bench"
log_mark
create_nodes 7 0000:03:00.0
check "a device that is slow to come back: it is told" wait_for 9000 logged_since \
	'0000:03:00.0: not back from its reset after 1 s; it has 60 s'
is "it is not given meanwhile" "$(node "$(be 7 state-0)")" 1
create_nodes 8 0000:06:00.0
check "another guest does not wait for it" await "$(be 8 state-0)" 3 5000
is "it still has time" "$(node "$(be 7 state-0)")" 1
plain_put "$sys" 03:00.0 0 '\x87\x80'
check "then it is given" await "$(be 7 state-0)" 3 9000
gone_again 8
plain_put "$sys" 03:00.0 0 '\x86\x80'
echo 0x8086 >"$dead/vendor"
gone_again 7
check "and is taken back" wait_for 9000 logged "guest 7: 0000:03:00.0 taken back"
daemon_stop
echo 0x8087 >"$dead/vendor"
echo 'reset_wait_ms = 1000;' >"$WORK/patience.conf"
daemon_start --config "$WORK/patience.conf" --devices "sysfs:$sys" --sysfs-root "$sys" --devices "image:$bench"
log_mark
create_nodes 7 0000:03:00.0
check "a device that does not come back is not given" await "$(be 7 state-0)" 6 5000
like "the error node says so" "$(node "$(error_node 7)")" '^5 0000:03:00.0: did not come back'
check "so does the log, with the way it was reset" logged_since \
	'reset by the kernel \(flr bus\), but it does not come back'
gone_again 7
check "it is in quarantine" store read /local/domain/0/xenpci/quarantine/0000-03-00-0
refused "quarantine" 0000:03:00.0 quarantine
given "others are given as ever" 0000:00:07.0
gone_again 7
daemon_stop
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"
refused "a successor knows of it" 0000:03:00.0 quarantine
echo 0x8086 >"$dead/vendor"
refused "that it answers is not enough" 0000:03:00.0 quarantine
check "the operator's reset brings it back" in_domain 0 "$B/xenpci" -d "sysfs:$sys" reset 03:00.0
given "then it is given" 0000:03:00.0
gone_again 7
daemon_stop
end_peer dom0
xb down "$DIR"

# --- A PVH dom0: an irq number is no GSI there ---
box_up --xen 4.20 --dom0 pvh
daemon_start --allow all
guest 7
start() { # BDF: guest 7 gets it and connects
	log_mark
	calls_mark
	peer g7 7
	create_nodes 7 "$1"
	connect g7 7
}
end() {
	end_peer g7
	gone_again 7
}
line() { config_read g7 0 0x3c 1 && echo "$R"; }
start 0000:00:04.0
gsi=$(calls_since | sed -n 's/.*pcidev_get_gsi dev=0000:00:04.0 -> 0 gsi=//p')
check "the kernel is asked for the GSI" test -n "$gsi"
like "which is set up, level and low" "$(calls_since)" \
	"setup_gsi gsi=$gsi triggering=1 polarity=1 -> 0"
pirq=$(calls_since | sed -n "s/.*map_pirq dom=7 type=1 index=$gsi pirq=-1 .*-> 0 pirq=//p")
check "the guest's pirq for it is asked for" test -n "$pirq"
is "and is the line that the guest reads" "$(line)" "0 $(printf %x "$pirq")"
check "Xen is told of the reset" resets 0000:00:04.0 3
end
# Older kernels do not tell it.
xb fail "$DIR" pcidev_get_gsi 25
start 0000:00:04.0
check "a device with MSI is given" logged_since '0000:00:04.0 given as'
check "without its line, for a clear reason" logged_since \
	'its kernel does not tell the GSI \(irq is not GSI here\): the line is withheld'
is "the guest reads no line" "$(line)" "0 0"
is "no GSI is set up" "$(calls_since | grep -c setup_gsi)" 0
end
create_nodes 7 0000:04:02.0
check "one without MSI is refused" await "$(be 7 state-0)" 6 3000
like "for the same reason" "$(node "$(error_node 7)")" '^61 0000:04:02.0: refused: .*GSI.*no MSI'
gone_again 7
# Or they tell it in sysfs.
daemon_stop
echo 20 >"$dead/gsi"
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"
start 0000:03:00.0
like "the GSI that sysfs tells is set up" "$(calls_since)" 'setup_gsi gsi=20 triggering=1 polarity=1'
like "and the guest gets a pirq for it" "$(calls_since)" 'map_pirq dom=7 type=1 index=20 pirq=-1 .*-> 0'
end

# --- Lines that are shared: no user-space process can acknowledge them for the kernel ---
daemon_stop
end_peer dom0
xb down "$DIR"
box_up
daemon_start
for domid in 7 8; do guest $domid; done
create_nodes 8 0000:01:00.0
check "a device on line 16 for one guest" await "$(be 8 state-0)" 3 3000
log_mark
refused "one without MSI on that line" 0000:00:1a.0 shared-irq '0000:01:00.0 \(guest 8\)'
gone_again 8
check "is free" wait_for 3000 logged '0000:01:00.0 taken back'
create_nodes 8 0000:00:1a.0
check "the other way round" await "$(be 8 state-0)" 3 3000
start 0000:01:00.0
check "the one with MSI is given" logged_since '0000:01:00.0 given as'
check "without the line" logged_since 'its interrupt line is shared with others: the line is withheld'
is "which the guest does not see" "$(line)" "0 0"
check "while MSI works" tell g7 op 2 0 0 0 0 0 0
end
gone_again 8
start 0000:01:00.0
is "alone it has its line again" "$(line)" "0 10"
end

# --- What Xen knows of a line, where nothing else tells ---
daemon_stop
end_peer dom0
xb down "$DIR"
box_up --shared-gsi 16
daemon_start
guest 7
log_mark
refused "a line that Xen calls shared" 0000:00:1a.0 shared-irq 'as Xen tells'
start 0000:01:00.0
check "with MSI it is given" logged_since '0000:01:00.0 given as'
is "without that line" "$(line)" "0 0"
end

# --- Drivers come and go: what counts is who has the neighbours now ---
daemon_stop
end_peer dom0
xb down "$DIR"
sys=$WORK/sys
for bdf in 03:00.0 04:00.0 05:00.0; do plain_function "$sys" $bdf 0xfe000000; done
plain_bind "$sys" 05:00.0 e1000e
box_up
daemon_start --devices "sysfs:$sys" --sysfs-root "$sys"
guest 7
log_mark
refused "a page shared with a device of the host's" 0000:03:00.0 shared-page '0000:05:00.0 \(host, e1000e\)'
plain_bind "$sys" 05:00.0 pciback
given "not, where the host has let go of it" 0000:03:00.0
gone_again 7
check "is free" wait_for 3000 logged '0000:03:00.0 taken back'
plain_bind "$sys" 04:00.0 e1000e
refused "another that the host has taken" 0000:03:00.0 shared-page '0000:04:00.0 \(host, e1000e\)'
refused "a device of the host's own" 0000:04:00.0 host-driver
plain_bind "$sys" 04:00.0 pciback
given "all are free again" 0000:04:00.0
gone_again 7
check "is free" wait_for 3000 logged '0000:04:00.0 taken back'
