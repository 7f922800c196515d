#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Memory runs out in the server: the keeper stays, guests that are served notice nothing or a pause, the host's other
# guests get their disks, and who came meanwhile is served when there is memory again.
. "$(dirname "$0")/lib.sh"

[ -e "$B/tests/box/no_memory.so" ] || { skip "out of memory" "this build's malloc is a sanitizer's"; exit 0; }

. "$(dirname "$0")/lib_keeper.sh"

box_up

export XENPCI_NO_MEMORY=$WORK/no-memory PRELOAD=$B/tests/box/no_memory.so
begin
# The OOM killer takes another process than the keeper, where that may be said.
if (echo -1000 >/proc/self/oom_score_adj) 2>/dev/null; then
	is "the keeper goes last" "$(cat "/proc/$KEEPER/oom_score_adj")" -1000
	is "the server is as any other" "$(cat "/proc/$SERVER/oom_score_adj")" "$(cat /proc/self/oom_score_adj)"
else
	skip "the keeper goes last" "oom_score_adj cannot be lowered here"
fi
guest 7
peer g7 7
attach 7 0000:00:04.0
check "a guest is served" connect g7 7
SERVED=$(log_since_count serving)
touch "$WORK/no-memory"
guest 8
guest 9
create_nodes 8 0000:00:05.0
create_nodes 9 0000:00:06.0
# As on a host: their nodes are on the bus, too.
appears pci-8-0
appears pci-9-0
kept "no memory"
check "no memory: it is told" wait_for 5000 logged_since "Cannot allocate memory; stopping"
wait_for 1500 false
check "no memory for a while: a disk is announced" appears vbd-300-1
check "no memory for a while: and bound" wait_for 3000 probed vbd-300-1
check "no memory: the keeper lives" kill -0 "$KEEPER"
rm "$WORK/no-memory"
check "memory again: who came meanwhile is served" await "$(be 8 state)" 3 40000
check "memory again: the other too" await "$(be 9 state)" 3 40000
check "memory again: the guest is answered" tell g7 traffic 20 0 0x10d38086
kept "memory again"
SERVER=$(server_of "$KEEPER")
kill -TERM "$KEEPER"
tell g7 write device/pci/0/state 6
ends "TERM" 0
kill "$collector" 2>/dev/null
