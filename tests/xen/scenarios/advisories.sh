# Advisories for which the hypervisor matters (tests/hostile/advisories), on real Xen: what a guest asks of
# its vectors, what Xen holds of them after it died, and who has a device afterwards.
# Limit: 480 s

d=$dev_e1000e
seen=0000:00:00.0

# A frontend of the guest's own, open for as long as it is asked: closed, it would lose its vectors.
session() {
	guest g1 5 "rm -f /tmp/in /tmp/out; mkfifo /tmp/in; (xenpci-front script --raw /tmp/in >/tmp/out 2>&1; true) &
		sleep 100000 >/tmp/in & echo \$! >/tmp/holds"
}
session_over() { guest g1 5 "! pidof xenpci-front"; }
session_end() { guest g1 5 "kill \$(cat /tmp/holds)"; wait_for 10 session_over; }
# asked REQUEST...: by the guest, in the language of `xenpci-front script`; prints the answers
asked() {
	local request all="n=\$(wc -l </tmp/out);"
	for request in "$@"; do all="$all echo '$request';"; done
	guest g1 30 "{ $all } >/tmp/in.new; cat /tmp/in.new >/tmp/in; i=0;
		until [ \$(wc -l </tmp/out) -ge \$((n + $#)) ] || [ \$((i += 1)) -gt 1000 ]; do usleep 20000; done;
		tail -n +\$((n + 1)) /tmp/out"
}
granted() { asked "$@" | grep 'err=0'; }

# What Xen knows of the device: whose it is, and the vectors that it has for it, whether or not somebody bound them.
xen_line() {
	xl dmesg -c >/dev/null
	xl debug-keys Q
	xl dmesg -c | grep "^(XEN) *$d - "
}
owner() { xen_line | sed 's/^(XEN) *[^ ]* - \([^ ]*\).*/\1/'; }
vectors() { xen_line | sed -n 's/.*- MSIs < *\(.*\)>.*/\1/p' | wc -w; }
has_vectors() { [ "$(vectors)" = "$1" ]; }
in_device() { setpci -s $d "$1"; }
msi_on() { [ $((0x$(in_device CAP_MSI+2.w) & 1)) = 1 ]; }
msix_on() { [ $((0x$(in_device CAP_MSIX+2.w) & 0x8000)) != 0 ]; }
both_on() { msi_on && msix_on; }

guest_start g1 pci="$d" front=user
one=$(domid g1)
check "Xen has the device as g1's" [ "$(owner)" = "d$one" ]
session

# --- XSA-157: one way to signal at a time, in each order of three ---
check "XSA-157: MSI is granted" granted "enable_msi $seen"
check "XSA-157: and goes on" msi_on
same "XSA-157: Xen has its vector" 1 "$(vectors)"
check "XSA-157: MSI-X is refused beside it" fails granted "enable_msix $seen 0,1"
check "XSA-157: and does not go on" fails msix_on
asked "disable_msi $seen" "enable_msix $seen 0,1"
check "XSA-157: it does in its place" msix_on
same "XSA-157: with two vectors" 2 "$(vectors)"
asked "disable_msix $seen"
for first in "enable_msi $seen" "enable_msix $seen 0,1" "disable_msi $seen"; do
	for second in "enable_msi $seen" "enable_msix $seen 0,1" "disable_msix $seen"; do
		asked "$first" "$second" "$first"
		check "XSA-157: $first, $second: not both" fails both_on
		asked "disable_msi $seen" "disable_msix $seen"
	done
done
same "XSA-157: no vector is left" 0 "$(vectors)"
session_end
guest_drop g1

# --- XSA-302: silent and in quarantine before anybody is told ---
guest_start g1 pci="$d"
one=$(domid g1)
guest g1 10 "setpci -s $seen COMMAND=407"
same "XSA-302: the device masters the bus" 4 $((0x$(in_device COMMAND) & 4))
check "XSA-302: detached" xl pci-detach g1 $d
same "XSA-302: bus mastering is off" 0 $((0x$(in_device COMMAND) & 4))
check "XSA-302: it is with pciback still" test -e /sys/bus/pci/drivers/pciback/$d
# As Xen calls that domain: 4.17 by its number.
in_quarantine() { owner | grep -E '^(DomIO|d\[IO\])'; }
check "XSA-302: Xen has it in quarantine" in_quarantine
guest_destroy g1

# --- XSA-360: a guest that dies with its vectors on, over and over ---
# xl, which would have it let go of its devices first, is made to see none.
dies() {
	xenstore-rm "$(backend_dir "$one")/num_devs" /libxl/pci/0000-00-04-0/domid
	xl destroy g1
	rm -f $state/g1.tty
}
for life in 1 2 3; do
	guest_start g1 pci="$d" front=user
	one=$(domid g1)
	session
	check "XSA-360: life $life has vectors" granted "enable_msix $seen 0,1"
	same "XSA-360: life $life: Xen has them" 2 "$(vectors)"
	dies
	check "XSA-360: life $life leaves none" wait_for 10 has_vectors 0
	check "XSA-360: life $life: MSI-X goes off" wait_for 10 fails msix_on
	xenstore-rm "$(backend_dir "$one")"
done
