#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make demo on what people have: a title longer than lspci's own reader takes, and a text that it
# does not take at all. What cannot be read is told by the file's name and line.
. "$(dirname "$0")/lib.sh"

demo() { DUMP=$1 "$top/tests/box/demo" </dev/null; }

awk '/^00:04.0/ { printf "%s ", $0; for (i = 0; i < 275; i++) printf "x"; print ""; next } 1' \
	"$bench" >"$WORK/long.txt"
check_not "lspci's reader does not take the title" lspci -F "$WORK/long.txt"
check "a title of 275 characters and more" demo "$WORK/long.txt"
{ printf 'root@host:~# lspci -vvxxxx\r\n'; sed 's/^/> /; s/$/\r/' "$bench"; } >"$WORK/mail.txt"
check "a mail from Windows" demo "$WORK/mail.txt"
cat "$bench" "$bench" >"$WORK/two.txt"
check_not "two machines" demo "$WORK/two.txt"
mv "$WORK/check.out" "$WORK/said"
first=$(grep -nm1 '^[0-9a-f]*:[0-9a-f]*\.[0-7] ' "$bench" | cut -d: -f1)
check "which is told by name and line" grep -F -e "$WORK/two.txt:$(($(wc -l <"$bench") + first)): " "$WORK/said"
