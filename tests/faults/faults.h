/* SPDX-License-Identifier: MIT */
/*
 * What the preloaded library and faultctl share: a page in a file, mapped by every process of the
 * daemon before it confines itself, and so usable where no system call is.
 */
#ifndef XENPCI_TESTS_FAULTS_H
#define XENPCI_TESTS_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULTS_ENV "XENPCI_FAULTS" /* the file's path */

/* By the name that a process gives itself. */
#define FAULTS_ROLES(R)              \
	R(KEEPER, "xenpcid-keeper")  \
	R(SUPERVISOR, "xenpcid")     \
	R(SPAWNER, "xenpci-spawner") \
	R(JOB, "xenpci-job")         \
	R(GATE, "xenpci-gate")       \
	R(WORKER, "xenpci-worker")

/* name, what an error of it is called in the summary; the last cannot fail, only be died at. */
#define FAULTS_KINDS(K)             \
	K(HYPERCALL, "hypercall")   \
	K(BIND, "bind")             \
	K(MAP, "map")               \
	K(STORE, "store")           \
	K(TRANSACTION, "transaction") \
	K(FILE, "file")             \
	K(CONFIG, "config")         \
	K(ALLOC, "alloc")           \
	K(FORK, "fork")             \
	K(CONFINE, "confine")       \
	K(SEND, "send")             \
	K(DESCRIPTOR, "descriptor") \
	K(WAIT, "wait")             \
	K(OTHER, "other")

#define FAULTS_ENUM_ROLE(name, text) ROLE_##name,
#define FAULTS_ENUM_KIND(name, text) KIND_##name,
enum faults_role { FAULTS_ROLES(FAULTS_ENUM_ROLE) ROLES };
enum faults_kind { FAULTS_KINDS(FAULTS_ENUM_KIND) KINDS };

enum faults_action {
	ACTION_FAIL,
	ACTION_PAIR,   /* and the next call of the same process that can fail does so, too */
	ACTION_BEFORE, /* the process is killed before the call */
	ACTION_AFTER,  /* and after it */
};

struct faults {
	_Atomic uint32_t counting;
	_Atomic uint32_t count[ROLES][KINDS];
	_Atomic uint32_t all[ROLES]; /* of every kind: where a process can be killed */
	uint32_t role, kind, nth, action; /* kind KINDS: nth of all; nth 0: none */
	char match[128]; /* nth of those whose name or path this is, instead; "": of the kind */
	_Atomic uint32_t matched;
	_Atomic uint32_t hits;
	_Atomic int32_t second; /* the process whose next call fails; 0: none */
	int32_t pid;		/* that was hit */
	char name[2][160];	/* of the calls that were hit, with the path of a request to xenstored */
};

#endif
