/* SPDX-License-Identifier: MIT */
/*
 * xenstore's nodes as guests and toolstacks write them: values parsed one by one; and any text in any
 * node of a guest that is served, or comes, with events for it.
 */
#include "tests/fuzz/fuzz.h"

#include "common/number.h"
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
		fuzz_check(!strcmp(node_bdf_format(a, buf), text) || strlen(text) >= 12);
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
	if (!settings_range_parse(text, &range))
		settings_range_has(&range, range.first);
}

static const char *const paths[] = {
	SERVED_BACKEND "/state", SERVED_BACKEND "/num_devs", SERVED_BACKEND "/dev-0",
	SERVED_BACKEND "/dev-1", SERVED_BACKEND "/dev-2", SERVED_BACKEND "/state-0",
	SERVED_BACKEND "/state-1", SERVED_BACKEND "/state-2", SERVED_BACKEND "/opts-0",
	SERVED_BACKEND "/opts-2", SERVED_BACKEND "/vdev-1", SERVED_BACKEND "/root_num",
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
		while (in.left) {
			take_text(&in, text, sizeof(text), '\n');
			parse(text);
		}
	} else {
		write_nodes(&in);
	}
	return 0;
}
