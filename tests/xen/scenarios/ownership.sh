# A device that dom0 unbinds from pciback under a running guest, and one that it unbinds while no xenpcid runs:
# what the guest, its nodes and the operator see; and that the guest can have it again.

# index BDF: the number of its entry
index() {
	local n
	for n in $(xenstore-list "$(backend_dir "$id")" | sed -n 's/^dev-//p'); do
		[ "$(xenstore-read "$(backend_dir "$id")/dev-$n")" != "$1" ] || echo "$n"
	done
}
unbind() { echo "$1" >"/sys/bus/pci/drivers/pciback/unbind"; }
closed() { [ "$(xenstore-read "$(backend_dir "$id")/state-$1")" = 6 ]; }
ids() { guest g1 5 "setpci -s $1 0.l"; }
logged() { grep -q "$1" "$out/$scenario.xenpcid"; }
held_back() { xenstore-read "/local/domain/0/xenpci/quarantine/$(echo "$1" | tr :. --)" | grep -q "unreset: "; }

# lost NAME BDF VDEV ENTRY: all that is to be seen of it
lost() {
	check "$1: its entry is closed" wait_for 5 closed "$4"
	same "$1: the guest reads ones" ffffffff "$(ids "$3")"
	same "$1: what it writes is dropped" ffff "$(guest g1 5 "setpci -s $3 4.w=7; setpci -s $3 4.w")"
	check "$1: the error node says why" eval \
		"xenstore-read /local/domain/0/error/backend/pci/$id/0/error | grep '$2: taken away'"
	check "$1: it is held back" held_back "$2"
	check "$1: xenpci check says so" eval "xenpci check $2 | grep unreset"
	check "$1: nobody has it" fails test -e "/sys/bus/pci/devices/$2/driver"
	check "$1: it is as its guest left it, not reset" eval \
		"! sed -n '/taken away/,\$p' '$out/$scenario.xenpcid' | grep -E '$2: (reset|not reset)'"
}

guest_start g1 pci="$dev_e1000e $dev_edu $dev_xhci"
id=$(domid g1)
nic=$(vdev "$id" $dev_e1000e)
edu=$(vdev "$id" $dev_edu)
xhci=$(vdev "$id" $dev_xhci)
was_nic=$(ids "$nic")
was_xhci=$(ids "$xhci")

check "dom0 unbinds the nic" unbind $dev_e1000e
check "it is told" wait_for 5 logged "$dev_e1000e: taken away: it was unbound from its driver"
lost "unbound" $dev_e1000e "$nic" "$(index $dev_e1000e)"
same "unbound: the guest's other device is there" "$was_xhci" "$(ids "$xhci")"

backend_kill
check "dom0 unbinds another, with no xenpcid" unbind $dev_edu
backend_start
check "the next xenpcid tells of it" wait_for 5 logged "$dev_edu: taken away: while no xenpcid ran"
check "the other device goes on" wait_for 5 logged "$dev_xhci goes on"
lost "unbound meanwhile" $dev_edu "$edu" "$(index $dev_edu)"
same "unbound meanwhile: the guest's other device is there" "$was_xhci" "$(ids "$xhci")"
same "unbound meanwhile: what was lost before still reads as ones" ffffffff "$(ids "$nic")"

# Given again, as the log says: bound, reset, attached.
assignable $dev_e1000e
check "it is detached" xl pci-detach g1 $dev_e1000e
check "xenpci reset" xenpci reset $dev_e1000e
check "it is attached again" xl pci-attach g1 $dev_e1000e
check "connected again" wait_for 10 is_state "$id" 4
same "the guest has it again" "$was_nic" "$(ids "$(vdev "$id" $dev_e1000e)")"
assignable $dev_edu
guest_destroy g1
