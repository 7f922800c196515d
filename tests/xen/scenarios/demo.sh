# The main job on real Xen, told as it happens: make demo-xen.

# show COMMAND...: what it prints, indented under the last sentence.
show() { quietly "$@" 2>&1 | sed 's/^/--    /' >>$out/results; }
pcis() { guest g1 10 "lspci"; }
sizes() { guest g1 10 "lspci -v -s $1" | grep -E 'Memory|I/O|IRQ'; }

say "Xen $(xl info | awk '/^xen_version/ { print $3 }') runs on an emulated machine, with Linux $(uname -r) as dom0."
say "dom0's kernel holds the devices (driver pciback); xenpcid serves them:"
show tail -n 1 "$out/$scenario.xenpcid"
same "the backend bus leaves pci to xenpcid" 0 "$(cat $xenbus/drivers_autoprobe)"

say "xl create, with a network card (host address $dev_e1000e). The guest runs Linux' own pcifront:"
guest_start g1 pci="$dev_e1000e"
id=$(domid g1)
show pcis
check "the guest finds the card" guest g1 5 "lspci -n | grep 8086:10d3"
say "Its regions, with the sizes that the guest found by probing:"
show sizes 00:00.0
check "four regions have sizes" eval '[ "$(sizes 00:00.0 | grep -c size=)" = 4 ]'

say "The guest's driver asks for MSI-X vectors and brings the link up:"
guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
show guest g1 5 "grep msi-x /proc/interrupts"
check "three vectors were granted" guest g1 5 "[ \$(grep -c msi-x /proc/interrupts) = 3 ]"
say "and a ping crosses the card, the emulated wire and back:"
show guest g1 20 "ping -c 3 -i 0.2 10.0.2.2"
check "three answers" guest g1 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"

say "xl pci-attach g1 $dev_nvme, while the guest runs:"
assignable $dev_nvme
t=$(ms)
xl pci-attach g1 $dev_nvme
check "the guest sees the disk controller arrive" wait_for 10 guest g1 5 "lspci -n | grep 1b36:0010"
say "after $(($(ms) - t)) ms:"
show pcis
guest g1 10 "modprobe nvme"
check "its disk can be read" wait_for 10 guest g1 10 "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 iflag=direct"
guest g1 10 "rmmod nvme"
say "xl pci-detach g1 $dev_nvme:"
check "xl takes it away" xl pci-detach g1 $dev_nvme
check "and the guest sees it leave" guest g1 5 "! lspci -n | grep 1b36:0010"

say "The guest writes to a register that it may not change, the data of the card's MSI capability:"
seen=$(wc -l <"$out/$scenario.xenpcid")
guest g1 5 "setpci -s 00:00.0 CAP_MSI+c.w=1234"
same "nothing reaches the device" 0000 "$(setpci -s $dev_e1000e CAP_MSI+c.w)"
denial() { tail -n +$((seen + 1)) "$out/$scenario.xenpcid" | grep -i 'refused'; }
check "and xenpcid says so, and what would allow it" wait_for 5 denial
show denial

say "xl destroy:"
check "the guest goes" xl destroy g1
check "its device is free for the next" fails xenstore-exists /libxl/pci/0000-00-04-0/domid
