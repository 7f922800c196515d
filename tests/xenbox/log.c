/* SPDX-License-Identifier: MIT */
/*
 * DIR/hypercalls.log, one line for each call: "domid op args -> result" ("xenstored op ..." where
 * that makes the call), and the failures that a test asked for. A line is written before the caller
 * sees the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/libc.h"
#include "abi.h"
#include "box.h"
#include "hv.h"

#define LOG_MAX (64 << 20) /* then it is moved to hypercalls.log.old */
#define FAILURES_MAX 64

static struct xb_failure failures[FAILURES_MAX];
static unsigned int nfailures;
static int log_fd = -1;
static bool by_xenstored;
static off_t log_size;
static char log_path[BOX_PATH_MAX];

int hv_log_open(const char *dir)
{
	if (snprintf(log_path, sizeof(log_path), "%s/" BOX_LOG, dir) >= (int)sizeof(log_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	return log_fd < 0 ? -1 : 0;
}

void hv_log_caller(bool is_xenstored)
{
	by_xenstored = is_xenstored;
}

static void log_rotate(void)
{
	char old[BOX_PATH_MAX + 8];
	int fd;

	snprintf(old, sizeof(old), "%s.old", log_path);
	if (rename(log_path, old))
		return;
	fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	close(log_fd);
	log_fd = fd;
	log_size = 0;
}

static int failure_match(const char *name, unsigned int domid)
{
	for (unsigned int i = 0; i < nfailures; i++) {
		struct xb_failure *f = &failures[i];
		int err = f->err;

		if (strcmp(f->op, name) || (f->domid >= 0 && (unsigned int)f->domid != domid))
			continue;
		if (f->skip) {
			f->skip--;
			continue;
		}
		if (f->count && !--f->count)
			*f = failures[--nfailures];
		return -err;
	}
	return 0;
}

static bool call_known(const char *name)
{
	static const char *const names[] = {
#define PHYSDEV(op, type, who, guest) #op,
#define EVTCHN(op, type) "evtchnop_" #op,
#define NAME(op) #op,
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): the macros have them */
		ABI_PHYSDEV_OPS(PHYSDEV) ABI_EVTCHN_OPS(EVTCHN) ABI_DOMCTLS(NAME)
			ABI_OTHER_CALLS(NAME)
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

int hv_fail_add(const struct xb_failure *f)
{
	if (!f->op[0]) {
		nfailures = 0;
		return 0;
	}
	if (f->err <= 0 || !memchr(f->op, '\0', sizeof(f->op)) || !call_known(f->op))
		return -EINVAL;
	if (nfailures == FAILURES_MAX)
		return -ENOSPC;
	failures[nfailures++] = *f;
	return 0;
}

int hv_call_begin(struct hv_call *c, const struct hv_domain *caller, const char *name,
		  const char *fmt, ...)
{
	va_list ap;

	c->name = name;
	c->domid = caller->domid;
	c->res[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(c->args, sizeof(c->args), fmt, ap);
	va_end(ap);
	return failure_match(name, c->domid);
}

void hv_call_result(struct hv_call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->res, sizeof(c->res), fmt, ap);
	va_end(ap);
}

int hv_call_end(struct hv_call *c, int ret)
{
	char line[640], who[16] = "xenstored";
	const char *err = ret < 0 ? strerrorname_np(-ret) : NULL;
	int n;

	if (!by_xenstored)
		snprintf(who, sizeof(who), "%u", c->domid);
	n = snprintf(line, sizeof(line), "%s %s%s%s -> %d%s%s%s%s\n", who, c->name,
		     c->args[0] ? " " : "", c->args, ret, err ? " " : "", err ? err : "",
		     c->res[0] ? " " : "", c->res);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(log_fd, line, (size_t)n) == n)
		log_size += n;
	if (log_size > LOG_MAX)
		log_rotate();
	return ret;
}
