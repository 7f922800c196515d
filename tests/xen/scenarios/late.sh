# How long a guest waits for an answer, by the kernel's backend and by xenpcid in turn, and how late both guests'
# own clocks are meanwhile, which have nothing to do with either: what all three share is the machine's.

rounds=4
reads=1500
. /rig/scenarios/both.inc

# clock GUEST: in the background of the guest, by how much a sleep of a tenth of a second was too long, at most,
# since the file was removed, in ms
clock() {
	guest "$1" 5 '(while read -r a _ </proc/uptime && usleep 100000 && read -r b _ </proc/uptime; do
		l=$(((${b%.*}${b#*.} - ${a%.*}${a#*.}) * 10 - 100)); m=0; read -r m </tmp/late; [ $l -le ${m:-0} ] || echo $l >/tmp/late;
		done 2>/dev/null) &'
}
a_round() { quietly guest "$1" 90 "rm -f /tmp/late; echo sleep $reads 0 >/tmp/ask; read a </tmp/answer; echo \$a; cat /tmp/late"; }

ask_both() { # DEVICE-OF-KERNEL DEVICE-OF-XENPCID
	local by i=0
	check "the operator holds $1" xenpci assignable add "$1"
	check "the operator holds $2" xenpci assignable add "$2"
	check "a guest of the kernel's" serve_by kernel guest_start kernel front=user pci="$1"
	check "a guest of xenpcid's" serve_by xenpcid guest_start xenpcid front=user pci="$2"
	for by in kernel xenpcid; do
		asker_start $by
		clock $by
	done
	while [ $i -lt $rounds ]; do
		for by in kernel xenpcid; do
			# shellcheck disable=SC2046
			set -- $(a_round $by)
			[ $# -ge 3 ] || { notok "a round of $by: $(guest $by 5 "cat /tmp/err")"; continue; }
			figure $by.median $(($1 / 1000)) us
			figure $by.p99 $(($2 / 1000)) us
			figure $by.max $(($3 / 1000)) us
			figure $by.clock "${4:-0}" ms
		done
		i=$((i + 1))
	done
	both_end
}

ask_both $dev_edu $dev_pcibridge
ask_both $dev_pcibridge $dev_edu
