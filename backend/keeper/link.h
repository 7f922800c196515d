/* SPDX-License-Identifier: MIT */
/*
 * The server's end of the link to its keeper. A link of -1 stands for no keeper: nothing is said
 * and nothing heard. Nothing here logs.
 */
#ifndef XENPCI_BACKEND_KEEPER_LINK_H
#define XENPCI_BACKEND_KEEPER_LINK_H

#include <stdbool.h>

/*
 * Has the keeper turn the bus's switch off, and waits for it (KEEPER_ANSWER_S at most). 0, or -1
 * with errno: the switch's, ETIMEDOUT, or EPIPE (the keeper is gone).
 */
int keeper_turn(int link);
/*
 * Tells it that we serve, and how it can see from outside that we do not: overdue can be read once we have been at
 * one thing for KEEPER_TURN_NS. It stays ours.
 */
void keeper_serving(int link, int overdue);
/* Tells it that we are about to end with status 0, to be followed by another (anew: by another keeper, too). */
void keeper_again(int link, bool anew);
/* Tells it that we are about to end because we were told to, and none is to follow. */
void keeper_released(int link);

enum keeper_wish {
	KEEPER_WISHES_NOTHING, /* and has had its answer */
	KEEPER_WISHES_STOP,
	KEEPER_WISHES_LEAVE,
	KEEPER_WISHES_RELOAD,
	KEEPER_WISHES_GONE, /* it died */
};

/* Takes one message, answers it, and returns what is to be done. The link is readable. */
enum keeper_wish keeper_hear(int link);

#define KEEPER_NO_READY_FD "-"

/*
 * Becomes the keeper of a new server: this program again, with the arguments it was started with
 * (keeper_remember, from main, before the first server). Their ready_fd (-1: none), which has
 * been told, is made a descriptor that nobody hears; where there is none to be had, ready_text, its place in argv,
 * becomes KEEPER_NO_READY_FD. The arguments are taken as they are by then, so nobody may cut them up. installed: by
 * the file that the program was started from, which may be another one by now. Guests and devices stay as a killed
 * server leaves them. Returns only if it fails, with errno.
 */
void keeper_remember(char **argv, int ready_fd, char *ready_text);
void keeper_succeed(bool installed);

#endif
