/* SPDX-License-Identifier: MIT */
#include "host/asleep.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/number.h"
#include "common/state.h"
#include "common/util.h"
#include "host/device/save.h"
#include "host/device/slow.h"
#include "host/device_file.h"

#define KIND "asleep"

enum {
	D3HOT = 3,
	D3HOT_DELAY_NS = 10000000, /* PCI PM 1.2, 5.6.1: also on the way there */
	BINDING_MAX = 24,
	NOTE_MAX = STATE_HEAD_MAX + BINDING_MAX + PCIDEV_SAVED_TEXT,
};

/* ---- What is noted ---- */

static void note_remove(const char *dir, struct sbdf a)
{
	char path[DEVICE_FILE_PATH];
	int saved = errno;

	if (!device_file(dir, KIND, a, "", path))
		unlink(path);
	errno = saved;
}

/* Whole, or not at all. */
static int note_write(const char *dir, struct sbdf a, uint64_t binding, const struct pcidev_saved *saved)
{
	char path[DEVICE_FILE_PATH], half[DEVICE_FILE_PATH], image[PCIDEV_SAVED_TEXT];
	char text[BINDING_MAX + PCIDEV_SAVED_TEXT], head[STATE_HEAD_MAX];
	int fd, n;

	pcidev_saved_format(saved, image);
	n = snprintf(text, sizeof(text), "%" PRIu64 " %s", binding, image);
	state_head(STATE_ASLEEP, (unsigned long)n, head);
	if (device_file(dir, KIND, a, "", path) || device_file(dir, KIND, a, ".new", half))
		return -1;
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	n = dprintf(fd, "%s%s", head, text) < 0 ? -1 : 0;
	close_keep(fd);
	if (!n && !rename(half, path))
		return 0;
	n = errno;
	unlink(half);
	return fail(n);
}

/*
 * The note's text into buf, what was saved into *saved: NULL where that is damaged, or of a version that we do not
 * know. 0, or -1 with errno: ENOENT (there is none).
 */
static int note_read(const char *dir, struct sbdf a, char buf[NOTE_MAX], uint64_t *binding, const char **saved)
{
	char path[DEVICE_FILE_PATH], *text, *word;

	*saved = NULL;
	*binding = 0;
	if (device_file(dir, KIND, a, "", path) || file_text(AT_FDCWD, path, buf, NOTE_MAX) < 0)
		return -1;
	if (state_open(STATE_ASLEEP, buf, &text) < 0)
		return 0;
	word = strsep(&text, " ");
	if (text && !number_parse(word, 10, UINT64_MAX, binding))
		*saved = text;
	return 0;
}

bool asleep_noted(const char *state_dir, struct sbdf a)
{
	char path[DEVICE_FILE_PATH];

	return !device_file(state_dir, KIND, a, "", path) && !access(path, F_OK);
}

bool asleep_any_noted(const char *state_dir)
{
	DIR *d = state_dir ? opendir(state_dir) : NULL;
	const struct dirent *e;
	bool any = false;

	while (d && !any && (e = readdir(d)))
		any = !strncmp(e->d_name, KIND "-", strlen(KIND "-"));
	if (d)
		closedir(d);
	return any;
}

/* ---- Going to sleep ---- */

/* Why dev is not to sleep, *err with it; NULL: nothing keeps it. */
static const char *obstacle(struct pcidev *dev, unsigned pm, uint32_t *ctrl, int *err)
{
	const struct pcidev_info *info = &dev->info;
	uint32_t command;

	*err = EIO;
	if (!pcidev_is_itself(dev) || pcidev_read(dev, PCI_COMMAND, 2, &command))
		return "it does not answer";
	*err = ENOTSUP;
	if (info->is_virtual || info->is_vf || info->header_type || !pm || pcidev_read(dev, pm + PCI_PM_CTRL, 2, ctrl))
		return "it has no power states";
	*err = EBUSY;
	if (*ctrl & PCI_PM_CTRL_STATE_MASK)
		return "it is not in D0: somebody else has put it to sleep";
	if (command & PCI_COMMAND_MASTER)
		return "somebody uses it: its bus mastering is on";
	return NULL;
}

static void settle(const struct pcidev *dev)
{
	/* An image is there at once. */
	if (!dev->info.bars_movable)
		slow_sleep(D3HOT_DELAY_NS);
}

/* Into D3hot, without a wake-up signal from there. 0, or -1 with errno ENOTSUP and *why. */
static int enter(struct pcidev *dev, unsigned pm, uint32_t ctrl, const char **why)
{
	ctrl &= ~(uint32_t)(PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);
	*why = "it does not enter D3hot";
	if (pcidev_write(dev, pm + PCI_PM_CTRL, 2, ctrl | D3HOT))
		return -1;
	settle(dev);
	if (!pcidev_is_itself(dev)) {
		*why = "it does not answer in D3hot";
		/* What cannot be read can be written. */
		pcidev_write(dev, pm + PCI_PM_CTRL, 2, ctrl);
		settle(dev);
		return fail(ENOTSUP);
	}
	return pcidev_in_d3hot(dev) ? 0 : fail(ENOTSUP);
}

int asleep_begin(const char *state_dir, struct provider *p, struct pcidev *dev, const char **why)
{
	unsigned pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	struct pcidev_saved *saved = NULL;
	uint64_t binding;
	uint32_t ctrl;
	int err;

	*why = obstacle(dev, pm, &ctrl, &err);
	if (*why)
		return fail(err);
	*why = "its registers cannot be noted";
	saved = pcidev_save(dev);
	if (!saved || provider_binding(p, dev->info.sbdf, &binding) ||
	    note_write(state_dir, dev->info.sbdf, binding, saved))
		goto out;
	if (!enter(dev, pm, ctrl, why)) {
		pcidev_saved_free(saved);
		return 0;
	}
	err = errno;
	if (pcidev_restore(dev, saved)) {
		*why = "it did not enter D3hot, and is not as it was";
		err = EIO;
	} else {
		note_remove(state_dir, dev->info.sbdf);
	}
	errno = err;
out:
	pcidev_saved_free(saved);
	return -1;
}

/* ---- Waking ---- */

int asleep_end(const char *state_dir, struct provider *p, struct pcidev *dev, bool others)
{
	uint64_t binding, then;
	char buf[NOTE_MAX];
	struct pcidev_saved *saved;
	struct sbdf a = dev->info.sbdf;
	const char *text;
	int rc;

	if (note_read(state_dir, a, buf, &then, &text))
		return errno == ENOENT ? 0 : -1;
	if ((text && (provider_binding(p, a, &binding) || binding != then)) ||
	    ((others || !text) && pcidev_alive(dev) && !pcidev_in_d3hot(dev))) {
		note_remove(state_dir, a);
		return 0;
	}
	/* In D3hot registers still read as they were. */
	saved = text ? pcidev_saved_parse(dev, text) : NULL;
	if (!saved)
		saved = pcidev_save(dev);
	rc = saved ? pcidev_restore(dev, saved) : -1;
	pcidev_saved_free(saved);
	if (rc || pcidev_in_d3hot(dev))
		return rc ? -1 : fail(EIO);
	note_remove(state_dir, a);
	return 1;
}
