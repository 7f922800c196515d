# SPDX-License-Identifier: MIT
# make deb: Debian packages of what is committed, into $(B)/deb, and what lintian says of them.

DEB_B := $(B)/deb
DEB_TREE := $(DEB_B)/xenpci-$(VERSION)

.PHONY: deb
deb:
	@$(DEPS_ENV) make/deps check build deb man
	@rm -rf $(DEB_B) && mkdir -p $(DEB_B)
	git archive --format=tar.gz --prefix=xenpci-$(VERSION)/ -o $(DEB_B)/xenpci_$(VERSION).orig.tar.gz \
		HEAD -- . ':!debian'
	tar -xf $(DEB_B)/xenpci_$(VERSION).orig.tar.gz -C $(DEB_B)
	git archive HEAD debian | tar -x -C $(DEB_TREE)
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B -u CI -u DESTDIR dpkg-buildpackage -us -uc
	lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs $(DEB_B)/*.changes
	@ls $(DEB_B)/*.deb
