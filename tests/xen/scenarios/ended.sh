# However xenpcid ends: a guest with a disk and a nic is created after it as ever, and a new guest with a device
# finds the kernel's backend. (ends.sh: only a part of it ends.)

. /rig/scenarios/ends.inc

backend_stop
begin
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

# The same under a guest that has a device: whatever becomes of the device, which nobody holds for guests any
# more, the kernel's backend does not take the node beside us, and the next guest is served.
check "xen-pciback is unloaded under a guest" rmmod xen_pciback
modprobe xen-pciback
same "xen-pciback reloaded under a guest: the switch is off" 0 "$(cat $switch)"
same "xen-pciback reloaded under a guest: not the kernel's" none "$(driver_of "pci-$one-0")"
guest_destroy g1
check "xen-pciback reloaded under a guest: it is gone" wait_for 20 no_guests
guest_start g1 pci="$dev_edu"
one=$(domid g1)
serves_g1 "after that"
guest_destroy g1
kill -TERM "$keeper"
ended "TERM at last"

# Loaded only after xenpcid has begun.
rmmod xen_pciback
begin
modprobe xen-pciback
same "xen-pciback loaded later: the switch is off" 0 "$(cat $switch)"
guest_start g1 pci="$dev_edu"
one=$(domid g1)
serves_g1 "xen-pciback loaded later"
guest_destroy g1
kill -TERM "$keeper"
ended "TERM in the end"
losetup -d /dev/loop0
