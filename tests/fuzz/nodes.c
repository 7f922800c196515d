/* SPDX-License-Identifier: MIT */
/*
 * xenstore's nodes as guests and toolstacks write them: values parsed one by one; and any text in any
 * node of a guest that is served, or comes, with events for it.
 */
#include "tests/fuzz/fuzz.h"

#include "backend/supervisor/guest_id.h"
#include "common/number.h"
#include "common/state.h"
#include "common/util.h"
#include "host/settings.h"
#include "protocol/nodes.h"
#include "tests/fuzz/served.h"

/* What is parsed and printed is parsed to the same. */
static void parse(const char *text)
{
	char buf[NODE_VALUE_MAX], bad[NODE_OPTS_BAD_MAX];
	struct settings_range range;
	struct node_opts opts;
	struct node_root root, again;
	struct sbdf a, b;
	uint64_t n;

	if (!node_dev_parse(text, &a))
		fuzz_check(a.bus <= 255 && !node_bdf_parse(node_bdf_format(a, buf), &b) && sbdf_equal(a, b));
	if (!node_vdev_parse(text, &a))
		fuzz_check(!node_vdev_parse(node_vdev_format(a, buf), &b) && sbdf_equal(a, b));
	if (!node_bdf_parse(text, &a))
		fuzz_check(!node_bdf_parse(node_bdf_format(a, buf), &b) && sbdf_equal(a, b));
	if (!sbdf_parse(text, &a))
		fuzz_check(!sbdf_parse(sbdf_format(a, buf), &b) && sbdf_equal(a, b));
	if (!node_root_parse(text, &root))
		fuzz_check(!node_root_parse(node_root_format(root, buf), &again) &&
			   again.segment == root.segment && again.bus == root.bus);
	if (node_opts_parse(text, &opts, bad))
		for (const char *c = bad; *c; c++)
			fuzz_check(*c >= ' ' && *c <= '~');
	if (!number_parse(text, 10, UINT32_MAX, &n))
		fuzz_check(n <= UINT32_MAX && n == strtoull(text, NULL, 10));
	if (!number_parse(text, 16, UINT64_MAX, &n))
		fuzz_check(n == strtoull(text, NULL, 16));
	if (!number_parse(text, 0, UINT16_MAX, &n))
		fuzz_check(n <= UINT16_MAX && n == strtoull(text, NULL, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10));
	if (!settings_range_parse(text, &range)) {
		a = range.first;
		fuzz_check(settings_range_has(&range, a));
		a.devfn ^= 1;
		fuzz_check(settings_range_has(&range, a) == range.any_function);
		a.devfn ^= 8;
		fuzz_check(settings_range_has(&range, a) == range.any_slot);
	}
}

/* Addresses have an order, and a guest's name says who it is. */
static void compare(const char *text)
{
	static struct sbdf before;
	char name[GUEST_ID_NAME_MAX];
	struct guest_id id, same;
	struct sbdf a;

	if (!sbdf_parse(text, &a)) {
		int order = sbdf_compare(a, before);

		fuzz_check((order > 0) == (sbdf_compare(before, a) < 0) &&
			   (order == 0) == sbdf_equal(a, before));
		before = a;
	}
	if (!guest_id_parse(text, &id))
		fuzz_check(!guest_id_parse(guest_id_name(id, name), &same) && same.domid == id.domid &&
			   same.devid == id.devid);
}

/* What outlives a process, in its envelope; a text that comes in ours is one of the version that we write. */
static void open_envelope(const char *text)
{
	char copy[300], head[STATE_HEAD_MAX], *inner;

	for (int part = 0; part < STATE_PARTS_COUNT; part++) {
		snprintf(copy, sizeof(copy), "%s", text);
		if (state_open((enum state_part)part, copy, &inner) > 0)
			fuzz_check(inner >= copy && inner <= copy + strlen(text));
		snprintf(copy, sizeof(copy), "%s%.200s",
			 state_head((enum state_part)part, strnlen(text, 200), head), text);
		fuzz_check(state_open((enum state_part)part, copy, &inner) == STATE_VERSION &&
			   !strncmp(inner, text, 200));
	}
}

static void parse_nothing(void)
{
	char bad[NODE_OPTS_BAD_MAX];
	struct node_opts opts;
	struct node_root root;
	struct sbdf a;
	uint64_t n;

	fuzz_check(node_dev_parse(NULL, &a) && node_vdev_parse(NULL, &a) && node_bdf_parse(NULL, &a) &&
		   node_root_parse(NULL, &root) && sbdf_parse(NULL, &a) && number_parse(NULL, 10, 1, &n));
	fuzz_check(!node_opts_parse(NULL, &opts, bad) && strcmp(state_nodes(0), state_nodes(1)));
}

static const char *const paths[] = {
	SERVED_BACKEND "/state", SERVED_BACKEND "/num_devs", SERVED_BACKEND "/dev-0",
	SERVED_BACKEND "/dev-1", SERVED_BACKEND "/dev-2", SERVED_BACKEND "/state-0",
	SERVED_BACKEND "/state-1", SERVED_BACKEND "/state-2", SERVED_BACKEND "/opts-0",
	SERVED_BACKEND "/opts-2", SERVED_BACKEND "/state-x", SERVED_BACKEND "/vdev-1", SERVED_BACKEND "/root_num",
	SERVED_BACKEND "/root-0", SERVED_BACKEND "/online", SERVED_BACKEND "/frontend",
	SERVED_BACKEND "/frontend-id", SERVED_BACKEND, SERVED_FRONTEND "/state",
	SERVED_FRONTEND "/pci-op-ref", SERVED_FRONTEND "/event-channel", SERVED_FRONTEND "/magic",
	SERVED_FRONTEND, "/local/domain/0/backend/pci/8/0/state", "/local/domain/0/backend/pci/x/0",
	"/local/domain/0/backend/pci", "/local/domain/0/xenpci/aer/7",
};

static void write_nodes(struct bytes *in)
{
	served_begin(true);
	for (unsigned i = 0; i < 40 && in->left; i++) {
		uint8_t what = take_u8(in);
		const char *path = paths[what % ARRAY_SIZE(paths)];
		char text[300];
		size_t n = take_text(in, text, sizeof(text), 0xff);

		if (!n)
			world_remove(path);
		else
			world_write_bytes(path, text, (unsigned)n);
		/* Now and then all of what is written meanwhile is seen at once. */
		if (what < 200)
			served_settle();
	}
	served_settle();
	world_remove("/local/domain/0/backend/pci/8");
	served_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };
	char text[300];

	if (size > 1024)
		return 0;
	if (take_u8(&in) & 1) {
		parse_nothing();
		while (in.left) {
			take_text(&in, text, sizeof(text), '\n');
			parse(text);
			compare(text);
			open_envelope(text);
		}
	} else {
		write_nodes(&in);
	}
	return 0;
}
