/* SPDX-License-Identifier: MIT */
/* One connection: who it is, what it asked, and the one record that it has not taken yet. Private to this room. */
#ifndef XENPCI_BACKEND_CONTROL_CLIENT_H
#define XENPCI_BACKEND_CONTROL_CLIENT_H

#include "backend/control/json.h"

enum client_phase {
	CLIENT_ASKS,   /* a request is awaited */
	CLIENT_HEARS,  /* an answer is being given */
	CLIENT_TRACES, /* requests of guests are told as they come */
};

struct client {
	int fd, epoll;
	enum client_phase phase;
	bool root;	   /* or who runs the daemon: may give orders */
	bool ended;	   /* nothing more can be told to it */
	uint32_t events;   /* of epoll, as asked for */
	uint64_t since_ns; /* it is waited for; 0: it is not */
	struct request request;
	/* Where its answer is. */
	bool begun;
	uint64_t guest;
	uint32_t stage, at;
	uint64_t lost; /* lines of a trace, not told yet */
	char line[RECORDS_LINE_MAX];
	int len; /* of line; 0: nothing waits */
};

/*
 * Takes fd over, which connected: strangers says whether one that is not root is welcome. 0, or -1: it
 * is not, and fd is still the caller's.
 */
int client_begin(struct client *c, int fd, int epoll, bool strangers);
/* Safe on one that has no connection. */
void client_end(struct client *c);

/* 1: a request was read; 0: there is none (yet); -1: what came is none, and why. */
int client_read(struct client *c, const char **why);
/* The record is the next to be sent; the one before was. */
void client_put(struct client *c, enum record_kind kind, const union record *record);
/* Sends what waits, if it is taken at once. Whether something waits still, or it has gone. */
bool client_flush(struct client *c);
/* A trace: sent if it is taken at once, else lost, and that is counted and told. */
void client_offer(struct client *c, const union record *record);
void client_lose(struct client *c, uint64_t lines);
/* Ends it where it has let us wait too long. */
void client_expire(struct client *c, uint64_t now);
/* Ends it where it is gone; otherwise says what of it is to be heard. */
void client_settle(struct client *c);

#endif
