/* SPDX-License-Identifier: MIT */
#include "protocol/states.h"

#include "common/util.h"

struct action_row {
	unsigned state;
	const char *text;
};

#define ACTION_ROW(name, state, text) { XenbusState##state, text },
static const struct action_row backend_rows[] = { BACKEND_ACTIONS(ACTION_ROW) };
static const struct action_row frontend_rows[] = { FRONTEND_ACTIONS(ACTION_ROW) };

/* Short names, so that the tables below keep the form of tables. */
#define ___ 0
#define SET BACKEND_SETUP
#define EXP BACKEND_EXPORT
#define SUB BACKEND_SUBSTATES
#define CON BACKEND_CONNECT
#define REC BACKEND_RECONFIGURE
#define RET BACKEND_RETURN
#define STL BACKEND_SETTLE
#define CLO BACKEND_CLOSE
#define CLD BACKEND_CLOSED
#define REO BACKEND_REOPEN
#define GON BACKEND_GONE

/*
 * A guest that shows 1 or 2 behind a connected backend has started over without
 * closing (its kernel was replaced, its process killed): the pair is opened anew.
 * 5 is where a fatal error rests: only a frontend that closes can leave it.
 * One that shows 7 behind 3 has published its page, and has seen the 7 that we were about to leave for
 * a guest which had started over: it waits for 4.
 */
static const uint8_t backend_table[PCIIF_STATE_COUNT][PCIIF_STATE_COUNT] = {
	/* frontend:         0    1    2    3    4    5    6    7    8 */
	/* Unknown       */ {GON, GON, GON, GON, GON, GON, GON, GON, GON},
	/* Initialising  */ {SET, SET, SET, SET, SET, SET, SET, SET, SET},
	/* InitWait      */ {GON, EXP, EXP, EXP, ___, CLO, CLD, ___, ___},
	/* Initialised   */ {GON, SUB, SUB, CON, ___, CLO, CLD, CON, ___},
	/* Connected     */ {GON, REO, REO, ___, ___, CLO, CLD, ___, ___},
	/* Closing       */ {GON, ___, ___, ___, ___, ___, CLD, ___, ___},
	/* Closed        */ {GON, REO, REO, REO, ___, ___, ___, ___, ___},
	/* Reconfiguring */ {GON, RET, RET, ___, ___, CLO, CLD, REC, ___},
	/* Reconfigured  */ {GON, REO, REO, ___, STL, CLO, CLD, ___, ___},
};

#undef CLO
#undef GON
#define PUB FRONTEND_PUBLISH
#define ENU FRONTEND_ENUMERATE
#define DET FRONTEND_DETACH
#define SKP FRONTEND_SKIP
#define RSC FRONTEND_RESCAN
#define CLO FRONTEND_CLOSE
#define GON FRONTEND_GONE

/*
 * In 5 and 6 the frontend rests because its caller has closed it. It leaves them when the caller
 * writes 1, and then waits for a backend that still shows the old 4, 6 or 8. A backend that fails
 * while the frontend is in 7 is followed to 6 (the kernel's frontend stays in 7). A backend that
 * returns from 7 to 4 is taken as if it had passed 8.
 */
static const uint8_t frontend_table[PCIIF_STATE_COUNT][PCIIF_STATE_COUNT] = {
	/* backend:          0    1    2    3    4    5    6    7    8 */
	/* Unknown       */ {___, ___, ___, ___, ___, ___, ___, ___, ___},
	/* Initialising  */ {___, PUB, PUB, PUB, ___, CLO, ___, PUB, ___},
	/* InitWait      */ {___, PUB, PUB, PUB, ___, CLO, ___, PUB, ___},
	/* Initialised   */ {GON, ___, ___, ___, ENU, CLO, CLO, SKP, ___},
	/* Connected     */ {GON, ___, ___, ___, ___, CLO, CLO, DET, ___},
	/* Closing       */ {GON, ___, ___, ___, ___, CLO, CLO, ___, ___},
	/* Closed        */ {GON, ___, ___, ___, ___, ___, ___, ___, ___},
	/* Reconfiguring */ {GON, ___, ___, ___, RSC, CLO, CLO, ___, RSC},
	/* Reconfigured  */ {GON, ___, ___, ___, RSC, CLO, CLO, DET, RSC},
};

enum backend_action backend_action(unsigned own, unsigned peer)
{
	if (own >= PCIIF_STATE_COUNT || peer >= PCIIF_STATE_COUNT)
		return BACKEND_NOTHING;
	return (enum backend_action)backend_table[own][peer];
}

enum frontend_action frontend_action(unsigned own, unsigned peer)
{
	if (own >= PCIIF_STATE_COUNT || peer >= PCIIF_STATE_COUNT)
		return FRONTEND_NOTHING;
	return (enum frontend_action)frontend_table[own][peer];
}

unsigned backend_action_state(enum backend_action action)
{
	return backend_rows[action].state;
}

unsigned frontend_action_state(enum frontend_action action)
{
	return frontend_rows[action].state;
}

const char *backend_action_text(enum backend_action action)
{
	return backend_rows[action].text;
}

const char *frontend_action_text(enum frontend_action action)
{
	return frontend_rows[action].text;
}
