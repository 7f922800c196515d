#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The probes of docs/control.md: all of them are in the programs, with as many arguments as it says; and bpftrace,
# where it and a kernel with uprobes are there, sees a guest's requests, by the document's own example.
. "$(dirname "${BASH_SOURCE[0]}")/../box/lib.sh"
cd "$top" || exit 1

command -v readelf >/dev/null || { skip "probes" "no readelf"; exit 0; }
nm "$B/xenpci-worker" >/dev/null 2>&1
readelf -nW "$B/xenpci-worker" 2>/dev/null | grep -q stapsdt || { skip "probes" "built without sys/sdt.h"; exit 0; }

# documented: "PROGRAM PROBE ARGUMENTS"; there: the same of the programs
documented() {
	awk -F '|' '/^## Probes/ { on = 1 } on && /^\| xenpci/ { gsub(/[ `]/, ""); print $2, $3, split($4, a, ",") }' docs/control.md | sort -u
}
there() {
	local program
	for program in xenpcid xenpci-worker; do
		readelf -nW "$B/$program" | awk -v p=$program '/Provider:/ { ours = $NF == "xenpci" } ours && /Name:/ { name = $2 }
			ours && /Arguments:/ { print p, name, NF - 1 }' | sort -u
	done | sort -u
}
is "probes are those of docs/control.md, with their arguments" "$(there)" "$(documented)"
is "there are four" "$(documented | wc -l)" 4

example=$(sed -n "s/^    \(bpftrace -e .*\)/\1/p" docs/control.md)
like "docs/control.md has an example" "$example" '^bpftrace -e .usdt:.*:xenpci:answer'
like "which names the worker where it is installed" "$example" 'usdt:/usr/local/libexec/xenpci/xenpci-worker:xenpci:'
command -v bpftrace >/dev/null || { skip "the example shows a guest's answers" "no bpftrace"; exit 0; }
bpftrace -e 'BEGIN { exit() }' >/dev/null 2>&1 || { skip "the example shows a guest's answers" "no root, or a kernel without BPF"; exit 0; }

box_up
guests 7
daemon_start
attach 7 0000:00:04.0
connect g7 7 || bail "no connection: $R"
# Of the worker that was built; interrupted it prints the histogram. -e's text is the example's.
program=${example#bpftrace -e \'}
program=${program%\'}
program=${program/\/usr\/local\/libexec\/xenpci\/xenpci-worker/$B/xenpci-worker}
timeout --preserve-status -s INT 60 bpftrace -e "BEGIN { printf(\"looking\\n\"); } $program" >"$WORK/bpftrace.out" 2>"$WORK/bpftrace.err" &
tracer=$!
check "bpftrace looks on" wait_for 30000 grep -q looking "$WORK/bpftrace.out"
for _ in $(seq 50); do config_read g7 0 0 4 || break; done
kill -INT "$(pgrep -P $tracer)"
wait $tracer
like "it tells of the guest's answers, by domid" "$(cat "$WORK/bpftrace.out")" '@ns\[7\]:'
counted=$(sed -n '/@ns\[7\]/,$p' "$WORK/bpftrace.out" | awk -F '[])|]' '/^\[/ { n += $2 } END { print n + 0 }')
check "of each of them ($counted)" test "$counted" -ge 50
end_peer g7
