#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libxenpcifront and xenpci-front as their users have them: the library linked from
# outside in both kinds, answers that come too late, ends by signals, conform's verdicts.
. "$(dirname "$0")/lib.sh"

# Symbols: what the headers declare is what the libraries export, nothing else.
headers=("$top"/include/xenpci/xenpcifront*.h)
declared=$(grep -ohE '\bxenpcifront_[a-z_]+\(' "${headers[@]}" | tr -d '(' | sort -u |
	grep -vE '_(read|write)$')
for lib in libxenpcifront.so libxenpcifront.a; do
	[ $lib = libxenpcifront.so ] && options=-D || options=
	exported=$(nm $options --defined-only --extern-only "$B/$lib" 2>/dev/null |
		awk '$2 == "T" || $2 == "D" || $2 == "B" { sub("@.*", "", $3); print $3 }' | grep -vE '^__?asan|^__odr_asan' | sort -u)
	unknown=$(comm -13 <(grep -ohE 'xenpcifront_[a-z0-9_]+' "${headers[@]}" | sort -u) \
		<(echo "$exported"))
	missing=$(comm -23 <(echo "$declared") <(echo "$exported"))
	is "$lib exports the headers' functions" "$missing" ""
	is "$lib exports nothing else" "$unknown" ""
done

box_up
daemon_start -v
guest 7
attach 7 0000:00:04.0

# A user's program.
ok_lines() { sed "s/^ok /ok $1: /; s/^not ok /not ok $1: /" "$2"; FAILED=$((FAILED + $(grep -c '^not ok' "$2"))); }
for kind in shared static; do
	in_domain 7 timeout 30 "$B/tests/box/user-$kind" connect config move threads fork interrupt disconnect \
		connect disconnect >"$WORK/user.out" 2>"$WORK/user.log"
	status=$?
	ok_lines "$kind" "$WORK/user.out"
	is "user-$kind ends well" $status 0
done

# The memory of a BAR: a file of the box's stands for the machine's.
peek() { front 7 peek 0000:00:00.0 "$@" 2>&1; }
read -r _ _ _ _ at _ <<<"$(front 7 bars 00:00.0 | grep 'BAR0')"
like "no memory, no value" "$(peek 0 0)" '/dev/mem: No such file or directory'
truncate -s 8G "$DIR/memory"
printf '\xed\x00\x00\x01' | dd of="$DIR/memory" bs=1 seek=$((0x$at + 0x104)) conv=notrunc status=none
is "a BAR's memory is read where the BAR is" "$(peek 0 0x104)" 010000ed
is "in any width" "$(peek 0 0x106 2) $(peek 0 0x104 1)" "0100 ed"
like "not beyond it" "$(peek 0 0x10000000)" 'BAR 0 has no memory at 0x10000000'
like "not of a BAR that is none" "$(peek 5 0)" 'BAR 5 has no memory'

mkfifo "$WORK/stay"
in_domain 7 timeout 30 "$B/tests/box/user-shared" connect hotplug disconnect <"$WORK/stay" >"$WORK/user.out" \
	2>"$WORK/user.log" &
user=$!
exec {stay}>"$WORK/stay"
check "a user's program stands" wait_for 5000 grep -q ready "$WORK/user.out"
check "hot attach" attach 7 0000:00:07.0
check "hot detach" detach 7 0000:00:07.0
exec {stay}>&-
wait $user
is "the hot-plug program ends well" $? 0
sed -i '/^ready$/d' "$WORK/user.out"
ok_lines hotplug "$WORK/user.out"

# A backend that stops answering: the late answer is nobody's.
mkfifo "$WORK/lines"
in_domain 7 "$B/xenpci-front" --request-timeout 200 script - <"$WORK/lines" >"$WORK/answers" 2>&1 &
script=$!
exec {lines}>"$WORK/lines"
answers() { [ "$(wc -l <"$WORK/answers")" -ge "$1" ]; }
ask() { echo "conf_read 0000:00:00.0 $1 4" >&"$lines"; }
ask 0
check "an answer" wait_for 5000 answers 1
daemon_pause
ask 0x10
check "no answer in time" wait_for 5000 answers 2
ask 0x10
check "nor while the backend stands still" wait_for 5000 answers 3
daemon_resume
again() {
	local before
	before=$(wc -l <"$WORK/answers")
	ask 8
	wait_for 2000 answers $((before + 1)) && tail -n 1 "$WORK/answers" | grep -q 'err=0'
}
check "answers again when it goes on" wait_for 10000 again
exec {lines}>&-
wait $script
is "the script failed as a whole" $? 1
like "timed out" "$(sed -n 2p "$WORK/answers")" "no answer: Connection timed out"
like "poisoned" "$(sed -n 3p "$WORK/answers")" "no answer: Device or resource busy"
is "the answer is the request's own" "$(tail -n 1 "$WORK/answers")" \
	"conf_read 0000:00:00.0 8 4: err=0 value=0x2000000"

store read "$(fe 7 state)"
# Ends: in order by SIGTERM, not in order by SIGKILL, and a new start after both.
state() { node "$(fe 7 state)"; }
in_state() { [ "$(state)" = "$1" ]; }
watching() { grep -q '^enumerated' "$WORK/watch.out"; }
for signal in TERM INT KILL; do
	: >"$WORK/watch.out"
	in_domain 7 "$B/xenpci-front" watch >"$WORK/watch.out" 2>"$WORK/watch.log" &
	watch=$!
	check "watch begins (SIG$signal)" wait_for 5000 watching
	kill -$signal "$(pgrep -P $watch -f xenpci-front || echo $watch)"
	wait $watch 2>/dev/null
	status=$?
	if [ $signal = KILL ]; then
		is "a killed frontend stays in 4" "$(state)" 4
	else
		is "SIG$signal ends watch well" $status 0
		is "SIG$signal closes in order" "$(state)" 6
	fi
	like "the next frontend starts over" "$(front 7 list -n 2>&1)" "00:00.0 0200: 8086:10d3"
done

# dump is what lspci reads.
front 7 dump >"$WORK/dump"
is "lspci reads the dump" "$(lspci -F "$WORK/dump" -n)" "00:00.0 0200: 8086:10d3"

# conform: green here, and able to fail.
check "conform is green" front 7 conform
check_not "conform fails a device that is open to writes" eval \
	'guest 8 && attach 8 0000:01:00.0,permissive=1 && front 8 conform >"$WORK/conform"'
like "it says why" "$(grep FAIL "$WORK/conform")" "express_control"
like "an unknown device is told" "$(front 7 read 0000:00:05.0 0 2>&1)" "no such device"
front 7 read 0000:00:05.0 0 >/dev/null 2>&1
is "and is a failure" $? 1

# write looks whether what it wrote is there.
old=$(front 7 read 0000:00:00.0 0x0c 1)
front 7 write 0000:00:00.0 0x0c $((0x$old ^ 0x10)) 1 >"$WORK/write" 2>&1
is "a write that is taken" "$? $(cat "$WORK/write")" "0 "
front 7 write 0000:00:00.0 0x0c "0x$old" 1
front 7 write 0000:00:00.0 0x2e 0x1234 2 >"$WORK/write" 2>&1
is "a write that changes nothing has a status of its own" $? 3
like "and says so" "$(cat "$WORK/write")" "nothing changed: 0x2e still reads 0x[0-9a-f]{4} "
front 7 write --no-verify 0000:00:00.0 0x2e 0x1234 2 >"$WORK/write" 2>&1
is "unless it does not look" "$? $(cat "$WORK/write")" "0 "
front 7 write 0000:00:00.0 0x04 0xffff 2 >"$WORK/write" 2>&1
is "some bits of a register are some change" $? 0
like "and told" "$(cat "$WORK/write")" "0x4 reads 0x[0-9a-f]{4}, not 0xffff"
front 7 write 0000:00:00.0 0x2e "$(printf '0x%s' "$(front 7 read 0000:00:00.0 0x2e 2)")" 2 >"$WORK/write" 2>&1
is "what stands there already may be written" "$? $(cat "$WORK/write")" "0 "
front 7 write --verify 0000:00:00.0 0x2e 0 2 >/dev/null 2>&1
is "an unknown option is wrong usage" $? 2

front 7 read 0000:00:00.0 1 4 >/dev/null 2>&1
is "a wrong offset is wrong usage" $? 2
