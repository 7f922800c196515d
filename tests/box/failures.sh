#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Calls into Xen that fail, one after the other: the guest gets an error, nothing is
# left half done, and it works again afterwards. Then other Xens: 4.20, a PVH dom0.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
pirqs() { xb stat "$DIR" 7 | grep -oE "pirqs=[0-9]+"; }

box_up
daemon_start -v -v
guest 7
guest 8
attach 7 $nic
peer g7 7
connect g7 7
peer g8 8
attach 8 0000:00:05.0
connect g8 8
other_is_served() { config_read g8 0 0 4 && [ "$R" = "0 11e81234" ]; }

op() {
	local name=$1 want=$2
	shift 2
	tell g7 op "$@"
	like "$name" "$R" "$want"
}
msi_off="^0 80 0$" msix_off="^0 4 0$"

# --- map_pirq ---
for errno in EINVAL ENOSPC EPERM ESRCH EBUSY; do
	xb fail "$DIR" map_pirq $errno --count 1
	op "MSI when map_pirq says $errno" "^-5 0 0$" 2 0 0 0
	op "is off" "$msi_off" 0 0 0 0 0xd2 2
	xb fail "$DIR" map_pirq $errno --count 1
	op "MSI-X when map_pirq says $errno" "^-[0-9]+ [0-9a-f]+ 0 65535 65535$" 4 0 0 0 0 0 2 0 0 1
	op "is off" "$msix_off" 0 0 0 0 0xa2 2
done
xb fail "$DIR" map_pirq ENOSPC --skip 2 --count 1
op "MSI-X when the third of four entries fails" "^-28 ffffffe4 0 65535 65535 65535 65535$" \
	4 0 0 0 0 0 4 0 0 1 2 3
is "the first two are unmapped" "$(hypercalls | tail -n 2 | grep -c unmap_pirq)" 2
op "is off" "$msix_off" 0 0 0 0 0xa2 2
op "works afterwards, with the same numbers" "^0 0 0 55 54$" 4 0 0 0 0 0 2 0 0 1
xb fail "$DIR" unmap_pirq EINVAL --count 2
op "off when unmap_pirq fails" "^0 " 5 0 0 0
op "is off" "$msix_off" 0 0 0 0 0xa2 2
check "the daemon says so" logged "guest 7.*unmap"
xb fail "$DIR" unmap_pirq ESRCH --count 1
op "MSI on" "^0 " 2 0 0 0
op "off when the domain is said to be gone" "^0 " 3 0 0 0
check "the other guest is served" other_is_served

# --- The channel: mapping the page, binding the port ---
failing_connect() {
	local what=$1 errno=$2
	tell g7 write device/pci/0/state 6
	await "$(be 7 state)" 6
	tell g7 write device/pci/0/state 1
	await "$(be 7 state)" 3
	store rm "$(error_node 7)"
	xb fail "$DIR" "$what" "$errno" --count 1 --dom 0
	tell g7 share && tell g7 port && tell g7 publish
	check "$what fails with $errno: state 5" await "$(be 7 state)" 5
	like "$what fails with $errno: the error node says so" "$(node "$(error_node 7)")" "^[0-9]+ [^ ]"
	check "$what fails with $errno: the other guest is served" other_is_served
	tell g7 write device/pci/0/state 6
	check "$what fails with $errno: closes" await "$(be 7 state)" 6
	tell g7 write device/pci/0/state 1
	check "$what fails with $errno: opens again" await "$(be 7 state)" 3
	check "$what fails with $errno: and connects" connect g7 7
}
for errno in EINVAL ENOMEM EAGAIN; do
	failing_connect gnttab_map $errno
	failing_connect evtchn_bind $errno
done
op "serves" "^0 10d38086" 0 0 0 0 0 4

# --- A worker that dies, and no other can take its place ---
left=$(pirqs) # of unmappings that failed
op "MSI on" "^0 " 2 0 0 0
check_not "its vector is mapped" test "$(pirqs)" = "$left"
xb fail "$DIR" gnttab_map EINVAL --count 1 --dom 0
kill -KILL "$(worker_of 7)"
check "the next worker cannot map the page: state 5" await "$(be 7 state)" 5
like "... the error node says so" "$(node "$(error_node 7)")" "cannot map the frontend's page"
is "... its vector is not mapped any more" "$(pirqs)" "$left"
check "... the other guest is served" other_is_served
tell g7 write device/pci/0/state 6
check "... it closes" await "$(be 7 state)" 6
tell g7 write device/pci/0/state 1
check "... opens again" await "$(be 7 state)" 3
check "... and connects" connect g7 7

# --- Letting go: what fails there is told, and done as far as it goes ---
for what in gnttab_unmap evtchn_unbind; do
	xb fail "$DIR" $what EINVAL --count 1 --dom 0
	tell g7 write device/pci/0/state 6
	check "$what fails: closes all the same" await "$(be 7 state)" 6
	tell g7 write device/pci/0/state 1
	check "$what fails: opens again" await "$(be 7 state)" 3
	check "$what fails: and connects" connect g7 7
done

# --- Taking and giving back a device ---
for what in prepare_msix release_msix setup_gsi pci_device_reset; do
	for errno in EBUSY EINVAL ENODEV; do
		store rm "$(be 7)" "$(fe 7)" "$(error_node 7)"
		xb fail "$DIR" $what $errno --count 1
		create_nodes 7 $nic
		check "$what fails with $errno: the device is given, or the error is told" eval \
			'await "$(be 7 state)" 3 && { [ "$(node "$(be 7 state-0)")" = 3 ] ||
			 await "$(error_node 7)" any; }'
		check "$what fails with $errno: the guest connects" connect g7 7
		xb fail "$DIR" --clear
	done
done
check "the other guest is served" other_is_served
store rm "$(be 7)" "$(fe 7)" "$(error_node 7)"
create_nodes 7 $nic
check "and all is well afterwards" connect g7 7
op "serves" "^0 10d38086" 0 0 0 0 0 4
daemon_stop

# --- Xen 4.20 ---
fresh_box() {
	end_peer g7
	[ -n "${PEER_PID[g8]:-}" ] && end_peer g8
	end_peer dom0
	xb down "$DIR"
	box_up "$@"
	guest 7
	daemon_start
	attach 7 $nic
	peer g7 7
	connect g7 7
}
fresh_box --xen 4.20
op "4.20: MSI" "^0 37 0$" 2 0 0 0
op "4.20: off" "^0 14 0$" 3 0 0 0
op "4.20: MSI-X" "^0 0 0 55$" 4 0 0 0 0 0 1 0 0
op "4.20: off" "^0 " 5 0 0 0
daemon_stop

# --- A PVH dom0: MSI-X cannot be prepared, so it is refused and a driver takes MSI ---
fresh_box --xen 4.20 --dom0 pvh
op "PVH dom0: MSI-X is refused" "^-[0-9]+ [0-9a-f]+ 0 65535$" 4 0 0 0 0 0 1 0 0
op "PVH dom0: MSI-X is off" "$msix_off" 0 0 0 0 0xa2 2
op "PVH dom0: MSI works" "^0 37 0$" 2 0 0 0
op "PVH dom0: off" "^0 [0-9a-f]+ 0$" 3 0 0 0
detach 7 $nic >"$WORK/detach.log" 2>&1 &
detaching=$!
reconfigure g7 7
check "PVH dom0: detach" wait "$detaching"
check "PVH dom0: Xen is told of the reset" grep -q "pci_device_reset.* -> 0" <(hypercalls)
daemon_stop
