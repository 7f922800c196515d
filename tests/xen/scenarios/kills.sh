# kill -9 of each kind of process, and of several at once, at random moments while a guest reads config space of
# its device without a pause and its NIC works: no read is wrong, interrupts go on, somebody serves on.
# (ends.sh, ended.sh: what the host's other guests notice of an end of xenpcid.)

. /rig/scenarios/ends.inc
. /rig/scenarios/processes.inc

interrupts() { guest g1 5 cat /proc/interrupts | awk '/pirq.*msi-x/ { n += $2 } END { print n + 0 }'; }
more_interrupts() { [ "$(interrupts)" -gt "$1" ]; }
random() { echo $(($(od -An -tu2 -N2 /dev/urandom) % $1)); }
nap() { usleep $(($(random 400) * 1000)); }

victims() { # KIND
	case $1 in
	worker) worker_of g1 ;;
	gate) gate_of g1 ;;
	spawner) spawner ;;
	server) backend_server ;;
	worker+gate) serving g1 ;;
	server+worker) echo "$(backend_server) $(worker_of g1)" ;;
	keeper) echo "$keeper" ;;
	esac
}
are_there() { [ -n "$(victims "$1")" ]; }
served_anew() { [ -n "$(worker_of g1)" ] && is_state "$one" 4; }

backend_stop
begin -v -v
guest_start g1 pci="$dev_e1000e $dev_edu"
one=$(domid g1)
guest g1 10 "modprobe e1000e; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
wait_for 20 guest g1 10 "grep -q 1 /sys/class/net/eth0/carrier"
guest g1 5 "$(reader 01)"
guest g1 5 "(ping -i 0.2 10.0.2.2 >/tmp/ping 2>&1; true) &"
check "the guest reads and pings" wait_for 60 more_reads 3

# A keeper starts the first successor at once and the next ones after ever longer pauses; the server that takes
# its place has that before it.
for kind in worker gate worker+gate spawner keeper server keeper server+worker keeper; do
	killed=0 round=1 rounds=3
	case $kind in spawner | server* | keeper) rounds=1 ;; esac
	while [ $round -le $rounds ]; do
		nap
		server=$(backend_server)
		served=$(grep -c serving "$out/$scenario.xenpcid")
		wait_for 20 are_there $kind
		# shellcheck disable=SC2046
		kill -9 $(victims $kind) && killed=$((killed + 1))
		case $kind in
		keeper)
			keeper=$server
			echo "$keeper" >$state/xenpcid.pid
			wait_for 20 server_is_new ;;
		spawner | server*) wait_for 20 server_is_new ;;
		esac
		wait_for 20 served_anew || notok "$kind, kill $round: nobody serves"
		seen=$(reads 1)
		wait_for 60 more_reads $((seen + 2)) || notok "$kind, kill $round: the guest reads no more"
		round=$((round + 1))
	done
	same "$kind: killed each time" $rounds $killed
	seen=$(interrupts)
	check "$kind: MSI-X interrupts go on" wait_for 10 more_interrupts "$seen"
	case $kind in
	worker | gate | worker+gate) answered_right $kind ;;
	*) answered_right $kind patient ;;
	esac
done
others "all these kills"
guest g1 10 "touch /tmp/stop"
pings_end g1
figure reads "$(reads 1)" dumps
same "no ping was lost" 0 "$(pings_lost g1)"
same "the guest's kernel is content" "" "$(guest_warnings g1 | grep -v "$slow")"
guest g1 10 "rmmod e1000e"
check "the NIC is detached" xl pci-detach g1 $dev_e1000e
check "and the other" xl pci-detach g1 $dev_edu
same "MSI-X is off in the device" 0 $((0x$(setpci -s $dev_e1000e CAP_MSIX+2.w) & 0x8000))
guest_destroy g1
kill -TERM "$(backend_pid)"
ended TERM
losetup -d /dev/loop0
