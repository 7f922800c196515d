/* SPDX-License-Identifier: MIT */
#include "tests/pvkernel/pv.h"

#include <stdarg.h>

#include <xen/io/console.h>
#include <xen/sched.h>

#include "tests/pvkernel/text.h"

#define HYPERCALL_SIZE 32 /* of each in the page */
#define PTE_RW_USER 0x27 /* present, writable, user, accessed */

extern char hypercall_page[];
const struct start_info *start_info;

static char shared_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char grant_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct shared_info *const shared = (struct shared_info *)shared_page;
static volatile struct grant_entry_v1 *const grants = (struct grant_entry_v1 *)grant_page;
static struct xencons_interface *console;

static long hypercall(unsigned nr, unsigned long a, unsigned long b, unsigned long c)
{
	long result;

	__asm__ volatile("call *%[entry]"
			 : "=&a"(result), "+D"(a), "+S"(b), "+d"(c)
			 : [entry] "r"(hypercall_page + (size_t)nr * HYPERCALL_SIZE)
			 : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static long sched_op(unsigned op, void *arg)
{
	return hypercall(__HYPERVISOR_sched_op, op, (unsigned long)arg, 0);
}

static void event_op(unsigned op, void *arg, const char *what)
{
	long rc = hypercall(__HYPERVISOR_event_channel_op, op, (unsigned long)arg, 0);

	if (rc)
		die(what, rc);
}

static void map(void *page, uint64_t machine)
{
	long rc = hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)page, machine | PTE_RW_USER,
			    UVMF_INVLPG);

	if (rc)
		die("mapping a page", rc);
}

void *pv_frame(xen_pfn_t mfn)
{
	return (void *)(machine_to_phys_mapping[mfn] * PAGE_SIZE);
}

static xen_pfn_t frame_of(const void *page)
{
	return ((const xen_pfn_t *)start_info->mfn_list)[(unsigned long)page / PAGE_SIZE];
}

static void map_grants(void)
{
	xen_pfn_t frame = 0;
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	long rc;

	set_xen_guest_handle(setup.frame_list, &frame);
	rc = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (unsigned long)&setup, 1);
	if (rc || setup.status)
		die("the grant table", rc ? rc : setup.status);
	map(grant_page, (uint64_t)frame * PAGE_SIZE);
}

void pv_init(const struct start_info *si)
{
	start_info = si;
	console = pv_frame(si->console.domU.mfn);
	map(shared_page, si->shared_info);
	/* Nobody is called up: a port's bit is looked at, or slept upon. */
	for (size_t i = 0; i < sizeof(shared->evtchn_mask) / sizeof(shared->evtchn_mask[0]); i++)
		shared->evtchn_mask[i] = ~0UL;
	map_grants();
}

evtchn_port_t port_for(domid_t remote)
{
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = remote };

	event_op(EVTCHNOP_alloc_unbound, &alloc, "allocating a port");
	return alloc.port;
}

void port_close(evtchn_port_t port)
{
	struct evtchn_close end = { .port = port };

	event_op(EVTCHNOP_close, &end, "closing a port");
	port_take(port);
}

void port_notify(evtchn_port_t port)
{
	struct evtchn_send send = { .port = port };

	event_op(EVTCHNOP_send, &send, "an event");
}

bool port_take(evtchn_port_t port)
{
	unsigned long *word = &shared->evtchn_pending[port / 64], bit = 1UL << port % 64;

	return __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit;
}

void port_wait(evtchn_port_t port)
{
	struct sched_poll poll = { .nr_ports = 1 };

	set_xen_guest_handle(poll.ports, &port);
	while (!port_take(port))
		if (sched_op(SCHEDOP_poll, &poll))
			die("waiting for an event", (long)port);
}

void grant_give(grant_ref_t ref, domid_t remote, const void *page)
{
	if (ref < GRANT_FIRST || ref > GRANT_LAST)
		die("no such grant reference", (long)ref);
	grants[ref].frame = (uint32_t)frame_of(page);
	grants[ref].domid = remote;
	__atomic_store_n(&grants[ref].flags, GTF_permit_access, __ATOMIC_RELEASE);
}

bool grant_end(grant_ref_t ref)
{
	uint16_t flags = GTF_permit_access;

	/* Xen's own bits say that it is mapped. */
	return __atomic_compare_exchange_n(&grants[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void put(char c)
{
	XENCONS_RING_IDX prod = console->out_prod;

	while (prod - __atomic_load_n(&console->out_cons, __ATOMIC_ACQUIRE) == sizeof(console->out))
		sched_op(SCHEDOP_yield, NULL);
	console->out[MASK_XENCONS_IDX(prod, console->out)] = c;
	__atomic_store_n(&console->out_prod, prod + 1, __ATOMIC_RELEASE);
}

void say(const char *fmt, ...)
{
	struct evtchn_send send = { .port = start_info->console.domU.evtchn };
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (const char *p = line; *p; p++)
		put(*p);
	put('\n');
	hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&send, 0);
}

void die(const char *what, long why)
{
	struct sched_shutdown end = { .reason = SHUTDOWN_crash };

	/* As a positive number: all that fails here fails with a small negative one. */
	say("not ok %s: %u", what, (unsigned)(why < 0 ? -why : why));
	for (;;)
		sched_op(SCHEDOP_shutdown, &end);
}
