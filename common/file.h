/* SPDX-License-Identifier: MIT */
/* Small files of text, as the kernel has them below /proc and /sys. Nothing here logs. */
#ifndef XENPCI_COMMON_FILE_H
#define XENPCI_COMMON_FILE_H

#include <stddef.h>

/*
 * What one read of a file gives, as text into buf of size bytes; more than that is not read. path: relative to
 * directory dir, or to the working directory (AT_FDCWD). Does not wait, not even for a FIFO's writer. The length, or
 * -1 with errno (ELOOP: a link).
 */
int file_text(int dir, const char *path, char *buf, size_t size);

#endif
