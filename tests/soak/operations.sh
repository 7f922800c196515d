# SPDX-License-Identifier: MIT
# What the long run does, an operation each. Sourced by soak.sh. An operation takes its choices from R1, R2 and R3, which
# are drawn before it begins, so that a seed is the same story whatever the clock does.
# shellcheck shell=bash disable=SC2154,SC2034,SC2086

# How often each is done, of all: that which takes seconds seldom.
OPERATIONS_TABLE="
16 act
10 blow
6 act_under_blow
16 random_life
1 long_act
2 whole_life
3 faulty_life
2 instances
2 xenstored_anew
2 xenstored_updated
2 host_sleeps
2 settings_reloaded
2 server_restarted
2 asked
"

program=$B/tests/hostile/guest/guest
nic=0000:00:04.0 # the hostile guest's: its capabilities are at these places
caps="0xc8 0xd0 0xa0"

# choose NUMBER WORD...: one of them, into CHOICE
choose() {
	local n=$1
	shift
	set -- "${@:n % $# + 1:1}"
	CHOICE=$1
}

# went NAME COMMAND...: what must succeed; otherwise it is noted, and the run ends at its next look
went() {
	local name=$1
	shift
	R=
	"$@" >"$WORK/went.out" 2>&1 && return
	WRONG+=("operation $OPERATION, $name: ${R:-$(tail -n 1 "$WORK/went.out")}")
	return 1
}

# --- The hostile guest: 9 ---

HOSTILE=none # or shut, open
comes_hostile() {
	[ $HOSTILE = none ] || return 0
	guest 9
	attach 9 $nic && peer h9 9 "$program" && await "$(be 9 state)" 3 20000 && HOSTILE=shut
}
opened() {
	comes_hostile || return
	[ $HOSTILE = open ] || { tell h9 open && HOSTILE=open; }
}
shut() {
	comes_hostile || return
	[ $HOSTILE = shut ] || { tell h9 shut && HOSTILE=shut; }
}
# It dies wherever it is.
dies_hostile() {
	[ -z "${PEER_PID[h9]:-}" ] || end_peer h9 KILL
	[ $HOSTILE = none ] || destroy 9
	HOSTILE=none
	# Its device is free when nothing is remembered of it.
	store wait /local/domain/0/xenpci/guests/9 gone 20000
}
# What a page was used for is put back: no vectors, decoding on.
calmed() { tell h9 ask 3 0 0 0 && tell h9 ask 1 4 2 0x406; }

# begin_act LONG: says one act to the hostile guest, and sets AFTER, what is told it afterwards
begin_act() {
	AFTER=
	if [ -n "$1" ]; then
		choose "$R1" states "nodes $OFFER" "connects 60" "sequences 3 $caps" "fields 4000 $R2"
	else
		choose "$R1" "fields 300 $R2" "flip 60" "entries 5 $R2" "sequences 2 $caps" "storm 20000" \
			"connects 6" "gone 6" "flood device/pci/0/state 300 4 5x 99 8" \
			"flood device/pci/0/state/below 300 3 6" dangle death
	fi
	case $CHOICE in
	fields* | flip* | entries* | sequences*) went "$CHOICE: open" opened && AFTER=calmed ;;
	storm*) went "$CHOICE: open" opened ;;
	flood*below*) went "$CHOICE: shut" shut && AFTER="tell h9 rm device/pci/0/state/below" ;;
	flood*) went "$CHOICE: shut" shut && AFTER="tell h9 write device/pci/0/state 1" ;;
	dangle) went "$CHOICE: shut" shut && AFTER=dies_hostile ;;
	death)
		# In the midst of an answer, for which nobody waits any more.
		if [ $((R2 % 2)) = 0 ]; then went "$CHOICE: open" opened; else went "$CHOICE: shut" shut; fi
		CHOICE="ask 0 0 4 0 post"
		[ $HOSTILE = open ] || CHOICE="write device/pci/0/state 3"
		AFTER=dies_hostile
		;;
	*) went "$CHOICE: shut" shut ;;
	esac || return
	say h9 "$CHOICE"
}
end_act() {
	went "$CHOICE" answer h9 120 || { dies_hostile; return 1; }
	[ -z "$AFTER" ] || went "after $CHOICE" $AFTER || { dies_hostile; return 1; }
}

op_act() { begin_act "" && end_act; }
op_long_act() { begin_act long && end_act; }
op_act_under_blow() {
	begin_act "" || return
	read -rt "0.0$((R3 % 10))" <>"$WORK/never"
	R1=$R2 # another choice
	local act=$CHOICE
	op_blow
	CHOICE=$act
	end_act
}

# --- Blows: kill -9, and hangs ---

# victim PARENT NAME NUMBER: one of its children that are called so
victim() {
	local list
	mapfile -t list < <(children "$1" "$2")
	[ ${#list[@]} = 0 ] || echo "${list[$3 % ${#list[@]}]}"
}
hit() { # KIND PID SIGNAL
	[ -n "$2" ] && kill "-$3" "$2" 2>/dev/null && BLOWS[$1]=$((${BLOWS[$1]:-0} + 1))
}
# A server that dies before it has served for long makes its keeper wait with the next: so only one of a keeper's.
SERVER_DIED=
op_blow() {
	find_family
	choose "$R1" worker gate worker gate both hang spawner job server keeper all
	case $CHOICE in server | spawner | keeper) [ -z "$SERVER_DIED" ] || CHOICE=all ;; esac
	case $CHOICE in
	worker | gate | job) hit "$CHOICE" "$(victim "$SPAWNER" "xenpci-$CHOICE" "$R2")" KILL ;;
	both)
		hit worker "$(victim "$SPAWNER" xenpci-worker "$R2")" KILL
		hit gate "$(victim "$SPAWNER" xenpci-gate "$R3")" KILL
		;;
	hang) hit "worker that hangs" "$(victim "$SPAWNER" xenpci-worker "$R2")" STOP ;;
	spawner)
		SERVER_DIED=1
		hit spawner "$SPAWNER" KILL
		went "the server ends with its spawner" wait_for 20000 dead "$SUPERVISOR"
		;;
	server) SERVER_DIED=1 && hit server "$SUPERVISOR" KILL ;;
	keeper) keeper_dies ;;
	all) all_die ;;
	esac
	served_again
}
# Who serves takes the dead keeper's place, and starts another who serves.
keeper_dies() {
	local keeper=$DAEMON server=$SUPERVISOR
	[ -n "$server" ] || { all_die; return; }
	hit keeper "$keeper" KILL
	wait "$keeper" 2>/dev/null
	DAEMON=$server
	went "the server becomes the keeper" wait_for 20000 grep -q keeper "/proc/$DAEMON/comm"
}
all_die() {
	local servers pid
	# Neither is to find the other's place empty: whoever does starts another.
	kill -STOP "$DAEMON" 2>/dev/null
	mapfile -t servers < <(children "$DAEMON")
	kill -KILL "${servers[@]}" 2>/dev/null
	hit "keeper and server" "$DAEMON" KILL
	wait "$DAEMON" 2>/dev/null
	for pid in "$DAEMON" "${servers[@]}"; do wait_for 20000 dead "$pid"; done
	# A process of several threads whose first has ended is a zombie, and has all open that it had.
	went "nobody has the state directory any more" wait_for 20000 flock -n "$WORK/state" true
	start_daemon
}
operator() { in_domain 0 "$B/xenpci" --state-dir "$WORK/state" "$@"; }
# The neighbour's devices are taken over: what fails from now on is not his.
neighbour_served() { operator status 3 --json | grep -q '"record":"guest","domid":3,.*"service":"up"'; }
served_again() { went "served again" wait_for 20000 operator status; }

# --- Guests that come, have devices, lose them, die: the library's frontend ---

declare -A ALIVE=()
life_devices=(0000:01:00.0 0000:02:00.0 0000:02:00.1 0000:04:01.0 0000:05:00.0 0000:05:00.2)
op_random_life() {
	local domids bdf domid
	bdf=${life_devices[R2 % ${#life_devices[@]}]}
	domids=("${!ALIVE[@]}")
	if [ ${#domids[@]} -lt 3 ]; then
		domid=20
		while [ -n "${ALIVE[$domid]:-}" ]; do domid=$((domid + 1)); done
		guest $domid
		ALIVE[$domid]=1
		domids+=("$domid")
	fi
	domid=${domids[R1 % ${#domids[@]}]}
	# Guest and toolstack at once: one of them may find that the other was faster.
	case $((R3 % 8)) in
	0 | 1 | 2) in_domain 0 "$B/xenpci" -a all -d "image:$bench" attach --no-wait "$domid" "$bdf" ;;
	3 | 4) front "$domid" --timeout 2000 list ;;
	5) front "$domid" --timeout 2000 msi 00:00.0 on ;;
	6)
		bdf=$(node "$(be "$domid" dev-0)")
		in_domain 0 "$B/xenpci" -d "image:$bench" detach -f --no-wait "$domid" "$bdf"
		;;
	7) dies_random "$domid" ;;
	esac >"$WORK/step.out" 2>&1
	return 0
}
dies_random() {
	destroy "$1"
	store rm "/local/domain/0/backend/pci/$1" # xl lets the empty directory stay
	unset "ALIVE[$1]"
}

# --- Whole lives of two guests, 7 and 8, with and without a fault (tests/faults/life.sh) ---

op_whole_life() {
	dies_hostile # its device is one of theirs
	life
	[ ${#BAD[@]} = 0 ] || WRONG+=("operation $OPERATION: lives of 7 and 8: ${BAD[*]}")
}
# What a call that fails costs, it costs one guest (tests/faults); of those here not the neighbour, who has no part in it.
op_faulty_life() {
	local hit first second pid
	dies_hostile
	if [ -z "$FAULTS" ]; then
		op_whole_life
		return
	fi
	[ -z "$SERVER_DIED" ] || all_die
	choose "$R1" "xenpcid store" "xenpcid transaction" "xenpcid hypercall" "xenpcid file" "xenpcid fork" \
		"xenpci-job file" "xenpci-job config" "xenpci-job alloc" "xenpci-spawner fork" "xenpcid send"
	went "the neighbour is served" wait_for 20000 neighbour_served
	ctl arm $CHOICE $((R2 % 40 + 1)) fail
	life
	read -r hit first second pid < <(ctl hit)
	[ "$hit" = 0 ] || INJECTED=$((INJECTED + 1))
	[ "$hit" = 0 ] || [ ${#BAD[@]} = 0 ] || DISTURBED=$((DISTURBED + 1))
	if [ ${#BAD[@]} -gt $((hit > 0)) ]; then
		WRONG+=("operation $OPERATION: $CHOICE, $hit hit ($first): 7: ${BAD[7]:-}; 8: ${BAD[8]:-}")
	fi
	SERVER_DIED=1 # it may have
	served_again
}

# --- A guest with two frontends: 12 ---

connect_instance() { # NAME DEVID
	local dir=device/pci/$2 ref port
	tell "$1" share && ref=$R && tell "$1" port && port=$R && tell "$1" write $dir/pci-op-ref "$ref" &&
		tell "$1" write $dir/event-channel "$port" && tell "$1" write $dir/magic 7 &&
		tell "$1" write $dir/state 3 && DEVID=$2 await "$(DEVID=$2 be 12 state)" 4 20000 &&
		tell "$1" write $dir/state 4 && config_read "$1" 0 0 4 && [ "${R%% *}" = 0 ]
}
op_instances() {
	local devid
	guest 12
	for devid in 0 1; do
		DEVID=$devid create_nodes 12 "0000:00:0$((5 + 2 * devid)).0" &&
			DEVID=$devid await "$(DEVID=$devid be 12 state)" 3 20000
		peer "i$devid" 12
		went "frontend $devid" connect_instance "i$devid" "$devid"
	done
	for devid in 0 1; do end_peer "i$devid" KILL; done
	destroy 12
	store rm /local/domain/0/backend/pci/12 "$(DEVID=1 error_node 12)"
}

# --- The host, and who orders ---

op_xenstored_anew() {
	went "xenstored killed" xenstored_kill --keep
	xenstored_start || WRONG+=("operation $OPERATION: xenstored does not start")
}
op_xenstored_updated() { went "xenstored updated" xenstored_update; }
op_host_sleeps() {
	slept=$((slept + 60))
	asleep "$slept"
	echo jump >&"$jump"
}
op_settings_reloaded() { served_again && went "reload" wait_for 20000 operator reload && served_again; }
op_server_restarted() { served_again && went "restart" wait_for 20000 operator restart && served_again; }
op_asked() {
	served_again
	choose "$R1" status stats denied "status --json" "stats --prometheus"
	went "$CHOICE" wait_for 20000 operator $CHOICE
}
