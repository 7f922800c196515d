# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What a scenario may use. Runs in dom0, in busybox' sh. A scenario is a file of scenarios/, sourced
# by run-one with BACKEND (kernel or xenpcid) and scenario (its name and backend) set, and the
# backend running.
#
#   results     check NAME COMMAND... / same NAME EXPECTED GOT / figure NAME VALUE UNIT / say TEXT
#   waiting     wait_for SECONDS COMMAND...      ms (a clock)
#   guests      guest_start NAME [key=value]...  guest NAME SECONDS COMMAND  guest_destroy NAME
#   backend     backend_start [OPTION]...  backend_stop  backend_kill  backend_server
#   devices     dev_* below (machine.sh is where they come from)

dev_e1000e=0000:00:04.0
dev_edu=0000:00:05.0
dev_xhci=0000:00:06.0
dev_nvme=0000:00:07.0
dev_rootport=0000:01:00.0	# an e1000e behind a pcie-root-port
dev_pcibridge=0000:02:01.0	# an e1000 behind a pcie-pci-bridge
dev_slot0=0000:00:0a.0		# two e1000e, functions of one slot
dev_slot1=0000:00:0a.1
dev_msi=0000:00:0b.0		# an xhci without MSI-X, with a USB NIC
all_devices="$dev_e1000e $dev_edu $dev_xhci $dev_nvme $dev_rootport $dev_pcibridge $dev_slot0 $dev_slot1 $dev_msi"

out=/rig/out
state=/run/rig
consoles=/var/log/xen/console
mkdir -p $state
grep -v '^#' /rig/known-guest-lines >$state/known-guest-lines

# ---- results ----

ok() { echo "ok $scenario: $*" >>$out/results; }
notok() { echo "not ok $scenario: $*" >>$out/results; }
say() { echo "-- $*" >>$out/results; }
figure() { echo "$scenario.$1 $2 $3" >>$out/results; }

# check NAME COMMAND...: one result line from the command's status.
check() {
	local what="$1" why
	shift
	if why=$(quietly "$@" 2>&1); then
		ok "$what"
	else
		notok "$what: '$*' failed${why:+: $(echo "$why" | tail -n 1)}"
		return 1
	fi
}

# quietly COMMAND...: without the shell's trace in what it prints.
quietly() (
	{ set +x; } 2>/dev/null
	"$@"
)

# fails COMMAND...: for check, where the command must not succeed.
fails() { ! "$@"; }

# same NAME EXPECTED GOT
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		notok "$1: expected '$2', got '$3'"
		return 1
	fi
}

# ---- waiting ----

ms() { echo $(($(gdate +%s%N) / 1000000)); }

# now: sets $now, hundredths of a second since power-on. No process is started for it: each costs 20 ms
# here, and waiting asks often.
now() { read -r now _ </proc/uptime; now=${now%.*}${now#*.}; }

# How many times as long as a scenario says is waited: its bounds are for an idle machine, and are no targets.
patience=3

# wait_for SECONDS COMMAND...: until the command succeeds; fails when the time is over.
wait_for() {
	local end status=0 flags=$-
	{ set +x; } 2>/dev/null
	now
	end=$((now + $1 * 100 * patience))
	shift
	until "$@" >/dev/null 2>&1; do
		now
		if [ "$now" -ge $end ]; then
			echo "wait_for: gave up: $*"
			status=1
			break
		fi
		usleep 20000
	done
	trace_again "$flags"
	return $status
}

# The shell's trace goes to the scenario's log; waiting and framing would drown it.
trace_again() {
	case $1 in *x*) set -x ;; esac
}

# ---- the backend ----

xenbus=/sys/bus/xen-backend

# xenpcid serves by itself, so that backend_kill kills who serves; with kept=1 it has its keeper, which is
# then the process that is known here.
backend_start() {
	local alone=--no-keeper
	[ -z "${kept:-}" ] || alone=
	case $BACKEND in
	kernel)
		echo 1 >$xenbus/drivers_autoprobe
		;;
	xenpcid)
		[ -e /bin/xenpcid ] || { notok "xenpcid is not built"; exit 1; }
		echo "RIG: start" >>"$out/$scenario.xenpcid"
		# Some of the rig's devices have no reset at all and would be refused; $rules: as they are.
		/bin/xenpcid $alone ${rules---allow all} "$@" >>"$out/$scenario.xenpcid" 2>&1 &
		echo $! >$state/xenpcid.pid
		wait_for 10 backend_ready || notok "xenpcid does not become ready"
		;;
	esac
}

# It says that it is serving once per start.
backend_ready() {
	awk '/^RIG: start/ { ready = 0 } /serving/ { ready = 1 } END { exit !ready }' "$out/$scenario.xenpcid"
}

backend_pid() { cat $state/xenpcid.pid 2>/dev/null; }
backend_alive() { [ -n "$(backend_pid)" ] && kill -0 "$(backend_pid)" 2>/dev/null; }
# The keeper's child, the only one.
backend_server() {
	local pid
	pid=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$(backend_pid)" '$4 == parent { print $1 }')
	[ -n "$pid" ] && echo "$pid"
}
backend_gone() { ! backend_alive; }

backend_stop() {
	local pid
	pid=$(backend_pid) || return 0
	rm -f $state/xenpcid.pid
	kill "$pid" || return 1
	wait_for 10 pid_gone "$pid" || { kill -9 "$pid"; return 1; }
}

# The shell that started it reaps it, so that kill -0 tells the truth.
pid_gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

backend_kill() { kill -9 "$(backend_pid)"; wait_for 5 pid_gone "$(backend_pid)"; rm -f $state/xenpcid.pid; }

# ---- the machine ----

# monitor COMMAND...: a line for QEMU's monitor; returns when it has been sent.
monitor() {
	echo "$*" >$out/monitor.new
	mv $out/monitor.new $out/monitor
	wait_for 10 monitor_idle
}
monitor_idle() { [ ! -e $out/monitor ]; }

# Of a machine that sleeps (in-memory): all that there is is carried to the host's folder, which is given up.
leave_host_folder() {
	touch /run/carry.stop
	wait_for 20 host_folder_left
}
host_folder_left() { [ ! -e /run/carry.stop ]; }

# without_host_folder COMMAND...: which suspends the host
without_host_folder() {
	local virtio=/sys/bus/pci/drivers/virtio-pci folder=0000:00:02.0 status
	leave_host_folder || return
	echo $folder >$virtio/unbind
	"$@"
	status=$?
	echo $folder >$virtio/bind
	touch /run/carry.back
	return $status
}

# Suspended to RAM, until the rig wakes it. mended=: the base of extended config space (ECAM) is lost behind that, as
# firmware here may lose it.
host_sleeps() { without_host_folder suspend_to_ram; }
suspend_to_ram() {
	local ecam status
	ecam=$(setpci -s 00:00.0 60.l)
	echo mem >/sys/power/state
	status=$?
	[ -n "${mended-1}" ] || ecam=$(printf %x $((0x$ecam & ~1)))
	setpci -s 00:00.0 "60.l=$ecam"
	return $status
}

# host_idles STEP [LINE...]: suspended to idle, as far as its kernel's own test goes (freezer, devices: pm_test), for five
# seconds; meanwhile QEMU's monitor has these lines, which the rig finds in the host's folder. Nothing would wake it by
# itself (README.md).
host_idles() {
	local step=$1 status
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >$out/frozen
	without_host_folder test_suspend_to_idle $step
	status=$?
	rm -f $out/frozen
	return $status
}
test_suspend_to_idle() {
	local printk=/sys/module/printk/parameters status
	# The rig is to see on the console that it waits.
	dmesg -n 7
	echo N >$printk/console_suspend
	echo $1 >/sys/power/pm_test
	echo freeze >/sys/power/state
	status=$?
	echo none >/sys/power/pm_test
	echo Y >$printk/console_suspend
	dmesg -n 6
	return $status
}

# ---- devices ----

assignable() {
	local d
	for d in "$@"; do
		[ -e "/sys/bus/pci/drivers/pciback/$d" ] || xl pci-assignable-add "$d"
	done
}

# vdev DOMID HOSTBDF: the address under which the guest has the device, as its Linux writes it; the
# node has two digits for the function.
vdev() {
	local dir n
	dir=$(backend_dir "$1")
	for n in $(xenstore-list "$dir" | sed -n 's/^dev-//p'); do
		[ "$(xenstore-read "$dir/dev-$n")" != "$2" ] || {
			xenstore-read "$dir/vdev-$n" | sed 's/[.]0*\([0-7]\)$/.\1/'
			return
		}
	done
	return 1
}

# config_byte BDF OFFSET: of the real device, as dom0 sees it
config_byte() { xxd -p -s "$2" -l 1 "/sys/bus/pci/devices/$1/config"; }

backend_dir() { echo "/local/domain/0/backend/pci/$1/0"; }
frontend_dir() { echo "/local/domain/$1/device/pci/0"; }
pci_state() { xenstore-read "$(backend_dir "$1")/state"; }
is_state() { [ "$(pci_state "$1")" = "$2" ]; }

# ---- guests ----

domid() { xl domid "$1" 2>/dev/null; }

# guest_config NAME [key=value]...: writes /run/rig/NAME.cfg. Keys:
#   pci       devices, separated by blanks, each with options as xl takes them
#   front     kernel (default: the guest loads pcifront) or user (it does not)
#   modules   more modules for the guest, separated by +
#   extra     more for the guest's kernel command line
#   disk, vif lines for xl, as they are
guest_config() {
	local name=$1 pci= front=kernel modules= extra= disk= vif= d list=
	shift
	while [ $# -gt 0 ]; do
		local "$1"
		shift
	done
	for d in $pci; do
		assignable "${d%%,*}"
		list="$list${list:+, }\"$d\""
	done
	[ $front = user ] || modules=xen-pcifront${modules:+ }$modules
	[ $front = kernel ] || modules=xen-evtchn+xen-gntalloc+xen-gntdev${modules:++$modules}
	modules=$(echo "$modules" | tr ' ' +)
	cat >"$state/$name.cfg" <<-EOF
		name = "$name"
		type = "pv"
		kernel = "$images/vmlinux"
		ramdisk = "$images/guest.cpio"
		memory = 256
		extra = "console=hvc0 iommu=soft quiet rig.modules=$modules $extra"
		passthrough = "enabled"
		on_crash = "destroy"
		${list:+pci = [$list]}
		${disk:+disk = [$disk]}
		${vif:+vif = [$vif]}
	EOF
}

# From the host's folder once per boot: xl maps them page by page, which is slow over 9p.
images=$state/images
fetch_images() {
	[ -e $images ] || { mkdir $images && cp /rig/vmlinux /rig/guest.cpio $images/; }
}

guest_start() {
	local name=$1
	fetch_images
	guest_config "$@"
	xl create "$state/$name.cfg" && guest_ready "$name"
}

# guest_ready NAME: waits until the agent of the guest's next life is there: after xl create, or
# after the guest was told to reboot.
guest_ready() {
	wait_for 60 guest_has_booted "$1" || return 1
	xenstore-read "/local/domain/$(domid "$1")/console/tty" >"$state/$1.tty"
}

# Every life of a guest says READY once; xenconsoled appends to the same file.
guest_has_booted() {
	local seen=0 lives
	[ ! -e "$state/$1.lives" ] || read -r seen <"$state/$1.lives"
	lives=$(grep -c '^@@READY' "$consoles/guest-$1.log" 2>/dev/null)
	[ "${lives:-0}" -gt "$seen" ] && echo "$lives" >"$state/$1.lives"
}

# guest NAME SECONDS COMMAND: runs the command in the guest, prints its output, returns its status;
# 124 when it has not ended in time (guest-init tells of the framing).
guest() {
	local name=$1 secs=$2 id tty= cmd log status flags=$-
	shift 2
	{ set +x; } 2>/dev/null
	log=$consoles/guest-$name.log
	read -r id </proc/sys/kernel/random/uuid
	id=r${id%%-*}	# a letter first: awk would read 1e23 as a number
	read -r tty <"$state/$name.tty"
	cmd="$*"
	case $cmd in *"$newline"*) cmd=$(echo "$cmd" | tr '\n' ' ') ;; esac
	echo "$id $cmd" >"$tty"
	if wait_for "$secs" grep -q "^@@E $id [0-9]* end" "$log"; then
		awk -v id="$id" '
			$1 == "@@E" && $2 == id { status = $3; exit }
			on { if (on++ > 1) print last; last = $0 }
			$1 == "@@B" && $2 == id { on = 1 }
			END { if (last != "") print last; exit status }' "$log"
		status=$?
	else
		echo "no answer from $name: $*" >&2
		status=124
	fi
	trace_again "$flags"
	return "$status"
}
newline='
'

# pings_end GUEST: its ping, which writes to /tmp/ping, ends; pings_lost GUEST: how many had no answer, but for one that
# was on its way then.
pings_end() {
	guest "$1" 10 "killall -INT ping"
	wait_for 10 guest "$1" 5 "grep 'packets transmitted' /tmp/ping"
}
pings_lost() {
	guest "$1" 10 "awk '/ seq=/ { sub(/.* seq=/, \"\"); n += !got[\$1 + 0]++ }
		/packets transmitted/ { sent = \$1 }
		END { print sent - n - !(sent - 1 in got) }' /tmp/ping"
}

# What the guest's kernel complained of, without the lines that every guest has. A report with a
# stack trace counts as the line that it begins with.
guest_warnings() {
	guest "$1" 10 "dmesg -r" | awk '
		!/^<[0-4]>/ { next }
		/---[[] end trace/ { cut = 0; next }
		/---[[] cut here/ { cut = 1; next }
		cut == 1 { print; cut = 2 }
		!cut { print }' | grep -vEf $state/known-guest-lines
}

guest_destroy() {
	[ -z "$(domid "$1")" ] || xl destroy "$1"
	rm -f "$state/$1.tty"
}

# guest_drop NAME: as guest_destroy, for a guest whose frontend no longer answers: xl would wait 10 s
# for each of its devices, so it is made to see none.
guest_drop() {
	local id n
	id=$(domid "$1") || return
	xenstore-rm "$(backend_dir "$id")"
	for n in $(xenstore-list /libxl/pci); do
		[ "$(xenstore-read "/libxl/pci/$n/domid" 2>/dev/null)" != "$id" ] ||
			xenstore-rm "/libxl/pci/$n/domid"
	done
	guest_destroy "$1"
}

guests() { xl list | awk 'NR > 1 && $2 != 0 { print $1 }'; }

# ---- nothing may be left over ----

# What Xen holds, one line per thing, for a comparison: interrupts bound to a domain with their
# pirqs, active grants, domains.
holdings() {
	xl dmesg -c >/dev/null
	xl debug-keys i
	xl debug-keys g
	xl dmesg -c | awk '
		/IRQ:/ && / d[0-9]+:/ { sub(".*in-flight=[0-9]+ ", ""); gsub("[(][^)]*[)]", ""); print "irq " $0 }
		/grant-table for remote/ { dom = $5 }
		/^[(]XEN[)] [[]0x/ { print "grant of " dom " " $2 }'
	xl list | awk 'NR > 1 { print "domain " $1 }'
}

# What was there after the scenario before is there still; a scenario that broke off leaves no such list.
leaks_before() { mv $state/after $state/before || holdings | sort >$state/before; }
leaks_after() {
	local new
	holdings | sort >$state/after
	new=$(comm_new $state/before $state/after | tr '\n' ';')
	same "nothing left in the hypervisor" "" "$new"
}
comm_new() { awk 'NR == FNR { old[$0] = 1; next } !($0 in old)' "$1" "$2"; }

# All guests away, the backend stopped, the kernel's backend on again.
rig_cleanup() {
	local g
	for g in $(guests); do
		xl destroy "$g"
	done
	backend_stop
	echo 1 >$xenbus/drivers_autoprobe
	wait_for 10 no_guests
}
no_guests() { [ -z "$(guests)" ]; }

# stuck: what a scenario that ran out of time was waiting for.
stuck() {
	ps -o pid,stat,time,args
	for p in /proc/[0-9]*; do
		echo "$p $(tr '\0' ' ' <"$p/cmdline"): $(cat "$p/wchan")"
		grep -q 'State:.D' "$p/status" && cat "$p/stack"
	done
	xl list
	xenstore-ls -f /local/domain/0/backend
	dmesg | tail -n 40
}

save_logs() {
	dmesg -r >$out/dom0-kernel.log
	cp $consoles/* $out/ 2>/dev/null
	xenstore-ls -fp >$out/xenstore
}

help_rig() {
	sed -n '4,14s/^# \{0,1\}//p' /rig/lib.sh
	echo "devices: $all_devices"
}
