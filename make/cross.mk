# SPDX-License-Identifier: MIT
# make cross-arm64: everything compiles for arm64, without programs of this machine's in the way. It is
# not linked, and runs nowhere: Xen has no PV guests there.

CROSS_OBJ := $(sort $(SHARED_OBJ) $(CLI_OBJ) $(HOST_OBJ) $(BACKEND_OBJ) $(B)/backend/supervisor/main.o $(WORKER_OBJ) \
	$(B)/backend/worker/main.o $(OPERATOR_OBJ) $(FRONTEND_OBJ) $(FRONT_TOOL_OBJ))

# Headers of libraries are this machine's: those of libpci lie in a folder of its architecture.
CROSS_CPPFLAGS := -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

.PHONY: cross-arm64 cross-objects
cross-arm64:
	@$(DEPS_ENV) make/deps check cross
	+$(Q)$(MAKE) --no-print-directory CROSS_COMPILE=aarch64-linux-gnu- B=build-arm64 WERROR=1 \
		CPPFLAGS="$(CPPFLAGS) $(CROSS_CPPFLAGS)" cross-objects

cross-objects: $(CROSS_OBJ)
	@echo "$(words $(CROSS_OBJ)) objects compile with $(CC)"
