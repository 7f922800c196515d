#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The operator's command without xl: check, reset, attach, detach, list, and devices
# taken from their host drivers and given back, with libxl's memory of them.
. "$(dirname "$0")/lib.sh"

operator() { in_domain 0 "$B/xenpci" -d "image:$bench" "$@"; }
status_of() {
	"$@" >"$WORK/out" 2>&1
	echo $?
}
out() { cat "$WORK/out"; }
no_pirqs() { xb stat "$DIR" 7 | grep -q ' pirqs=0 '; }

box_up
daemon_start --allow all
guest 7

# --- Usage, as a Unix user expects ---
is "no command is wrong usage" "$(status_of operator)" 2
is "an unknown command is wrong usage" "$(status_of operator fly)" 2
is "an unknown rule is wrong usage" "$(status_of operator check -a host-driver 00:04.0)" 2
is "a method of no command's is wrong usage" "$(status_of operator check -m flr 00:04.0)" 2
is "help is no failure" "$(status_of operator --help)" 0
is "a malformed address is wrong usage" "$(status_of operator check 00:04)" 2
like "and is named" "$(out)" 'check: "00:04" is no PCI address'
is "before anything is done for the others" "$(status_of operator attach 7 00:04.0,permissive=1 foo) $(node "$(be 7 num_devs)")" "2 ENOENT read: $(be 7 num_devs)"
is "devices that are looked for nowhere are wrong usage" "$(status_of operator -d imago:x check)" 2
like "and are named" "$(out)" '"imago:x" is neither sysfs'
is "an absent device fails" "$(status_of operator check 0f:00.0)" 1

# --- check ---
is "a device with a reset is assignable" "$(status_of operator check 00:04.0)" 0
like "and check says what it is" "$(out)" '0000:00:04.0 8086:10d3 PCIe endpoint of the root complex'
like "whether an IOMMU confines it" "$(out)" 'iommu: in use by Xen'
xb fail "$DIR" physinfo 1
status_of operator check 00:04.0 >/dev/null
like "or that Xen does not tell" "$(out)" 'iommu: unknown'
xb fail "$DIR" --clear
is "a device without one is not" "$(status_of operator check 00:05.0)" 1
like "the rule is named with what overrides it" "$(out)" 'rule no-reset; allow = \["no-reset"\]'
is "unless that is allowed" "$(status_of operator check -a no-reset 00:05.0)" 0
like "which is shown" "$(out)" 'overridden: '
is "a bridge is not assignable" "$(status_of operator check 00:01.0)" 1
is "the worst of several counts" "$(status_of operator check 00:04.0 00:05.0)" 1

# --- attach: nodes and hypercalls as xl's ---
mark=$(hypercalls | wc -l)
is "a domain that is not there is refused" "$(status_of operator attach 9 00:04.0)" 1
is "a device that is not there too" "$(status_of operator attach 7 0f:00.0)" 1
is "an unknown option too" "$(status_of operator attach 7 00:04.0,colour=red)" 1
like "and is named" "$(out)" 'option "colour=red" is not understood'
is "nothing was asked of Xen for them" "$(hypercalls | tail -n "+$((mark + 1))" | grep -c permission)" 0
check "attach the first device" operator attach 7 00:04.0,permissive=1,name=nic0
log=$(hypercalls | tail -n "+$((mark + 1))")
like "a BAR's pages are granted" "$log" 'iomem_permission dom=7.*'
like "its ports too" "$log" 'ioport_permission dom=7'
like "its line is mapped as its GSI" "$log" 'map_pirq dom=7 type=1 index=20 pirq=20'
like "and granted" "$log" 'irq_permission dom=7'
like "it is assigned" "$log" 'assign_device dom=7'
is "libxl is told whose it is" "$(node /libxl/pci/0000-00-04-0/domid)" 7
is "the device's node" "$(node "$(be 7 dev-0)")" 0000:00:04.0
is "its key" "$(node "$(be 7 key-0)")" 0000:00:04.0
is "its name" "$(node "$(be 7 name-0)")" nic0
is "its options" "$(node "$(be 7 opts-0)")" \
	"msitranslate=0,power_mgmt=0,permissive=1,rdm_policy=strict"
is "a second time is refused" "$(status_of operator attach 7 00:04.0)" 1
like "with the guest's number" "$(out)" 'guest 7 has it already'

# --- A guest with a frontend: hot attach and detach ---
in_domain 7 "$B/xenpci-front" watch --timeout 60000 >"$WORK/watch.out" 2>&1 &
watcher=$!
seen() { grep -q "$1" "$WORK/watch.out"; }
check "the guest connects" wait_for 10000 seen 00:00.0
check "hot attach of two" operator attach 7 00:07.0 05:00.2
check "the guest sees the second" wait_for 10000 seen 00:01.0
check "the guest sees the third" wait_for 10000 seen 00:02.2
operator list 7 >"$WORK/out"
is "list shows three and a title" "$(wc -l <"$WORK/out")" 4
like "with their place in the guest" "$(out)" '0000:00:02.02 *0000:05:00.2'
is "xl's list agrees" "$(xb list "$DIR" 7 | grep -c '0000:')" 3
guest 8
is "another guest does not get it" "$(status_of operator attach 8 00:07.0)" 1
like "and is told who has it" "$(out)" 'another guest has it: 0000:00:07.0 \(guest 7\)'
is "nor does check call it assignable" "$(status_of operator check 00:07.0)" 1
mark=$(hypercalls | wc -l)
check "detach the middle one" operator detach 7 00:07.0
check "the guest sees it leave" wait_for 10000 seen 'removed.*00:01.0'
log=$(hypercalls | tail -n "+$((mark + 1))")
like "its permissions are taken back" "$log" 'iomem_permission dom=7.*allow=0|iomem_permission dom=7'
like "it is deassigned" "$log" 'deassign_device dom=7'
is "the third moved down" "$(node "$(be 7 dev-1)")" 0000:05:00.2
is "there are two" "$(node "$(be 7 num_devs)")" 2
check_not "libxl's memory of it is gone" store read /libxl/pci/0000-00-07-0/domid
is "what it does not have it cannot lose" "$(status_of operator detach 7 00:07.0)" 1
check "xl detaches what we attached" detach 7 0000:05:00.2
check "detach the last" operator detach 7 00:04.0
check "two on one line" operator attach -a all 7 01:00.0 00:1a.0
check "the first leaves" operator detach 7 01:00.0
check_not "and takes the line from the other" no_pirqs
check "which leaves" operator detach 7 00:1a.0
check "with the line" no_pirqs
check_not "the directories are gone" store read "$(be 7)"
check_not "in the guest too" store read "$(fe 7 state)"
check "Xen keeps nothing of it" no_pirqs
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null

# --- All or nothing ---
xb fail "$DIR" assign_device 95
is "a refused assignment fails" "$(status_of operator attach 7 00:04.0)" 1
xb fail "$DIR" --clear
xb fail "$DIR" assign_device EPERM
is "one that shares an RMRR too" "$(status_of operator attach 7 00:04.0)" 1
like "with the usual cause and what helps at which risk" "$(out)" 'RMRR.*rdm_policy=relaxed.*risk'
xb fail "$DIR" --clear
xb fail "$DIR" assign_device EBUSY
status_of operator attach 7 00:04.0 >/dev/null
like "another domain's says so" "$(out)" 'another domain has it'
xb fail "$DIR" --clear
check_not "and leaves no node" store read "$(be 7 num_devs)"
check_not "and no owner" store read /libxl/pci/0000-00-04-0/domid
check "and no pirq" no_pirqs

# --- reset ---
mark=$(hypercalls | wc -l)
check "reset by a method" operator reset -m pm 00:04.0
is "a method that is not there fails" "$(status_of operator reset -m flr 00:04.0)" 1
like "and says so" "$(out)" 'flr: it has no FLR'
is "a device without any reset fails" "$(status_of operator reset 00:05.0)" 1
is "a bridge is not reset" "$(status_of operator reset 00:01.0)" 1
check "a device for a guest" operator attach -a all --no-wait 7 02:00.0
is "what a guest uses is not reset" "$(status_of operator reset 02:00.0)" 1
like "and it is said whose it is, and how to insist" "$(out)" 'guest 7 has it: .*-f'
is "nor is it by the way" "$(status_of operator reset -m slot 02:00.1)" 1
like "which names it, too" "$(out)" '0000:02:00.0 \(guest 7\): it would be reset too \(-f'
check "by force it is" operator reset -f -m slot 02:00.1
check "the guest loses it" operator detach -f --no-wait 7 02:00.0
like "Xen is told, kind 3 for a function" "$(hypercalls | tail -n "+$((mark + 1))")" 'pci_device_reset'

# --- Many hands at once: each device has a number of its own, and nobody's is left ---
hands="00:04.0 00:07.0 05:00.2 05:00.0 00:1a.0 01:00.0"
at_once() { # COMMAND...: for each device, all at once; how many fail
	local d failed=0 pids=
	for d in $hands; do
		operator "$@" "$d" >"$WORK/hand.$d" 2>&1 &
		pids+=" $!"
	done
	for d in $pids; do wait "$d" || failed=$((failed + 1)); done
	cat "$WORK"/hand.* >"$WORK/out"
	echo $failed
}
guest 9
for round in 1 2 3; do
	is "round $round: six attached at once" "$(at_once attach -a all --no-wait 9) $(out)" "0 "
	keys=$(for i in 0 1 2 3 4 5; do node "$(be 9 "key-$i")"; echo; done | sort)
	is "round $round: are six" "$(node "$(be 9 num_devs)") $(sort -u <<<"$keys" | grep -c :)" "6 6"
	is "round $round: and detached at once" "$(at_once detach --no-wait 9) $(out)" "0 "
	check_not "round $round: none is left" store read "$(be 9 num_devs)"
done

# --- A guest where nobody answers keeps what it has, but for -f: 10 s, at once for all ---
unanswered() { # NAME ARGUMENT...: its status and what it says into NAME's files
	local name=$1
	shift
	operator detach "$@" >"$WORK/$name.out" 2>&1
	echo $? >"$WORK/$name.status"
}
check "two for a guest without a frontend" operator attach -a all --no-wait 8 05:00.2 00:07.0
check "and one that a program is" operator attach --virtual --no-wait 8 ff00:00:00.0
unanswered asked 8 05:00.2 &
asked=$!
unanswered forced -f 8 00:07.0 &
forced=$!
unanswered virtual --virtual -f 8 ff00:00:00.0 &
wait $asked $forced $!
is "detach fails" "$(cat "$WORK/asked.status")" 1
like "and says how to insist" "$(cat "$WORK/asked.out")" '0000:05:00.2: still attached \(-f: '
is "detach -f does what it was asked to" "$(cat "$WORK/forced.status")" 0
like "and says without whom" "$(cat "$WORK/forced.out")" 'warning: 0000:00:07.0: guest 8 did not let it go: taken all the same'
is "with --virtual, too" "$(cat "$WORK/virtual.status")" 0
like "in the same words" "$(cat "$WORK/virtual.out")" 'warning: ff00:00:00.0: guest 8 did not let it go: taken all the same'
is "one is left" "$(node "$(be 8 num_devs)") $(node "$(be 8 key-0)")" "1 0000:05:00.2"
check_not "what was taken is nobody's" store read /libxl/pci/0000-00-07-0/domid
check "that, too, once nobody is waited for" operator detach --no-wait 8 05:00.2
daemon_stop
end_peer dom0
xb down "$DIR"

# --- Devices taken from their drivers, over a tree of plain files ---
box_up --xen 4.20 --no-iommu
sys=$WORK/sys
mkdir -p "$WORK/bare/bus/pci/devices"
is "without pciback nothing is held" \
	"$(status_of in_domain 0 "$B/xenpci" -d "sysfs:$WORK/bare" assignable list)" 0
like "which is said" "$(out)" 'is the xen-pciback module loaded'
dev=$sys/bus/pci/devices/0000:03:00.0
mkdir -p "$dev" "$sys/bus/pci/drivers/pciback" "$sys/bus/pci/drivers/e1000e"
head -c 256 /dev/zero >"$dev/config"
printf '\x86\x80\xd3\x10\x07\x01\x10\x00\x00\x00\x00\x02' | dd of="$dev/config" conv=notrunc status=none
echo 0x8086 >"$dev/vendor"
echo 0x10d3 >"$dev/device"
echo 0x020000 >"$dev/class"
echo 20 >"$dev/irq"
yes "0x0 0x0 0x0" | head -n 7 >"$dev/resource"
: >"$dev/reset"
for driver in pciback e1000e; do
	for file in new_slot remove_slot slots bind unbind; do
		: >"$sys/bus/pci/drivers/$driver/$file"
	done
done
ln -s ../../drivers/e1000e "$dev/driver"
sysfs() { in_domain 0 "$B/xenpci" -d "sysfs:$sys" "$@"; }
written() { cat "$sys/bus/pci/drivers/$1"; }

is "what a host driver uses is not assignable" "$(status_of sysfs check 03:00.0)" 1
like "it is named, with what to do" "$(out)" '\(host, e1000e\) \[rule host-driver; xenpci assignable add it\]'
like "that nothing confines it, too" "$(out)" 'iommu: none'
is "it is not reset either" "$(status_of sysfs reset 03:00.0)" 1
is "nothing is held yet" "$(sysfs assignable list)" ""
check "take it" sysfs assignable add 03:00.0
is "from its driver" "$(written e1000e/unbind)" 0000:03:00.0
is "into pciback's slots" "$(written pciback/new_slot)" 0000:03:00.0
is "and to pciback" "$(written pciback/bind)" 0000:03:00.0
is "the driver is remembered where libxl looks" "$(node /libxl/pci/0000-03-00-0/driver_path)" \
	"$sys/bus/pci/drivers/e1000e"
like "and the device is in quarantine" "$(hypercalls)" 'assign_device dom=32753'
ln -sfn ../../drivers/pciback "$dev/driver"
is "now it is held" "$(sysfs assignable list)" 0000:03:00.0
check "once more is no harm" sysfs assignable add 03:00.0
is "and assignable" "$(status_of sysfs check 03:00.0)" 0
store write /libxl/pci/0000-03-00-0/domid 5
is "a guest that is gone has nothing" "$(sysfs assignable list)" 0000:03:00.0
store write /local/domain/5/name g5
is "what a guest has is not given up" "$(status_of sysfs assignable remove 03:00.0)" 1
is "nor listed" "$(sysfs assignable list)" ""
store rm /libxl/pci/0000-03-00-0/domid
: >"$sys/bus/pci/drivers/e1000e/bind"
check "give it back" sysfs assignable remove -r 03:00.0
is "from pciback" "$(written pciback/unbind)" 0000:03:00.0
is "to its driver" "$(written e1000e/bind)" 0000:03:00.0
check_not "of which nothing is remembered" store read /libxl/pci/0000-03-00-0
# --- On a PVH dom0 pciback must not reset what it takes ---
mkfifo "$dev/reset_method"
exec 8<>"$dev/reset_method"
rm "$dev/driver"
check "take it on a PV dom0" sysfs assignable add 03:00.0
mkdir "$sys/hypervisor"
echo PVH >"$sys/hypervisor/guest_type"
check "take it on a PVH dom0" sysfs assignable add 03:00.0
is "meanwhile it has no reset, and afterwards all again" "$(timeout 5 head -c 9 <&8)" "
default"
exec 8>&-
rm -r "$sys/hypervisor" "$dev/reset_method"
# --- xenpcid takes what it is told to at start, as xen-pciback.hide does ---
ln -sfn ../../drivers/e1000e "$dev/driver"
: >"$sys/bus/pci/drivers/pciback/bind"
cat >"$WORK/hide.conf" <<END
hide = [ "0000:03:00.0", "0000:0f:00.0" ];
END
daemon_start --config "$WORK/hide.conf" --devices "sysfs:$sys" --sysfs-root "$sys"
is "hidden: to pciback" "$(written pciback/bind)" 0000:03:00.0
is "and remembered" "$(node /libxl/pci/0000-03-00-0/driver_path)" "$sys/bus/pci/drivers/e1000e"
check "what is not there is told of" logged '0000:0f:00.0: to be hidden, but there is no such device'
daemon_stop

is "an image has no drivers" "$(status_of operator assignable add 00:04.0)" 1
