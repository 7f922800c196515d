# SPDX-License-Identifier: MIT
# Of an lcov file, after the list of files (judged.txt): branches taken of branches present, by file and in
# all; those that are not taken, into the file `uncovered`. Fails where a file of the list was not linked, and below
# `least` per cent.

BEGIN {
	printf "" >uncovered
}

FNR == NR {
	if (!/^#/ && NF)
		wanted[$1] = 1
	next
}

/^SF:/ {
	file = substr($0, 4)
	sub(root, "", file)
	on = file in wanted
	if (on)
		linked[file] = 1
}

# BRDA:line,block,branch,taken
/^BRDA:/ && on {
	split(substr($0, 6), f, ",")
	key = file ":" f[1] ":" f[2] "." f[3]
	if (!(key in present)) {
		present[key] = 1
		files[file]++
	}
	if (f[4] != "-" && f[4] > 0)
		taken[key] = 1
}

END {
	for (key in present) {
		split(key, part, ":")
		all++
		if (key in taken) {
			done[part[1]]++
			reached++
		} else {
			split(part[3], branch, ".")
			print part[1] ":" part[2] ": branch " branch[2] >uncovered
		}
	}
	close(uncovered)
	system("sort -t: -k1,1 -k2,2n -o " uncovered " " uncovered)
	for (file in files)
		printf "  %-34s %4d of %4d branches\n", file, done[file], files[file] | "sort"
	close("sort")
	printf "parsers and filter: %d of %d branches (%.1f %%); the others: %s\n", reached, all,
		100 * reached / all, uncovered
	for (file in wanted)
		if (!(file in linked)) {
			print "tests/fuzz/judged.txt names " file ", which no harness is linked with"
			status = 1
		}
	if (!all || 100 * reached / all < least) {
		print "less than " least " %: something that was reached is not any more"
		status = 1
	}
	exit status
}
