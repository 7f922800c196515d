/* SPDX-License-Identifier: MIT */
/*
 * The paravirtual machine under the kernel: memory, grants, event channels, the console. One
 * processor that takes no upcalls: an event is looked for, or slept for in Xen. What fails here ends the domain, with a line on the console.
 */
#ifndef XENPCI_TESTS_PVKERNEL_PV_H
#define XENPCI_TESTS_PVKERNEL_PV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>

#define PAGE_SIZE 4096

/* What the domain builder left; set before anything else runs. */
extern const struct start_info *start_info;

/* Maps the shared info and grant pages, finds the console. */
void pv_init(const struct start_info *si);

/* Where a page of the initial mapping is that the builder names by machine frame. */
void *pv_frame(xen_pfn_t mfn);

/* A port for remote, which binds it. */
evtchn_port_t port_for(domid_t remote);
void port_close(evtchn_port_t port);
void port_notify(evtchn_port_t port);
/* Takes a pending event; false: there is none. */
bool port_take(evtchn_port_t port);
/* Sleeps until an event is pending, and takes it. */
void port_wait(evtchn_port_t port);

/* Grants a page of ours to remote, writable. ref is the caller's choice, from GRANT_FIRST up. */
#define GRANT_FIRST GNTTAB_NR_RESERVED_ENTRIES
#define GRANT_LAST (PAGE_SIZE / sizeof(struct grant_entry_v1) - 1)
void grant_give(grant_ref_t ref, domid_t remote, const void *page);
/* False: remote still maps it, and it stays granted. */
bool grant_end(grant_ref_t ref);

/* One line on the console, ended by it. As format() has it (text.h). */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
__attribute__((noreturn)) void die(const char *what, long why);

#endif
