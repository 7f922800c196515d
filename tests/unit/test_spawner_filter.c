/* SPDX-License-Identifier: MIT */
/* The seccomp program of workers, as the kernel runs it: in a child for each call that is tried. */
#include "tests/unit/unit.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/spawner/spawner.h"
#include "backend/worker/syscalls.h"
#include "common/util.h"

enum {
	CALLS = 512,		/* more than there are numbers in use */
	EVTCHN_NOTIFY = 0x4504, /* xen/evtchn.h: 'E', 4 */
	SIZE_OF_NOTIFY = 4,
	PASSED = 0,
	NOT_INSTALLED = 77,
};

static struct sock_filter program[4096];
static struct sock_fprog prog = { .filter = program };

/* The program, if it can be tried. */
static void load(bool tests)
{
	const char *preload = getenv("LD_PRELOAD");
	int fd = filter_make(tests);
	ssize_t n;

	/* valgrind's own calls are not a worker's. */
	if (preload && strstr(preload, "vgpreload")) {
		close(fd);
		skip();
	}
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	n = read(fd, program, sizeof(program));
	close(fd);
	assert_true(n > 0 && n < (ssize_t)sizeof(program) && n % (ssize_t)sizeof(program[0]) == 0);
	prog.len = (unsigned short)((size_t)n / sizeof(program[0]));
}

/* Makes one call under the filter. What wait says of who did: an exit status PASSED, or a signal. */
static int try(long nr, const long args[6])
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		alarm(20); /* one that sleeps got through */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(NOT_INSTALLED);
		syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
		syscall(SYS_exit_group, PASSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED)
		fail_msg("the kernel does not take the program");
	return status;
}

/* Arguments that do no harm where the call is let through. */
static const long nonsense[6] = { -1, -1, -1, -1, -1, -1 };

static void expect_passes(const char *name, long nr, const long args[6])
{
	int status = try(nr, args);

	if (!WIFEXITED(status))
		fail_msg("%s (%ld): killed by signal %d", name, nr, WTERMSIG(status));
}

static void expect_killed(const char *name, long nr, const long args[6])
{
	int status = try(nr, args);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("%s (%ld): %s %d", name, nr, WIFSIGNALED(status) ? "signal" : "passed with",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

#define NAME(call) #call,
static const char *const calls[] = { WORKER_CALLS(NAME) };
static const char *const calls_of_tests[] = { WORKER_CALLS_OF_TESTS(NAME) };
#undef NAME

/*
 * x86's uretprobe and uprobe, which lead back from a probe and do nothing elsewhere: newer kernels do
 * not ask a filter about them.
 */
static bool is_exempt(long nr)
{
#ifdef __x86_64__
	return nr == 335 || nr == 336;
#else
	return nr < 0;
#endif
}

static bool is_in(const char *const *list, size_t nr, long call)
{
	for (size_t i = 0; i < nr; i++)
		if (seccomp_syscall_resolve_name(list[i]) == call)
			return true;
	return false;
}

static void each_listed_call_passes(void **state)
{
	(void)state;
	load(false);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i]);

		if (nr >= 0) /* else this machine has none of that name */
			expect_passes(calls[i], nr, nonsense);
	}
}

static void any_other_number_kills(void **state)
{
	unsigned killed = 0;

	(void)state;
	load(false);
	for (long nr = 0; nr < CALLS; nr++) {
		if (is_exempt(nr) || is_in(calls, ARRAY_SIZE(calls), nr))
			continue;
		/* With these arguments, ioctl and mmap are none of those that pass. */
		expect_killed("number", nr, nonsense);
		killed++;
	}
	assert_true(killed >= CALLS - ARRAY_SIZE(calls) - 2);
	expect_killed("-1", -2, nonsense);
#ifdef __x86_64__
	/* The same calls by the other table of this machine. */
	expect_killed("x32 read", 0x40000000 | SYS_read, nonsense);
	expect_killed("x32 exit_group", 0x40000000 | SYS_exit_group, nonsense);
#endif
}

/* Whatever the list is made to say: a worker that could do these would not be confined. */
static void some_calls_are_never_let_through(void **state)
{
	static const char *const never[] = {
		"open", "openat", "openat2", "creat", "socket", "socketpair", "connect", "bind", "accept",
		"kill", "tkill", "tgkill", "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "ptrace",
		"process_vm_readv", "process_vm_writev", "execve", "execveat", "fork", "vfork", "clone",
		"clone3", "unshare", "setns", "mount", "chroot", "setuid", "setresuid", "capset",
		"prctl", "seccomp", "bpf", "perf_event_open", "io_uring_setup", "userfaultfd", "keyctl",
		"pwrite64", "pwritev", "truncate", "ftruncate", "unlink", "rename", "symlink", "mknod",
		"memfd_create", "shmget", "mq_open", "setrlimit", "prlimit64", "sched_setscheduler",
		"setpriority", "mlock", "mremap", "pkey_mprotect", "remap_file_pages", "iopl", "ioperm",
		"modify_ldt", "personality", "reboot", "syslog", "init_module", "kexec_load",
	};

	(void)state;
	for (unsigned tests = 0; tests < 2; tests++) {
		load(tests);
		for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
			int nr = seccomp_syscall_resolve_name(never[i]);

			if (nr >= 0)
				expect_killed(never[i], nr, nonsense);
		}
	}
}

static void memory_is_for_data_only(void **state)
{
	long args[6] = { 0, 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 };

	(void)state;
	load(false);
	for (int prot = 0; prot < 16; prot++) {
		args[2] = prot;
		if (prot == (PROT_READ | PROT_WRITE))
			expect_passes("mmap", SYS_mmap, args);
		else
			expect_killed("mmap", SYS_mmap, args);
	}
	args[2] = PROT_READ | PROT_WRITE | 1l << 32;
	expect_killed("mmap", SYS_mmap, args);
	args[2] = PROT_READ | PROT_EXEC;
	expect_killed("mprotect", SYS_mprotect, args);
}

static void one_ioctl_is_let_through(void **state)
{
	static const long others[] = {
		0, 1, -1, EVTCHN_NOTIFY - 1, EVTCHN_NOTIFY + 1, EVTCHN_NOTIFY,
		EVTCHN_NOTIFY | 8 << 16, (EVTCHN_NOTIFY | SIZE_OF_NOTIFY << 16) | 1l << 32,
		0x5412 /* TIOCSTI */, 0x5421 /* FIONBIO */,
		0x4500 | 0 | 4 << 16, 0x4501 | 8 << 16, 0x4503 | 4 << 16, /* other event channel calls */
	};
	long args[6] = { -1, EVTCHN_NOTIFY | SIZE_OF_NOTIFY << 16, 0, 0, 0, 0 };

	(void)state;
	load(false);
	expect_passes("ioctl", SYS_ioctl, args);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		args[1] = others[i];
		expect_killed("ioctl", SYS_ioctl, args);
	}
}

static void tests_have_a_few_more(void **state)
{
	(void)state;
	load(true);
	for (long nr = 0; nr < CALLS; nr++) {
		/* It waits for what does not come. */
		if (nr == SYS_futex || is_exempt(nr))
			continue;
		if (is_in(calls, ARRAY_SIZE(calls), nr) ||
		    is_in(calls_of_tests, ARRAY_SIZE(calls_of_tests), nr))
			expect_passes("number", nr, nonsense);
		else
			expect_killed("number", nr, nonsense);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_listed_call_passes),
		cmocka_unit_test(any_other_number_kills),
		cmocka_unit_test(some_calls_are_never_let_through),
		cmocka_unit_test(memory_is_for_data_only),
		cmocka_unit_test(one_ioctl_is_let_through),
		cmocka_unit_test(tests_have_a_few_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
