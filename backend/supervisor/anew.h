/* SPDX-License-Identifier: MIT */
/*
 * What is looked at before the supervisor starts anew, and how much it logs. Its other processes were
 * made with the settings that it began with: so it does not read them anew under way, but leaves its
 * guests to a successor as one that was killed would, who begins with them. One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_ANEW_H
#define XENPCI_BACKEND_SUPERVISOR_ANEW_H

#include <stdbool.h>
#include <stddef.h>
#include <xentoollog.h>

/* Whether a successor could begin with that file. 0, or -1 with why not as text. Logs nothing. */
int anew_check_settings(const char *path, bool must_exist, char *text, size_t room);

/*
 * Sets what is logged by this process, until it starts anew: level is "error", "warn", "info", "detail"
 * or "debug". 0, or -1; text tells in both cases. anew_level: as it is.
 */
int anew_set_level(xentoollog_logger *lg, const char *level, char *text, size_t room);
const char *anew_level(void);
/* What the program was started with. */
void anew_remember_level(int level);

#endif
