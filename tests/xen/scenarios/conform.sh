# The conformance suite of xenpci-front, in a guest without the kernel's pcifront. A fresh guest for
# each device: the kernel's backend takes one connection from a guest and no second.

for d in $dev_e1000e $dev_nvme; do
	guest_start g1 front=user pci="$d $dev_edu"
	quietly guest g1 120 "xenpci-front conform" >"$out/$scenario-$d.txt" 2>&1
	check "the suite on $d: $(tail -n 1 "$out/$scenario-$d.txt")" [ $? -eq 0 ]
	# The edu device says who it is in its first register. (Connected a second time: the kernel's backend cannot.)
	[ "$BACKEND" != xenpcid ] || same "a program in the guest reads the memory of a BAR" 010000ed \
		"$(guest g1 20 "xenpci-front write --no-verify 00:01.0 4 2 2 && xenpci-front peek 00:01.0 0 0")"
	grep -E '^(FAIL|not ok)' "$out/$scenario-$d.txt" | while read -r line; do notok "$line"; done
	guest_drop g1
done
