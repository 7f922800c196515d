# Is the box true? The program that exercises each primitive, here on real Xen; its transcript is
# laid beside the box's by rig. It destroys its guest behind xl's back, so it comes last in a boot.

guest_start g1 front=user pci="$dev_e1000e"
id=$(domid g1)
guest g1 5 "fidelity guest >/tmp/fidelity 2>&1 &"
# The e1000e's MSI-X table is in BAR 3.
table=$(awk 'NR == 4 { print $1 }' /sys/bus/pci/devices/$dev_e1000e/resource)
check "the program runs to its end" eval \
	"timeout 60 fidelity dom0 $id $dev_e1000e $table >'$out/fidelity.txt'"
figure observations "$(wc -l <"$out/fidelity.txt")" lines
