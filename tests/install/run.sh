#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What runs the tests counts them rightly, whatever they do and are called.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$WORK" || exit 1

program() { # FILE LINE...: a test that is these lines
	local file=$1
	shift
	mkdir -p "${file%/*}"
	printf '%s\n' '#!/bin/sh' "$@" >"$file" && chmod +x "$file"
}
run() { # PROGRAM...: the last line in LAST, all in $WORK/out
	"$top/tests/run" "$WORK/logs" "$@" >"$WORK/out" 2>&1
	STATUS=$?
	LAST=$(tail -n 1 "$WORK/out")
}
program one/fine.sh 'echo ok a' 'echo "ok b # SKIP why"'
program one/same.sh 'echo ok a' 'echo not ok b: broken' 'exit 1'
program two/same.sh 'echo ok a'
program one/silent.sh 'exit 0'
program one/dead.sh 'echo ok a' 'kill -KILL $$'
program one/status.sh 'echo ok a' 'exit 3'

run one/fine.sh
is "a test that passes" "$STATUS $LAST" "0 1 passed, 0 failed, 1 skipped"
run one/same.sh two/same.sh
is "two of one name, whose counts would be one, are none" "$STATUS $LAST" "2 run: two programs of one name: same"
run one/same.sh
is "one that fails" "$STATUS $LAST" "1 1 passed, 1 failed, 0 skipped"
like "is named at the end" "$(sed -n '/^failed:/,$p' "$WORK/out")" 'same b: broken'
run one/fine.sh one/silent.sh
is "one that prints nothing" "$STATUS $LAST" "1 1 passed, 1 failed, 1 skipped"
run one/dead.sh
is "one that is killed" "$STATUS $LAST" "1 1 passed, 1 failed, 0 skipped"
run one/status.sh
is "one that fails and does not say where" "$STATUS $LAST" "1 1 passed, 1 failed, 0 skipped"
