# SPDX-License-Identifier: MIT
# Of an lcov file: branches taken of branches present, in the parsers and the filter, by file and in all;
# those that are not taken, into the file `uncovered`.

BEGIN {
	# The parsers of what comes from outside, and what judges a guest's writes.
	wanted = "^(backend/config/|backend/gate/mask|backend/messages/messages|host/device/image/(parse|reader|region|scan|decode)|" \
		"host/settings|host/device/save_text|protocol/nodes|common/(number|sbdf)|backend/supervisor/entries)"
	printf "" >uncovered
}

/^SF:/ {
	file = substr($0, 4)
	sub(root, "", file)
	on = file ~ wanted
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
}
