# libxenpcifront in a guest without the kernel's pcifront: the same list of requests for each device
# of the rig, the answers kept for compare-answers, which lays those of the two backends side by
# side. One connection for all: the kernel's backend takes no second one from the same guest.

# Every kind of device once: the two functions of 00:0a are e1000es as 00:04.0 is.
asked="$dev_e1000e $dev_edu $dev_xhci $dev_nvme $dev_rootport $dev_pcibridge $dev_msi"
guest_start g1 front=user pci="$asked"
id=$(domid g1)
list=
for d in $asked; do
	list="$list $(vdev "$id" $d)"
done
[ "$BACKEND" = kernel ] || same "the machine's memory is not mapped" 0 \
	"$(grep -c privcmd "/proc/$(backend_pid)/maps")"
t=$(ms)
check "all requests are answered" guest g1 120 \
	"for v in $list; do requests \$v; done >/tmp/requests; xenpci-front script --raw /tmp/requests >/tmp/answers"
figure time $(($(ms) - t)) ms
# The console is slow, so packed.
quietly guest g1 60 "gzip -c /tmp/answers | base64" | base64 -d | gunzip >$state/answers
each=$(($(wc -l <$state/answers) / $(echo $asked | wc -w)))
for d in $asked; do
	head -n $each $state/answers >"$out/answers-$BACKEND-$d"
	sed -i "1,${each}d" $state/answers
done
guest_drop g1
