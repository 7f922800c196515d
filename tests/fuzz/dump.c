/* SPDX-License-Identifier: MIT */
/* A captured machine as lspci printed it: parsed, opened, its topology read, its functions used. */
#include "tests/fuzz/fuzz.h"

#include "common/util.h"
#include "host/device/image/parse.h"
#include "host/device/save.h"
#include "host/settings.h"
#include "host/topology.h"
#include "tests/fuzz/trouble.h"

#define DUMP "image:tests/dumps/bench.txt"

static bool starved; /* an allocation may fail */

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
	fuzz_check(pcidev_read(dev, 0, 3, &v) && pcidev_read(dev, 1, 2, &v) &&
		   pcidev_read(dev, dev->info.config_size, 1, &v) && v == UINT32_MAX);
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
		fuzz_check(saved || starved);
		pcidev_saved_free(saved);
	}
	pcidev_quiesce(dev);
	pcidev_close(dev);
}

static void try(const char *spec, unsigned allocation)
{
	struct sbdf list[16];
	struct topology t;
	struct provider *p;
	int n;

	trouble_memory(allocation);
	starved = allocation;
	p = provider_open(spec, NULL);
	if (!p)
		return;
	if (!topology_read(&t, p, NULL))
		topology_dispose(&t);
	n = provider_list(p, list, ARRAY_SIZE(list));
	for (int i = 0; i < n && i < (int)ARRAY_SIZE(list); i++)
		use(p, list[i]);
	provider_close(p);
}

/* What is no file, or more than one should be. */
static void try_others(void)
{
	static const struct {
		const char *spec;
		int err;
	} others[] = {
		{ "image:/", EISDIR }, { "image:/proc/self/none", ENOENT }, { "image:/proc/self/mem", EIO },
		{ "image:/dev/zero", EFBIG }, { "image:/dev/null", EINVAL },
	};
	enum { LINE = sizeof("0000:00:00.0 x") };
	static char text[(IMAGE_FUNCTIONS_MAX + 1) * LINE + 1];
	char spec[64];

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		fuzz_check(!provider_open(others[i].spec, NULL) && errno == others[i].err);
	/* Each call of the system's that it makes fails once. */
	trouble_system(0, 0);
	provider_close(provider_open(DUMP, NULL));
	for (unsigned call = trouble_calls(); call; call--) {
		trouble_system(call, ENOSPC);
		fuzz_check(!provider_open(DUMP, NULL) && errno == ENOSPC);
	}
	trouble_over();
	snprintf(spec, sizeof(spec), "image:%s", fuzz_file((const uint8_t *)"", 0));
	fuzz_check(!truncate(spec + strlen("image:"), IMAGE_FILE_MAX + 1l));
	fuzz_check(!provider_open(spec, NULL) && errno == EFBIG);
	for (unsigned i = 0; i <= IMAGE_FUNCTIONS_MAX; i++)
		snprintf(text + (size_t)i * LINE, LINE + 1, "0000:%02x:%02x.%x x\n", i >> 8, i >> 3 & 0x1f, i & 7);
	snprintf(spec, sizeof(spec), "image:%s", fuzz_file((const uint8_t *)text, strlen(text)));
	fuzz_check(!provider_open(spec, NULL) && errno == EINVAL);
}

enum { TEXT_MAX = 65536, ROW = 16, ROW_TEXT = 56 };

/*
 * As hexdump has it, a line "*100" stands for rows of zeros up to there, so that inputs are short. Behind any other line
 * that has an offset rows go on from it.
 */
static size_t expand(const uint8_t *data, size_t size, char out[TEXT_MAX])
{
	unsigned next = 0, to, offset;
	size_t n = 0;

	for (size_t at = 0, len; at < size; at += len) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		char line[16];

		len = end ? (size_t)(end - data) - at + 1 : size - at;
		snprintf(line, sizeof(line), "%.*s", len > 9 ? 9 : (int)len, (const char *)data + at);
		if (n + len > TEXT_MAX)
			break;
		if (sscanf(line, "*%4x\n", &to) == 1) {
			for (; next < to && n + ROW_TEXT < TEXT_MAX; next += ROW)
				n += (size_t)sprintf(out + n, "%02x: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n",
						     next);
			continue;
		}
		if (sscanf(line, "%3x:", &offset) == 1)
			next = offset + ROW;
		memcpy(out + n, data + at, len);
		n += len;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX];
	static bool begun;
	char spec[64];

	if (!begun)
		try_others();
	begun = true;
	if (size > 16384)
		return 0;
	snprintf(spec, sizeof(spec), "image:%s", fuzz_file((const uint8_t *)text, expand(data, size, text)));
	try(spec, 0);
	/* Once more, and one of our allocations fails. */
	if (trouble_allocations())
		try(spec, 1 + fuzz_sum(data, size) % trouble_allocations());
	trouble_over();
	return 0;
}
