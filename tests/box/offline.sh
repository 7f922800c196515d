#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What xenpci tells without xenpcid: maps, explanations, verdicts, for people and for programs, of captured
# machines and of live ones. What explain says is what a guest then finds.
. "$(dirname "$0")/lib.sh"

x=$B/xenpci
captured() { "$x" -d "image:$bench" "$@"; }
operator() { in_domain 0 "$x" -d "image:$bench" "$@"; }
status_of() {
	"$@" >"$WORK/out" 2>"$WORK/err"
	echo $?
}
out() { cat "$WORK/out"; }
err() { cat "$WORK/err"; }
# row HEX: the letters of that row of a map
row() { sed -n "s/^$1: \(.\{31\}\).*/\1/p" "$WORK/out"; }
# every line of the file is an object with one of these records
all_json() { # FILE RECORD|...
	[ -s "$1" ] && ! grep -qvE "^\\{\"record\":\"($2)\",.*\\}\$" "$1"
}
# field NAME: of the first line of $WORK/out
field() { head -n 1 "$WORK/out" | sed -n "s/.*\"$1\":\(\[[^]]*\]\|\"[^\"]*\"\|[^,}]*\).*/\1/p" | tr -d '"'; }

# --- map ---
is "a map" "$(status_of captured map 00:04.0)" 0
like "with its title" "$(out)" '^0000:00:04.0 8086:10d3'
is "the header" "$(row 000)" "v v v v p s r r r r r r w - r p"
is "BARs" "$(row 010)" "s s s s s s s s s s s s s s s s"
is "MSI-X: its control's enable is a switch" "$(row 0a0)" "- - r i r r r r r r r r . . . ."
like "capabilities are named" "$(out)" 'a0 MSI-X'
like "of both lists" "$(out)" '140 serial number'
like "rows alike are left out" "$(out)" $'\n  \.\.\.  to fff alike'
like "letters are told of" "$(out)" ' v  reads are the host.s answer'
check_not "no colour but on a terminal" grep -q $'\033' "$WORK/out"
if command -v script >/dev/null; then
	script -qec "'$x' -d 'image:$bench' map 00:04.0" /dev/null >"$WORK/tty" </dev/null
	check "colour on a terminal" grep -q $'\033\[34mv' "$WORK/tty"
	NO_COLOR=1 script -qec "'$x' -d 'image:$bench' map 00:04.0" /dev/null >"$WORK/tty" </dev/null
	check_not "unless NO_COLOR" grep -q $'\033' "$WORK/tty"
else
	skip "colour on a terminal" "there is no script"
fi
status_of captured map 00:04.0 --with permissive=1 >/dev/null
is "permissive opens what is unlisted" "$(row 040)" "w w w w w w w w w w w w w w w w"
is "but not what is closed" "$(row 010)" "s s s s s s s s s s s s s s s s"
like "and is told of with its source" "$(out)" 'permissive \(--with\)'
status_of captured map 00:04.0 --with interrupt_control=1 >/dev/null
is "interrupt_control opens switches" "$(row 0a0)" "- - r p r r r r r r r r . . . ."
cat >"$WORK/quirk.conf" <<END
quirks = ( { vendor = 0x8086; device = 0x10d3; offset = 0x44; width = 2; mask = 0xff; reason = "a test"; } );
END
status_of captured -c "$WORK/quirk.conf" map 00:04.0 >/dev/null
is "a quirk opens its bits" "$(row 040)" ". . . . p r . . . . . . . . . ."
is "all of a machine" "$(status_of captured map)" 0
is "each of its functions" "$(grep -c "^0000:" "$WORK/out")" "$(captured check --json 2>/dev/null | wc -l)"
is "a file" "$(status_of "$x" map "$top/tests/dumps/elsewhere.txt")" 0
is "an absent device" "$(status_of captured map 0f:00.0)" 1
is "a file that is not there" "$(status_of "$x" map lspci.text)" 1
like "is not taken for an address alone" "$(err)" '"lspci.text" is neither a PCI address .* nor a file'
is "another command's option is wrong usage" "$(status_of captured map --quirks 00:04.0)" 2
like "and is named" "$(err)" 'map: --quirks does not belong to this command'
is "a malformed option" "$(status_of captured map 00:04.0 --with colour=red)" 1
like "is named" "$(err)" '"colour=red" is not understood'
is "an option of another command's" "$(status_of captured check --svg 00:04.0)" 2
is "one picture" "$(status_of captured map --svg 00:04.0 05:00.0)" 0
is "is one" "$(head -c 4 "$WORK/out") $(tail -n 1 "$WORK/out")" "<svg </svg>"
is "with what begins there ended" "$(grep -o '<text' "$WORK/out" | wc -l)" "$(grep -o '</text>' "$WORK/out" | wc -l)"
check "with registers' names" grep -q '<title>004 command' "$WORK/out"
is "two ways at once are none" "$(status_of captured map --svg --json 00:04.0)" 2
is "for programs" "$(status_of captured map --json 00:04.0)" 0
check "map: JSON" all_json "$WORK/out" "map|capability"
is "it covers the space" "$(grep '"map"' "$WORK/out" | sed 's/.*"offset":\([0-9]*\),"width":\([0-9]*\).*/\1 \2/' |
	awk '$1 != at { exit 1 } { at += $2 } END { print at }')" 4096

# --- explain ---
is "a read" "$(status_of captured explain 00:04.0 0)" 0
like "has the register's width and value" "$(out)" 'read of 2 bytes at 0x00 is answered: success, 0x8086'
is "a write that a rule lets through" "$(status_of captured explain 00:04.0 0x0c 1 0x20)" 0
like "what is done" "$(out)" 'done to the device: 0x20 is written to 0x0c'
is "one that is refused" "$(status_of captured explain 00:04.0 0xe8 2 7)" 1
like "by which register" "$(out)" 'refused: device control at 0xe8, bits 0x7'
like "and what would allow it" "$(out)" 'would be allowed by permissive=1'
like "nothing is done" "$(out)" 'done to the device: nothing'
is "and is not with that" "$(status_of captured explain 00:04.0 0xe8 2 7 --with permissive=1)" 0
is "an offset that is no multiple" "$(status_of captured explain 00:04.0 3 4)" 1
is "a width that is none" "$(status_of captured explain 00:04.0 4 3)" 2
is "a value that is too wide" "$(status_of captured explain 00:04.0 4 1 256)" 2
is "an offset beyond any space" "$(status_of captured explain 00:04.0 4096)" 2
is "beyond this one's" "$(status_of "$x" -d "image:$top/tests/dumps/elsewhere.txt" explain 0002:02:00.0 0x100)" 1
is "a number that is none" "$(status_of captured explain 00:04.0 four)" 2
is "a file of many functions" "$(status_of "$x" explain "$bench" 4)" 1
like "names what helps" "$(err)" 'explain BDF OFFSET'
awk '/^00:04.0/ { on = 1 } on { print } on && /^$/ { exit }' "$bench" >"$WORK/one.txt"
is "a file of one" "$(status_of "$x" explain "$WORK/one.txt" 0)" 0
is "for programs" "$(status_of captured --json explain 00:04.0 0xe8 2 7)" 1
check "explain: JSON" all_json "$WORK/out" explain
is "with numbers" "$(field offset)" 232

# --- check ---
is "all: no failure" "$(status_of captured check all)" 0
is "a line for each and one of headings" "$(wc -l <"$WORK/out")" "$(($(captured check --json 2>/dev/null | wc -l) + 1))"
# Where a column of the headings begins, each row has one that begins, too
check "columns line up" awk '
	NR == 1 { for (i = 1; i < length($0); i++) if (substr($0, i, 3) ~ /^  [A-Z]$/) at[i + 2] = 1; next }
	{ for (i in at) if (substr($0, i - 1, 1) != " " || substr($0, i, 1) == " ") exit 1 }' "$WORK/out"
like "with the rule that is in the way" "$(out)" 'no: no-reset'
if command -v script >/dev/null; then
	NO_COLOR=1 script -qec "stty cols 80; '$x' -d 'image:$bench' check all" /dev/null 2>&1 </dev/null | tr -d '\r' >"$WORK/tty"
	is "in 80 columns of a terminal rows are folded between columns" \
		"$(grep -c '^    \(KIND\|NAME\)$' "$WORK/tty") $(grep -c '^    Intel Corporation 82574L Gigabit Network Connection$' "$WORK/tty")" "2 1"
	is "and a text alone is longer" "$(grep -v '^xenpci:\|^    ' "$WORK/tty" | grep -c '.\{81\}')" 0
else
	skip "in 80 columns of a terminal a row is folded" "there is no script"
fi
status_of captured check --json 00:05.0 >/dev/null
check "check: JSON" all_json "$WORK/out" check
is "what stands against it" "$(field refused)" "[no-reset]"
is "the verdict" "$(field assignable)" false
status_of captured check --json -a no-reset 00:05.0 >/dev/null
is "what is overridden" "$(field overridden)" "[no-reset]"
is "then" "$(field assignable)" true
if [ -r /usr/share/misc/pci.ids ] || [ -r /usr/share/hwdata/pci.ids ]; then
	like "names" "$(captured check 00:04.0 2>/dev/null)" 'name: Intel'
	# Neither its list nor udev's: no name, and no failure
	if unshare -rm true 2>/dev/null; then
		# shellcheck disable=SC2016
		like "without pci.ids numbers do" "$(unshare -rm sh -c '
			for f in /usr/share/*/pci.ids* /usr/lib/udev/hwdb.bin /etc/udev/hwdb.bin; do
				[ ! -e "$f" ] || mount --bind /dev/null "$(realpath "$f")"
			done
			exec "$@"' sh "$x" -d "image:$bench" check all 2>/dev/null)" ' 8086:10d3'
	else
		skip "without pci.ids" "this user may not mount"
	fi
else
	skip "names" "there is no pci.ids"
fi

# --- With guests ---
box_up
daemon_start --allow all
guests 7 8
is "no guest has anything" "$(operator list)" ""
check "attach" operator attach 7 00:04.0,permissive=1
check "attach to another" operator attach 8 00:07.0
is "list: all guests" "$(status_of operator list)" 0
is "a line for each, and headings" "$(wc -l <"$WORK/out")" 3
like "with the guest" "$(out)" '7  .*0000:00:04.0  Init'
status_of operator list 8 >/dev/null
is "of one guest" "$(wc -l <"$WORK/out")" 2
status_of operator list --json >/dev/null
check "list: JSON" all_json "$WORK/out" given
is "whose" "$(field domid)" 7
is "which" "$(field host)" 0000:00:04.0
like "how" "$(field options)" 'permissive=1'
status_of operator assignable list --json >/dev/null
check "assignable list: JSON" all_json "$WORK/out" held
check_not "not what guests have" grep -q 0000:00:04.0 "$WORK/out"
is "JSON of what changes something is wrong usage" "$(status_of operator assignable add --json 00:05.0)" 2

# --- What explain says is what the guest finds ---
connect g7 7
connect g8 8
is "the guest's own options count" "$(status_of operator explain 00:04.0 0xe8 2 7)" 0
like "and are told of" "$(out)" "permissive: said by the guest's nodes"
destroy 7
destroy 8
end_peer g7
end_peer g8
guests 9
create_nodes 9 0000:00:07.0
accesses=("0x04 2 0x0006" "0x0c 1 0x10" "0x3c 1 0x55" "0x10 4 0xffffffff" "0x06 2 0x0000" "0xfc 4 0x1")
for access in "${accesses[@]}"; do
	read -r offset width value <<<"$access"
	echo "conf_write 0000:00:00.0 $offset $width $value"
	echo "conf_read 0000:00:00.0 $offset $width"
done >"$WORK/lines"
in_domain 9 "$B/xenpci-front" script "$WORK/lines" >"$WORK/answers" 2>"$WORK/err"
is "a guest makes them all" "$(wc -l <"$WORK/answers")" $((2 * ${#accesses[@]}))
line=0
for access in "${accesses[@]}"; do
	read -r offset width value <<<"$access"
	line=$((line + 2))
	status_of captured --json explain 00:07.0 "$offset" "$width" "$value" >/dev/null
	is "a guest's write of $value to $offset" "$(sed -n "${line}s/.*value=//p" "$WORK/answers")" "$(printf 0x%x "$(field after)")"
done
daemon_stop
xb down "$DIR"

# --- A reset that takes its time is told of ---
: >"$WORK/gate"
box_up
in_domain 0 "$x" -d "image:$bench,gate=00:07.0:$WORK/gate" reset 00:07.0 >"$WORK/reset.out" 2>"$WORK/reset.err" &
resetting=$!
check "a long reset tells" wait_for 20000 grep -q '^xenpci: 0000:00:07.0 is being reset: 2 s so far' "$WORK/reset.err"
rm "$WORK/gate"
wait $resetting
is "and ends" $? 0
like "well" "$(cat "$WORK/reset.out")" '^0000:00:07.0: reset by'

# --- So is a guest that lets it wait: this one has no frontend, and nobody serves ---
guest 7
check "attached, with nobody there" in_domain 0 "$x" -d "image:$bench" attach --allow all --no-wait 7 00:07.0
in_domain 0 "$x" -d "image:$bench" detach 7 00:07.0 >"$WORK/detach.out" 2>"$WORK/detach.err" &
detaching=$!
check "a long wait for a guest tells" wait_for 20000 grep -q '^xenpci: guest 7 is waited for: 2 s so far' "$WORK/detach.err"
kill "$detaching"
wait $detaching 2>/dev/null
xb down "$DIR"
