/* SPDX-License-Identifier: MIT */
/*
 * The worker's seccomp program, looked at from outside: each system call that there is or may come, run
 * through an interpreter of its own, so that what the library has made of the list is what is tested.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "backend/spawner/spawner.h"
#include "backend/worker/syscalls.h"
#include "common/util.h"
#include "tests/unit/unit.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define IOCTL_EVTCHN_NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(uint32_t))
#define CALLS_MAX 4096

struct program {
	struct sock_filter line[1024];
	size_t nr;
};

static const int plain[] = {
#define X(call) SYS_##call,
	WORKER_CALLS(X)
#undef X
};
static const int of_tests[] = {
#define X(call) SYS_##call,
	WORKER_CALLS_OF_TESTS(X)
#undef X
};

static void make(struct program *p, bool tests)
{
	const char *preload = getenv("LD_PRELOAD");
	ssize_t n;
	int fd;

	/* The library asks the kernel what it can filter, by a call that valgrind does not know. */
	if (preload && strstr(preload, "vgpreload"))
		skip();
	fd = filter_make(tests);

	assert_true(fd >= 0);
	n = pread(fd, p->line, sizeof(p->line), 0);
	assert_true(n > 0 && (size_t)n < sizeof(p->line));
	p->nr = (size_t)n / sizeof(p->line[0]);
	close_keep(fd);
}

static bool jumps(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	default:
		assert_int_equal(BPF_OP(code), BPF_JSET);
		return a & k;
	}
}

/* What the kernel would do about that call. */
static uint32_t run(const struct program *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t i = 0; i < p->nr; i++) {
		const struct sock_filter *f = &p->line[i];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			assert_int_equal(f->code, BPF_LD | BPF_W | BPF_ABS);
			assert_true(f->k % 4 == 0 && f->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + f->k, 4);
			break;
		case BPF_ALU:
			assert_int_equal(f->code, BPF_ALU | BPF_AND | BPF_K);
			a &= f->k;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				i += f->k;
			else
				i += jumps(f->code, a, f->k) ? f->jt : f->jf;
			break;
		default:
			assert_int_equal(f->code, BPF_RET | BPF_K);
			return f->k;
		}
	}
	fail_msg("the program has no end");
	return 0;
}

static bool allows(const struct program *p, uint32_t arch, int nr, unsigned arg, uint64_t value)
{
	struct seccomp_data data = { .nr = nr, .arch = arch };
	uint32_t action;

	for (unsigned i = 0; i < ARRAY_SIZE(data.args); i++)
		data.args[i] = UINT64_MAX;
	data.args[arg] = value;
	action = run(p, &data);
	/* A worker has one thread. */
	assert_true(action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_KILL_PROCESS ||
		    action == SECCOMP_RET_KILL_THREAD);
	return action == SECCOMP_RET_ALLOW;
}

static bool listed(const int *list, size_t n, int nr)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == nr)
			return true;
	return false;
}

/* With arguments that no rule allows: what the list has, and no other number. */
static void no_other_call(void **state)
{
	struct program p;
	unsigned allowed = 0;

	(void)state;
	for (int tests = 0; tests < 2; tests++) {
		make(&p, tests);
		for (int nr = -CALLS_MAX; nr < CALLS_MAX; nr++) {
			bool want = listed(plain, ARRAY_SIZE(plain), nr) ||
				    (tests && listed(of_tests, ARRAY_SIZE(of_tests), nr));

			if (allows(&p, ARCH, nr, 0, UINT64_MAX) != want)
				fail_msg("call %d", nr);
			allowed += want;
		}
	}
	assert_int_equal(allowed, 2 * ARRAY_SIZE(plain) + ARRAY_SIZE(of_tests));
}

/* The same numbers are other calls there. */
static void no_other_door(void **state)
{
	static const uint32_t arches[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_MIPS64, 0,
					   UINT32_MAX };
	struct program p;

	(void)state;
	make(&p, true);
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		for (int nr = 0; nr < CALLS_MAX; nr++)
			assert_false(allows(&p, arches[i], nr, 0, UINT64_MAX));
	/* x32: the numbers of x86-64 with a bit set. */
	for (int nr = 0; nr < CALLS_MAX; nr++)
		assert_false(allows(&p, ARCH, 0x40000000 | nr, 0, UINT64_MAX));
}

/* Each bit of the one argument counts, those of the upper half too. */
static void only_that_argument(void **state)
{
	static const struct {
		int nr;
		unsigned arg;
		uint64_t value;
	} rules[] = {
		{ SYS_ioctl, 1, IOCTL_EVTCHN_NOTIFY },
		{ SYS_mmap, 2, PROT_READ | PROT_WRITE },
	};
	struct program p;

	(void)state;
	make(&p, true);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_true(allows(&p, ARCH, rules[i].nr, rules[i].arg, rules[i].value));
		for (unsigned bit = 0; bit < 64; bit++)
			assert_false(allows(&p, ARCH, rules[i].nr, rules[i].arg,
					    rules[i].value ^ 1ull << bit));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_other_call),
		cmocka_unit_test(no_other_door),
		cmocka_unit_test(only_that_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
