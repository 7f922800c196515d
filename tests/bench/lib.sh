# SPDX-License-Identifier: MIT
# What both benches share: samples into figures, figures into lines and JSON. A sample file
# $out/NAME.ns has one number of nanoseconds per line, written by one side of a comparison.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
B=$(cd "$top" && realpath "${B:-build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/xenpci-bench.XXXXXX")

die() {
	echo "bench: $*" >&2
	exit 1
}

# figure NAME VALUE UNIT [TARGET]: a line, and what the JSON is made of
figure() {
	printf '%s %s %s%s\n' "$1" "$2" "$3" "${4:+   (target: at most $4)}"
	echo "$1 $2 $3 ${4:-}" >>"$out/figures"
}

# at PERMILLE FILE: that value of the sorted samples
at() {
	sort -n "$2" | awk -v p="$1" '{ v[NR] = $1 } END { i = int((NR * p + 999) / 1000); print v[i < 1 ? 1 : i] }'
}

# midmean NAME: the mean of the middle half of the samples
midmean() {
	sort -n "$out/$1.ns" | awk '{ v[NR] = $1 } END {
		for (i = int(NR / 4) + 1; i <= int(NR * 3 / 4); i++) { s += v[i]; n++ }
		print s / n }'
}

# distribution NAME: median and p99 in us
distribution() {
	local f=$out/$1.ns
	[ -s "$f" ] || die "no samples of $1"
	figure "$1.median" "$(us "$(at 500 "$f")")" us
	figure "$1.p99" "$(us "$(at 990 "$f")")" us
}
us() { awk -v n="$1" 'BEGIN { printf "%.3f", n / 1000 }'; }

# ratio NAME A B PERMILLE TARGET: of two sample files
ratio() {
	figure "$1" "$(awk -v a="$(at "$4" "$out/$2.ns")" -v b="$(at "$4" "$out/$3.ns")" \
		'BEGIN { printf "%.3f", a / b }')" ratio "$5"
}

# picture FILE: the distributions, as lines; needs gnuplot
picture() {
	local f list=
	for f in bare.sleep:"bare ping-pong, asleep" xenpcid.sleep:"xenpcid, asleep (--poll-us 0)" \
		 default.sleep:"xenpcid, client asleep" bare.poll:"bare ping-pong, polling" \
		 xenpcid.poll:"xenpcid, polling"; do
		[ -s "$out/${f%%:*}.ns" ] || continue
		sort -n "$out/${f%%:*}.ns" | awk '{ v[NR] = $1 } END {
			for (i = 1; i <= 999; i++) { k = int(NR * i / 1000); print v[k < 1 ? 1 : k] / 1000, i / 10 } }' \
			>"$out/${f%%:*}.cdf"
		list="$list${list:+, }'$out/${f%%:*}.cdf' with lines lw 2 title '${f#*:}'"
	done
	gnuplot <<-EOF
		set terminal svg size 900,480 font "sans,13"
		set output "$1"
		set title "One config read in the box, there and back"
		set logscale x
		set xlabel "microseconds"
		set ylabel "per cent of the reads took at most"
		set yrange [0:100]
		set key right bottom
		set grid
		plot $list
	EOF
}

# Everything that was measured, as one object.
json() {
	awk 'BEGIN { print "{" }
	     { target = ""; if ($4 != "") target = ", \"target\": " $4
	       if (NR > 1) print ","
	       printf "  \"%s\": { \"value\": %s, \"unit\": \"%s\"%s }", $1, $2, $3, target }
	     END { print "\n}" }' "$out/figures" >"$out/figures.json"
}
