#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who may write what: permissive and interrupt_control from opts-N and from the
# configuration file, quirks; what is refused is told once with the setting that would allow it.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
writes() { # NAME OFFSET SIZE VALUE WANT: what the register then reads
	config_write g7 0 "$2" "$3" "$4"
	config_read g7 0 "$2" "$3"
	is "$1" "$R" "$5"
}
fresh() { # OPTS: the guest anew, with these options of its device
	store rm "$(be 7)" "$(fe 7)"
	log_mark
	store begin
	instance_nodes 7
	device_nodes 7 0 $nic "$1"
	store write "$(be 7 num_devs)" 1
	store commit
	connect g7 7 || bail "no connection: $R"
}

box_up
guests 7
daemon_start

# --- The default ---
fresh "$default_opts"
check "the effective policy is logged" logged_since "guest 7.*$nic.*(permissive|policy|strict)"
log_mark
# PCIe device control at e8, MSI control at d2
for _ in 1 2 3 4 5; do
	config_write g7 0 0xe8 2 0x7fff
	config_write g7 0 0xd2 2 1
done
is "a refused register is told once" "$(log_since_count 'guest 7.*(0x)?e8')" 1
check "with device, size, value" logged_since "$nic.*7fff"
check "and the setting that would allow it" logged_since "e8.*to allow it: quirks = .*offset = 0xe[89]"
check "interrupt control has a setting of its own" logged_since "interrupt_control"
config_write g7 0 4 2 0x543
check "in the middle of a partly refused write the allowed bits stay" [ "$R" = "0 543" ]
log_mark
for at in $(seq 64 4 252) $(seq 256 4 1020); do
	config_write g7 0 "$at" 4 0xffffffff
done
refusals=$(log_since_count 'guest 7')
check "240 registers in a burst are told at a limited rate ($refusals lines)" \
	[ "$refusals" -ge 1 -a "$refusals" -lt 60 ]

# --- Default deny: what is not listed cannot be changed, by any width at any offset ---
fresh "$default_opts"
tell g7 sweep 42
# e8, device control, is as after a reset: D3 and back is one.
is "a sweep changes command, cache line, power state and sizing latches alone" "$R" \
	"4 c 10 14 18 1c 30 cc e8"
fresh "$default_opts"
config_read g7 0 0x10 4
is "nothing of it is left for the next" "$R" "0 feb40000"

# --- opts-N ---
fresh "permissive=1"
check "permissive from opts-0 is logged with its source" logged_since "$nic.*permissive.*opts-0"
config_read g7 0 0xe8 2
before=$R
config_write g7 0 0xe8 2 0x2810
config_read g7 0 0xe8 2
check "permissive: device control is written (was $before, is $R)" [ "$R" != "$before" ]
writes "permissive: vendor and device stay" 0 4 0 "0 10d38086"
writes "permissive: a BAR moves nowhere unasked" 0x3c 1 0xff "0 14"
config_write g7 0 4 2 0
config_read g7 0 4 2
tell g7 op 4 0 0 0 0 0 1 0 0
like "permissive: decoding stays on in hardware, so MSI-X goes on" "$R" "^(0 0 0 5|-19)"
tell g7 op 5 0 0 0
fresh "interrupt_control=1"
check "interrupt_control from opts-0 is logged with its source" logged_since "$nic.*interrupt_control.*opts-0"
config_write g7 0 0xd2 2 0x81
is "interrupt_control: the MSI enable bit is the guest's" "$R" "0 81"
config_read g7 0 0xd2 2
is "and stays" "$R" "0 81"
config_write g7 0 0xa2 2 0x8004
like "but not together with MSI-X" "$R" "^-3"
config_write g7 0 0xd2 2 0x80
fresh "$default_opts"
config_write g7 0 0xd2 2 0x81
like "the next assignment has it no more" "$R" "^-3"
daemon_stop

# --- The file ---
cat >"$WORK/xenpci.conf" <<-END
	devices = (
	    { bdf = "$nic"; permissive = true; },
	    { vendor = 0x1234; device = 0x11e8; interrupt_control = true; }
	);
END
daemon_start --config "$WORK/xenpci.conf"
fresh "$default_opts"
check "permissive from the file is logged with file and line" logged_since "$nic.*permissive.*xenpci.conf:2"
config_read g7 0 0xe8 2
before=$R
config_write g7 0 0xe8 2 0x2810
config_read g7 0 0xe8 2
check "and works" [ "$R" != "$before" ]
daemon_stop
cat >"$WORK/xenpci.conf" <<-END
	quirks = (
	    { vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2; mask = 0x7000;
	      reason = "the driver sets the read request size"; }
	);
END
store rm "$(be 7)" "$(fe 7)"
daemon_start --config "$WORK/xenpci.conf"
fresh "$default_opts"
check "a quirk is logged" logged_since "$nic.*(quirk|e8)"
config_read g7 0 0xe8 2
before=$((0x${R#* }))
config_write g7 0 0xe8 2 $((before ^ 0x700f))
config_read g7 0 0xe8 2
is "a quirk lets its mask's bits through, and no others" "$((0x${R#* }))" $((before ^ 0x7000))
daemon_stop

# --- A file that is wrong: the daemon does not start, and says where ---
wrong_file() { # NAME TEXT PATTERN
	printf '%b' "$2" >"$WORK/wrong.conf"
	in_domain 0 "$B/xenpcid" --devices "image:$bench" --config "$WORK/wrong.conf" >"$WORK/wrong.log" 2>&1
	local status=$?
	check "$1: the daemon does not start" [ $status != 0 -a $status -lt 124 ]
	check "$1: and names file, line and cause" grep -qE "wrong\.conf:$3" "$WORK/wrong.log"
	rm -f "$WORK/wrong.log"
}
wrong_file "unknown key" 'slots = "vpci";\npermisive = true;\n' "2:.*permisive"
wrong_file "unknown key of a device" 'devices = (\n{ bdf = "0000:00:04.0";\n permisive = true; }\n);\n' "3:.*permisive"
wrong_file "syntax" 'slots = "vpci";\n}}\n' "2"
wrong_file "a flag that is none" 'devices = (\n{ bdf = "0000:00:04.0"; permissive = 3; });\n' "2:.*permissive"
wrong_file "a malformed address" 'devices = (\n{ bdf = "04.0"; permissive = true; });\n' "2:.*bdf"
wrong_file "an unknown slot mode" 'slots = "both";\n' "1:.*slots"
wrong_file "a quirk without a reason" 'quirks = (\n{ bdf = "0000:00:04.0"; offset = 4; width = 4; });\n' "2"
wrong_file "a quirk out of line" 'quirks = (\n{ bdf = "0000:00:04.0"; offset = 5; width = 4; reason = "x"; });\n' "2"
