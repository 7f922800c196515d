# SPDX-License-Identifier: MIT
#
# What check and newcomer source first, with their arguments: systems of a Debian, made from nothing and gone at
# the end, with mounts and processes of their own. Needs root, debootstrap and a network. Lines as a test's; ends
# with a count and status 1 if any failed.
#   suite                       the argument: bookworm, trixie
#   base_system [SUITE]         what systems are copies of, kept from run to run
#   system NAME [SUITE]         a copy in $work/NAME, with what programs expect to be mounted
#   inside NAME COMMAND...      in it, as root, with nothing of this environment
#   get NAME WORD...            its apt-get
#   check NAME COMMAND...       a result; what the command printed is in $log
#   CHROOTS, MIRROR: where base systems are kept (default $B/chroots); where they come from

# shellcheck shell=bash
set -u
suite=${1:?usage: ${0##*/} SUITE}
me=$(realpath "$0")
cd "${me%/*}/../.." || exit 1
B=${B:-build}
CHROOTS=${CHROOTS:-$B/chroots}
mirror=${MIRROR:-http://deb.debian.org/debian}
# Mounts of our own, which go with us, and processes that see no others: the tests look for theirs by name.
[ -n "${CHECK_DEB_INSIDE:-}" ] ||
	CHECK_DEB_INSIDE=1 exec unshare -m -p -f --kill-child --mount-proc --propagation private "$me" "$@"

passed=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/xenpci-deb.XXXXXX")
log=$work/log
clean_up() {
	local m
	for m in $(awk -v w="$work/" 'index($2, w) == 1 { print $2 }' /proc/mounts | tac); do umount -l "$m"; done
	# Nothing of the host's may be below when it is removed.
	grep -q " $work/" /proc/mounts || rm -rf "$work"
}
trap clean_up EXIT

check() {
	local name=$suite:\ $1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "not ok $name: $*"
		tail -n 25 "$log" | sed 's/^/    | /'
		failed=$((failed + 1))
		return 1
	fi
}
finish() {
	echo "$passed passed, $failed failed"
	exit $((failed > 0))
}

system() {
	local d=$work/$1
	cp -a --reflink=auto "$CHROOTS/${2:-$suite}" "$d" && cp /etc/resolv.conf "$d/etc/" &&
		mount -t proc proc "$d/proc" && mount --rbind /sys "$d/sys" && mount --rbind /dev "$d/dev" &&
		printf '#!/bin/sh\nexit 101\n' >"$d/usr/sbin/policy-rc.d" && chmod +x "$d/usr/sbin/policy-rc.d" &&
		mkdir -p "$d/work" && inside "$1" apt-get -q update
}
inside() {
	local d=$work/$1
	shift
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
		LC_ALL=C.UTF-8 chroot "$d" "$@"
}
get() {
	local d=$1
	shift
	inside "$d" apt-get -q -y --no-install-recommends "$@"
}

base_system() {
	local which=${1:-$suite}
	mkdir -p "$CHROOTS"
	[ -e "$CHROOTS/$which/etc/debian_version" ] ||
		check "a base system of $which" debootstrap --variant=minbase "$which" "$CHROOTS/$which" "$mirror" || finish
}
