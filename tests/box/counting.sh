#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/run, which counts everybody's results: what is a pass, a failure, a skip.
. "$(dirname "$0")/lib.sh"

# counted NAME STATUS LINE: what tests/run makes of the program $WORK/fake
counted() {
	"$top/tests/run" "$WORK/logs" "$WORK/fake" >"$WORK/counted" 2>&1
	is "$1: status" $? "$2"
	is "$1" "$(tail -n 1 "$WORK/counted")" "$3"
}
# fake STATUS LINE...: the program
fake() {
	local status=$1
	shift
	{ echo "#!/bin/sh"; printf "echo '%s'\n" "$@"; echo "exit $status"; } >"$WORK/fake"
	chmod +x "$WORK/fake"
}

fake 0 "ok 1" "ok 2 # SKIP no reason" "not ok 3 # SKIP as cmocka says it"
counted "a skip of either kind is no failure" 0 "1 passed, 0 failed, 2 skipped"
fake 1 "ok 1" "not ok 2: it is broken"
counted "a failure" 1 "1 passed, 1 failed, 0 skipped"
fake 3 "ok 1"
counted "a bad end without a failure" 1 "1 passed, 1 failed, 0 skipped"
fake 0 "nothing to tell"
counted "no result" 1 "0 passed, 1 failed, 0 skipped"
finish
