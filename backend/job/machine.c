/* SPDX-License-Identifier: MIT */
/* The machine as jobs know it: read by the first of them, and handed on from one to the next. */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "backend/job/job.h"
#include "common/util.h"

/* Who has what is the supervisor's to know. */
static void note_owners(struct job *job)
{
	struct topology *t = &job->machine;

	for (int i = 0; i < t->nr; i++)
		t->function[i].guest = TOPOLOGY_NO_GUEST;
	for (uint32_t i = 0; i < job->order->nr_owners; i++) {
		int at = topology_find(t, job->owners[i].sbdf);

		if (at != TOPOLOGY_NONE)
			t->function[at].guest = job->owners[i].domid;
	}
}

int machine_look(struct job *job)
{
	struct topology *t = &job->machine;

	if (t->nr ? topology_refresh(t, job->provider, job->env->lg)
		  : topology_read(t, job->provider, job->env->lg))
		return -1;
	note_owners(job);
	job->at = topology_find(t, job->order->sbdf);
	return job->at == TOPOLOGY_NONE ? fail(ENODEV) : 0;
}

void machine_tell(struct job *job)
{
	struct message m;
	int fd;

	if (job->told < 0)
		return;
	fd = machine_export(&job->machine);
	message_init(&m, MESSAGE_MACHINE, 0);
	m.u.machine.provider = job->result->provider;
	/* What is not told now comes with the result. */
	if (fd >= 0 && !message_send(job->told, &m, &fd, 1, NULL, 0))
		job->told = -1;
	close_keep(fd);
}

int machine_import(struct topology *t, int fd)
{
	struct stat st;
	ssize_t n;
	size_t size;

	memset(t, 0, sizeof(*t));
	if (fstat(fd, &st) || st.st_size <= 0 || (size_t)st.st_size % sizeof(*t->function))
		return fail(EINVAL);
	size = (size_t)st.st_size;
	t->function = malloc(size);
	if (!t->function)
		return -1;
	n = pread(fd, t->function, size, 0);
	if (n != (ssize_t)size) {
		topology_dispose(t);
		return fail(EIO);
	}
	t->nr = (int)(size / sizeof(*t->function));
	return 0;
}

int machine_export(const struct topology *t)
{
	size_t size = (size_t)t->nr * sizeof(*t->function);
	int fd = memfd_create("machine", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (pwrite(fd, t->function, size, 0) != (ssize_t)size) {
		close_keep(fd);
		return fail(EIO);
	}
	return fd;
}
