# SPDX-License-Identifier: MIT
# make install DESTDIR= PREFIX=: the daemon, both commands, the library.

INSTALL ?= install
libdir ?= $(PREFIX)/lib
INSTALL_SBIN := $(B)/xenpcid $(B)/xenpci
INSTALL_BIN := $(B)/xenpci-front

.PHONY: install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(libdir)/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/xenpci
	$(INSTALL) -m 755 $(INSTALL_SBIN) $(DESTDIR)$(PREFIX)/sbin
	$(INSTALL) -m 755 $(INSTALL_BIN) $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) -m 644 include/xenpci/*.h $(DESTDIR)$(PREFIX)/include/xenpci
	$(INSTALL) -m 644 $(B)/libxenpcifront.a $(DESTDIR)$(libdir)
	cp -P $(B)/libxenpcifront.so* $(DESTDIR)$(libdir)
	sed 's#^prefix=.*#prefix=$(PREFIX)#; s#^libdir=.*#libdir=$(libdir)#' $(B)/libxenpcifront.pc \
		>$(DESTDIR)$(libdir)/pkgconfig/libxenpcifront.pc
