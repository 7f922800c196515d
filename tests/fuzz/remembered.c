/* SPDX-License-Identifier: MIT */
/*
 * What outlives the process: a supervisor begins where another has left anything in xenstore, about
 * devices, their interrupts, and their saved configuration. It comes to rest, and forgets all when the
 * guest ends.
 */
#include "tests/fuzz/fuzz.h"

#include "host/device/save.h"
#include "tests/fuzz/served.h"

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
	struct pcidev_saved *saved = pcidev_saved_parse(dev, text);
	char again[PCIDEV_SAVED_TEXT];

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

static void leave(struct bytes *in)
{
	for (unsigned i = 0; i < 12 && in->left; i++) {
		const char *path = paths[take_u8(in) % (sizeof(paths) / sizeof(paths[0]))];
		char text[1500];
		size_t n = take_text(in, text, sizeof(text), 0xff);

		if (n)
			world_write_bytes(path, text, (unsigned)n);
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
