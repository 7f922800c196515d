#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What --json prints and what the documents say of it are the same, field by field: each record of each command is
# printed in a world where all its fields are known, and their names and types are compared with docs/control.md
# (what xenpcid tells) and xenpci(8) (what xenpci itself does), in both directions.
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

nic=0000:00:04.0
sys=$WORK/sys
operator() { in_domain 0 "$B/xenpci" --state-dir "$WORK/state" "$@" 2>>"$WORK/operator.log"; }
here() { in_domain 0 "$B/xenpci" "$@" 2>>"$WORK/operator.log"; }
raw() { "$B/tests/box/control_client" "$WORK/state/control" "$@"; }

# fields: of each object on stdin, which is flat but for lists: "RECORD FIELD TYPE"
fields() {
	awk '
	function bad(why) { print "malformed", why, $0; exit }
	# Each takes what it reads off the text.
	function text(  v) {
		if (!match(s, /^"([^"\\]|\\.)*"/)) bad("text")
		v = substr(s, 2, RLENGTH - 2); s = substr(s, RLENGTH + 1)
		return v
	}
	function value(  kind) {
		if (s ~ /^"/) { last = text(); return "text" }
		if (match(s, /^-?[0-9]+/)) { s = substr(s, RLENGTH + 1); return "number" }
		if (match(s, /^(true|false)/)) { s = substr(s, RLENGTH + 1); return "flag" }
		if (s !~ /^\[/) bad("value")
		s = substr(s, 2)
		kind = s ~ /^"/ ? "list of texts" : "list"
		while (s !~ /^\]/) {
			if (value() != (kind == "list" ? "number" : "text")) bad("list")
			sub(/^,/, "", s)
		}
		s = substr(s, 2)
		return kind
	}
	{
		s = $0; n = 0; record = ""
		if (!sub(/^\{/, "", s)) bad("object")
		while (s !~ /^\}$/) {
			name = text()
			if (!sub(/^:/, "", s)) bad("colon")
			type = value()
			if (name == "record") record = last
			else { f[n] = name; t[n++] = type }
			if (s !~ /^\}$/ && !sub(/^,/, "", s)) bad("comma")
		}
		for (i = 0; i < n; i++) print record, f[i], t[i]
	}' | sort -u
}

# The same of the documents.
in_control_md() {
	awk -F '|' '/^### `/ { split($0, w, "`"); record = w[2]; next }
		/^#/ { record = "" }
		record != "" && /^\| `/ { split($2, w, "`"); gsub(/^ | $/, "", $3); print record, w[2], $3 }' docs/control.md
}
in_man_page() {
	docs/man/fill "$B" 0 docs/man/xenpci.8.scd | sed -n '/^# JSON/,/^# EXIT/p' | tr -d '\\' |
		sed -nE 's/^\*([a-z]+)\* \(.*/record \1/p; s/^\t?_([a-z_]+)_: ([a-z ]+);.*/\1 \2/p' |
		awk '$1 == "record" { record = $2; next } { print record, $0 }'
}
(in_control_md && in_man_page) | sort -u >"$WORK/documented"

# --- A machine with all that check tells: a bridge, functions below it, a virtual one, resets that are withheld ---
plain_function "$sys" 03:00.0 0xfe000000
plain_function "$sys" 05:00.0 0xfe010000
# It has FLR, which the kernel does not offer.
plain_put "$sys" 03:00.0 6 '\x10'
plain_put "$sys" 03:00.0 52 '\x40'
plain_put "$sys" 03:00.0 64 '\x10\x00\x92\x00\x00\x00\x00\x10'
printf 'bus\n' >"$sys/bus/pci/devices/0000:03:00.0/reset_method"

box_up
guests 7 8
daemon_start --devices "image:$bench" --devices "sysfs:$sys" --sysfs-root "$sys"
attach 7 $nic || bail "no attach"
attach 8 0000:05:00.2 || bail "no attach"
connect g7 7 || bail "no connection: $R"
connect g8 8 || bail "no connection: $R"
config_write g7 0 0xe8 2 0x7fff
store write /libxl/pci/0000-03-00-0/name nic0 # as xl pci-assignable-add -n does

printed=$WORK/printed
{
	operator status --json
	operator -d "sysfs:$sys" status --json
	operator stats --json
	operator denied --json
	here -d "image:$bench" -d "sysfs:$sys" check all --json
	here -d "image:$bench" check all --allow all --json
	here -d "image:$bench" list --json
	here -d "image:$bench" -d "sysfs:$sys" assignable list --json
	here -d "image:$bench" map --json
	here -d "image:$bench" explain 00:05.0 0xe8 2 0x7fff --json
	here -d "image:$bench" explain 00:05.0 0x04 2 0x0407 --json
	here -d "image:$bench" explain 00:05.0 0x04 --json
	raw say '{"version":1,"command":"loglevel","level":"info"}'
} >"$printed"

# A trace that is not read for a while has a gap.
"$B/xenpci" --state-dir "$WORK/state" trace --json >"$WORK/trace" &
tracer=$!
traced() { config_read g7 0 0 4 && [ -s "$WORK/trace" ]; }
check "a trace" wait_for 5000 traced
kill -STOP $tracer
gap() {
	local _
	for _ in 1 2 3 4 5 6 7 8; do tell g7 sweep 0 >/dev/null; done
	kill -CONT $tracer
	wait_for 300 grep -q '"lost"' "$WORK/trace" && return
	kill -STOP $tracer
	return 1
}
check "with a gap" wait_for 20000 gap
kill -CONT $tracer
kill -TERM $tracer
wait $tracer
cat "$WORK/trace" >>"$printed"

fields <"$printed" >"$WORK/printed.fields"
is "every line is an object of texts, numbers, flags and lists" "$(grep '^malformed' "$WORK/printed.fields")" ""
is "no field is printed that is not documented, or is of another type" \
	"$(comm -13 "$WORK/documented" "$WORK/printed.fields")" ""
is "no field is documented that is never printed" "$(comm -23 "$WORK/documented" "$WORK/printed.fields")" ""
# What would make these empty: documents that were not found, commands that printed nothing.
is "records of both documents" "$(cut -d ' ' -f 1 "$WORK/documented" | sort -u | tr '\n' ' ')" \
	"capability check daemon denied device explain given guest held lost map result stats trace "
# A field more or less is seen.
is "a field that is missing is seen" "$(grep -v ' latency ' "$WORK/printed.fields" | comm -23 "$WORK/documented" -)" \
	"stats latency list"
is "a type that is another is seen" "$(echo '{"record":"stats","requests":"7"}' | fields | comm -13 "$WORK/documented" -)" \
	"stats requests text"

# Each command that takes --json prints it, and so is in this test.
taking=$(sed -nE 's/^\t\{ \{ "([a-z]+)", .*/\1/p; s/^\t  [0-9]+, [0-9]+, "([a-zA-Z]*)",.*/options \1/p' operator/main.c |
	awk '$1 == "options" { if ($2 ~ /j/ && !seen[name]++) print name; next } { name = $1 }')
orders=" reload restart upgrade release loglevel "
untried=
for command in $taking; do
	[[ $orders == *" $command "* ]] && continue
	[ "$command" = learn ] && continue # its records are those of denied
	grep -qE "^	(operator|here) .*\\b$command\\b.*--json|trace --json" "${BASH_SOURCE[0]}" || untried+=" $command"
done
is "no command with --json is left out" "$untried" ""
end_peer g7
end_peer g8
