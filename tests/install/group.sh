#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The group of the control socket after `make install` on a system that is used, in whichever way that system makes groups; and
# what `make uninstall` says of what it leaves. In mounts of its own, with an /etc and a /run of its own. Needs root.
if [ "$(id -u)" = 0 ] && [ -z "${GROUP_TEST_INSIDE:-}" ] && unshare -m true 2>/dev/null; then
	GROUP_TEST_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$top" || exit 1
[ -n "${GROUP_TEST_INSIDE:-}" ] || { skip "the group after make install" "not root, or no namespaces"; exit 0; }
{ cp -a /etc "$WORK/etc" && mount --bind "$WORK/etc" /etc && mount -t tmpfs -o mode=755 tmpfs /run; } || bail "no /etc of its own"
rm -rf /etc/xenpci /etc/systemd/system/*.wants/xenpcid.service

# With nothing of the make that runs the tests, whose own variables are in the environment.
unset DESTDIR PREFIX sysusersdir MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
prefix=$WORK/prefix
mk() { make --no-print-directory "B=${B#"$top"/}" "PREFIX=$prefix" "udevrulesdir=$prefix/udev" LDCONFIG=true "$@"; }
without_group() { sed -i '/^xenpci:/d' /etc/group /etc/gshadow; }
group() { grep -c '^xenpci:' /etc/group; }
# only FILE...: a folder with these programs and what make/group is written with, as a PATH
only() {
	local file
	rm -rf "$WORK/only" && mkdir "$WORK/only"
	for file in sh sed grep head id "$@"; do
		ln -s "$(command -v "$file")" "$WORK/only/" || bail "no $file"
	done
}

# --- make install ---
without_group
check "install into a DESTDIR" mk install "DESTDIR=$WORK/root"
is "makes no group" "$(group)" 0
check "install on this system" mk install
is "makes it" "$(group)" 1
check "again" mk install
is "changes nothing" "$(group)" 1

# --- By what there is ---
conf=$prefix/lib/sysusers.d/xenpci.conf
# by FILE: with that program and no other
by() {
	command -v "$1" >/dev/null || { skip "by ${1##*/}" "not here"; return; }
	without_group
	only "$1"
	is "by ${1##*/}: it says nothing" "$(PATH=$WORK/only make/group "$conf" 2>&1)" ""
	like "by ${1##*/}: a group of the system's" "$(grep '^xenpci:' /etc/group)" '^xenpci:[^:]*:[0-9]{2,3}:$'
}
# Busybox' own, as Alpine has it, is in no package of Debian's: a stand-in that takes its words alone.
cat >"$WORK/addgroup" <<'END'
#!/bin/sh
[ "$*" = "-S xenpci" ] && echo "xenpci:x:101:" >>/etc/group
END
chmod +x "$WORK/addgroup"
by systemd-sysusers
by groupadd
by "$WORK/addgroup"

# --- Where nothing makes it ---
without_group
only
says=$(PATH=$WORK/only make/group "$conf" 2>&1)
is "nothing that makes groups: no failure" $? 0
like "which is told, with what to do" "$says" '^there is no group xenpci .*only root may ask xenpcid; as root: groupadd -r xenpci$'
is "in one line" "$(wc -l <<<"$says")" 1
mkdir "$WORK/broken"
for name in systemd-sysusers groupadd addgroup; do
	printf '#!/bin/sh\necho "%s: not today" >&2\necho more >&2\nexit 1\n' "$name" >"$WORK/broken/$name"
	chmod +x "$WORK/broken/$name"
done
PATH=$WORK/broken:$PATH mk install >"$WORK/out" 2>&1
is "they fail: make install does not" $? 0
is "the first says why" "$(grep -c '^there is no group xenpci (systemd-sysusers: not today): ' "$WORK/out")" 1
check_not "and nothing else is said of it" grep -E '^more|not today$' "$WORK/out"
cp make/group "$conf" /run/
setpriv --reuid 65534 --clear-groups /run/group /run/xenpci.conf >"$WORK/out" 2>&1
like "without root it is told, too" "$(cat "$WORK/out")" '^there is no group xenpci \(root can make it\)'

# --- make uninstall names what it leaves ---
check "uninstall" mk uninstall
is "no file and no folder of ours is left" "$(find "$prefix" -name '*xenpci*')" ""
is "of which nothing is left, it says nothing" "$(mk uninstall 2>&1)" ""
mk install >"$WORK/out" 2>&1
mkdir -p /etc/xenpci /run/xenpci /etc/systemd/system/multi-user.target.wants
ln -s "$prefix/lib/systemd/system/xenpcid.service" /etc/systemd/system/multi-user.target.wants/
is "settings, state, a unit that is enabled, the group" "$(mk uninstall 2>&1)" \
	"left as it is: /etc/xenpci, /run/xenpci, /etc/systemd/system/multi-user.target.wants/xenpcid.service, the group xenpci (groupdel xenpci)"
is "they are left" "$(group) $(cd /etc/xenpci && cd /run/xenpci && echo there)" "1 there"
is "with a DESTDIR it is not asked" "$(mk uninstall "DESTDIR=$WORK/root" 2>&1)" ""
finish
