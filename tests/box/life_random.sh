#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 500 rounds of devices that are taken, driven, reset and given back at random, on an image
# machine, which each round leaves as it was, byte by byte; and lives at random through
# the whole stack. LIFE_SEED repeats a story.
. "$(dirname "$0")/lib.sh"
seed=${LIFE_SEED:-$RANDOM$RANDOM}

box_up --xen 4.20
guest 7
guest 8
check "500 rounds (seed $seed)" in_domain 0 "$B/tests/box/life_random" "image:$bench" 500 "$seed" 7 8
[ -f "$WORK/check.out" ] && sed 's/^ok /    | /' "$WORK/check.out"
is "Xen keeps no vector of either guest" "$(xb stat "$DIR" | grep -c 'pirqs=[1-9]')" 0
balance() { echo $(($(hypercalls | grep -c ' prepare_msix .* -> 0') - $(hypercalls | grep -c ' release_msix .* -> 0'))); }
is "nor a prepared MSI-X table" "$(balance)" 0

# --- The whole stack: guests that come, have devices, lose them, die ---
# Two of the devices take their time, so that others come and go while one is reset.
daemon_start --allow all --devices "image:$bench,slow=0000:00:05.0:1,slow=0000:04:01.0:1"
devices=(0000:00:04.0 0000:00:05.0 0000:00:06.0 0000:00:07.0 0000:01:00.0 0000:02:00.0 0000:02:00.1
	0000:04:01.0 0000:05:00.0 0000:05:00.2)
views() { # what a guest first sees of each device
	local bdf
	for bdf in "${devices[@]}"; do
		guest 9
		attach 9 "$bdf" && front 9 dump
		destroy 9
	done
}
views >"$WORK/views.before" 2>&1 # the first life ends what the captured system had left on
views >"$WORK/views.before" 2>&1
RANDOM=$((seed % 32768))
declare -A alive=()
next=20 deaths=0 gifts=0 takings=0
for ((i = 0; i < 80; i++)); do
	domids=("${!alive[@]}")
	if [ ${#domids[@]} -lt 2 ]; then
		guest $next
		alive[$next]=1
		domids+=("$next")
		next=$((next + 1))
	fi
	domid=${domids[RANDOM % ${#domids[@]}]} bdf=${devices[RANDOM % ${#devices[@]}]}
	# Guest and toolstack at once: one of them may find that the other was faster.
	case $((RANDOM % 8)) in
	0 | 1 | 2) in_domain 0 "$B/xenpci" -a all -d "image:$bench" attach --no-wait "$domid" "$bdf" &&
		gifts=$((gifts + 1)) ;;
	3 | 4) front "$domid" --timeout 1000 list ;;
	5) front "$domid" --timeout 1000 msi 00:00.0 on ;;
	6)
		bdf=$(node "$(be "$domid" dev-0)")
		in_domain 0 "$B/xenpci" -d "image:$bench" detach -f --no-wait "$domid" "$bdf" &&
			takings=$((takings + 1))
		;;
	7)
		destroy "$domid"
		unset "alive[$domid]"
		deaths=$((deaths + 1))
		;;
	esac >"$WORK/step.log" 2>&1
	daemon_alive || break
done
check "80 steps, among them $gifts gifts, $takings takings and $deaths deaths" daemon_alive
for domid in "${!alive[@]}"; do destroy "$domid"; done
nobody() { [ "$(log_count ' given as ')" = "$(log_count ' taken back$')" ]; }
check "in the end nobody has a device" wait_for 5000 nobody
views >"$WORK/views.after" 2>&1
check "and each looks as it did at first" diff "$WORK/views.before" "$WORK/views.after"
is "of which there were all" "$(grep -c '^[0-9a-f:]*\.[0-7] ' "$WORK/views.after")" ${#devices[@]}
is "Xen keeps no vector" "$(xb stat "$DIR" | grep -c 'pirqs=[1-9]')" 0
