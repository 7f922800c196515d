#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every captured machine, each of its functions, through the whole stack: what a guest
# dumps is byte for byte what the filter should show, worked out a second time from the
# text of the dump; BARs are as large as the dump says.
. "$(dirname "$0")/lib.sh"

expect=$B/tests/box/expect
dumps=("$top"/tests/dumps/*.txt)
if [ -d "${XENPCI_DUMPS:-}" ]; then
	dumps+=("$XENPCI_DUMPS"/*.txt)
else
	skip "the shared dumps" "no directory ${XENPCI_DUMPS:-in XENPCI_DUMPS}"
fi

# guest_address VDEV: "0000:00:03.01" as the guest writes it
guest_address() { echo "${1%.0*}.${1##*.0}"; }

# bars_of VIRT: xenpci-front's lines of that function in expect's form
bars_of() {
	awk -v a="$1" '
		BEGIN { unit["K"] = 1024; unit["M"] = 1024 ^ 2; unit["G"] = 1024 ^ 3; unit["T"] = 1024 ^ 4 }
		$1 == a {
			size = substr($NF, 7, length($NF) - 7)
			last = substr(size, length(size))
			kind = /I\/O ports/ ? "io" : /Expansion ROM/ ? "rom" : /64-bit/ ? "mem64" : "mem32"
			printf "%d %s %.0f\n", $2 == "ROM" ? 6 : substr($2, 4), kind,
				last in unit ? size * unit[last] : size
		}'
}

# A pin that no line is known of is shown as none.
without_line() { # FILE
	awk '$1 == "30:" && ($14 == "00" || $14 == "ff") && $15 != "00" { $15 = "00" } { print }' "$1" >"$1.new"
	mv "$1.new" "$1"
}

compare() { # FILE, WORK/host: host addresses, in the order of dev-N
	local file=$1 i=0 host virt n=0 wrong=0 sizes=0
	front 7 dump >"$WORK/dump" 2>"$WORK/front.log" || return 1
	front 7 bars >"$WORK/bars" 2>"$WORK/front.log" || return 1
	while read -r host; do
		virt=$(guest_address "$(node "$(be 7 vdev-$i)")")
		i=$((i + 1))
		"$expect" "$file" config "$host" >"$WORK/want"
		"$expect" "$file" config-reset "$host" >"$WORK/want.reset"
		without_line "$WORK/want"
		without_line "$WORK/want.reset"
		# That function's part of the dump: the hex lines behind its heading
		awk -v a="${virt#0000:}" '/^[0-9a-f]+: / && !/^[0-9a-f]+:[0-9a-f]/ { if (on) print; next }
			{ on = index($1, a) && substr($1, length($1) - length(a) + 1) == a }' \
			"$WORK/dump" >"$WORK/got"
		n=$((n + 1))
		if ! cmp -s "$WORK/want.reset" "$WORK/got" && ! diff "$WORK/want" "$WORK/got" >"$WORK/diff"; then
			wrong=$((wrong + 1))
			echo "  $host as $virt:"
			sed 's/^/    | /' "$WORK/diff" | head -12
		fi
		"$expect" "$file" bars "$host" >"$WORK/want.bars"
		bars_of "$virt" <"$WORK/bars" >"$WORK/got.bars"
		if [ -s "$WORK/want.bars" ] && ! diff "$WORK/want.bars" "$WORK/got.bars" >"$WORK/diff"; then
			sizes=$((sizes + 1))
			echo "  BARs of $host as $virt:"
			sed 's/^/    | /' "$WORK/diff" | head -12
		fi
	done <"$WORK/host"
	is "${file##*/}: $n functions dumped as they should" $wrong 0
	is "${file##*/}: BAR sizes of the dump" $sizes 0
}

for file in "${dumps[@]}"; do
	"$expect" "$file" list | split -l 32 - "$WORK/part."
	[ -f "$WORK/part.aa" ] || continue
	box_up
	daemon_start --devices "image:$file"
	guest 7
	for part in "$WORK"/part.*; do
		cp "$part" "$WORK/host"
		# shellcheck disable=SC2046
		create_nodes 7 $(cat "$part")
		await "$(be 7 state)" 3 || not_ok "${file##*/}" "not exported: $(node "$(error_node 7)")"
		check_not "${file##*/}: no device was refused" store read "$(error_node 7)"
		compare "$file" || not_ok "${file##*/}" "xenpci-front failed: $(cat "$WORK/front.log")"
		store rm "$(be 7)" "$(fe 7)"
	done
	rm -f "$WORK"/part.*
	daemon_stop
	end_peer dom0
	xb down "$DIR"
done
