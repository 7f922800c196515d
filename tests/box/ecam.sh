#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Config space in memory: read there where Xen lets us have it and it is what the kernel shows; written, and
# read where it is all ones, through the kernel; and everything through the kernel where it is not to be trusted.
. "$(dirname "$0")/lib.sh"

# --- A PV dom0 of plain files, and the machine's memory as one more ---
sys=$WORK/sys
dev=$sys/bus/pci/devices/0000:03:00.0
plain_function "$sys" 03:00.0 0xfe000000
mkdir -p "$sys/hypervisor" "$sys/firmware/acpi/tables"
echo PV >"$sys/hypervisor/guest_type"
export XENBOX_IOMEM=$WORK/iomem
truncate -s 4G "$XENBOX_IOMEM"

poke() { # FILE OFFSET BYTES
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

# mcfg BASE: segment 0, all buses, from BASE (a multiple of 16 MiB below 4 GiB) on
mcfg() {
	local base
	base=$(printf '\\0\\0\\0\\x%02x\\0\\0\\0\\0' $(($1 >> 24)))
	# shellcheck disable=SC2059
	{
		printf 'MCFG\x3c\0\0\0'
		head -c 36 /dev/zero
		printf "$base"'\0\0\0\xff\0\0\0\0'
	} >"$sys/firmware/acpi/tables/MCFG"
	page=$(($1 + (3 << 20)))
	dd if="$dev/config" of="$XENBOX_IOMEM" bs=256 seek=$((page / 256)) conv=notrunc status=none
}

# given TEXT: with a daemon of its own, guest 7 has the device, and the log has TEXT
given() {
	daemon_start -vv --devices "sysfs:$sys" --sysfs-root "$sys" --allow all
	create_nodes 7 0000:03:00.0
	peer g7 7
	check "the guest connects" connect g7 7
	check "the log says: $1" logged "$1"
}
taken() {
	end_peer g7
	store rm "$(be 7)"
	store rm "$(fe 7)"
	daemon_stop
}
# seen KERNEL MEMORY: the status register (its upper byte) in these two places; what the guest sees
seen() {
	poke "$dev/config" 7 "\\x$1"
	poke "$XENBOX_IOMEM" $((page + 7)) "\\x$2"
	config_read g7 0 7 1
	echo "${R#0 }"
}

box_up
guest 7
mcfg 0xb0000000
given '0000:03:00.0: config space is read from memory'
is "a register comes from memory" "$(seen 00 28)" 28
is "all ones do not: the kernel is asked" "$(seen 20 ff)" 20
check "a write" config_write g7 0 12 1 0x10
is "goes through the kernel" "$(od -An -tx1 -j 12 -N 1 "$dev/config")" " 10"
taken

poke "$XENBOX_IOMEM" $((page + 8)) '\x11'
given 'in memory, where .* MCFG has it, is something else'
is "what is not the kernel's device is not used" "$(seen 00 28)" 0
taken

mcfg 0x40000000
given 'through the kernel: in memory it may be cacheable'
is "memory that may be cached is not used" "$(seen 00 28)" 0
taken

mcfg 0xb0000000
echo PVH >"$sys/hypervisor/guest_type"
given '0000:03:00.0: .* bytes of config space'
is "nor is there any for a PVH dom0" "$(seen 00 28)" 0
taken

echo PV >"$sys/hypervisor/guest_type"
printf 'MCFG\xff\xff\xff\xff' >"$sys/firmware/acpi/tables/MCFG"
given 'through the kernel: .* MCFG has no place'
is "nor where the table is cut off" "$(seen 00 28)" 0
taken
mcfg 0xb0000000
unset XENBOX_IOMEM
given 'through the kernel: Operation not permitted'
is "nor where Xen refuses it" "$(XENBOX_IOMEM=$WORK/iomem seen 00 28)" 0
taken
