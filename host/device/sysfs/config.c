/* SPDX-License-Identifier: MIT */
#include "host/device/sysfs/config.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"

int sysfs_config_bytes(const struct sysfs_config *c, unsigned offset, unsigned size, uint8_t raw[])
{
	ssize_t n;

	n = pread(c->fd, raw, size, (off_t)offset);
	return n < 0 ? -1 : (size_t)n == size ? 0 : fail(EIO);
}

/* size (1, 2 or 4) bytes as a register. */
static uint32_t register_of(const uint8_t raw[], unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = size; i--;)
		v = v << 8 | raw[i];
	return v;
}

int sysfs_config_read(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t *value)
{
	uint8_t raw[4];

	*value = UINT32_MAX;
	if (sysfs_config_bytes(c, offset, size, raw))
		return -1;
	*value = register_of(raw, size);
	return 0;
}

int sysfs_config_write(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t value)
{
	const uint8_t raw[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
				 (uint8_t)(value >> 24) };
	ssize_t n;

	n = pwrite(c->fd, raw, size, (off_t)offset);
	if (n < 0)
		return -1;
	return (size_t)n == size ? 0 : fail(EIO);
}

void sysfs_config_close(struct sysfs_config *c)
{
	close_keep(c->fd);
}
