#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every command that README, the documents, the man pages and --help show is run as it is shown, in a box with
# a guest, a captured machine and a host of plain files; what cannot be run here stands in commands.txt, with
# where it is run instead, or why nowhere. Names of commands and options in running text exist.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$top" || exit 1

table=tests/documents/commands.txt
documents=(README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md ARCHITECTURE.md docs/*.md)
pages=(docs/man/*.scd)
programs=(xenpcid xenpci xenpci-front)

# --- What is shown ---

# blocks FILE: the commands of a document's indented and sh blocks, without what is said beside them. Other
# blocks are settings, JSON, messages of commits (which begin with a capital), code.
blocks() {
	awk '/^```/ { fenced = !fenced; shell = /^```sh/; next }
		fenced && !shell { next }
		/^    [^ ]/ || (fenced && shell) { sub(/^    /, ""); sub(/  +.*/, ""); print }' "$1" |
		grep -vE '^([a-z_0-9]+ = |[{(A-Z]|Linux)' | grep -vE '^[A-Z][a-z]'
	# Those that begin with a variable of the environment.
	awk '/^    [A-Z]+=[^ ]* / { sub(/^    /, ""); sub(/  +.*/, ""); print }' "$1"
}
# Of a page: the lines that are indented and begin with a program's name.
page_blocks() {
	awk '/^\t/ || more { line = $0; sub(/^\t/, "", line); more = sub(/\+\+$/, "", line); print line; next } { more = 0 }' "$1" |
		grep -E '^(xenpcid|xenpci|xenpci-front|systemctl|xl|make) [^(]*$' | tr -d '\\'
}
# What stands below "Examples:" in a program's --help.
help_examples() { "$B/$1" --help | sed -n '/^Examples:/,/^$/s/^  //p'; }
# Commands in running text: those of ours, and others with words behind them that are to be typed.
inline() { grep -ohE '`[^`]+`' "$1" | tr -d '`' | grep -E '^(make|xenpci|xenpcid|xenpci-front|modprobe|systemctl) '; }
# Spelled out, nothing left for the reader to fill in, and more than a command's name.
is_whole() {
	local -
	set -f
	# shellcheck disable=SC2086
	set -- $1
	[ $# -gt 2 ] && [[ "$*" =~ [0-9/] ]] && ! [[ "$*" =~ (BDF|DOMAIN|NAME|FILE|DIR|PID|…|=n) ]]
}

shown=$WORK/shown
for d in "${documents[@]}"; do
	blocks "$d"
	inline "$d" | while read -r line; do
		case $line in
		make\ * | modprobe\ * | systemctl\ * | 'xenpcid &') echo "$line" ;;
		*) ! is_whole "$line" || echo "$line" ;;
		esac
	done
done >"$shown.all"
for p in "${pages[@]}"; do page_blocks "$p"; done >>"$shown.all"
for p in "${programs[@]}"; do help_examples "$p"; done >>"$shown.all"
awk '!seen[$0]++' "$shown.all" >"$shown"

# --- The table ---

# how COMMAND: HOW, and what is said of it
how() { awk -F ' *~ *' -v c="$1" '$2 == c { print $1 "~" $3 "~" $4; exit }' "$table"; }
stale=
while IFS='~' read -r kind command where _; do
	kind=${kind// /} command=$(sed 's/^ *//; s/ *$//' <<<"$command") where=$(sed 's/^ *//; s/ *$//' <<<"$where")
	grep -qxF -- "$command" "$shown" || stale+="; nowhere shown: $command"
	[ "$kind" != elsewhere ] || grep -qF -- "${where#*:}" "${where%%:*}" || stale+="; not in ${where%%:*}: ${where#*:}"
	[[ "$kind" =~ ^(fails|ends|serves|elsewhere|never)$ ]] || stale+="; $kind?"
done < <(grep -v '^#' "$table")
is "no row of commands.txt is stale" "$stale" ""
check "commands are found ($(wc -l <"$shown"))" test "$(wc -l <"$shown")" -ge 60

# --- Where they are run ---

here=$WORK/here etc=$WORK/etc sys=$WORK/sys
mkdir -p "$here" "$etc" "$WORK/bin" "$WORK/state" "$sys/bus/pci/drivers/e1000e"
sed 's/^00:04\.0 /swap /; s/^03:00\.0 /00:04.0 /; s/^swap /03:00.0 /' "$bench" >"$here/lspci.txt"
grep -q '^03:00.0 ' "$here/lspci.txt" || bail "no 03:00.0"
echo 'answer_warning_ms = 500;' >"$here/new.conf"
plain_function "$sys" 03:00.0 0xfe000000
plain_bind "$sys" 03:00.0 e1000e
for driver in pciback e1000e; do
	for file in new_slot remove_slot slots bind unbind; do : >"$sys/bus/pci/drivers/$driver/$file"; done
done
# The programs, as a shell finds them: in dom0 or the guest, with this world's machine and directories.
cat >"$WORK/bin/xenpci" <<END
#!/bin/bash
devices=(-d image:$here/lspci.txt) state=()
for word; do
	case \$word in
	-d) devices=() ;;
	assignable) devices=(-d sysfs:$sys) ;;
	status | stats | denied | trace | learn | reload | restart | upgrade | release | loglevel) state=(--state-dir $WORK/state) ;;
	esac
done
exec $xenbox run $DIR 0 -- $B/xenpci "\${devices[@]}" "\$@" "\${state[@]}"
END
cat >"$WORK/bin/xenpcid" <<END
#!/bin/bash
devices=(--devices image:$here/lspci.txt)
case " \$* " in *" --devices "*) devices=() ;; esac
exec $xenbox run $DIR 0 -- $B/xenpcid "\${devices[@]}" --allow all --worker $B/xenpci-worker --state-dir $WORK/state "\$@"
END
cat >"$WORK/bin/xenpci-front" <<END
#!/bin/sh
exec $xenbox run $DIR 1 -- $B/xenpci-front "\$@"
END
chmod +x "$WORK"/bin/*

# As it is shown, but for places that are this machine's own.
localised() {
	sed "s#/etc/xenpci/#$etc/#g; s#/var/lib/prometheus/node-exporter/#$etc/#g; s#^build/#$B/#; s#\\bDIR\\b#$DIR#" <<<"$1"
}
typed() { (cd "$here" && PATH=$WORK/bin:$PATH exec "$@") >"$WORK/out" 2>&1 </dev/null; }
run_it() { # STATUS COMMAND
	local status
	typed timeout 30 bash -c "$(localised "$2")"
	status=$?
	if [ "$status" != "$1" ]; then
		not_ok "$2" "ended with status $status, not $1"
		sed 's/^/    | /' "$WORK/out" | head -n 15
		return
	fi
	ok "$2"
}
ends_it() {
	typed timeout --preserve-status -s INT 2 bash -c "exec $(localised "$1")"
	is "$1: until it is interrupted" $? 0
}
serves_it() {
	local pid
	: >"$WORK/served.log" # of the one before
	(cd "$here" && PATH=$WORK/bin:$PATH exec bash -c "exec $(localised "${1%&}")") >"$WORK/served.log" 2>&1 </dev/null &
	pid=$!
	check "$1: it serves" wait_for 10000 grep -q 'serving' "$WORK/served.log"
	kill -TERM $pid
	wait $pid
	is "$1: and ends when it is asked to" $? 0
}

# --- Names in running text ---

targets=$(make -pnq B="$B" .no_such_target 2>/dev/null | sed -nE 's/^([a-zA-Z0-9._-]+):([^=].*)?$/\1/p' | sort -u)
is_target() { grep -qxF -- "$1" <<<"$targets"; }
# make_it LINE: each word is a target, a file that is made, an option or a variable
make_it() {
	local word unknown=
	for word in ${1#*make}; do
		case $word in
		-j* | [A-Z]*=*) ;;
		build/* | tests/*) ;;
		*) is_target "$word" || unknown+=" $word" ;;
		esac
	done
	is "$1: targets of the Makefile" "$unknown" ""
}
check "make's targets are known" is_target check-xen
check_not "and no others" is_target no-such-target
# Nothing is compiled: that it is there to be.
check "make cross-arm64 names sources that are there" make -n B="$WORK/arm64" cross-objects

mentioned=$WORK/mentioned
for d in "${documents[@]}" "${pages[@]}"; do
	{ grep -ohE '`(xenpci|xenpcid|xenpci-front) [^`]+`' "$d"
	sed -n 's/\\//g; p' "$d" | grep -ohE '\*(xenpci|xenpcid|xenpci-front) [^*]+\*'; } | tr -d '`*'
done | sort -u >"$mentioned"
unknown=
declare -A HELP
for p in "${programs[@]}"; do HELP[$p]=$("$B/$p" --help); done
HELP[xenpci-front]+=$(for c in list write dump watch conform script; do "$B/xenpci-front" $c --help; done)
while read -r program words; do
	for word in $words; do
		case $word in
		--* | -[a-zA-Z]) grep -qE -- "(^|[ ,[(|])${word%%=*}\\b" <<<"${HELP[$program]}" || unknown+="; $program $word" ;;
		esac
	done
	command=${words%% *}
	case $program:$command in
	*:-* | xenpcid:* | *:\&*) continue ;;
	esac
	grep -qE "^  $command( |$)" <<<"${HELP[$program]}" || unknown+="; $program $command"
done <"$mentioned"
check "there are some ($(wc -l <"$mentioned"))" test "$(wc -l <"$mentioned")" -ge 15
is "every command and option that is mentioned exists" "$unknown" ""

# --- Run ---

box_up --xen 4.20
guests 1 7
end_peer g1
while read -r command; do
	[ "$(how "$command" | cut -d '~' -f 1)" != serves ] || serves_it "$command"
done <"$shown"

daemon_start --devices "image:$here/lspci.txt" --slots vpci
attach 7 0000:00:07.0
connect g7 7 || bail "no connection: $R"
config_write g7 0 0x44 2 0x7fff
# In the documents' order, but what looks at a device that is nobody's comes first, then what gives it to the guest.
first='^xenpci (-d [^ ]* )?(check|assignable) ' second='^xenpci attach '
(grep -E "$first" "$shown"; grep -E "$second" "$shown"; grep -vE "$first|$second" "$shown") >"$WORK/ordered"
while read -r command; do
	IFS='~' read -r kind what why <<<"$(how "$command")"
	case $kind:$command in
	serves:*) ;;
	fails:*) run_it "$what" "$command" ;;
	ends:*) ends_it "$command" ;;
	elsewhere:* | never:*) ok "$command # SKIP $what $why" ;;
	:make\ *'&& build/'*) make_it "${command%%&&*}" ;;
	:make\ *'&& make'*) make_it "${command//&& make/}" ;;
	:*SAN=1\ make\ * | :make\ *) make_it "$command" ;;
	:valgrind\ * | :tests/* | :bash\ -x\ tests/* | :*=*\ tests/*)
		path=$(grep -oE '(build/)?tests/[a-z_/.-]+' <<<"$command" | head -n 1)
		case $path in
		build/*) check "$command: can be built" test -e "${path#build/}.c" ;;
		*) check "$command: is there" test -x "$path" ;;
		esac ;;
	:*xenbox\ fail\ *)
		run_it 0 "$command"
		xb fail "$DIR" --clear ;;
	*) run_it 0 "$command" ;;
	esac
done <"$WORK/ordered"

# --- What they print is what is said of them ---
like "README: denied --quirks are lines for xenpci.conf" "$(typed xenpci denied --quirks; cat "$WORK/out")" 'quirks = \('
typed xenpci denied --quirks && cp "$WORK/out" "$here/denied.conf"
check "which are right" typed xenpcid -n -c "$here/denied.conf"
like "stats --prometheus: counters and latencies" "$(typed xenpci stats --prometheus; cat "$WORK/out")" 'xenpci_answer_seconds_bucket'
like "map: a row for each 16 bytes, a letter for each byte" "$(typed xenpci map 03:00.0; cat "$WORK/out")" $'\n000: ([a-z.-] ){15}[a-z.-]'
like "check: may it be assigned" "$(typed xenpci check 03:00.0; cat "$WORK/out")" '0000:03:00.0 8086:10d3'
is "the textfile is written" "$(grep -c '^xenpci_up 1' "$etc/xenpci.prom")" 1

# --- README is read in three minutes, at 300 words each, and its trip passes files that are there, each once ---
words=$(awk '/^```/ { code = !code } !code && !/^(```|    )/' README.md | wc -w)
check "README's prose has at most 900 words ($words)" test "$words" -le 900
trip=$(sed -n '/^## Read it/,/^## More/p' README.md | grep -oE '`[a-z/_]+(\.c|/)`' | tr -d '`')
absent=$(for file in $trip; do [ -e "$file" ] || echo "$file"; done)
check "README's trip is there ($(wc -l <<<"$trip") files)" test "$(wc -l <<<"$trip")" -ge 10
is "each of its files is, too" "$absent" ""
is "and is passed once" "$(sort <<<"$trip" | uniq -d)" ""

# --- The settings of docs/host.md, and README's program ---
awk '/^    slots = / { on = 1 } on && !/^    / { exit } on' docs/host.md >"$here/host.conf"
check "the settings of docs/host.md are right" typed xenpcid -n -c "$here/host.conf"
check "they are there ($(wc -l <"$here/host.conf") lines)" test "$(wc -l <"$here/host.conf")" -ge 10
sed -n '/^# EXAMPLES/,/^# SEE/p' docs/man/xenpci.conf.5.scd | grep -E '^	?[a-z_0-9]+ = ' | sed 's/++$//; s/^	//' >"$here/page.conf"
check "xenpci.conf(5)'s example is right" typed xenpcid -n -c "$here/page.conf"
check "it is there" test -s "$here/page.conf"
awk '/^```c$/ { on = 1; next } /^```$/ && on { exit } on' README.md >"$here/first.c"
case $B in
*-san) skip "README's program" "the library wants the sanitizers" ;;
*)
	check "README's program builds" "${CC:-cc}" -Wall -Wextra -Werror -Iinclude -o "$here/first" "$here/first.c" -L"$B" \
		-lxenpcifront -Wl,-rpath,"$B"
	is "in ten lines" "$(grep -c . "$here/first.c")" 10
	is "and prints the guest's devices" "$(in_domain 1 "$here/first" 2>&1)" "00:00.0 8086:10d3" ;;
esac
