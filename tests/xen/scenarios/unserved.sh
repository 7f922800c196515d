# `xl destroy` and shutdown of a guest with PCI devices while no backend runs: xl waits 10 s for each device, then the
# guest goes; the next xenpcid has the devices for others. Started before them, nothing waits.
# Limit: 480 s, of which 40 are xl's waits.

. /rig/scenarios/ends.inc

# all_end: both processes at once; nobody switches the bus's probing back, so that no backend serves.
all_end() {
	kill -KILL "$keeper" "$server"
	check "$1: nobody of us is left" wait_for 10 is_over
	rm -f $state/xenpcid.pid
}
guest_up() {
	check "$1: a guest with two devices" guest_start g1 pci="$dev_e1000e $dev_edu"
}
timed() { # FIGURE COMMAND...: the command's status is in $status, what it said in said
	local name=$1 t
	shift
	t=$(ms)
	"$@" >$state/said 2>&1
	status=$?
	figure "$name" $(($(ms) - t)) ms
}
clean() {
	check "$1: a new guest gets both devices" guest_start g1 pci="$dev_e1000e $dev_edu"
	same "$1: and reads them" 2 "$(guest g1 10 "lspci -n" | grep -c '8086:10d3\|1234:11e8')"
	guest_destroy g1
}

backend_stop

begin
guest_up "destroy"
all_end "destroy"
timed destroy xl destroy g1
same "destroy: xl succeeds" 0 $status
same "destroy: it has waited for each device" 2 "$(grep -c "wait_for_backend.*not ready" $state/said)"
check "destroy: the guest is gone" no_guests
begin
clean "destroy"

guest_up "shutdown"
all_end "shutdown"
guest g1 1 "poweroff -f" &
t=$(ms)
check "shutdown: the guest is gone" wait_for 60 no_guests
figure shutdown $(($(ms) - t)) ms
begin
clean "shutdown"

guest_up "before"
all_end "before"
begin
timed destroy_served xl destroy g1
same "before: xl waits for nobody" 0 "$(grep -c "not ready" $state/said)"
clean "before"
kill -TERM "$keeper"
ended "TERM"
losetup -d /dev/loop0
