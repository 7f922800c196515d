/* SPDX-License-Identifier: MIT */
/*
 * steps PID COMMAND...: how many instructions of its own program process PID takes while COMMAND runs;
 * libraries and the kernel are left out. One at a time, by ptrace: exact on any machine, and slow.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "common/util.h"

struct range {
	unsigned long long from, to;
};

static _Noreturn void steps_die(const char *what)
{
	fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Where the code of its program is. */
static struct range code_of(const char *pid)
{
	struct range r;
	char path[64], program[256], line[512], rights[8], file[256];
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	n = readlink(path, program, sizeof(program) - 1);
	if (n < 0)
		steps_die(path);
	program[n] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %255s", &r.from, &r.to, rights, file) == 4 &&
		    rights[2] == 'x' && !strcmp(file, program)) {
			fclose(f);
			return r;
		}
	}
	errno = ENOENT;
	steps_die(path);
}

/* Another step, or the signal it was to get. */
static void go_on(pid_t pid, int status)
{
	int signal = WSTOPSIG(status);

	if (signal == SIGTRAP || status >> 16)
		signal = 0;
	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(intptr_t)signal))
		steps_die("PTRACE_SINGLESTEP");
}

static unsigned long long count(pid_t pid, pid_t command, struct range code)
{
	unsigned long long n = 0;
	int status;

	for (;;) {
		struct user_regs_struct regs;
		pid_t who = waitpid(-1, &status, __WALL);

		if (who == command && WIFEXITED(status) && !WEXITSTATUS(status))
			return n;
		if (who != pid || !WIFSTOPPED(status))
			steps_die("the command has failed, or the process has ended");
		if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
			steps_die("PTRACE_GETREGS");
		n += regs.rip >= code.from && regs.rip < code.to;
		go_on(pid, status);
	}
}

/* It goes on alone: one that is left at a step would die of the next. */
static void let_go(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status) || ptrace(PTRACE_DETACH, pid, NULL, NULL))
		steps_die("PTRACE_DETACH");
}

int main(int argc, char **argv)
{
	struct range code;
	pid_t pid, command;

	if (argc < 3 || (pid = (pid_t)strtol(argv[1], NULL, 10)) <= 0) {
		fprintf(stderr, "steps PID COMMAND...\n");
		return 2;
	}
	code = code_of(argv[1]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		steps_die("PTRACE_SEIZE");
	command = fork();
	if (command < 0)
		steps_die("fork");
	if (!command) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	printf("%llu\n", count(pid, command, code));
	let_go(pid);
	return 0;
}
