#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# XSA-360: lives that end with vectors on, in each way that there is. What Xen was asked to map for them it
# was asked to unmap, each once, and none is left.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"

lives=${XSA_LIVES:-8}
nic=0000:00:04.0

asked() { hypercalls | grep -E "$1" | grep -oE 'pirq=[0-9]+' | sort | uniq -c; }
pirqs() { xb stat "$DIR" | grep -oE 'pirqs=[0-9]+' | grep -vc '=0$'; }

# vectors N: MSI-X with three, or MSI, in turn
vectors() {
	if [ $(($1 % 2)) = 0 ]; then tell g7 op 4 0 0 0 0 0 3 0 0 2 4; else tell g7 op 2 0 0 0; fi
	[[ $R == "0 "* ]]
}
closes() { tell g7 write device/pci/0/state 6 && await "$(be 7 state)" 6; }
opens() { tell g7 write device/pci/0/state 1 && await "$(be 7 state)" 3 && connect g7 7; }

box_up
daemon_start -v -v
guest 7
attach 7 $nic
peer g7 7
check "the guest connects" connect g7 7
for ((i = 0; i < lives; i++)); do
	vectors $i || not_ok "life $i has vectors" "$R"
	closes && opens || not_ok "life $i ends" "$R"
	left=$(pirqs)
	[ "$left" = 0 ] || not_ok "life $i leaves none" "$left domains have some"
done
is "XSA-360: closed with vectors on, $lives times: none is left" "$(pirqs)" 0

vectors 0
gate=$(gate_of 7)
another_gate() { [ "$(gate_of 7)" != "$gate" ]; }
kill -KILL "$gate"
check "its gate dies, and another takes its place" wait_for 5000 another_gate
check "the guest is served" wait_for 5000 config_read g7 0 0 4
closes && opens
is "XSA-360: vectors of a gate that died: none is left" "$(pirqs)" 0

vectors 0
log_mark
detach 7 $nic --no-wait
reconfigure g7 7
check "XSA-360: detached with vectors on" wait_for 5000 logged_since "$nic taken back"
is "XSA-360: none is left" "$(pirqs)" 0
is "XSA-360: each that was mapped was unmapped, and none twice" "$(asked '^0 map_pirq.*-> 0')" \
	"$(asked '^0 unmap_pirq.*-> 0')"
is "XSA-360: nothing was to be unmapped that was not there" "$(hypercalls | grep -cE '^0 unmap_pirq.*-> -')" 0
finish
