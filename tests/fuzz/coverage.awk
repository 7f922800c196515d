# SPDX-License-Identifier: MIT
# What of the judged code was reached, from an lcov file behind the two lists: judged.txt (files, or some functions
# of one) and unreached.txt (what is not reached, and why). An edge is one outcome of a condition, or a function's
# beginning. Prints edges reached of edges present, by file and in all; what is not reached goes to the file
# `uncovered`. Fails where a judged file or function is not linked, below `least` per cent, where something is not
# reached that is not listed, and where the list has what there is not any more, what gives no reason, or (with
# `strict`) what is reached. With `other` (another LLVM than the list's, which has other edges) the per cent count alone.
# unreached.txt:  FILE FUNCTION EDGES: the line as it stands in the source, then indented why.

function trimmed(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

function complain(s)
{
	print s
	status = 1
}

BEGIN {
	printf "" >uncovered
}

FNR == 1 {
	part++
}

part < 3 && (/^#/ || !NF) {
	next
}

part == 1 {
	wanted[$1] = 1
	for (i = 2; i <= NF; i++) {
		some[$1] = 1
		named[$1, $i] = 1
	}
	next
}

part == 2 && /^[ \t]/ {
	why[place] = 1
	next
}

part == 2 {
	place = $0
	sub(/^[^:]*: /, "", place)
	place = $1 SUBSEP $2 SUBSEP trimmed(place)
	listed[place] += $3 + 0
	next
}

/^SF:/ {
	file = substr($0, 4)
	sub(root, "", file)
	on = file in wanted
	if (on)
		linked[file] = 1
	next
}

# FN:line,name: one that is static has its file's name in front.
/^FN:/ && on {
	split(substr($0, 4), f, ",")
	name = f[2]
	sub(/.*:/, "", name)
	start[file, ++functions[file]] = f[1]
	called[file, functions[file]] = name
	next
}

/^FNDA:/ && on {
	split(substr($0, 6), f, ",")
	name = f[2]
	sub(/.*:/, "", name)
	if (!(file in some) || (file, name) in named) {
		key = file SUBSEP name SUBSEP "(entry)"
		present[key] = 1
		if (f[1] > 0)
			taken[key] = 1
	}
	next
}

# BRDA:line,block,branch,taken
/^BRDA:/ && on {
	split(substr($0, 6), f, ",")
	key = file SUBSEP f[1] SUBSEP f[2] "." f[3]
	present[key] = 1
	if (f[4] != "-" && f[4] > 0)
		taken[key] = 1
}

# The function that line is in.
function function_at(file, line, i, best)
{
	best = 0
	for (i = 1; i <= functions[file]; i++)
		if (start[file, i] <= line && (!best || start[file, i] > start[file, best]))
			best = i
	return best ? called[file, best] : ""
}

function read_source(file, line, n)
{
	n = 0
	while ((getline line <file) > 0)
		source[file, ++n] = trimmed(line)
	close(file)
	for (; n; n--)
		stands[file, source[file, n]] = 1
}

END {
	for (file in wanted) {
		read_source(file)
		if (!(file in linked))
			complain("tests/fuzz/judged.txt names " file ", which no harness is linked with")
	}
	for (key in present) {
		split(key, at, SUBSEP)
		entry = at[3] == "(entry)"
		name = entry ? at[2] : function_at(at[1], at[2] + 0)
		if (at[1] in some && !((at[1], name) in named))
			continue
		seen[at[1], name] = 1
		files[at[1]]++
		all++
		if (key in taken) {
			done[at[1]]++
			reached++
			continue
		}
		text = entry ? at[3] : source[at[1], at[2]]
		left[at[1], name, text]++
		where[at[1], name, text] = entry ? at[1] : at[1] ":" at[2]
	}
	for (key in named) {
		split(key, at, SUBSEP)
		if (!(key in seen))
			complain("tests/fuzz/judged.txt names " at[2] " of " at[1] ", which is not there")
	}
	for (key in left) {
		split(key, at, SUBSEP)
		print at[1], at[2], left[key] ": " at[3] >uncovered
		if (left[key] > listed[key] + 0) {
			print where[key] ": " at[2] ": " left[key] " edges not reached, listed are " \
			      listed[key] + 0 ": " at[3]
			status = other ? status : 1
		}
		known += left[key] < listed[key] + 0 ? left[key] : listed[key]
	}
	close(uncovered)
	system("sort -o " uncovered " " uncovered)
	for (key in listed) {
		split(key, at, SUBSEP)
		if (!listed[key])
			continue
		if (!(key in why))
			complain("tests/fuzz/unreached.txt does not say why: " at[1] ": " at[3])
		if (at[3] != "(entry)" && !((at[1], at[3]) in stands))
			complain("tests/fuzz/unreached.txt has what is not there any more: " at[1] ": " at[3])
		else if (listed[key] > left[key] + 0) {
			print "tests/fuzz/unreached.txt has " listed[key] " edges of which " left[key] + 0 \
			      " are not reached: " at[1] ": " at[2] ": " at[3]
			status = strict && !other ? 1 : status
		}
	}
	for (file in files)
		printf "  %-38s %4d of %4d edges\n", file, done[file], files[file] | "sort"
	close("sort")
	if (all)
		printf "parsers and filter: %d of %d edges (%.1f %%), %d more are listed with a reason (%.1f %% of all others); not reached: %s\n",
		       reached, all, 100 * reached / all, known, 100 * reached / (all - known), uncovered
	if (!all || 100 * reached / all < least)
		complain("less than " least " %: something that was reached is not any more")
	exit status
}
