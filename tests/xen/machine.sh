# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The machine: one QEMU command line, sourced by the rig. The addresses below are what lib.sh names
# (dev_e1000e and so on); both lists must agree.
#
#   00:04.0 e1000e on the root bus      00:07.0 nvme
#   00:05.0 edu                         00:08.0 root port       -> 01:00.0 e1000e
#   00:06.0 xhci                        00:09.0 pcie-pci-bridge -> 02:01.0 e1000
#   00:0a.0 e1000e, 00:0a.1 e1000e: two functions of one slot
#   00:0b.0 an xhci that has MSI and no MSI-X, with a USB NIC on it. (The emulated e1000e fails its
#           driver's MSI test, on a plain Linux as well: it cannot show MSI.)
#   00:0c.0 an nvme with two virtual functions to be had, on the machine 4.17-s3

# machine DIR SERIAL...: the arguments of QEMU. DIR holds the images' folder as seen by dom0
# (shared by 9p) and gets the nvme disk and the monitor's socket; SERIAL is where com1 goes.
machine() {
	local dir=$1 serial=$2
	args=(
		-machine q35,kernel-irqchip=split,dump-guest-core=off -accel tcg,thread=multi,tb-size=512
		-cpu "qemu64,+svm,+rdrand,$cpu" -smp 2 -m 3G
		-nodefaults -display none -no-reboot -serial "$serial"
		-device "$iommu,intremap=on"
		-fsdev "local,id=rig,path=$dir/share,security_model=none,multidevs=remap"
		-device "virtio-9p-pci,fsdev=rig,mount_tag=rig,addr=2,romfile=$virtio"
		-monitor "unix:$dir/monitor,server=on,wait=off"
		-chardev "pipe,id=hmp,path=$dir/hmp" -mon chardev=hmp,mode=readline
		-netdev user,id=n0 -device e1000e,netdev=n0,addr=4,romfile=
		-device edu,addr=5
		-device qemu-xhci,addr=6
		-drive "file=$dir/nvme.img,format=raw,if=none,id=nvme0"
		-device nvme,drive=nvme0,serial=xenpci-rig,addr=7
		-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=8
		-netdev user,id=n1 -device e1000e,netdev=n1,id=nic1,bus=rp0,addr=0,romfile=
		-device pcie-pci-bridge,id=pb0,addr=9
		-netdev user,id=n2 -device e1000,netdev=n2,bus=pb0,addr=1,romfile=
		-netdev user,id=n3 -device e1000e,netdev=n3,addr=0a.0,multifunction=on,romfile=
		-netdev user,id=n5 -device e1000e,netdev=n5,addr=0a.1,romfile=
		-netdev user,id=n4 -device "nec-usb-xhci,id=usb,msi=on,msix=$usb_msix,addr=0b"
		-device usb-net,netdev=n4,bus=usb.0
		-kernel "$images/xen" -append "$xen_line$dom0"
		-initrd "$images/vmlinux $dom0_line$dom0_linux,$images/dom0.cpio"
	)
	args+=("${more[@]}" ${RIG_QEMU-})
}

# use_machine 4.17|4.17-oxenstored|4.17-hvm|4.17-s3|4.20|4.20-pvh: which Xen, with which kernel, how. Our programs are
# the same files on all.
use_machine() {
	programs=(xenpcid xenpci-worker xenpci xenpci-front)
	dom0= dom0_linux= usb_msix=off virtio= xenstored=xenstored sleeps= more=()
	case $1 in
	4.17 | 4.17-*)
		images=$B/xen
		programs+=(tests/xen/fidelity tests/xen/intrude tests/bench/asker tests/box/vfio_server)
		cpu=+rdtscp iommu=intel-iommu
		case $1 in
		# What Debian starts where it has both.
		*-oxenstored) xenstored=oxenstored ;;
		# An HVM domain wants nested paging.
		*-hvm) cpu=+npt ;;
		# It can be suspended to RAM, and has a device with SR-IOV.
		*-s3)
			sleeps=1
			more=(-global ICH9-LPC.disable_s3=0 -device "nvme-subsys,id=vfs"
				-device "nvme,subsys=vfs,serial=xenpci-pf,addr=0c,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2") ;;
		esac ;;
	4.20 | 4.20-pvh)
		images=$B/xen420
		# A PVH domain needs nested paging, dies of rdtscp under emulation, and has trouble
		# with the other IOMMU.
		cpu=+npt iommu=amd-iommu
		[ "$1" = 4.20-pvh ] || return 0
		dom0=' dom0=pvh'
		# QEMU 7.2 may leave flags behind cmpxchg16b that no processor has. An interrupt at
		# that moment hands them to the hypervisor, and a PVH domain dies of having them back.
		dom0_linux=' clearcpuid=cx16'
		# Its memory is not where it thinks: only the IOMMU knows.
		virtio=,iommu_platform=on,disable-legacy=on
		# The driver is to find MSI-X refused, and to be content with MSI.
		usb_msix=on ;;
	*) die "there is no machine '$1'" ;;
	esac
}

xen_line='console=com1 com1=115200,8n1 dom0_mem=1536M,max:1536M dom0_max_vcpus=1'
xen_line+=' loglvl=all guest_loglvl=all noreboot'
# credit2 lets no other processor than its last have a vCPU whose credit is used up (it compares with
# the idle vCPU's, which is one less, plus this): woken on the other one, dom0 slept for ever.
xen_line+=' sched_credit2_migrate_resist=0'
# No commas here: QEMU would take what follows for the next module.
dom0_line='console=hvc0 loglevel=6 panic=-1 earlyprintk=xen'
