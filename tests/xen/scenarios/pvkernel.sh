# Guests that are nothing but a PCI frontend, with the manners of mini-os, rump kernels, micropv and HaLVM
# (tests/pvkernel): each finds its devices, reads their headers, sizes their BARs, and has an MSI and an MSI-X if it knows
# of them; where the backend lets it, it closes and opens again. A hot-plug to the one that follows it.

# pv_start NAME FRONT LIVES BDF...: creates the guest, with a log that begins with it.
pv_start() {
	local name=$1 front=$2 lives=$3 d list=
	shift 3
	assignable "$@"
	for d in "$@"; do
		list="$list${list:+, }\"$d\""
	done
	cat >"$state/$name.cfg" <<-EOF
		name = "$name"
		type = "pv"
		kernel = "/rig/pvkernel"
		memory = 16
		extra = "front=$front lives=$lives"
		passthrough = "enabled"
		on_crash = "preserve"
		pci = [$list]
	EOF
	rm -f "$consoles/guest-$name.log"
	check "$front: xl create" xl create "$state/$name.cfg"
}

pv_log() { tr -d '\r' <"$consoles/guest-$1.log" 2>/dev/null; }
# pv_found NAME TIMES: has looked for its devices so often.
pv_found() { [ "$(pv_log "$1" | grep -c '^found ')" -ge "$2" ]; }

# expected NAME [-]BDF...: what it is to print of them once; - is one that is leaving. With $host_addresses under the
# host's addresses.
expected() {
	local id d v n=0
	id=$(domid "$1")
	shift
	for d in "$@"; do
		case $d in -*)
			echo "gone ${d#-}"
			continue ;;
		esac
		n=$((n + 1))
		v=$d
		[ -n "${host_addresses:-}" ] || v=$(vdev "$id" "$d")
		# shellcheck disable=SC2046
		echo "device $d $v" $(setpci -s "$d" 0.l 10.l 14.l 18.l 1c.l 20.l 24.l)
	done
	echo "found $n"
}

# pv_saw NAME LIVES [-]BDF...: in each life what dom0 sees of the devices, and nothing to complain of.
pv_saw() {
	local name=$1 lives=$2
	shift 2
	check "$name looks for its devices, $lives times" wait_for 20 pv_found "$name" "$lives" || pv_log "$name"
	same "$name: each device as dom0 has it, and no other" \
		"$(for n in $(seq "$lives"); do expected "$name" "$@"; done)" \
		"$(pv_log "$name" | grep -E '^(device|gone|found) ' | tail -n $((lives * ($# + 1))))"
	same "$name complains of nothing" "" "$(pv_log "$name" | grep '^not ok')"
}

# The kernel's backend rests in 6 and never opens again: PROTOCOL.md 2.9.
lives=2
[ "$BACKEND" = xenpcid ] || lives=1

t=$(ms)
pv_start minios minios $lives $dev_e1000e $dev_edu
pv_start rump rump $lives $dev_slot0 $dev_slot1
pv_start micropv micropv 1 $dev_xhci
pv_saw minios $lives $dev_e1000e $dev_edu
figure start $(($(ms) - t)) ms
pv_saw rump $lives $dev_slot0 $dev_slot1
pv_saw micropv 1 $dev_xhci
# Two of e1000e's, one of edu's, in each life; two of each function of the slot.
same "minios had its vectors" $((3 * lives)) "$(pv_log minios | grep -c 'has a pirq$')"
same "rump had its vectors" $((4 * lives)) "$(pv_log rump | grep -c 'has a pirq$')"

assignable $dev_rootport
check "minios: xl pci-attach" xl pci-attach minios $dev_rootport
check "minios looks again" wait_for 20 pv_found minios $((lives + 1))
pv_saw minios 1 $dev_e1000e $dev_edu $dev_rootport
check "minios: xl pci-detach" xl pci-detach minios $dev_edu
check "minios looks again after the detach" wait_for 20 pv_found minios $((lives + 2))
pv_saw minios 1 $dev_e1000e -$dev_edu $dev_rootport
for g in minios rump micropv; do
	guest_destroy $g
done

# HaLVM asks under the host's addresses, so its devices are to have them; one bus for each, since it counts those.
if [ "$BACKEND" = xenpcid ]; then
	backend_stop
	backend_start --slots passthrough
	host_addresses=1
	pv_start halvm halvm 1 $dev_e1000e $dev_rootport
	pv_saw halvm 1 $dev_e1000e $dev_rootport
	guest_destroy halvm
fi
