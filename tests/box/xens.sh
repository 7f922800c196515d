#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same programs on each Xen: which versions of domctl and sysctl it takes is found out, and on
# one that takes none of ours they say so and do what they can.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

nic=0000:00:04.0
operator() { in_domain 0 "$B/xenpci" -d "image:$bench" "$@" 2>&1; }
loaded() { grep -o "/$1[^/]*$" "/proc/$DAEMON/maps" | sort -u; }

xen() { # VERSION
	box_up --xen "$1"
	guest 7
	daemon_start
}

down() {
	daemon_stop
	end_peer dom0
	xb down "$DIR"
}

given_and_taken() {
	check "$1: given by our command" operator attach 7 $nic
	like "$1: Xen took its memory" "$(hypercalls)" \
		'iomem_permission dom=7 first=0x[0-9a-f]+ count=[0-9]+ allow=1 -> 0'
	like "$1: and its place in the IOMMU" "$(hypercalls)" 'assign_device dom=7 [^>]* -> 0'
	like "$1: the IOMMU is asked for" "$(operator check 00:05.0)" 'iommu: in use by Xen'
	peer g7 7
	check "$1: the guest connects" connect g7 7
	check "$1: MSI on" tell g7 op 2 0 0 0
	check "$1: the guest halts" xb halt "$DIR" 7
	check "$1: xenpcid sees it" wait_for 5000 logged "guest 7: the domain has halted"
	check "$1: taken again" operator detach 7 $nic
	like "$1: and Xen's IOMMU has it back" "$(hypercalls)" 'deassign_device dom=7 [^>]* -> 0'
	end_peer g7
}

for version in 4.17 4.18 4.19 4.20; do
	xen $version
	given_and_taken "Xen $version"
	is "Xen $version: nothing is said of it" "$(log_count 'refuses the')" 0
	is "Xen $version: libxenctrl is not needed" "$(loaded libxenctrl)" ""
	: >"$daemon_log"
	down
done

# --- A PVH dom0, whatever Xen's headers were there when we were built ---
box_up --xen 4.20 --dom0 pvh
guest 7
daemon_start
check "a PVH dom0: given by our command" operator attach 7 $nic
like "with the GSI that its line is" "$(hypercalls)" 'gsi_permission dom=7 gsi=[0-9]+ allow=1 -> 0'
peer g7 7
connect g7 7
operator detach 7 $nic >"$WORK/detach.log" &
detaching=$!
reconfigure g7 7
check "and taken" wait "$detaching"
end_peer g7
like "with it" "$(hypercalls)" 'gsi_permission dom=7 gsi=[0-9]+ allow=0 -> 0'
down

# --- A Xen to come ---
xen 4.99
check "an unknown Xen: said once for domctls" \
	test "$(log_count 'this Xen \(4\.99\) refuses the domctl versions that we know \(0x15 of Xen 4\.17')" = 1
check "and once for sysctls" test "$(log_count 'refuses the sysctl versions')" = 1
like "our command cannot give, and says why" "$(operator attach 7 $nic)" 'Protocol not supported'
check_not "and leaves no node" store read "$(be 7 num_devs)"
like "nor knows of an IOMMU" "$(operator check 00:05.0)" 'iommu: unknown'
check "what xl gives is served" attach 7 $nic
peer g7 7
check "the guest connects" connect g7 7
check "MSI on" tell g7 op 2 0 0 0
like "by Xen" "$(xb stat "$DIR" 7)" 'pirqs=[1-9]'
is "config is read" "$(config_read g7 0 0 4; echo "$R")" "0 10d38086"
end_peer g7
down
finish
