# SPDX-License-Identifier: MIT
# The rig: real Xen under QEMU (README.md here).

XEN_DIR := tests/xen
XEN_IMAGES := $(B)/xen/guest.cpio

$(XEN_IMAGES): $(addprefix $(XEN_DIR)/,images with-libs packages.txt dom0-init guest-init)
	$(XEN_DIR)/images $(B)/xen

# A newer Xen, Debian 13's, for the same programs. What comes with it wants a newer C library than the
# host's, which is in the images.
XEN420 := $(abspath $(B)/xen420)
XEN420_IMAGES := $(XEN420)/guest.cpio

$(XEN420_IMAGES): $(addprefix $(XEN_DIR)/,images with-libs packages-4.20.txt dom0-init guest-init)
	$(XEN_DIR)/images $(XEN420) 4.20

.PHONY: check-xen shell-xen demo-xen images-xen images-xen420
images-xen: $(XEN_IMAGES) $(PVKERNEL) $(B)/tests/box/vfio_server
images-xen420: $(XEN420_IMAGES)

# The packages first, and only then what is built with them: two jobs unless told otherwise, since
# much of the time is a download's. Both Xens for the one that boots both.
check-xen shell-xen demo-xen: need-xen
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j2) \
		all xenbox images-xen $(if $(filter check-xen,$@),images-xen420)
	@B=$(B) $(XEN_DIR)/rig $(@:-xen=) $(if $(filter check-xen,$@),$(BOOTS)) $(if $(filter shell-xen,$@),$(BACKEND))

