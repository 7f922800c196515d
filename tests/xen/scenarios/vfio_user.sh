# A device that a program implements (--devices vfio-user:SOCKET), for guests on real Xen: config space for Linux'
# pcifront and for the library, interrupts for the library, and what a PV guest cannot have, told when it is given.
# What the program does to its guest, a neighbour with hardware does not notice.
# Limit: 480 s

socket=/run/device.socket
virtual=ff00:00:00.0
log=$out/$scenario.xenpcid
logged() { grep -q "$1" "$log"; }

server_begin() {
	rm -f $socket
	vfio_server $socket >/dev/null 2>&1 &
	device=$!
	wait_for 10 test -S $socket
}
server_end() { kill -KILL "$device"; wait_for 10 pid_gone "$device"; }
begin() { backend_start --devices sysfs --devices "vfio-user:$socket,events"; }

give() { check "$1: xenpci attach --virtual" xenpci attach --virtual "$1" $virtual; }

# front COMMAND...: the library's tool in guest u
front() { guest u 20 "xenpci-front $*"; }
# listens KIND: u waits for one interrupt of that kind; what comes is in /tmp/irq
listens() {
	guest u 5 "rm -f /tmp/irq; (xenpci-front interrupts --count 1 --timeout 60000 00:00.0 $1 >/tmp/irq 2>&1;
		echo status \$? >>/tmp/irq) &"
	wait_for 20 guest u 5 "grep ready /tmp/irq"
}
comes() { guest u 5 "grep 'status 0' /tmp/irq && grep '$1' /tmp/irq"; }
interrupts_come() { # WHEN
	local kind what
	for kind in "msix 3=msix 2" "msi=msi 0" "intx=intx 0"; do
		what=${kind#*=} kind=${kind%=*}
		check "$1: $kind: the guest listens" listens "$kind"
		kill -USR2 "$device"
		check "$1: $kind: the interrupt comes" wait_for 20 comes "0000:00:00.0 $what" ||
			say "$(guest u 5 "cat /tmp/irq" | tr '\n' ';')"
	done
}
neighbour() { check "$1: the neighbour's NIC answers" guest n 30 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"; }

backend_stop
server_begin
check "a program is the device" test -S $socket
begin
guest_start n pci="$dev_e1000e" modules=e1000e
guest n 10 "ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest n 10 "grep -q 1 /sys/class/net/eth0/carrier"
neighbour "before"

# ---- For the library ----
guest_start u front=user
give u
check "the guest finds it" wait_for 20 eval 'front list -n | grep 1af4:0005'
check "what a PV guest cannot have is told" wait_for 10 logged \
	"$virtual: a program implements it: no DMA, BARs are decoded for no processor, interrupts are event channels"
same "a register of its own is read" cafe0000 "$(front read 00:00.0 0x60 4)"
check "and not written: it is filtered" fails front write 00:00.0 0x60 0x1234 2
check "a BAR of each kind is there" eval '[ "$(front bars | grep -c .)" -ge 4 ]'
changed() { [ "$(front read 00:00.0 0x64 1)" != 00 ]; }
kill -USR1 "$device"
check "what the device changes is seen" wait_for 10 changed
interrupts_come "first"
check "Xen was asked for no pirq of it" fails guest u 5 "grep -E 'pirq' /proc/interrupts"

# ---- xenpcid is killed and started again ----
backend_kill
begin
check "killed and started again, it has its device" wait_for 20 eval 'front list -n | grep 1af4:0005'
interrupts_come "again"
neighbour "again"

# ---- For Linux' pcifront ----
guest_drop u
guest_start k
give k
has() { guest k 10 "lspci -n" | grep 1af4:0005; }
check "Linux' pcifront finds it" wait_for 20 has
same "with its registers" cafe0000 "$(guest k 10 "setpci -s 00:00.0 60.l")"
same "and its capabilities" "MSI MSI-X Power" "$(guest k 10 "lspci -vs 00:00.0" | sed -n 's/.*Capabilities: [^ ]* \([A-Za-z-]*\).*/\1/p' | sort | tr '\n' ' ' | sed 's/ $//')"

check "xenpci detach --virtual" xenpci detach --virtual k $virtual
check "and it is gone" fails has
give k
check "attached again, it is there" wait_for 20 has

# ---- The program dies under its guest ----
server_end
ones() { [ "$(guest k 10 "setpci -s 00:00.0 62.w")" = ffff ]; }
check "the program dies: its guest reads ones" wait_for 20 ones
check "which is told" wait_for 10 logged "$virtual"
neighbour "behind its end"
check "xenpcid goes on" backend_alive
guest_drop k
guest_destroy n
