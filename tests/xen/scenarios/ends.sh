# However xenpcid ends, or a part of it: a guest with a disk and a nic is created after it as ever, and new
# guests with a device find a backend.

switch=$xenbus/drivers_autoprobe
driver_of() { basename "$(readlink "$xenbus/devices/$1/driver" || echo none)"; }
is_bound() { [ "$(driver_of "$1")" = "$2" ]; }
server_is_new() { local s; s=$(backend_server) && [ "$s" != "$server" ] && serving_again; }
serving_again() { [ "$(grep -c serving "$out/$scenario.xenpcid")" -gt "$served" ]; }

kept=1
begin() { # [OPTIONS]
	backend_start "$@"
	keeper=$(backend_pid)
	server=$(backend_server)
	served=$(grep -c serving "$out/$scenario.xenpcid")
}
is_over() { pid_gone "$keeper" && pid_gone "$server"; }

modprobe loop
dd if=/dev/urandom of=/tmp/disk bs=64k count=4
losetup /dev/loop0 /tmp/disk

# others AFTER: what the host's other guests notice: nothing
others() {
	local id t
	t=$(ms)
	check "$1: a guest with a disk and a nic is created" guest_start g2 disk="'phy:/dev/loop0,xvda,w'" \
		vif="'mac=00:16:3e:00:00:01'" modules=xen-blkfront+xen-netfront
	figure "$(echo "$1" | tr ' ' _)" $(($(ms) - t)) ms
	id=$(domid g2)
	check "$1: its disk is bound" is_bound "vbd-$id-51712" vbd
	check "$1: its nic is bound" is_bound "vif-$id-0" vif
	check "$1: the guest has its disk" wait_for 10 guest g2 5 "test -e /dev/xvda"
	guest_destroy g2
	wait_for 10 no_others
}
no_others() { [ -z "$(domid g2)" ]; }
# ended AFTER: nobody of us is left, and the host is as it was
ended() {
	check "$1: all is over" wait_for 20 is_over
	rm -f $state/xenpcid.pid
	same "$1: the switch is on" 1 "$(cat $switch)"
}

backend_stop
begin
same "while it runs the switch is off" 0 "$(cat $switch)"
others "running"

# A running guest with a device goes through all that leaves somebody to serve.
guest_start g1 pci="$dev_edu"
one=$(domid g1)
serves_g1() {
	check "$1: g1 is xenpcid's" is_state "$one" 4
	same "$1: not the kernel's" none "$(driver_of "pci-$one-0")"
	same "$1: g1 reads its device" 1234:11e8 "$(guest g1 10 "lspci -n" | awk '{ print $3 }')"
}
serves_g1 "running"

kill -HUP "$keeper"
kill -USR1 "$keeper"
kill -HUP "$server"
same "HUP and USR1: the same server" "$server" "$(backend_server)"
others "HUP and USR1"

for s in KILL SEGV; do
	server=$(backend_server)
	served=$(grep -c serving "$out/$scenario.xenpcid")
	kill -$s "$server"
	check "$s of the server: a successor" wait_for 20 server_is_new
	others "$s of the server"
	serves_g1 "$s of the server"
done

server=$(backend_server)
served=$(grep -c serving "$out/$scenario.xenpcid")
kill -STOP "$server"
others "a server that hangs"
check "a server that hangs: a successor" wait_for 20 server_is_new
serves_g1 "a server that hangs"

# The server becomes the keeper of another.
server=$(backend_server)
served=$(grep -c serving "$out/$scenario.xenpcid")
kill -KILL "$keeper"
keeper=$server
echo "$keeper" >$state/xenpcid.pid
check "KILL of the keeper: the server has become one" wait_for 20 server_is_new
others "KILL of the keeper"
serves_g1 "KILL of the keeper"
guest_destroy g1
server=$(backend_server)

kill -TERM "$keeper"
ended TERM
others TERM
check "TERM: a guest with a device is created" guest_start g3 pci="$dev_edu"
same "TERM: it is the kernel's" xen-pciback "$(driver_of "pci-$(domid g3)-0")"
guest_destroy g3

for s in INT QUIT; do
	begin
	kill -$s "$keeper"
	ended $s
	others $s
done

# Left to a successor, a guest has its device again when that one is there.
begin --keep-guests
guest_start g1 pci="$dev_edu"
one=$(domid g1)
kill -TERM "$keeper"
ended "TERM with --keep-guests"
others "TERM with --keep-guests"
begin
serves_g1 "after --keep-guests"
guest_destroy g1

# Nobody is left to help: udev is.
systemd-udevd --daemon
kill -KILL "$keeper" "$server"
check "KILL of all: nobody is left" wait_for 10 is_over
rm -f $state/xenpcid.pid
same "KILL of all: the switch is off" 0 "$(cat $switch)"
others "KILL of all"
kill $(pidof systemd-udevd)
begin
kill -TERM "$keeper"
ended "KILL of all, and the next one's TERM"

# xen-pciback out and in again under a running xenpcid: the switch stays off, and a node has one backend.
begin
check "xen-pciback is unloaded" rmmod xen_pciback
same "xen-pciback unloaded: the switch is off" 0 "$(cat $switch)"
modprobe xen-pciback
same "xen-pciback loaded again: the switch is off" 0 "$(cat $switch)"
others "xen-pciback loaded again"
guest_start g1 pci="$dev_edu"
one=$(domid g1)
serves_g1 "xen-pciback loaded again"
guest_destroy g1
kill -TERM "$keeper"
ended "TERM at last"
losetup -d /dev/loop0
