# From xenpcid to the kernel's backend (xenpci release) and from that one to xenpcid, under a running Linux guest
# whose NIC works and whose other device is read without a pause: what the guest notices, and what not.
# Limit: 480 s, of which 20 are waits of the toolstack.

. /rig/scenarios/ends.inc
. /rig/scenarios/processes.inc

interrupts() { guest g1 5 cat /proc/interrupts | awk '/pirq.*msi-x/ { n += $2 } END { print n + 0 }'; }
more_interrupts() { [ "$(interrupts)" -gt "$1" ]; }
nic_works() {
	guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
	wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
	check "$1: the NIC works" guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
}
# busy WHEN: the NIC pings and has interrupts, the other device, at 00:01.0, is read
busy() {
	guest g1 5 "rm -f /tmp/reads /tmp/stop; $(reader 01)"
	guest g1 5 "(ping -i 0.2 10.0.2.2 >/tmp/ping 2>&1; true) &"
	check "$1: the guest reads" wait_for 60 more_reads 3
	check "$1: and has interrupts" wait_for 10 more_interrupts "$(interrupts)"
	told=$(guest g1 5 "dmesg | wc -l")
}
# What the guest's kernel said since busy, without the time; each line once.
said() { guest g1 5 "dmesg | tail -n +$((told + 1))" | sed 's/^\[ *[0-9.]*\] //' | sort -u; }
has_both() { [ "$(pci_devices)" = 2 ]; }
pci_devices() { guest g1 5 "ls /sys/bus/pci/devices" | wc -w; }

# --- xenpcid's guest, when it is released ---
backend_stop
begin
guest_start g1 pci="$dev_e1000e $dev_edu"
one=$(domid g1)
nic_works "xenpcid"
busy "xenpcid"
t=$(ms)
check "release" xenpci release
ended "release"
figure release $(($(ms) - t)) ms
check "release: the guest runs on" guest g1 10 true
guest g1 10 "touch /tmp/stop; killall -INT ping"
check "release: g1's pcifront was told" eval "said | grep 'pci-0: backend going away!'"
check "release: its NIC is gone" guest g1 5 "! test -e /sys/class/net/eth0"
same "release: the node is closed" 6 "$(pci_state "$one")"
same "release: the kernel's backend does not take it" none "$(driver_of "pci-$one-0")"
same "release: xl still lists both" 2 "$(xl pci-list g1 | grep -c 0000:)"
same "release: the guest has no device" 0 "$(pci_devices)"
for d in $dev_e1000e $dev_edu; do
	check "release: $d is with pciback" test -e /sys/bus/pci/drivers/pciback/$d
	same "release: $d masters no bus" 0 $((0x$(setpci -s $d COMMAND) & 4))
done
same "release: MSI-X is off" 0 $((0x$(setpci -s $dev_e1000e CAP_MSIX+2.w) & 0x8000))

# --- The same guest's devices, by the kernel's backend ---
# For xl they are the guest's still; -f takes them all the same, 10 s for each.
check "released: xl pci-attach is refused" fails xl pci-attach g1 $dev_e1000e
for d in $dev_edu $dev_e1000e; do
	xenpci detach -f g1 $d
done
same "released: xl lists none" 0 "$(xl pci-list g1 | grep -c 0000:)"
for d in $dev_e1000e $dev_edu; do
	check "released: xl pci-attach $d" xl pci-attach g1 $d
done
same "released: the kernel's backend serves" xen-pciback "$(driver_of "pci-$one-0")"
check "released: the guest has both" wait_for 20 has_both
nic_works "released"
busy "released"

# --- xenpcid comes, and goes, under a guest of the kernel's ---
begin
same "coming: it stays the kernel's" xen-pciback "$(driver_of "pci-$one-0")"
seen=$(reads 1)
[ -n "$seen" ] || seen=0
check "coming: the guest reads on" wait_for 60 more_reads $((seen + 3))
check "coming: interrupts go on" wait_for 10 more_interrupts "$(interrupts)"
guest_start g3 pci="$dev_xhci"
same "coming: a new guest is xenpcid's" none "$(driver_of "pci-$(domid g3)-0")"
guest_destroy g3
kill -TERM "$keeper"
ended "going"
guest g1 10 "touch /tmp/stop"
pings_end g1
same "coming and going: the guest's kernel said nothing" "" "$(said | grep -vEf $state/known-guest-lines | grep -v clocksource)"
same "coming and going: no ping was lost" 0 "$(pings_lost g1)"
same "coming and going: no read was wrong" 0 "$(reads 2)"
same "gone: it is the kernel's still" xen-pciback "$(driver_of "pci-$one-0")"

# --- Given back and given anew, its devices are xenpcid's ---
begin
guest g1 10 "modprobe -r e1000e"
check "anew: xl pci-detach" xl pci-detach g1 $dev_e1000e
check "anew: and the last" xl pci-detach g1 $dev_edu
check "anew: xl pci-attach" xl pci-attach g1 $dev_e1000e
check "anew: and the other" xl pci-attach g1 $dev_edu
same "anew: not the kernel's" none "$(driver_of "pci-$one-0")"
check "anew: the guest has both" wait_for 20 has_both
nic_works "anew"
guest_destroy g1
kill -TERM "$keeper"
ended "TERM"
losetup -d /dev/loop0
