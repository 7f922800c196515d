/* SPDX-License-Identifier: MIT */
/*
 * A guest's ledger as a file and as memory that a worker writes, who may be its guest's by now: opened by
 * the next supervisor, and told of on the control socket. Whatever stands in it, what is opened is one of
 * ours, and what is told is printable and in its range.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/report_ledger.h"
#include "common/util.h"
#include "tests/fuzz/trouble.h"

enum { GUEST = 7, LOOKS_MAX = 2000 };

static const char *path_of_file(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/guest-%d", fuzz_directory(), GUEST);
	return path;
}

/* Not a ledger's size: places are counted modulo this, and the stored inputs mean what they meant when they were found. */
enum { IMAGE = 61912 };
_Static_assert(IMAGE > sizeof(struct ledger), "a ledger has room");

static uint32_t tracing; /* as the file has it */

/*
 * What the file begins with: a head of ours or of an older one, whose words the input may change; then
 * runs of bytes anywhere.
 */
static void write_file(struct bytes *in)
{
	static uint8_t image[IMAGE];
	uint8_t how = take_u8(in);
	uint32_t head[8] = { LEDGER_MAGIC, LEDGER_VERSION, sizeof(struct ledger), sizeof(struct ledger_device),
			     offsetof(struct ledger, device), sizeof(struct ledger_state), SLOT_COUNT, 0 };
	size_t size = sizeof(struct ledger);
	int fd;

	memset(image, 0, sizeof(image));
	if (how & 1) {
		head[1] = 1;
		head[2] = 432 + 256 * head[3];
		size = head[2];
	}
	for (unsigned i = how >> 1 & 3; i--;) {
		uint8_t word = take_u8(in) & 7;

		head[word] = take_u32(in);
	}
	if (how & 8)
		head[5] -= 4, head[3] -= 8; /* as if a field had been added since */
	memcpy(image, head, sizeof(head));
	while (in->left && take_u8(in)) {
		size_t at = take_u32(in) % (sizeof(image) - 300), n = take_u8(in), times = 1 + take_u8(in) % 32;

		take(in, image + at, n);
		for (; --times && at + 2 * n < sizeof(image); at += n)
			memcpy(image + at + n, image + at, n);
	}
	memcpy(&tracing, image + offsetof(struct ledger, tracing), sizeof(tracing));
	if (how & 16)
		size = take_u16(in) % sizeof(image);
	if (how & 32)
		size += take_u8(in);
	if (size > sizeof(image))
		size = sizeof(image);
	unlink(path_of_file());
	if (how & 64) {
		fuzz_check(!symlink("/dev/null", path_of_file()));
		return;
	}
	if (how & 128)
		return;
	fd = open(path_of_file(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		fuzz_fail("cannot write %s", path_of_file());
	close(fd);
}

static void check_text(const char *text, size_t room)
{
	fuzz_check(strnlen(text, room) < room);
	for (; *text; text++)
		fuzz_check(*text >= ' ' && *text <= '~');
}

static void tell(struct ledger *l, struct bytes *in)
{
	uint64_t now = take_u32(in) * UINT64_C(1000000000), behind = take_u32(in), told = take_u16(in);
	struct record_denied denied;
	struct record_stats stats;
	union record record;
	int64_t requests, refused;
	struct sbdf host;
	uint32_t at = 0;
	unsigned n = 0;
	int kind;

	fuzz_check(ledger_requests(l) >= 0 && ledger_refused(l) >= 0);
	ledger_stats(l, &stats);
	fuzz_check(stats.requests >= 0 && stats.other >= 0 && stats.took >= 0);
	ledger_device(l, take_u8(in), &requests, &refused);
	fuzz_check(requests >= 0 && refused >= 0);
	while (ledger_next_denied(l, &at, now, (time_t)behind, &host, &denied)) {
		fuzz_check(++n <= LEDGER_DENIALS);
		check_text(denied.field, sizeof(denied.field));
		check_text(denied.remedy, sizeof(denied.remedy));
		ledger_quirk(take_u8(in) & 1, 0x10d3, &denied);
		check_text(denied.quirk, sizeof(denied.quirk));
	}
	if (l) {
		/* A worker may have written that word again. */
		l->tracing = tracing;
		ledger_trace_set(l, &told, TRACE_ALL);
		ledger_trace_set(l, &told, TRACE_ALL);
		ledger_trace_set(l, &told, TRACE_WRITES);
		if (take_u8(in) & 1)
			told -= take_u16(in);
	}
	for (n = 0; n < LOOKS_MAX && (kind = ledger_next_trace(l, &told, (int64_t)behind, &record)) >= 0; n++) {
		fuzz_check(kind == RECORD_OF_trace || (kind == RECORD_OF_lost && record.lost.lines >= 0));
		if (kind != RECORD_OF_trace)
			continue;
		check_text(record.trace.command, sizeof(record.trace.command));
		check_text(record.trace.field, sizeof(record.trace.field));
	}
	fuzz_check(n < LOOKS_MAX);
}

/* Ours, whatever was there. */
static void check_ledger(const struct ledger *l, int fd)
{
	struct stat st;

	fuzz_check(l->magic == LEDGER_MAGIC && l->version == LEDGER_VERSION && l->length == sizeof(*l));
	fuzz_check(!fstat(fd, &st) && st.st_size >= (off_t)sizeof(*l));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int errors[] = { EIO, ENOSPC, EWOULDBLOCK, ENOENT };
	struct successor m = { .state_dir = fuzz_directory() };
	const struct guest_id id = { GUEST, 0 };
	struct bytes in = { data, size };
	uint8_t how = take_u8(&in), trouble = take_u8(&in);
	char path[SUCCESSOR_PATH_MAX];
	struct ledger *l = NULL;
	int fd = -1, rc;

	if (size > 4096)
		return 0;
	if (how & 2)
		m.state_dir = NULL;
	write_file(&in);
	ledger_is_known(&m, id, path);
	trouble_system(trouble & 15, errors[trouble >> 4 & 3]);
	trouble_memory(trouble >> 6);
	rc = ledger_open(&m, id, how & 1, &l, &fd);
	trouble_over();
	fuzz_check(rc ? fd < 0 || rc == 1 : fd >= 0 && l);
	if (!rc) {
		check_ledger(l, fd);
		if (!(how & 1))
			ledger_fresh(l, how, trouble);
		/* The worker writes what it likes. */
		while (in.left && take_u8(&in)) {
			size_t at = take_u32(&in) % (sizeof(*l) - 256);

			take(&in, (uint8_t *)l + at, take_u8(&in));
		}
		tell(l, &in);
	}
	tell(NULL, &in);
	ledger_fresh(NULL, 0, 0);
	ledger_close(rc ? NULL : l, fd);
	fuzz_check(how & 4 ? !ledger_remove(&m, id) : true);
	return 0;
}
