#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The recorded life of a guest under xl and the kernel's backend, replayed from the
# toolstack's and the guest's side: the backend's writes are the same, in the same order.
. "$(dirname "$0")/lib.sh"

traces=$top/tests/box/traces
box_up
guest 1
daemon_start
peer g1 1
tell g1 share || bail "no page: $R"
ref=$R
tell g1 port || bail "no port: $R"
in_domain 0 "$B/tests/box/replay" "$traces/xl-with-kernel-pciback.txt" \
	"$traces/xl-with-kernel-pciback.played" "$ref" "$R" || FAILED=$((FAILED + 1))
check "the daemon still serves" daemon_alive
# (edu and xhci have no reset of their own: that is said each time.)
check_not "no other warning was logged" eval 'grep -E "(error|warning):" "$daemon_log" | grep -v "not reset"'
