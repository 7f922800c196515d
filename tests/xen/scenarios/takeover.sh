# xenpcid beside the loaded kernel backend: it claims the pci nodes and only those, and leaves the
# switch of the backend bus as it found it.

switch=$xenbus/drivers_autoprobe
bound() { basename "$(readlink "$xenbus/devices/$1/driver" || echo none)"; }

since_start() { awk '/^RIG: start/ { s = ""; next } { s = s $0 "\n" } END { printf "%s", s }' "$out/$scenario.xenpcid"; }

same "running, the switch is off" 0 "$(cat $switch)"
backend_stop
same "stopped, it is on again" 1 "$(cat $switch)"
echo 0 >$switch
backend_start
backend_stop
same "a switch that was off stays off" 0 "$(cat $switch)"
echo 1 >$switch
backend_start

# A guest that the kernel serves when xenpcid starts stays the kernel's, and xenpcid says so.
backend_stop
guest_start g3 pci="$dev_nvme"
three=$(domid g3)
same "with xenpcid stopped the kernel serves" xen-pciback "$(bound "pci-$three-0")"
backend_start
same "xenpcid leaves it to the kernel" xen-pciback "$(bound "pci-$three-0")"
check "and says so" eval "since_start | grep -i kernel | grep -E 'guest $three|pci-$three-0|pci/$three/0'"
same "the guest goes on" "1b36:0010" "$(guest g3 5 "lspci -n" | awk '{ print $3 }')"
guest_destroy g3

# While it runs: pci nodes are its, every other kind is the kernel's.
modprobe loop
dd if=/dev/urandom of=/tmp/disk bs=64k count=16
losetup /dev/loop0 /tmp/disk
guest_start g1 pci="$dev_edu"
guest_start g2 disk="'phy:/dev/loop0,xvda,w'" vif="'mac=00:16:3e:00:00:01'" \
	modules=xen-blkfront+xen-netfront
one=$(domid g1)
two=$(domid g2)
same "a pci node is left to xenpcid" none "$(bound "pci-$one-0")"
same "and served" 4 "$(pci_state "$one")"
same "a disk is bound by the kernel" vbd "$(bound "vbd-$two-51712")"
same "a nic is bound by the kernel" vif "$(bound "vif-$two-0")"
check "the disk appears in its guest" wait_for 10 guest g2 5 "test -e /dev/xvda"
same "and is read" "$(md5sum </tmp/disk)" "$(guest g2 10 "md5sum </dev/xvda")"
ip link set "vif$two.0" up
ip addr add 192.168.7.1/24 dev "vif$two.0"
guest g2 10 "ip link set eth0 up; ip addr add 192.168.7.2/24 dev eth0"
check "the nic answers" wait_for 20 guest g2 10 "ping -c 1 192.168.7.1"
check "the console speaks" grep -q @@READY $consoles/guest-g2.log
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g2
guest_destroy g1
losetup -d /dev/loop0
backend_stop
same "stopped, the switch is on again" 1 "$(cat $switch)"
