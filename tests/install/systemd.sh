#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The unit under a real systemd: process 1 of namespaces of its own, on a copy (overlay) of this system, with the
# box's hypervisor behind the service. Started, told ready, watched, killed, stopped, released; its sandbox,
# its directory, its socket's group. Needs root, systemd, and a cgroup2 that is not all in use.

# In mounts of our own; where PrivateTmp does not hide what the service needs.
if [ "$(id -u)" = 0 ] && [ -x /lib/systemd/systemd ] && [ -z "${SYSTEMD_TEST_INSIDE:-}" ] && unshare -m true 2>/dev/null; then
	SYSTEMD_TEST_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
[ -z "${SYSTEMD_TEST_INSIDE:-}" ] || { mount -t tmpfs tmpfs /srv && export TMPDIR=/srv; }
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$top" || exit 1

skip_all() {
	skip "the unit under systemd" "$1"
	exit 0
}
[ -n "${SYSTEMD_TEST_INSIDE:-}" ] || skip_all "not root, no systemd, or no namespaces"
case $B in *-san) skip_all "its sandbox has no room for sanitizers" ;; esac
case $(realpath "$B") in /tmp/* | /var/tmp/*) skip_all "its sandbox has a /tmp of its own (PrivateTmp), and this build is in /tmp" ;; esac
unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$unified" ] && mkdir "$unified/xenpci-test-$$" 2>/dev/null || skip_all "no cgroup2"
cgroup=$unified/xenpci-test-$$

root=$WORK/root
mkdir -p "$root" "$WORK/upper" "$WORK/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/upper,workdir=$WORK/work" "$root" 2>/dev/null ||
	{ rmdir "$cgroup"; skip_all "no overlay"; }

# --- What is installed, and no other unit ---
unset DESTDIR PREFIX sbindir bindir libdir includedir mandir docdir unitdir sysusersdir tmpfilesdir \
	completionsdir udevrulesdir libexecdir MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
mkdir -p "$root/etc/systemd/system"
rm -rf "$root/etc/systemd/system"/*
check "installed" make --no-print-directory "B=${B#"$top"/}" install "DESTDIR=$root" PREFIX=/usr unitdir=/etc/xenpci-units
units=$root/etc/xenpci-units
for target in sysinit basic shutdown multi-user; do
	printf '[Unit]\nDefaultDependencies=no\n' >"$units/$target.target"
done
chroot "$root" systemd-sysusers /usr/lib/sysusers.d/xenpci.conf 2>"$WORK/sysusers.log"
gid=$(chroot "$root" getent group xenpci | cut -d : -f 3)
like "sysusers makes the group" "$gid" '^[0-9]+$'

# --- Process 1 ---
cat >"$WORK/init" <<END
set -e
cd $root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for d in null zero full random urandom tty; do touch dev/\$d; mount --bind /dev/\$d dev/\$d; done
mkdir dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s /proc/self/fd dev/fd
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --bind /srv srv
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system:/etc/xenpci-units \
	SYSTEMD_LOG_LEVEL=info chroot . /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
END
(
	echo $BASHPID >"$cgroup/cgroup.procs"
	exec unshare -m -p -C -u -i -f --propagation private bash "$WORK/init" >"$WORK/systemd.log" 2>&1 </dev/null
) &
unshared=$!
disown
init=
within() { nsenter -t "$init" -m -p -C -u -i -r -w -- "$@"; }
up() { init=$(pgrep -P $unshared) && [ -e "/proc/$init/root/run/systemd/private" ] && within systemctl is-system-running 2>&1 | grep -qE 'running|degraded'; }
stop_all() {
	[ -z "$DAEMON" ] || DAEMON=
	[ -z "$init" ] || kill -KILL "$init" 2>/dev/null
	wait_for 5000 gone "$unshared"
	xb down "$DIR" >/dev/null 2>&1
	umount -l "$root"
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
}
finish_all() {
	local status=$?
	[ $FAILED = 0 ] || { sed 's/^/  | /' "$WORK/systemd.log" | tail -n 40; [ -z "$init" ] || within systemctl status xenpcid --no-pager 2>&1 | sed 's/^/  | /'; }
	stop_all
	(exit $status)
	finish
}
trap finish_all EXIT
check "systemd is process 1 ($(/lib/systemd/systemd --version | head -n 1))" wait_for 20000 up || exit 1
show() { within systemctl show -p "$1" --value xenpcid; }
show_is() { [ "$(show "$1")" = "$2" ]; }

# --- A host that is not under Xen ---
check "a start without Xen is no failure" within systemctl start xenpcid
is "and starts nothing" "$(show ActiveState) $(show ConditionResult)" "inactive no"

# --- The box's hypervisor, and the emulated machine behind the unit ---
box_up
guests 7
mkdir -p "$units/xenpcid.service.d"
cat >"$units/xenpcid.service.d/box.conf" <<END
[Unit]
ConditionPathExists=
[Service]
ExecStartPre=
ExecStart=
ExecStart=$xenbox run $DIR 0 -- /usr/sbin/xenpcid --devices image:$bench --allow all -v -v
ExecReload=
ExecReload=$xenbox run $DIR 0 -- /usr/sbin/xenpci reload
StandardError=append:$daemon_log
WatchdogSec=3s
END
check "settings of the test's" within systemctl daemon-reload
check "systemctl enable --now xenpcid" within systemctl enable --now xenpcid
is "it is up when it has said so (Type=notify)" "$(show ActiveState) $(show SubState)" "active running"
is "and says that it serves" "$(show StatusText)" serving
check "it is enabled" test -L "$root/etc/systemd/system/multi-user.target.wants/xenpcid.service"
keeper() { within cat "/proc/$(show MainPID)/comm"; }
is "the main process is the keeper" "$(keeper)" xenpcid-keeper
is "RuntimeDirectory" "$(within stat -c '%a %u' /run/xenpci)" "711 0"
is "the control socket is the group's" "$(within stat -c '%a %u %g' /run/xenpci/control)" "660 0 $gid"
ask() { within "$xenbox" run "$DIR" 0 -- /usr/sbin/xenpci "$@"; }
like "xenpci status" "$(ask status)" 'serving since'
attach 7 0000:00:04.0
check "a guest is served from the sandbox" connect g7 7
check "its config space is read" config_read g7 0 0 4
is "as it is" "$R" "0 10d38086"
like "its worker is confined there, too" "$(ask status 7)" 'no capabilities, seccomp, no new privileges'
status_of_main() { grep "^$1:" "/proc/$(pgrep -f "^/usr/sbin/xenpcid" | head -n 1)/status"; }
like "no new privileges" "$(within cat "/proc/$(show MainPID)/status")" $'\nNoNewPrivs:\t1'
like "a filter of system calls" "$(within cat "/proc/$(show MainPID)/status")" $'\nSeccomp:\t2'
like "capabilities are bounded" "$(within cat "/proc/$(show MainPID)/status")" $'\nCapBnd:\t0000000000[0-9a-f]{6}\n'

# --- Killed, hung: another, and the guest goes on ---
restarted() { # N
	show_is NRestarts "$1" && show_is ActiveState active && show_is StatusText serving
}
serves_on() {
	wait_for 10000 config_read g7 0 0 4
}
outer_pid() { # the main process, as seen from outside
	local pid
	for pid in $(pgrep -x xenpcid-keeper); do
		grep -q "^NSpid:.*[[:space:]]$(show MainPID)\$" "/proc/$pid/status" && echo "$pid" && return
	done
}
server=$(pgrep -P "$(outer_pid)" | head -n 1)
kill -KILL "$server"
check "the server killed: the guest goes on" serves_on
is "of which systemd hears nothing" "$(show NRestarts)" 0
before=$(show MainPID)
kill -KILL "$(outer_pid)"
check "kill -9 of the main process: started again (Restart=always)" wait_for 20000 restarted 1
check "another" [ "$(show MainPID)" != "$before" ]
check "and the guest goes on" serves_on
check "systemctl kill -9 of all" within systemctl kill -s KILL xenpcid
check "all killed: started again" wait_for 20000 restarted 2
check "and the guest goes on" serves_on
bark=$(show WatchdogTimestampMonotonic)
barked() { [ "$(show WatchdogTimestampMonotonic)" != "$bark" ]; }
check "the watchdog is fed" wait_for 10000 barked
kill -STOP "$(outer_pid)"
check "a keeper that hangs: the watchdog has it started again" wait_for 20000 restarted 3
check "and the guest goes on" serves_on

# --- Asked: reload, stop, release ---
before=$(show MainPID)
check "systemctl reload xenpcid" within systemctl reload xenpcid
is "is the same keeper, and up" "$(show MainPID) $(show ActiveState)" "$before active"
check "and the guest goes on" serves_on
check "xenpci upgrade" ask upgrade
is "is the same process, and up" "$(show MainPID) $(show ActiveState) $(show StatusText)" "$before active serving"
check "and the guest goes on" serves_on
like "its new worker is confined as the old one" "$(ask status 7)" 'no capabilities, seccomp, no new privileges'
mkdir -p "$root/etc/xenpci"
echo 'nonsense = 1;' >"$root/etc/xenpci/xenpci.conf"
check_not "with settings that are wrong it fails" within systemctl reload xenpcid
is "and all is as it was" "$(show MainPID) $(show ActiveState)" "$before active"
check "and the guest goes on" serves_on
rm "$root/etc/xenpci/xenpci.conf"
within systemctl --no-block stop xenpcid # as: systemctl stop xenpcid
check "a stop asks the guest to close" await "$(be 7 state)" 5 10000
tell g7 write device/pci/0/state 6
check "and then it is over" wait_for 20000 show_is ActiveState inactive
is "well" "$(show Result) $(show ExecMainStatus)" "success 0"
like "ExecStopPost was run, and well" "$(show ExecStopPost)" 'clean-up .*code=exited ; status=0'
check "systemctl start xenpcid" within systemctl start xenpcid
is "up again" "$(show ActiveState) $(show StatusText)" "active serving"
check "xenpci release" ask release
check "is the end" wait_for 20000 show_is ActiveState inactive
is "which is no failure, and nobody starts it again" "$(show Result) $(show ExecMainStatus) $(show NRestarts)" "success 4 $(show NRestarts)"
check_not "it does not come back" wait_for 2000 show_is ActiveState active
end_peer g7
