/* SPDX-License-Identifier: MIT */
#include "tests/faults/core.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STRANGERS_MAX 16

static struct faults *f;
static enum faults_role role;
static int32_t self; /* asked once: a confined worker cannot */
static bool dies;
static const char *about; /* one thread each */

/* Code whose own calls are not the project's: Xen's libraries, the box's, the loader. */
static struct range {
	uintptr_t from, to;
} program, stranger[STRANGERS_MAX];
static unsigned nr_strangers;

static bool within(const struct range *r, const void *at)
{
	return (uintptr_t)at >= r->from && (uintptr_t)at < r->to;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	bool first = !program.to;
	struct range r = { UINTPTR_MAX, 0 };

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		r.from = from < r.from ? from : r.from;
		if (from + info->dlpi_phdr[i].p_memsz > r.to)
			r.to = from + info->dlpi_phdr[i].p_memsz;
	}
	if (first)
		program = r;
	else if ((strstr(info->dlpi_name, "/libxen") || strstr(info->dlpi_name, "/ld-linux") ||
		  strstr(info->dlpi_name, "libfaults")) && nr_strangers < STRANGERS_MAX)
		stranger[nr_strangers++] = r;
	return 0;
}

void core_named(const char *name)
{
#define NAMED(id, text)          \
	if (!strcmp(name, text)) \
		role = ROLE_##id;
	FAULTS_ROLES(NAMED)
}

void core_forked(void)
{
	self = (int32_t)getpid();
}

__attribute__((constructor)) static void core_init(void)
{
	const char *path = getenv(FAULTS_ENV);
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	core_forked();
	if (fd < 0)
		return;
	dl_iterate_phdr(look_at, NULL);
	p = (void *)syscall(SYS_mmap, NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	/* Until it says otherwise, the daemon's program is its keeper. */
	role = strcmp(program_invocation_short_name, "xenpci-worker") ? ROLE_KEEPER : ROLE_WORKER;
	f = p == MAP_FAILED ? NULL : p;
}

/* A confined worker may not even send a signal: then it dies of that. */
static void die(void)
{
	syscall(SYS_kill, self, SIGKILL);
	__builtin_trap();
}

static void name_it(char out[static 160], const char *name, const char *path)
{
	size_t n = strnlen(name, 40), len = path ? strnlen(path, 110) : 0;

	memset(out, 0, 160);
	memcpy(out, name, n);
	if (len) {
		out[n] = ':';
		memcpy(out + n + 1, path, len);
	}
}

/* Whether this call is counted, by who makes it. */
static bool counts(enum faults_kind kind, const void *caller)
{
	if (kind != KIND_ALLOC)
		return within(&program, caller);
	for (unsigned i = 0; i < nr_strangers; i++)
		if (within(&stranger[i], caller))
			return false;
	return true;
}

void core_about(const char *path)
{
	about = path;
}

/* Whether it is the one that was asked for: n-th of its kind, of all, or of those of its name or path. */
static bool is_it(enum faults_kind kind, const char *name, const char *path, uint32_t n, uint32_t all)
{
	if (f->role != role)
		return false;
	if (f->match[0])
		return (!strcmp(f->match, name) || (path && !strcmp(f->match, path))) &&
		       ++f->matched == f->nth;
	return f->kind == KINDS ? all == f->nth : f->kind == kind && n == f->nth;
}

bool core_fails(enum faults_kind kind, const char *name, const void *caller)
{
	const char *path = about;
	uint32_t n, all;

	about = NULL;
	if (!f || !f->counting || !counts(kind, caller))
		return false;
	n = ++f->count[role][kind];
	all = ++f->all[role];
	if (kind != KIND_OTHER && f->second == self) {
		f->second = 0;
		name_it(f->name[1], name, path);
		return true;
	}
	if (!is_it(kind, name, path, n, all))
		return false;
	f->pid = self;
	name_it(f->name[0], name, path);
	f->hits++;
	if (f->action == ACTION_BEFORE)
		die();
	dies = f->action == ACTION_AFTER;
	if (f->action == ACTION_PAIR)
		f->second = self;
	return f->action <= ACTION_PAIR;
}

void core_after(void)
{
	if (dies)
		die();
}
