# libxenpcifront in a guest without the kernel's pcifront: the same list of requests for each device,
# the answers kept for compare-answers, which lays those of the two backends side by side.

guest_start g1 front=user pci="$all_devices"
id=$(domid g1)
check "the list" guest g1 30 "xenpci-front list"
for d in $all_devices; do
	v=$(vdev "$id" $d)
	guest g1 120 "requests $v >/tmp/requests; xenpci-front script /tmp/requests >/tmp/answers"
	check "$d: all requests are answered" [ $? -eq 0 ]
	guest g1 30 "paste -d'|' /tmp/requests /tmp/answers" >"$out/answers-$BACKEND-$d"
done
guest_destroy g1
