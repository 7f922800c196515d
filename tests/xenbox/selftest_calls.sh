# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The part of the self-test that asks Xen: event channels, grants, physical devices, and calls that are made to
# fail. In this order: each goes on with what those before it have left in P and Q (a channel's two ends), R and S
# (references), and in the agents g (dom 7), b (dom 0) and h (dom 8). Sourced by selftest.

# --- event channels ---

evtchn() {
	t "open" g "open 0" 0
	ask g "alloc 0 0"
	P=$A
	like "alloc gives a port" "$P" '^[0-9]+$'
	t "a port that nobody has bound is quiet" g "pending 0 0" none
	t "notify on an unbound port is dropped" g "notify 0 $P" 0
	t "open in dom0" b "open 0" 0
	t "bind to no such port" b "bind 0 7 999" "err EINVAL"
	t "bind to no such domain" b "bind 0 99 1" "err ESRCH"
	agent h 8
	t "open in another guest" h "open 0" 0
	t "bind to a port that is kept for dom0" h "bind 0 7 $P" "err EINVAL"
	ask b "bind 0 7 $P"
	Q=$A
	like "bind" "$Q" '^[0-9]+$'
	t "bind twice" b "bind 0 7 $P" "err EINVAL"
	t "the binder is notified once" b "pending 0 1000" "$Q"
	t "only once" b "pending 0 0" none
	t "the other end is not" g "pending 0 0" none
	t "notify a masked port" g "notify 0 $P" 0
	t "nothing comes while it is masked" b "pending 0 20" none
	t "unmask" b "unmask 0 $Q" 0
	t "brings what came meanwhile" b "pending 0 1000" "$Q"
	for _ in 1 2 3 4 5; do ask g "notify 0 $P"; done
	t "unmask after many" b "unmask 0 $Q" 0
	t "are one event" b "pending 0 1000" "$Q"
	t "and no second" b "unmask 0 $Q" 0
	t "nothing is left" b "pending 0 20" none
	t "a non-blocking read of nothing" b "trypending 0" "err EAGAIN"
	t "the other direction" b "notify 0 $Q" 0
	t "arrives" g "pending 0 1000" "$P"
	t "and is unmasked" g "unmask 0 $P" 0
	t "notify a port that is not ours" g "notify 0 77" "err ENOTCONN"
	t "unbind a port that is not ours" g "unbind 0 77" "err ENOTCONN"
	t "unmask of a port that is not ours is ignored" g "unmask 0 77" 0
}

# Several handles of one domain: whose ports are whose, and what a handle reaches.
evtchn_handles() {
	t "a second handle" b "open 1" 0
	t "does not own the first one's ports" b "notify 1 $Q" "err ENOTCONN"
	ask g "stormbind 0"
	local p=$A
	ask b "stormbind 7 $p"
	local q=$A
	t "a storm of 20000 notifies" g "storm $p 20000" 0
	say b "echo $q 5001"
	ask g "ping $p 5000"
	like "is one event, and 5000 round trips work after it" "$A" '^[0-9]+$'
	echo "# round trip $A ns"
	hear b
	ask b stormend
	ask g stormend
	t "unbind" b "unbind 0 $Q" 0
	t "notify on a half-closed channel is dropped" g "notify 0 $P" 0
	ask b "bind 1 7 $P"
	Q=$A
	like "the port can be bound again" "$Q" '^[0-9]+$'
	t "through another handle, notified once" b "pending 1 1000" "$Q"
	t "which works" b "unmask 1 $Q" 0
	t "as before" g "notify 0 $P" 0
	t "with the new owner" b "pending 1 1000" "$Q"
	t "the old handle hears nothing" b "pending 0 0" none
	t "closing a handle closes its ports" b "close 1" 0
	ask b "bind 0 7 $P"
	Q=$A
	like "so that the peer is free again" "$Q" '^[0-9]+$'
	t "drain" b "pending 0 1000" "$Q"
	ask g "stormbind 0"
	t "restrict a handle to one domain" g "restrict 0" 0
	t "others are out of its reach" g "stormbind 8" "err EACCES"
	ask g stormend
	t "a virq has one owner" b "virq 0 3" "err EEXIST"
	t "a virq beyond the last" b "virq 0 200" "err EINVAL"
	t "loopback within a domain" g "alloc 0 7" 3
	t "binds to itself" g "bind 0 7 3" 4
	t "its first event" g "pending 0 1000" 4
	t "unmask it" g "unmask 0 4" 0
	t "from one end" g "notify 0 3" 0
	t "to the other" g "pending 0 1000" 4
	t "close loopback" g "unbind 0 3" 0
	t "close its other end" g "unbind 0 4" 0
}

evtchn_kill() {
	t "unmask before the kill" b "unmask 0 $Q" 0
	dismiss b KILL
	settles "kill -9 closes the channel" unbound=1 7
	t "notifies to the dead are dropped" g "notify 0 $P" 0
	agent b 0
	ask b "open 0"
	ask b "bind 0 7 $P"
	Q=$A
	like "a new process binds the same port" "$Q" '^[0-9]+$'
	t "it is notified once" b "pending 0 1000" "$Q"
	t "unmask" b "unmask 0 $Q" 0
	t "and it works" g "notify 0 $P" 0
	t "again" b "pending 0 1000" "$Q"
	ask b "unmask 0 $Q"
}

# --- grants ---

grants() {
	ask g "share 0 0 2 1"
	R=${A% *} S=${A#* }
	is "the first references, behind the reserved ones" "$R $S" "8 9"
	t "a fresh page is zero" g "peek 0 100" 0
	t "map" b "map 0 7 $R 1" 0
	t "write in one domain" b "poke 0 100 42" 0
	t "read in the other" g "peek 0 100" 42
	t "map two pages as one" b "maps 1 7 $R $S" 0
	t "the second page follows the first" g "poke 0 4096 7" 0
	t "in that mapping" b "peek 1 4096" 7
	t "pages out of order" b "maps 2 7 $S $R" 0
	t "are mapped in the order asked for" b "peek 2 0" 7
	t "one bad reference of many" b "maps 3 7 $R 500" "err EINVAL"
	t "no such reference" b "map 3 7 500 1" "err EINVAL"
	t "no such domain" b "map 3 99 $R 1" "err EINVAL"
	t "not the domain that was granted" h "map 3 7 $R 1" "err EINVAL"
	t "nor the owner itself" g "map 3 7 $R 1" "err EINVAL"
	ask g "share 1 0 1 0"
	is "a read-only grant" "$A" 10
	t "is not mapped writable" b "map 3 7 10 1" "err EINVAL"
	t "but readable" b "map 3 7 10 0" 0
	t "unmap" b "unmap 3" 0
	t "unmap twice" b "unmap 3" "err EINVAL"
	t "unmap the others" b "unmap 1" 0
	t "unmap the last of two" b "unmap 2" 0
	t "unshare what is mapped" g "unshare 0" 0
	t "the mapping stays" b "peek 0 100" 42
	t "what is not mapped is gone" b "map 1 7 $S 1" "err EINVAL"
	t "unmap the last" b "unmap 0" 0
	t "the reference is gone then" b "map 1 7 $R 1" "err EINVAL"
	ask g "share 0 0 1 1"
	is "and given again" "$A" "$R"
	t "with a page of zeroes" g "peek 0 100" 0
}

grants_notify() {
	t "a notification on unmap" g "poke 0 16 1" 0
	t "of a byte and a port" b "map 0 7 $R 1 16 $Q" 0
	t "nothing yet" g "peek 0 16" 1
	t "unmap with notification" b "unmap 0" 0
	t "clears the byte" g "peek 0 16" 0
	t "and sends the event" g "pending 0 1000" "$P"
	ask g "unmask 0 $P"
	t "a notification through no port" b "map 0 7 $R 1 16 999" "err EINVAL"
	t "leaves nothing mapped" b "unmap 0" "err EINVAL"
	t "an offset beyond the page stands for none" b "map 0 7 $R 1 4096 $Q" 0
	t "unmap that" b "unmap 0" 0
	t "the port is notified nevertheless" g "pending 0 1000" "$P"
	ask g "unmask 0 $P"
	t "set the byte again" g "poke 0 16 1" 0
	t "map with notification" b "map 0 7 $R 1 16 $Q" 0
	dismiss b KILL
	t "kill -9 of the mapper sends it" g "pending 0 5000" "$P"
	t "and clears the byte" g "peek 0 16" 0
	settles "nothing of dom 7 is mapped but the ring" mapped=$RING 7
	settles "the notifying port is closed" unbound=1 7
	ask g "unmask 0 $P"
	agent b 0
	ask b "open 0"
	t "mapped before the sharer dies" b "map 0 7 $R 1" 0
	ask b "foreign 7 1"
	like "the toolstack maps a guest's frame" "$A" '^[0-9]+$'
	t "not one that does not exist" b "foreign 7 5000" "err EINVAL"
	t "a guest maps no other guest's" h "foreign 7 1" "err EPERM"
}

# --- physical devices ---

DEV=32 # 0000:00:04.0
AT="2@0=0 1@2=0 1@3=$DEV"

physdev() {
	t "MSI for a device that the guest has not" b "mapmsi 7 0 $DEV 0 0" "err ENODEV"
	t "assign" b "assign 7 $DEV" 0
	t "assign twice" b "assign 7 $DEV" "err EBUSY"
	t "not assignable to another" b "testassign 8 $DEV" "err EBUSY"
	t "assign to nobody" b "assign 99 $DEV" "err ESRCH"
	t "the first pirq, from the top down" b "mapmsi 7 0 $DEV 0 0" 55
	t "the next" b "mapmsi 7 0 $DEV 0 0" 54
	t "MSI-X unprepared" b "mapmsi 7 0 $DEV 0 0xf0000000" "err ENODATA"
	t "prepare" b "physdev 30 $AT" 0
	t "prepare twice" b "physdev 30 $AT" "err EBUSY"
	t "MSI-X prepared" b "mapmsi 7 3 $DEV 0 0xf0000000" 53
	t "an entry beyond the table" b "mapmsi 7 2048 $DEV 0 0xf0000000" "err EINVAL"
	t "release in use" b "physdev 31 $AT" "err EBUSY"
	t "unmap" b "unmappirq 7 53" 0
	t "unmap twice" b "unmappirq 7 53" "err EINVAL"
	t "release" b "physdev 31 $AT" 0
	t "release twice" b "physdev 31 $AT" "err EBUSY"
	t "for no such domain" b "mapmsi 99 0 $DEV 0 0" "err ESRCH"
	t "by a guest" g "mapmsi 7 0 $DEV 0 0" "err EPERM"
	t "multi-MSI: 3 become 4, in a block" b \
		"physdev 13 2@0=7 4@4=4 4@8=-1 4@12=-1 4@20=$DEV 4@24=3" "pirq=50 entry=4"
	t "one of a block" b "unmappirq 7 51" "err EBUSY"
	t "the block" b "unmappirq 7 50" 0
	t "multi-MSI of 33" b "physdev 13 2@0=7 4@4=4 4@8=-1 4@12=-1 4@20=$DEV 4@24=33" "err EDOM"
	t "an unknown type" b "physdev 13 2@0=7 4@4=2 4@8=-1 4@12=-1 4@20=$DEV" "err EINVAL"
	t "a GSI" b "mapgsi 7 10 10" 10
	t "the same again" b "mapgsi 7 10 10" 10
	t "elsewhere" b "mapgsi 7 10 11" "err EEXIST"
	t "a GSI that the machine has not" b "mapgsi 7 24 24" "err EINVAL"
	t "setup_gsi on a PV dom0" b "physdev 21 4@0=16" "err EEXIST"
	t "setup_gsi beyond the last" b "physdev 21 4@0=200" "err EINVAL"
	t "pci_device_reset before Xen 4.20" b "physdev 32 $AT 4@4=3" "err ENOSYS"
	t "irq_status_query" b "physdev 5 4@0=10" "flags=1"
	t "no GSI is asked for on a PV dom0" b "getgsi $DEV" "err EOPNOTSUPP"
	t "get_free_pirq, for an MSI of dom0" b "physdev 23 4@0=0" 0
	t "an unknown operation" b "physdev 99" "err ENOSYS"
	t "a removed device" b "physdev 26 2@0=0 1@2=9 1@3=0" 0
	t "is unknown" b "testassign 7 0x900" "err ENODEV"
	t "until it is added" b "physdev 25 2@0=0 1@2=9 1@3=0" 0
	t "again" b "testassign 7 0x900" 0
	t "who is there" b domains "0 7 8"
	t "a guest may not know" g domains "err EPERM"
	t "the version" b version $((4 << 16 | 17))
	t "dom0 is privileged by its file, too" b "cat /proc/xen/capabilities" control_d
	t "a guest is not" g "cat /proc/xen/capabilities" nothing
	local n=0
	while ask b "mapmsi 7 0 $DEV 0 0" && [[ $A =~ ^[0-9]+$ ]]; do n=$((n + 1)); done
	is "no more than 32 vectors" "$A $n" "err ENOSPC 30"
	like "all are counted" "$("$X" stat "$DIR" 7)" "pirqs=33 devices=1 "
}

# --- failures on demand, and the log ---

failures() {
	local before
	before=$("$X" log "$DIR" | wc -l)
	t "a call as it is" b "mapgsi 7 12 12" 12
	is "is one line in the log" "$("$X" log "$DIR" | tail -n +$((before + 1)))" \
		"0 map_pirq dom=7 type=1 index=12 pirq=12 bus=0 devfn=0 entry=0 table=0 -> 0 pirq=12"
	"$X" fail "$DIR" map_pirq EBUSY --count 1 --skip 1
	t "the skipped one passes" b "mapgsi 7 13 13" 13
	t "the next fails" b "mapgsi 7 14 14" "err EBUSY"
	t "and then no more" b "mapgsi 7 14 14" 14
	like "failures are in the log" "$("$X" log "$DIR")" "pirq=14 [^>]*-> -16 EBUSY"
	"$X" fail "$DIR" map_pirq:2 ENOSPC
	t "the first of two" b "mapgsi 7 15 15" 15
	t "the second fails" b "mapgsi 7 16 16" "err ENOSPC"
	"$X" fail "$DIR" evtchn_alloc ENOMEM --dom 8
	ask g "alloc 0 0"
	like "a failure for one domain does not hit another" "$A" '^[0-9]+$'
	ask g "unbind 0 $A"
	t "but it" h "alloc 0 0" "err ENOMEM"
	"$X" fail "$DIR" gnttab_map EINVAL
	t "grants, too" b "map 2 7 $R 1" "err EINVAL"
	t "for ever" b "map 2 7 $R 1" "err EINVAL"
	"$X" fail "$DIR" --clear
	t "until cleared" b "map 2 7 $R 1" 0
	t "unmap" b "unmap 2" 0
	t "for that domain as well" h "alloc 0 0" 2
}
