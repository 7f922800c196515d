/* SPDX-License-Identifier: MIT */
/*
 * Loaded into xenpcid and xenpci: the functions of a host of plain files (lib.sh: plain_function) have power states,
 * as PCI's power management has them, and what is done to them is written down. State is the PMCSR register of the
 * file itself, so that all processes see it; beside it in the function's directory
 *	power_log    what happened, a line each: D3hot; D0 kept; D0 forgot (no No_Soft_Reset: BARs and command are
 *	             zero); early (an access within 10 ms of a change of state, by who changed it: others may look at
 *	             any time); asleep write OFFSET (in D3hot, of another register); asleep reset (the kernel was
 *	             asked to reset what sleeps); dropped (a write in D3cold)
 *	power_since  when the state changed, in ns, and by which process
 * and what a test may make there:
 *	mute         it reads ones in D3hot
 *	deaf         it stays in D0
 *	cold         it is in D3cold, and reads ones, until power/control is on; then what it was is lost
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TAKES_THE_PLACE_OF_LIBCS __attribute__((visibility("default")))
#define SETTLES_NS 10000000u

enum { D0, D3HOT = 3, CONFIG = 256, PATH = 4096 };

/* A worker may look up no names, and only reads what its gate has seen to. */
static bool off;
/* The box's, which stands behind ours. */
static ssize_t (*next_write)(int fd, const void *buf, size_t n);

static void __attribute__((constructor)) begin(void)
{
	*(void **)&next_write = dlsym(RTLD_NEXT, "write");
	off = !strcmp(program_invocation_short_name, "xenpci-worker");
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The directory of the function whose file fd is, if that is `name`. */
static bool is_functions(int fd, const char *name, char dir[PATH])
{
	char link[64], *last;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlinkat, AT_FDCWD, link, dir, PATH - 1);
	if (n <= 0)
		return false;
	dir[n] = '\0';
	last = strrchr(dir, '/');
	if (!last || strcmp(last + 1, name) != 0 || !strstr(dir, "/bus/pci/devices/"))
		return false;
	*last = '\0';
	return true;
}

static int open_beside(const char *dir, const char *name, int flags)
{
	char path[PATH + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static bool is_there(const char *dir, const char *name)
{
	int fd = open_beside(dir, name, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void __attribute__((format(printf, 2, 3))) note(const char *dir, const char *fmt, ...)
{
	int fd = open_beside(dir, "power_log", O_WRONLY | O_CREAT | O_APPEND);
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fd >= 0 && n > 0 && syscall(SYS_write, fd, text, (size_t)n) != n)
		abort();
	if (fd >= 0)
		close(fd);
}

struct since {
	uint64_t at;
	int64_t pid;
};

static void change(const char *dir)
{
	int fd = open_beside(dir, "power_since", O_WRONLY | O_CREAT | O_TRUNC);
	const struct since since = { now(), getpid() };

	if (fd < 0 || syscall(SYS_write, fd, &since, sizeof(since)) != sizeof(since))
		abort();
	close(fd);
}

static void look_at_clock(const char *dir)
{
	int fd = open_beside(dir, "power_since", O_RDONLY);
	struct since since;

	if (fd < 0)
		return;
	if (syscall(SYS_read, fd, &since, sizeof(since)) == sizeof(since) && since.pid == getpid() &&
	    now() < since.at + SETTLES_NS)
		note(dir, "early\n");
	close(fd);
}

/* ---- Registers ---- */

static bool get(const char *dir, uint8_t c[CONFIG])
{
	int fd = open_beside(dir, "config", O_RDONLY);
	bool got = fd >= 0 && syscall(SYS_pread64, fd, c, CONFIG, 0) == CONFIG;

	if (fd >= 0)
		close(fd);
	return got;
}

static void put(const char *dir, const uint8_t c[CONFIG])
{
	int fd = open_beside(dir, "config", O_WRONLY);

	if (fd < 0 || syscall(SYS_pwrite64, fd, c, CONFIG, 0) != CONFIG)
		abort();
	close(fd);
}

/* Where its power management control is; 0: it has none. */
static unsigned pmcsr(const uint8_t c[CONFIG])
{
	unsigned at = c[PCI_STATUS] & PCI_STATUS_CAP_LIST ? c[PCI_CAPABILITY_LIST] & 0xfcu : 0;

	for (int left = 48; at && left--; at = c[at + PCI_CAP_LIST_NEXT] & 0xfcu)
		if (c[at] == PCI_CAP_ID_PM)
			return at + PCI_PM_CTRL;
	return 0;
}

static void forget(uint8_t c[CONFIG])
{
	memset(c + PCI_COMMAND, 0, 2);
	memset(c + PCI_CACHE_LINE_SIZE, 0, 2);
	memset(c + PCI_BASE_ADDRESS_0, 0, 24);
	memset(c + PCI_ROM_ADDRESS, 0, 4);
	c[PCI_INTERRUPT_LINE] = 0;
}

/* Whether it is without power; what wakes it is a word of the kernel's. */
static bool is_cold(const char *dir)
{
	int fd = is_there(dir, "cold") ? open_beside(dir, "power/control", O_RDONLY) : -1;
	char text[8] = "", path[PATH + 8];
	uint8_t c[CONFIG];

	if (fd < 0)
		return is_there(dir, "cold");
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	if (strncmp(text, "on", 2) != 0)
		return true;
	snprintf(path, sizeof(path), "%s/cold", dir);
	unlink(path);
	if (get(dir, c)) {
		forget(c);
		put(dir, c);
	}
	return false;
}

static void write_power(const char *dir, uint8_t c[CONFIG], unsigned at, uint8_t value)
{
	unsigned old = c[at] & PCI_PM_CTRL_STATE_MASK, state = value & PCI_PM_CTRL_STATE_MASK;
	bool keeps = c[at] & PCI_PM_CTRL_NO_SOFT_RESET;

	if (old == state || (is_there(dir, "deaf") && state == D3HOT))
		return;
	if (old == D3HOT && state == D0 && !keeps)
		forget(c);
	c[at] = (uint8_t)((c[at] & ~(unsigned)PCI_PM_CTRL_STATE_MASK) | state);
	put(dir, c);
	change(dir);
	note(dir, state == D3HOT ? "D3hot\n" : keeps ? "D0 kept\n" : "D0 forgot\n");
}

/* ---- What a program calls ---- */

static ssize_t config_write(int fd, const char *dir, const uint8_t *buf, size_t n, off_t at)
{
	uint8_t c[CONFIG];
	unsigned pm;

	look_at_clock(dir);
	if (is_cold(dir)) {
		note(dir, "dropped\n");
		return (ssize_t)n;
	}
	pm = get(dir, c) ? pmcsr(c) : 0;
	if (pm && at <= pm && at + (off_t)n > pm) {
		write_power(dir, c, pm, buf[pm - at]);
		return (ssize_t)n;
	}
	if (pm && (c[pm] & PCI_PM_CTRL_STATE_MASK) == D3HOT)
		note(dir, "asleep write %#x\n", (unsigned)at);
	return syscall(SYS_pwrite64, fd, buf, n, at);
}

static ssize_t config_read(int fd, const char *dir, void *buf, size_t n, off_t at)
{
	uint8_t c[CONFIG];
	unsigned pm;
	bool mute;

	look_at_clock(dir);
	pm = get(dir, c) ? pmcsr(c) : 0;
	mute = pm && (c[pm] & PCI_PM_CTRL_STATE_MASK) == D3HOT && is_there(dir, "mute");
	if (mute || is_cold(dir)) {
		memset(buf, 0xff, n);
		return (ssize_t)n;
	}
	return syscall(SYS_pread64, fd, buf, n, at);
}

TAKES_THE_PLACE_OF_LIBCS ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	char dir[PATH];

	if (off || !is_functions(fd, "config", dir))
		return syscall(SYS_pread64, fd, buf, n, at);
	return config_read(fd, dir, buf, n, at);
}

TAKES_THE_PLACE_OF_LIBCS ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
	if (n > room)
		abort();
	return pread(fd, buf, n, at);
}

TAKES_THE_PLACE_OF_LIBCS ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	char dir[PATH];

	if (off || !is_functions(fd, "config", dir))
		return syscall(SYS_pwrite64, fd, buf, n, at);
	return config_write(fd, dir, buf, n, at);
}

/* A word to the kernel: `reset`. */
TAKES_THE_PLACE_OF_LIBCS ssize_t write(int fd, const void *buf, size_t n)
{
	uint8_t c[CONFIG];
	char dir[PATH];
	unsigned pm;

	if (!off && is_functions(fd, "reset", dir) && get(dir, c)) {
		pm = pmcsr(c);
		if (pm && (c[pm] & PCI_PM_CTRL_STATE_MASK) == D3HOT)
			note(dir, "asleep reset\n");
	}
	return next_write ? next_write(fd, buf, n) : syscall(SYS_write, fd, buf, n);
}
