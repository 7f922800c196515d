# SPDX-License-Identifier: MIT
# Man pages, from scdoc; a builder without it installs none.

SCDOC ?= $(shell command -v scdoc 2>/dev/null)
MAN_SRC := $(wildcard docs/man/*.scd)
MAN_PAGES := $(if $(SCDOC),$(patsubst docs/man/%.scd,$(B)/man/%,$(MAN_SRC)))

.PHONY: man
man: $(MAN_PAGES)

# Pages take from the programs' --help, from headers and tables: the programs come first.
$(B)/man/%: docs/man/%.scd docs/man/fill $(wildcard include/xenpci/*.h) protocol/pciif.h host/assignable.h operator/json.h backend/config/view.h | $(PROGRAMS)
	@mkdir -p $(@D)
	$(Q)docs/man/fill $(B) $(VERSION) $< >$@.scd && $(SCDOC) <$@.scd >$@

# Pictures are in the tree, with the text that they are drawn from (graphviz).
.PHONY: pictures
pictures: docs/dataflow.svg
docs/%.svg: docs/%.dot
	$(Q)dot -Tsvg $< -o $@
