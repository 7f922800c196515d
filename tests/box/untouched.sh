#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device is reset when it is taken back, and again before it is given; but not a second time where
# nobody can have used it in between. Here is what that takes, and that without any part of it the
# second reset comes back.
. "$(dirname "$0")/lib.sh"

again='not reset again: nobody can have used it'
# give N BDF [OPTS], take_back N BDF: by the toolstack, to a guest without a frontend
give() {
	log_mark
	store begin && instance_nodes "$1" && device_nodes "$1" 0 "$2" "${3-$default_opts}" &&
		store write "$(be "$1" num_devs)" 1 && store commit && await "$(be "$1" state-0)" 3 5000
}
take_back() {
	log_mark
	store rm "$(be "$1")" "$(fe "$1")" && wait_for 5000 logged_since "guest $1: $2 taken back" &&
		wait_for 5000 logged_since "guest $1: $2: (not )?reset"
}
spared() { # NAME GUEST BDF
	check "$1: given" give "$2" "$3"
	check "$1: without a reset" logged_since "$3: $again"
	check_not "$1: none at all" logged_since "$3: reset"
}
reset_again() { # NAME GUEST BDF WHY: the reason that the log has for it; "": nothing was remembered
	check "$1: given" give "$2" "$3"
	check "$1: after a reset" logged_since "$3: reset by"
	if [ -n "$4" ]; then
		check "$1: the log says why" logged_since "$3: to be reset once more: .*$4"
	else
		check_not "$1: nothing was remembered" logged_since "$3: ($again|to be reset once more)"
	fi
}

# --- A captured machine ---
nic=0000:00:04.0 edu=0000:00:05.0 disk=0000:00:07.0
cat >"$WORK/quirk.conf" <<'END'
devices = ( { bdf = "0000:00:07.0"; reset_always = true; } );
quirks = ( { vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2; mask = 0x7000; reason = "a test"; } );
END
box_up
daemon_start
guest 7
guest 8
reset_again "the first time" 7 $nic ""
check "it is taken back" take_back 7 $nic
check "with a reset" logged_since "$nic: reset by"
spared "to another guest" 8 $nic
check "taken back" take_back 8 $nic
check "with a reset, always" logged_since "$nic: reset by"
killed() { # [OPTIONS]: and a successor is there
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	meanwhile
	daemon_start "$@"
} 2>/dev/null
meanwhile() { :; } # what happens before the successor is there
killed
reset_again "a captured machine begins anew with each process" 7 $nic "config space is not as we left it"
check "taken back" take_back 7 $nic

check "a guest that may write raw" give 7 $nic permissive=1
check "taken back" take_back 7 $nic
reset_again "after a guest that could write raw" 7 $nic ""
check "taken back" take_back 7 $nic

check "a guest whose vector cannot be unmapped" attach 8 $nic # or Xen maps none
peer g8 8
check "connects" connect g8 8
tell g8 op 2 0 0 0
like "and has MSI on" "$R" "^0 "
end_peer g8
xb fail "$DIR" unmap_pirq EINVAL --count 1
check "taken back" take_back 8 $nic
check "with a vector that is left" logged_since "$nic: cannot unmap pirq"
check "and a reset" logged_since "$nic: reset by"
reset_again "while Xen may still touch it" 7 $nic ""
check "taken back" take_back 7 $nic
spared "its next guest left nothing" 8 $nic
check "taken back" take_back 8 $nic

check "what nothing can reset" give 7 $edu
check "taken back" take_back 7 $edu
check "is given once more" give 7 $edu
check_not "but not called unused" logged_since "$edu: $again"
check "taken back" take_back 7 $edu
daemon_stop

daemon_start --config "$WORK/quirk.conf"
check "a device whose reset is wanted always" give 7 $disk
check "taken back" take_back 7 $disk
reset_again "wanted always" 7 $disk ""
check "taken back" take_back 7 $disk
check "a guest with a quirk" give 7 $nic
check "taken back" take_back 7 $nic
reset_again "after a guest with a quirk" 7 $nic ""
check "taken back" take_back 7 $nic
daemon_stop
# Two that take their time are taken back at once: each is remembered, in a place of its own.
daemon_start --devices "image:$bench,slow=$nic:2,slow=$disk:2"
check "one guest has one" give 7 $nic
check "another the other" give 8 $disk
log_mark
store rm "$(be 7)" "$(fe 7)" "$(be 8)" "$(fe 8)"
for i in "7: $nic" "8: $disk"; do
	check "guest $i is taken back" wait_for 5000 logged_since "guest $i: reset"
done
spared "the one" 7 $nic
spared "the other" 8 $disk
store rm "$(be 7)" "$(fe 7)" "$(be 8)" "$(fe 8)"
daemon_stop

# --- A host of plain files: what others do to a device ---
sys=$WORK/sys
bdf=0000:03:00.0
dev=$sys/bus/pci/devices/$bdf
mkdir -p "$sys/bus/xen-backend/drivers/xen-pciback"
echo 1 >"$sys/bus/xen-backend/drivers_autoprobe"
: >"$sys/bus/xen-backend/drivers_probe"
plain_function "$sys" 03:00.0 0xfe000000
put() { plain_put "$sys" 03:00.0 "$@"; }
command_is() { od -An -tx2 -j 4 -N 2 "$dev/config" | tr -d ' '; }
host=(--devices "sysfs:$sys" --sysfs-root "$sys")
daemon_start "${host[@]}"
taken() { check "taken back" take_back 7 $bdf; }

reset_again "the first time" 7 $bdf ""
peer g7 7
check "its guest connects" connect g7 7
config_read g7 0 4 2
first=$R
end_peer g7
is "it decodes" $((0x$(command_is) & 2)) 2
taken
is "back, it does not, nor does it reach memory" $((0x$(command_is) & 7)) 0
: >"$dev/reset"
spared "the second time" 7 $bdf
is "it decodes again" $((0x$(command_is) & 2)) 2
is "the kernel was not asked for a reset" "$(cat "$dev/reset")" ""
peer g7 7
check "its guest connects" connect g7 7
config_read g7 0 4 2
is "and finds the command register as with a device that was never left so" "$R" "$first"
end_peer g7
taken
killed "${host[@]}"
spared "a successor of one that was killed knows" 7 $bdf
killed "${host[@]}"
check "one that was given when it was killed is taken back" wait_for 5000 logged "$bdf goes on"
taken
check "with a reset" logged_since "$bdf: reset by"
meanwhile() { store write "/local/domain/0/xenpci/guests/7/${bdf//[:.]/-}/interrupts" "enabling 0"; }
check "one that may have had a vector mapped when its daemon was killed" give 7 $bdf
log_mark
killed "${host[@]}"
meanwhile() { :; }
check "goes on" wait_for 5000 logged_since "$bdf goes on"
taken
reset_again "and nobody knows which" 7 $bdf ""
taken
rm "$WORK"/state/*
spared "that the file was removed is no matter while it runs" 7 $bdf
taken
killed "${host[@]}"
reset_again "what was remembered is lost" 7 $bdf ""
is "it decodes all the same" $((0x$(command_is) & 2)) 2
taken
# The boot's name is in the file, behind the shadows: a digit of it changes, as all of them do.
boot=$(cat /proc/sys/kernel/random/boot_id)
other_boot() {
	local at
	at=$(grep -abo -- "$boot" "$WORK"/state/shadow-* | cut -d : -f 1) && [ -n "$at" ] &&
		printf g | dd of="$(echo "$WORK"/state/shadow-*)" bs=1 seek="$at" conv=notrunc status=none
}
meanwhile() { check "the file tells of which boot it is" other_boot; }
killed "${host[@]}"
meanwhile() { :; }
reset_again "another boot has begun" 7 $bdf ""
taken
killed "${host[@]}"
spared "which the file is of from then on" 7 $bdf
taken
plain_bind "$sys" 03:00.0 pciback
reset_again "another binding to the same driver" 7 $bdf "its driver was bound anew"
taken
put 60 '\x55'
reset_again "a register that anybody has changed" 7 $bdf "config space is not as we left it"
taken
put 4 '\x03\x01'
reset_again "who used it left it decoding" 7 $bdf "config space is not as we left it"
taken
plain_bind "$sys" 03:00.0 pci-stub
reset_again "another driver that holds devices" 7 $bdf "its driver was bound anew"
taken
: >"$sys/bus/xen-backend/drivers/xen-pciback/pci-9-0"
spared "a guest of the kernel's does not matter now" 7 $bdf
taken
is "but what is taken back meanwhile goes on decoding" $((0x$(command_is) & 2)) 2
reset_again "the kernel's backend might have given it" 7 $bdf ""
rm "$sys/bus/xen-backend/drivers/xen-pciback/pci-9-0"
taken
is "at the end it does not decode" $((0x$(command_is) & 7)) 0
# A virtual function's own command register says nothing: its physical one decodes for it.
vf=0000:03:10.0
plain_function "$sys" 03:10.0 0xfe010000
plain_put "$sys" 03:10.0 4 '\x00\x00'
ln -s "../$bdf" "$sys/bus/pci/devices/$vf/physfn"
check "a virtual function" give 8 $vf
check "taken back" take_back 8 $vf
check "with a reset" logged_since "$vf: reset by"
reset_again "one that decodes all the same" 8 $vf ""
check "taken back" take_back 8 $vf
daemon_stop
is "when we have ended it does" $((0x$(command_is) & 2)) 2
daemon_start "${host[@]}"
reset_again "an orderly end forgets" 7 $bdf ""
taken
put 60 '\x56'
daemon_stop
is "what was changed by others is left to them" $((0x$(command_is) & 2)) 0
finish
