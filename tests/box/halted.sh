#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A guest that has powered off, or crashed, waits to be destroyed: the toolstack takes its
# devices one by one, and each step is served without the guest, which would cost it
# ten seconds each.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

box_up
guest 7
guest 8
guest 9
daemon_start
attach 7 0000:00:04.0 0000:00:06.0
attach 8 0000:00:05.0
attach 9 0000:00:07.0
peer p7 7
peer p8 8
peer p9 9
connect p7 7
connect p8 8
check "MSI-X on" tell p7 op 4 0 0 0 0 0 3 0 0 1 2
like "vectors are mapped" "$(xb stat "$DIR" 7)" "pirqs=3"

# --- Powered off while connected ---

log_mark
check "guest 7 halts" xb halt "$DIR" 7
check "xenpcid sees it" wait_for 5000 logged_since "guest 7: the domain has halted"
is "its instance stays as it was" "$(node "$(be 7 state)")" 4
no_vectors() { xb stat "$DIR" 7 | grep -q "pirqs=0"; }
check "its vectors are gone" wait_for 5000 no_vectors
began=$(now_ms)
check "the first device is taken" detach 7 0000:00:04.0
check "and the second" detach 7 0000:00:06.0
check "without a wait for the guest" test $(($(now_ms) - began)) -lt 5000
check_not "nothing is left of the instance" store read "$(be 7 state)"
check "the devices are free" attach 9 0000:00:04.0 --no-wait

# --- Closed by its own shutdown first, as Linux guests do ---

check "the guest closes" tell p8 write device/pci/0/state 5
check "the backend follows" await "$(be 8 state)" 5
check "guest 8 halts" xb halt "$DIR" 8
check "the toolstack sees the state it waits for" await "$(be 8 state)" 4
check "its device is taken" detach 8 0000:00:05.0

# --- Halted while nobody served ---

connect p9 9
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
check "guest 9 halts" xb halt "$DIR" 9
log_mark
daemon_start
check "a successor sees it" wait_for 5000 logged_since "guest 9: the domain has halted"
check "and gives the devices back" detach 9 0000:00:07.0
finish
