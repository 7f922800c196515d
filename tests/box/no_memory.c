/* SPDX-License-Identifier: MIT */
/*
 * Preloaded: while the file that XENPCI_NO_MEMORY names is there, the server finds no memory. Only it: the
 * process that is called xenpcid by then (its keeper, its jobs and others have names of their own).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool out(void)
{
	const char *path = getenv("XENPCI_NO_MEMORY");
	char name[16] = "";
	int saved = errno;
	bool there;

	/* A worker may not even ask. */
	if (!path || strcmp(program_invocation_short_name, "xenpcid") != 0)
		return false;
	there = !prctl(PR_GET_NAME, name) && !strcmp(name, "xenpcid") && !access(path, F_OK);
	errno = saved;
	return there;
}

void *malloc(size_t size)
{
	if (!out())
		return __libc_malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *calloc(size_t n, size_t size)
{
	if (!out())
		return __libc_calloc(n, size);
	errno = ENOMEM;
	return NULL;
}

void *realloc(void *p, size_t size)
{
	if (!out())
		return __libc_realloc(p, size);
	errno = ENOMEM;
	return NULL;
}
