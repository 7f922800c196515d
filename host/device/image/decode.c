/* SPDX-License-Identifier: MIT */
#include "host/device/image/decode.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/image/parse.h"

enum { ESCAPE = 0x1b, BELL = 0x07, NO_BREAK_SPACE = 0xa0, ASCII_MAX = 0x7f };

/* Reads file whole, with an end; *len without it. */
static char *read_file(const char *file, size_t *len)
{
	struct stat st;
	char *buf = NULL;
	size_t at = 0;
	ssize_t n = 1;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		goto out;
	if (S_ISDIR(st.st_mode) || st.st_size > IMAGE_FILE_MAX) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
		goto out;
	}
	/* The size is a pipe's 0 or may grow: read on to the end, within the bound. */
	for (size_t room = 0; n > 0; at += (size_t)n) {
		if (room - at < 2) {
			char *more;

			room = room ? 2 * room : (size_t)st.st_size + 4096;
			more = at > IMAGE_FILE_MAX ? NULL : realloc(buf, room);
			if (!more) {
				errno = at > IMAGE_FILE_MAX ? EFBIG : ENOMEM;
				goto out;
			}
			buf = more;
		}
		n = read(fd, buf + at, room - at - 1);
		if (n < 0)
			goto out;
	}
	buf[at] = '\0';
	*len = at;
	close(fd);
	return buf;
out:
	free_keep(buf);
	close_keep(fd);
	return NULL;
}

/* Which byte of each pair is the low one: 0 or 1; -1: it is not UTF-16. */
static int utf16_low_byte(const unsigned char *b, size_t len)
{
	if (len < 2)
		return -1;
	if (b[0] == 0xff && b[1] == 0xfe)
		return 0;
	if (b[0] == 0xfe && b[1] == 0xff)
		return 1;
	/* Without its mark: a text begins with a character that has a zero beside it. */
	if (!b[0] == !b[1])
		return -1;
	return b[0] ? 0 : 1;
}

/* UTF-16 to ASCII, in place. */
static size_t narrow(char *buf, size_t len, unsigned low)
{
	const unsigned char *b = (const unsigned char *)buf;
	size_t to = 0;

	for (size_t at = 0; at + 1 < len; at += 2) {
		unsigned c = b[at + low] | (unsigned)b[at + 1 - low] << 8;

		if (c == 0xfeff)
			continue; /* the mark */
		if (c == NO_BREAK_SPACE)
			c = ' ';
		buf[to++] = (char)(c > ASCII_MAX ? '?' : c);
	}
	buf[to] = '\0';
	return to;
}

/* Where the control sequence at p, which begins with ESCAPE, ends. */
static const char *sequence_end(const char *p)
{
	p++;
	if (*p == '[') { /* colours and the like: numbers, then a letter */
		p++;
		p += strspn(p, "0123456789;:<=>?!\"#$%&'()*+,-./ ");
	} else if (*p == ']') { /* a window's title */
		while (*p && *p != BELL && *p != '\n' && *p != ESCAPE)
			p++;
		if (*p == '\n')
			return p;
		if (*p == ESCAPE && p[1] == '\\')
			p++;
	} else {
		p += strspn(p, "()#%");
	}
	return *p && *p != '\n' ? p + 1 : p;
}

/* What a terminal was told, beside the text, in a recording. In place. */
static void strip_sequences(char *buf)
{
	const char *from = strchr(buf, ESCAPE);
	char *to = buf + (from ? from - buf : 0);

	if (!from)
		return;
	while (*from) {
		if (*from == ESCAPE)
			from = sequence_end(from);
		else
			*to++ = *from++;
	}
	*to = '\0';
}

/* 0, or the line of the first zero byte. */
static unsigned zero_line(char *buf, size_t len)
{
	static const char pin[] = "Interrupt: pin ";
	const size_t pin_len = sizeof(pin) - 1;
	const char *end = buf + len;
	unsigned line = 1;
	char *zero, *at = buf;

	/* lspci prints pin 192 so, which a dead device may show. */
	while ((zero = memchr(at, 0, (size_t)(end - at))) && (size_t)(zero - buf) >= pin_len &&
	       !memcmp(zero - pin_len, pin, pin_len)) {
		*zero = '?';
		at = zero + 1;
	}
	for (const char *p = buf; zero && p < zero; p++)
		line += *p == '\n';
	return zero ? line : 0;
}

char *image_decode(const char *file, xentoollog_logger *lg)
{
	unsigned line;
	size_t len;
	char *buf = read_file(file, &len);
	int low;

	if (!buf) {
		log_error(lg, "%s: cannot read: %s", file, strerror(errno));
		return NULL;
	}
	low = utf16_low_byte((const unsigned char *)buf, len);
	if (low >= 0)
		len = narrow(buf, len, (unsigned)low);
	line = zero_line(buf, len);
	if (line) {
		log_error(lg, "%s:%u: a zero byte: not a text file; wanted is the output of "
			  "lspci -vvxxxx", file, line);
		free(buf);
		errno = EINVAL;
		return NULL;
	}
	strip_sequences(buf);
	return buf;
}
