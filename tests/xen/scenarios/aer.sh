# Errors of a device that a guest has, and of the port above it: Linux' pcifront has its driver recover,
# the frontend library tells of every step, and a guest that does not answer loses the device. All the
# while dom0's kernel does what it does with any error.
#
# Those of the port come from QEMU's monitor. The emulated e1000e cannot report errors (its device
# control is read-only), so those of the device come from dom0's kernel itself, its aer_inject.

port_id=rp0	# in QEMU

# device_error BITS: uncorrectable ones, as printf's escapes; a struct aer_error_inj for bus 1
device_error() {
	printf "\\001\\000\\000\\000$1\\000\\000%024d" 0 | tr 0 '\000' >/dev/aer_inject
}
nonfatal='\000\100'	# completion timeout
fatal='\020\000'	# data link protocol

daemon_said() { grep -c "$dev_rootport: $1" "$out/$scenario.xenpcid"; }
said() { [ "$(daemon_said "$1")" -gt "$2" ]; }

# error NAME SEVERITY COMMAND...: makes one, and waits until it is recovered from.
error() {
	local name=$1 severity=$2 noticed recovered
	shift 2
	noticed=$(daemon_said "$severity error")
	recovered=$(daemon_said "recovered from its error")
	check "$name is made" "$@"
	check "$name: xenpcid notices" wait_for 10 said "$severity error" "$noticed"
	check "$name: the guest recovers" wait_for 20 said "recovered from its error" "$recovered"
}

nic_up() { guest "$1" 10 "ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"; }
pings() { # NAME GUEST
	check "$1: the link comes up" wait_for 20 guest "$2" 10 "grep -q 1 /sys/class/net/eth0/carrier"
	check "$1: 3 of 3 pings answered" guest "$2" 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
}

# ---- Linux' pcifront and its e1000e driver ----
guest_start g1 pci="$dev_rootport" modules=e1000e
nic_up g1
pings "before any error" g1
error "a port's error" non-fatal monitor pcie_aer_inject_error $port_id COMP_TIME
pings "after a port's error" g1
error "a port's fatal error" fatal monitor pcie_aer_inject_error $port_id DLP
check "dom0's kernel had reset the bus" said "was reset by others: its configuration is restored" 0
pings "after a port's fatal error" g1

# From here on the kernel sees its own registers in the place of the port's.
modprobe aer_inject
error "a device's error" non-fatal device_error "$nonfatal"
pings "after a device's error" g1
error "a device's fatal error" fatal device_error "$fatal"
pings "after a device's fatal error" g1
same "three vectors as ever" 3 "$(guest g1 5 "grep -c 'pirq.*msi-x' /proc/interrupts")"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1

# ---- The frontend library ----
steps() { guest g2 5 "awk '\$1 == \"aer\" { printf \"%s/%s \", \$3, \$4 }' /tmp/events"; }
guest_start g2 pci="$dev_rootport" front=user
guest g2 10 "xenpci-front watch --timeout 600000 >/tmp/events 2>&1 &"
check "the library is connected" wait_for 10 is_state "$(domid g2)" 4
error "an error" non-fatal device_error "$nonfatal"
same "the steps of an error" "detected/normal mmio_enabled/normal resume/normal " "$(steps)"
error "a fatal error" fatal device_error "$fatal"
same "the steps of a fatal error" "detected/frozen slot_reset/normal resume/normal " \
	"$(steps | cut -d ' ' -f 4-)"

# ---- A guest that does not answer ----
guest g2 5 "killall -STOP xenpci-front"
check "an error of a device whose guest is stopped" device_error "$nonfatal"
check "the guest loses the device" wait_for 20 \
	said "its error is not recovered from: it did not answer in time" 0
check "and the error node says why" sh -c \
	"xenstore-read /local/domain/0/error/backend/pci/$(domid g2)/0/error | grep 'did not answer in time'"
check "the guest is there still" guest g2 5 "killall -CONT xenpci-front"
guest_destroy g2

# ---- The device is good for others ----
guest_start g3 pci="$dev_rootport" modules=e1000e
nic_up g3
pings "with the next guest" g3
# As a reset leaves it. Were its vectors unmapped so, Xen would keep MSI-X masked and refuse it to others.
setpci -s $dev_rootport COMMAND=0:3
guest_destroy g3
guest_start g4 pci="$dev_rootport" modules=e1000e
nic_up g4
pings "with the one after it" g4
guest_destroy g4
