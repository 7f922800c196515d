# The host is suspended to RAM under guests: with MSI-X, MSI and INTx, one that is not connected, and beside them one
# that the kernel's backend serves, as the yardstick. They see a pause.
# Limit: 400 s

backend_stop
guest_start theirs pci="$dev_slot0 $dev_slot1" modules=e1000e
backend_start
guest_start x pci="$dev_e1000e $dev_msi" modules=e1000e+xhci-pci+cdc_ether
guest_start line pci="$dev_rootport" extra=pci=nomsi
guest line 10 "modprobe e1000e IntMode=0"
guest_start closed pci="$dev_edu" front=user
closed_has() { guest closed 20 "xenpci-front list" | grep 1234:11e8; }
check "a guest without pcifront has its device" closed_has

goes_on() { guest "$1" 20 "ping -c 1 -w 3 10.0.2.2 | grep '1 packets received'"; }
nic_up() { # GUEST NIC
	guest "$1" 10 "ip link set $2 up; ip addr add 10.0.2.15/24 dev $2"
	wait_for 20 guest "$1" 10 "grep -q 1 /sys/class/net/$2/carrier"
}
interrupts() { guest "$1" 5 cat /proc/interrupts | awk -v p="$2" '$0 ~ p { n += $2 } END { print n + 0 }'; }
all_ping() { # WHEN
	check "$1: ours with MSI-X does" wait_for 20 goes_on x
	check "$1: ours with INTx does" wait_for 20 goes_on line
}
for g in theirs x line; do
	nic_up $g eth0
done
check "before: the kernel's guest pings" wait_for 20 goes_on theirs
all_ping "before"
same "MSI-X is on, three vectors" 3 "$(guest x 5 "grep -c pirq.*msi-x /proc/interrupts")"

# What a sleep must leave as it was: decoding, bus mastering, the addresses, MSI and MSI-X.
registers() {
	local d
	for d in $dev_e1000e $dev_msi $dev_rootport $dev_edu; do
		setpci -s $d COMMAND BASE_ADDRESS_0 BASE_ADDRESS_1
		lspci -vvs $d | grep -E 'MSI.*Enable|Address: .*Data'
	done
}
wakes() { grep -c 'the host slept for' "$out/$scenario.xenpcid"; }
has_woken() { [ "$(wakes)" = "$1" ]; }

registers >$state/before_sleep
assignable $dev_nvme
begin=$(ms)
check "the host sleeps, and wakes" host_sleeps
figure sleep $(($(ms) - begin)) ms
check "xenpcid has noticed" wait_for 10 has_woken 1
# At once, before anything else is asked.
check "a device is given right behind it" xl pci-attach x $dev_nvme
check "behind a sleep: the kernel's guest pings" wait_for 20 goes_on theirs
all_ping "behind a sleep"
registers >$state/behind_sleep
same "devices are as they were" "" "$(diff $state/before_sleep $state/behind_sleep | tr '\n' ';')"
before=$(interrupts x 'pirq.*msi-x')
goes_on x
check "by MSI-X" [ "$(interrupts x 'pirq.*msi-x')" -gt "$before" ]
check "the device given behind it works" wait_for 20 guest x 10 "lspci -n | grep 1b36:0010"
guest x 20 "modprobe nvme"
check "with MSI-X, too" wait_for 20 guest x 10 "dd if=/dev/nvme0n1 of=/dev/null bs=4k count=16"
check "the guest that was not connected has its device" closed_has
# The controller has lost its own state, and its driver finds out: with the kernel's backend as well.
guest x 10 "ip addr flush dev eth0; ip link set eth0 down; modprobe -r xhci-pci; modprobe xhci-pci"
check "a controller with MSI is there for its driver" wait_for 20 guest x 5 "test -e /sys/class/net/usb0"
nic_up x usb0
check "and its NIC pings" wait_for 20 goes_on x
same "by MSI" 1 "$(guest x 5 "grep -c 'pirq.*msi ' /proc/interrupts")"
guest x 10 "ip addr flush dev usb0; ip link set usb0 down"
nic_up x eth0

# ---- Extended config space reads zeros behind it ----
registers >$state/before_sleep
mended= check "the host sleeps once more" host_sleeps
same "extended config space reads zeros" 00000000 "$(setpci -s $dev_e1000e 100.l)"
check "xenpcid has noticed that, too" wait_for 10 has_woken 2
all_ping "without it"
registers >$state/behind_sleep
same "nothing was written on the word of zeros" "" "$(diff $state/before_sleep $state/behind_sleep | tr '\n' ';')"
guest_destroy x
guest_destroy line
check "the next guest is created" guest_start next pci="$dev_e1000e $dev_rootport" modules=e1000e
nic_up next eth0
check "and pings" wait_for 20 goes_on next
same "its kernel is content" "" "$(guest_warnings next)"
check "no device was left alone" fails grep -E 'does not answer as itself|did not survive|not restored' "$out/$scenario.xenpcid"
