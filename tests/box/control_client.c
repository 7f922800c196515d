/* SPDX-License-Identifier: MIT */
/*
 * A client of the control socket as no friend would be.
 *	control_client SOCKET say TEXT		sends it, prints what is answered up to the result
 *	control_client SOCKET twice TEXT	the same twice over one connection
 *	control_client SOCKET huge N		N bytes in one packet
 *	control_client SOCKET garbage N		N packets of random bytes, each over a connection of its own
 *	control_client SOCKET leave N TEXT	asks, reads a record and goes, N times
 *	control_client SOCKET crowd N		connects N times and asks nothing, until all are ended
 *	control_client SOCKET slow TEXT		asks and does not read, until it is ended
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un at = { .sun_family = AF_UNIX };

static int connect_once(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_or_end(void)
{
	int fd = connect_once();

	if (fd < 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static int put(int fd, const void *bytes, size_t n)
{
	return send(fd, bytes, n, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Prints records up to the result, or the end. 0: there was a result. */
static int print_answer(int fd)
{
	static char line[65536];
	ssize_t n;

	while ((n = recv(fd, line, sizeof(line) - 1, 0)) > 0) {
		line[n] = '\0';
		fputs(line, stdout);
		if (strstr(line, "\"record\":\"result\""))
			return 0;
	}
	return 1;
}

static int say(const char *text, int times)
{
	int fd = connect_or_end();

	for (int i = 0; i < times; i++)
		if (put(fd, text, strlen(text)) || print_answer(fd))
			return 1;
	return 0;
}

static int huge(size_t n)
{
	char *bytes = malloc(n);
	int fd = connect_or_end();

	if (!bytes)
		return 1;
	memset(bytes, ' ', n);
	memcpy(bytes, "{\"version\":1", 12);
	if (put(fd, bytes, n)) {
		perror("send");
		return 1;
	}
	free(bytes);
	return print_answer(fd);
}

static int garbage(int n)
{
	unsigned char bytes[512];

	srand(1);
	for (int i = 0; i < n; i++) {
		size_t len = 1 + (size_t)rand() % sizeof(bytes);
		int fd;

		/* There is room as soon as those before have gone. */
		while ((fd = connect_once()) < 0 && errno == EAGAIN)
			poll(NULL, 0, 1);
		if (fd < 0)
			return 1;
		for (size_t k = 0; k < len; k++)
			bytes[k] = (unsigned char)rand();
		if (i % 2)
			bytes[0] = '{';
		put(fd, bytes, len);
		close(fd);
	}
	return 0;
}

static int leave(int n, const char *text)
{
	char line[64];

	for (int i = 0; i < n; i++) {
		int fd = connect_or_end();

		put(fd, text, strlen(text));
		if (recv(fd, line, sizeof(line), 0) < 0 && errno != ECONNRESET)
			return 1;
		close(fd);
	}
	return 0;
}

static int crowd(int n)
{
	struct pollfd *p = calloc((size_t)n, sizeof(*p));
	int in = 0, left;

	for (int i = 0; p && i < n; i++)
		p[i] = (struct pollfd){ .fd = connect_once(), .events = POLLIN };
	/* Who is not welcome sees the end at once: the others are in. */
	poll(NULL, 0, 500);
	poll(p, (nfds_t)n, 0);
	for (int i = 0; i < n; i++)
		in += p[i].fd >= 0 && !p[i].revents;
	printf("%d of %d are in\n", in, n);
	fflush(stdout);
	do {
		left = 0;
		poll(NULL, 0, 50);
		poll(p, (nfds_t)n, 0);
		for (int i = 0; i < n; i++)
			left += p[i].fd >= 0 && !p[i].revents;
	} while (left);
	puts("all are out");
	fflush(stdout);
	free(p);
	return 0;
}

static int slow(const char *text)
{
	struct pollfd p = { .fd = connect_or_end(), .events = 0 };
	int nr = 1;

	setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &nr, sizeof(nr));
	put(p.fd, text, strlen(text));
	puts("asked");
	fflush(stdout);
	poll(&p, 1, -1);
	puts("end after a while");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", argv[1]);
	if (!strcmp(argv[2], "say"))
		return say(argv[3], 1);
	if (!strcmp(argv[2], "twice"))
		return say(argv[3], 2);
	if (!strcmp(argv[2], "huge"))
		return huge((size_t)atoi(argv[3]));
	if (!strcmp(argv[2], "garbage"))
		return garbage(atoi(argv[3]));
	if (!strcmp(argv[2], "leave") && argc == 5)
		return leave(atoi(argv[3]), argv[4]);
	if (!strcmp(argv[2], "crowd"))
		return crowd(atoi(argv[3]));
	if (!strcmp(argv[2], "slow"))
		return slow(argv[3]);
	return 2;
}
