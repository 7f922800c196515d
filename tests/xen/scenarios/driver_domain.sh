# xenpcid in a driver domain, a PV guest that has a NIC through pcifront, and that serves it to another guest: as far as
# Xen, and the driver domain's own kernel, let a domain without privileges (XSA-482).
# Limit: 480 s

d=$dev_e1000e
d_log() { guest drv 10 "cat /tmp/xenpcid"; }
serves() { guest drv 5 "grep serving /tmp/xenpcid"; }
begin() {
	guest drv 10 "(xenpcid --no-keeper -v --allow all >>/tmp/xenpcid 2>&1; echo ended \$? >>/tmp/xenpcid) &"
	check "$1: xenpcid serves there" wait_for 20 serves
}

guest_start drv pci="$d" modules=xen-evtchn+xen-gntalloc+xen-gntdev+xen-privcmd
drv=$(domid drv)
begin "start"
d_log >"$out/$scenario.driver-domain"
list=$(d_log | grep 'Xen refuses us')
same "what Xen refuses is told, in one line" 1 "$(echo "$list" | grep -c .)"
say "${list:-no list}"
for word in vectors 'interrupt lines' resets domains 'give devices'; do
	check "the list has $word" eval 'echo "$list" | grep "$word"'
done

guest_start g1
one=$(domid g1)
check "xenpci attach --backend" xenpci attach --allow all --backend drv g1 $d
dir=/local/domain/$drv/backend/pci/$one/0
connected() { [ "$(xenstore-read "$dir/state")" = 4 ]; }
check "g1 and the driver domain are connected" wait_for 20 connected
same "no line of the log is an error" "" "$(d_log | grep 'error:')"
g1_has() { guest g1 10 "lspci -n" | grep 8086:10d3; }
check "g1 has the NIC" wait_for 20 g1_has
check "xenpci list tells" eval "xenpci list --backend drv | grep 'g1 *0000:00:00.00'"
guest g1 10 "setpci -s 00:00.0 COMMAND=0407"
same "what it writes reaches the device" 4 $((0x$(setpci -s $d COMMAND) & 4))

# ---- The driver domain's xenpcid is killed: the next one goes on ----
guest drv 10 "killall -9 xenpcid; rm /tmp/xenpcid"
begin "killed"
check "killed: it goes on with the NIC" wait_for 20 guest drv 10 "grep '00:00.0 goes on as' /tmp/xenpcid"
same "killed: g1 reads it" 10d38086 "$(guest g1 10 "setpci -s 00:00.0 0.l")"

# ---- By the interrupt line: there are no vectors ----
guest g1 30 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
check "g1's NIC answers" guest g1 30 "ping -c 3 -i 0.3 10.0.2.2 | grep '3 packets received'" ||
	say "$(guest g1 10 "grep pirq /proc/interrupts; dmesg | grep e1000e | tail -n 5" | tr '\n' ';')"
check "by the interrupt line" guest g1 10 "grep 'pirq.*eth0' /proc/interrupts | grep -v msi"
guest g1 20 "rmmod e1000e"

# ---- Detached ----
check "xenpci detach --backend" xenpci detach --backend drv g1 $d
same "g1 has nothing" 0 "$(guest g1 10 "ls /sys/bus/pci/devices | wc -l")"
check "and its nodes are gone" fails xenstore-exists "$dir/num_devs"
check "the driver domain has it, silent" eval '[ $((0x$(guest drv 10 "setpci -s 00:00.0 COMMAND") & 4)) = 0 ]'
d_log >"$out/$scenario.driver-domain"
guest_destroy g1
guest_destroy drv
