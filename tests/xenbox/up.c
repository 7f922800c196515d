/* SPDX-License-Identifier: MIT */
/* Starting and stopping a box: its directory, the hypervisor's process, and xenstored. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/libc.h"
#include "hv.h"
#include "hv_main.h"
#include "store.h"
#include "tool.h"

static pid_t xenstored = -1;
static const struct box *the_box;
static int up_pipe = -1; /* `up` reads from it until the box is up */

int box_sibling(char *path, size_t size, const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n < 0)
		return -1;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + strlen(name) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(slash + 1, name, strlen(name) + 1);
	return access(path, R_OK);
}

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

/* The sockets of all domains. */
static void remove_store_sockets(const char *rundir)
{
	DIR *dir = opendir(rundir);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] == 'x' && strspn(e->d_name + 1, "0123456789") ==
						   strlen(e->d_name + 1))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

/* Remove all that a box makes; made-by marker: the directory, too. */
static void remove_files(const struct box *b)
{
	static const char *const run[] = { BOX_HV_SOCKET, BOX_XS_SOCKET, BOX_LIB };
	static const char *const out[] = { BOX_LOG, BOX_LOG ".old", BOX_OUT };
	char path[BOX_PATH_MAX + 32];

	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		box_unlink(b->rundir, run[i]);
	remove_store_sockets(b->rundir);
	snprintf(path, sizeof(path), "%s/" BOX_STORE_DIR, b->rundir);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		box_unlink(b->dir, out[i]);
	snprintf(path, sizeof(path), "%s/" BOX_MADE, b->dir);
	if (!unlink(path))
		rmdir(b->dir);
	if (strcmp(b->dir, b->rundir))
		rmdir(b->rundir);
}

static void kill_all(const struct box *b)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	unsigned int left = 1;

	for (int i = 0; left && i < 1000; i++) {
		box_kill_processes(b->rundir, -1, &left);
		if (left)
			nanosleep(&pause, NULL);
	}
}

static int make_dir(const char *dir, struct box *b)
{
	char path[BOX_PATH_MAX + 32];
	bool made = !mkdir(dir, 0777);
	int fd;

	if (!made && errno != EEXIST)
		return -1;
	if (box_init(b, dir))
		return -1;
	snprintf(path, sizeof(path), "%s/" BOX_MADE, b->dir);
	fd = made ? open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666) : -1;
	if (fd >= 0)
		close(fd);
	return made && fd < 0 ? -1 : 0;
}

/* ---- xenstored ---- */

pid_t hv_main_store(void)
{
	return xenstored;
}

static void store_is_gone(void)
{
	xenstored = -1;
	for (struct hv_domain *d = hv_domains; d; d = d->next)
		if (d->bus)
			hv_bus_lost(d->bus);
}

static int store_kill(void)
{
	if (xenstored < 0)
		return -ESRCH;
	kill(xenstored, SIGKILL);
	waitpid(xenstored, NULL, 0);
	store_is_gone();
	return 0;
}

static int store_show(bool watches)
{
	char from[BOX_PATH_MAX + 32], to[BOX_PATH_MAX + 32];

	snprintf(from, sizeof(from), "%s/" BOX_STORE_DIR "/" BOX_XS_SOCKET, hv_config.rundir);
	snprintf(to, sizeof(to), "%s/" BOX_XS_SOCKET, hv_config.rundir);
	if (rename(from, to))
		return -errno;
	for (struct hv_domain *d = hv_domains; d; d = d->next)
		if (d->bus && d->life == HV_ALIVE)
			hv_bus_back(d->bus, watches);
	return 0;
}

int hv_main_store_request(struct xb_msg *m)
{
	int rc = 0;

	switch (m->a[0]) {
	case XB_STORE_PID:
		break;
	case XB_STORE_KILL:
		rc = store_kill();
		break;
	case XB_STORE_START:
		rc = xenstored < 0 ? 0 : -EEXIST;
		if (!rc)
			xenstored = store_start(the_box, true);
		break;
	case XB_STORE_SHOW:
		rc = store_show(m->a[1]);
		break;
	default:
		rc = -EINVAL;
	}
	m->a[0] = (uint64_t)xenstored;
	return rc;
}

void hv_main_child(void)
{
	struct pollfd p = { .fd = up_pipe };
	int status;

	if (xenstored < 0 || waitpid(xenstored, &status, WNOHANG) != xenstored)
		return;
	store_is_gone();
	fprintf(stderr, "xenbox: %s: xenstored has ended (%s %d)\n", store_program(),
		WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLERR))
		exit(1); /* which `up`, still there, sees */
}

/* ---- the hypervisor's process ---- */

static void hypervisor(const struct box *b, const struct up_options *opt, int ready)
{
	for (unsigned int i = 0; i < opt->ndevices; i++) {
		if (hv_device_declare(opt->devices[i])) {
			fprintf(stderr, "xenbox: bad device %s\n", opt->devices[i]);
			exit(1);
		}
	}
	hv_config = (struct hv_config){
		.xen_minor = opt->xen_minor, .pvh_dom0 = opt->pvh_dom0, .gsis = opt->gsis,
		.extra_irqs = opt->extra_irqs, .no_iommu = opt->no_iommu, .rundir = b->rundir, .dir = b->dir,
	};
	memcpy(hv_config.shared_gsi, opt->shared_gsi, sizeof(hv_config.shared_gsi));
	if (hv_init()) {
		fprintf(stderr, "xenbox: starting: %s\n", strerror(errno));
		exit(1);
	}
	the_box = b;
	xenstored = store_start(b, false);
	if (xenstored < 0)
		exit(1);
	/* From here on `up` looks for xenstored; it closes its end of the pipe when all is up. */
	up_pipe = ready;
	if (write(ready, "", 1) != 1)
		exit(1);
	hv_loop();
	if (xenstored > 0)
		kill(xenstored, SIGKILL);
	remove_files(b);
	hv_answer_down();
	exit(0);
}

/* Of what was inherited only ready is kept: the rest may hold a lock, or a pipe open, for ever. */
static void daemonise(const struct box *b, int ready)
{
	char path[BOX_PATH_MAX + 32];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), out;

	snprintf(path, sizeof(path), "%s/" BOX_OUT, b->dir);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (null < 0 || out < 0)
		exit(1);
	setsid();
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (ready > 3)
		close_range(3, (unsigned int)ready - 1, 0);
	close_range((unsigned int)ready + 1, UINT_MAX, 0);
	setvbuf(stderr, NULL, _IOLBF, 0);
	unsetenv(BOX_ENV_DIR); /* not one of the box's own processes, even if started in another */
	if (chdir("/"))
		exit(1);
}

/* The last two lines that the hypervisor and xenstored wrote, for a box that did not start. */
static int start_error(const struct box *b)
{
	char path[BOX_PATH_MAX + 32], line[512], before[512] = "", last[512] = "no message";
	unsigned int lines = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" BOX_OUT, b->dir);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (lines++)
			memcpy(before, last, sizeof(before));
		memcpy(last, line, sizeof(last));
	}
	if (f)
		fclose(f);
	return tool_error("the box in %s did not start: %s%s%s", b->dir, before, *before ? "; " : "",
			  last);
}

/* Until xenstored serves its socket, or 10 s, or the hypervisor has ended (POLLHUP). */
static int wait_store(const struct box *b, pid_t hv)
{
	for (int ms = 0; ms < TOOL_WAIT_MS; ms += 5) {
		const struct timespec pause = { .tv_nsec = 5000000 };
		int fd = box_connect(b->rundir, BOX_XS_SOCKET, SOCK_STREAM);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (waitpid(hv, NULL, WNOHANG) == hv)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int prepare(const char *dir, struct box *b)
{
	char lib[BOX_PATH_MAX], link[BOX_PATH_MAX + 32];
	int fd;

	if (make_dir(dir, b))
		return tool_error("%s: %s", dir, strerror(errno));
	fd = box_connect(b->rundir, BOX_HV_SOCKET, SOCK_SEQPACKET);
	if (fd >= 0) {
		close(fd);
		return tool_error("a box is up in %s already", dir);
	}
	kill_all(b); /* whatever a crashed box has left */
	remove_store_sockets(b->rundir);
	if (box_sibling(lib, sizeof(lib), BOX_LIB))
		return tool_error("%s is missing beside this program", BOX_LIB);
	snprintf(link, sizeof(link), "%s/" BOX_LIB, b->rundir);
	unlink(link);
	if (symlink(lib, link))
		return tool_error("%s: %s", link, strerror(errno));
	box_unlink(b->rundir, BOX_XS_SOCKET);
	return 0;
}

/* What xen-init-dom0 does. */
static int init_dom0(const char *dir)
{
	struct tool t;
	int rc = TOOL_FAILED;

	if (!tool_open(&t, dir) && !tool_store(&t)) {
		rc = tool_write(&t, XBT_NULL, "0", "/local/domain/0/domid") ||
		     tool_write(&t, XBT_NULL, "Domain-0", "/local/domain/0/name");
		if (rc)
			rc = tool_error("writing dom0's nodes: %s", strerror(errno));
	}
	tool_close(&t);
	return rc;
}

int box_up(const char *dir, const struct up_options *opt)
{
	struct box b;
	int ready[2];
	pid_t hv;
	char c;

	if (prepare(dir, &b))
		return TOOL_FAILED;
	if (pipe2(ready, O_CLOEXEC))
		return tool_error("pipe: %s", strerror(errno));
	fflush(NULL);
	hv = fork();
	if (hv < 0)
		return tool_error("fork: %s", strerror(errno));
	if (!hv) {
		daemonise(&b, ready[1]);
		hypervisor(&b, opt, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1 || wait_store(&b, hv)) {
		start_error(&b);
		kill(hv, SIGKILL);
		kill_all(&b);
		remove_files(&b);
		return TOOL_FAILED;
	}
	close(ready[0]);
	return init_dom0(dir);
}

/* The process that listens on the socket; 0 when there is none. */
static pid_t hv_pid(const struct box *b)
{
	int fd = box_connect(b->rundir, BOX_HV_SOCKET, SOCK_SEQPACKET);
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);

	if (fd < 0)
		return 0;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	close(fd);
	return cred.pid;
}

int box_down(const char *dir)
{
	struct xb_msg m = { .op = XB_CTL_DOWN };
	struct tool t = { .hv = { .fd = -1 } };
	pid_t hv;

	if (box_init(&t.box, dir))
		return errno == ENOENT ? TOOL_OK : tool_error("%s: %s", dir, strerror(errno));
	hv = hv_pid(&t.box);
	kill_all(&t.box);
	if (hv && (xb_connect(&t.hv, t.box.rundir, 0, XB_KIND_CALL, NULL, NULL) ||
		   tool_hv_timeout(&t, TOOL_WAIT_MS) ||
		   xb_call(&t.hv, &m, NULL, 0, NULL, 0, NULL) < 0))
		kill(hv, SIGKILL);
	tool_close(&t);
	remove_files(&t.box);
	return TOOL_OK;
}
