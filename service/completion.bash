# SPDX-License-Identifier: MIT
# bash completion for xenpcid, xenpci and xenpci-front. Options and commands are what the program's own
# --help says; addresses are this machine's, domains those that xenstore has.

# _xenpci_help PROGRAM: the --help, once
_xenpci_help() {
	local name=_xenpci_help_${1//[^a-z]/_}
	[ -n "${!name-}" ] || printf -v "$name" %s "$("$1" --help 2>/dev/null)"
	printf '%s\n' "${!name}"
}

# _xenpci_commands PROGRAM: the words that begin the lines below "Commands:"
_xenpci_commands() {
	_xenpci_help "$1" | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' | sort -u
}

_xenpci_devices() {
	local d
	for d in /sys/bus/pci/devices/*; do
		[ -e "$d" ] && printf '%s\n' "${d##*/}"
	done
}

_xenpci_domains() {
	local id name
	for id in $(xenstore-list /local/domain 2>/dev/null); do
		name=$(xenstore-read "/local/domain/$id/name" 2>/dev/null)
		printf '%s\n' "$id" ${name:+"$name"}
	done
}

# _xenpci_words WORDS: those that fit; those with colons, which bash takes for ends of words, without
# what is there already
_xenpci_words() {
	local cur=${COMP_WORDS[COMP_CWORD]} whole=${COMP_LINE:0:COMP_POINT}
	whole=${whole##*[[:space:]=,]}
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$whole")
	COMPREPLY=("${COMPREPLY[@]#"${whole%"$cur"}"}")
	[ "$cur" != : ] || COMPREPLY=("${COMPREPLY[@]/#:}")
}

_xenpci() {
	local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} word command='' commands
	COMPREPLY=()
	case $cur in
	-*)
		_xenpci_words "$(_xenpci_help "$program" | grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*=?' |
			tr -d ' ,' | sort -u)"
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
		return ;;
	esac
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-d | --devices) _xenpci_words "sysfs image"; return ;;
	esac
	commands=$(_xenpci_commands "$program")
	[ -n "$commands" ] || return 0
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		grep -qxF -- "$word" <<<"$commands" && { command=$word; break; }
	done
	case $command in
	'') _xenpci_words "$commands" ;;
	assignable)
		case ${COMP_WORDS[COMP_CWORD - 1]} in
		assignable) _xenpci_words "list add remove" ;;
		*) _xenpci_words "$(_xenpci_devices)" ;;
		esac ;;
	check) _xenpci_words "all $(_xenpci_devices)" ;;
	map | explain) _xenpci_words "$(_xenpci_devices) $(compgen -f -- "$cur")" ;;
	trace | stats) _xenpci_words "$(_xenpci_domains)" ;;
	status | denied) _xenpci_words "$(_xenpci_domains) $(_xenpci_devices)" ;;
	loglevel) _xenpci_words "error warn info detail debug" ;;
	reload | restart | upgrade | release) ;;
	attach | detach | list)
		case ${COMP_WORDS[COMP_CWORD - 1]} in
		"$command") _xenpci_words "$(_xenpci_domains)" ;;
		*) _xenpci_words "$(_xenpci_devices)" ;;
		esac ;;
	*) _xenpci_words "$(_xenpci_devices)" ;;
	esac
}

complete -F _xenpci xenpcid xenpci xenpci-front
