#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an operator has told xen-pciback, in sysfs and as parameters, counts with xenpcid, and the log
# says where it was said; settings for an address that are for another device do not count.
. "$(dirname "$0")/lib.sh"

sys=$WORK/sys
driver=$sys/bus/pci/drivers/pciback
module=$sys/module/xen_pciback/parameters
start() { daemon_start --devices "sysfs:$sys" --sysfs-root "$sys" "$@"; }
gone_again() {
	store rm "$(be 7)"
	store rm "$(fe 7)"
	check "it is free" wait_for 3000 logged_since '0000:03:00.0 taken back'
}
begin() {
	log_mark
	peer g7 7
	create_nodes 7 0000:03:00.0
	connect g7 7
}
end() {
	end_peer g7
	gone_again
}

plain_function "$sys" 03:00.0 $((0xfe000000))
plain_function "$sys" 03:00.1 $((0xfe010000))
mkdir -p "$module"
box_up
start
guest 7
begin
check "nothing was said" logged_since 'permissive=0 \(default\), interrupt_control=0 \(default\), 0 quirks'
config_write g7 0 0x60 1 0x12
is "a register of the device's own is refused" "$(od -An -v -tx1 -j 96 -N 1 "$sys/bus/pci/devices/0000:03:00.0/config" | tr -d " \n")" 00
end

# --- At run time: what stands there at claim counts ---
printf '0000:02:00.0\n0000:03:00.0\n' >"$driver/allow_interrupt_control"
printf '03:00.0\n\t8086:10d3:0000:0000\n\t\t00000004:2:00000000\n\t\t00000060:1:000000ff\n' >"$driver/quirks"
begin
check "pciback's interrupt control and quirks" logged_since \
	'interrupt_control=1 \(bus/pci/drivers/pciback/allow_interrupt_control\), 1 quirk$'
config_write g7 0 0x60 1 0x12
is "the quirk's register is written" "$(od -An -v -tx1 -j 96 -N 1 "$sys/bus/pci/devices/0000:03:00.0/config" | tr -d " \n")" 12
end
echo 0000:03:00.0 >"$driver/permissive"
begin
check "pciback's permissive" logged_since 'permissive=1 \(bus/pci/drivers/pciback/permissive\)'
end
: >"$driver/permissive"
echo Y >"$module/permissive"
begin
check "the module's permissive" logged_since 'permissive=1 \(module/xen_pciback/parameters/permissive\)'
end
daemon_stop

# --- At start: slots and hidden devices ---
echo Y >"$module/passthrough"
echo '(0000:03:00.1)(nonsense)' >"$module/hide"
for file in new_slot slots bind unbind; do : >"$driver/$file"; done
mkdir -p "$sys/bus/pci/drivers/e1000e"
: >"$sys/bus/pci/drivers/e1000e/unbind"
plain_bind "$sys" 03:00.1 e1000e
log_mark
start
check "the slots are the host's addresses" logged_since 'slots = "passthrough": xen-pciback'
check "the hidden one is taken" logged_since '0000:03:00.1: held for guests, taken from e1000e'
check "what is not understood is told" logged_since 'hide: "nonsense" is not understood'
begin
check "the guest sees the device where the host does" logged_since '0000:03:00.0 given as 0000:03:00.00'
end
daemon_stop
log_mark
start --slots vpci
check_not "what the command line says comes first" logged_since 'virtual slots: passthrough'
daemon_stop
rm -r "$module"

# --- hide with wildcards ---
: >"$driver/bind"
log_mark
start --hide '0000:03:00.*'
check "a range is what is there of it" logged_since '0000:03:00.1: held for guests, taken from e1000e'
check "all of it" logged_since '0000:03:00.0: held for guests'
daemon_stop

# --- Settings for a device that is elsewhere now ---
cat >"$WORK/moved.conf" <<'END'
devices = (
	{ bdf = "0000:03:00.0"; vendor = 0x8086; device = 0x10d4; permissive = true; }
);
END
start --config "$WORK/moved.conf"
begin
check "another device does not get them" logged_since 'permissive=0 \(default\)'
check "which is told" logged_since '0000:03:00.0: .*moved.conf:2 does not count: it is for another device'
end
