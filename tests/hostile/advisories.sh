#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The table of advisories (tests/hostile/advisories) says what is: each row's test is there and bears its
# number, its mutant is there and is to be caught by that test, and SECURITY.md has the same rows and no
# others. Nor is there a test or a mutant that bears an advisory's number and is in no row. With --rows:
# prints SECURITY.md's rows.
set -u
cd "$(dirname "$0")/../.." || exit 1
table=tests/hostile/advisories
failed=0
ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failed=1
}
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$2") <(echo "$3") | grep '^[<>]' | head -n 5)"; fi; }

# What is wrong with a row; nothing: nothing is.
wrong() { # NUMBER MUTANT TEST SCENARIO
	local number=$1 mutant=$2 test=$3 scenario=$4 file=$3 name=$3
	[[ $number =~ ^[0-9]{3}$ ]] || { echo "'$number' is no number of three digits"; return; }
	[[ $mutant == "xsa-${number}_"* && -f tests/mutants/$mutant.patch ]] || echo "no mutant $mutant"
	[[ " $(sed -n '1s/^Caught by://p' "tests/mutants/$mutant.patch" 2>/dev/null) " == *" $test "* ]] ||
		echo "$mutant does not name $test"
	if [[ $test == *:* ]]; then
		file=tests/unit/${test%:*}.c name=${test#*:}
		grep -q "^static void $name(" "$file" && grep -q "(${name}[,)]" "$file" || echo "no $name is run by $file"
	else
		[ -x "$test" ] || echo "$test is no program"
	fi
	[[ $name =~ xsa_([0-9]{3}_)*${number}[_.] ]] || echo "$name does not bear the number"
	[ -z "$scenario" ] || grep -q "\"XSA-$((10#$number)):" "tests/xen/scenarios/$scenario.sh" ||
		echo "the scenario $scenario has no check of that name"
}

document="" mutants="" tests=""
while IFS='|' read -r number kind mutant test scenario; do
	read -r number <<<"$number"; read -r kind <<<"$kind"; read -r mutant <<<"$mutant"
	read -r test <<<"$test"; read -r scenario <<<"$scenario"
	[[ -z $number || $number == \#* ]] && continue
	why=$(wrong "$number" "$mutant" "$test" "$scenario" | paste -sd ';')
	if [ "${1:-}" = --rows ]; then :
	elif [ -n "$why" ]; then not_ok "$mutant" "$why"
	else ok "$mutant"; fi
	document+="| XSA-$((10#$number)) | $kind | \`$mutant\` | \`$test\`${scenario:+, rig: \`$scenario\`} |"$'\n'
	mutants+="$mutant.patch"$'\n'
	tests+="$test"$'\n'
done <"$table"
if [ "${1:-}" = --rows ]; then
	printf %s "$document"
	exit
fi

is "SECURITY.md has the same rows" "$(grep '^| XSA-' SECURITY.md)" "${document%$'\n'}"
is "each mutant that bears a number is in the table" "$(cd tests/mutants && ls xsa-*.patch)" \
	"$(sort <<<"${mutants%$'\n'}")"
is "so is each test that does" \
	"$({ ls tests/hostile/xsa_*.sh; grep -oE '^static void xsa_[0-9]+_[a-z0-9_]+' tests/unit/test_*.c |
		sed 's,.*/\([^/]*\)\.c:static void ,\1:,'; } | sort -u)" "$(sort -u <<<"${tests%$'\n'}")"
exit $failed
