#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The life of an instance (PROTOCOL.md 2.5, 2.9, 2.10), by a frontend that shows
# each state: create, late guest, close, reopen, reboot, crash, vanished directories.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0 edu=0000:00:05.0 usb=0000:00:06.0
nic_id=10d38086
box_up
daemon_start

state_of() { node "$(be "$1" state)"; }
# The device is free: another guest gets it (and lets it go).
free_again() {
	create_nodes 99 "$1" && await "$(be 99 state-0)" 3 && store rm "$(be 99)" "$(fe 99)"
}

# A bystander, who must never notice.
guest 20
peer bystander 20
create_nodes 20 0000:00:07.0
connect bystander 20
bystander_serves() { config_read bystander 0 0 4 && [ "${R%% *}" = 0 ]; }
check "a first guest is served" bystander_serves
guest 99

# --- Create, with a guest that comes late ---
guests 7
check "create with one device" create_nodes 7 $nic
check "the backend goes to 3 alone" await "$(be 7 state)" 3
is "vdev-0" "$(node "$(be 7 vdev-0)")" 0000:00:00.00
is "state-0" "$(node "$(be 7 state-0)")" 3
is "root_num" "$(node "$(be 7 root_num)")" 1
is "root-0" "$(node "$(be 7 root-0)")" 0000:00
check "a second device while the backend waits in 3" eval \
	'store begin && device_nodes 7 1 $edu && store write "$(be 7 num_devs)" 2 && store commit'
check "it is exported" await "$(be 7 state-1)" 3
is "vdev-1" "$(node "$(be 7 vdev-1)")" 0000:00:01.00
is "the state stays 3" "$(state_of 7)" 3
is "root_num stays 1" "$(node "$(be 7 root_num)")" 1
check "the late guest connects" connect g7 7
config_read g7 0 0 4
is "and reads its device" "$R" "0 $nic_id"
config_read g7 8 0 4
like "and the second one" "$R" "^0 11e81234"

# --- A device told of just before the guest publishes, and both seen at once ---
guests 12
create_nodes 12 0000:00:06.0
await "$(be 12 state)" 3
daemon_pause
store begin
device_nodes 12 1 0000:00:1f.2
store write "$(be 12 num_devs)" 2
store commit
tell g12 share
tell g12 port
tell g12 publish
daemon_resume
check "told and published at once: connected" await "$(be 12 state)" 4
is "told and published at once: the device is there" "$(node "$(be 12 state-1)")" 3
config_read g12 10 0 4
is "told and published at once: and served" "$R" "0 29228086"
end_peer g12
store rm "$(be 12)" "$(fe 12)"

# --- Close, reopen ---
check "the frontend closes (5)" tell g7 write device/pci/0/state 5
check "the backend follows to 5" await "$(be 7 state)" 5
check "the frontend is closed (6)" tell g7 write device/pci/0/state 6
check "the backend follows to 6" await "$(be 7 state)" 6
create_nodes 99 $nic
check "its devices stay claimed" await "$(error_node 99)" any
store rm "$(be 99)" "$(fe 99)"
check "the frontend opens again (1)" tell g7 write device/pci/0/state 1
check "the backend goes to 3 again" await "$(be 7 state)" 3
is "vdev-1 is kept" "$(node "$(be 7 vdev-1)")" 0000:00:01.00
is "root_num is kept" "$(node "$(be 7 root_num)")" 1
check "it connects again" connect g7 7
config_read g7 8 0 4
like "and reads again" "$R" "^0 11e81234"
check "closed at once (6)" tell g7 write device/pci/0/state 6
check "the backend follows to 6 from 4" await "$(be 7 state)" 6
tell g7 write device/pci/0/state 1
check "and opens again" await "$(be 7 state)" 3
check "and connects" connect g7 7
tell g7 write device/pci/0/state 1
check "started over without a close: the backend is back in 3" await "$(be 7 state)" 3
check "and connects anew" connect g7 7
check "bystander unharmed by closing" bystander_serves

# --- Reboot: the guest is destroyed, its device goes to a new domain ---
config_write g7 0 4 2 7
config_read g7 0 4 2
like "the command register is set" "$R" " [0-9a-f]*7$"
check "destroy" destroy 7
end_peer g7 KILL
guests 8
create_nodes 8 $nic $edu
check "the same devices for the next domain" connect g8 8
config_read g8 0 4 2
like "bus mastering is off for the new guest" "$R" "^0 [0-9a-f]*[0-389ab]$"

# --- online=0 ---
store write "$(be 8 online)" 0
tell g8 write device/pci/0/state 6
check "offline: closes for good" await "$(be 8 state)" 6
check "offline: the device is free" free_again $nic
store rm "$(be 8)"
check "offline: the rest as well" free_again $edu
end_peer g8

# --- The frontend's directory vanishes ---
guests 9
create_nodes 9 $nic
connect g9 9
store rm "$(fe 9)"
check "frontend directory gone: closed" await "$(be 9 state)" "6|gone"
check "frontend directory gone: the device is free" free_again $nic
store rm "$(be 9)"

# --- The backend's directory vanishes ---
create_nodes 9 $usb
check "a new life in the same domain" connect g9 9
store rm "$(be 9)"
check "backend directory gone: the device is free" free_again $usb
is "a deleted directory does not come back" "$(node "$(be 9 state)")" "ENOENT read: $(be 9 state)"
end_peer g9

# --- Crash: the domain dies with MSI-X on and a request in the page ---
guests 10
log_mark
create_nodes 10 $nic
connect g10 10
check "MSI-X on" tell g10 op 4 0 0 0 0 0 3 0 0 1 2
tell g10 post 0 0 0 0 0 4
check "destroy in the middle of a request" destroy 10
end_peer g10 KILL
check "crash: it is noticed" wait_for 5000 logged_since "guest 10: $nic taken back"
check "crash: the device is free" free_again $nic
check_not "crash: no pirq is left" grep -q 'pirqs=[1-9]' <(xb stat "$DIR")

# --- A daemon that starts when all is there already ---
daemon_stop
guests 11
store rm "$(be 20)" "$(fe 20)"
create_nodes 11 $nic
tell g11 share && tell g11 port && tell g11 publish
daemon_start
check "a daemon that comes last connects a waiting guest" await "$(be 11 state)" 4
config_read g11 0 0 4
is "and serves it" "$R" "0 $nic_id"
