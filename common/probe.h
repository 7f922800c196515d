/* SPDX-License-Identifier: MIT */
/*
 * Places where bpftrace, perf and gdb can look on (docs/control.md): a nop each, and a note in the
 * program of where its arguments are. Where <sys/sdt.h> is missing, or with -DXENPCI_NO_PROBES, nothing.
 */
#ifndef XENPCI_COMMON_PROBE_H
#define XENPCI_COMMON_PROBE_H

#if !defined(XENPCI_NO_PROBES) && defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE3(name, a, b, c) DTRACE_PROBE3(xenpci, name, a, b, c)
#define PROBE4(name, a, b, c, d) DTRACE_PROBE4(xenpci, name, a, b, c, d)
#define PROBE5(name, a, b, c, d, e) DTRACE_PROBE5(xenpci, name, a, b, c, d, e)
#endif
#endif

#ifndef PROBE3
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#define PROBE5(name, a, b, c, d, e) ((void)(a), (void)(b), (void)(c), (void)(d), (void)(e))
#endif

#endif
