# kill -9 of xenpcid while the guest reads config in a loop, then a new xenpcid: the guest sees a
# pause and nothing else, interrupts go on, and a detach is clean afterwards.

# The reader: compares every dump of 256 bytes with the first, and notes the longest time that one
# took, in milliseconds.
reader='f=/sys/bus/pci/devices/0000:00:01.0/config; ref=$(xxd -p $f); n=0; bad=0; max=0;
	while [ ! -e /tmp/stop ]; do
	t=$(gdate +%s%N); x=$(xxd -p $f); t=$((($(gdate +%s%N) - t) / 1000000));
	[ "$x" = "$ref" ] || bad=$((bad + 1)); n=$((n + 1)); [ $t -le $max ] || max=$t;
	echo "$n $bad $max" >/tmp/reads.new; mv /tmp/reads.new /tmp/reads; done'
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
guest g1 10 "touch /tmp/stop; killall -INT ping; usleep 500000"
figure reads "$(reads 1)" dumps
figure pause "$(reads 3)" ms
same "no read failed or was wrong" 0 "$(reads 2)"
same "no ping was lost" "0%" "$(guest g1 5 "grep -o '[0-9]*% packet loss' /tmp/ping" | cut -d' ' -f1)"
# It waits two seconds for an answer, and says so when they are over.
same "no pause was too long for pcifront" "" "$(guest_warnings g1)"
guest g1 10 "rmmod e1000e"
check "a detach afterwards" xl pci-detach g1 $dev_edu
check "the other device is detached" xl pci-detach g1 $dev_e1000e
check "no directory is left" fails xenstore-exists "$(backend_dir "$id")"
same "MSI-X is off in the device" 0 $((0x$(setpci -s $dev_e1000e CAP_MSIX+2.w) & 0x8000))
guest_destroy g1
