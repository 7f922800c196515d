/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		fuzz_fail("no file for the input");
	return path;
}

static char directory[64];

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void remove_directory(void)
{
	nftw(directory, forget, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_directory(void)
{
	if (directory[0])
		return directory;
	/* In memory where there is such a place. */
	snprintf(directory, sizeof(directory), "%s/xenpci-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(directory))
		fuzz_fail("no directory %s", directory);
	atexit(remove_directory);
	return directory;
}
