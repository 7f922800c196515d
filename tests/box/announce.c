/* SPDX-License-Identifier: MIT */
/*
 * announce ROOT ACTION SUBSYSTEM DEVPATH [KEY=VALUE]: the kernel's part for a tree of plain files: tells everybody
 * who listens in ROOT/uevents. Fails if nobody does.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[1024], dir[128];
	struct dirent *e;
	unsigned told = 0;
	int fd, len;
	DIR *d;

	if (argc != 5 && argc != 6)
		return 2;
	len = snprintf(text, sizeof(text), "%s@%s%cACTION=%s%cDEVPATH=%s%cSUBSYSTEM=%s", argv[2], argv[4], 0,
		       argv[2], 0, argv[4], 0, argv[3]);
	if (argc > 5 && len < (int)sizeof(text) - 1)
		len += 1 + snprintf(text + len + 1, sizeof(text) - (size_t)len - 1, "%s", argv[5]);
	snprintf(dir, sizeof(dir), "%s/uevents", argv[1]);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	d = opendir(dir);
	if (fd < 0 || !d || len >= (int)sizeof(text)) {
		perror(dir);
		return 1;
	}
	while ((e = readdir(d))) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };

		if (e->d_name[0] == '.' || snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir,
						    e->d_name) >= (int)sizeof(to.sun_path))
			continue;
		/* Who died left his socket there. */
		if (sendto(fd, text, (size_t)len + 1, 0, (struct sockaddr *)&to, sizeof(to)) > 0)
			told++;
	}
	closedir(d);
	close(fd);
	return told ? 0 : 1;
}
