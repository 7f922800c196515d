/* SPDX-License-Identifier: MIT */
/*
 * The sysfs provider: this machine's functions, through bus/pci/devices under ROOT. The config file
 * of a device is open as long as the device is, by it alone. ROOT may be a tree of plain files,
 * which is how tests see what would reach hardware.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/device/provider.h"
#include "host/device/slow.h"
#include "host/device/sysfs/attr.h"
#include "host/device/sysfs/config.h"
#include "common/log.h"
#include "common/util.h"

struct sysfs {
	struct provider provider; /* first: what sysfs_provider_open hands out */
	xentoollog_logger *lg;
	char *root;
	int devices;		     /* bus/pci/devices */
	struct sysfs_device *opened; /* every open device */
};

struct sysfs_device {
	struct pcidev dev; /* first: what provider_open_device hands out */
	struct sysfs *sysfs;
	struct sysfs_device *next;
	int dir;
	struct sysfs_config config;
	bool enabled; /* the kernel counts enables: ours is at most one */
};

static struct sysfs *sysfs_of(struct provider *p)
{
	return (struct sysfs *)p;
}

static struct sysfs_device *device_of(struct pcidev *dev)
{
	return (struct sysfs_device *)dev;
}

static int config_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	return sysfs_config_read(&device_of(dev)->config, offset, size, value);
}

static int config_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	return sysfs_config_write(&device_of(dev)->config, offset, size, value);
}

/* By the kernel, which takes no longer for it than we with as many reads from memory. */
static int config_read_basic(struct pcidev *dev, uint8_t config[])
{
	return sysfs_config_bytes(&device_of(dev)->config, 0, PCIDEV_BASIC, config);
}

static int sysfs_reset(struct pcidev *dev)
{
	if (!sysfs_attr_write(device_of(dev)->dir, "reset", "1"))
		return 0;
	/* The kernel shows the file only where it knows a way. */
	return fail(errno == ENOENT ? ENOTTY : errno);
}

/*
 * The kernel's count where it lets us at it. EBUSY is a driver bound to the device (pciback
 * or vfio, which keep it enabled in their own way) and ENOENT an old kernel or a test
 * tree: then the command register is written instead.
 */
static int sysfs_enable(struct pcidev *dev, bool on)
{
	struct sysfs_device *sd = device_of(dev);
	uint32_t command;

	if (on != sd->enabled) {
		if (!sysfs_attr_write(sd->dir, "enable", on ? "1" : "0")) {
			sd->enabled = on;
		} else if (errno != EBUSY && errno != ENOENT && (on || errno != EIO)) {
			return -1;
		}
	}
	if (config_read(dev, PCI_COMMAND, 2, &command))
		return -1;
	if (pcidev_enabled_command(&dev->info, command, on) == command)
		return 0;
	return config_write(dev, PCI_COMMAND, 2, pcidev_enabled_command(&dev->info, command, on));
}

static int sysfs_share(struct pcidev *dev, struct pcidev_reader *out)
{
	*out = (struct pcidev_reader){ .fd = openat(device_of(dev)->dir, "config", O_RDONLY | O_CLOEXEC) };
	return out->fd < 0 ? -1 : 0;
}

static void device_free(struct sysfs_device *sd)
{
	sysfs_config_close(&sd->config);
	close_keep(sd->dir);
	free_keep(sd);
}

static void device_close(struct pcidev *dev)
{
	struct sysfs_device *sd = device_of(dev), **at = &sd->sysfs->opened;

	while (*at != sd)
		at = &(*at)->next;
	*at = sd->next;
	device_free(sd);
}

static const struct pcidev_ops device_ops = {
	.read = config_read,
	.read_basic = config_read_basic,
	.write = config_write,
	.reset = sysfs_reset,
	.enable = sysfs_enable,
	.share = sysfs_share,
	.close = device_close,
};

static void look_close(struct pcidev *dev)
{
	device_free(device_of(dev));
}

static const struct pcidev_ops look_ops = {
	.read = config_read,
	.read_basic = config_read_basic,
	.write = pcidev_refuse_write,
	.reset = pcidev_refuse_reset,
	.enable = pcidev_refuse_enable,
	.close = look_close,
};

/* Opens the config file and learns its size. */
static int open_config(struct sysfs_device *sd, const char *name)
{
	bool look = sd->dev.ops == &look_ops;
	struct stat st;
	uint32_t v;

	sd->config.fd = openat(sd->dir, "config", (look ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (sd->config.fd < 0 || fstat(sd->config.fd, &st))
		return -1;
	sd->dev.info.config_size = st.st_size >= 4096 ? 4096 : 256;
	/* Without privilege the file shows the 64 bytes of the header, whatever its size says. */
	if (config_read(&sd->dev, PCI_STD_HEADER_SIZEOF, 4, &v))
		return fail(errno == EIO ? EACCES : errno);
	if (config_read(&sd->dev, PCI_HEADER_TYPE, 1, &v))
		return -1;
	sd->dev.info.header_type = pcidev_header_type(v);
	if (sd->dev.info.header_type > PCI_HEADER_TYPE_BRIDGE && !look)
		return fail(ENOTSUP);
	log_debug(sd->sysfs->lg, "%s: %u bytes of config space", name, sd->dev.info.config_size);
	return 0;
}

/* What the OS knows of the device. Says which attribute failed in *what. */
static int read_info(struct sysfs_device *sd, const char **what)
{
	struct pcidev_info *info = &sd->dev.info;
	uint64_t vendor, device, class_code, irq;
	int is_vf;

	if (sysfs_attr_number(sd->dir, *what = "vendor", UINT16_MAX, &vendor) ||
	    sysfs_attr_number(sd->dir, *what = "device", UINT16_MAX, &device) ||
	    sysfs_attr_number(sd->dir, *what = "class", 0xffffff, &class_code) ||
	    sysfs_attr_number(sd->dir, *what = "irq", UINT32_MAX, &irq) ||
	    sysfs_attr_resources((*what = "resource", sd->dir), info->resource))
		return -1;
	*what = "physfn";
	is_vf = sysfs_attr_link(sd->dir, "physfn", &info->pf);
	if (is_vf < 0)
		return -1;
	info->vendor = (uint16_t)vendor;
	info->device = (uint16_t)device;
	info->class_code = (uint32_t)class_code;
	info->irq = pcidev_is_line((uint32_t)irq) ? (uint32_t)irq : 0;
	pcidev_read_ids(&sd->dev);
	info->is_vf = is_vf;
	return 0;
}

static bool is_open(const struct sysfs *s, struct sbdf sbdf)
{
	const struct sysfs_device *sd = s->opened;

	while (sd && !sbdf_equal(sd->dev.info.sbdf, sbdf))
		sd = sd->next;
	return sd;
}

static struct sysfs_device *open_function(struct sysfs *s, struct sbdf sbdf,
					  const struct pcidev_ops *ops)
{
	struct sysfs_device *sd = calloc(1, sizeof(*sd));
	char name[SBDF_TEXT];
	const char *what = "config";

	if (!sd)
		return NULL;
	sbdf_format(sbdf, name);
	sd->config.fd = -1;
	sd->sysfs = s;
	sd->dev.ops = ops;
	sd->dev.info.sbdf = sbdf;
	sd->dir = openat(s->devices, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sd->dir < 0) {
		errno = errno == ENOENT ? ENODEV : errno;
		goto out;
	}
	if (open_config(sd, name)) {
		if (errno == EACCES || errno == EPERM) {
			errno = EACCES;
			log_error(s->lg, "%s: the whole config space is for root: run as root, or "
					 "use --devices image:FILE", name);
		}
		goto out;
	}
	if (read_info(sd, &what)) {
		log_error(s->lg, "%s: %s/bus/pci/devices/%s/%s: %s", name, s->root, name, what,
			  strerror(errno));
		goto out;
	}
	return sd;
out:
	device_free(sd);
	return NULL;
}

static struct pcidev *sysfs_open_device(struct provider *p, struct sbdf sbdf)
{
	struct sysfs *s = sysfs_of(p);
	struct sysfs_device *sd;

	if (is_open(s, sbdf)) {
		errno = EBUSY;
		return NULL;
	}
	sd = open_function(s, sbdf, &device_ops);
	if (!sd)
		return NULL;
	sd->next = s->opened;
	s->opened = sd;
	return &sd->dev;
}

static struct pcidev *sysfs_look(struct provider *p, struct sbdf sbdf)
{
	struct sysfs_device *sd = open_function(sysfs_of(p), sbdf, &look_ops);

	return sd ? &sd->dev : NULL;
}

static int sysfs_attribute(struct provider *p, struct sbdf sbdf, const char *name, char *buf,
			   size_t size)
{
	char path[SBDF_TEXT + NAME_MAX + 2], address[SBDF_TEXT], target[PATH_MAX];
	int devices = sysfs_of(p)->devices, n;
	const char *last;

	snprintf(path, sizeof(path), "%s/%.*s", sbdf_format(sbdf, address), NAME_MAX, name);
	n = sysfs_attr_read(devices, path, buf, size);
	if (n < 0 && errno == ENOENT)
		return fail(faccessat(devices, address, F_OK, 0) ? ENODEV : ENOENT);
	if (n >= 0 || errno != ELOOP)
		return n;
	n = (int)readlinkat(devices, path, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(buf, size, "%s", last ? last + 1 : target);
	return (int)strlen(buf);
}

/* sysfs makes the link anew with each binding, and gives no number twice (but after 2^31 others). */
static int sysfs_binding(struct provider *p, struct sbdf sbdf, uint64_t *binding)
{
	char path[SBDF_TEXT + sizeof("/driver")], address[SBDF_TEXT];
	struct stat st;

	snprintf(path, sizeof(path), "%s/driver", sbdf_format(sbdf, address));
	if (fstatat(sysfs_of(p)->devices, path, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	*binding = st.st_ino;
	return 0;
}

static int sysfs_power_on(struct provider *p, struct sbdf sbdf)
{
	char path[SBDF_TEXT + sizeof("/power/control")], address[SBDF_TEXT];

	snprintf(path, sizeof(path), "%s/power/control", sbdf_format(sbdf, address));
	return sysfs_attr_write(sysfs_of(p)->devices, path, "on");
}

static int by_address(const void *a, const void *b)
{
	return sbdf_compare(*(const struct sbdf *)a, *(const struct sbdf *)b);
}

/* All functions, sorted, into *all (the caller's to free). How many, or -1 with errno. */
static int read_all(const struct sysfs *s, struct sbdf **all)
{
	struct sbdf *list = NULL, *more, sbdf;
	const struct dirent *entry;
	size_t n = 0, room = 0;
	DIR *dir = NULL;
	int fd = openat(s->devices, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !(dir = fdopendir(fd))) {
		close_keep(fd);
		return -1;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (sbdf_parse(entry->d_name, &sbdf))
			continue;
		if (n == room) {
			room = room ? 2 * room : 64;
			more = realloc(list, room * sizeof(*list));
			if (!more)
				goto out;
			list = more;
		}
		list[n++] = sbdf;
	}
	if (errno)
		goto out;
	closedir(dir);
	if (n)
		qsort(list, n, sizeof(*list), by_address);
	*all = list;
	return (int)n;
out:
	free_keep(list);
	closedir(dir);
	return -1;
}

static int sysfs_list(struct provider *p, struct sbdf *list, size_t max)
{
	struct sbdf *all;
	int n = read_all(sysfs_of(p), &all);

	if (n < 0)
		return -1;
	if ((size_t)n < max)
		max = (size_t)n;
	if (max)
		memcpy(list, all, max * sizeof(*list));
	free(all);
	return n;
}

/* The directory that the devices/ link leads into is the bridge's, or a host bridge's. */
static int sysfs_parent(struct provider *p, struct sbdf sbdf, struct sbdf *parent)
{
	char name[SBDF_TEXT], path[PATH_MAX];
	char *last;
	ssize_t n = readlinkat(sysfs_of(p)->devices, sbdf_format(sbdf, name), path,
			       sizeof(path) - 1);

	if (n < 0 && errno == EINVAL)
		return 0; /* a test tree's plain directory */
	if (n < 0)
		return fail(errno == ENOENT ? ENODEV : errno);
	path[n] = '\0';
	last = strrchr(path, '/');
	if (!last)
		return 0;
	*last = '\0';
	last = strrchr(path, '/');
	return !sbdf_parse(last ? last + 1 : path, parent);
}

static void sysfs_close(struct provider *p)
{
	struct sysfs *s = sysfs_of(p);

	close_keep(s->devices);
	free_keep(s->root);
	free_keep(s);
}

static const struct provider_ops sysfs_ops = {
	.name = "sysfs",
	.open_device = sysfs_open_device,
	.list = sysfs_list,
	.parent = sysfs_parent,
	.look = sysfs_look,
	.attribute = sysfs_attribute,
	.power_on = sysfs_power_on,
	.binding = sysfs_binding,
	.close = sysfs_close,
};

struct provider *sysfs_provider_open(const char *root, xentoollog_logger *lg)
{
	struct sysfs *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];

	if (!s)
		return NULL;
	s->provider.ops = &sysfs_ops;
	s->lg = lg;
	s->devices = -1;
	s->root = strdup(root);
	if (!s->root)
		goto out;
	if (snprintf(path, sizeof(path), "%s/bus/pci/devices", root) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		goto out;
	}
	s->devices = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->devices < 0) {
		log_error(lg, "%s: %s", path, strerror(errno));
		goto out;
	}
	return &s->provider;
out:
	sysfs_close(&s->provider);
	return NULL;
}
