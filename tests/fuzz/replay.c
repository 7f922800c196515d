/* SPDX-License-Identifier: MIT */
/*
 * Runs a harness over stored inputs, without libFuzzer: replay DIR...: every file in them. So whatever
 * was found once is tried by each compiler and sanitizer. Prints TAP.
 */
#include <dirent.h>
#include <errno.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static void run(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (!f)
		fuzz_fail("%s: %s", path, strerror(errno));
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	/* To the byte, so that whoever reads beyond is found out. */
	exact = malloc(n ? n : 1);
	if (!exact)
		fuzz_fail("no memory");
	memcpy(exact, bytes, n);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

int main(int argc, char **argv)
{
	unsigned nr = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *e;

		while (dir && (e = readdir(dir))) {
			char path[4096];

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			run(path);
			nr++;
		}
		if (dir)
			closedir(dir);
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%sok 1 - %u inputs\n", nr ? "" : "not ", nr);
	return !nr;
}
