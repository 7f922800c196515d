/* SPDX-License-Identifier: MIT */
/*
 * The provider of a device that a program implements: one function, which a vfio-user server has
 * behind a UNIX socket. All of the conversation is a process's of its own (vdev.h).
 */
#include <linux/pci_regs.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/provider.h"
#include "host/device/vfio_user/resources.h"
#include "host/device/vfio_user/vdev.h"

/* Where the function is, unless the text says so: on no machine's own segment. */
#define HOME "ff00:00:00.0"
#define AT_OPTION ",at="

enum { CONNECT_S = 2 };

struct function {
	struct pcidev dev; /* first: what is handed out */
	struct vfio_user *owner;
};

struct vfio_user {
	struct provider provider; /* first: what provider_open returns */
	struct function fn;
	struct vdev vdev;
	bool open;
};

static struct vfio_user *provider_of(struct provider *p)
{
	return (struct vfio_user *)p;
}

static const struct vdev *vdev_of(struct pcidev *dev)
{
	return &((struct function *)dev)->owner->vdev;
}

/* ---- The function ---- */

static int function_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	uint32_t v = 0;

	if (vdev_ask(vdev_of(dev), VDEV_READ, offset, size, &v)) {
		*value = UINT32_MAX;
		return -1;
	}
	*value = v;
	return 0;
}

static int function_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	return vdev_ask(vdev_of(dev), VDEV_WRITE, offset, size, &value);
}

static int function_reset(struct pcidev *dev)
{
	return vdev_ask(vdev_of(dev), VDEV_RESET, 0, 0, NULL);
}

static int function_enable(struct pcidev *dev, bool on)
{
	uint32_t command;

	if (function_read(dev, PCI_COMMAND, 2, &command))
		return -1;
	return function_write(dev, PCI_COMMAND, 2, pcidev_enabled_command(&dev->info, command, on));
}

/* A descriptor of the page that only reads; while somebody has it, the page follows the server. */
static int function_share(struct pcidev *dev, struct pcidev_reader *out)
{
	char path[sizeof("/proc/self/fd/") + 12];

	*out = (struct pcidev_reader){ .fd = -1, .base = offsetof(struct vdev_page, config),
				       .held = offsetof(struct vdev_page, held) };
	if (vdev_ask(vdev_of(dev), VDEV_FOLLOW, 0, 0, NULL))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vdev_of(dev)->memory);
	out->fd = open(path, O_RDONLY | O_CLOEXEC);
	return out->fd < 0 ? -1 : 0;
}

static void function_close(struct pcidev *dev)
{
	struct vfio_user *v = ((struct function *)dev)->owner;
	int saved = errno;

	vdev_ask(&v->vdev, VDEV_LEAVE, 0, 0, NULL);
	v->open = false;
	errno = saved;
}

static const struct pcidev_ops function_ops = {
	.read = function_read,
	.write = function_write,
	.reset = function_reset,
	.enable = function_enable,
	.share = function_share,
	.close = function_close,
};

/* ---- A look, which waits for nobody ---- */

static int view_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	const struct vdev_page *page = vdev_of(dev)->page;

	*value = UINT32_MAX >> (32 - 8 * size);
	if (page->held)
		return 0;
	*value = 0;
	for (unsigned i = 0; i < size; i++)
		*value |= (uint32_t)page->config[offset + i] << 8 * i;
	return 0;
}

static void view_close(struct pcidev *dev)
{
	free_keep(dev);
}

static const struct pcidev_ops view_ops = {
	.read = view_read,
	.write = pcidev_refuse_write,
	.reset = pcidev_refuse_reset,
	.enable = pcidev_refuse_enable,
	.close = view_close,
};

/* ---- The provider ---- */

static bool is_ours(const struct vfio_user *v, struct sbdf sbdf)
{
	return !sbdf_compare(v->fn.dev.info.sbdf, sbdf);
}

static struct pcidev *open_device(struct provider *p, struct sbdf sbdf)
{
	struct vfio_user *v = provider_of(p);

	if (!is_ours(v, sbdf) || v->open) {
		errno = v->open && is_ours(v, sbdf) ? EBUSY : ENODEV;
		return NULL;
	}
	v->open = true;
	return &v->fn.dev;
}

static struct pcidev *look(struct provider *p, struct sbdf sbdf)
{
	struct vfio_user *v = provider_of(p);
	struct function *view;

	if (!is_ours(v, sbdf)) {
		errno = ENODEV;
		return NULL;
	}
	view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	view->dev.ops = &view_ops;
	view->dev.info = v->fn.dev.info;
	view->owner = v;
	return &view->dev;
}

static int list(struct provider *p, struct sbdf *out, size_t max)
{
	if (max)
		out[0] = provider_of(p)->fn.dev.info.sbdf;
	return 1;
}

static int parent(struct provider *p, struct sbdf sbdf, struct sbdf *out)
{
	(void)out;
	return is_ours(provider_of(p), sbdf) ? 0 : fail(ENODEV);
}

static int attribute(struct provider *p, struct sbdf sbdf, const char *name, char *buf, size_t size)
{
	(void)name, (void)buf, (void)size;
	return fail(is_ours(provider_of(p), sbdf) ? ENOENT : ENODEV);
}

static int binding(struct provider *p, struct sbdf sbdf, uint64_t *out)
{
	*out = 0;
	return is_ours(provider_of(p), sbdf) ? 0 : fail(ENOENT);
}

static void provider_dispose(struct provider *p)
{
	vdev_dispose(&provider_of(p)->vdev);
	free_keep(p);
}

static const struct provider_ops ops = {
	.name = "vfio-user",
	.open_device = open_device,
	.list = list,
	.parent = parent,
	.look = look,
	.attribute = attribute,
	.binding = binding,
	.close = provider_dispose,
};

/* ---- Its beginning ---- */

/* "SOCKET" or "SOCKET,at=BDF", whose parts are put into *address and *at. */
static int parse(const char *spec, struct sockaddr_un *address, struct sbdf *at)
{
	const char *option = strstr(spec, AT_OPTION);
	size_t len = option ? (size_t)(option - spec) : strlen(spec);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len || sbdf_parse(option ? option + strlen(AT_OPTION) : HOME, at))
		return fail(EINVAL);
	if (len >= sizeof(address->sun_path))
		return fail(ENAMETOOLONG);
	memcpy(address->sun_path, spec, len);
	return 0;
}

/* A socket, or -1 with errno; a server that takes nobody is not waited for long. */
static int connect_to(const struct sockaddr_un *address)
{
	const struct timeval wait = { .tv_sec = CONNECT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) &&
	    !connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fd;
	close_keep(fd);
	return -1;
}

static uint32_t page_register(const struct vdev_page *page, unsigned offset)
{
	uint32_t v;

	memcpy(&v, page->config + offset, sizeof(v));
	return v;
}

/* What the process found, as far as it can be true of a device. 0, or -1 with EINVAL. */
static int build(struct vfio_user *v, const struct vdev_facts *facts)
{
	struct pcidev_info *info = &v->fn.dev.info;
	const struct vdev_page *page = v->vdev.page;

	if (facts->config_size != PCIDEV_BASIC && facts->config_size != VDEV_CONFIG_MAX)
		return fail(EINVAL);
	v->fn.dev.ops = &function_ops;
	v->fn.owner = v;
	info->config_size = (uint16_t)facts->config_size;
	info->vendor = (uint16_t)page_register(page, PCI_VENDOR_ID);
	info->device = (uint16_t)(page_register(page, PCI_VENDOR_ID) >> 16);
	info->class_code = page_register(page, PCI_CLASS_REVISION) >> 8;
	info->header_type = page->config[PCI_HEADER_TYPE] & 0x7f;
	info->bars_movable = true;
	if (info->header_type || info->vendor == 0xffff || !info->vendor)
		return fail(EINVAL);
	info->revision = page->config[PCI_REVISION_ID];
	info->subsystem_vendor = (uint16_t)page_register(page, PCI_SUBSYSTEM_VENDOR_ID);
	info->subsystem_device = (uint16_t)(page_register(page, PCI_SUBSYSTEM_VENDOR_ID) >> 16);
	return vfio_user_resources(facts->size, page->config, info->resource);
}

struct provider *vfio_user_provider_open(const char *spec, xentoollog_logger *lg)
{
	struct vfio_user *v = calloc(1, sizeof(*v));
	struct vdev_facts facts;
	struct sockaddr_un address;
	int fd = -1;

	if (!v)
		return NULL;
	v->provider.ops = &ops;
	v->vdev = (struct vdev){ .requests = -1, .memory = -1 };
	if (parse(spec, &address, &v->fn.dev.info.sbdf)) {
		log_error(lg, "vfio-user:%s: wanted is a socket's path of up to %zu bytes, and after it "
			      "perhaps " AT_OPTION "BDF", spec, sizeof(address.sun_path) - 1);
		goto out;
	}
	fd = connect_to(&address);
	if (fd < 0) {
		log_error(lg, "vfio-user:%s: cannot connect: %s; is the server running, and nobody else's?",
			  spec, strerror(errno));
		goto out;
	}
	if (vdev_start(&v->vdev, fd, &facts)) {
		log_error(lg, "vfio-user:%s: the server does not show a PCI device: %s; it may serve "
			      "another client, or not speak vfio-user 0.1", spec, strerror(errno));
		goto out;
	}
	if (build(v, &facts)) {
		log_error(lg, "vfio-user:%s: what the server shows is no function that a guest can have: "
			      "its header or a BAR is not one of PCI's", spec);
		goto out;
	}
	close(fd);
	return &v->provider;
out:
	close_keep(fd);
	provider_dispose(&v->provider);
	return NULL;
}
