# A part of xenpcid dies, hangs, or is told what it does not know: somebody serves on. A guest with a disk and
# a nic is created after it as ever, and one that has a device goes on. (ended.sh: all of it ends.)

. /rig/scenarios/ends.inc

backend_stop
begin
same "while it runs the switch is off" 0 "$(cat $switch)"
others "running"

# A running guest with a device goes through all that leaves somebody to serve.
guest_start g1 pci="$dev_edu"
one=$(domid g1)
serves_g1 "running"

kill -USR1 "$keeper"
same "USR1: the same server" "$server" "$(backend_server)"
others "USR1"

for s in KILL SEGV; do
	server=$(backend_server)
	served=$(grep -c serving "$out/$scenario.xenpcid")
	kill -$s "$server"
	check "$s of the server: a successor" wait_for 20 server_is_new
	others "$s of the server"
	serves_g1 "$s of the server"
done

server=$(backend_server)
served=$(grep -c serving "$out/$scenario.xenpcid")
kill -STOP "$server"
others "a server that hangs"
check "a server that hangs: a successor" wait_for 20 server_is_new
serves_g1 "a server that hangs"

# The server becomes the keeper of another.
server=$(backend_server)
served=$(grep -c serving "$out/$scenario.xenpcid")
kill -KILL "$keeper"
keeper=$server
echo "$keeper" >$state/xenpcid.pid
check "KILL of the keeper: the server has become one" wait_for 20 server_is_new
others "KILL of the keeper"
serves_g1 "KILL of the keeper"
guest_destroy g1
server=$(backend_server)
kill -TERM "$keeper"
ended "TERM of the keeper that was a server"
losetup -d /dev/loop0
