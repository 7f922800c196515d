# SPDX-License-Identifier: MIT
# What the project builds and tests with is in make/deps.txt, and make/deps looks for it. `make deps`
# installs what is missing (as root; otherwise it prints the line to run) and does nothing else.

DEPS_ENV = CC="$(CC)" PKG_CONFIG="$(PKG_CONFIG)" CPPFLAGS="$(CPPFLAGS)" CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS)"
need = @$(DEPS_ENV) make/deps need $(1)

# want GROUP...: says what is missing, and is the end.
want = $(if $(filter found,$(shell $(DEPS_ENV) make/deps check $(1) && echo found)),,$(error what the lines above name is missing))

# A plain make says what to do, rather than which header the compiler misses.
ifneq ($(filter all install,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PKG_CONFIG) --exists $(PKGS) libconfig libpci libseccomp libcap-ng json-c 2>/dev/null && \
	printf '\043include <%s>\n' argp.h sys/queue.h | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo found),found)
$(call want,build)
endif
endif

# So does a part of the tests alone, which nothing was installed for.
ifneq ($(filter unit box faults soak model xenbox,$(MAKECMDGOALS)),)
ifneq ($(shell $(PKG_CONFIG) --exists cmocka 2>/dev/null && echo found),found)
$(call want,build run test)
endif
endif

.PHONY: deps $(addprefix deps-,lint fuzz bench xen man deb cross probes all) need-test need-lint need-fuzz need-bench need-xen
deps:
	@$(DEPS_ENV) make/deps install build run test man
deps-all:
	@$(DEPS_ENV) make/deps install build run test lint fuzz bench rig man docs deb probes chroot cross
deps-xen:
	@$(DEPS_ENV) make/deps install build run test rig
deps-lint deps-fuzz deps-bench deps-man deps-deb deps-cross deps-probes:
	@$(DEPS_ENV) make/deps install build run test $(@:deps-%=%)

# What make check and its like begin with: they say what is missing, and only on a Debian, as root,
# have it installed.
need-test:
	$(call need,build run test)
need-lint:
	$(call need,build run test lint)
need-fuzz:
	$(call need,build run test fuzz)
need-bench:
	$(call need,build run test bench)
need-xen:
	$(call need,build run test rig)
need-demo:
	$(call need,build run)
