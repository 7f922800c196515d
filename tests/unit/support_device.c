/* SPDX-License-Identifier: MIT */
#include "tests/unit/support_device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/unit.h"

static void __attribute__((format(printf, 5, 0)))
logbook_message(xentoollog_logger *logger, xentoollog_level level, int err, const char *context,
		const char *fmt, va_list ap)
{
	struct logbook *lb = (struct logbook *)logger;
	size_t room = sizeof(lb->text) - lb->len;
	int n = snprintf(lb->text + lb->len, room, "%s: ", xtl_level_to_string(level));

	(void)err;
	(void)context;
	if (n > 0 && (size_t)n < room) {
		lb->len += (size_t)n;
		room -= (size_t)n;
		n = vsnprintf(lb->text + lb->len, room, fmt, ap);
		lb->len += n > 0 && (size_t)n < room ? (size_t)n : room - 1;
	}
	if (lb->len + 1 < sizeof(lb->text)) {
		lb->text[lb->len++] = '\n';
		lb->text[lb->len] = '\0';
	}
}

static void logbook_progress(xentoollog_logger *logger, const char *context, const char *what,
			     int percent, unsigned long done, unsigned long total)
{
	(void)logger;
	(void)context;
	(void)what;
	(void)percent;
	(void)done;
	(void)total;
}

static void logbook_destroy(xentoollog_logger *logger)
{
	(void)logger;
}

void logbook_init(struct logbook *lb)
{
	memset(lb, 0, sizeof(*lb));
	lb->logger.vmessage = logbook_message;
	lb->logger.progress = logbook_progress;
	lb->logger.destroy = logbook_destroy;
}

bool logbook_has(const struct logbook *lb, const char *text)
{
	return strstr(lb->text, text);
}

void machine_begin(struct machine *m)
{
	int fd;

	memset(m, 0, sizeof(*m));
	logbook_init(&m->log);
	snprintf(m->file, sizeof(m->file), "/tmp/xenpci-dump-XXXXXX");
	fd = mkstemp(m->file);
	assert_true(fd >= 0);
	m->out = fdopen(fd, "w");
	assert_non_null(m->out);
	snprintf(m->spec, sizeof(m->spec), "image:%s", m->file);
}

void machine_text(struct machine *m, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(text));
	for (const char *p = text; *p; p++)
		m->line += *p == '\n';
	assert_int_equal(fwrite(text, 1, (size_t)n, m->out), n);
}

void machine_dump(struct machine *m, const uint8_t *bytes, size_t nr)
{
	for (size_t row = 0; row < nr; row += 16) {
		machine_text(m, "%02zx:", row);
		for (size_t i = row; i < row + 16; i++)
			machine_text(m, " %02x", bytes[i]);
		machine_text(m, "\n");
	}
	machine_text(m, "\n");
}

struct provider *machine_open(struct machine *m)
{
	assert_int_equal(fflush(m->out), 0);
	return provider_open(m->spec, &m->log.logger);
}

void machine_end(struct machine *m)
{
	fclose(m->out);
	unlink(m->file);
}

void bytes_init(uint8_t bytes[256], uint16_t vendor, uint16_t device)
{
	memset(bytes, 0, 256);
	bytes_put(bytes, PCI_VENDOR_ID, 2, vendor);
	bytes_put(bytes, PCI_DEVICE_ID, 2, device);
	bytes_put(bytes, PCI_CLASS_DEVICE, 2, 0x0200);
}

void bytes_put(uint8_t *bytes, unsigned offset, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

void bytes_cap(uint8_t bytes[256], unsigned at, uint8_t id)
{
	bytes[at] = id;
	bytes[at + 1] = bytes[PCI_CAPABILITY_LIST];
	bytes[PCI_CAPABILITY_LIST] = (uint8_t)at;
	bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

struct sbdf address(const char *text)
{
	struct sbdf a = { 0 };

	assert_int_equal(sbdf_parse(text, &a), 0);
	return a;
}

struct provider *open_provider(const char *spec, struct logbook *lb)
{
	struct provider *p = provider_open(spec, &lb->logger);

	if (!p)
		fail_msg("%s: %s: %s", spec, strerror(errno), lb->text);
	return p;
}

struct pcidev *open_device(struct provider *p, const char *sbdf)
{
	struct pcidev *dev = provider_open_device(p, address(sbdf));

	if (!dev)
		fail_msg("%s: %s", sbdf, strerror(errno));
	return dev;
}

uint32_t get(struct pcidev *dev, unsigned offset, unsigned size)
{
	uint32_t value;

	if (pcidev_read(dev, offset, size, &value))
		fail_msg("read of %u bytes at %x: %s", size, offset, strerror(errno));
	return value;
}

void set(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	if (pcidev_write(dev, offset, size, value))
		fail_msg("write of %u bytes at %x: %s", size, offset, strerror(errno));
}

void get_all(struct pcidev *dev, uint8_t *bytes)
{
	for (unsigned at = 0; at < dev->info.config_size; at += 4)
		bytes_put(bytes, at, 4, get(dev, at, 4));
}

static struct logbook bench_log;
struct provider *bench;

int open_bench(void **state)
{
	(void)state;
	logbook_init(&bench_log);
	bench = open_provider("image:" BENCH, &bench_log);
	return 0;
}

int close_bench(void **state)
{
	(void)state;
	provider_close(bench);
	return 0;
}

struct pcidev *lone_open(struct lone *lone, const uint8_t *bytes, size_t nr)
{
	machine_begin(&lone->machine);
	machine_text(&lone->machine, "00:05.0 x\n");
	machine_dump(&lone->machine, bytes, nr);
	lone->provider = machine_open(&lone->machine);
	assert_non_null(lone->provider);
	return open_device(lone->provider, "00:05.0");
}

void lone_close(struct lone *lone, struct pcidev *dev)
{
	pcidev_close(dev);
	provider_close(lone->provider);
	machine_end(&lone->machine);
}

uint64_t measure(struct pcidev *dev, unsigned number)
{
	bool rom = number == PCIDEV_ROM;
	unsigned at = PCI_BASE_ADDRESS_0 + 4 * number;
	uint32_t low, high = 0;
	uint64_t mask;

	if (rom)
		at = dev->info.header_type ? PCI_ROM_ADDRESS1 : PCI_ROM_ADDRESS;
	low = get(dev, at, 4);
	set(dev, at, 4, rom ? (uint32_t)PCI_ROM_ADDRESS_MASK : UINT32_MAX);
	mask = get(dev, at, 4);
	set(dev, at, 4, low);
	assert_int_equal(get(dev, at, 4), low);
	if (rom)
		mask &= (uint32_t)PCI_ROM_ADDRESS_MASK;
	else if (low & PCI_BASE_ADDRESS_SPACE_IO)
		mask &= (uint32_t)PCI_BASE_ADDRESS_IO_MASK;
	else
		mask &= (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	if (!rom && !(low & PCI_BASE_ADDRESS_SPACE_IO) && low & PCI_BASE_ADDRESS_MEM_TYPE_64) {
		high = get(dev, at + 4, 4);
		set(dev, at + 4, 4, UINT32_MAX);
		mask |= (uint64_t)get(dev, at + 4, 4) << 32;
		set(dev, at + 4, 4, high);
		assert_int_equal(get(dev, at + 4, 4), high);
	} else if (mask) {
		mask |= UINT64_MAX << 32;
	}
	return mask ? ~mask + 1 : 0;
}

int siblings(struct provider *p, struct sbdf sbdf, struct sbdf list[7])
{
	struct sbdf every[512];
	int all = provider_list(p, every, ARRAY_SIZE(every)), n = 0;

	assert_in_range(all, 0, ARRAY_SIZE(every));
	for (int i = 0; i < all && n < 7; i++) {
		if (every[i].segment == sbdf.segment && every[i].bus == sbdf.bus &&
		    sbdf_slot(every[i]) == sbdf_slot(sbdf) && !sbdf_equal(every[i], sbdf))
			list[n++] = every[i];
	}
	return n;
}

enum {
	EXT_CAPS_START = 0x100,
	EXT_CAPS_MAX = (4096 - EXT_CAPS_START) / 8,
};

unsigned find_ext_cap(struct pcidev *dev, uint16_t id)
{
	unsigned at = EXT_CAPS_START, seen;
	uint32_t header;

	for (seen = 0; seen < EXT_CAPS_MAX; seen++) {
		if (at < EXT_CAPS_START || pcidev_read(dev, at, 4, &header) || !header ||
		    header == UINT32_MAX)
			return 0;
		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}
