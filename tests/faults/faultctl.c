/* SPDX-License-Identifier: MIT */
/*
 * faultctl FILE arm ROLE KIND N ACTION: from now on is counted, and that call fails. KIND: one of the kinds,
 *	"any", a function's name, or the path in xenstore that a request is about
 * faultctl FILE hit: "HITS FIRST SECOND PID", and nothing is counted any more
 * faultctl FILE counts: "ROLE KIND N" for all that is not 0, of all kinds as "ROLE any N"
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/faults/faults.h"

#define TEXT(name, text) text,
static const char *const roles[] = { FAULTS_ROLES(TEXT) };
static const char *const kinds[] = { FAULTS_KINDS(TEXT) "any" };
static const char *const actions[] = { "fail", "pair", "before", "after" };

static uint32_t find(const char *const *list, size_t n, const char *text, bool must)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], text))
			return (uint32_t)i;
	if (!must)
		return (uint32_t)n;
	fprintf(stderr, "faultctl: what is %s?\n", text);
	exit(2);
}
#define FIND(list, text, must) find(list, sizeof(list) / sizeof((list)[0]), text, must)

static void counts(const struct faults *f)
{
	for (size_t r = 0; r < ROLES; r++) {
		for (size_t k = 0; k < KINDS; k++)
			if (f->count[r][k])
				printf("%s %s %u\n", roles[r], kinds[k], f->count[r][k]);
		if (f->all[r])
			printf("%s any %u\n", roles[r], f->all[r]);
	}
}

int main(int argc, char **argv)
{
	struct faults *f = MAP_FAILED;
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0 && !ftruncate(fd, sizeof(*f)))
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED) {
		fprintf(stderr, "faultctl: %s\n", strerror(errno));
		return 2;
	}
	if (!strcmp(argv[2], "arm") && argc == 7) {
		f->counting = 0;
		memset(f, 0, sizeof(*f));
		f->role = FIND(roles, argv[3], true);
		f->kind = FIND(kinds, argv[4], false);
		if (f->kind > KINDS)
			snprintf(f->match, sizeof(f->match), "%s", argv[4]);
		f->nth = (uint32_t)strtoul(argv[5], NULL, 10);
		f->action = FIND(actions, argv[6], true);
		f->counting = 1;
	} else if (!strcmp(argv[2], "hit")) {
		f->counting = 0;
		printf("%u %s %s %d\n", f->hits, f->name[0][0] ? f->name[0] : "-",
		       f->name[1][0] ? f->name[1] : "-", f->pid);
	} else if (!strcmp(argv[2], "counts")) {
		f->counting = 0;
		counts(f);
	} else {
		return 2;
	}
	return 0;
}
