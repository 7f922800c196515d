# The conformance suite of xenpci-front, in a guest without the kernel's pcifront.

guest_start g1 front=user pci="$dev_e1000e $dev_edu $dev_nvme"
guest g1 120 "xenpci-front conform" >"$out/$scenario.txt" 2>&1
check "the conformance suite" [ $? -eq 0 ]
figure cases "$(wc -l <"$out/$scenario.txt")" lines
grep -i '^not ok' "$out/$scenario.txt" | while read -r line; do notok "${line#not ok }"; done
guest_destroy g1
