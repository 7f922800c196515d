# A guest ends in each of the ways that there are; the device comes back clean and works in the
# next guest.

d=$dev_e1000e

# clean WHAT: what the next guest must not find: bus mastering, MSI-X, MSI, an owner.
clean() {
	local x
	same "after $1: bus mastering is off" 0 $((0x$(setpci -s $d COMMAND) & 4))
	same "after $1: MSI-X is off" 0 $((0x$(setpci -s $d CAP_MSIX+2.w) & 0x8000))
	same "after $1: MSI is off" 0 $((0x$(setpci -s $d CAP_MSI+2.w) & 1))
	check "after $1: nobody owns the device" fails xenstore-exists /libxl/pci/0000-00-04-0/domid
	same "after $1: it can be assigned" $d "$(xl pci-assignable-list | tr -d ' ' | grep $d)"
}

works() {
	guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
	wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
	check "in $1 the NIC works" guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
}

# In the background of the guest: config reads without an end.
reads() { guest g1 5 "(while :; do cat /sys/bus/pci/devices/0000:00:00.0/config; done >/dev/null 2>&1) &"; }

guest_start g1 pci="$d"
works "the first guest"
guest g1 1 "poweroff -f" &
check "the guest shuts down" wait_for 30 no_guests
clean "a shutdown"

guest_start g1 pci="$d"
works "the guest after a shutdown"
old=$(domid g1)
guest g1 1 "reboot -f" &
check "the guest reboots" guest_ready g1
same "with a new domain" 1 $(($(domid g1) > old))
works "the rebooted guest"

reads
t=$(ms)
check "xl destroy in the middle of a request" xl destroy g1
figure destroy $(($(ms) - t)) ms
check "the guest is gone" wait_for 20 no_guests
clean "a destroy"

guest_start g1 pci="$d"
works "the guest after a destroy"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1
