# xl pci-attach and pci-detach while the guest runs: several devices, the renumbering after a
# detach, permissive=1, the last one detached and one attached again; the wall times of both.

# attach BDF[,options] / detach BDF: with times, until the pair is connected again.
attach() {
	local t
	assignable "${1%%,*}"
	t=$(ms)
	check "xl pci-attach $1" xl pci-attach g1 "$1" || return
	echo $(($(ms) - t)) >>$state/attach
	check "connected after attaching $1" wait_for 10 is_state "$id" 4
	check "the guest sees $1" wait_for 5 guest_has "${1%%,*}"
	echo $(($(ms) - t)) >>$state/attached
}
detach() {
	local t v
	v=$(vdev "$id" "$1")
	t=$(ms)
	check "xl pci-detach $1" xl pci-detach g1 "$1" || return
	echo $(($(ms) - t)) >>$state/detach
	check "$v is gone in the guest" guest g1 5 "! test -e /sys/bus/pci/devices/$v"
}
guest_has() { guest g1 5 "test -e /sys/bus/pci/devices/$(vdev "$id" "$1")"; }
listed() { same "xl pci-list after $1" "$2" "$(xl pci-list g1 | awk 'NR > 1 { print $2 }' | tr '\n' ' ')"; }
numbers() { xenstore-list "$(backend_dir "$id")" | grep '^dev-' | sort | tr '\n' ' '; }

# A register without a field in the filter, so that only a permissive device lets it through: the
# data of the MSI capability, which means nothing as long as MSI is off. What it was depends on the
# IOMMU, and on whether the device has had MSI before.
msi_data() { guest g1 5 "setpci -s $1 CAP_MSI+c.w"; }
writes_through() {
	guest g1 5 "setpci -s $1 CAP_MSI+c.w=$2; setpci -s $1 CAP_MSI+c.w"
}

rm -f $state/attach $state/attached $state/detach
guest_start g1
id=$(domid g1)
attach $dev_e1000e
listed "the first attach" "$dev_e1000e "
attach $dev_edu
attach $dev_rootport
listed "three attaches" "$dev_e1000e $dev_edu $dev_rootport "
was=$(msi_data "$(vdev "$id" $dev_rootport)")
same "a write that the filter drops" "${was:-none}" "$(writes_through "$(vdev "$id" $dev_rootport)" 0123)"
detach $dev_edu
listed "detaching the second" "$dev_e1000e $dev_rootport "
same "the numbers close up" "dev-0 dev-1 " "$(numbers)"
attach $dev_xhci
listed "attaching another" "$dev_e1000e $dev_rootport $dev_xhci "
detach $dev_rootport
attach $dev_rootport,permissive=1
same "permissive=1 lets it through" 0123 "$(writes_through "$(vdev "$id" $dev_rootport)" 0123)"
writes_through "$(vdev "$id" $dev_rootport)" "$was"
detach $dev_rootport
detach $dev_e1000e
detach $dev_xhci
listed "detaching all" ""
check "no directory is left" fails xenstore-exists "$(backend_dir "$id")"
attach $dev_e1000e
listed "attaching one again" "$dev_e1000e "
guest g1 20 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
check "it works" guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
for w in attach attached detach; do
	figure $w.median "$(sort -n $state/$w | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')" ms
done
guest_destroy g1
