# The kernel's backend and xenpcid, each with guests of its own in the same boot, by turns. Figures
# are single measurements; the host makes medians and ratios of them (tests/bench/xen).

. /rig/scenarios/both.inc

rounds=5
read_rounds=3	# by both backends, with each of two devices

# The emulated machine, all idle, now and then forgets an interrupt for seconds, with either backend: a clock
# that ticks reminds it.
asker tick &
tick=$!

other() { [ "$1" = kernel ] && echo xenpcid || echo kernel; }

# --- Config reads and writes, the same client in both guests ---

# a_round GUEST MODE COUNT OFFSET [w]: "median p99 max"
a_round() {
	quietly guest "$1" 90 "echo $2 $3 $4 ${5:-} >/tmp/ask; read a </tmp/answer; echo \$a"
}

ask_both() { # DEVICE-OF-KERNEL DEVICE-OF-XENPCID: a guest of each backend, with an asker
	local by
	serve_by kernel guest_start kernel front=user pci="$1"
	serve_by xenpcid guest_start xenpcid front=user pci="$2"
	for by in kernel xenpcid; do
		asker_start $by
	done
}

# by_turns NAME ROUNDS COUNT "OFFSET [w]"...: NAME.MODE.OFFSET[w].BACKEND.{median,p99}
by_turns() {
	local name=$1 i=$2 n=$3 by mode at a
	shift 3
	while [ "$i" -gt 0 ]; do
		for mode in poll sleep; do
			for at; do
				for by in kernel xenpcid; do
					# shellcheck disable=SC2086
					a=$(a_round $by $mode "$n" $at)
					[ -n "$a" ] || notok "a round of $by: $(guest $by 5 "cat /tmp/err")"
					# shellcheck disable=SC2086
					set_fields "$at" $a
					figure "$name.$mode.$field.$by.median" "$median" ns
					figure "$name.$mode.$field.$by.p99" "$p99" ns
				done
			done
		done
		i=$((i - 1))
	done
}
set_fields() { field=$(echo "$1" | tr -d ' ') median=${2:-} p99=${3:-}; }

bench_reads() {
	local pair
	for pair in "$dev_e1000e $dev_rootport" "$dev_rootport $dev_e1000e"; do
		# shellcheck disable=SC2086
		ask_both $pair
		by_turns read "$read_rounds" 2000 0 4 "c w"
		both_end
	done
}

# The same while a process keeps domain 0's one processor busy.
bench_busy() {
	local hog
	ask_both $dev_e1000e $dev_rootport
	sh -c 'while :; do :; done' &
	hog=$!
	by_turns busy 3 500 4 "c w"
	kill $hog
	both_end
}

# What a guest waits for its next answer when its worker is killed: the longest read of a round.
bench_killed() {
	local i=0 a
	serve_by xenpcid guest_start xenpcid front=user pci="$dev_rootport"
	asker_start xenpcid
	while [ $i -lt 15 ]; do
		{ usleep 60000; killall -9 xenpci-worker; } &
		if a=$(a_round xenpcid sleep 20000 0); then
			figure killed "${a##* }" ns
		else
			notok "a round beside a kill: $(guest xenpcid 5 "cat /tmp/err")"
		fi
		wait $!
		i=$((i + 1))
	done
	guest_destroy xenpcid
}

# --- xl create, whole ---

bench_create() {
	local i=0 by start
	fetch_images
	while [ $i -lt "$rounds" ]; do
		for by in kernel xenpcid; do
			guest_config c$by pci="$dev_e1000e $dev_nvme"
			start=$(gdate +%s%N)
			check "xl create, $by" serve_by $by xl create $state/c$by.cfg
			figure "create.$by" $(($(gdate +%s%N) - start)) ns
			guest_ready c$by
			guest_destroy c$by
		done
		i=$((i + 1))
	done
}

# --- Linux pcifront looks at a bus with three devices ---

bench_enumerate() {
	local i=0 by
	while [ $i -lt "$rounds" ]; do
		for by in kernel xenpcid; do
			serve_by $by guest_start e$by front=user pci="$dev_e1000e $dev_nvme $dev_rootport"
			figure "enumerate.$by" "$(guest e$by 30 "asker enumerate 3")" ns
			guest_destroy e$by
		done
		i=$((i + 1))
	done
}

# --- xl pci-attach, into a guest that has a device already ---

# attach_once GUEST BDF: from xl's start to the backend's state 4, which a watch tells of; and from
# xl's commit, state 7, on
attach_once() {
	local status start told end
	rm -f $state/until
	mkfifo $state/until
	asker until "$(backend_dir "$(domid "$1")")/state" 7 4 >$state/until &
	{
		read -r _
		start=$(gdate +%s%N)
		check "xl pci-attach, $1" xl pci-attach "$1" "$2"
		status=$?
		[ $status -ne 0 ] || { read -r -t 10 told; read -r -t 10 end; }
	} <$state/until
	kill $! 2>/dev/null
	echo $((end - start)) >$state/took
	echo $((end - told)) >$state/served
	return $status
}

# measure_attach NAME GUEST: of the device that both backends get in turn
measure_attach() {
	quietly attach_once "$2" $dev_rootport && {
		figure "$1.$2" "$(cat $state/took)" ns
		figure "$1.served.$2" "$(cat $state/served)" ns
	}
	check "xl pci-detach, $2" xl pci-detach "$2" $dev_rootport
}

# Each time the device comes from a guest of the other backend's.
bench_attach() {
	local i=0 by
	serve_by kernel guest_start kernel pci="$dev_e1000e"
	serve_by xenpcid guest_start xenpcid pci="$dev_nvme"
	assignable $dev_rootport
	while [ $i -lt "$rounds" ]; do
		for by in kernel xenpcid; do
			measure_attach attach $by
		done
		i=$((i + 1))
	done
	both_end
}

# Each time but the first it was the same backend's before. xenpcid leaves out resets only where no
# guest of the kernel's might get a device, so the two guests take turns.
bench_again() {
	local i by round=0
	assignable $dev_rootport
	while [ $round -lt 3 ]; do
		for by in kernel xenpcid; do
			serve_by $by guest_start $by pci="$dev_nvme"
			measure_attach first $by
			i=0
			while [ $i -lt "$rounds" ]; do
				measure_attach again $by
				i=$((i + 1))
			done
			guest_destroy $by
		done
		round=$((round + 1))
	done
}

# What xenpcid does for an attach, call by call, into attach.trace (tests/bench/xen makes a summary).
bench_trace() {
	local tracer
	guest_start traced pci="$dev_nvme"
	assignable $dev_rootport
	# The first one looks at the machine.
	check "xl pci-attach" quietly attach_once traced $dev_rootport
	check "xl pci-detach" xl pci-detach traced $dev_rootport
	strace -f -ttt -T -y -s 256 -o $out/attach.trace -p "$(backend_pid)" 2>$state/tracer &
	tracer=$!
	wait_for 10 grep -q attached $state/tracer
	check "xl pci-attach, traced" quietly attach_once traced $dev_rootport
	kill $tracer
	guest_destroy traced
}

for part in $(cat /rig/parts); do
	bench_$part
done
kill $tick
