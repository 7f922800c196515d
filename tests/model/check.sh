#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The model's quick bounds hold; and what is broken on purpose is seen, with a trace: a state that the
# backend does not leave, a reset that a job forgets.

B=${B:-build}
n=0 status=0

# result TEXT STATUS
result() {
	n=$((n + 1))
	[ "$2" = 0 ] || { status=1; printf 'not '; }
	echo "ok $n - $1"
}

"$B/tests/model/model" quick
result "no deadlock, no device owned twice, none unreset, rest after each event" $?
for what in 8:4 reset; do
	out=$("$B/tests/model/model" --break $what turns)
	result "broken on purpose ($what): a counterexample" $?
	grep -q '==>' <<<"$out"
	result "broken on purpose ($what): a trace" $?
done
exit $status
