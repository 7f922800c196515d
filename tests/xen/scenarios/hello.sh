guest_start g1 pci="$dev_e1000e" modules=e1000e
check "guest answers" guest g1 5 true
guest g1 5 "uname -a; false"; same "status" 1 $?
guest g1 5 "cat /proc/cmdline; lspci -nn; dmesg -r"
guest g1 5 "ls -la /dev/xen /proc/xen"
guest g1 5 "ls /proc/xen; exit 3"
guest_destroy g1
