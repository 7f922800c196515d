/* SPDX-License-Identifier: MIT */
#include "tests/pvkernel/store.h"

#include <xen/io/xs_wire.h>

#include "tests/pvkernel/pv.h"
#include "tests/pvkernel/text.h"

#define TOKEN "w"

static struct xenstore_domain_interface *ring;
static char answer[XENSTORE_PAYLOAD_MAX + 1];
static bool changed;

void store_init(void)
{
	ring = pv_frame(start_info->store_mfn);
}

static void put(const void *data, size_t len)
{
	const char *p = data;

	for (size_t i = 0; i < len; i++) {
		XENSTORE_RING_IDX prod = ring->req_prod;

		while (prod - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE) == XENSTORE_RING_SIZE)
			port_wait(start_info->store_evtchn);
		ring->req[MASK_XENSTORE_IDX(prod)] = p[i];
		__atomic_store_n(&ring->req_prod, prod + 1, __ATOMIC_RELEASE);
	}
}

static void get(void *data, size_t len)
{
	char *p = data;

	for (size_t i = 0; i < len; i++) {
		XENSTORE_RING_IDX cons = ring->rsp_cons;

		while (__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) == cons)
			port_wait(start_info->store_evtchn);
		p[i] = ring->rsp[MASK_XENSTORE_IDX(cons)];
		__atomic_store_n(&ring->rsp_cons, cons + 1, __ATOMIC_RELEASE);
		if (i % XENSTORE_RING_SIZE == XENSTORE_RING_SIZE / 2)
			port_notify(start_info->store_evtchn);
	}
}

/* One message into answer; its type. */
static uint32_t receive(void)
{
	struct xsd_sockmsg head;

	get(&head, sizeof(head));
	if (head.len > XENSTORE_PAYLOAD_MAX)
		die("xenstore's answer is too long", (long)head.len);
	get(answer, head.len);
	answer[head.len] = 0;
	port_notify(start_info->store_evtchn);
	if (head.type == XS_WATCH_EVENT)
		changed = true;
	return head.type;
}

/* The answer is in answer; false: it is the name of an error. */
static bool ask(uint32_t type, store_tx_t tx, const char *first, const char *second, size_t second_len)
{
	size_t len = text_length(first) + 1;
	struct xsd_sockmsg head = { .type = type, .tx_id = tx, .len = (uint32_t)(len + second_len) };
	uint32_t got;

	put(&head, sizeof(head));
	put(first, len);
	put(second, second_len);
	port_notify(start_info->store_evtchn);
	do
		got = receive();
	while (got == XS_WATCH_EVENT);
	if (got != type && got != XS_ERROR)
		die("xenstore answers something else", (long)got);
	return got == type;
}

static const char *path_of(const char *dir, const char *node)
{
	static char path[STORE_PATH_MAX];

	format(path, sizeof(path), "%s/%s", dir, node);
	return path;
}

bool store_read(const char *dir, const char *node, char *buf, size_t size)
{
	bool there = ask(XS_READ, 0, path_of(dir, node), NULL, 0);

	format(buf, size, "%s", there ? answer : "");
	return there;
}

long store_number(const char *dir, const char *node)
{
	char value[16];

	return store_read(dir, node, value, sizeof(value)) ? (long)text_decimal(value) : -1;
}

bool store_write(store_tx_t tx, const char *dir, const char *node, const char *value)
{
	return ask(XS_WRITE, tx, path_of(dir, node), value, text_length(value));
}

void store_remove(const char *dir, const char *node)
{
	ask(XS_RM, 0, path_of(dir, node), NULL, 0);
}

store_tx_t store_begin(void)
{
	if (!ask(XS_TRANSACTION_START, 0, "", NULL, 0))
		die("no transaction", 0);
	return text_decimal(answer);
}

bool store_commit(store_tx_t tx)
{
	if (ask(XS_TRANSACTION_END, tx, "T", NULL, 0))
		return true;
	if (!text_equal(answer, "EAGAIN"))
		die(answer, 0);
	return false;
}

void store_watch(const char *dir, const char *node)
{
	if (!ask(XS_WATCH, 0, path_of(dir, node), TOKEN, sizeof(TOKEN)))
		die("watching", 0);
}

void store_unwatch(const char *dir, const char *node)
{
	ask(XS_UNWATCH, 0, path_of(dir, node), TOKEN, sizeof(TOKEN));
}

void store_wait(void)
{
	while (!changed)
		receive();
	changed = false;
}
