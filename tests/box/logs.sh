#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How lines of xenpcid's log begin: with a priority where journald reads them, with time and process where that is
# asked for, and with neither otherwise; those of the keeper as those of the server.
. "$(dirname "$0")/lib.sh"

KEPT=1
box_up
# begin [OPTIONS]: one xenpcid, from its start to its end; what it said is in the log from the mark on
begin() {
	log_mark
	daemon_start -v -v "$@"
	store rm /local/domain/0/backend/pci
	kill -KILL "$(children "$DAEMON")" # of which the keeper tells
	check "another serves" wait_for 10000 eval '[ "$(log_since_count "serving")" -ge 2 ]'
	daemon_stop
}
others() { log_since | grep -vE "$1" | grep -E 'xenpcid: ' | head -n 3; }

begin
is "plain: each line begins with the program" "$(others '^xenpcid: [a-z]+: ')" ""
JOURNAL_STREAM=1:2 begin
is "another's journal: likewise" "$(others '^xenpcid: [a-z]+: ')" ""
export JOURNAL_STREAM
JOURNAL_STREAM=$(stat -c %d:%i "$daemon_log")
begin
is "journald's: each line begins with a priority" "$(others '^<[2-7]>xenpcid: ')" ""
is "an error's" "$(log_since | grep ': error: ' | grep -v '^<3>')" ""
check "there is one, of the keeper" logged_since '^<3>xenpcid: error: keeper: the server was killed'
is "information's" "$(log_since | grep ': info: ' | grep -v '^<6>')" ""
check "there is some, of the server" logged_since '^<6>xenpcid: info: serving'
is "what is for debugging" "$(log_since | grep ': debug: ' | grep -v '^<7>')" ""
begin --log-time
is "journald has time and process itself" "$(others '^<[2-7]>xenpcid: ')" ""
unset JOURNAL_STREAM
begin --log-time
is "asked for: time and process" "$(others '^20[0-9-]{8} [0-9:]{8} [^ ]+ \[[0-9]+\] xenpcid: [a-z]+: ')" ""
like "of the keeper, too" "$(log_since | grep 'keeper: the server was killed')" "^20.* \[[0-9]+\] xenpcid: error: keeper"
