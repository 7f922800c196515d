#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# XSA-43, XSA-130: what a guest has us say, it has us say within a bound, whatever it asks for and how
# often; and no figure is lost by that. Another guest is answered meanwhile.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"

many=${XSA_MANY:-10000} # requests of a kind
BOUND=100 # lines in the log for each kind: 32 at once, and then one a second and how many were left out

neighbour() { config_read g8 0 0 4 && [ "$R" = "0 10d38086" ]; }
bounded() { # NAME: what has been logged since the mark is no more than that
	local lines
	lines=$(log_since | grep -vc debug:)
	check "$1: $lines lines in the log" test "$lines" -le "$BOUND"
	check "$1: the neighbour is served" neighbour
}
counted() { # FIELD: of guest 7's requests
	"$B/xenpci" --state-dir "$WORK/state" stats 7 --json | grep -oE "\"$1\":[0-9]+" | grep -oE '[0-9]+$'
}

box_up
daemon_start
guests 7 8
create_nodes 7 0000:00:1a.0 0000:00:05.0 && connect g7 7 || bail "guest 7 is not served: $R"
create_nodes 8 0000:00:04.0 && connect g8 8 || bail "guest 8 is not served: $R"

# --- XSA-43: MSI of a device that has none, and MSI-X of one that has none ---
for kind in "2 0 -5 enable_msi" "4 8 -22 enable_msix" "10 0 -5 enable_multi_msi"; do
	read -r command devfn err name <<<"$kind"
	log_mark
	before=$(counted "$name")
	say g7 repeat "$many" "$command" "$devfn" "$err"
	check "XSA-43: $many $name are answered" answer g7 100
	is "XSA-43: each is refused" "$R" "$many"
	is "XSA-43: each is counted" "$(($(counted "$name") - before))" "$many"
	bounded "XSA-43: $name"
done

check "XSA-43: it is told" logged "0000:00:1a.0: enable_msi refused: the device has no MSI capability"
check "XSA-43: and how many lines were left out" logged "guest 7: [0-9]* messages suppressed"

# --- XSA-130: whatever else a guest can have us say ---
log_mark
say g7 repeat "$many" 99 0 -4
check "XSA-130: unknown commands are answered" answer g7 100
bounded "XSA-130: unknown commands"

log_mark
for seed in 1 2 3; do tell g7 sweep $seed; done
check "XSA-130: writes to all of config space are told" logged_since "refused"
bounded "XSA-130: refused writes"

log_mark
say g7 flood device/pci/0/state $((many / 5)) 5x 99 abc 4
check "XSA-130: a state that is none" answer g7 100
tell g7 write device/pci/0/state 4
check "XSA-130: it is told" wait_for 5000 logged_since "guest 7: "
bounded "XSA-130: states that are none"

log_mark
lives=0
while [ $lives -lt 60 ]; do
	tell g7 write device/pci/0/state 6 && await "$(be 7 state)" 6 && tell g7 write device/pci/0/state 1 &&
		await "$(be 7 state)" 3 && connect g7 7 || break
	lives=$((lives + 1))
done
is "XSA-130: closed and opened again, 60 times" $lives 60
bounded "XSA-130: closed and opened again"
check "XSA-130: the daemon lives" daemon_alive
finish
