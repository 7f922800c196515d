# xl create with pci=[...]: Linux pcifront finds every device, and what lspci -xxxx shows of it in
# the guest is what the filter should show of the device.

# expected BDF: lspci's dump of the real device as a guest should see it. The interrupt line is
# the pirq, that is the kernel's irq number; of the power management capabilities, the five bits
# that tell of PME are hidden.
expected() {
	lspci -xxxx -s "$1" | awk -v irq="$(cat "/sys/bus/pci/devices/$1/irq")" '
		function hex(s,  i, v) {
			for (i = 1; i <= length(s); i++)
				v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
			return v
		}
		/^[0-9a-f]+: / { at = hex(substr($1, 1, length($1) - 1))
			for (i = 2; i <= NF; i++) b[at++] = $i }
		END {
			if (irq) b[60] = sprintf("%02x", irq % 256)
			for (c = hex(b[52]); c && n++ < 48; c = hex(b[c + 1]))
				if (b[c] == "01") b[c + 3] = sprintf("%02x", hex(b[c + 3]) % 8)
			for (i = 0; i < at; i++) print i, b[i]
		}'
}

# seen BDF: the same lines from the guest's dump, which is of all devices: lspci takes long to start there.
seen() {
	awk -v bdf="${1#0000:}" '/^[0-9a-f]+:[0-9a-f]+[.]/ { on = $1 == bdf }
		on && /^[0-9a-f]+: / { for (i = 2; i <= NF; i++) print n++, $i }' $state/dump
}

guest_start g1 pci="$all_devices"
check "the guest boots with nine devices" guest g1 5 true
id=$(domid g1)
same "pcifront finds them" 9 "$(guest g1 5 "ls /sys/bus/pci/devices | wc -l")"
guest g1 60 "lspci -xxxx" >$state/dump
for d in $all_devices; do
	v=$(vdev "$id" $d)
	expected $d >$state/expected
	seen "$v" >$state/seen
	same "$d is $v: every byte" "" "$(awk 'NR == FNR { e[$1] = $2; next }
		e[$1] != $2 { printf "%03x: %s not %s; ", $1, $2, e[$1] }
		END { if (FNR < 256) print FNR " bytes" }' $state/expected $state/seen)"
done
same "two functions of one slot stay together" "$(vdev "$id" $dev_slot0 | sed 's/0$/1/')" \
	"$(vdev "$id" $dev_slot1)"
same "the guest's kernel is content" "" "$(guest_warnings g1)"
guest_destroy g1
