#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each operation with each of its errors (PROTOCOL.md 3 and 6), by raw requests; the
# pirqs that Xen gives; and every hypercall that was made for them.
. "$(dirname "$0")/lib.sh"

box_up
daemon_start
guest 7
check "attach" attach 7 0000:00:04.0
check "attach a second device" attach 7 0000:00:07.0
peer g7 7
check "connect" connect g7 7

# op NAME "ERR VALUE INFO [VECTORS]" CMD ...: value in hexadecimal
op() {
	local name=$1 want=$2
	shift 2
	tell g7 op "$@"
	is "$name" "$R" "$want"
}
command() { config_read g7 0 4 2 && echo "${R#* }"; }

# --- Look-up, before anything else ---
op "read of the ids" "0 10d38086 0" 0 0 0 0 0 4
op "absent slot" "-1 0 0" 0 0 0 0x18 0 4
op "absent function" "-1 0 0" 0 0 0 1 0 4
op "other bus" "-1 0 0" 0 0 1 0 0 4
op "other segment" "-1 0 0" 0 1 0 0 0 4
op "a bus beyond 255" "-1 0 0" 0 0 256 0 0 4
op "devfn beyond 255" "-1 0 0" 0 0 0 0x100 0 4
op "unknown command" "-4 1234 0" 99 0 0 0 0 4 0x1234
op "unknown command on an absent device" "-1 1234 0" 99 0 0 0x18 0 4 0x1234
for cmd in 6 7 8 9 11 0xffffffff; do
	op "command $cmd is not for this slot" "-4 0 0" $cmd 0 0 0
done

# --- Sizes and offsets ---
for bad in "1 4" "2 4" "3 4" "1 2" "3 2" "0 3" "0 8" "0 0" "0 -1" "4 16"; do
	# shellcheck disable=SC2086
	op "read of offset and size $bad" "-2 0 0" 0 0 0 0 $bad
	# shellcheck disable=SC2086
	op "write of offset and size $bad" "-2 55 0" 1 0 0 0 $bad 0x55
done
for at in 4096 -4 0x7ffffffc -0x80000000; do
	tell g7 op 0 0 0 0 "$at" 4
	like "read at $at" "$R" "^-(2|22) ffffffff 0$"
	tell g7 op 1 0 0 0 "$at" 4 5
	like "write at $at" "$R" "^-(2|22) 5 0$"
done
op "the last dword" "0 0 0" 0 0 0 0 4092 4

# --- Values that were measured (PROTOCOL.md 10) ---
op "command and status" "0 100103 0" 0 0 0 0 4 4
op "two bytes" "0 103 0" 0 0 0 0 4 2
op "one byte" "0 3 0" 0 0 0 0 4 1
op "capability pointer" "0 c8 0" 0 0 0 0 0x34 1
op "interrupt line and pin" "0 114 0" 0 0 0 0 0x3c 2
for bar in 10:feb40000:fffe0000 14:feb60000:fffe0000 18:c041:ffffffe1 1c:feb80000:ffffc000 20:0:0 24:0:0; do
	IFS=: read -r at address size <<<"$bar"
	op "BAR at $at" "0 $address 0" 0 0 0 0 "0x$at" 4
	op "sizing it" "0 ffffffff 0" 1 0 0 0 "0x$at" 4 0xffffffff
	op "its size" "0 $size 0" 0 0 0 0 "0x$at" 4
	op "putting it back" "0 $address 0" 1 0 0 0 "0x$at" 4 "0x$address"
	op "its address again" "0 $address 0" 0 0 0 0 "0x$at" 4
done
op "ROM" "0 feb00000 0" 0 0 0 0 0x30 4
op "sizing the ROM without its enable bit" "0 fffff800 0" 1 0 0 0 0x30 4 0xfffff800
op "the ROM's size" "0 fffc0000 0" 0 0 0 0 0x30 4
op "the ROM back" "0 feb00000 0" 1 0 0 0 0x30 4 0xfeb00000

# --- Writes ---
op "vendor and device are read-only, and say success" "0 12345678 0" 1 0 0 0 0 4 0x12345678
op "and stay" "0 10d38086 0" 0 0 0 0 0 4
op "unlisted registers drop" "0 deadbeef 0" 1 0 0 0 0x40 4 0xdeadbeef
op "and read as the device" "0 0 0" 0 0 0 0 0x40 4
for v in 7 0x407 6 7; do
	op "command register takes $v" "0 $(printf %x $v) 0" 1 0 0 0 4 2 $v
	is "and shows it" "$(command)" "$(printf %x $v)"
done
op "one byte of it" "0 6 0" 1 0 0 0 4 1 6
is "the other byte stays" "$(command)" 6
op "status is read-only" "0 ffff 0" 1 0 0 0 6 2 0xffff
op "cache line size" "0 10 0" 1 0 0 0 0x0c 1 0x10
op "reads back" "0 10 0" 0 0 0 0 0x0c 1
op "latency drops" "0 40 0" 1 0 0 0 0x0d 1 0x40
op "and reads 0" "0 0 0" 0 0 0 0 0x0d 1
op "interrupt line drops" "0 b 0" 1 0 0 0 0x3c 1 0xb
op "and stays" "0 14 0" 0 0 0 0 0x3c 1
op "interrupt pin drops" "0 2 0" 1 0 0 0 0x3d 1 2
op "and stays" "0 1 0" 0 0 0 0 0x3d 1
op "PM to D3" "0 3 0" 1 0 0 0 0xcc 2 3
op "is in D3" "0 3 0" 0 0 0 0 0xcc 1
op "PM to D0" "0 0 0" 1 0 0 0 0xcc 2 0
op "BARs are back after D3" "0 feb40000 0" 0 0 0 0 0x10 4
op "MSI control is denied" "-3 1 0" 1 0 0 0 0xd2 2 1
op "and stays" "0 80 0" 0 0 0 0 0xd2 2
op "MSI-X control is denied" "-3 8004 0" 1 0 0 0 0xa2 2 0x8004
op "MSI-X control unchanged is no denial" "0 4 0" 1 0 0 0 0xa2 2 4
op "device control drops" "0 ffff 0" 1 0 0 0 0xe8 2 0xffff
op "extended capability" "0 14020001 0" 0 0 0 0 0x100 4

# --- MSI ---
hypercalls >"$WORK/before"
made() { hypercalls | tail -n "+$(($(wc -l <"$WORK/before") + 1))" | grep -E '_pirq'; }
op "MSI on: the guest's highest pirq" "0 37 0" 2 0 0 0
like "MSI shows on" "$(tell g7 op 0 0 0 0 0xd2 2 && echo "$R")" "^0 81 "
op "MSI twice" "-5 0 0" 2 0 0 0
tell g7 op 4 0 0 0 0 0 1 0 0
like "MSI-X while MSI is on" "$R" "^-6 1 0 65535$"
op "MSI off: the INTx pirq" "0 14 0" 3 0 0 0
op "MSI off again" "0 14 0" 3 0 0 0
like "MSI shows off" "$(tell g7 op 0 0 0 0 0xd2 2 && echo "$R")" "^0 80 "
is "Xen was asked once to map and once to unmap" \
	"$(made | grep -oE '(un)?map_pirq' | tr '\n' ' ')" "map_pirq unmap_pirq "
check "for domain 7, from dom0" eval 'made | grep -E " map_pirq" | grep -qE "dom(id)?[ =]?7"'

# --- Multi-MSI (XenLinux' command 10) ---
tell g7 op 10 0 0 0 0 0 0 1
like "one by command 10" "$R" "^0 37 "
op "and off" "0 14 0" 3 0 0 0
tell g7 op 10 0 0 0 0 0 0 0
like "none by command 10" "$R" "^-"
tell g7 op 10 0 0 0 0 0 0 33
like "33 by command 10" "$R" "^-"
tell g7 op 10 0 0 0 0 0 0 0xffffffff
like "2^32-1 by command 10" "$R" "^-"
is "nothing is left on" "$(tell g7 op 0 0 0 0 0xd2 2 && echo "$R")" "0 80 0"

# --- MSI-X ---
op "MSI-X with three entries" "0 0 0 55 54 53" 4 0 0 0 0 0 3 0 0 1 2
op "MSI-X shows on" "0 8004 0" 0 0 0 0 0xa2 2
op "MSI-X twice" "-114 1 0 65535" 4 0 0 0 0 0 1 0 0
op "MSI while MSI-X is on" "-5 0 0" 2 0 0 0
op "MSI-X off" "0 14 0" 5 0 0 0
op "MSI-X off again" "0 14 0" 5 0 0 0
op "entries in any order" "0 0 0 55 54" 4 0 0 0 0 0 2 0 4 0
op "off" "0 14 0" 5 0 0 0
op "no entry" "-22 ffffffea 0" 4 0 0 0 0 0 0
op "129 entries" "-22 81 0" 4 0 0 0 0 0 129
op "2^32-1 entries" "-22 ffffffff 0" 4 0 0 0 0 0 0xffffffff
op "a duplicate" "-22 ffffffea 0 65535 65535" 4 0 0 0 0 0 2 0 1 1
op "beyond the table" "-22 ffffffea 0 65535" 4 0 0 0 0 0 1 0 5
op "more than the table" "-28 ffffffe4 0" 4 0 0 0 0 0 6
op "entry 65535" "-22 ffffffea 0 65535" 4 0 0 0 0 0 1 0 65535
op "after all that, it still works" "0 0 0 55" 4 0 0 0 0 0 1 0 0
op "off" "0 14 0" 5 0 0 0
op "MSI-X with the guest's decoding off (a shadow)" "0 400 0" 1 0 0 0 4 2 0x400
op "works, since the hardware's stays on" "0 0 0 55" 4 0 0 0 0 0 1 0 0
op "off" "0 14 0" 5 0 0 0

# --- Every sequence of up to four of: MSI on, off, MSI-X on, off, command, D3 and back ---
for length in 1 2 3 4; do
	tell g7 interrupts $length 0xc8 0xd0 0xa0
	is "interrupt sequences of $length: at most one kind is on, every illegal step is refused" \
		"$R" $((6 ** length))
done
tell g7 op 1 0 0 0 4 2 0x103

# --- Out of pirqs: all or nothing ---
entries() { seq 0 $(($1 - 1)) | tr '\n' ' '; }
# The second device has a large table.
# shellcheck disable=SC2046
tell g7 op 4 0 0 8 0 0 33 0 $(entries 33)
like "33 vectors are one too many" "$R" "^-28 ffffffe4 0 65535"
check_not "and none was given" grep -qE ' 55| 24' <<<"$R"
# shellcheck disable=SC2046
tell g7 op 4 0 0 8 0 0 32 0 $(entries 32)
like "32 can be had" "$R" "^0 0 0 55 54 .* 25 24$"
op "now the guest has none left for the other device" "-28 ffffffe4 0 65535" 4 0 0 0 0 0 1 0 0
op "nor for its MSI" "-5 0 0" 2 0 0 0
tell g7 op 5 0 0 8
like "off" "$R" "^0 "
op "and now it has" "0 37 0" 2 0 0 0
op "off" "0 14 0" 3 0 0 0

# --- The page: nothing but the answer is written, nothing behind 572 is read ---
for at in 572 2048 4092; do
	tell g7 poke $at 0xffffffff
done
op "rubbish behind the structure" "0 10d38086 0" 0 0 0 0 0 4
tell g7 peek 4092
is "is left alone" "$R" ffffffff
tell g7 peek 0
is "the other flags are left alone" "$R" 2
tell g7 poke 0 0xfffffff2
op "flags of no meaning" "0 10d38086 0" 0 0 0 0 0 4
tell g7 peek 0
is "stay as they are" "$R" fffffff2

# --- The suite that a guest can run against any backend ---
tell g7 write device/pci/0/state 6
end_peer g7
front 7 conform >"$WORK/conform.out" 2>&1
is "xenpci-front conform exits with 0" $? 0
check "conform has no failure" eval '! grep -E "^(FAIL|not ok)" "$WORK/conform.out"'
check "conform ran its cases" eval '[ "$(grep -cE "^ok" "$WORK/conform.out")" -ge 30 ]'
daemon_stop
is "no pirq is left" "$(xb stat "$DIR" | grep -cE 'pirqs [^0]')" 0
