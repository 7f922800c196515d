/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "box.h"

#define ENVIRON_MAX (256 << 10)

static int tmp_rundir(struct box *b)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	struct stat st;

	for (const char *p = b->dir; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	snprintf(b->rundir, sizeof(b->rundir), "/tmp/xenbox-%u-%016llx", (unsigned int)getuid(),
		 (unsigned long long)hash);
	if (mkdir(b->rundir, 0700) && errno != EEXIST)
		return -1;
	if (lstat(b->rundir, &st))
		return -1;
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid()) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int box_init(struct box *b, const char *dir)
{
	const struct sockaddr_un *addr = NULL;

	if (!realpath(dir, b->dir))
		return -1;
	/* The loader splits LD_PRELOAD at blanks and colons; sockets need short paths. */
	if (strlen(b->dir) + sizeof("/" BOX_STORE_DIR "/") + BOX_NAME_MAX > sizeof(addr->sun_path) || strpbrk(b->dir, " :\t\n"))
		return tmp_rundir(b);
	memcpy(b->rundir, b->dir, sizeof(b->rundir));
	return 0;
}

/* Exactly n hexadecimal digits and then the character after. */
static int hex_field(const char **p, int n, char after, uint32_t *v)
{
	static const char digits[] = "0123456789abcdef";

	*v = 0;
	for (; n; n--, (*p)++) {
		const char *d = **p ? strchr(digits, tolower((unsigned char)**p)) : NULL;

		if (!d)
			return -1;
		*v = *v << 4 | (uint32_t)(d - digits);
	}
	if (after && *(*p)++ != after)
		return -1;
	return 0;
}

int box_parse_sbdf(const char *text, uint32_t *sbdf, const char **rest)
{
	uint32_t seg = 0, bus, slot, fn;
	const char *p = text;

	if (strcspn(text, ",") == strlen("ssss:bb:dd.f") && hex_field(&p, 4, ':', &seg))
		return -1;
	if (hex_field(&p, 2, ':', &bus) || hex_field(&p, 2, '.', &slot) ||
	    hex_field(&p, 1, '\0', &fn) || slot > 31 || fn > 7 || (*p && *p != ','))
		return -1;
	*sbdf = seg << 16 | bus << 8 | slot << 3 | fn;
	*rest = p;
	return 0;
}

void box_store_socket(unsigned int domid, char name[static BOX_NAME_MAX])
{
	snprintf(name, BOX_NAME_MAX, "x%u", domid);
}

static int address(struct sockaddr_un *addr, const char *rundir, const char *name)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", rundir, name) >=
	    (int)sizeof(addr->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int close_keep(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

int box_listen(const char *rundir, const char *name, int type)
{
	struct sockaddr_un addr;
	int fd;

	if (address(&addr, rundir, name))
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	unlink(addr.sun_path);
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 4096))
		return close_keep(fd);
	return fd;
}

int box_connect(const char *rundir, const char *name, int type)
{
	struct sockaddr_un addr;
	int fd;

	if (address(&addr, rundir, name))
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return close_keep(fd);
	return fd;
}

void box_unlink(const char *rundir, const char *name)
{
	char path[BOX_PATH_MAX + BOX_NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", rundir, name);
	unlink(path);
}

/* ---- the processes of a box, by their environment ---- */

static ssize_t read_proc(const char *pid, const char *file, char *buf, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	buf[used] = '\0';
	return (ssize_t)used;
}

static bool environ_has(const char *env, ssize_t len, const char *name, const char *value)
{
	size_t n = strlen(name);

	for (const char *p = env; p < env + len; p += strlen(p) + 1)
		if (!strncmp(p, name, n) && p[n] == '=' && !strcmp(p + n + 1, value))
			return true;
	return false;
}

static pid_t parent_of(pid_t pid)
{
	char name[24], buf[512], *p;

	snprintf(name, sizeof(name), "%d", (int)pid);
	if (read_proc(name, "stat", buf, sizeof(buf)) <= 0)
		return 0;
	p = strrchr(buf, ')'); /* the command's name may hold anything */
	return p && strlen(p) > 4 ? (pid_t)strtol(p + 4, NULL, 10) : 0;
}

static bool is_ancestor(pid_t pid)
{
	for (pid_t p = getpid(); p > 1; p = parent_of(p))
		if (p == pid)
			return true;
	return false;
}

void box_signal_processes(const char *rundir, int domid, int signal, unsigned int *left)
{
	char value[16], *env = malloc(ENVIRON_MAX);
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	unsigned int found = 0;

	snprintf(value, sizeof(value), "%d", domid);
	while (env && proc && (e = readdir(proc))) {
		ssize_t n;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		n = read_proc(e->d_name, "environ", env, ENVIRON_MAX);
		if (n <= 0 || !environ_has(env, n, BOX_ENV_DIR, rundir) ||
		    (domid >= 0 && !environ_has(env, n, BOX_ENV_DOMID, value)))
			continue;
		if (is_ancestor((pid_t)strtol(e->d_name, NULL, 10)))
			continue;
		kill((pid_t)strtol(e->d_name, NULL, 10), signal);
		found++;
	}
	if (proc)
		closedir(proc);
	free(env);
	if (left)
		*left = found;
}

void box_kill_processes(const char *rundir, int domid, unsigned int *left)
{
	box_signal_processes(rundir, domid, SIGKILL, left);
}
