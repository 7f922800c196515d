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
