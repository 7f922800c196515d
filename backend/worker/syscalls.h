/* SPDX-License-Identifier: MIT */
/*
 * The system calls of a worker that serves a guest: this list makes its seccomp filter, and any
 * other call ends it. Each with what it is for. It is checked against what workers are seen to do on
 * real Xen (tests/xen/scenarios/confined.sh).
 */
#ifndef XENPCI_BACKEND_WORKER_SYSCALLS_H
#define XENPCI_BACKEND_WORKER_SYSCALLS_H

/* X(call): with any arguments. */
#define WORKER_CALLS(X)         \
	X(poll)	       /* sleeps for events and orders */ \
	X(ppoll)       /* ... as libc has it on some machines */ \
	X(restart_syscall) /* ... after a stop */ \
	X(read)	       /* an event */ \
	X(write)       /* unmasks its port */ \
	X(pread64)     /* a register */ \
	X(sendto)      /* messages */ \
	X(sendmsg)     \
	X(recvmsg)     /* messages, with the descriptors of devices */ \
	X(close)       /* a device that is gone */ \
	X(clock_gettime) /* where it is a system call; the process' own clock */ \
	X(sched_yield) /* while it looks for requests */ \
	X(brk)	       /* a device's table; bounded by limits */ \
	X(munmap)      \
	X(exit_group)

/* X(call, argument, value): only with that value. */
#define WORKER_CALLS_WITH(X)                                                     \
	X(ioctl, 1, IOCTL_EVTCHN_NOTIFY) /* kicks the guest */                   \
	X(mmap, 2, PROT_READ | PROT_WRITE) /* memory for a table: never code */

/* X(call): more, for tests, whose hypervisor is a process and whose devices can be slow. */
#define WORKER_CALLS_OF_TESTS(X) \
	X(nanosleep)             \
	X(clock_nanosleep)       \
	X(futex)                 \
	X(fcntl)                 \
	X(getpid)

#endif
