/* SPDX-License-Identifier: MIT */
/*
 * For harnesses that have a supervisor (tests/model/world.h): one that serves guest 7 with both devices,
 * and is free of guests again at the end.
 */
#ifndef XENPCI_TESTS_FUZZ_SERVED_H
#define XENPCI_TESTS_FUZZ_SERVED_H

#include "tests/model/model.h"

#define SERVED_DOMID ((uint32_t)WORLD_FIRST_DOMID)
#define SERVED_BACKEND "/local/domain/0/backend/pci/7/0"
#define SERVED_FRONTEND "/local/domain/7/device/pci/0"
#define SERVED_MEMORY "/local/domain/0/xenpci/guests/7"

/* What a supervisor goes by was made up: who holds a device then, nobody can say. */
extern bool served_deceived;

/* With a guest that is connected where `connected`. */
void served_begin(bool connected);
/* Whatever can move by itself does, until nothing does; ends the program where that takes for ever. */
void served_settle(void);
/* The guest dies, its nodes go: nothing of it may be left. */
void served_end(void);
/* The facts of world.h hold. */
void served_check(void);

#endif
