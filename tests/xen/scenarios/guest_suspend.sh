# A guest that is saved, restored and migrated by xl, with its devices and without: one that goes on has its page, its
# channel and its vectors; what is detached before and attached behind works; what xl and Linux make of a device that
# stays attached.
# Limit: 600 s

image=/run/guest-image
nic=$dev_e1000e nic2=$dev_rootport
g=g1	# whose device is meant
messages=/tmp/xl-messages

# timed NAME COMMAND...: what it says is in $messages
timed() {
	local name=$1 t status
	shift
	t=$(ms)
	"$@" >$messages 2>&1
	status=$?
	figure "$name" $(($(ms) - t)) ms
	cp $messages "$out/$scenario-$name.txt"
	return $status
}
checkpoint() { rm -f $image; timed "$1" xl save -c "$2" $image; }
save() { rm -f $image; timed "$1" xl save "$2" $image; }
restore() { timed "$1" xl restore $image; }
# To this host, which is as good as another.
migrate() { timed "$1" xl migrate -s '' "$2" 'xl migrate-receive'; }
# Its console is another one then.
has_console() { xenstore-read "/local/domain/$(domid "$1")/console/tty" >"$state/$1.tty"; }
is_back() { wait_for 5 has_console "$1" && guest "$1" "${2:-20}" true; }

# has DOMID: what Xen has bound for it, what it shares, channels, nodes
has() {
	holdings | grep " d$1\b"
	lsevtchn "$1" | grep -c .
	lsevtchn 0 | grep -c .
	xenstore-ls "$(frontend_dir "$1")"
	xenstore-ls "$(backend_dir "$1")"
}
as_before() { has "$2" >$state/has; same "$1: page, channel, vectors and nodes are as they were" "" "$(diff $state/had $state/has | tr '\n' ';')"; }
nothing_of() { ! holdings | grep " d$1\b" && ! xenstore-exists "$(backend_dir "$1")"; }
states() { echo "$(pci_state "$1") $(xenstore-read "$(frontend_dir "$1")/state")"; }

vectors() { guest $g 5 "grep -c 'pirq.*msi-x' /proc/interrupts"; }
by_line() { guest $g 10 "grep 'pirq.*eth0' /proc/interrupts | grep -v msi"; }
carrier() { guest $g 10 "grep -q 1 /sys/class/net/eth0/carrier"; }
pings() { wait_for 20 carrier; check "$1: the NIC works" guest $g 20 "ping -c 3 -i 0.2 10.0.2.2 | grep '3 packets received'"; }
up() { # WHEN [PARAMETERS]
	guest $g 20 "modprobe e1000e ${2:-}; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
	pings "$1"
}
said_alone() { [ $BACKEND = kernel ] || grep "the guest is suspended: what leaves does not wait" "$out/$scenario.xenpcid"; }
attach() { check "$1: xl pci-attach" xl pci-attach $g $nic2 && check "$1: connected" wait_for 10 is_state "$(domid $g)" 4; }
detach() { check "$1: xl pci-detach" xl pci-detach $g $nic2; }
content() { same "$1: the guest's kernel is content" "" "$(guest_warnings $g | grep -v 'done[.]$')"; }

# ---- A checkpoint: suspended where it is ----
guest_start g1 pci="$nic"
first=$(domid g1)
up "before"
same "before: three vectors" 3 "$(vectors)"
has "$first" >$state/had
check "checkpoint: xl save -c with MSI-X in use" checkpoint checkpoint g1
check "checkpoint: there is an image" test -s $image
pings "checkpoint"
as_before "checkpoint" "$first"
same "checkpoint: three vectors" 3 "$(vectors)"
guest g1 10 "rmmod e1000e"
up "INTx" IntMode=0
check "INTx: by the interrupt line" by_line
has "$first" >$state/had
check "INTx: xl save -c with it in use" checkpoint checkpoint_intx g1
pings "INTx, checkpoint"
as_before "INTx, checkpoint" "$first"
check "INTx, checkpoint: by the interrupt line" by_line
guest g1 10 "rmmod e1000e"
content "checkpoint"

# ---- Migrated with its device: refused, and it goes on ----
up "again"
check "refused: xl migrate" fails migrate migrate_refused g1
check "refused: Xen does not track what a device writes" grep 'Failed to enable logdirty: 22,' $messages
same "refused: it stays" "$first" "$(domid g1)"
pings "refused"

# ---- Detached before, attached behind: a device that no driver of the guest's had ----
g=g2
guest_start g2 pci="$nic2"
one=$(domid g2)
check "save: the guest sees its device" guest g2 5 "lspci -n | grep 8086:10d3"
detach "save"
check "save: xl save" save save g2
same "save: it is gone" "" "$(domid g2)"
check "save: xl restore" restore restore
two=$(domid g2)
check "restore: under another number" [ "$two" -gt "$one" ]
check "restore: nothing is left of the old one" nothing_of "$one"
check "restore: it answers" is_back g2
attach "restore"
up "restore"
same "restore: three vectors" 3 "$(vectors)"
content "restore"

# ---- Detached before: a device that a driver had ----
detach "driven"
say "driven: xl migrate without a device: $(migrate migrate_without g2; echo $?) $(grep logdirty $messages)"
check "driven: it runs on" guest g2 5 true
check "driven: xl save" save save_driven g2
check "driven: xl restore" restore restore_driven
if is_back g2 10; then
	attach "driven"
	up "driven"
else
	check "driven: Linux broke in xen_irq_resume" grep 'RIP: .*xen_irq_resume' $consoles/guest-g2.log
fi
timed destroy_driven guest_destroy g2

# ---- Saved with a device that a driver has ----
g=g1
check "device: xl save" save save_device g1
check "device: xl did not wait for it" said_alone
check "device: nothing is left of it" nothing_of "$first"
check "device: xl restore" restore restore_device
same "device: it is offered anew" "3 1" "$(states "$(domid g1)")"
check "device: Linux broke in xen_irq_resume" wait_for 10 grep 'RIP: .*xen_irq_resume' $consoles/guest-g1.log
timed destroy_device guest_destroy g1

# ---- A program's frontend ----
session() {
	guest g3 5 "rm -f /tmp/in /tmp/out; mkfifo /tmp/in; (xenpci-front script --raw /tmp/in >/tmp/out 2>&1; echo ended \$? >>/tmp/out) &
		sleep 100000 >/tmp/in & echo \$! >/tmp/holds"
}
asked() {
	guest g3 10 "n=\$(wc -l </tmp/out); echo '$*' >/tmp/in; i=0;
		until [ \$(wc -l </tmp/out) -gt \$n ] || [ \$((i += 1)) -gt 150 ]; do usleep 20000; done; tail -n +\$((n + 1)) /tmp/out"
}
# answered NAME REQUEST PATTERN
answered() { check "$1: $2" says "$2" "$3"; }
says() { asked "$1" | grep "$2"; }
three='err=0 .*vectors [0-9]* [0-9]* [0-9]*$'
if [ $BACKEND = xenpcid ]; then
	guest_start g3 front=user pci="$nic"
	five=$(domid g3)
	session
	answered "program" "conf_write 0000:00:00.0 4 2 2" 'err=0'
	answered "program" "enable_msix 0000:00:00.0 0,1,2" "$three"
	has "$five" >$state/had
	grep irq $state/had >>$out/results
	check "program: xl save -c with its vectors" checkpoint checkpoint_program g3
	as_before "program, checkpoint" "$five"
	answered "program, checkpoint" "conf_read 0000:00:00.0 0 4" 'err=0 value=0x10d38086'
	answered "program, checkpoint" "disable_msix 0000:00:00.0" 'err=0'
	answered "program, checkpoint" "enable_msix 0000:00:00.0 0,1,2" "$three"
	check "program: xl save" save save_program g3
	check "program: nothing is left of it" nothing_of "$five"
	check "program: xl restore" restore restore_program
	check "program, restore: it answers" is_back g3
	six=$(domid g3)
	same "program, restore: its device is offered anew" "3 1" "$(states "$six")"
	answered "program, restore: the old connection" "conf_read 0000:00:00.0 0 4" 'no answer: Connection timed out'
	guest g3 5 "kill \$(cat /tmp/holds); sleep 1; killall xenpci-front"
	check "program, restore: the next one connects, and has it" guest g3 20 "xenpci-front list | grep 82574L"
	# Linux: a handle from before that is closed.
	say "program: the guest's kernel: $(guest_warnings g3 | grep -E 'BUG at|RIP' | tr '\n' ';')"
	guest_destroy g3
fi

# ---- Saved and restored with a device that no driver has ----
guest_start g4 pci="$dev_nvme"
check "idle: xl save" save save_idle g4
check "idle: xl restore" restore restore_idle
same "idle: what xenpcid or the kernel makes of it" "3 1" "$(states "$(domid g4)")"
check "idle: Linux waits for a page that nobody has" fails is_back g4 5
t=$(ms)
guest_destroy g4
figure destroy_idle $(($(ms) - t)) ms
rm -f $image
