# kill -9 of xenpcid while the guest reads config in a loop, then a new xenpcid: the guest sees a
# pause and nothing else, interrupts go on, and a detach is clean afterwards.

# The reader: compares every dump of 256 bytes with the first, and notes the longest time that one
# took, in milliseconds, and how many took longer than pcifront waits.
reader='f=/sys/bus/pci/devices/0000:00:01.0/config; ref=$(xxd -p $f); n=0; bad=0; max=0; over=0;
	while [ ! -e /tmp/stop ]; do
	t=$(gdate +%s%N); x=$(xxd -p $f); t=$((($(gdate +%s%N) - t) / 1000000));
	[ "$x" = "$ref" ] || bad=$((bad + 1)); n=$((n + 1)); [ $t -le $max ] || max=$t; [ $t -lt 2000 ] || over=$((over + 1));
	echo "$n $bad $max $over" >/tmp/reads.new; mv /tmp/reads.new /tmp/reads; done'
reads() { guest g1 5 "cut -d' ' -f$1 /tmp/reads"; }
more_reads() { [ "$(reads 1)" -gt "$1" ]; }
interrupts() { guest g1 5 cat /proc/interrupts | awk '/pirq.*msi-x/ { n += $2 } END { print n + 0 }'; }
more_interrupts() { [ "$(interrupts)" -gt "$1" ]; }

guest_start g1 pci="$dev_e1000e $dev_edu"
id=$(domid g1)
guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
guest g1 5 "$reader &"
guest g1 5 "(ping -i 0.2 10.0.2.2 >/tmp/ping 2>&1; true) &"
check "the guest reads and pings" wait_for 10 more_reads 5
round=1
while [ $round -le 5 ]; do
	backend_kill
	backend_start
	seen=$(reads 1)
	check "reads go on after kill $round" wait_for 10 more_reads $((seen + 3)) || break
	seen=$(interrupts)
	check "MSI-X interrupts go on after kill $round" wait_for 10 more_interrupts "$seen"
	round=$((round + 1))
done
guest g1 10 "touch /tmp/stop"
pings_end g1
figure reads "$(reads 1)" dumps
figure pause "$(reads 3)" ms
# Emulated, a new xenpcid takes about as long as pcifront waits: those pauses are counted, and are not to be all.
too_long=$(reads 4)
figure too_long "$too_long" "of 5 pauses"
check "no read failed or was wrong, but in a pause that was too long" [ "$(reads 2)" -le "$too_long" ]
check "not each pause was too long" [ "$too_long" -lt 5 ]
same "no ping was lost" 0 "$(pings_lost g1)"
# It waits two seconds for an answer, and says so when they are over.
same "pcifront says no more than that" "" "$(guest_warnings g1 | grep -v "pciback not responding")"
guest g1 10 "rmmod e1000e"
check "a detach afterwards" xl pci-detach g1 $dev_edu
check "the other device is detached" xl pci-detach g1 $dev_e1000e
check "no directory is left" fails xenstore-exists "$(backend_dir "$id")"
same "MSI-X is off in the device" 0 $((0x$(setpci -s $dev_e1000e CAP_MSIX+2.w) & 0x8000))
guest_destroy g1
