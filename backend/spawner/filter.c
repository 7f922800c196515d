/* SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>

#include "backend/spawner/spawner.h"
#include "backend/worker/syscalls.h"
#include "common/util.h"

/* Of the kernel's xen/evtchn.h: _IOC(_IOC_NONE, 'E', 4, sizeof(struct ioctl_evtchn_notify)). */
#define IOCTL_EVTCHN_NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(uint32_t))

static int allow(scmp_filter_ctx ctx, bool tests)
{
	int rc = 0;

#define X(call) \
	if (!rc) \
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 0);
	WORKER_CALLS(X)
	if (tests) {
		WORKER_CALLS_OF_TESTS(X)
	}
#undef X
#define X(call, argument, value) \
	if (!rc) \
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1, \
				      (struct scmp_arg_cmp){ .arg = (argument), .op = SCMP_CMP_EQ, \
							     .datum_a = (scmp_datum_t)(value) });
	WORKER_CALLS_WITH(X)
#undef X
	return rc;
}

int filter_make(bool tests)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int fd = -1, rc;

	if (!ctx)
		return fail(ENOMEM);
	rc = allow(ctx, tests);
	if (!rc) {
		fd = memfd_create("filter", MFD_CLOEXEC);
		rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	}
	seccomp_release(ctx);
	if (!rc)
		return fd;
	close_keep(fd);
	return fail(-rc);
}
