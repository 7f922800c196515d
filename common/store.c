/* SPDX-License-Identifier: MIT */
#include "common/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

static int compose(char path[STORE_PATH_MAX], const char *dir, const char *node)
{
	int n = snprintf(path, STORE_PATH_MAX, node ? "%s/%s" : "%s", dir, node);

	return n < 0 || n >= STORE_PATH_MAX ? fail(ENAMETOOLONG) : 0;
}

int store_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
	       char *buf, unsigned size)
{
	char path[STORE_PATH_MAX];
	unsigned len = 0;
	char *value;
	int rc = -1;

	if (compose(path, dir, node))
		return -1;
	value = xs_read(xs, t, path, &len);
	if (!value)
		return -1;
	if (len >= size) {
		errno = E2BIG;
	} else if (memchr(value, 0, len)) {
		errno = EINVAL;
	} else {
		memcpy(buf, value, len);
		buf[len] = 0;
		rc = (int)len;
	}
	free_keep(value);
	return rc;
}

int store_read_number(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
		      int base, uint64_t max, uint64_t *out)
{
	char text[32];

	if (store_read(xs, t, dir, node, text, sizeof(text)) < 0)
		return -1;
	return number_parse(text, base, max, out);
}

int store_write(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
		const char *fmt, ...)
{
	char path[STORE_PATH_MAX], value[STORE_VALUE_MAX];
	va_list ap;
	int n;

	if (compose(path, dir, node))
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(value))
		return fail(E2BIG);
	return xs_write(xs, t, path, value, (unsigned)n) ? 0 : -1;
}

int store_read_state(struct xs_handle *xs, enum state_part part, const char *dir, const char *node,
		     char *buf, unsigned size, char **text)
{
	return store_read(xs, XBT_NULL, dir, node, buf, size) < 0 ? -1 : state_open(part, buf, text);
}

int store_write_state(struct xs_handle *xs, xs_transaction_t t, enum state_part part, const char *dir,
		      const char *node, const char *fmt, ...)
{
	char value[STORE_VALUE_MAX], head[STATE_HEAD_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(value))
		return fail(E2BIG);
	state_head(part, (unsigned long)n, head);
	return store_write(xs, t, dir, node, "%s%s", head, value);
}

int store_remove(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node)
{
	char path[STORE_PATH_MAX];

	if (compose(path, dir, node))
		return -1;
	return xs_rm(xs, t, path) || errno == ENOENT ? 0 : -1;
}

int store_exists(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node)
{
	char path[STORE_PATH_MAX];
	unsigned len;
	void *value;

	if (compose(path, dir, node))
		return -1;
	value = xs_read(xs, t, path, &len);
	if (!value)
		return errno == ENOENT ? 0 : -1;
	free(value);
	return 1;
}

int store_commit(struct xs_handle *xs, xs_transaction_t t)
{
	if (xs_transaction_end(xs, t, false))
		return 0;
	return errno == EAGAIN ? 1 : -1;
}

int store_transaction(struct xs_handle *xs, store_step *step, void *context)
{
	for (int i = 0; i < STORE_TRIES; i++) {
		xs_transaction_t t = xs_transaction_start(xs);
		int rc;

		if (t == XBT_NULL)
			return -1;
		if (step(xs, t, context)) {
			store_abort(xs, t);
			return -1;
		}
		rc = store_commit(xs, t);
		if (rc <= 0)
			return rc;
	}
	return fail(EAGAIN);
}

void store_abort(struct xs_handle *xs, xs_transaction_t t)
{
	int saved = errno;

	if (t != XBT_NULL)
		xs_transaction_end(xs, t, true);
	errno = saved;
}
