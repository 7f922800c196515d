# SPDX-License-Identifier: MIT
# What is asked of xenstored, by its own trace: to be sourced after lib.sh and before box_up, whose
# xenstored then keeps one. oxenstored's trace is its log of accesses.
#
#   take_trace      brings $trace up to date: lines "IN CONNECTION DATE TIME REQUEST (ARGUMENTS)"
#   trace_lines     how many there are

# shellcheck shell=bash
trace=$WORK/trace
real=${XENBOX_XENSTORED:-xenstored}
case $real in
xenstored | oxenstored) real=$("$xenbox" which "$real") ;;
esac
kind=${real##*/}
export XENBOX_XENSTORED=$WORK/$kind
if [ "$kind" = oxenstored ]; then
	# As a trace in xenstored's form, "IN CONNECTION DATE TIME REQUEST (ARGUMENTS)", without what
	# nobody asked: errors, events ("w"), and what became of transactions and connections.
	cat >"$XENBOX_XENSTORED" <<-END
		#!/bin/sh
		sed -i /access-log/d "\$3"
		cat >>"\$3" <<EOF
		access-log-file = $trace.log
		access-log-nb-files = 1
		access-log-nb-lines = 1000000
		access-log-read-ops = true
		access-log-transactions-ops = true
		access-log-special-ops = true
		EOF
		exec $real "\$@"
	END
	answers="ERROR|W|COMMIT|COALESCE|CONFLICT|NEWCONN|ENDCONN"
	only_requests() {
		sed -nE 's/^\[[^]]*\] +([AD][0-9]+)[.0-9]* +/\1 /
			s/^([^ ]+) t (start|end) .*/\1 transaction_\2 /
			s/^([^ ]+) ([a-z_]+) +(.*)$/IN \1 - - \U\2\E (\3)/p' |
			sed -E "/^IN [^ ]+ - - ($answers) /d; s/ +\)$/)/"
	}
else
	printf '#!/bin/sh\nexec %s "$@" --trace-file %s\n' "$real" "$trace.log" >"$XENBOX_XENSTORED"
	# Xen 4.20's has a word before each line, and the domain behind the connection.
	only_requests() { sed -nE 's/^io: (IN [^ ]+) \(d[0-9]+\) /\1 /; /^IN /p'; }
fi
chmod +x "$XENBOX_XENSTORED"
echo 0 >"$trace.taken"
# What has come since the last time.
take_trace() {
	local taken there
	taken=$(<"$trace.taken") there=$(wc -l <"$trace.log")
	tail -n "+$((taken + 1))" "$trace.log" | head -n $((there - taken)) | only_requests >>"$trace"
	echo "$there" >"$trace.taken"
}
trace_lines() { take_trace && wc -l <"$trace"; }
