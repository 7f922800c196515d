#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenpcid in a driver domain: domain 3, which was given the NIC 00:04.0 and sees it as 00:00.0, serves it to
# guest 7. Xen refuses that domain nearly all; dom0 does its part by xenpci attach --backend.
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
BACKEND=3
own=/local/domain/3/data/xenpci

# What domain 3 sees of its machine: the NIC alone, its line (20) in the register, as dom0's backend shows it.
seen=$WORK/seen.txt
awk '/^00:04\.0/ { on = 1; sub(/^00:04\.0/, "00:00.0") } on && /^$/ { exit }
	on { if (/^30:/) sub(/0b 01 00 00$/, "14 01 00 00"); print }' "$bench" >"$seen"
check "the machine of domain 3 is as it was made" grep -q '^30:.* 14 01 00 00$' "$seen"

serve() { daemon_start -v --devices "image:$seen" "$@"; }
operator() { in_domain 0 "$B/xenpci" -d "image:$bench" "$@"; }
# What domain N has of Xen: grants, ports, pirqs, devices.
has() { xb stat "$DIR" "$1" | grep -oE "$2=[0-9]+"; }
refusals() { xb log "$DIR" | grep -cE '^3 .* EPERM$'; }

box_up --xen 4.20
xb create "$DIR" 3 --name sys-pci || bail "no domain 3"
guests 7
# As xl gives it to domain 3, and dom0's backend answers.
check "the NIC is domain 3's" attach 3 --no-wait "$nic"
store write /local/domain/0/backend/pci/3/0/vdev-0 0000:00:00.00
xb run "$DIR" 3 -- true

# --- The start: one list, and nothing of dom0's ---
serve
is "what Xen refuses is told in one line" "$(log_count 'Xen refuses us')" 1
list=$(grep 'Xen refuses us' "$daemon_log")
for what in vectors MSI-X 'interrupt lines' 'hear of resets' 'tell of domains' 'give devices' 'Config space and interrupt lines work'; do
	like "the list has $what" "$list" "$what"
done
is "it names the domain" "$(grep -c 'in domain 3 Xen refuses us' "$daemon_log")" 1
is "nothing else is amiss" "$(grep -cE 'warning:|error:' "$daemon_log")" 1
told() { in_domain 3 "$B/xenpci" --state-dir "$WORK/state" -d "image:$seen" status "$@" 2>/dev/null; }
is "a program is told the same" "$(told --json | grep -oE '"domain":3,"denied":"[^"]*"')" \
	'"domain":3,"denied":"vectors tables lines resets domains giving"'
like "and so is who asks for the status" "$(told)" "in domain 3 Xen refuses it: vectors tables lines"
check "its own nodes are where it may write" store read "$own/pid"
in_domain 0 xenstore-ls -fp /local/domain/3/data >"$WORK/ls"
is "nobody else may read them" "$(grep -c '(n3)$' "$WORK/ls")" "$(wc -l <"$WORK/ls")"

# --- Attach: the nodes that libxl cannot write ---
check_not "a domain does not serve itself" operator attach --allow all --backend sys-pci 3 "$nic"
check "attach, by the domain's name" operator attach --allow all --no-wait --backend sys-pci 7 "$nic"
check "the device is exported" await "$(be 7 state)" 3
is "as the backend sees it" "$(node "$(be 7 dev-0)")" 0000:00:00.0
is "and as the host does" "$(node "$(be 7 key-0)")" "$nic"
is "at a virtual address" "$(node "$(be 7 vdev-0)")" 0000:00:00.00
in_domain 0 xenstore-ls -fp /local/domain/3/backend/pci/7 /local/domain/7/device/pci >"$WORK/ls"
check "the backend owns its directory, the guest reads it" grep -q 'pci/7/0 = ""   (n3,r7)$' "$WORK/ls"
check "the guest owns its own, the backend reads it" grep -q 'device/pci/0 = ""   (n7,r3)$' "$WORK/ls"
is "Xen moved it from domain 3" "$(has 3 devices) $(has 7 devices)" "devices=0 devices=1"
is "to xl it is still domain 3's" "$(node "/libxl/pci/0000-00-04-0/domid")" 3
like "xenpci list --backend" "$(operator list --backend 3)" "7 +guest7 +0000:00:00.00 +0000:00:00.0"
check_not "a second guest does not get it" operator attach --allow all --no-wait --backend 3 7 "$nic"

# --- Reads, writes, the interrupt line ---
check "connect" connect g7 7
config_read g7 0 0 4
is "a read" "$R" "0 10d38086"
config_read g7 0 0x3c 2
is "the interrupt line is the pirq that dom0 mapped" "$R" "0 114"
check "which it did" grep -qE '^0 map_pirq dom=7 type=1 index=20 .* -> 0 pirq=20' <(xb log "$DIR")
config_write g7 0 4 2 0x7
is "a write" "${R%% *}" 0
config_read g7 0 4 2
is "which reached the device" "$R" "0 7"

# --- What is not there: refused whole, asked of Xen by nobody, told once ---
before=$(refusals)
for _ in 1 2 3; do
	tell g7 op 2 0 0 0 0 0
	is "enable_msi is refused" "$R" "-5 0 0"
	# Two entries; the vectors stay as they were sent.
	tell g7 op 4 0 0 0 0 0 2 0 0 1
	like "enable_msix is refused" "$R" "^-5 2 0"
	tell g7 op 10 0 0 0 0 0 2
	like "enable_multi_msi is refused" "$R" "^-5 0 1"
done
is "Xen was not asked" "$(refusals)" "$before"
check "it is told" wait_for 5000 logged "enable_msi refused: Xen lets this domain map no vectors"
is "it is told once" "$(log_count 'enable_m.* refused: Xen lets this domain map no vectors')" 1
config_read g7 0 0xd2 2
is "MSI is off in the device" "$R" "0 80"
config_read g7 0 0xa2 2
is "and MSI-X" "$R" "0 4"
config_read g7 0 4 2
is "and INTx on" "$R" "0 7"
is "no vector was mapped" "$(has 7 pirqs)" "pirqs=1"
tell g7 op 3 0 0 0 0 0
like "disable_msi is none the less answered" "$R" "^0 "

# --- The next xenpcid goes on ---
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
serve
check "killed and started again, it carries on" wait_for 5000 logged '00:00.0 goes on as'
check "the guest's next read is answered" config_read g7 0 0 4
is "by the same device" "$R" "0 10d38086"
config_read g7 0 0x3c 2
is "with the same line" "$R" "0 114"
tell g7 op 2 0 0 0 0 0
is "and no MSI" "$R" "-5 0 0"

# --- Detach and attach under the guest ---
operator detach --backend 3 7 "$nic" >"$WORK/detach.log" 2>&1 &
op=$!
lets_go() {
	await "$(be 7 state)" 7 && tell g7 write device/pci/0/state 7 && await "$(be 7 state)" 8 &&
		tell g7 write device/pci/0/state 4
}
check "the guest lets go of it" lets_go
check "detach" wait "$op"
check_not "its nodes are gone" store read "$(be 7 num_devs)"
is "Xen gave it back to domain 3" "$(has 3 devices) $(has 7 devices)" "devices=1 devices=0"
is "no line is the guest's" "$(has 7 pirqs)" "pirqs=0"
check_not "it is not there to be detached again" operator detach --backend 3 7 "$nic"

# --- Another of the guest's PCI frontends: --devid ---
tell g7 unshare
tell g7 closeport
DEVID=2
check "attach to frontend 2" operator attach --allow all --no-wait --backend 3 --devid 2 7 "$nic"
check "it is exported there" await "$(be 7 state)" 3
check_not "and nowhere else" store read "$(DEVID=0 be 7 state)"
check "a frontend of number 2 connects and reads" in_domain 7 timeout 20 "$B/xenpci-front" --devid 2 read 00:00.0 0 4
check_not "it is not frontend 0's" operator detach --no-wait --backend 3 7 "$nic"
check "detach from frontend 2" operator detach --no-wait --backend 3 --devid 2 7 "$nic"
DEVID=0

# --- A guest that dies ---
check "attach again" operator attach --allow all --no-wait --backend 3 7 "$nic"
check "exported" await "$(be 7 state)" 3
check "connected" connect g7 7
end_peer g7
xb destroy "$DIR" 7 --crash
store rm "$(be 7)" /local/domain/7
check "its end is seen by its nodes, and the device taken back" wait_for 5000 eval '! store read '"$own/guests/7"
is "xenpcid runs" "$(kill -0 "$DAEMON" && echo yes)" yes
guests 8
check "the next guest" operator attach --allow all --no-wait --backend 3 8 "$nic"
check "gets it" await "$(be 8 state)" 3
check "and reads it" in_domain 8 timeout 20 "$B/xenpci-front" read 00:00.0 0 4
is "no line of the log is an error" "$(log_count 'error:')" 0
