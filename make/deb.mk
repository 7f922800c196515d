# SPDX-License-Identifier: MIT
# make deb: Debian packages of what is committed, into $(B)/deb, and what lintian says of them.

DEB_B := $(B)/deb
DEB_TREE := $(DEB_B)/xenpci-$(VERSION)

.PHONY: deb
deb:
	@$(DEPS_ENV) make/deps check build deb
	@rm -rf $(DEB_B) && mkdir -p $(DEB_B)
	git archive --format=tar.gz --prefix=xenpci-$(VERSION)/ -o $(DEB_B)/xenpci_$(VERSION).orig.tar.gz \
		HEAD -- . ':!debian'
	tar -xf $(DEB_B)/xenpci_$(VERSION).orig.tar.gz -C $(DEB_B)
	git archive HEAD debian | tar -x -C $(DEB_TREE)
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B -u CI -u DESTDIR dpkg-buildpackage -us -uc
	lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs $(DEB_B)/*.changes
	@ls $(DEB_B)/*.deb

# The symbols file of the library, after functions were added.
.PHONY: deb-symbols check-deb $(addprefix check-deb-,bookworm trixie)
deb-symbols: $(B)/libxenpcifront.so
	dpkg-gensymbols -q -plibxenpcifront0 -v$(VERSION) -e$(B)/$(FRONT_SO) -P$(B) \
		-Idebian/libxenpcifront0.symbols -Odebian/libxenpcifront0.symbols

# The packages, built and installed in clean systems of both Debians (tests/deb/check); and what the documents
# tell a newcomer to type, typed there after nothing but a clone (tests/deb/newcomer): an hour for each.
.PHONY: check-newcomer $(addprefix check-newcomer-,bookworm trixie)
check-newcomer: $(addprefix check-newcomer-,bookworm trixie)
check-newcomer-bookworm check-newcomer-trixie:
	@$(DEPS_ENV) make/deps check chroot
	$(Q)B=$(B) tests/deb/newcomer $(@:check-newcomer-%=%)
check-deb: $(addprefix check-deb-,bookworm trixie)
check-deb-bookworm check-deb-trixie:
	@$(DEPS_ENV) make/deps check chroot
	$(Q)B=$(B) tests/deb/check $(@:check-deb-%=%)
