/* SPDX-License-Identifier: MIT */
/* A captured machine as lspci printed it: parsed, opened, its topology read, its functions used. */
#include "tests/fuzz/fuzz.h"

#include "common/util.h"
#include "host/device/image/parse.h"
#include "host/device/save.h"
#include "host/settings.h"
#include "host/topology.h"

static void use(struct provider *p, struct sbdf a)
{
	struct pcidev *dev = provider_open_device(p, a);
	struct pcidev_saved *saved;
	struct pcidev_cap cap = { 0 };
	char text[PCIDEV_SAVED_TEXT];
	unsigned caps = 0;
	uint32_t v;

	if (!dev)
		return;
	fuzz_check(dev->info.config_size == 256 || dev->info.config_size == 4096);
	while (pcidev_next_cap(dev, &cap))
		fuzz_check(++caps <= PCIDEV_CAPS_MAX && cap.offset < dev->info.config_size);
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++)
		fuzz_check(!(dev->info.resource[i].size & (dev->info.resource[i].size - 1)));
	saved = pcidev_save(dev);
	/* Ones, as a driver sizes, and anything into every register. */
	for (unsigned at = 0; at < dev->info.config_size; at += 4) {
		pcidev_write(dev, at, 4, UINT32_MAX);
		pcidev_read(dev, at, 4, &v);
		pcidev_write(dev, at, 4, v ^ at);
	}
	pcidev_enable(dev, true);
	pcidev_reset(dev);
	if (saved) {
		fuzz_check(pcidev_saved_format(saved, text) < PCIDEV_SAVED_TEXT);
		pcidev_restore(dev, saved);
		pcidev_saved_free(saved);
		saved = pcidev_saved_parse(dev, text);
		fuzz_check(saved);
		pcidev_saved_free(saved);
	}
	pcidev_quiesce(dev);
	pcidev_close(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sbdf list[16];
	struct topology t;
	struct provider *p;
	char spec[64];
	int n;

	if (size > 16384)
		return 0;
	snprintf(spec, sizeof(spec), "image:%s", fuzz_file(data, size));
	p = provider_open(spec, NULL);
	if (!p)
		return 0;
	if (!topology_read(&t, p, NULL))
		topology_dispose(&t);
	n = provider_list(p, list, ARRAY_SIZE(list));
	for (int i = 0; i < n && i < (int)ARRAY_SIZE(list); i++)
		use(p, list[i]);
	provider_close(p);
	return 0;
}
