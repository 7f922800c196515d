/* SPDX-License-Identifier: MIT */
/* hear SOCKET: a service manager's ear. Prints each datagram that comes to SOCKET as a line, until killed. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char text[256];
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(at.sun_path))
		return 2;
	strcpy(at.sun_path, argv[1]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return 1;
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) >= 0) {
		text[n] = '\0';
		for (ssize_t i = 0; i < n; i++)
			if (text[i] == '\n')
				text[i] = ' ';
		puts(text);
		fflush(stdout);
	}
	return 1;
}
