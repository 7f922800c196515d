/* SPDX-License-Identifier: MIT */
/* Which xenstored a box has, what that is told of the box, and starting it. */
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

#define ENV_XENSTORED "XENBOX_XENSTORED" /* a path, or one of these names */
#define C_XENSTORED "xenstored"
#define OXENSTORED "oxenstored"

#define CONF "oxenstored.conf"

/*
 * Where it is installed: Debian's, with a folder for each Xen; Fedora's and Alpine's, where Debian has a script that
 * looks for the Xen that runs; Xen's own `make install`.
 */
static const char *const installed[] = { "/usr/lib/xen-*/bin/", "/usr/sbin/", "/usr/local/sbin/" };

/*
 * Debian's settings, but for the files. It keeps no log of accesses here, as xenstored does not:
 * that would also write the whole store to a file each time that the log is rotated.
 */
static const char conf_text[] =
	"pid-file = %1$s/xenstored.pid\n"
	"xenstored-log-file = %1$s/xenstored.log\n"
	"access-log-nb-files = 0\n"
	"test-eagain = false\n"
	"merge-activate = true\n"
	"conflict-burst-limit = 5.0\n"
	"conflict-max-history-seconds = 0.05\n"
	"conflict-rate-limit-is-aggregate = true\n"
	"perms-activate = true\n"
	"perms-watch-activate = true\n"
	"quota-activate = true\n"
	"quota-maxentity = 1000\n"
	"quota-maxsize = 2048\n"
	"quota-maxwatch = 100\n"
	"quota-transaction = 10\n"
	"quota-maxrequests = 1024\n"
	"quota-path-max = 1024\n"
	"quota-maxoutstanding = 1024\n"
	"quota-maxwatchevents = 1024\n"
	"persistent = false\n"
	"xenstored-kva = /proc/xen/xsd_kva\n"
	"xenstored-port = /proc/xen/xsd_port\n";

static char program[BOX_PATH_MAX];

const char *store_program(void)
{
	return program;
}

static bool is_program(const char *path)
{
	char magic[4] = "";
	FILE *f = fopen(path, "re");

	if (f && fread(magic, 1, sizeof(magic), f) != sizeof(magic))
		magic[0] = '\0';
	if (f)
		fclose(f);
	return !memcmp(magic, "\177ELF", sizeof(magic));
}

/* The newest of this name in the first place that has one. 0, or -1. */
static int find_installed(const char *name)
{
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++) {
		char pattern[64];
		size_t newest = 0;
		glob_t g;

		snprintf(pattern, sizeof(pattern), "%s%s", installed[i], name);
		if (glob(pattern, 0, NULL, &g))
			continue;
		for (size_t k = 1; k < g.gl_pathc; k++)
			if (strverscmp(g.gl_pathv[k], g.gl_pathv[newest]) > 0)
				newest = k;
		snprintf(program, sizeof(program), "%s", g.gl_pathv[newest]);
		globfree(&g);
		if (is_program(program))
			return 0;
	}
	return -1;
}

const char *store_find(const char *name)
{
	return find_installed(name) ? NULL : program;
}

static int find(void)
{
	const char *own = getenv(ENV_XENSTORED);

	if (!own || !strcmp(own, C_XENSTORED) || !strcmp(own, OXENSTORED)) {
		if (!find_installed(own ? own : C_XENSTORED))
			return 0;
		fprintf(stderr, "xenbox: no %s in", own ? own : C_XENSTORED);
		for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
			fprintf(stderr, " %s", installed[i]);
		fputs(": install xen-utils (Fedora: xen-runtime, Alpine: xen)\n", stderr);
		return -1;
	}
	snprintf(program, sizeof(program), "%s", own);
	if (!access(program, X_OK))
		return 0;
	fprintf(stderr, "xenbox: %s=%s: no xenstored there (%s)\n", ENV_XENSTORED, own, strerror(errno));
	return -1;
}

static int write_conf(const char *dir)
{
	char path[BOX_PATH_MAX + 64];
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "%s/" CONF, dir);
	f = fopen(path, "we");
	rc = f ? fprintf(f, conf_text, dir) : -1;
	if (f && fclose(f))
		rc = -1;
	if (rc < 0)
		fprintf(stderr, "xenbox: %s: %s\n", path, strerror(errno));
	return rc < 0 ? -1 : 0;
}

static void run(const struct box *b, const char *dir, const char *sockets, bool ocaml, pid_t parent)
{
	char buf[BOX_PATH_MAX + 64];
	sigset_t none;

	/* Not to outlive a hypervisor that was killed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(buf, sizeof(buf), "%s/" BOX_LIB, b->rundir);
	setenv("LD_PRELOAD", buf, 1);
	setenv(BOX_ENV_DIR, b->rundir, 1);
	setenv(BOX_ENV_DOMID, "0", 1);
	setenv("XENSTORED_RUNDIR", sockets, 1);
	unsetenv("XENSTORED_PATH");
	setenv("XENSTORED_ROOTDIR", dir, 1);
	if (ocaml) {
		setenv(BOX_ENV_OXENSTORED, sockets, 1);
		snprintf(buf, sizeof(buf), "%s/" CONF, dir);
		execl(program, OXENSTORED, "--no-fork", "--config-file", buf, (char *)NULL);
	} else {
		execl(program, C_XENSTORED, "--no-fork", (char *)NULL);
	}
	fprintf(stderr, "xenbox: %s: %s\n", program, strerror(errno));
	_exit(1);
}

pid_t store_start(const struct box *b, bool hidden)
{
	char dir[BOX_PATH_MAX + 32];
	pid_t self = getpid(), pid;
	const char *slash;
	bool ocaml;

	if (find())
		return -1;
	slash = strrchr(program, '/');
	ocaml = slash && !strcmp(slash + 1, OXENSTORED);
	snprintf(dir, sizeof(dir), "%s/" BOX_STORE_DIR, b->rundir);
	if (mkdir(dir, 0777) && errno != EEXIST) {
		fprintf(stderr, "xenbox: %s: %s\n", dir, strerror(errno));
		return -1;
	}
	if (ocaml && write_conf(dir))
		return -1;
	pid = fork();
	if (!pid)
		run(b, dir, hidden ? dir : b->rundir, ocaml, self);
	if (pid < 0)
		fprintf(stderr, "xenbox: fork: %s\n", strerror(errno));
	return pid;
}
