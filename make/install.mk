# SPDX-License-Identifier: MIT
# make install DESTDIR= PREFIX=: the daemon with its workers' program and its rules for udev, both commands, the library.

INSTALL ?= install
libdir ?= $(PREFIX)/lib
# Where udev looks: below /usr, for a daemon in /usr/local too.
udevrulesdir ?= $(if $(filter /usr /usr/local,$(PREFIX)),/usr,$(PREFIX))/lib/udev/rules.d
INSTALL_SBIN := $(B)/xenpcid $(B)/xenpci
INSTALL_BIN := $(B)/xenpci-front
INSTALL_LIBEXEC := $(B)/xenpci-worker

.PHONY: install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(libexecdir) $(DESTDIR)$(libdir)/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/xenpci $(DESTDIR)$(udevrulesdir)
	$(INSTALL) -m 755 $(INSTALL_SBIN) $(DESTDIR)$(PREFIX)/sbin
	$(INSTALL) -m 755 $(INSTALL_BIN) $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) -m 755 $(INSTALL_LIBEXEC) $(DESTDIR)$(libexecdir)
	$(INSTALL) -m 644 include/xenpci/*.h $(DESTDIR)$(PREFIX)/include/xenpci
	$(INSTALL) -m 644 $(B)/libxenpcifront.a $(DESTDIR)$(libdir)
	$(INSTALL) -m 644 host/udev/*.rules $(DESTDIR)$(udevrulesdir)
	cp -P $(B)/libxenpcifront.so* $(DESTDIR)$(libdir)
	sed 's#^prefix=.*#prefix=$(PREFIX)#; s#^libdir=.*#libdir=$(libdir)#' $(B)/libxenpcifront.pc \
		>$(DESTDIR)$(libdir)/pkgconfig/libxenpcifront.pc
