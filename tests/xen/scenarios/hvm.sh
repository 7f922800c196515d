# A device of an HVM guest is QEMU's: xenpcid judges it and records whose it is, and touches nothing of it, neither
# at the claim, early or late, nor at its own end, nor when it is started again. So whatever happens to xenpcid,
# the guest's NIC goes on, with bus mastering and MSI-X as its driver left them. Taken from the guest, it is reset.
# Limit: 800 s, since firmware and kernel take a minute and a half alone, and five on a machine that has others.

d=$dev_e1000e
log=$out/$scenario.xenpcid
logged_since() { tail -n "+$((mark + 1))" "$log" | grep -E "$1"; }
mark() { mark=$(wc -l <"$log"); }

# The device model and its firmware, where dom0 has nothing of that name.
(cd /rig/hvm/root && find . ! -type d) | while read -r f; do
	[ -e "/$f" ] || { mkdir -p "/${f%/*}" && cp -a "/rig/hvm/root/$f" "/$f"; }
done
fetch_images
cp /rig/hvm/hvm.img $images/
assignable $d
cat >$state/h.cfg <<-EOF
	name = "h"
	type = "hvm"
	memory = 256
	vcpus = 1
	device_model_override = "/bin/xen-qemu-system-i386"
	device_model_args = ["-device", "ahci,id=ahci0", "-device", "ide-hd,drive=d0,bus=ahci0.0",
		"-drive", "file=$images/hvm.img,format=raw,if=none,id=d0"]
	vga = "none"
	nographic = 1
	vnc = 0
	sdl = 0
	usb = 0
	passthrough = "enabled"
	on_crash = "destroy"
	pci = ["$d"]
EOF

command_bit() { [ $((0x$(setpci -s $d COMMAND) & $1)) -ne 0 ]; }
msix_on() { [ $((0x$(setpci -s $d CAP_MSIX+2.w) & 0x8000)) -ne 0 ]; }
up() {
	guest h 30 "modprobe e1000e; ip link set eth0 up; ip addr flush dev eth0; ip addr add 10.0.2.15/24 dev eth0"
	wait_for 40 guest h 10 "grep -q 1 /sys/class/net/eth0/carrier"
}
pings() { guest h 30 "ping -c 3 -i 0.3 -w 20 10.0.2.2 | grep -E '[1-3] packets received'"; }
# goes_on WHEN: the guest's device is as its driver made it, and it works
goes_on() {
	check "$1: bus mastering is on" command_bit 4
	check "$1: MSI-X is on" msix_on
	check "$1: the NIC answers" wait_for 60 pings
}
at_rest() { ! command_bit 4 && ! msix_on; }
nobody_has_it() { ! xenstore-exists /libxl/pci/0000-00-04-0/domid; }
start() {
	mark
	backend_start -v
}

# ---- Cold boot, and xenpcid killed and stopped while firmware and kernel set the device up ----
backend_stop
start
check "xl create of an HVM guest with a device" timeout 100 xl create $state/h.cfg
check "its device is claimed" wait_for 20 logged_since "$d given"
backend_kill
start
check "killed while the guest boots: a successor goes on with it" wait_for 20 logged_since "04.0 goes on as"
backend_stop
check "stopped: it stays with its guest" logged_since '04.0 stays with its guest, as it is'
start
check "and is the next one's" wait_for 20 logged_since "04.0 goes on as"
check "the guest boots" wait_for 330 guest_has_booted h || { cp $consoles/guest-h.log "$out"; exit 1; }
xenstore-read "/local/domain/$(domid h)/console/tty" >"$state/h.tty"
check "its NIC comes up" up
goes_on "cold boot"

# ---- The end of xenpcid, in each way, and its start ----
backend_stop
goes_on "xenpcid stopped"
start
check "started again: it goes on with the device" wait_for 20 logged_since "04.0 goes on as"
goes_on "xenpcid started again"
backend_kill
goes_on "xenpcid killed"
start
goes_on "xenpcid started after the kill"

# ---- Taken from the guest ----
check "xl pci-detach" timeout 60 xl pci-detach h $d
check "it is taken back" wait_for 20 logged_since "$d taken back"
check "and at rest" wait_for 20 at_rest
check "nobody has it" wait_for 10 nobody_has_it

# ---- Attached hot, to a guest whose driver waits for it, and claimed when that has long begun ----
server=$(backend_pid)
kill -STOP "$server"
mark
check "xl pci-attach while xenpcid hangs" timeout 60 xl pci-attach h $d
check "its NIC comes up again" wait_for 120 up
goes_on "before the claim"
kill -CONT "$server"
check "the late claim" wait_for 20 logged_since "$d given"
goes_on "after the late claim"

# ---- Detached while nobody runs: who comes next takes it back ----
backend_kill
check "xl pci-detach while no xenpcid runs" timeout 60 xl pci-detach h $d
start
check "the next one: at rest" wait_for 20 at_rest
check "the next one: nobody has it" nobody_has_it
mark
check "attached once more" timeout 60 xl pci-attach h $d
check "claimed" wait_for 20 logged_since "$d given"
check "its NIC comes up once more" wait_for 120 up
goes_on "attached once more"

# ---- Destroyed ----
mark
check "xl destroy" timeout 60 xl destroy h
check "it is taken back from the dead" wait_for 20 logged_since "$d taken back"
check "and at rest again" wait_for 20 at_rest
