#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `make install` puts where, what it takes away again, and what the installed files are worth: a
# library to build with, hardened programs, settings that parse, a unit that confines, completion.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$top" || exit 1

# With nothing of the make that runs the tests, whose own variables are in the environment.
unset DESTDIR PREFIX sbindir bindir libdir includedir mandir docdir unitdir sysusersdir tmpfilesdir \
	completionsdir udevrulesdir libexecdir MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
mk() { make --no-print-directory "B=${B#"$top"/}" "$@"; }
found() { (cd "$1" && find . ! -type d | sort | sed 's/^\.//'); }

# --- Where ---
root=$WORK/root
dirs=(PREFIX=/usr sbindir=/a/sbin bindir=/a/bin libdir=/a/lib includedir=/a/include mandir=/a/man
	docdir=/a/doc unitdir=/a/unit sysusersdir=/a/sysusers tmpfilesdir=/a/tmpfiles completionsdir=/a/bash libexecdir=/a/libexec)
check "install" mk install "DESTDIR=$root" "${dirs[@]}"
is "each directory is honoured" "$(found "$root" | grep -v '^/a/')" "$(found "$root" | grep '/udev/')"
for file in sbin/xenpcid sbin/xenpci bin/xenpci-front lib/libxenpcifront.so lib/libxenpcifront.a \
	lib/pkgconfig/libxenpcifront.pc include/xenpci/xenpcifront.h unit/xenpcid.service bash/xenpci libexec/xenpci-worker \
	doc/examples/xenpci.conf; do
	check "$file" test -s "$root/a/$file"
done
like "the unit starts what was installed" "$(cat "$root/a/unit/xenpcid.service")" \
	$'\nExecStart=/a/sbin/xenpcid'
missing=
for file in $(grep -oE '\bdocs/[a-z_]+\.(md|svg)' README.md docs/man/*.scd -h | sort -u); do
	[ -s "$root/a/doc/$file" ] || missing+=" $file"
done
is "the documents that README and the man pages name are installed beside it" "$missing" ""
check "uninstall" mk uninstall "DESTDIR=$root" "${dirs[@]}"
is "leaves nothing" "$(found "$root")" ""
is "and no folder of ours" "$(find "$root" -depth -type d -path '*/a/doc*' -o -type d -name xenpci)" ""

# --- The linker's cache ---
cat >"$WORK/ldconfig" <<END
#!/bin/sh
echo called >>"$WORK/ldconfig.calls"
END
chmod +x "$WORK/ldconfig"
calls() { cat "$WORK/ldconfig.calls" 2>/dev/null | wc -l; }
mk install "DESTDIR=$root" PREFIX=/usr "LDCONFIG=$WORK/ldconfig" >"$WORK/out" 2>&1
is "with a DESTDIR ldconfig is not run" "$(calls)" 0
prefix=$WORK/prefix
mk install "PREFIX=$prefix" "udevrulesdir=$prefix/udev" "LDCONFIG=$WORK/ldconfig" MAKE_GROUP=true >"$WORK/out" 2>&1
if [ "$(id -u)" = 0 ]; then
	is "without one it is" "$(calls)" 1
else
	skip "without one it is" "only root's ldconfig can"
fi

# --- A program of a user's, built with what pkg-config says of the installed library ---
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
cc=${CC:-cc}
case $B in
*-san) skip "a user's program builds" "the library wants the sanitizers" ;;
*)
	# shellcheck disable=SC2046
	check "a user's program builds" $cc -o "$WORK/user" tests/box/user.c \
		-D_GNU_SOURCE $(pkg-config --cflags --libs libxenpcifront) -pthread
	like "and finds the library" "$(ldd "$WORK/user")" "libxenpcifront.so.0 => $prefix/lib/" ;;
esac
unset LD_LIBRARY_PATH

# --- The archive of a builder with link-time optimisation, as Fedora and Ubuntu are ---
if ! $cc -flinker-output=nolto-rel -x c -c -o /dev/null /dev/null 2>/dev/null; then
	skip "with -flto" "gcc's"
else
	check "built with -flto" mk "B=$WORK/lto" CC="$cc" SAN= CFLAGS="-O1 -g -flto -ffat-lto-objects" "$WORK/lto/libxenpcifront.a"
	is "its names are the public ones" "$(nm --defined-only -g "$WORK/lto/libxenpcifront.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -v '^xenpcifront_')" ""
	check "a program is linked with it" $cc -D_GNU_SOURCE -Iinclude -o "$WORK/user" tests/box/user.c "$WORK/lto/libxenpcifront.a" \
		-lxenstore -lxenevtchn -lxengnttab -lxentoollog -pthread
fi

# --- Hardening, and which libraries ---
for file in sbin/xenpcid sbin/xenpci bin/xenpci-front libexec/xenpci/xenpci-worker lib/libxenpcifront.so; do
	elf=$(readelf -hdlW "$prefix/$file")
	like "$file: position independent" "$elf" 'Type: +DYN'
	like "$file: bound at the start" "$elf" 'BIND_NOW'
	like "$file: tables read-only then" "$elf" 'GNU_RELRO'
	check_not "$file: no executable stack" grep -E 'GNU_STACK.*E ' <<<"$elf"
	like "$file: guarded stack" "$(nm -D "$prefix/$file")" '__stack_chk_fail'
	case $B in
	*-san) ;;
	*) like "$file: checked copies" "$(nm -D "$prefix/$file")" '__[a-z]+_chk@' ;;
	esac
	check_not "$file: no library whose name changes with each Xen" \
		grep -E 'NEEDED.*libxen(ctrl|guest|light)' <<<"$elf"
done

# --- What the Debian package says of the library (make deb-symbols writes it anew) ---
is "the symbols file names what the library exports" \
	"$(sed -n 's/^ \(xenpcifront_[a-z0-9_]*\)@.*/\1/p' debian/libxenpcifront0.symbols | sort)" \
	"$(nm -D --defined-only "$prefix/lib/libxenpcifront.so" |
		sed -n 's/.* T \(xenpcifront_[a-z0-9_]*\)@.*/\1/p' | sort)"
version=$("$B/xenpci" --version | cut -d' ' -f2)
like "the package is of this version" "$(head -n 1 debian/changelog)" "^xenpci \($version-"
like "CHANGELOG.md begins with it" "$(grep -m 1 '^## ' CHANGELOG.md)" "^## $version(,| |$)"
# A header that says another version than the package's symbols would be built against the wrong one.
check_not "no symbol is newer than the version" sh -c "sed -n 's/.*@LIBXENPCIFRONT_0 //p' debian/libxenpcifront0.symbols |
	while read -r v; do printf '%s\\n%s\\n' \$v $version | sort -CV || echo \$v; done | grep ."

# --- Settings: the sample is right as it is and with every line taken in, and leaves no key out ---
sample=$prefix/share/doc/xenpci/examples/xenpci.conf
parses() {
	"$B/xenpci" -d "image:$bench" -c "$1" check 00:04.0 >"$WORK/parse" 2>&1
	! grep -q "$(basename "$1")" "$WORK/parse"
}
check "the sample parses" parses "$sample"
# "# " begins prose.
sed 's/^#\([\ta-z{)]\)/\1/' "$sample" >"$WORK/full.conf"
is "a key taken in is a line more" "$(grep -c '^slots = ' "$WORK/full.conf")" 1
check "with every key too" parses "$WORK/full.conf"
echo 'no_such_key = 1;' >>"$WORK/full.conf"
check_not "a wrong one would be seen" parses "$WORK/full.conf"
missing=
for key in $(sed -n 's/^\t\t{ "\([a-z_]*\)", KEY_.*/\1/p' host/settings.c | sort -u); do
	grep -qE "(^|[#{; 	])$key = " "$sample" || missing+=" $key"
done
is "no key is left out" "$missing" ""

# --- Man pages: every key and option is in them ---
missing=
for key in $(sed -n 's/^\t\t{ "\([a-z_]*\)", KEY_.*/\1/p' host/settings.c | sort -u); do
	grep -qE "^\*${key//_/\\\\_}\*|, \*${key//_/\\\\_}\*|; \*${key//_/\\\\_}\*| and \*$key\*" \
		docs/man/xenpci.conf.5.scd || missing+=" $key"
done
is "xenpci.conf(5) has every key" "$missing" ""
if command -v scdoc >/dev/null; then
	for page in docs/man/*.scd; do
		page=$(basename "$page" .scd)
		check "$page is installed" test -s "$prefix/share/man/man${page##*.}/$page"
	done
	for program in xenpcid.8 xenpci.8 xenpci-front.1; do
		missing=
		for option in $("$B/${program%.*}" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
			grep -qF -- "$option" <(sed 's/\\//g' "$prefix/share/man/man${program##*.}/$program") ||
				missing+=" $option"
		done
		is "$program has every option" "$missing" ""
	done
else
	skip "man pages are installed" "no scdoc"
fi

# --- The unit ---
if command -v systemd-analyze >/dev/null; then
	cp "$prefix/lib/systemd/system/xenpcid.service" "$WORK/"
	line=$(systemd-analyze security --offline=true --no-pager "$WORK/xenpcid.service" 2>/dev/null |
		tail -n 1)
	score=$(sed -n 's/.*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p' <<<"$line")
	check "the unit is exposed 3.0 at most ($line)" test "${score:-99}" -le 30
	# Units of others, and man pages, need not be here.
	is "and well-formed" "$(systemd-analyze verify "$WORK/xenpcid.service" 2>&1 |
		grep -vE "Unit .* not found|Command 'man |Failed to create .*/start" |
		grep "xenpcid.service")" ""
else
	skip "the unit is exposed 3.0 at most" "no systemd-analyze"
fi

# --- Completion ---
complete_line() { # LINE: what is offered at its end
	bash -c '
		PATH=$1/sbin:$1/bin:$PATH
		export LD_LIBRARY_PATH=$1/lib
		compopt() { :; }
		. "$1/share/bash-completion/completions/xenpci"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		[ "${2% }" = "$2" ] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_xenpci
		printf "%s\n" "${COMPREPLY[@]}"' - "$prefix" "$1" 2>/dev/null
}
is "a command is completed" "$(complete_line "xenpci assig")" assignable
like "all are offered" "$(complete_line "xenpci " | tr '\n' ' ')" 'attach check .*detach .*list .*reset'
is "its own words too" "$(complete_line "xenpci assignable re")" remove
is "an option is completed" "$(complete_line "xenpcid --ready")" "--ready-fd="
like "those of xenpci-front" "$(complete_line "xenpci-front --re")" '--request-timeout'
is "nothing is made up" "$(complete_line "xenpci flyx")" ""

# --- What is missing is said, and nothing is installed without root ---
is "nothing is missing here" "$(make/deps check build run test 2>&1)" ""
PKG_CONFIG=false make/deps check build >"$WORK/out" 2>&1
is "a missing library is a failure" $? 1
like "which is named" "$(cat "$WORK/out")" 'pkg xenstore'
like "with what brings it" "$(cat "$WORK/out")" 'apt-get install .*libxen-dev|dnf install|apk add'
# As on musl, where the C library has no argp; of Alpine there is here but the name of its package manager.
mkdir "$WORK/lacks" "$WORK/alpine"
echo '#error not here' >"$WORK/lacks/argp.h"
for tool in sh cat dirname id tail sort sed awk grep cc gcc as ld pkg-config "${cc%% *}"; do
	! command -v "$tool" >/dev/null || ln -sf "$(command -v "$tool")" "$WORK/alpine/${tool##*/}"
done
printf '#!/bin/sh\nexit 1\n' >"$WORK/alpine/apk" && chmod +x "$WORK/alpine/apk"
PATH=$WORK/alpine CPPFLAGS=-I$WORK/lacks make/deps check build >"$WORK/out" 2>&1
is "a C library without argp: a failure" $? 1
like "with Alpine's package for it, and nothing else" "$(tail -n 2 "$WORK/out")" $'as root, run:\n  apk add argp-standalone$'
like "a plain make says so before it compiles" "$(mk -n CPPFLAGS="-I$WORK/lacks" all 2>&1)" 'header argp\.h'
like "so does a part of the tests that was asked for alone" "$(mk -n PKG_CONFIG=false unit 2>&1)" 'pkg cmocka'
is "dpkg is not asked for it" "$(grep -rlE 'dpkg-query|dpkg ' make Makefile)" ""

# --- What was installed serves: with a worker from where it was installed, though it was built for another prefix ---
box_up
guest 7
INSTALLED=$prefix/sbin/xenpcid daemon_start -v -v
create_nodes 7 0000:00:04.0
peer g7 7
check "an installed xenpcid serves" connect g7 7
case $B in
*-san) skip "its worker is the installed one" "which program a process is, is not seen with sanitizers" ;;
*) check "its worker is the installed one" test "/proc/$(worker_of 7)/exe" -ef "$prefix/libexec/xenpci/xenpci-worker" ;;
esac
end_peer g7
destroy 7
daemon_stop

# --- Without systemd: the script starts it, sees it, and stops it ---
script=$prefix/share/doc/xenpci/examples/xenpcid.init
check "the OpenRC script is there" sh -n "${script%.init}.openrc"
cat >"$WORK/defaults" <<END
DAEMON=$prefix/sbin/xenpcid
OPTIONS="--devices image:$bench --state-dir $WORK/state --keep-guests"
PIDFILE=$WORK/pid
CAPABILITIES=$WORK/capabilities
LOG="tee -a $WORK/syslog"
END
export XENPCID_DEFAULTS=$WORK/defaults
init() { timeout 30 "$xenbox" run "$DIR" 0 -- "$script" "$@" >"$WORK/init.out" 2>&1; }
echo >"$WORK/capabilities"
check "in a guest it starts nothing" init start
check_not "so nothing runs" init status
echo control_d >"$WORK/capabilities"
check "the script starts it" init start
check "and says so" init status
pid=$(cat "$WORK/pid")
check "by the pid that it has" test "$(cat "/proc/$pid/comm")" = xenpcid-keeper
check "the log is syslog's" grep -q serving "$WORK/syslog"
check "a second start changes nothing" init start
is "of the same" "$(cat "$WORK/pid")" "$pid"
check "it is stopped" init stop
check_not "and gone" kill -0 "$pid"
echo 'OPTIONS="--devices image:/nonexistent"' >>"$WORK/defaults"
check_not "a start that fails is a failure" init start
like "and says where to look" "$(cat "$WORK/init.out")" "see the log"
check_not "and leaves no pid" test -e "$WORK/pid"
finish
