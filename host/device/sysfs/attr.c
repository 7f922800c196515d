/* SPDX-License-Identifier: MIT */
#include "host/device/sysfs/attr.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "common/file.h"
#include "common/number.h"
#include "common/util.h"

/* Linux' resource flags (include/linux/ioport.h), as the `resource` file shows them. */
enum {
	RESOURCE_PCI_BITS = 0xf, /* the BAR's own low bits; the ROM's: 1 enabled, 2 a shadow copy */
	RESOURCE_IO = 0x100,
};
static const uint64_t resource_unusable = 0xb0000000; /* disabled, unset, busy */

int sysfs_attr_read(int dir, const char *name, char *buf, size_t size)
{
	/*
	 * The kernel hands out an attribute at once, and it is a page at most. A test tree may have a FIFO for a file
	 * that is only to be written.
	 */
	int n = file_text(dir, name, buf, size);

	if (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return n;
}

int sysfs_attr_number(int dir, const char *name, uint64_t max, uint64_t *value)
{
	char text[32];

	if (sysfs_attr_read(dir, name, text, sizeof(text)) < 0)
		return -1;
	return number_parse(text, 0, max, value);
}

int sysfs_attr_write(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close_keep(fd);
	if (n >= 0 && (size_t)n != strlen(text))
		return fail(EIO);
	return n < 0 ? -1 : 0;
}

int sysfs_attr_link(int dir, const char *name, struct sbdf *to)
{
	char path[PATH_MAX];
	const char *last;
	ssize_t n = readlinkat(dir, name, path, sizeof(path) - 1);

	if (n < 0)
		return errno == ENOENT ? 0 : -1;
	path[n] = '\0';
	last = strrchr(path, '/');
	return sbdf_parse(last ? last + 1 : path, to) ? -1 : 1;
}

/* One line, "0x... 0x... 0x...": first and last address, flags. */
static int parse_resource(char *line, bool is_rom, struct pcidev_resource *r)
{
	uint64_t part[3];
	char *save, *word = strtok_r(line, " ", &save);
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(part); i++, word = strtok_r(NULL, " ", &save)) {
		if (!word || number_parse(word, 0, UINT64_MAX, &part[i]))
			return fail(EINVAL);
	}
	memset(r, 0, sizeof(*r));
	if (word)
		return fail(EINVAL);
	if (!part[2])
		return 0;
	if (part[1] < part[0] || (!part[0] && part[1] == UINT64_MAX))
		return fail(EINVAL);
	r->start = part[0];
	r->size = part[1] - part[0] + 1;
	r->flags = (uint8_t)(part[2] & (is_rom ? PCI_ROM_ADDRESS_ENABLE : RESOURCE_PCI_BITS));
	if (part[2] & RESOURCE_IO && !is_rom)
		r->flags |= PCI_BASE_ADDRESS_SPACE_IO;
	r->disabled = !r->start || part[2] & resource_unusable;
	return 0;
}

int sysfs_attr_resources(int dir, struct pcidev_resource resource[PCIDEV_RESOURCES])
{
	char text[4096];
	char *save, *line;
	unsigned i;

	if (sysfs_attr_read(dir, "resource", text, sizeof(text)) < 0)
		return -1;
	line = strtok_r(text, "\n", &save);
	for (i = 0; i < PCIDEV_RESOURCES; i++, line = strtok_r(NULL, "\n", &save)) {
		if (!line)
			return fail(EINVAL);
		if (parse_resource(line, i == PCIDEV_ROM, &resource[i]))
			return -1;
	}
	return 0;
}
