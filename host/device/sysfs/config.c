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

static int kernel_read(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t *value)
{
	uint8_t raw[4];

	*value = UINT32_MAX;
	if (sysfs_config_bytes(c, offset, size, raw))
		return -1;
	*value = register_of(raw, size);
	return 0;
}

/*
 * All ones may be a bridge that sleeps, or a device in the middle of its reset: the kernel wakes
 * the one and waits for the other.
 */
int sysfs_config_read(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t *value)
{
	const void *window = c->window;

	if (window) {
			*value = ecam_read(window, offset, size);
			if (*value != UINT32_MAX >> (32 - 8 * size))
			return 0;
	}
	return kernel_read(c, offset, size, value);
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

/* Whether what is in memory is what the kernel shows, by registers that stay as they are. */
static bool window_agrees(const struct sysfs_config *c)
{
	static const struct { uint8_t offset, size; } same[] = {
		{ PCI_VENDOR_ID, 4 },	  { PCI_CLASS_REVISION, 4 }, { PCI_HEADER_TYPE, 1 },
		{ PCI_BASE_ADDRESS_0, 4 }, { PCI_BASE_ADDRESS_1, 4 }, { PCI_BASE_ADDRESS_2, 4 },
		{ PCI_BASE_ADDRESS_3, 4 }, { PCI_BASE_ADDRESS_4, 4 }, { PCI_BASE_ADDRESS_5, 4 },
		{ PCI_SUBSYSTEM_VENDOR_ID, 4 },
	};
	uint8_t header[PCI_STD_HEADER_SIZEOF];

	if (sysfs_config_bytes(c, 0, sizeof(header), header))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (register_of(header + same[i].offset, same[i].size) !=
		    ecam_read(c->window, same[i].offset, same[i].size))
			return false;
	return true;
}

static const char *no_window(int err)
{
	return err == EOPNOTSUPP ? "in memory it may be cacheable, by the range registers (MTRR)" :
	       err == ENOENT     ? "ACPI's table MCFG has no place of it in memory" : strerror(err);
}

void sysfs_config_map(struct sysfs_config *c, struct ecam *ecam, struct sbdf sbdf,
		      xentoollog_logger *lg)
{
	char name[SBDF_TEXT];

	sbdf_format(sbdf, name);
	c->ecam = ecam;
	c->window = ecam_map(ecam, sbdf);
	if (!c->window) {
		log_debug(lg, "%s: config space is read through the kernel: %s", name,
			  no_window(errno));
	} else if (!window_agrees(c)) {
		log_info(lg, "%s: config space is read through the kernel: in memory, where ACPI's "
			     "table MCFG has it, is something else", name);
		ecam_unmap(ecam, c->window);
		c->window = NULL;
	} else {
		log_debug(lg, "%s: config space is read from memory", name);
	}
}

void sysfs_config_close(struct sysfs_config *c)
{
	ecam_unmap(c->ecam, c->window);
	close_keep(c->fd);
}
