#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A refused write is never lost: whatever else a guest makes us say, each register is told of once, sooner or
# later, where the guest wrote it, with the line that allows it, or that no hardware takes its bits.
. "$(dirname "$0")/lib.sh"

config_of() {
	local n
	daemon_start "$@"
	guests 7
	create_nodes 7 0000:00:04.0 0000:00:06.0
	check "it connects" connect g7 7
}
lines() { log_since | grep -c "refused (unlisted"; }
told() { [ "$(lines)" = "$1" ]; }

box_up
log_mark
config_of
# --- What takes other lines takes none of these: the guest's whole allowance goes first ---
for ((i = 0; i < 40; i++)); do
	tell g7 write device/pci/0/state "x$i" && settled_state=$(node "$(be 7 state)")
	tell g7 write device/pci/0/state 4
done
config_write g7 0 0x42 1 0x5a
like "it is refused without an error" "$R" "^0 "
check "it is told" wait_for 5000 logged_since "write of 0x5a at 0x042 refused \(unlisted at 0x042, bits 0x5a\)"
line=$(log_since | sed -n 's/.*at 0x042 refused.*to allow it: //p')
like "with the line to paste" "$line" "^quirks = \( \{ vendor = 0x8086; .*width = 1; mask = 0x5a;"

# --- More than are told at once: all are told ---
for at in $(seq 0x44 4 0x9c); do config_write g7 0 "$at" 4 0x12345678; done
for at in 0x40 0x44 0x48 0x4c 0x50; do config_write g7 8 "$at" 4 0x12345678; done
check "every register is told" wait_for 30000 told 29
for at in 0x40 0x44; do config_write g7 8 "$at" 4 0x12345678; done
like "an access of four bytes has them all" "$(log_since)" "at 0x050 refused \(unlisted at 0x050, bits 0x12345678\)"
# --- What another setting allows, what none does ---
config_write g7 0 4 2 0x3ab
check "command bits: by permissive" wait_for 5000 \
	logged_since "at 0x004 refused \(command.*devices = \( \{ bdf = \"0000:00:04.0\"; permissive = true; \} \);"
config_write g7 0 8 1 0x77
check "the revision: no hardware" wait_for 5000 logged_since "at 0x008 refused .*; no hardware takes these bits"
is "each was told once" "$(lines)" 29
destroy 7
end_peer g7 KILL
daemon_stop

# --- The line, as it was pasted ---
echo "$line" >"$WORK/xenpci.conf"
log_mark
config_of --config "$WORK/xenpci.conf"
config_write g7 0 0x42 1 0x5a
like "with it the write is done" "$R" "^0 "
config_write g7 0 0x43 1 0xff
check "what is beside it is refused still" wait_for 5000 logged_since "at 0x043 refused \(unlisted"
check_not "and it is not" logged_since "at 0x042 refused"
config_write g7 0 0x42 1 0xff
check "wider: the mask has the old bits too" wait_for 5000 logged_since "width = 1; mask = 0xff;"
finish
