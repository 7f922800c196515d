#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The probes of docs/control.md: all of them are in the programs, with as many arguments as it says; and bpftrace, where it is
# there (make deps-probes) and the kernel lets it, sees a guest's requests by the document's own example, and all probes' arguments.
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
# Somebody else's function: what fails with ours is ours.
libc=$(ldd "$(command -v bpftrace)" | awk '$1 == "libc.so.6" { print $3 }')
bpftrace -e "BEGIN { exit(); } uprobe:$libc:malloc { }" >"$WORK/refused" 2>&1 ||
	{ skip "the example shows a guest's answers" "no bpftrace here: $(grep -i error "$WORK/refused" | tail -n 1)"; exit 0; }

box_up
guests 7
daemon_start
attach 7 0000:00:04.0
connect g7 7 || bail "no connection: $R"
# Of the worker that was built; interrupted it prints the histogram. -e's text is the example's.
program=${example#bpftrace -e \'}
program=${program%\'}
program=${program/\/usr\/local\/libexec\/xenpci\/xenpci-worker/$B/xenpci-worker}
# The rest, as text: arguments by their order.
others="usdt:$B/xenpci-worker:xenpci:request { printf(\"request %d %d %d %d %d\\n\", arg0, arg1, arg2, arg3, arg4); }
	usdt:$B/xenpci-worker:xenpci:denial { printf(\"denial %d %d %d %x\\n\", arg0, arg1, arg2, arg3); }
	usdt:$B/xenpcid:xenpci:state { printf(\"state %d %d %d\\n\", arg0, arg1, arg2); }"
timeout --preserve-status -s INT 60 bpftrace -e "BEGIN { printf(\"looking\\n\"); } $program $others" >"$WORK/bpftrace.out" 2>"$WORK/bpftrace.err" &
tracer=$!
check "bpftrace looks on" wait_for 30000 grep -q looking "$WORK/bpftrace.out"
for _ in $(seq 50); do config_read g7 0 0 4 || break; done
config_write g7 0 0x44 2 0x7fff
detach 7 0000:00:04.0 --no-wait
wait_for 10000 grep -q '^state' "$WORK/bpftrace.out"
kill -INT "$(pgrep -P $tracer)"
wait $tracer
seen=$(cat "$WORK/bpftrace.out")
like "it tells of the guest's answers, by domid" "$seen" '@ns\[7\]:'
counted=$(sed -n '/@ns\[7\]/,$p' "$WORK/bpftrace.out" | awk -F '[])|]' '/^\[/ { n += $2 } END { print n + 0 }')
check "of each of them ($counted)" test "$counted" -ge 51
like "request: domid, command, devfn, offset, size" "$seen" $'\nrequest 7 1 0 68 2\n'
like "denial: domid, offset, size, refused bits" "$seen" $'\ndenial 7 68 2 7fff\n'
# To Reconfiguring, or, seen late, to where the toolstack has removed the node.
like "state: domid, state before, state now" "$seen" $'\nstate 7 4 [70]\n'
end_peer g7
