# SPDX-License-Identifier: MIT
# What make/citations runs over the tree's files; protocol/PROTOCOL.md is read first.

function bad(where, line, what)
{
	printf "%s:%d: %s\n", where, line, what
	failures++
}

function judge_section(number)
{
	cited++
	if (number in section)
		return 1
	bad(file, from, "there is no section " number " in PROTOCOL.md")
	return 0
}

# "PROTOCOL.md" was read; rest is what follows: " 2.1 to 2.3, 2.12", " 3 and 6", "#5.3".
function judge_list(rest,   item, range, before)
{
	if (match(rest, /^#[0-9.]+/)) {
		judge_section(substr(rest, 2, RLENGTH - 1))
		return
	}
	while (match(rest, /^(,? and|,| to)? [0-9]+(\.[0-9]+)?/)) {
		item = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		range = item ~ /to/
		sub(/^.* /, "", item)
		if (judge_section(item) && range && section[item] <= section[before])
			bad(file, from, "section " item " does not come after " before)
		before = item
	}
}

# One line, and the one after it: a citation may be broken at the line's end.
function judge(line, after,   text, at, gone)
{
	text = tolower(line " " after)
	if (match(text, /notes('s|')?,? (sections? )?[0-9]+(\.[0-9]|[,;:)])/) && RSTART <= length(line))
		bad(file, from, "cites notes that are not in the tree; protocol/PROTOCOL.md is")
	text = line " " after
	while ((at = index(text, "PROTOCOL.md")) && gone + at <= length(line)) {
		text = substr(text, at + 11)
		gone += at + 10
		judge_list(text)
	}
}

# "](#5.3)" within the document itself.
function judge_links(text)
{
	while (match(text, /\]\(#[0-9.]+\)/)) {
		judge_section(substr(text, RSTART + 3, RLENGTH - 4))
		text = substr(text, RSTART + RLENGTH)
	}
}

function read_sections(path,   line, anchor, title, n)
{
	while ((getline line < path) > 0) {
		n++
		if (line !~ /^##/)
			continue
		anchor = title = line
		sub(/^##+ <a id="/, "", anchor)
		sub(/">.*/, "", anchor)
		sub(/^[^>]*><\/a>/, "", title)
		sub(/ .*/, "", title)
		if (anchor != title || anchor !~ /^[0-9]+(\.[0-9]+)?$/)
			bad(path, n, "a heading is ## <a id=\"5.3\"></a>5.3 TEXT")
		if (anchor in section)
			bad(path, n, "section " anchor " stands here twice")
		section[anchor] = ++sections
	}
	close(path)
}

function flush()
{
	if (from)
		judge(held, "")
	from = 0
}

BEGIN { read_sections("protocol/PROTOCOL.md") }

FNR == 1 {
	flush()
	file = FILENAME
}

{
	line = $0
	sub(/^[ \t]*(\/\*|\*|#|\/\/)*[ \t]*/, "", line)
	if (from)
		judge(held, line)
	held = line
	from = FNR
}

FILENAME ~ /protocol\/PROTOCOL\.md$/ { judge_links($0) }

END {
	flush()
	if (!failures)
		printf "citations: %d, of %d sections, each is there\n", cited, sections
	exit failures != 0
}
