/* SPDX-License-Identifier: MIT */
/*
 * The state that outlives the process: all of it, its form and its version, in this one place. A
 * newer xenpcid reads what an older one left (tests/state keeps such states); one that it does not
 * know it leaves alone, and says so.
 *
 * In xenstore, below state_nodes() of our own domain, each part is one node's text in an envelope,
 *	MAGIC VERSION LENGTH TEXT
 * LENGTH being TEXT's in bytes. Version 1 had no envelope: a text without MAGIC is one of those.
 *
 *   part        node                              text (<domid> is <domid>-<devid> of another PCI frontend than 0)
 *   guest       guests/<domid>                    the domain's uuid, or "-" (version 1: empty)
 *   device      guests/<domid>/<bdf>              VDEV SLOT FLAGS PROVIDER COMMAND [@BINDING] SAVED (successor.c)
 *   interrupts  guests/<domid>/<bdf>/interrupts   WORD NR PIRQ[/ENTRY]... (vectors.c)
 *   quarantine  quarantine/<bdf>                  why, or "unreset: why" (host/quarantine.h)
 *
 * In the state directory:
 *
 *   ledger      guest-<domid>                     struct ledger (backend/messages/ledger.h), which begins
 *                                                 with magic, version and its lengths
 *   quarantine  quarantine-<bdf>                  the node's text again, for where xenstore has lost it
 *   asleep      asleep-<bdf>                      BINDING SAVED: it sleeps in D3hot (host/asleep.h)
 *
 * What only finds the process that serves now, and is never resumed from, has one form for ever: the
 * nodes pid and lock, the files lock-* (locks, empty), and the file autoprobe, the bus's switch as it
 * was found (one byte, 0 or 1). No function here waits or logs.
 */
#ifndef XENPCI_COMMON_STATE_H
#define XENPCI_COMMON_STATE_H

#include <stdint.h>

/* A build may write an older version, for the tests of upgrades (tests/box/upgrade.sh). */
#ifndef STATE_VERSION
#define STATE_VERSION 2
#endif
#define STATE_OLDEST 1

/* The state directory where nobody names another, and the node that names the one of who serves. */
#define STATE_DIR "/run/xenpci"
#define STATE_NODE_LOCK "lock"

/*
 * Where our nodes are, below /local/domain/<own_domid>, which a toolstack gives to domain 0 alone: another
 * domain may write below "data", that every toolstack makes for it and shows to nobody else. Static.
 */
const char *state_nodes(uint32_t own_domid);

#define STATE_PARTS(X)                         \
	X(GUEST, "xenpci-guest")               \
	X(DEVICE, "xenpci-device")             \
	X(INTERRUPTS, "xenpci-interrupts")     \
	X(QUARANTINE, "xenpci-quarantine")     \
	X(ASLEEP, "xenpci-asleep")

enum state_part {
#define X(part, magic) STATE_##part,
	STATE_PARTS(X)
#undef X
	STATE_PARTS_COUNT,
};

#define STATE_HEAD_MAX 48 /* the envelope without its text */

/* The envelope of a text of that many bytes, with its last space; empty for version 1. Returns head. */
const char *state_head(enum state_part part, unsigned long length, char head[STATE_HEAD_MAX]);

/*
 * Takes text out of its envelope: *inner is where it begins, within text. Returns its version, or -1
 * with errno: EINVAL (damaged, or another part's), EPROTONOSUPPORT (a version that we do not know).
 */
int state_open(enum state_part part, char *text, char **inner);

#endif
