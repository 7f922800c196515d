# SPDX-License-Identifier: MIT
# The rig: real Xen under QEMU (README.md here).

XEN_DIR := tests/xen
XEN_IMAGES := $(B)/xen/guest.cpio

$(XEN_IMAGES): $(addprefix $(XEN_DIR)/,images with-libs packages.txt dom0-init guest-init)
	$(XEN_DIR)/images $(B)/xen

.PHONY: check-xen shell-xen demo-xen images-xen
images-xen: $(XEN_IMAGES)

# The packages first, and only then what is built with them.
check-xen shell-xen demo-xen: deps-xen
	@$(MAKE) --no-print-directory all xenbox $(XEN_IMAGES)
	@B=$(B) $(XEN_DIR)/rig $(@:-xen=)
