/* SPDX-License-Identifier: MIT */
/* System calls that a worker has no use for. Under seccomp it dies of each of them. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "common/util.h"
#include "tests/hostile/hostile.h"

/* Of the kernel's xen/evtchn.h, xen/gntdev.h and xen/privcmd.h. */
#define EVTCHN_BIND_VIRQ _IOC(_IOC_NONE, 'E', 0, 4)
#define EVTCHN_BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, 8)
#define EVTCHN_BIND_UNBOUND _IOC(_IOC_NONE, 'E', 2, 4)
#define EVTCHN_UNBIND _IOC(_IOC_NONE, 'E', 3, 4)
#define EVTCHN_RESET _IOC(_IOC_NONE, 'E', 5, 0)
#define GNTDEV_MAP _IOC(_IOC_NONE, 'G', 0, 24)
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, 48)

#define CALL(name, ...) \
	static enum outcome call_##name(struct worker *w, uint32_t arg, uint32_t *value) \
	{ \
		(void)w, (void)arg; \
		errno = 0; \
		return outcome_of(__VA_ARGS__, value); \
	}

static long path(const char *name, int flags)
{
	return syscall(SYS_openat, AT_FDCWD, name, flags, 0600);
}

/* The supervisor's kin: our parent is the spawner. */
static long spawner(void)
{
	return syscall(SYS_getppid);
}

static int config_fd(struct worker *w)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (w->device[i].cfg)
			return w->device[i].fd;
	return -1;
}

/* ---- Files ---- */

CALL(open_root, path("/", O_RDONLY))
CALL(open_proc, path("/proc/self/status", O_RDONLY))
CALL(open_mem, path("/proc/1/mem", O_RDWR))
CALL(open_sys, path("/sys/bus/pci/devices", O_RDONLY))
CALL(open_above, path("../../../../../../etc/passwd", O_RDONLY))
CALL(open_privcmd, path("/dev/xen/privcmd", O_RDWR))
CALL(open_evtchn, path("/dev/xen/evtchn", O_RDWR))
CALL(open_gntdev, path("/dev/xen/gntdev", O_RDWR))
CALL(open_xenbus, path("/dev/xen/xenbus", O_RDWR))
CALL(open_devmem, path("/dev/mem", O_RDWR))
CALL(create, path("/left", O_RDWR | O_CREAT))
CALL(open2, syscall(SYS_open, "/etc/passwd", O_RDONLY))
CALL(mkdir, syscall(SYS_mkdirat, AT_FDCWD, "/left", 0700))
CALL(mknod, syscall(SYS_mknodat, AT_FDCWD, "/left", 0020600, 0x0101))
CALL(handle, syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY))
CALL(reopen, path("/proc/self/fd/3", O_RDWR))
CALL(memfd, syscall(SYS_memfd_create, "x", 0))
CALL(dup, syscall(SYS_dup, 3))

/* ---- The descriptors that it has ---- */

CALL(pwrite, syscall(SYS_pwrite64, config_fd(w), "\xff\xff", 2, 4))
CALL(pwritev, syscall(SYS_pwritev, config_fd(w), &(struct iovec){ (char[]){ 1 }, 1 }, 1, 4, 0))
CALL(ftruncate, syscall(SYS_ftruncate, config_fd(w), 0))
CALL(fallocate, syscall(SYS_fallocate, config_fd(w), 3, 0, 4096))
CALL(fchmod, syscall(SYS_fchmod, config_fd(w), 0777))
CALL(fchown, syscall(SYS_fchown, config_fd(w), 0, 0))
CALL(splice, syscall(SYS_splice, 3, NULL, config_fd(w), NULL, 1, 0))
CALL(sendfile, syscall(SYS_sendfile, w->supervisor, config_fd(w), NULL, 0x7fffffff))
CALL(punch, syscall(SYS_madvise, w->ledger, sizeof(*w->ledger) & ~4095ul, MADV_REMOVE))

/* ---- Xen: what needs no file to be opened ---- */

CALL(bind_virq, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), EVTCHN_BIND_VIRQ, (uint32_t[]){ 0 }))
CALL(bind_port, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), EVTCHN_BIND_INTERDOMAIN,
			(uint32_t[]){ 7, 1 }))
CALL(bind_unbound, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), EVTCHN_BIND_UNBOUND, (uint32_t[]){ 7 }))
CALL(unbind, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), EVTCHN_UNBIND, (uint32_t[]){ 1 }))
CALL(reset, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), EVTCHN_RESET, 0))
CALL(map_grant, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), GNTDEV_MAP,
			(uint32_t[]){ 1, 0, 0, 0, 7, 8 }))
CALL(hypercall, syscall(SYS_ioctl, xenevtchn_fd(w->evtchn), PRIVCMD_HYPERCALL, (uint64_t[]){ 33 }))

/* ---- Sockets ---- */

static long connects(int family, const void *address, socklen_t len)
{
	long fd = syscall(SYS_socket, family, SOCK_STREAM, 0), rc;

	if (fd < 0)
		return -1;
	rc = syscall(SYS_connect, fd, address, len);
	close_keep((int)fd);
	return rc;
}

static long to_store(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, name, strlen(name) + 1);
	return connects(AF_UNIX, &un, sizeof(un));
}

CALL(xenstored, to_store("/var/run/xenstored/socket"))
CALL(control, to_store("/run/xenpci/control"))
CALL(tcp, connects(AF_INET, &(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = 0x1600,
						   .sin_addr = { 0x0100007f } },
		   sizeof(struct sockaddr_in)))
CALL(raw, syscall(SYS_socket, AF_INET, SOCK_RAW, 1))
CALL(packet, syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0))
CALL(netlink, syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0))
CALL(vsock, syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0))
CALL(pair, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }))
CALL(listen, syscall(SYS_listen, w->supervisor, 1))

/* ---- Other processes ---- */

static struct iovec here(void)
{
	static char room[64];

	return (struct iovec){ room, sizeof(room) };
}

/* The spawner's address space: where ours was before it was exec'd is as good as any. */
static long vm(long call)
{
	struct iovec own = here(), theirs = here();

	return syscall(call, spawner(), &own, 1, &theirs, 1, 0);
}

static long pidfd(long call)
{
	long fd = syscall(SYS_pidfd_open, spawner(), 0), rc;

	if (fd < 0)
		return -1;
	rc = syscall(call, fd, call == SYS_pidfd_getfd ? 3 : SIGKILL, 0, 0);
	close_keep((int)fd);
	return rc;
}

CALL(kill, syscall(SYS_kill, spawner(), SIGKILL))
/* It says 0 where there was nobody whom it may kill. */
CALL(kill_all, syscall(SYS_kill, -1, SIGKILL) ? -1 : syscall(SYS_kill, spawner(), 0))
CALL(tgkill, syscall(SYS_tgkill, spawner(), spawner(), SIGKILL))
CALL(queue, syscall(SYS_rt_sigqueueinfo, spawner(), SIGKILL, &(siginfo_t){ .si_code = -1 }))
CALL(pidfd_kill, pidfd(SYS_pidfd_send_signal))
CALL(pidfd_getfd, pidfd(SYS_pidfd_getfd))
CALL(ptrace, syscall(SYS_ptrace, PTRACE_ATTACH, spawner(), 0, 0))
CALL(seize, syscall(SYS_ptrace, PTRACE_SEIZE, spawner(), 0, 0))
CALL(vm_read, vm(SYS_process_vm_readv))
CALL(vm_write, vm(SYS_process_vm_writev))
CALL(kcmp, syscall(SYS_kcmp, spawner(), syscall(SYS_getpid), 0, 3, 3))
CALL(limits, syscall(SYS_prlimit64, spawner(), RLIMIT_NOFILE, &(struct rlimit){ 3, 3 }, NULL))
CALL(clone, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
CALL(clone3, syscall(SYS_clone3, &(struct clone_args){ .exit_signal = SIGCHLD }, sizeof(struct clone_args)))
CALL(exec, syscall(SYS_execve, "/bin/sh", NULL, NULL))
CALL(execat, syscall(SYS_execveat, config_fd(w), "", NULL, NULL, AT_EMPTY_PATH))

/* ---- Memory with code in it ---- */

CALL(map_exec, (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0) == -1 ? -1 : 0)
CALL(map_file_exec, (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, config_fd(w), 0) == -1
			    ? -1 : 0)
CALL(protect_exec, syscall(SYS_mprotect, (uintptr_t)here().iov_base & ~4095ul, 4096,
			   PROT_READ | PROT_WRITE | PROT_EXEC))
CALL(pkey_exec, syscall(SYS_pkey_mprotect, (uintptr_t)here().iov_base & ~4095ul, 4096,
			PROT_READ | PROT_EXEC, -1))

/* ---- Who it is, and where ---- */

static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

static long capset_all(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { ~0u, ~0u, ~0u }, { 0xff, 0xff, 0xff } };

	return syscall(SYS_capset, &h, d);
}

CALL(setuid, syscall(SYS_setuid, 0))
CALL(setresgid, syscall(SYS_setresgid, 0, 0, 0))
CALL(setgroups, syscall(SYS_setgroups, 1, (gid_t[]){ 0 }))
CALL(capset, capset_all())
CALL(privs, syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0))
CALL(ambient, syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0))
CALL(dumpable, syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0))
CALL(no_death, syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0))
CALL(newuser, syscall(SYS_unshare, CLONE_NEWUSER))
CALL(newns, syscall(SYS_unshare, CLONE_NEWNS))
CALL(setns, syscall(SYS_setns, config_fd(w), 0))
CALL(mount, syscall(SYS_mount, "none", "/", "proc", 0, NULL))
CALL(umount, syscall(SYS_umount2, "/", MNT_DETACH))
CALL(pivot, syscall(SYS_pivot_root, ".", "."))
CALL(chroot, syscall(SYS_chroot, "/"))
CALL(more_memory, syscall(SYS_setrlimit, RLIMIT_AS, &all))
CALL(more_files, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &all, NULL))
CALL(more_processes, syscall(SYS_prlimit64, 0, RLIMIT_NPROC, &all, NULL))
CALL(fifo, syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &(struct sched_param){ 1 }))
CALL(nice, syscall(SYS_setpriority, PRIO_PROCESS, 0, -20))

/* ---- The kernel's larger doors ---- */

CALL(io_uring, syscall(SYS_io_uring_setup, 8, (char[256]){ 0 }))
CALL(bpf, syscall(SYS_bpf, 5, (char[128]){ 1 }, 128))
CALL(userfaultfd, syscall(SYS_userfaultfd, 0))
CALL(keyctl, syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "x"))
CALL(add_key, syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_PROCESS_KEYRING))
CALL(perf, syscall(SYS_perf_event_open, (char[128]){ 0 }, spawner(), -1, -1, 0))
CALL(shmget, syscall(SYS_shmget, IPC_PRIVATE, 4096, IPC_CREAT | 0600))
CALL(mqueue, syscall(SYS_mq_open, "x", O_RDWR | O_CREAT, 0600, NULL))
CALL(fanotify, syscall(SYS_fanotify_init, 0, O_RDONLY))
CALL(seccomp, syscall(SYS_seccomp, 1, 0, NULL))
CALL(module, syscall(SYS_init_module, "x", 1, ""))
CALL(kexec, syscall(SYS_kexec_load, 0, 0, NULL, 0))
CALL(syslog, syscall(SYS_syslog, 5, NULL, 0))
CALL(hostname, syscall(SYS_sethostname, "x", 1))
CALL(clock, syscall(SYS_settimeofday, (char[16]){ 0 }, NULL))
CALL(ghost, syscall(100000))
#ifdef __x86_64__
CALL(iopl, syscall(SYS_iopl, 3))
CALL(ioperm, syscall(SYS_ioperm, 0xcf8, 8, 1))
CALL(x32, syscall(0x40000000 | SYS_getpid))

/* The same calls by the door for programs of 32 bits, where numbers mean others: getpid there. */
static long old_door(void)
{
	long rc = 20;

	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory", "cc", "r8", "r9", "r10", "r11");
	return rc;
}
CALL(compat, old_door())
#endif

#define A(text, aim, call) { text, AIM_##aim, call_##call }
const struct attack attacks_calls[] = {
	A("open of the root", FILTER, open_root),
	A("open of /proc/self", CALL, open_proc),
	A("open of another process's memory", CALL, open_mem),
	A("open of /sys", CALL, open_sys),
	A("open above the root", CALL, open_above),
	A("open of /dev/xen/privcmd", CALL, open_privcmd),
	A("open of /dev/xen/evtchn", CALL, open_evtchn),
	A("open of /dev/xen/gntdev", CALL, open_gntdev),
	A("open of /dev/xen/xenbus", CALL, open_xenbus),
	A("open of /dev/mem", CALL, open_devmem),
	A("open, the old call", CALL, open2),
	A("a new file", CALL, create),
	A("a new directory", CALL, mkdir),
	A("a new device file", CALL, mknod),
	A("open by handle", CALL, handle),
	A("a descriptor reopened for writing", CALL, reopen),
	A("memfd_create", FILTER, memfd),
	A("dup", FILTER, dup),
	A("pwrite of config space", CALL, pwrite),
	A("pwritev of config space", CALL, pwritev),
	A("ftruncate of config space", CALL, ftruncate),
	A("fallocate of config space", CALL, fallocate),
	A("fchmod of config space", CALL, fchmod),
	A("fchown of config space", CALL, fchown),
	A("splice into config space", CALL, splice),
	A("sendfile to the supervisor", FILTER, sendfile),
	A("a hole in the ledger", FILTER, punch),
	A("ioctl: bind a VIRQ", CALL, bind_virq),
	A("ioctl: bind another domain's port", CALL, bind_port),
	A("ioctl: a port for another domain", CALL, bind_unbound),
	A("ioctl: unbind", CALL, unbind),
	A("ioctl: reset all ports", CALL, reset),
	A("ioctl: map another domain's grant", CALL, map_grant),
	A("ioctl: hypercall", CALL, hypercall),
	A("connect to xenstored", CALL, xenstored),
	A("connect to the control socket", CALL, control),
	A("connect by TCP", CALL, tcp),
	A("a raw socket", CALL, raw),
	A("a packet socket", CALL, packet),
	A("a netlink socket", FILTER, netlink),
	A("a vsock", FILTER, vsock),
	A("a socket pair", FILTER, pair),
	A("listen", CALL, listen),
	A("kill of the spawner", CALL, kill),
	A("kill of everybody", CALL, kill_all),
	A("tgkill", CALL, tgkill),
	A("a queued signal", CALL, queue),
	A("a signal by pidfd", CALL, pidfd_kill),
	A("another's descriptor by pidfd", CALL, pidfd_getfd),
	A("ptrace attach", CALL, ptrace),
	A("ptrace seize", CALL, seize),
	A("process_vm_readv", CALL, vm_read),
	A("process_vm_writev", CALL, vm_write),
	A("kcmp", CALL, kcmp),
	A("another's limits", CALL, limits),
	A("fork", CALL, clone),
	A("clone3", CALL, clone3),
	A("exec", CALL, exec),
	A("exec of a descriptor", CALL, execat),
	A("mmap of code", FILTER, map_exec),
	A("mmap of a file as code", FILTER, map_file_exec),
	A("mprotect to code", FILTER, protect_exec),
	A("pkey_mprotect to code", FILTER, pkey_exec),
	A("setuid", CALL, setuid),
	A("setresgid", CALL, setresgid),
	A("setgroups", CALL, setgroups),
	A("capset", CALL, capset),
	A("new privileges again", CALL, privs),
	A("ambient capabilities", CALL, ambient),
	A("dumpable again", FILTER, dumpable),
	A("to outlive the spawner", FILTER, no_death),
	A("a user namespace", CALL, newuser),
	A("a mount namespace", CALL, newns),
	A("setns", CALL, setns),
	A("mount", CALL, mount),
	A("umount", CALL, umount),
	A("pivot_root", CALL, pivot),
	A("chroot", CALL, chroot),
	A("a limit raised: memory", CALL, more_memory),
	A("a limit raised: descriptors", CALL, more_files),
	A("a limit raised: processes", CALL, more_processes),
	A("real-time scheduling", CALL, fifo),
	A("a higher priority", CALL, nice),
	A("io_uring", FILTER, io_uring),
	A("bpf", CALL, bpf),
	A("userfaultfd", FILTER, userfaultfd),
	A("keyctl", FILTER, keyctl),
	A("add_key", FILTER, add_key),
	A("perf_event_open", CALL, perf),
	A("shmget", FILTER, shmget),
	A("mq_open", FILTER, mqueue),
	A("fanotify", FILTER, fanotify),
	A("another seccomp filter", FILTER, seccomp),
	A("a kernel module", CALL, module),
	A("kexec", CALL, kexec),
	A("the kernel's log", FILTER, syslog),
	A("sethostname", CALL, hostname),
	A("the clock", CALL, clock),
	A("a call that there is not", CALL, ghost),
#ifdef __x86_64__
	A("iopl", CALL, iopl),
	A("ioperm", CALL, ioperm),
	A("a call of x32", FILTER, x32),
	A("a call of i386", FILTER, compat),
#endif
	{ NULL, AIM_CALL, NULL }
};
