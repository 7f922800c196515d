# Advisories for which the hypervisor matters (tests/hostile/advisories), on real Xen: what a guest asks of
# its vectors, what Xen holds of them after it died, and who has a device afterwards.

d=$dev_e1000e

# asked REQUEST...: by the guest, in the language of `xenpci-front script`
asked() {
	local request all=
	for request in "$@"; do all="$all echo '$request';"; done
	guest g1 60 "{ $all } >/tmp/asked; xenpci-front script --raw /tmp/asked"
}
# Vectors of the guest that Xen has bound.
vectors() { holdings | grep -c "^irq .*d$one:"; }
# owner BDF: whose device it is to Xen
owner() {
	xl dmesg -c >/dev/null
	xl debug-keys Q
	xl dmesg -c | sed -n "s/^(XEN) *$1 - \([^ ]*\) .*/\1/p" | tail -n 1
}
in_device() { setpci -s $d "$1"; }
msi_on() { [ $((0x$(in_device CAP_MSI+2.w) & 1)) = 1 ]; }
msix_on() { [ $((0x$(in_device CAP_MSIX+2.w) & 0x8000)) != 0 ]; }
both_on() { msi_on && msix_on; }

guest_start g1 pci="$d" front=user
one=$(domid g1)
seen=0000:00:00.0

# --- XSA-157: one way to signal at a time, in each order of three ---
asked "enable_msi $seen" >/dev/null
check "XSA-157: MSI goes on" msi_on
asked "enable_msix $seen 0,1" >/dev/null
check "XSA-157: and MSI-X does not beside it" fails msix_on
asked "disable_msi $seen" "enable_msix $seen 0,1" >/dev/null
check "XSA-157: it does in its place" msix_on
asked "disable_msix $seen" >/dev/null
for first in "enable_msi $seen" "enable_msix $seen 0,1" "disable_msi $seen"; do
	for second in "enable_msi $seen" "enable_msix $seen 0,1" "disable_msix $seen"; do
		asked "$first" "$second" "$first" >/dev/null
		check "XSA-157: $first, $second: not both" fails both_on
		asked "disable_msi $seen" "disable_msix $seen" >/dev/null
	done
done
same "XSA-157: no vector is left" 0 "$(vectors)"

# --- XSA-302: silent and in quarantine before anybody is told ---
asked "conf_write $seen 4 2 0x407" >/dev/null
check "XSA-302: detached" xl pci-detach g1 $d
same "XSA-302: bus mastering is off" 0 $((0x$(in_device COMMAND) & 4))
check "XSA-302: it is with pciback still" test -e /sys/bus/pci/drivers/pciback/$d
same "XSA-302: Xen has it in quarantine" "d[IO]" "$(owner $d)"
guest_destroy g1

# --- XSA-360: a guest that dies with its vectors on, over and over ---
for life in 1 2 3; do
	guest_start g1 pci="$d" front=user
	one=$(domid g1)
	asked "enable_msix $seen 0,1" >/dev/null
	check "XSA-360: life $life has vectors" test "$(vectors)" -gt 0
	xl destroy g1
	same "XSA-360: life $life leaves none" 0 "$(vectors)"
done
