#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A guest that is suspended and goes on keeps its page, its channel and its vectors. One that is saved loses its
# devices without waiting for it, nothing is left of them, and it has them again where it is restored, under
# another number or its own. A frontend that finds its nodes made anew begins anew; an old page that is none any
# more is refused with a reason.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

suspend() { xb suspend "$DIR" "$1"; }
resume() { xb resume "$DIR" "$1"; }
is_suspended() { xb stat "$DIR" "$1" | grep -q 'state=suspended'; }
counts() { xb stat "$DIR" "$1" | grep -oE '(grants|mapped|pirqs|unbound)=[0-9]+' | tr '\n' ' '; }
pirqs() { xb stat "$DIR" "$1" | grep -q "pirqs=$2 "; }
shares() { xb stat "$DIR" "$1" | grep -q "grants=$2 "; }
maps() { xb stat "$DIR" 0 | grep -q " maps=$1 "; }
reads() { config_read "$1" "${2:-0}" 0 4 && [ "$R" = "0 $ID" ]; }
forgotten() { ! store read "/local/domain/0/xenpci/guests/$1"; }
forgets() { wait_for 5000 forgotten "$1"; }
without_nodes() { ! store ls "/local/domain/0/backend/pci/$1"; }
uuid_of() { node "/local/domain/$1/vm" | sed 's,^/vm/,,'; }
restored() { xb create "$DIR" "$1" --uuid "$2"; }
# saved N: suspended, written to a file, destroyed; each of its devices is waited for by the toolstack
saved() {
	suspend "$1" && xb destroy "$DIR" "$1" >"$WORK/destroy.out" 2>&1
	local status=$?
	end_peer "g$1" KILL
	cat "$WORK/destroy.out"
	[ $status = 0 ] && ! grep -q timeout "$WORK/destroy.out"
}
# anew N BDF: the toolstack removes both directories and writes them again
anew() {
	store begin && store rm "$(be "$1")" && store rm "$(fe "$1")" && instance_nodes "$1" && device_nodes "$1" 0 "$2" &&
		store write "$(be "$1" num_devs)" 1 && store commit
}
no_job_runs() { ! job_runs; }
daemon_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
}

box_up
MAPS=$(xb stat "$DIR" 0 | grep -oE " maps=[0-9]+" | grep -oE "[0-9]+")
guest 7
guest 8
daemon_start -v -v
attach 7 0000:00:04.0 0000:00:06.0 || bail "no attach to 7"
attach 8 0000:00:07.0 || bail "no attach to 8"
peer g7 7
peer g8 8
connect g7 7 && connect g8 8 || bail "no connection"

# --- Suspended, and it goes on: a checkpoint, or a save that was cancelled ---

ID=$(config_read g7 0 0 4 && echo "${R#0 }")
check "MSI-X on" tell g7 op 4 0 0 0 0 0 3 0 0 1 2
before=$(counts 7)
like "vectors are mapped" "$before" "pirqs=3"
served="$(worker_of 7) $(gate_of 7)"
log_mark
check "guest 7 is suspended" suspend 7
check "it is" is_suspended 7
check "what followed is seen" settled
check_not "nothing is said of it" logged_since "guest 7"
is "its nodes are as they were" "$(node "$(be 7 state)") $(node "$(fe 7 state)")" "4 4"
is "and all that it shares and has" "$(counts 7)" "$before"
check "it goes on" resume 7
check "and reads" reads g7
is "by who served it before" "$(worker_of 7) $(gate_of 7)" "$served"
check "its vectors are its own to turn off" tell g7 op 5 0 0 0 0 0 0
check "and are gone then" wait_for 5000 pirqs 7 0

# --- A request is under way meanwhile ---

check "the daemon does not look" daemon_pause
check "a request is posted" tell g7 post 0 0 0 0 0 4 0
check "and its guest suspended" suspend 7
check "the daemon goes on" daemon_resume
check "what followed is seen" settled
check "the guest goes on" resume 7
check "and finds its answer" tell g7 collect
like "which is right" "$R" "^0 $ID"

# --- A successor finds it suspended ---

check "MSI-X on" tell g7 op 4 0 0 0 0 0 3 0 0 1 2
check "guest 7 is suspended" suspend 7
daemon_kill
log_mark
daemon_start -v -v
check "a successor takes over" wait_for 5000 logged_since "guest 7: 0000:00:04.0 goes on"
check "what followed is seen" settled
check "the guest goes on" resume 7
check "and reads" reads g7
check "vectors are as they were" pirqs 7 3
check "and can be turned off" tell g7 op 5 0 0 0 0 0 0
check "by the successor" wait_for 5000 pirqs 7 0

# --- Hot attach waits for it, as for any guest; a second suspension is seen as the first ---

check "guest 7 is suspended" suspend 7
xb attach "$DIR" 7 0000:01:00.0 >"$WORK/attach.out" 2>&1 &
tool=$!
check "a device is to come" await "$(be 7 state)" 7
check "what followed is seen" settled
is "it waits for the guest" "$(node "$(be 7 state)")" 7
check "which goes on" resume 7
check "and takes it" reconfigure g7 7
wait $tool
is "the toolstack is content" $? 0
is "it is there" "$(node "$(be 7 state-2)")" 3

# --- One that is to leave does not wait, whichever comes first ---

check "guest 7 is suspended" suspend 7
check "a device leaves" detach 7 0000:01:00.0
check "the guest goes on" resume 7
config_read g7 16 0 4
like "and reads that it is not there" "$R" "^-1 "
check "the others are" reads g7
check "what left is reset" wait_for 5000 no_job_runs
leave_nodes 7 1
check "another is asked of it" settled
is "and waited for" "$(node "$(be 7 state)")" 7
check "but it is suspended" suspend 7
check "so it is taken" await "$(be 7 state)" 4
check "to the last" wait_for 5000 logged_since "guest 7: 0000:00:06.0 taken back"
check "the guest goes on" resume 7
check "with what it has left" reads g7
check "which is to stay so" tell g7 op 4 0 0 0 0 0 2 0 0 1

# --- Saved with its devices: libxl takes them from it while it is suspended ---

attach 8 0000:00:05.0 --no-wait || bail "no second device for 8"
reconfigure g8 8 || bail "guest 8 does not take it"
uuid=$(uuid_of 8)
check "it has a ledger" test -e "$WORK/state/guest-8"
log_mark
check "guest 8 is saved, and nobody waits for it in vain" saved 8
check "its devices are taken back" wait_for 5000 logged_since "guest 8: 0000:00:07.0 taken back"
check "both" wait_for 5000 logged_since "guest 8: 0000:00:05.0 taken back"
check_not "that is no halt" logged_since "guest 8: .*halted"
check "no node is left" wait_for 5000 without_nodes 8
check_not "nor an error" store read "$(error_node 8)"
check "nor anything for a successor" forgets 8
is "no ledger either" "$(find "$WORK/state" -name 'guest-8' | wc -l)" 0
check "it is restored under another number" restored 9 "$uuid"
check "with both, as its configuration has it" attach 9 0000:00:07.0 0000:00:05.0
peer g9 9
check "and connects" connect g9 9
check "and reads" config_read g9 0 0 4
like "what is there" "$R" "^0 "

# --- Its page of before is none any more ---

guest 10
peer g10 10
attach 10 0000:02:00.0 || bail "no device for 10"
check "a guest shows a page that it had elsewhere" tell g10 publish 777 33
check "that is refused" await "$(be 10 state)" 5
like "with a reason" "$(node "$(error_node 10)")" "777|33|grant|page"
check "it closes" tell g10 write device/pci/0/state 6
check "and the backend with it" await "$(be 10 state)" 6
check "begins anew" tell g10 write device/pci/0/state 1
check "and is let in" await "$(be 10 state)" 3
check "with a page of its own" connect g10 10

# --- Resumed where it is, by a toolstack that makes its nodes anew: its old page serves once more ---

check "MSI-X on" tell g10 op 4 0 0 0 0 0 1 0 0
check "a vector is mapped" pirqs 10 1
log_mark
check "guest 10 is suspended" suspend 10
check "its nodes are made anew" anew 10 0000:02:00.0
check "the guest goes on" resume 10
check "and is let in" await "$(be 10 vdev-0)" 0000:00:00.00
check "its device was taken back before" logged_since "guest 10: 0000:02:00.0 taken back"
check "with its vector" pirqs 10 0
check "it shows the page and the channel that it has" tell g10 publish
check "and connects" await "$(be 10 state)" 4
check "it reads" tell g10 op 0 0 0 0 0 4 0
like "what is there" "$R" "^0 "

# --- Restored under its own number, with its own uuid, while no xenpcid runs ---

check "MSI-X on" tell g10 op 4 0 0 0 0 0 2 0 0 1
uuid=$(uuid_of 10)
daemon_kill
suspend 10
destroy 10
end_peer g10 KILL
check "guest 10 is restored" restored 10 "$uuid"
check "its device is written for it" attach 10 0000:02:00.0
peer g10 10
log_mark
daemon_start -v -v
check "what was remembered is taken back" wait_for 5000 logged_since "guest 10: 0000:02:00.0 taken back"
check "it has its device" await "$(be 10 vdev-0)" 0000:00:00.00
check "it connects" connect g10 10
check_not "nothing was resumed" logged_since "guest 10: .*goes on as"
check_not "and nothing complained of" logged_since "guest 10: .*(warning|error)|(warning|error): guest 10"
check "MSI-X on" tell g10 op 4 0 0 0 0 0 2 0 0 1
check "two vectors are mapped" pirqs 10 2

# --- The library: all detached before the save, attached behind it; then its nodes made anew under it ---

end_peer g9 KILL
destroy 9
guest 11
attach 11 0000:00:07.0 || bail "no device for 11"
# user STEP...: a program with the library, which says "ready" where it waits; its end is awaited by user_ends NAME
user() {
	in_domain 11 timeout 60 "$B/tests/box/user-shared" "$@" >"$WORK/user.out" 2>"$WORK/user.log" </dev/null &
	user=$!
	wait_for 10000 grep -q ready "$WORK/user.out"
}
user_ends() {
	wait "$user"
	is "$1: the program ends well" $? 0
	sed -i '/^ready$/d' "$WORK/user.out"
	sed "s/^ok /ok $1: /; s/^not ok /not ok $1: /" "$WORK/user.out"
	FAILED=$((FAILED + $(grep -c '^not ok' "$WORK/user.out")))
}
check "a program is connected" user connect closed connect disconnect
check "its device is detached" detach 11 0000:00:07.0
check "it holds no page then" wait_for 5000 shares 11 1
check "guest 11 is suspended" suspend 11
check "and goes on" resume 11
check "its device is attached" attach 11 0000:00:07.0
user_ends "saved without devices"
check "a program is connected" user connect closed connect threads disconnect
check "guest 11 is suspended" suspend 11
check "its nodes are made anew" anew 11 0000:00:07.0
check "and goes on" resume 11
user_ends "nodes made anew"

# --- Nothing is left ---

for n in 7 10 11; do
	[ -z "${PEER_PID[g$n]:-}" ] || end_peer g$n KILL
	destroy $n
	check "guest $n: forgotten" forgets $n
done
check "the backend maps nothing" wait_for 5000 maps "$MAPS"
check_not "and was content" logged "cannot unmap|may be lost"
finish
