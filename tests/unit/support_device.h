/* SPDX-License-Identifier: MIT */
/*
 * For tests of the device layer: a log to look into, a captured machine written
 * piece by piece, registers read and written or the test fails.
 */
#ifndef XENPCI_TESTS_SUPPORT_DEVICE_H
#define XENPCI_TESTS_SUPPORT_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "host/device/pcidev.h"

/* The bundled machine, from the source root, where tests are run. */
#define BENCH "tests/dumps/bench.txt"

/* Keeps what is logged, as "level: message" lines. */
struct logbook {
	xentoollog_logger logger; /* first: is the logger */
	char text[16384];
	size_t len;
};
void logbook_init(struct logbook *lb);
bool logbook_has(const struct logbook *lb, const char *text);

/* A dump in the making, in a file of its own. */
struct machine {
	struct logbook log;
	FILE *out;
	char file[64];
	char spec[80]; /* image:file */
	unsigned line; /* the last one written */
};
void machine_begin(struct machine *m);
/* Writes text as it is. */
void machine_text(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes a hex dump of nr bytes, and an empty line. */
void machine_dump(struct machine *m, const uint8_t *bytes, size_t nr);
/* Opens what was written; NULL with errno where it is refused. May be called again after more. */
struct provider *machine_open(struct machine *m);
/* The file and the log are gone afterwards. */
void machine_end(struct machine *m);

/* A type 0 function's 256 bytes: ids and nothing else. */
void bytes_init(uint8_t bytes[256], uint16_t vendor, uint16_t device);
void bytes_put(uint8_t *bytes, unsigned offset, unsigned size, uint32_t value);
/* Puts a capability at the list's head. */
void bytes_cap(uint8_t bytes[256], unsigned at, uint8_t id);

/* These end the test where they fail. */
struct sbdf address(const char *text);
struct provider *open_provider(const char *spec, struct logbook *lb);
struct pcidev *open_device(struct provider *p, const char *sbdf);
uint32_t get(struct pcidev *dev, unsigned offset, unsigned size);
void set(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value);
/*
 * Other functions of the same slot that p lists (func 0..7, without sbdf itself), into list,
 * room for 7. Returns how many.
 */
int siblings(struct provider *p, struct sbdf sbdf, struct sbdf list[7]);
/* Offset of extended capability id, 0 where dev has none that can be reached. */
unsigned find_ext_cap(struct pcidev *dev, uint16_t id);
/* All of dev's config space into bytes of config_size. */
void get_all(struct pcidev *dev, uint8_t *bytes);

/* The bundled machine, for tests that are written BENCH_TEST(test). */
extern struct provider *bench;
int open_bench(void **state);
int close_bench(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, open_bench, close_bench)

/* A machine that is one function, 00:05.0, of these bytes; lone_close closes dev, too. */
struct lone {
	struct machine machine;
	struct provider *provider;
};
struct pcidev *lone_open(struct lone *lone, const uint8_t *bytes, size_t nr);
void lone_close(struct lone *lone, struct pcidev *dev);

/* The size of a BAR (or PCIDEV_ROM) as a driver measures it: ones written, read back, restored. */
uint64_t measure(struct pcidev *dev, unsigned number);

#endif
