#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device that a program implements (--devices vfio-user:SOCKET): its config space reaches a guest,
# filtered or raw; a server that hangs, dies or lies hurts the guest that has it, and nobody else.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_vfio.sh"

home=ff00:00:00.0

reads() { # NAME OFFSET SIZE WANT
	config_read g7 0 "$2" "$3"
	is "$1" "$R" "$4"
}
read_becomes() { config_read "$1" "$2" "$3" "$4" && [ "$R" = "$5" ]; }

box_up
serve
daemon_start --devices "vfio-user:$sock" --devices "image:$bench"
guests 7 8

# --- Filtered ---
create_nodes 7 $home
connect g7 7
reads "its ids" 0 4 "0 51af4"
reads "its class" 8 4 "0 ff000002"
reads "its subsystem" 44 4 "0 11001af4"
reads "its own register" 96 4 "0 cafe0000"
config_write g7 0 96 2 0x1234
reads "is not the guest's to write" 96 4 "0 cafe0000"
config_write g7 0 4 2 7
reads "the command register is, through to the server" 4 2 "0 7"

# sized NAME OFFSET WANT...: what a BAR says when all ones were written
sized() {
	config_write g7 0 "$2" 4 0xffffffff
	reads "$1" "$2" 4 "0 $3"
}
sized "32 I/O ports" 16 ffffffe1
sized "4K of 32 bits" 20 fffff000
sized "8K below 1M" 24 ffffe002
sized "the low half of 8G of 64 bits" 28 c
sized "the high half" 32 fffffffe
sized "no BAR" 36 0

# --- Its interrupts are not forwarded: the guest is told ---
reads "it has MSI" 80 1 "0 5"
tell g7 op 2 0 0 0 0 0 0
like "which is refused" "$R" "^-"
check "by us, before Xen is asked" grep -q "$home: enable_msi refused: the device has no MSI capability" "$daemon_log"
reads "and stays off, with room for four" 82 2 "0 4"

# --- What it does by itself is seen ---
kill -USR1 $SERVER
check "a register that nobody wrote" wait_for 5000 read_becomes g7 0 100 1 "0 1"

# --- The guest's process has nothing of the server's ---
vdev=$(pgrep -n -x xenpci-vdev)
check "a process of its own speaks with the server" test -n "$vdev"
[ "$(id -u)" != 0 ] || is "as nobody, without a capability" \
	"$(awk '/^Uid|^CapEff/ { print $2 }' "/proc/$vdev/status" | xargs)" "65534 0000000000000000"
is "with its output, a page and two sockets" "$(find "/proc/$vdev/fd" -type l | wc -l)" 5

# --- A server that hangs: nobody else waits ---
create_nodes 8 0000:00:04.0
connect g8 8
kill -STOP $SERVER
check "the others read on while it hangs" read_becomes g8 0 0 4 "0 10d38086"
check "a write comes back nonetheless" config_write g7 0 4 2 3
check "then its register reads ones" wait_for 5000 read_becomes g7 0 96 4 "0 ffffffff"
check "the others go on" read_becomes g8 0 0 4 "0 10d38086"
kill -CONT $SERVER
daemon_stop
check "its process ends with the daemon" wait_for 5000 gone "$vdev"
server_end

# --- Raw ---
destroy 7
destroy 8
serve
daemon_start --devices "vfio-user:$sock,at=0000:00:1d.0"
guest 9
peer g9 9
store begin
instance_nodes 9
device_nodes 9 0 0000:00:1d.0 msitranslate=0,power_mgmt=0,permissive=1,rdm_policy=strict
store write "$(be 9 num_devs)" 1
store commit
check "at an address of its own" connect g9 9
config_write g9 0 96 2 0x1234
check "raw: its own register is the guest's" read_becomes g9 0 96 4 "0 cafe1234"

# --- A server that dies ---
server_end
check "a dead server's register reads ones" wait_for 5000 read_becomes g9 0 96 4 "0 ffffffff"
daemon_stop

# --- Servers that lie: the daemon says what is wrong and does not start ---
refused_servers "the server does not show a PCI device" "" mute version long torn stranger short
refused_servers "no function that a guest can have" "" bar
refused "nobody listens: " "cannot connect"

# --- Memory of ours is not the server's ---
serve dma
check "who asks for memory is refused, and goes on" in_domain 0 "$B/xenpci" -d \
	"vfio-user:$sock" map $home
like "shown" "$(cat "$WORK/check.out")" $home
check "the server lives" kill -0 $SERVER
server_end
