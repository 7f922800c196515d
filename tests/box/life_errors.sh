#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Errors of a device that a guest has: noticed by the kernel's counters, carried to the
# guest in Linux's order, and what becomes of a guest that does not recover.
. "$(dirname "$0")/lib.sh"

# --- A host of plain files: functions whose errors are counted ---
# 01:00.0 is below a root port, 06:00.0 below a switch on it; of 02:00.0 and 03:00.0 no port is known.
sys=$WORK/sys
devices=$sys/bus/pci/devices
root=00:1c.0
sysfs_function() { # BDF [FOLDER-ABOVE]
	local dev=$devices/0000:$1 n
	if [ -n "${2:-}" ]; then
		mkdir -p "$sys/devices/$2/0000:$1" "$devices"
		ln -s "../../../devices/$2/0000:$1" "$dev"
	else
		mkdir -p "$dev"
	fi
	head -c 256 /dev/zero >"$dev/config"
	put "$1" 0 '\x86\x80\xd3\x10\x07\x01\x10\x00\x00\x00\x00\x02'
	put "$1" 16 '\x00\x00\x00\xfe'
	echo 0x8086 >"$dev/vendor"
	echo 0x10d3 >"$dev/device"
	echo 0x020000 >"$dev/class"
	echo 0 >"$dev/irq"
	yes "0x0 0x0 0x0" | head -n 7 >"$dev/resource"
	: >"$dev/reset"
	for n in fatal nonfatal; do count "$1" $n 0; done
}
sysfs_bridge() { # BDF FOLDER-ABOVE
	sysfs_function "$@"
	put "$1" 10 '\x04\x06\x00\x00\x01'
	echo 0x060400 >"$devices/0000:$1/class"
}
put() { # BDF OFFSET BYTES: into config space
	# shellcheck disable=SC2059
	printf "$3" | dd of="$devices/0000:$1/config" bs=1 seek="$2" conv=notrunc status=none
}
bytes() { od -An -tx1 -j "$2" -N "$3" "$devices/0000:$1/config" | tr -d ' '; } # BDF OFFSET N
replace() { cat >"$1.new" && mv "$1.new" "$1"; }
count() { # BDF KIND N: what the kernel's counters say from now on
	printf 'Undefined 0\nDLP 0\nMalfTLP %d\nTOTAL_ERR_%s %d\n' "$3" "${2^^}" "$3" |
		replace "$devices/0000:$1/aer_dev_$2"
}
count_root() { echo "$1" | replace "$devices/0000:$root/aer_rootport_total_err_fatal"; }
resets_of() { cat "$devices/0000:$1/reset"; }
sysfs_bridge $root pci0000:00
sysfs_bridge 05:01.0 pci0000:00/0000:$root
sysfs_function 01:00.0 pci0000:00/0000:$root
sysfs_function 06:00.0 pci0000:00/0000:$root/0000:05:01.0
for bdf in 02:00.0 03:00.0; do sysfs_function $bdf; done
count_root 0
cat >"$WORK/errors.conf" <<'END'
aer_timeout_ms = 300;
END

box_up
daemon_start --config "$WORK/errors.conf" --devices "sysfs:$sys" --sysfs-root "$sys"
guest 7
guest 8
guest 9

# --- A guest that recovers ---
watchers=()
watch() { # DOMID
	in_domain "$1" "$B/xenpci-front" watch --timeout 60000 >"$WORK/watch.$1" 2>&1 &
	watchers+=($!)
}
seen() { grep -qE "$1" "$WORK/watch.7" && grep -qE "$1" "$WORK/watch.9"; }
told=1 # the first of the next error's steps
steps() { # DOMID
	awk '$1 == "aer" { printf "%s/%s ", $3, $4 }' "$WORK/watch.$1" | cut -d ' ' -f "$told-"
}
recovered() { [ "$(log_count "0000:$1: recovered from its error")" = "$2" ]; }
attach 7 0000:01:00.0
attach 9 0000:06:00.0
watch 7
watch 9
check "the guests watch" wait_for 10000 seen 'added.*00:00.0'
: >"$devices/0000:01:00.0/reset"
count 01:00.0 nonfatal 1
check "an error that is not fatal is recovered from" wait_for 5000 recovered 01:00.0 1
is "in these steps" "$(steps 7)" "detected/normal mmio_enabled/normal resume/normal "
is "without a reset" "$(resets_of 01:00.0)" ""

told=4
frozen="detected/frozen slot_reset/normal resume/normal "
count 01:00.0 fatal 1
check "a fatal one too" wait_for 10000 recovered 01:00.0 2
is "in these steps, frozen at first" "$(steps 7)" "$frozen"
is "with a reset in between" "$(resets_of 01:00.0)" 1
check "the log tells of both" logged '0000:01:00.0: fatal error .*: 1 fatal, 1 not, so far'

# Linux before 6.16 counts a device's fatal error at its root port only, resets the bus, restores nothing.
told=7
: >"$devices/0000:01:00.0/reset"
put 01:00.0 4 '\x00\x00'
put 01:00.0 16 '\x00\x00\x00\x00'
count_root 1
check "one that only the root port counts" wait_for 10000 recovered 01:00.0 3
is "in these steps" "$(steps 7)" "$frozen"
is "with a reset of ours" "$(resets_of 01:00.0)" 1
is "the BAR is where it was" "$(bytes 01:00.0 16 4)" 000000fe
is "it decodes" $((0x$(bytes 01:00.0 4 1) & 3)) 3
check "the log says that its configuration was gone" logged \
	'0000:01:00.0: was reset by others: its configuration is restored'
check "a device below a switch there is not concerned" recovered 06:00.0 0

told=1
count 05:01.0 nonfatal 1
check "an error of the port above it is" wait_for 5000 recovered 06:00.0 1
is "in these steps" "$(steps 9)" "detected/normal mmio_enabled/normal resume/normal "
kill "${watchers[@]}"
wait "${watchers[@]}" 2>/dev/null
detach 7 0000:01:00.0 --no-wait
detach 9 0000:06:00.0 --no-wait
destroy 7
destroy 9

# --- Guests that do not ---
lost() { # NAME WHY
	check "$1: the device is taken away" wait_for 5000 logged_since "guest 8: .*: its error is not recovered from: $2; the guest is to lose the device"
	check "$1: its entry is closed" await "$(be 8 state-0)" 6 3000
	like "$1: the error node says why" "$(node "$(error_node 8)")" "^5 0000:0.:00.0: taken away after an error: $2"
	is "$1: the kernel's own word for it is there" "$(node "$(be 8 aerState)")" aerfail
	config_read g8 0 0 4
	is "$1: the guest sees it no more" "$R" "-1 0"
	config_read g8 8 0 4
	is "$1: its other device it has" "$R" "0 10d38086"
	end_peer g8
	store rm "$(be 8)"
	store rm "$(fe 8)"
	store rm "$(error_node 8)"
	check "$1: both are free" wait_for 3000 free
}
free() { [ "$(log_since_count '0000:0[23]:00.0 taken back')" = 2 ]; }
start() { # FLAGS
	log_mark
	peer g8 8
	create_nodes 8 0000:02:00.0 0000:03:00.0
	tell g8 share && tell g8 poke 0 "$1" && tell g8 port && tell g8 publish &&
		await "$(be 8 state)" 4 && tell g8 write device/pci/0/state 4
}
start 0
count 02:00.0 nonfatal 1
lost "no handler" "it has no handler for errors"
start 2
count 02:00.0 nonfatal 2
check "a guest is asked" tell g8 aer 5000
like "with its own address of the device" "$R" '^6 1 0 0 0'
lost "no answer" "it did not answer in time"
start 2
count 02:00.0 nonfatal 3
tell g8 aer 5000
check "it answers that it cannot" tell g8 aer_answer 4
lost "a driver that gives up" "disconnect"
start 2
count 02:00.0 nonfatal 4
tell g8 aer 5000
: >"$devices/0000:02:00.0/reset"
check "it wants a reset" tell g8 aer_answer 3
check "and hears of it" tell g8 aer 5000
like "as a slot reset" "$R" '^9 1 0 0 0'
is "which was one" "$(resets_of 02:00.0)" 1
check "it gives up then" tell g8 aer_answer 1
lost "a driver that fails after the reset" "none"

# --- A reset that takes long: the kernel's, here as long as nobody reads what is written ---
reset=$sys/bus/pci/devices/0000:02:00.0/reset
guest 7
attach 7 0000:01:00.0
peer g7 7
check "another guest has another device" connect g7 7
start 2
count 02:00.0 nonfatal 5
tell g8 aer 5000
rm "$reset"
mkfifo "$reset"
check "a guest wants a reset" tell g8 aer_answer 3
check "which begins" wait_for 5000 job_runs
for i in 1 2 3; do
	config_read g7 0 4 4
	like "the other guest is answered ($i)" "$R" "^0 "
done
in_domain 0 xenstore-write /local/domain/0/xenpci/aer/0000-02-00-0/step resume
told() { [ "$(node /local/domain/0/xenpci/aer/0000-02-00-0/result)" = "error: a step is in flight" ]; }
check "an operator is told that a step is in flight" wait_for 3000 told
is "the reset is done once" "$(timeout 5 cat "$reset")" 1
check "and the guest hears of it" tell g8 aer 5000
like "as a slot reset" "$R" '^9 1 0 0 0'
check "it can go on" tell g8 aer_answer 2
check "and is told to" tell g8 aer 5000
like "by resume" "$R" '^7 1 0 0 0'
tell g8 aer_answer 2
check "which ends it" wait_for 3000 logged_since '0000:02:00.0: recovered from its error'
rm "$reset"
: >"$reset"
end_peer g7
end_peer g8
store rm "$(be 8)"
store rm "$(fe 8)"
daemon_stop

# --- Or worse, by the settings ---
for policy in pause destroy; do
	printf 'aer_timeout_ms = 300;\naer_failed = "%s";\n' $policy >"$WORK/errors.conf"
	daemon_start --config "$WORK/errors.conf" --devices "sysfs:$sys" --sysfs-root "$sys"
	start 0
	count 02:00.0 nonfatal $((RANDOM + 5))
	check "$policy: the guest is dealt with" wait_for 5000 logged_since "the guest is to be ${policy%e}ed"
	call=${policy}domain
	check "$policy: Xen is told" grep -q "$call dom=8" <<<"$(wait_for 3000 grep -q "$call" "$DIR/hypercalls.log"; hypercalls)"
	end_peer g8
	store rm "$(be 8)"
	store rm "$(fe 8)"
	daemon_stop
done
printf 'aer_failed = "forgive";\n' >"$WORK/errors.conf"
check_not "an unknown policy is an error" in_domain 0 "$B/xenpcid" --config "$WORK/errors.conf"
