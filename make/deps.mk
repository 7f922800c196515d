# SPDX-License-Identifier: MIT
# What the project builds and tests with. `make deps` installs what is missing
# (as root; otherwise it prints the line to run) and does nothing else.

DEPS := gcc libc6-dev make pkg-config libxen-dev libxenmisc4.17 xen-utils-4.17 xenstore-utils libcmocka-dev \
	libpci-dev pciutils libconfig-dev libseccomp-dev procps valgrind
DEPS_LINT := clang clang-tidy libclang-rt-14-dev cppcheck
DEPS_BENCH := gnuplot-nox
DEPS_RIG := $(shell cat tests/xen/deps.txt 2>/dev/null)

# A plain make says what to do, rather than which header the compiler misses.
ifneq ($(filter all install,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PKG_CONFIG) --exists $(PKGS) libconfig libpci libseccomp 2>/dev/null && echo found),found)
$(error libraries are missing: `make deps` installs them as root, and otherwise prints the line to run)
endif
endif

missing = $(strip $(foreach p,$(1),$(if $(filter install,$(word 2,$(shell \
	dpkg-query -W -f='x $${Status}' $(p) 2>/dev/null))),,$(p))))

.PHONY: deps deps-lint deps-bench deps-xen
deps: PACKAGES = $(DEPS)
deps-lint: PACKAGES = $(DEPS) $(DEPS_LINT)
deps-bench: PACKAGES = $(DEPS) $(DEPS_BENCH)
deps-xen: PACKAGES = $(DEPS) $(DEPS_RIG)
deps deps-lint deps-bench deps-xen:
	@m="$(call missing,$(PACKAGES))"; [ -z "$$m" ] && exit 0; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "packages are missing; as root, run:" >&2; \
		echo "  apt-get install --no-install-recommends $$m" >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -q && apt-get install -q -y --no-install-recommends $$m
