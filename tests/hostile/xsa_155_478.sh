#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# XSA-155, XSA-478: the worker's real page code reads no word of the guest's page twice, as each
# compiler makes it at each level.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0
for program in "${B:-build}"/tests/hostile/fetch/double_fetch-*; do
	case $program in *.d) continue ;; esac
	"$program" "${program##*-fetch-}" || status=1
done
exit $status
