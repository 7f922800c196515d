# SPDX-License-Identifier: MIT
# make install DESTDIR= PREFIX=: the daemon with its workers' program and what starts it, both commands, the library, their
# documents. The directories are as the GNU names them, each to be set on its own.

INSTALL ?= install
prefix ?= $(PREFIX)
sbindir ?= $(PREFIX)/sbin
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
# Where udev looks: below /usr, for a daemon in /usr/local too.
udevrulesdir ?= $(if $(filter /usr /usr/local,$(PREFIX)),/usr,$(PREFIX))/lib/udev/rules.d
includedir ?= $(PREFIX)/include
mandir ?= $(PREFIX)/share/man
docdir ?= $(PREFIX)/share/doc/xenpci
unitdir ?= $(PREFIX)/lib/systemd/system
sysusersdir ?= $(PREFIX)/lib/sysusers.d
tmpfilesdir ?= $(PREFIX)/lib/tmpfiles.d
completionsdir ?= $(PREFIX)/share/bash-completion/completions
LDCONFIG ?= ldconfig
MAKE_GROUP ?= make/group

SERVICE_B := $(B)/service
GENERATED := $(SERVICE_B)/xenpcid.service $(SERVICE_B)/libxenpcifront.pc

# MODE|FILE|DIRECTORY[|NAME]: what is installed, and so what is uninstalled.
INSTALLED = \
	755|$(B)/xenpcid|$(sbindir) \
	755|$(B)/xenpci|$(sbindir) \
	755|$(B)/xenpci-front|$(bindir) \
	755|$(B)/xenpci-worker|$(libexecdir) \
	$(foreach r,$(wildcard host/udev/*.rules),644|$(r)|$(udevrulesdir)) \
	$(foreach h,$(wildcard include/xenpci/*.h),644|$(h)|$(includedir)/xenpci) \
	644|$(B)/libxenpcifront.a|$(libdir) \
	755|$(B)/$(FRONT_SO)|$(libdir) \
	644|$(SERVICE_B)/libxenpcifront.pc|$(libdir)/pkgconfig \
	644|$(SERVICE_B)/xenpcid.service|$(unitdir) \
	644|service/xenpci.sysusers|$(sysusersdir)|xenpci.conf \
	644|service/xenpci.tmpfiles|$(tmpfilesdir)|xenpci.conf \
	644|service/xenpci.conf|$(docdir)/examples \
	755|service/xenpcid.init|$(docdir)/examples \
	755|service/xenpcid.openrc|$(docdir)/examples \
	644|service/completion.bash|$(completionsdir)|xenpci \
	644|README.md|$(docdir) \
	$(foreach d,$(wildcard docs/*.md docs/*.svg),644|$(d)|$(docdir)/docs) \
	$(foreach m,$(MAN_PAGES),644|$(m)|$(mandir)/man$(subst .,,$(suffix $(m))))
# NAME|TARGET|DIRECTORY: links, beside it.
LINKED = \
	$(FRONT_SONAME)|$(FRONT_SO)|$(libdir) \
	libxenpcifront.so|$(FRONT_SONAME)|$(libdir) \
	xenpcid|xenpci|$(completionsdir) \
	xenpci-front|xenpci|$(completionsdir)

# Where installed files lie is known only when they are installed.
.PHONY: install uninstall dist $(GENERATED)
$(SERVICE_B)/xenpcid.service: service/xenpcid.service.in
	@mkdir -p $(@D)
	$(Q)sed 's#@SBINDIR@#$(sbindir)#' $< >$@

$(SERVICE_B)/libxenpcifront.pc: $(B)/libxenpcifront.pc
	@mkdir -p $(@D)
	$(Q)sed 's#^prefix=.*#prefix=$(PREFIX)#; s#^libdir=.*#libdir=$(libdir)#; s#^includedir=.*#includedir=$(includedir)#' \
		$< >$@

install: all man $(GENERATED)
	@set -e; for entry in $(foreach e,$(INSTALLED),'$(e)'); do \
		IFS='|'; set -- $$entry; unset IFS; \
		$(INSTALL) -d "$(DESTDIR)$$3"; \
		$(INSTALL) -m "$$1" "$$2" "$(DESTDIR)$$3/$${4:-$${2##*/}}"; \
	done; \
	for entry in $(foreach e,$(LINKED),'$(e)'); do \
		IFS='|'; set -- $$entry; unset IFS; \
		ln -sf "$$2" "$(DESTDIR)$$3/$$1"; \
	done
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ! command -v $(LDCONFIG) >/dev/null || $(LDCONFIG)
	@[ -n "$(DESTDIR)" ] || $(MAKE_GROUP) $(sysusersdir)/xenpci.conf

# What was installed with the same variables. What else there is of it on this system stays, and is named.
uninstall:
	@for entry in $(foreach e,$(INSTALLED),'$(e)'); do \
		IFS='|'; set -- $$entry; unset IFS; \
		rm -f "$(DESTDIR)$$3/$${4:-$${2##*/}}"; \
	done; \
	for entry in $(foreach e,$(LINKED),'$(e)'); do \
		IFS='|'; set -- $$entry; unset IFS; \
		rm -f "$(DESTDIR)$$3/$$1"; \
	done; \
	rmdir $(patsubst %,"$(DESTDIR)%",$(filter %/xenpci,$(libexecdir))) \
		"$(DESTDIR)$(includedir)/xenpci" "$(DESTDIR)$(docdir)/examples" "$(DESTDIR)$(docdir)/docs" "$(DESTDIR)$(docdir)" \
		2>/dev/null || true
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ! command -v $(LDCONFIG) >/dev/null || $(LDCONFIG)
	@[ -n "$(DESTDIR)" ] || { left=; \
		for path in /etc/xenpci /run/xenpci /etc/systemd/system/*.wants/xenpcid.service; do \
			[ ! -e "$$path" ] && [ ! -L "$$path" ] || left="$$left, $$path"; \
		done; \
		! grep -q ^xenpci: /etc/group || left="$$left, the group xenpci (groupdel xenpci)"; \
		[ -z "$$left" ] || echo "left as it is: $${left#, }"; }

# The sources as they are committed.
dist:
	@mkdir -p $(B)
	git archive --format=tar.gz --prefix=xenpci-$(VERSION)/ -o $(B)/xenpci-$(VERSION).tar.gz HEAD
