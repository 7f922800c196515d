/* SPDX-License-Identifier: MIT */
/*
 * intrude PID: makes a process that sleeps in a system call make another, getppid, as one that was taken
 * over would. A worker's filter does not know it, so the worker has to die of it, and nothing else of
 * the process is touched: what is tried is the worker that is installed.
 *
 * Exit status 0: the process was made to; 1: it could not be, and why is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned char system_call[] = { 0x0f, 0x05 };

static int fail(const char *what)
{
	fprintf(stderr, "intrude: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	unsigned char code[sizeof(system_call)];
	struct user_regs_struct regs;
	char memory[32];
	int fd;

	if (pid <= 0) {
		fprintf(stderr, "usage: intrude PID\n");
		return 1;
	}
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, NULL, 0) != pid)
		return fail("attach");
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return fail("registers");
	snprintf(memory, sizeof(memory), "/proc/%d/mem", pid);
	fd = open(memory, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, code, sizeof(code), (off_t)(regs.rip - sizeof(code))) != sizeof(code))
		return fail(memory);
	if (memcmp(code, system_call, sizeof(code)) != 0) {
		fprintf(stderr, "intrude: process %d is not in a system call\n", pid);
		return 1;
	}
	regs.rip -= sizeof(code);
	regs.rax = SYS_getppid;
	/* Nothing of the one that it was in is to be done again. */
	regs.orig_rax = ~0ull;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) || ptrace(PTRACE_DETACH, pid, NULL, NULL))
		return fail("set registers");
	return 0;
}
