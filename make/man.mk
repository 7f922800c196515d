# SPDX-License-Identifier: MIT
# Man pages, from scdoc; a builder without it installs none.

SCDOC ?= $(shell command -v scdoc 2>/dev/null)
MAN_SRC := $(wildcard docs/man/*.scd)
MAN_PAGES := $(if $(SCDOC),$(patsubst docs/man/%.scd,$(B)/man/%,$(MAN_SRC)))

.PHONY: man
man: $(MAN_PAGES)

$(B)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(Q)$(SCDOC) <$< >$@
