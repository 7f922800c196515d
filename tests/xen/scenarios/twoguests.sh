# Two guests at once, each with devices of its own.

guest_start g1 pci="$dev_e1000e $dev_edu"
guest_start g2 pci="$dev_rootport $dev_nvme"
same "the first guest's devices" "8086:10d3 1234:11e8 " "$(guest g1 5 "lspci -n" | awk '{ printf "%s ", $3 }')"
same "the second guest's devices" "8086:10d3 1b36:0010 " "$(guest g2 5 "lspci -n" | awk '{ printf "%s ", $3 }')"
for g in g1 g2; do
	guest $g 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
done
for g in g1 g2; do
	wait_for 20 guest $g 10 "grep -q 1 /sys/class/net/eth0/carrier"
done
guest g1 5 "ping -c 20 -i 0.2 10.0.2.2 >/tmp/ping 2>&1 &"
check "pings in the second guest" guest g2 20 "ping -c 20 -i 0.2 10.0.2.2 | grep '20 packets received'"
check "and meanwhile in the first" wait_for 10 guest g1 5 "grep '20 packets received' /tmp/ping"
guest g2 10 "modprobe nvme"
check "the second guest's disk is there" wait_for 10 guest g2 5 "test -e /dev/nvme0n1"
check "and can be written and read" guest g2 20 \
	"dd if=/dev/urandom of=/tmp/r bs=64k count=16 && dd if=/tmp/r of=/dev/nvme0n1 bs=64k conv=fsync &&
	 dd if=/dev/nvme0n1 bs=64k count=16 iflag=direct | cmp - /tmp/r"
check "a device of one guest is refused to the other" fails xl pci-attach g1 $dev_nvme
guest_destroy g2
check "the first guest does not notice the end of the second" \
	guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"
same "the first guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1
