# A kernel that is locked down while the machine runs: xenpcid finds it out at its start and touches nothing, a
# guest with a device is the kernel's backend's. The last of its boot: there is no way back.

security=/sys/kernel/security
mount -t securityfs securityfs $security
backend_stop
echo integrity >$security/lockdown
same "the kernel is locked down" "[integrity]" "$(tr ' ' '\n' <$security/lockdown | grep '\[')"
refused() { setpci -s $dev_edu CACHE_LINE_SIZE=10 2>&1 | grep -q "not permitted"; }
check "config writes are refused" refused
/bin/xenpcid >$out/lockdown.xenpcid 2>&1
same "xenpcid ends with a status of its own" 3 $?
same "and says why, in one line" 1 "$(grep -c 'locked down (integrity)' $out/lockdown.xenpcid)"
same "the switch is as it was found" 1 "$(cat $xenbus/drivers_autoprobe)"
judged() { xenpci check $dev_e1000e | grep -q "assignable"; }
check "xenpci check goes on" judged
check "a guest with a device is created" guest_start locked pci="$dev_e1000e"
same "it is the kernel's" xen-pciback "$(readlink $xenbus/devices/pci-$(domid locked)-0/driver | sed 's/.*pciback/xen-pciback/')"
guest locked 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
check "and its device works" wait_for 20 guest locked 10 "ping -c 1 -w 3 10.0.2.2 | grep '1 packets received'"
guest_destroy locked
