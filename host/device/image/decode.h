/* SPDX-License-Identifier: MIT */
/* The bytes of a file as plain text, whatever wrote them: UTF-8, UTF-16, a terminal's recording. */
#ifndef XENPCI_HOST_DEVICE_IMAGE_DECODE_H
#define XENPCI_HOST_DEVICE_IMAGE_DECODE_H

#include <xentoollog.h>

/*
 * Reads `file` whole (a pipe, too; at most IMAGE_FILE_MAX bytes) and returns its text with an
 * end, which the caller frees. UTF-16 comes out as ASCII with '?' for the rest, a terminal's
 * control sequences are gone; line ends are as they were, so that lines keep their numbers.
 * NULL with errno, logged: EINVAL (zero bytes, by line), EFBIG, EISDIR, ENOMEM or the OS's.
 */
char *image_decode(const char *file, xentoollog_logger *lg);

#endif
