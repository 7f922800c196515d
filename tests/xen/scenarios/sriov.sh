# A virtual function for a guest: an nvme with SR-IOV, whose physical function is dom0's.

# By xenpcid's own rules: the rig allows all otherwise.
backend_stop
rules= backend_start

pf=0000:00:0c.0
vf=0000:00:0c.1
vf2=0000:00:0c.2
pf_dir=/sys/bus/pci/devices/$pf

# No driver of dom0's takes the virtual functions. (sriov_drivers_autoprobe=0 would keep pciback from them, too.)
make_two() {
	echo 0 >/sys/bus/pci/drivers_autoprobe
	echo 2 >$pf_dir/sriov_numvfs
	made=$?
	echo 1 >/sys/bus/pci/drivers_autoprobe
	return $made
}
echo 0 >/sys/bus/pci/drivers_autoprobe
modprobe nvme
echo $pf >/sys/bus/pci/drivers/nvme/bind
check "dom0 has the physical function make two" make_two
check "they are there" test -e /sys/bus/pci/devices/$vf2
same "a virtual function's own ids are ones" "ffff ffff" \
	"$(setpci -s $vf VENDOR_ID DEVICE_ID | tr '\n' ' ' | sed 's/ $//')"
ids=$(cat /sys/bus/pci/devices/$vf/vendor /sys/bus/pci/devices/$vf/device | tr '\n' ' ')
says() { xenpci check "$1" | grep "$2"; }
check "check names the physical function" says $vf "virtual function of $pf"
same "the physical function is dom0's" nvme "$(basename "$(readlink $pf_dir/driver)")"

guest_start g1 pci="$vf"
v=$(vdev "$(domid g1)" $vf)
check "the guest has it" [ -n "$v" ]
g() { guest g1 10 "cat /sys/bus/pci/devices/$v/$1"; }
same "with the ids that the kernel knows" "$ids" "$(echo $(g vendor) $(g device)) "
host_bar() { awk 'NR == 1 { print $1, $2 }' "/sys/bus/pci/devices/$vf/resource"; }
same "and its memory where the kernel has it" "$(host_bar)" "$(g resource | awk 'NR == 1 { print $1, $2 }')"

# Its decoding is the physical function's, and the guest's bit is a wish that is kept. (In hardware its own reads 0; the
# emulated one can be written.)
guest g1 10 "setpci -s $v COMMAND=6"
same "the guest turns on decoding and bus mastering" 0006 "$(guest g1 10 "setpci -s $v COMMAND")"
same "bus mastering reaches the device" 4 "$((0x$(setpci -s $vf COMMAND) & 4))"

# What a guest may not give away: the physical function, to another guest.
backend_log() { grep "$@" "$out/$scenario.xenpcid"; }
echo $pf >/sys/bus/pci/drivers/nvme/unbind
guest_start g2 pci="$pf"
check "the physical function is not another guest's" \
	sh -c "xenstore-read /local/domain/0/error/backend/pci/$(domid g2)/0/error | grep 'rule sriov'"
same "which has nothing" 0 "$(guest g2 10 "ls /sys/bus/pci/devices | wc -l")"
guest_destroy g2
xl pci-assignable-remove $pf
echo $pf >/sys/bus/pci/drivers/nvme/bind
same "dom0's driver has it again" nvme "$(basename "$(readlink $pf_dir/driver)")"

check "the virtual function is taken back" xl pci-detach g1 $vf
check "and reset" backend_log "$vf: reset by"
check "and given again" xl pci-attach g1 $vf
there() { guest g1 10 "cat /sys/bus/pci/devices/$v/vendor" | grep 0x; }
check "the guest has it again" wait_for 10 there

# ---- dom0 has the physical function take them back, under the guest ----
check "dom0 ends the virtual functions" sh -c "echo 0 >$pf_dir/sriov_numvfs"
check "xenpcid takes it from its guest" wait_for 10 backend_log -E "$vf.*taken away: it was"
gone() { ! guest g1 10 "setpci -s $v VENDOR_ID" | grep -v ffff; }
check "the guest reads nothing of it" wait_for 10 gone
check "xenpcid goes on" backend_alive
guest_destroy g1

check "two more are made" make_two
guest_start g3 pci="$vf2"
same "the next guest gets one" "0x1b36" "$(guest g3 10 "cat /sys/bus/pci/devices/*/vendor")"
guest_destroy g3
xl pci-assignable-remove $vf2
echo 0 >$pf_dir/sriov_numvfs
echo $pf >/sys/bus/pci/drivers/nvme/unbind
