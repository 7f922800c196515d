/* SPDX-License-Identifier: MIT */
/* What is broken on purpose, to see that the model finds it. */
#ifndef XENPCI_TESTS_MODEL_BREAK_H
#define XENPCI_TESTS_MODEL_BREAK_H

/* "OWN:PEER": the backend does nothing there; "reset": a job forgets it. 0, or -1. */
int model_break(const char *what);

#endif
