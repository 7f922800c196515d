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
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/provider.h"
#include "host/device/vfio_user/resources.h"
#include "host/device/vfio_user/vdev.h"

/* Where the function is, unless the text says so: on no machine's own segment. */
#define HOME "ff00:00:00.0"
/* What may stand behind the socket's path. */
#define AT_OPTION ",at="
#define EVENTS_OPTION ",events"
#define BUS_OPTION ",bus="

enum { CONNECT_S = 2, BUS_BACKLOG = 4 };

struct spec {
	struct sockaddr_un server, bus; /* bus: "" where there is none */
	struct sbdf at;
	bool events;
};

struct function {
	struct pcidev dev; /* first: what is handed out */
	struct vfio_user *owner;
};

struct vfio_user {
	struct provider provider; /* first: what provider_open returns */
	struct function fn;
	struct vdev vdev;
	bool open;
	bool events; /* its interrupts are asked for */
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

static int function_vector(struct pcidev *dev, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
			   int eventfd)
{
	if (!((struct function *)dev)->owner->events)
		return fail(ENOTTY);
	return vdev_vector(vdev_of(dev), kind, what, nr, eventfd);
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
	.vector = function_vector,
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

static int set_path(struct sockaddr_un *address, const char *path, size_t len)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len)
		return fail(EINVAL);
	if (len >= sizeof(address->sun_path))
		return fail(ENAMETOOLONG);
	memcpy(address->sun_path, path, len);
	return 0;
}

static bool is_option(const char *text, const char *option)
{
	return !strncmp(text, option, strlen(option));
}

/* Where a socket's path ends: at what is an option of ours. Commas may be in it. */
static const char *path_end(const char *spec)
{
	while (*spec && !is_option(spec, AT_OPTION) && !is_option(spec, EVENTS_OPTION) &&
	       !is_option(spec, BUS_OPTION))
		spec++;
	return spec;
}

/* One option, whose text is len bytes from its comma on. */
static int parse_option(const char *text, size_t len, struct spec *out)
{
	char at[SBDF_TEXT + 1];

	if (is_option(text, BUS_OPTION))
		return set_path(&out->bus, text + strlen(BUS_OPTION), len - strlen(BUS_OPTION));
	if (is_option(text, AT_OPTION) && len - strlen(AT_OPTION) < sizeof(at)) {
		snprintf(at, sizeof(at), "%.*s", (int)(len - strlen(AT_OPTION)), text + strlen(AT_OPTION));
		return sbdf_parse(at, &out->at) ? fail(EINVAL) : 0;
	}
	if (!is_option(text, EVENTS_OPTION) || len != strlen(EVENTS_OPTION))
		return fail(EINVAL);
	out->events = true;
	return 0;
}

/* "SOCKET", and options behind it. */
static int parse(const char *spec, struct spec *out)
{
	const char *at = path_end(spec);

	*out = (struct spec){ .events = false };
	if (sbdf_parse(HOME, &out->at) || set_path(&out->server, spec, (size_t)(at - spec)))
		return -1;
	while (*at) {
		const char *end = path_end(at + 1);

		if (parse_option(at, (size_t)(end - at), out))
			return -1;
		at = end;
	}
	return 0;
}

/*
 * A socket for the clients of the bus, for our own user alone. What an earlier one left there is taken away. -1
 * with errno: EEXIST (something else is there), or the OS's.
 */
static int listen_at(const struct sockaddr_un *address)
{
	struct stat st;
	int fd;

	if (!lstat(address->sun_path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return fail(EEXIST);
		if (unlink(address->sun_path))
			return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* The mode before there is a name. */
	if (fd >= 0 && !fchmod(fd, 0600) && !bind(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    !listen(fd, BUS_BACKLOG))
		return fd;
	close_keep(fd);
	return -1;
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

/* BARs that nobody has placed are: no firmware does it, and a PV guest takes them as it finds them. */
static int place(struct vfio_user *v)
{
	struct pcidev_info *info = &v->fn.dev.info;
	uint32_t values[PCIDEV_RESOURCES];

	vfio_user_place(info->resource, v->vdev.page->config, values);
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		unsigned offset = i == PCIDEV_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * i;

		if (values[i] != page_register(v->vdev.page, offset) &&
		    vdev_ask(&v->vdev, VDEV_WRITE, offset, 4, &values[i]))
			return -1;
	}
	return 0;
}

/* What the process found, as far as it can be true of a device. 0, or -1 with EINVAL, or the server's. */
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
	info->is_virtual = true;
	if (info->header_type || info->vendor == 0xffff || !info->vendor)
		return fail(EINVAL);
	info->revision = page->config[PCI_REVISION_ID];
	info->subsystem_vendor = (uint16_t)page_register(page, PCI_SUBSYSTEM_VENDOR_ID);
	info->subsystem_device = (uint16_t)(page_register(page, PCI_SUBSYSTEM_VENDOR_ID) >> 16);
	return vfio_user_resources(facts->size, page->config, info->resource) ? -1 : place(v);
}

/* Connects, and has the process look at the device. 0, or -1 with errno and logged. */
static int begin(struct vfio_user *v, const char *spec, const struct spec *what, xentoollog_logger *lg)
{
	struct vdev_facts facts;
	int fd = connect_to(&what->server), bus = -1, rc = -1;

	if (fd < 0) {
		log_error(lg, "vfio-user:%s: cannot connect: %s; is the server running, and nobody else's?",
			  spec, strerror(errno));
		return -1;
	}
	if (*what->bus.sun_path)
		bus = listen_at(&what->bus);
	if (*what->bus.sun_path && bus < 0)
		log_error(lg, "vfio-user:%s: cannot listen for its bus: %s; name a path of its own in a folder "
			      "that is there", spec, strerror(errno));
	else if (vdev_start(&v->vdev, fd, bus, &facts))
		log_error(lg, "vfio-user:%s: the server does not show a PCI device: %s; it may serve "
			      "another client, or not speak vfio-user 0.1", spec, strerror(errno));
	else if (build(v, &facts))
		log_error(lg, "vfio-user:%s: what the server shows is no function that a guest can have: "
			      "its header or a BAR is not one of PCI's", spec);
	else
		rc = 0;
	close_keep(fd);
	close_keep(bus);
	return rc;
}

struct provider *vfio_user_provider_open(const char *spec, xentoollog_logger *lg)
{
	struct vfio_user *v = calloc(1, sizeof(*v));
	struct spec what;

	if (!v)
		return NULL;
	v->provider.ops = &ops;
	v->vdev = (struct vdev){ .requests = -1, .memory = -1 };
	if (parse(spec, &what)) {
		log_error(lg, "vfio-user:%s: wanted is a socket's path of up to %zu bytes, and after it "
			      "perhaps " AT_OPTION "BDF, " EVENTS_OPTION " and " BUS_OPTION "PATH", spec,
			  sizeof(what.server.sun_path) - 1);
		goto out;
	}
	v->fn.dev.info.sbdf = what.at;
	v->events = what.events;
	if (!begin(v, spec, &what, lg))
		return &v->provider;
out:
	provider_dispose(&v->provider);
	return NULL;
}
