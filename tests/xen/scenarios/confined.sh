# What serves a guest may do nothing: what /proc tells of its worker on real Xen; and a worker that makes a system
# call that is not on its list (backend/worker/syscalls.h) dies of it, which is told, and another serves.

. /rig/scenarios/ends.inc
. /rig/scenarios/processes.inc

backend_stop
begin -v -v
guest_start g1 pci="$dev_edu"
guest_start g2 pci="$dev_xhci"
check "both guests have their processes" wait_for 10 eval '[ -n "$(worker_of g1)" ] && [ -n "$(worker_of g2)" ]'

status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
other_namespace() { [ "$(readlink "/proc/$1/ns/$2")" != "$(readlink "/proc/1/ns/$2")" ]; }
descriptors() { for f in "/proc/$1/fd/"*; do readlink "$f"; done | sed 's/:\[.*//' | sort | uniq -c | sed 's/^ *//'; }

for g in g1 g2; do
	pid=$(worker_of $g)
	same "the worker of $g is another program" xenpci-worker "$(cat "/proc/$pid/comm")"
	check "$g: its user is its own" [ "$(status "$pid" Uid | cut -d ' ' -f 1)" -gt 1000 ]
	same "$g: in all respects" 1 "$(status "$pid" Uid | tr ' ' '\n' | sort -u | wc -l)"
	same "$g: no group besides" "" "$(status "$pid" Groups | tr -d ' ')"
	same "$g: system calls are filtered" 2 "$(status "$pid" Seccomp)"
	same "$g: no new privileges" 1 "$(status "$pid" NoNewPrivs)"
	for c in CapInh CapPrm CapEff CapBnd CapAmb; do
		same "$g: $c is empty" 0000000000000000 "$(status "$pid" $c)"
	done
	for n in net mnt ipc uts; do
		check "$g: a $n namespace that is not the host's" other_namespace "$pid" $n
	done
	same "$g: its root is empty" "" "$(ls -A "/proc/$pid/root/")"
	same "$g: nothing of Xen's calls is mapped" "" "$(grep -E 'privcmd|hypercall' "/proc/$pid/maps")"
	say "$g: descriptors: $(descriptors "$pid" | tr '\n' ';')"
	check "$g: few descriptors" [ "$(ls "/proc/$pid/fd" | wc -l)" -le 10 ]
	same "$g: none for Xen but its event channels" "" "$(descriptors "$pid" | grep xen | grep -v '^1 /dev/xen/evtchn$')"
	same "$g: none of a device can be written" 0 \
		"$(for f in "/proc/$pid/fd/"*; do
			case $(readlink "$f") in */config) cat "/proc/$pid/fdinfo/${f##*/}" ;; esac
		done | grep -c '^flags:.*[12]$')"
done
check "two guests' users are two" fails [ "$(status "$(worker_of g1)" Uid)" = "$(status "$(worker_of g2)" Uid)" ]
check "the gate of g1 is not that of g2" fails [ "$(gate_of g1)" = "$(gate_of g2)" ]

# ---- A call that is not on the list ----
neighbour=$(worker_of g2)
guest g1 5 "$(reader 00)"
check "g1 reads" wait_for 60 more_reads 3
round=1
while [ $round -le 3 ]; do
	old=$(worker_of g1)
	seen=$(deaths)
	# (Between two calls of its own it cannot be made to.)
	check "call $round: it is made" wait_for 10 intrude "$old"
	check "call $round: its worker dies of it" wait_for 10 pid_gone "$old"
	check "call $round: that is told" wait_for 10 eval '[ "$(deaths)" -gt "$seen" ]'
	check "call $round: another serves" wait_for 20 eval '[ -n "$(worker_of g1)" ] && [ "$(worker_of g1)" != "$old" ]'
	check "call $round: under the filter" wait_for 10 eval '[ "$(status "$(worker_of g1)" Seccomp)" = 2 ]'
	now_read=$(reads 1)
	check "call $round: g1 reads on" wait_for 60 more_reads $((now_read + 3))
	round=$((round + 1))
done
same "told with the signal" 3 "$(grep -c "its worker.*signal 31\|its worker.*[Bb]ad system call" "$out/$scenario.xenpcid")"
guest g1 5 "touch /tmp/stop"
answered_right "three workers that died"
same "the neighbour's worker is the same" "$neighbour" "$(worker_of g2)"
same "the server is the same" "$server" "$(backend_server)"
guest_destroy g1
guest_destroy g2
kill -TERM "$keeper"
ended TERM
losetup -d /dev/loop0
