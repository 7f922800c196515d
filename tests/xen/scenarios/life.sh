# A device's life with xenpci and xenpcid's own rules: checked, held, reset in every way that it
# has, given and taken without xl.

backend_stop
rules= backend_start

config() { xxd "/sys/bus/pci/devices/$1/config"; }
check_says() { xenpci check "$1" | grep "$2"; }

# ---- May it be assigned? ----
check "nvme may be assigned, once it is held" xenpci check -a not-held $dev_nvme
check "and not before" check_says $dev_nvme 'rule not-held'
check "by its FLR" check_says $dev_nvme 'reset:.* flr'
check "edu may not: nothing resets it" fails xenpci check $dev_edu
check "and check says so" check_says $dev_edu 'rule no-reset'
check "a root port is a bridge" check_says 0000:00:08.0 'rule bridge'
check "behind it is an endpoint" check_says $dev_rootport 'PCIe endpoint behind 0000:00:08.0'
check "behind the PCIe-to-PCI bridge is a conventional device" \
	check_says $dev_pcibridge 'conventional PCI device behind 0000:00:09.0'

# ---- Held for guests: xenpci and xl understand each other ----
check "xenpci holds a device" xenpci assignable add $dev_nvme
same "xl has it on its list" $dev_nvme "$(xl pci-assignable-list | tr -d ' ' | grep $dev_nvme)"
check "xl gives it up" xl pci-assignable-remove $dev_nvme
same "xenpci knows" "" "$(xenpci assignable list | grep $dev_nvme)"
check "xl holds one" xl pci-assignable-add $dev_nvme
same "xenpci has it on its list" $dev_nvme "$(xenpci assignable list | grep $dev_nvme)"
check "xenpci gives it up" xenpci assignable remove $dev_nvme
same "xl knows" "" "$(xl pci-assignable-list | grep $dev_nvme)"

# ---- Resets: the kernel's and our own leave the same configuration ----
for row in "$dev_nvme kernel" "$dev_nvme flr" "$dev_e1000e kernel" "$dev_e1000e pm" \
	"$dev_rootport kernel" "$dev_rootport slot" "$dev_pcibridge bus" "$dev_pcibridge kernel"; do
	set -- $row
	setpci -s "$1" CACHE_LINE_SIZE=10
	before=$(config "$1")
	check "$1 is reset by $2" xenpci reset -m "$2" "$1"
	same "$1 is as it was" "$before" "$(config "$1")"
done
check "what it lacks is not used" fails xenpci reset -m flr $dev_e1000e

# ---- With a guest, without xl ----
guest_start g1 pci="$dev_pcibridge"
check "edu is not given" fails xenpci attach g1 $dev_edu
check "a NIC that was reset by its slot has to be held" xenpci assignable add $dev_rootport
check "then it is" xenpci attach g1 $dev_rootport
check "the guest sees it" wait_for 20 guest g1 10 "lspci -n | grep 8086:10d3"
check "list shows it" xenpci list g1
same "xl's list, too" 1 "$(xl pci-list g1 | grep -c $dev_rootport)"
guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
check "it works" guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
check "xl detaches it" xl pci-detach g1 $dev_rootport
check "xenpcid has reset it" grep "$dev_rootport: reset by" "$out/$scenario.xenpcid"
check "xl wants it held by pciback" xenpci assignable add $dev_rootport
check "xl attaches it" xl pci-attach g1 $dev_rootport
check "the guest sees it again" wait_for 20 guest g1 10 "lspci -n | grep 8086:10d3"
check "xenpci detaches it" xenpci detach g1 $dev_rootport
same "it is nobody's" "" "$(xenstore-read /libxl/pci/0000-01-00-0/domid 2>/dev/null)"

# ---- Two functions of one slot, neither with an FLR, go to one guest ----
error_says() { xenstore-read "/local/domain/0/error/backend/pci/$(domid "$1")/0/error" | grep "$2"; }
has_nics() { [ "$(guest "$1" 10 "lspci -n" | grep -c 8086:10d3)" = "$2" ]; }
echo 0 >/sys/bus/pci/drivers_autoprobe
modprobe e1000e
echo 1 >/sys/bus/pci/drivers_autoprobe
check "the host's driver takes one of them" sh -c "echo $dev_slot1 >/sys/bus/pci/drivers/e1000e/bind"
check "the other alone is no guest's" check_says $dev_slot0 "$dev_slot1 (host, e1000e).*rule slot"
check "and is not given" fails xenpci attach g1 $dev_slot0
check "the host's driver leaves it, and both are held" xenpci assignable add $dev_slot1 $dev_slot0
check "now the other is given" xenpci attach g1 $dev_slot0
guest_start g2 pci="$dev_slot1"
check "a second guest does not get the first" has_nics g2 0
check "and the error node says why" error_says g2 "$dev_slot0 (guest $(domid g1)).*rule slot"
guest_destroy g2
check "the guest that has one gets both" xenpci attach g1 $dev_slot1
check "and sees both" wait_for 20 has_nics g1 2
for d in $dev_slot1 $dev_slot0; do
	check "$d is taken back" xenpci detach g1 $d
done
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1

# ---- A refusal reaches the toolstack's user ----
guest_start g2 pci="$dev_edu"
same "the guest does not get it" "" "$(guest g2 5 "lspci -n | grep 1234:11e8")"
check "and the error node says why" error_says g2 'rule no-reset'
guest_destroy g2
