# A newer Xen, which is told of resets, with a PV or a PVH dom0: config space, interrupt line and MSI
# of a Linux guest. A PVH dom0 cannot prepare MSI-X: there the guest's drivers fall back to MSI or
# to the line.

dom0=$(cat /sys/hypervisor/guest_type)
given="$dev_e1000e $dev_nvme $dev_msi"
daemon_says() { grep -q "$1" "$out/$scenario.xenpcid"; }
pings() {
	guest g1 10 "ip link set $1 up; ip addr add 10.0.2.15/24 dev $1"
	wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/$1/carrier"
	check "$dom0: $1 answers 5 of 5 pings" \
		guest g1 20 "ping -c 5 -i 0.2 10.0.2.2 | grep '5 packets received'"
	guest g1 10 "ip addr flush dev $1"
}
interrupts() { guest g1 5 cat /proc/interrupts | awk -v p="$1" '$0 ~ p { n += $2 } END { print n + 0 }'; }
vectors() { guest g1 5 cat /proc/interrupts | grep -c "$1"; }
config_id() { xxd -p -l 4 "/sys/bus/pci/devices/$1/config" | sed 's/\(..\)\(..\)\(..\)\(..\)/\2\1:\4\3/'; }
bars() { xxd -p -s 16 -l 24 "/sys/bus/pci/devices/$1/config"; }
# Where MSI-X is refused, the guest's kernel tells of that.
refusals='Xen PCI frontend error: -5\|enable msix get err\|Falling back to MSI'
[ "$dom0" = PVH ] || refusals='^$'

nvme_bars=$(bars $dev_nvme)
# Not by xl, which on a PVH dom0 lets pciback reset what it takes: Xen then loses the nvme.
for d in $given $dev_rootport; do
	check "$dom0: the operator holds $d" xenpci assignable add $d
done
for method in kernel flr; do
	same "$dom0: reset by $method, without complaint" "" \
		"$(xenpci reset -m $method $dev_nvme 2>&1 >/dev/null)"
done

guest_start g1 pci="$given"
for d in $given; do
	same "$dom0: the guest has $d" "$(config_id $d)" \
		"$(guest g1 5 "lspci -n -s $(vdev "$(domid g1)" $d)" | awk '{ print $3 }')"
done

# The emulated firmware leaves it cacheable, and a PVH domain has no place for it.
same "$dom0: the machine's memory is not mapped" 0 "$(grep -c privcmd "/proc/$(backend_pid)/maps")"

check "$dom0: xenpci attaches one" xenpci attach g1 $dev_rootport
same "$dom0: the guest has it" "$(config_id $dev_rootport)" \
	"$(guest g1 5 "lspci -n -s $(vdev "$(domid g1)" $dev_rootport)" | awk '{ print $3 }')"
check "$dom0: and detaches it" xenpci detach g1 $dev_rootport

guest g1 20 "modprobe xhci-pci; modprobe cdc_ether"
check "$dom0: the NIC behind the xhci appears" wait_for 20 guest g1 5 "test -e /sys/class/net/usb0"
before=$(interrupts 'pirq.*msi ')
pings usb0
check "$dom0: with MSI" [ "$(interrupts 'pirq.*msi ')" -ge $((before + 5)) ]
guest g1 10 "modprobe -r e1000e; modprobe e1000e; modprobe nvme"
if [ "$dom0" = PVH ]; then
	check "$dom0: the guest's driver is refused MSI-X and tries MSI" \
		guest g1 5 "dmesg | grep 'e1000e.*Falling back to MSI'"
	same "$dom0: no vector of MSI-X" 0 "$(vectors 'pirq.*msi-x')"
	check "$dom0: and the daemon says why" daemon_says "cannot prepare MSI-X.*offered MSI only"
else
	pings eth0
	check "$dom0: with three vectors of MSI-X, and the nvme's" [ "$(vectors 'pirq.*msi-x')" -gt 3 ]
fi
check "$dom0: the nvme's disk can be read" wait_for 20 guest g1 10 "dd if=/dev/nvme0n1 of=/dev/null count=1"
guest g1 10 "modprobe -r e1000e; modprobe e1000e IntMode=0"
pings eth0
check "$dom0: with the interrupt line" [ "$(interrupts 'pirq.*eth0')" -ge 5 ]
same "$dom0: the guest's kernel is content" "" "$(guest_warnings g1 | grep -v "$refusals")"
guest_destroy g1

same "$dom0: the nvme has its BARs again" "$nvme_bars" "$(bars $dev_nvme)"
check "$dom0: the devices were reset" daemon_says "$dev_nvme: reset by"
check "$dom0: Xen was told each time" \
	fails daemon_says 'takes no notice of device resets\|was not told of the reset'
check "$dom0: Xen has set up the GSI" fails daemon_says 'does not set up GSI\|does not tell the GSI'
