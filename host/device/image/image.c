/* SPDX-License-Identifier: MIT */
/*
 * The image provider: a captured machine. Its functions keep their registers from
 * one opening to the next, as hardware does.
 */
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "host/device/image/function.h"
#include "host/device/image/parse.h"
#include "host/device/provider.h"
#include "common/log.h"
#include "common/number.h"
#include "common/util.h"

enum { ID_ABSENT = 0xffff, SLOW_MS_MAX = 1000 };

/* Behind the file's name; one length. */
#define SLOW_OPTION ",slow="
#define GATE_OPTION ",gate="

static struct image *image_of(struct provider *p)
{
	return (struct image *)p;
}

static struct image_function *function_at(const struct image *image, struct sbdf sbdf)
{
	size_t low = 0, high = image->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = sbdf_compare(image->function[middle].dev.info.sbdf, sbdf);

		if (!order)
			return &image->function[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct pcidev *image_open_device(struct provider *p, struct sbdf sbdf)
{
	struct image_function *fn = function_at(image_of(p), sbdf);
	int err = 0;

	if (!fn)
		err = ENODEV;
	else if (fn->dev.info.header_type > PCI_HEADER_TYPE_BRIDGE)
		err = ENOTSUP;
	else if (fn->open)
		err = EBUSY;
	if (err) {
		errno = err;
		return NULL;
	}
	fn->open = true;
	return &fn->dev;
}

/* A second handle of a function, which only reads. */
struct image_view {
	struct pcidev dev; /* first: what provider_look hands out */
	struct image_function *fn;
};

static int view_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	struct image_function *fn = ((struct image_view *)dev)->fn;

	return fn->dev.ops->read(&fn->dev, offset, size, value);
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

static struct pcidev *image_look(struct provider *p, struct sbdf sbdf)
{
	struct image_function *fn = function_at(image_of(p), sbdf);
	struct image_view *view;

	if (!fn) {
		errno = ENODEV;
		return NULL;
	}
	view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	view->dev.ops = &view_ops;
	view->dev.info = fn->dev.info;
	view->fn = fn;
	return &view->dev;
}

/* There is no OS that knows more than the registers. */
static int image_attribute(struct provider *p, struct sbdf sbdf, const char *name, char *buf,
			   size_t size)
{
	(void)name, (void)buf, (void)size;
	return fail(function_at(image_of(p), sbdf) ? ENOENT : ENODEV);
}

static int image_list(struct provider *p, struct sbdf *list, size_t max)
{
	const struct image *image = image_of(p);

	for (size_t i = 0; i < image->nr && i < max; i++)
		list[i] = image->function[i].dev.info.sbdf;
	return (int)image->nr;
}

static int image_parent(struct provider *p, struct sbdf sbdf, struct sbdf *parent)
{
	const struct image_function *fn = function_at(image_of(p), sbdf);

	if (!fn)
		return fail(ENODEV);
	if (!fn->parent)
		return 0;
	*parent = fn->parent->dev.info.sbdf;
	return 1;
}

static void image_close(struct provider *p)
{
	struct image *image = image_of(p);

	for (size_t i = 0; i < image->nr; i++)
		image_function_dispose(&image->function[i]);
	image_masks_free(image);
	if (image->memory)
		munmap(image->memory, image->memory_size);
	close_keep(image->registers);
	free_keep(image->function);
	free_keep(image);
}

static int image_binding(struct provider *p, struct sbdf sbdf, uint64_t *binding)
{
	*binding = 0;
	return function_at(image_of(p), sbdf) ? 0 : fail(ENOENT);
}

static const struct provider_ops image_ops = {
	.name = "image",
	.open_device = image_open_device,
	.list = image_list,
	.parent = image_parent,
	.look = image_look,
	.attribute = image_attribute,
	.binding = image_binding,
	.close = image_close,
};

static uint32_t text_register(const struct image_text_function *text, unsigned offset,
			      unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size && offset + i < text->nr_bytes; i++)
		v |= (uint32_t)text->bytes[offset + i] << 8 * i;
	return v;
}

/* Offset of text's SR-IOV capability with its VFs enabled, or 0. */
static unsigned sriov_of(const struct image_text_function *text)
{
	unsigned at = 0x100, left = (4096 - 0x100) / 8;

	for (; at >= 0x100 && text->nr_bytes == 4096 && left; left--) {
		uint32_t header = text_register(text, at, 4);

		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV) {
			header = text_register(text, at + PCI_SRIOV_CTRL, 2);
			return header & PCI_SRIOV_CTRL_VFE ? at : 0;
		}
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* Whether pf's SR-IOV capability places a virtual function at sbdf. */
static bool places_vf(const struct image_text_function *pf, struct sbdf sbdf, struct image_vf *vf)
{
	unsigned at = sriov_of(pf);
	uint32_t nr, offset, stride, distance, rid;

	if (!at || pf->sbdf.segment != sbdf.segment)
		return false;
	nr = text_register(pf, at + PCI_SRIOV_NUM_VF, 2);
	offset = text_register(pf, at + PCI_SRIOV_VF_OFFSET, 2);
	stride = text_register(pf, at + PCI_SRIOV_VF_STRIDE, 2);
	rid = (uint32_t)pf->sbdf.bus << 8 | pf->sbdf.devfn;
	distance = ((uint32_t)sbdf.bus << 8 | sbdf.devfn) - rid;
	if (distance < offset || distance > UINT16_MAX || !offset)
		return false;
	distance -= offset;
	if (stride ? distance % stride || distance / stride >= nr : distance || !nr)
		return false;
	vf->pf = pf->sbdf;
	vf->vendor = (uint16_t)text_register(pf, PCI_VENDOR_ID, 2);
	vf->device = (uint16_t)text_register(pf, at + PCI_SRIOV_VF_DID, 2);
	return true;
}

/* A virtual function's own id registers read ones; its physical function knows it. */
static bool find_vf(const struct image_text *text, const struct image_text_function *fn,
		    struct image_vf *vf)
{
	if (text_register(fn, PCI_VENDOR_ID, 2) != ID_ABSENT || (fn->bytes[PCI_HEADER_TYPE] & 0x7f))
		return false;
	for (size_t i = 0; i < text->nr; i++) {
		if (&text->function[i] != fn && places_vf(&text->function[i], fn->sbdf, vf))
			return true;
	}
	return false;
}

static int by_address(const void *a, const void *b)
{
	return sbdf_compare(((const struct image_text_function *)a)->sbdf,
			    ((const struct image_text_function *)b)->sbdf);
}

/*
 * The bridge whose secondary bus fn is on, or the narrowest whose range holds it (a
 * VF may be on a bus of no bridge's own). A parent's bus is below its child's, so
 * that every walk up ends, whatever the dump says.
 */
static struct image_function *find_parent(struct image *image, const struct image_function *fn)
{
	struct sbdf child = fn->dev.info.sbdf;
	struct image_function *best = NULL;
	unsigned best_width = 256;

	for (size_t i = 0; i < image->nr; i++) {
		struct image_function *b = &image->function[i];
		unsigned type = b->dev.info.header_type, secondary, last;

		if ((type != PCI_HEADER_TYPE_BRIDGE && type != PCI_HEADER_TYPE_CARDBUS) ||
		    b->dev.info.sbdf.segment != child.segment)
			continue;
		/* A CardBus bridge has its bus numbers in the same place. */
		secondary = b->now[PCI_SECONDARY_BUS];
		last = b->now[PCI_SUBORDINATE_BUS];
		if (secondary <= b->dev.info.sbdf.bus || child.bus < secondary || child.bus > last)
			continue;
		if (last - secondary < best_width) {
			best = b;
			best_width = last - secondary;
		}
	}
	return best;
}

/* Room for the registers of all functions of the text. */
static int make_memory(struct image *image, const struct image_text *text)
{
	void *p;

	for (size_t i = 0; i < text->nr; i++)
		image->memory_size += image_place_size(text->function[i].nr_bytes > 256 ? 4096 : 256);
	image->registers = memfd_create("registers", MFD_CLOEXEC);
	if (image->registers < 0 || ftruncate(image->registers, (off_t)image->memory_size))
		return -1;
	p = mmap(NULL, image->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, image->registers, 0);
	if (p == MAP_FAILED)
		return -1;
	image->memory = p;
	return 0;
}

/* What cannot be known of some functions, for want of it in the file: said once. */
static void tell_unknown(const struct image *image, unsigned guessed, const char *file,
			 xentoollog_logger *lg)
{
	const struct image_function *first = NULL;
	unsigned unseen = 0;
	char name[SBDF_TEXT];

	for (size_t i = 0; i < image->nr; i++) {
		if (!image->function[i].dev.info.caps_unseen)
			continue;
		first = first ? first : &image->function[i];
		unseen++;
	}
	if (unseen)
		log_warn(lg, "%s: the capabilities of %u functions (%s first) are not in it, so that "
			 "resets, MSI and more of them are not known (lspci -xxxx as root shows them)",
			 file, unseen, sbdf_format(first->dev.info.sbdf, name));
	if (guessed)
		log_info(lg, "%s: the text tells no size for %u regions: taken as 4096 bytes of "
			     "memory or 32 I/O ports, or what the address allows", file, guessed);
}

/* Functions of the text that have a hex dump come to life. */
static int build(struct image *image, const struct image_text *text, const char *file,
		 xentoollog_logger *lg)
{
	unsigned guessed = 0;
	char name[SBDF_TEXT];

	image->function = calloc(text->nr, sizeof(*image->function));
	if (!image->function || !text->nr || make_memory(image, text))
		return text->nr && !image->memory ? -1 : 0;
	for (size_t i = 0; i < text->nr; i++) {
		const struct image_text_function *from = &text->function[i];
		struct image_function *fn = &image->function[image->nr];
		struct image_vf vf;

		if (!from->nr_bytes) {
			log_warn(lg, "%s:%u: %s has no hex dump and is left out (lspci -xxxx as "
				     "root shows it)", file, from->line,
				 sbdf_format(from->sbdf, name));
			continue;
		}
		image->nr++;
		fn->image = image;
		if (image_function_init(fn, from, find_vf(text, from, &vf) ? &vf : NULL, file, lg,
					&guessed))
			return -1;
	}
	tell_unknown(image, guessed, file, lg);
	for (size_t i = 0; i < image->nr; i++)
		image->function[i].parent = find_parent(image, &image->function[i]);
	return 0;
}

/* ",slow=BDF:MS" or ",gate=BDF:FILE" */
struct option {
	bool gate;
	struct sbdf sbdf;
	const char *value;
	uint64_t ms;
};

/* Takes the last option off the end of spec. 1: it did; 0: there is none; -1 with errno EINVAL. */
static int take_option(char *spec, struct option *o)
{
	char *at = NULL, *colon;

	for (char *next = spec; (next = strchr(next, ',')); next++)
		if (!strncmp(next, SLOW_OPTION, strlen(SLOW_OPTION)) ||
		    !strncmp(next, GATE_OPTION, strlen(GATE_OPTION)))
			at = next;
	if (!at)
		return 0;
	o->gate = !strncmp(at, GATE_OPTION, strlen(GATE_OPTION));
	*at = 0;
	at += strlen(SLOW_OPTION);
	colon = strrchr(at, ':');
	if (!colon || !colon[1])
		return fail(EINVAL);
	*colon = 0;
	o->value = colon + 1;
	if (sbdf_parse(at, &o->sbdf) || (!o->gate && number_parse(o->value, 10, SLOW_MS_MAX, &o->ms)))
		return fail(EINVAL);
	return 1;
}

static int apply_option(struct image *image, const struct option *o)
{
	struct image_function *fn = function_at(image, o->sbdf);

	if (!fn)
		return fail(EINVAL);
	if (!o->gate) {
		fn->slow_ms = (unsigned)o->ms;
		return 0;
	}
	free(fn->gate);
	fn->gate = strdup(o->value);
	return fn->gate ? 0 : -1;
}

/* Leaves the file's name in spec. With image NULL that is all. 0, or -1 with errno, logged. */
static int take_options(struct image *image, char *spec, xentoollog_logger *lg)
{
	struct option o;
	int rc;

	while ((rc = take_option(spec, &o)) > 0)
		if (image && apply_option(image, &o)) {
			rc = -1;
			break;
		}
	if (rc < 0)
		log_error(lg, "image:%s: after it comes ,slow=BDF:MS or ,gate=BDF:FILE, a function of it and "
			      "up to %d milliseconds, or a file's name without a colon: %s", spec,
			  SLOW_MS_MAX, strerror(errno));
	return rc;
}

struct provider *image_provider_open(const char *spec, xentoollog_logger *lg)
{
	struct image_text text = { 0 };
	struct image *image = calloc(1, sizeof(*image));
	char *file = strdup(spec), *options = strdup(spec);

	if (image)
		image->registers = -1;
	if (!image || !file || !options)
		goto out;
	image->provider.ops = &image_ops;
	if (take_options(NULL, file, lg) || image_text_load(file, lg, &text))
		goto out;
	qsort(text.function, text.nr, sizeof(*text.function), by_address);
	if (build(image, &text, file, lg))
		goto out;
	if (!image->nr) {
		log_error(lg, "%s: no device with a hex dump in it; wanted is the output of "
			      "lspci -vvxxxx", file);
		errno = EINVAL;
		goto out;
	}
	if (take_options(image, options, lg))
		goto out;
	image_text_dispose(&text);
	free(file);
	free(options);
	return &image->provider;
out:
	image_text_dispose(&text);
	free_keep(file);
	free_keep(options);
	if (image)
		image_close(&image->provider);
	return NULL;
}
