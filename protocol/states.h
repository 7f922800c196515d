/* SPDX-License-Identifier: MIT */
/*
 * The two state machines, as tables: what an end does when its own xenbus state
 * is `own` and the other end's is `peer`. Both are judged by level, not by edge:
 * the caller reads both nodes, asks for the action, does it, writes the state that
 * the action ends in, and asks again until there is nothing to do. Events may
 * so be lost, doubled and merged without harm. Sources: PROTOCOL.md 2.5 to
 * 2.14; where these tables differ from the kernel's behaviour, DIFFERENCES.md says
 * why. Nothing here logs; everything may be called from several threads.
 */
#ifndef XENPCI_PROTOCOL_STATES_H
#define XENPCI_PROTOCOL_STATES_H

#include "protocol/pciif.h"

/* X(name, state written when the action succeeded (Unknown: none), what it is) */
#define BACKEND_ACTIONS(X)                                                              \
	X(NOTHING, Unknown, "nothing to do")                                            \
	X(SETUP, InitWait, "a new instance: read who the guest is, watch it")           \
	X(EXPORT, Initialised, "claim every device, publish vdev-N, state-N and roots") \
	X(SUBSTATES, Unknown, "serve devices added or leaving before the guest connects") \
	X(CONNECT, Connected, "map the page, bind the channel")                         \
	X(RECONFIGURE, Reconfigured, "serve state-N 1 and 5 of a connected guest")      \
	X(RETURN, Initialised, "serve state-N with no guest behind it, and go back")    \
	X(SETTLE, Connected, "the guest has seen the reconfiguration")                  \
	X(CLOSE, Closing, "unbind, unmap; devices stay claimed")                        \
	X(CLOSED, Closed, "the same, the guest is through")                             \
	X(REOPEN, InitWait, "unbind, unmap if need be, and start over for the same guest") \
	X(GONE, Unknown, "one of the directories vanished: release everything")

/* X(name, state written when the action succeeded (Unknown: none), what it is) */
#define FRONTEND_ACTIONS(X)                                                            \
	X(NOTHING, Unknown, "nothing to do")                                           \
	X(PUBLISH, Initialised, "publish page, port and magic")                        \
	X(ENUMERATE, Connected, "scan the roots, all devices are new")                 \
	X(DETACH, Reconfiguring, "drop the devices whose state-N is 5")                \
	X(SKIP, Reconfiguring, "reconfigured before it was connected: nothing to drop") \
	X(RESCAN, Connected, "scan the roots for devices that are new")                \
	X(CLOSE, Closed, "drop all devices")                                           \
	X(GONE, Unknown, "the backend's directory vanished: drop all devices")

#define STATES_ENUM(prefix, name) prefix##name
#define STATES_BACKEND_ENUM(name, state, text) STATES_ENUM(BACKEND_, name),
#define STATES_FRONTEND_ENUM(name, state, text) STATES_ENUM(FRONTEND_, name),
enum backend_action { BACKEND_ACTIONS(STATES_BACKEND_ENUM) };
enum frontend_action { FRONTEND_ACTIONS(STATES_FRONTEND_ENUM) };
#undef STATES_BACKEND_ENUM
#undef STATES_FRONTEND_ENUM

/*
 * What the backend does in state own (its node in the store: the toolstack
 * writes 1 and 7 there) when the frontend's node says peer. A number that is no xenbus
 * state is answered NOTHING; an absent node is Unknown.
 */
enum backend_action backend_action(unsigned own, unsigned peer);
/* The same for the frontend. */
enum frontend_action frontend_action(unsigned own, unsigned peer);

/* The state that the action ends in; XenbusStateUnknown where it writes none. */
unsigned backend_action_state(enum backend_action action);
unsigned frontend_action_state(enum frontend_action action);

/* What the action is, for the log. */
const char *backend_action_text(enum backend_action action);
const char *frontend_action_text(enum frontend_action action);

#endif
