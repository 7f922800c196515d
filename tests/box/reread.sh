#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a guest prints of its devices, read again as a machine and given to a guest, prints the
# same: xenpci-front's dump, its dump with its list's descriptions, and what lspci makes of both.
. "$(dirname "$0")/lib.sh"

# given FILE NAME: that machine's devices, given to a guest in their order; what it says of them
given() {
	local devices
	mapfile -t devices < <("$B/tests/box/expect" "$1" list)
	box_up
	daemon_start --devices "image:$1"
	guest 7
	create_nodes 7 "${devices[@]}"
	await "$(be 7 state)" 3 || not_ok "$2" "not exported: $(node "$(error_node 7)")"
	front 7 dump >"$WORK/$2.dump" 2>"$WORK/front.log" && front 7 bars >"$WORK/$2.bars" &&
		front 7 list -v >"$WORK/$2.list" || not_ok "$2" "$(cat "$WORK/front.log")"
	daemon_stop
	end_peer dom0
	xb down "$DIR"
}
# The rows alone, and the regions without the addresses that the guest's slots have.
rows() { grep -E '^[0-9a-f]{2,3}: ' "$1"; }
regions() { cut -d' ' -f2- "$1"; }

# described LIST DUMP: each function's description from LIST, its rows from DUMP
described() {
	awk 'NR == FNR { if (/^\t/) text[title] = text[title] $0 "\n"; else if (NF) title = $1; next }
		{ print }
		!/^[0-9a-f]+: / && NF { printf "%s", text[$1] }' "$1" "$2"
}

# again NAME FILE: FILE as a machine prints what the first one did
again() {
	given "$2" "$1"
	check "$1: the rows are the same" diff <(rows "$WORK/first.dump") <(rows "$WORK/$1.dump")
}

given "$bench" first
like "there is something to read again" "$(rows "$WORK/first.dump" | wc -l)" '^[1-9][0-9]{2}'
again dump "$WORK/first.dump"
described "$WORK/first.list" "$WORK/first.dump" >"$WORK/described.txt"
again described "$WORK/described.txt"
check "described: sizes and kinds are the same" \
	diff <(regions "$WORK/first.bars") <(regions "$WORK/described.bars")
if command -v lspci >/dev/null; then
	for options in -x -xxx -vx -vvxxxx -vvbxxxx -vmmxxxx -Dnnvvvxxxx; do
		# Standard error in its midst, as people send it
		lspci -F "$WORK/first.dump" $options >"$WORK/lspci.txt" 2>&1
		check "lspci -F $options: loads" "$B/xenpci" check -d "image:$WORK/lspci.txt"
	done
	lspci -F "$WORK/first.dump" -vvxxxx >"$WORK/lspci.txt" 2>&1
	again lspci "$WORK/lspci.txt"
	lspci -F "$WORK/lspci.txt" -vxxxx >"$WORK/lspci2.txt" 2>/dev/null
	again lspci-twice "$WORK/lspci2.txt"
else
	skip "lspci -F" "lspci is not installed"
fi
