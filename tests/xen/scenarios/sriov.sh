# A virtual function for a guest: an nvme with SR-IOV, whose physical function is dom0's.
# Limit: 480 s

# By xenpcid's own rules: the rig allows all otherwise.
backend_stop
rules= backend_start

pf=0000:00:0c.0
vf=0000:00:0c.1
vf2=0000:00:0c.2
pf_dir=/sys/bus/pci/devices/$pf

# Dom0's driver tries the virtual functions, which have no queues, and fails. (sriov_drivers_autoprobe=0 would keep
# pciback from them, too.)
make_two() { echo 2 >$pf_dir/sriov_numvfs; }
echo 0 >/sys/bus/pci/drivers_autoprobe
modprobe nvme
echo $pf >/sys/bus/pci/drivers/nvme/bind
echo 1 >/sys/bus/pci/drivers_autoprobe
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

# ---- Given back, and given again ----
backend_log() { grep "$@" "$out/$scenario.xenpcid"; }
check "the physical function is no guest's meanwhile" says $pf "rule sriov"
check "the virtual function is taken back" xl pci-detach g1 $vf
check "and reset" backend_log "$vf: reset by"
check "and given again" xl pci-attach g1 $vf
has() { [ "$(guest g1 10 "cat /sys/bus/pci/devices/$v/$1")" = "$2" ]; }
check "the guest has it again" wait_for 10 has vendor 0x1b36
own_class() { guest g1 10 "setpci -s $v 8.l"; }
same "and reads it" "$(setpci -s $vf 8.l)" "$(own_class)"

# ---- The kernel does not end virtual functions that pciback holds ----
end_all() { echo 0 >$pf_dir/sriov_numvfs; }
check "dom0 cannot end them" fails end_all
same "the guest has it still" "$(setpci -s $vf 8.l)" "$(own_class)"

# ---- But when the physical function loses its driver, pciback lets go of them, under the guest ----
echo $pf >/sys/bus/pci/drivers/nvme/unbind
check "xenpcid takes it from its guest" wait_for 10 backend_log "$vf: taken away: it was unbound from its driver"
reads_ones() { [ "$(own_class)" = ffffffff ]; }
check "the guest reads ones" wait_for 10 reads_ones
check "the error node says why" eval \
	"xenstore-read /local/domain/0/error/backend/pci/$(domid g1)/0/error | grep '$vf: taken away'"
check "it is held back" says $vf "rule unreset"
check "xenpcid goes on" backend_alive
echo $pf >/sys/bus/pci/drivers/nvme/bind
check "now dom0 ends them" end_all
check "they are gone" fails test -e /sys/bus/pci/devices/$vf
guest_destroy g1

# ---- Made anew, it is reset as the log said, and another guest's ----
check "two more are made" make_two
assignable $vf
check "held back still" says $vf "rule unreset"
check "xenpci reset" xenpci reset $vf
guest_start g2 pci="$vf $vf2"
same "the next guest gets both" 2 "$(guest g2 10 "cat /sys/bus/pci/devices/*/vendor" | grep -c 0x1b36)"
guest_destroy g2
for d in $vf $vf2; do
	xl pci-assignable-remove $d
done
check "dom0 ends these, too" end_all
echo $pf >/sys/bus/pci/drivers/nvme/unbind
