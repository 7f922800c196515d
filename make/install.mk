# SPDX-License-Identifier: MIT

.PHONY: install
