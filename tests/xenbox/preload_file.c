/* SPDX-License-Identifier: MIT */
/* The files that a Xen kernel makes, for programs and libraries that open them by name. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box.h"
#include "preload.h"

static int open_special(enum xb_special which)
{
	struct xb_conn c = XB_CONN_NONE;
	struct xb_msg m = { .op = XB_SPECIAL, .a = { which } };
	int fd = -1;

	if (xb_open(&c, XB_KIND_CALL, NULL, NULL))
		return -1;
	if (xb_call(&c, &m, NULL, 0, NULL, 0, &fd) < 0)
		fd = -1;
	xb_disconnect(&c);
	return fd;
}

/* xenbus device: the same messages go over a socket to the kernel's half of the ring. */
static int open_xenbus(void)
{
	char name[BOX_NAME_MAX];

	box_store_socket(xb_domid(), name);
	return box_connect(xb_rundir(), name, SOCK_STREAM);
}

/* libxendevicemodel wants to open it, and then uses hypercalls when it has no ioctl. */
static int open_privcmd(void)
{
	return memfd_create("privcmd", MFD_CLOEXEC);
}

static int open_capabilities(void)
{
	int fd = memfd_create("capabilities", MFD_CLOEXEC);

	if (fd >= 0 && !xb_domid() && pwrite(fd, "control_d\n", 10, 0) != 10) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The machine's own memory is nobody's in a box: what stands for it is a file of the box's, where a test made one. */
static int open_memory(void)
{
	char path[BOX_PATH_MAX];

	snprintf(path, sizeof(path), "%s/memory", xb_rundir());
	return openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

/* True: it is one of ours, and *fd is the result. */
static bool special(const char *path, int *fd)
{
	static const char proc[] = "/proc/xen/", dev[] = "/dev/xen/";

	if (!path || !xb_rundir())
		return false;
	if (!strcmp(path, "/dev/mem")) {
		*fd = open_memory();
		return true;
	}
	if (!strncmp(path, proc, sizeof(proc) - 1))
		path += sizeof(proc) - 1;
	else if (!strncmp(path, dev, sizeof(dev) - 1))
		path += sizeof(dev) - 1;
	else
		return false;
	if (!strcmp(path, "xsd_port"))
		*fd = open_special(XB_XSD_PORT);
	else if (!strcmp(path, "xsd_kva"))
		*fd = open_special(XB_XSD_KVA);
	else if (!strcmp(path, "xenbus"))
		*fd = open_xenbus();
	else if (!strcmp(path, "privcmd"))
		*fd = open_privcmd();
	else if (!strcmp(path, "capabilities"))
		*fd = open_capabilities();
	else
		return false;
	return true;
}

/* Of newer kernels' xen/privcmd.h: { u32 sbdf, u32 gsi } */
#define PRIVCMD_PCIDEV_GET_GSI 0x8500aul

static bool is_privcmd(int fd)
{
	char path[32], name[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n < 0 ? 0 : n] = '\0';
	return !strncmp(name, "/memfd:privcmd", 14);
}

static int get_gsi(uint32_t arg[2])
{
	struct xb_conn c = XB_CONN_NONE;
	struct xb_msg m = { .op = XB_GET_GSI, .a = { arg[0] } };
	int rc;

	if (xb_open(&c, XB_KIND_CALL, NULL, NULL))
		return -1;
	rc = xb_call(&c, &m, NULL, 0, NULL, 0, NULL);
	xb_disconnect(&c);
	if (rc < 0)
		return -1;
	arg[1] = (uint32_t)m.a[0];
	return 0;
}

/* As the C library declares it. */
#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;
#endif

EXPORT int ioctl(int fd, ioctl_request request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == PRIVCMD_PCIDEV_GET_GSI && is_privcmd(fd))
		return get_gsi(arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

static int open_any(const char *path, int flags, mode_t mode)
{
	char buf[BOX_PATH_MAX];
	int err = errno, fd;

	if (special(path, &fd))
		return fd;
	errno = err;
	return openat(AT_FDCWD, xb_own_path(path, buf), flags, mode);
}

#define OPEN_MODE(flags)                                                       \
	__extension__({                                                        \
		mode_t mode_ = 0;                                              \
		if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
			va_list ap_;                                           \
			va_start(ap_, flags);                                  \
			mode_ = va_arg(ap_, mode_t);                           \
			va_end(ap_);                                           \
		}                                                              \
		mode_;                                                         \
	})

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = OPEN_MODE(flags);

	return open_any(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = OPEN_MODE(flags);

	return open_any(path, flags, mode);
}

EXPORT int __open_2(const char *path, int flags)
{
	return open_any(path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_any(path, flags, 0);
}
