# The host is suspended to idle, as far as its kernel's own test of that goes (host_idles), under a guest with MSI-X that
# asks all the while. Xen stops no guest for it, and no clock stands still.
# Limit: 240 s

guest_start x pci="$dev_e1000e" modules=e1000e
guest x 10 "ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
goes_on() { guest x 20 "ping -c 1 -w 3 10.0.2.2 | grep '1 packets received'"; }
check "before: the guest pings" wait_for 30 goes_on
msix() { printf '%x' $((0x$(setpci -s "$dev_e1000e" CAP_MSIX+2.w) & 0x8000)); }
same "before: MSI-X is on" 8000 "$(msix)"
has_noticed() { # TIMES
	[ "$(grep -c 'the host was suspended, and its clocks went on' "$out/$scenario.xenpcid")" = "$1" ]
}
server=$(backend_server)
warned=$(guest_warnings x)
guest x 5 "(until [ -e /tmp/enough ]; do lspci -x >/dev/null; usleep 300000; done; true) &"

# As where a port above a device is without power: MSI-X enable is lost. Config space by ports: 80, bus, function,
# register: a0; then 3c of a device that nobody has, which stays as it is written.
check "processes frozen: the host goes on" host_idles freezer "o/w 0xcf8 0x800020a0" "o/h 0xcfe 0" \
	"o/w 0xcf8 0x8000503c" "o/b 0xcfc 0x5a"
same "processes frozen: the monitor had its turn" 5a "$(setpci -s "$dev_slot0" INTERRUPT_LINE)"
check "processes frozen: xenpcid has noticed" wait_for 10 has_noticed 1
is_on() { [ "$(msix)" = 8000 ]; }
check "processes frozen: MSI-X, which was lost, is on again" wait_for 10 is_on
check "processes frozen: the guest is answered" guest x 10 "lspci -n | grep 8086:10d3"

check "devices suspended: the host goes on" host_idles devices
check "devices suspended: xenpcid has noticed" wait_for 10 has_noticed 2
check "devices suspended: MSI-X is on" wait_for 10 is_on
check "devices suspended: the guest is answered" guest x 10 "lspci -n | grep 8086:10d3"

guest x 5 touch /tmp/enough
same "the same server serves" "$server" "$(backend_server)"
say "the guest's kernel: $(guest_warnings x | grep -vxF "$warned" | tr '\n' ';')"
say "the guest pings: $(wait_for 20 goes_on && echo yes)"
