# The NIC works: ping through a passed-through NIC with MSI-X, with MSI and with the interrupt line,
# interrupts counted in each.

# pings NIC PATTERN: pings the emulated gateway, counts interrupts.
pings() {
	local before
	guest g1 10 "ip link set $1 up; ip addr add 10.0.2.15/24 dev $1"
	wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/$1/carrier"
	guest g1 5 "grep pirq /proc/interrupts"
	before=$(interrupts "$2")
	check "$1: 5 of 5 pings answered" guest g1 20 "ping -c 5 -i 0.2 10.0.2.2 | grep '5 packets received'"
	check "$1: interrupts like '$2' counted" [ "$(interrupts "$2")" -ge $((before + 5)) ]
}
interrupts() { guest g1 5 cat /proc/interrupts | awk -v p="$1" '$0 ~ p { n += $2 } END { print n + 0 }'; }
vectors() { guest g1 5 "grep -c '$1' /proc/interrupts"; }

guest_start g1 pci="$dev_e1000e $dev_msi"
guest g1 10 "modprobe e1000e"
pings eth0 'pirq.*msi-x'
same "three vectors with MSI-X" 3 "$(vectors 'pirq.*msi-x')"
guest g1 10 "ip addr flush dev eth0; modprobe xhci-pci; modprobe cdc_ether"
check "the NIC behind the xhci appears" wait_for 20 guest g1 5 "test -e /sys/class/net/usb0"
pings usb0 'pirq.*msi '
same "one vector with MSI" 1 "$(vectors 'pirq.*msi ')"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1

guest_start g1 pci="$dev_e1000e" extra=pci=nomsi
guest g1 10 "modprobe e1000e IntMode=0"
pings eth0 'pirq.*eth0'
same "no message interrupts with pci=nomsi" 0 "$(vectors 'pirq.*msi')"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1
