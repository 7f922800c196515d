#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The vectors of a device that a program implements end with the gate that forwarded them: that is told, with the device
# and what the guest has to do, and the guest's next enable works. Where none were on, nothing is told.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_vfio.sh"

lost='ff00:00:00.0: MSI-X was on, and its vectors ended with the process that forwarded them'

box_up
guest 7
serve
daemon_start -v -v --devices "vfio-user:$sock,events,bus=$bus"
check "attach" in_domain 0 "$B/xenpci" attach --virtual --no-wait 7 ff00:00:00.0
check "vectors are on" listen "$WORK/first"
check_not "nothing was lost so far" logged "$lost"
gate=$(gate_of 7)
check "its gate is known" test -n "$gate"
kill -KILL "$gate"
check "their end is told" wait_for 5000 logged "$lost"
kill -TERM "$LISTENER" 2>/dev/null
wait "$LISTENER"
check "they are enabled again" listen "$WORK/second"
kill -USR2 "$SERVER"
wait "$LISTENER"
is "and come" "$?, $(tail -n 1 "$WORK/second")" "0, 0000:00:00.0 msix 2"
destroy 7
daemon_stop
server_end
