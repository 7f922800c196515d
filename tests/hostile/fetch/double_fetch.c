/* SPDX-License-Identifier: MIT */
/*
 * XSA-155, XSA-478: the worker's own code serves requests from a page that is withdrawn (PROT_NONE).
 * Each access faults, is noted, is let through as a single step, and the page is withdrawn again; a
 * word that was read holds something else from then on. No word may be read twice, and none once a
 * request is being carried out. The state of the machine is what counts, so that a compiler which
 * makes two reads of one is caught as well as who writes them.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "backend/worker/worker.h"
#include "common/util.h"

#if defined(__x86_64__)

#define TRAP_FLAG 0x100
#define WRITE_FAULT 2
#define FLIPPED 0xffffffffu

static page_t *page;
static volatile unsigned reads[PCIIF_PAGE_SIZE / 4];
static volatile unsigned used, late, writes;
static volatile size_t at;
static volatile bool reading;
static struct xen_pci_op wanted, seen;
static struct device device;
static unsigned failures;

static void *plain(void)
{
	return (void *)(uintptr_t)page;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	at = (size_t)((uintptr_t)info->si_addr - (uintptr_t)page);
	if (at >= PCIIF_PAGE_SIZE)
		abort();
	reading = !(uc->uc_mcontext.gregs[REG_ERR] & WRITE_FAULT);
	if (reading && at >= offsetof(struct xen_pci_sharedinfo, op)) {
		reads[at / 4]++;
		late += used;
	}
	writes += !reading;
	mprotect(plain(), PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE);
	uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	volatile uint32_t *word = plain();

	(void)sig;
	(void)info;
	if (reading && at >= offsetof(struct xen_pci_sharedinfo, op))
		word[at / 4] = FLIPPED;
	mprotect(plain(), PCIIF_PAGE_SIZE, PROT_NONE);
	uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

/* What requests.c calls: from the first of these on, the request is carried out. */

struct device *device_find(struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	(void)w;
	used = 1;
	seen.domain = domain;
	seen.bus = bus;
	seen.devfn = devfn;
	return &device;
}

bool device_is_gone(const struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	(void)w;
	(void)domain;
	(void)bus;
	(void)devfn;
	return false;
}

int config_guest_read(struct config *cfg, int32_t offset, int32_t size, uint32_t *value)
{
	(void)cfg;
	seen.offset = offset;
	seen.size = size;
	seen.value = *value;
	*value = 0x12345678;
	return 0;
}

int config_guest_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value)
{
	(void)cfg;
	seen.offset = offset;
	seen.size = size;
	seen.value = value;
	return 0;
}

void ask_gate(struct worker *w, struct message *m)
{
	struct xen_pci_op op = m->u.interrupt.op;

	(void)w;
	seen = op;
	memset(m, 0, sizeof(*m));
	m->kind = MESSAGE_INTERRUPTED;
	m->u.interrupt.op = op;
	m->u.interrupt.vectors = op.cmd == XEN_PCI_OP_enable_msix && op.value <= SH_INFO_MAX_VEC
					 ? op.value : 0;
}

void message_init(struct message *m, enum message_kind kind, unsigned slot)
{
	memset(m, 0, sizeof(*m));
	m->kind = (uint16_t)kind;
	m->slot = (uint16_t)slot;
}

bool config_take_denial(struct config *cfg, struct config_denial *denial)
{
	(void)cfg;
	(void)denial;
	return false;
}

uint64_t config_denied_total(const struct config *cfg)
{
	(void)cfg;
	return 0;
}

void device_keep(struct device *d)
{
	(void)d;
}

int device_reload(struct device *d)
{
	(void)d;
	return 0;
}

bool try_to_tell(struct worker *w, const struct message *m)
{
	(void)w;
	(void)m;
	return true;
}

void config_put_back_denial(struct config *cfg)
{
	(void)cfg;
}

const char *config_name_at(const struct config *cfg, int32_t offset)
{
	(void)cfg;
	(void)offset;
	return "register";
}

bool ratelimit_allow(struct ratelimit *r, uint64_t now)
{
	(void)r;
	(void)now;
	return true;
}

void tell_supervisor(struct worker *w, const struct message *m, int fd)
{
	(void)w;
	(void)m;
	(void)fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	(void)port;
	return 0;
}

static void check(bool good, const char *what, unsigned cmd, unsigned value)
{
	if (good)
		return;
	failures++;
	printf("# command %u, value %u: %s\n", cmd, value, what);
}

static void one(struct worker *w, uint32_t cmd, uint32_t value)
{
	unsigned twice = 0, entries = cmd == XEN_PCI_OP_enable_msix ? value : 0;
	bool rest;

	if (entries > SH_INFO_MAX_VEC)
		entries = SH_INFO_MAX_VEC;
	memset(&wanted, 0, sizeof(wanted));
	wanted = (struct xen_pci_op){ .cmd = cmd, .domain = 1, .bus = 2, .devfn = 3, .offset = 4,
				      .size = 4, .value = value, .info = 5 };
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		wanted.msix_entries[i].entry = (uint16_t)i;
	mprotect(plain(), PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE);
	page_init(page, false);
	page_post(page, &wanted);
	memset(&seen, 0, sizeof(seen));
	memset((void *)(uintptr_t)reads, 0, sizeof(reads));
	used = late = writes = 0;
	mprotect(plain(), PCIIF_PAGE_SIZE, PROT_NONE);
	check(serve_request(w), "not served", cmd, value);
	mprotect(plain(), PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		twice += reads[i] > 1;
	check(!twice, "a word of the page was read twice", cmd, value);
	check(!late, "the page was read while the request was carried out", cmd, value);
	check(used && writes >= 3, "nothing was seen: the check is blind", cmd, value);
	check(reads[offsetof(struct xen_pci_sharedinfo, op.cmd) / 4] == 1, "no command was read", cmd,
	      value);
	rest = seen.domain == wanted.domain && seen.bus == wanted.bus && seen.devfn == wanted.devfn &&
	       (cmd > XEN_PCI_OP_enable_multi_msi ||
		(seen.offset == wanted.offset && seen.size == wanted.size && seen.value == value));
	check(rest, "carried out with other fields than were sent", cmd, value);
	check(!memcmp(seen.msix_entries, wanted.msix_entries, entries * sizeof(seen.msix_entries[0])),
	      "carried out with other entries than were sent", cmd, value);
}

int main(int argc, char **argv)
{
	static const uint32_t values[] = { 0, 1, 2, 127, 128, 129, 2048, 0x7fffffff, UINT32_MAX };
	static struct worker w;
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	page = mmap(NULL, PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w.ledger = calloc(1, sizeof(*w.ledger));
	if (plain() == MAP_FAILED || !w.ledger || sigaction(SIGSEGV, &fault, NULL) ||
	    sigaction(SIGTRAP, &step, NULL))
		return 1;
	w.page = page;
	w.setup.late_ms = UINT32_MAX;
	device.worker = &w;
	for (uint32_t cmd = 0; cmd <= XEN_PCI_OP_enable_multi_msi; cmd++)
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			if (cmd < XEN_PCI_OP_aer_detected || cmd == XEN_PCI_OP_enable_multi_msi)
				one(&w, cmd, values[i]);
	printf("%sok no word of the page is read twice (%s)\n", failures ? "not " : "",
	       argc > 1 ? argv[1] : "");
	free(w.ledger);
	return failures != 0;
}

#else

int main(void)
{
	printf("ok double fetch # SKIP single steps are known of x86-64 only\n");
	return 0;
}

#endif
