/* SPDX-License-Identifier: MIT */
/*
 * What outlives the process: a supervisor begins where another has left anything in xenstore, about
 * devices, their interrupts, and their saved configuration. It comes to rest, and forgets all when the
 * guest ends.
 */
#include "tests/fuzz/fuzz.h"

#include "common/state.h"
#include "host/device/save.h"
#include "tests/fuzz/served.h"
#include "tests/fuzz/trouble.h"

static struct pcidev *open_some(struct provider **p)
{
	struct sbdf a;

	if (!*p)
		*p = provider_open("image:tests/dumps/bench.txt", NULL);
	if (!*p || sbdf_parse("0000:00:04.0", &a))
		fuzz_fail("no device");
	return provider_open_device(*p, a);
}

/* The golden image as text. */
static void parse_saved(const char *text)
{
	static struct provider *p;
	struct pcidev *dev = open_some(&p);
	struct pcidev_saved *saved;
	char again[PCIDEV_SAVED_TEXT];

	/* Nobody has the memory to know what there is. */
	trouble_memory(1);
	fuzz_check(!pcidev_saved_parse(dev, text));
	trouble_over();
	saved = pcidev_saved_parse(dev, text);

	if (saved) {
		fuzz_check(pcidev_saved_format(saved, again) < PCIDEV_SAVED_TEXT);
		pcidev_restore(dev, saved);
		pcidev_lost_config(dev, saved);
		pcidev_saved_free(saved);
	}
	pcidev_reset(dev);
	pcidev_close(dev);
}

static const char *const paths[] = {
	SERVED_MEMORY "/0000-00-04-0", SERVED_MEMORY "/0000-05-00-0",
	SERVED_MEMORY "/0000-00-04-0/interrupts", SERVED_MEMORY "/0000-05-00-0/interrupts",
	SERVED_MEMORY "/0000-00-07-0", SERVED_MEMORY, "/local/domain/0/xenpci/guests/8",
	"/local/domain/0/xenpci/guests/nobody/0000-00-04-0",
};

/* Which part of the state each of them is. */
static enum state_part part_of(unsigned path)
{
	return path < 2 || path == 4 || path == 7 ? STATE_DEVICE : path < 4 ? STATE_INTERRUPTS : STATE_GUEST;
}

static void leave(struct bytes *in)
{
	for (unsigned i = 0; i < 12 && in->left; i++) {
		uint8_t what = take_u8(in);
		unsigned which = what % (sizeof(paths) / sizeof(paths[0]));
		const char *path = paths[which];
		char text[1500], whole[sizeof(text) + STATE_HEAD_MAX] = "";
		size_t n = take_text(in, text, sizeof(text), 0xff), head = 0;

		/* In an envelope that is right, as a rule. */
		if (what < 0xc0)
			head = strlen(state_head(part_of(which), n, whole));
		memcpy(whole + head, text, n);
		if (n)
			world_write_bytes(path, whole, (unsigned)(head + n));
		else
			world_remove(path);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };
	uint8_t what = take_u8(&in);
	char text[PCIDEV_SAVED_TEXT];

	if (size > 2048)
		return 0;
	if (what & 1) {
		take_text(&in, text, sizeof(text), 0);
		parse_saved(text);
		return 0;
	}
	served_begin(true);
	for (unsigned i = 0; what & 2 && i < WORLD_DEVICES; i++)
		if (world_can_map(i))
			world_map(i);
	if (what & 4)
		world_remove(SERVED_BACKEND);
	world_kill();
	leave(&in);
	served_deceived = true;
	world_start();
	served_settle();
	world_remove("/local/domain/0/xenpci/guests/8");
	served_end();
	return 0;
}
