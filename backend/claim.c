/* SPDX-License-Identifier: MIT */
#include "backend/claim.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "backend/custody.h"
#include "backend/untouched.h"
#include "common/util.h"

#define CLASS_BRIDGE 0x06

/* Where claims on a are; neighbours on a bus, and alike slots of buses, are apart. */
static unsigned bucket(struct sbdf a)
{
	return (a.devfn + 37u * a.bus + 11u * a.segment) % CLAIMS_BUCKETS;
}

struct claim *claim_find(const struct host *host, struct sbdf a)
{
	struct claim *claim;

	LIST_FOREACH(claim, &host->claims_at[bucket(a)], of_address)
		if (sbdf_equal(claim->dev->info.sbdf, a))
			return claim;
	return NULL;
}

/* Opens a in the first provider that knows it. */
static int open_device(struct claim *claim, struct sbdf a, struct problem *p)
{
	struct host *host = claim->host;
	struct claim *holder = claim_find(host, a);
	char buf[SBDF_TEXT];

	sbdf_format(a, buf);
	if (holder)
		return problem_set(p, EBUSY, "%s: in use by guest %u [rule other-guest; detach it "
				   "there first]", buf, holder->irq.talk->domid);
	errno = ENODEV;
	for (unsigned i = 0; i < host->nr_providers && !claim->dev; i++) {
		claim->provider = host->providers[i];
		claim->dev = provider_open_device(claim->provider, a);
		if (!claim->dev && errno != ENODEV)
			break;
	}
	if (!claim->dev && errno == ENODEV)
		return problem_set(p, ENODEV, "%s: no such device on this host", buf);
	if (!claim->dev)
		return problem_set(p, errno, "%s: cannot open the device: %s", buf, strerror(errno));
	if (claim->dev->info.class_code >> 16 == CLASS_BRIDGE && host->settings.slots == SLOTS_VPCI)
		return problem_set(p, EPERM, "%s: is a bridge; guests get bridges only with slots = "
				   "\"passthrough\" and allow = [\"bridge\"] [rule bridge]", buf);
	return 0;
}

/* Xen must know of the MSI-X table while the device decodes memory. */
static void tell_of_msix(struct claim *claim)
{
	struct sbdf a = claim->dev->info.sbdf;
	char buf[SBDF_TEXT];

	if (!claim->irq.msix)
		return;
	if (!hypercall_prepare_msix(claim->host->hypercall, a)) {
		claim->prepared = true;
		return;
	}
	/* EBUSY: pciback, which holds the device for the toolstack, has prepared it. */
	if (errno == EBUSY)
		return;
	claim->irq.no_msix = errno == ENOSYS;
	talk_tell(claim->irq.talk, XTL_WARN, "%s: cannot prepare MSI-X: %s%s", sbdf_format(a, buf),
		 strerror(errno), errno == ENOSYS ? "; the guest will be offered MSI only" : "");
}

static int read_policy(struct claim *claim, const char *opts, const char *opts_node,
		       struct problem *p)
{
	struct talk *talk = claim->irq.talk;
	struct settings_policy policy;
	char bad[NODE_OPTS_BAD_MAX], buf[SBDF_TEXT];
	struct node_opts parsed;

	sbdf_format(claim->dev->info.sbdf, buf);
	if (node_opts_parse(opts, &parsed, bad))
		problem_set(p, EINVAL, "%s: %s: \"%s\" is not understood and has no effect", buf,
			    opts_node, bad);
	settings_policy(&claim->host->settings, &claim->dev->info, &parsed, opts_node, &policy);
	claim->cfg = config_open(claim->dev, &policy.policy);
	if (!claim->cfg)
		return problem_set(p, errno, "%s: cannot build its filter: %s", buf, strerror(errno));
	claim->permissive = policy.policy.permissive;
	claim->raw = policy.policy.permissive || policy.policy.nr_quirks;
	talk_tell(talk, XTL_INFO, "%s: permissive=%d (%s), interrupt_control=%d (%s), %u quirk%s", buf,
		 policy.policy.permissive, policy.policy.permissive_source,
		 policy.policy.interrupt_control, policy.policy.interrupt_control_source,
		 policy.policy.nr_quirks, policy.policy.nr_quirks == 1 ? "" : "s");
	return 0;
}

/*
 * Enabled for a moment, so that decoding is on (Xen looks for the MSI-X table)
 * and the interrupt is routed; then saved, reset, silenced. *command is what the guest begins with.
 */
static int take_over(struct claim *claim, uint16_t *command, struct problem *p)
{
	bool untouched = untouched_take(claim, command);
	char buf[SBDF_TEXT];

	sbdf_format(claim->dev->info.sbdf, buf);
	if (pcidev_enable(claim->dev, true))
		talk_tell(claim->irq.talk, XTL_WARN, "%s: the system does not enable it: %s", buf,
			 strerror(errno));
	tell_of_msix(claim);
	if (custody_take_line(claim, p))
		return -1;
	claim->saved = pcidev_save(claim->dev);
	if (!claim->saved)
		return problem_set(p, errno, "%s: cannot save its configuration: %s", buf,
				   strerror(errno));
	if (!untouched && custody_reset(claim) < 0)
		return problem_set(p, errno, "%s: did not come back from a reset: in quarantine", buf);
	if (custody_judge_reset(claim, p))
		return -1;
	pcidev_enable(claim->dev, false);
	if (pcidev_quiesce(claim->dev))
		return problem_set(p, errno, "%s: cannot silence it: %s", buf, strerror(errno));
	return 0;
}

/* A claim on a, opened, with nothing done to the device. */
static struct claim *new_claim(struct host *host, struct talk *talk, struct sbdf a,
			       struct problem *p)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim) {
		problem_set(p, ENOMEM, "no memory for a device");
		return NULL;
	}
	claim->host = host;
	claim->handover.judged = true;
	handover_begin(host, &claim->handover, a);
	if (open_device(claim, a, p)) {
		int err = errno;

		pcidev_close(claim->dev);
		handover_end(host, &claim->handover);
		free(claim);
		errno = err;
		return NULL;
	}
	interrupt_init(&claim->irq, claim->dev, host->hypercall, talk, &claim->memory);
	TAILQ_INSERT_TAIL(&host->claims, claim, of_host);
	LIST_INSERT_HEAD(&host->claims_at[bucket(a)], claim, of_address);
	custody_note(claim, talk->domid);
	return claim;
}

/* Half-built: closed without touching the device more than it was. */
static void drop_claim(struct claim *claim)
{
	int saved = errno;

	custody_note(claim, TOPOLOGY_NO_GUEST);
	LIST_REMOVE(claim, of_address);
	TAILQ_REMOVE(&claim->host->claims, claim, of_host);
	memory_device_dispose(&claim->memory);
	config_close(claim->cfg);
	pcidev_saved_free(claim->saved);
	if (claim->prepared)
		hypercall_release_msix(claim->host->hypercall, claim->dev->info.sbdf);
	custody_release_line(claim);
	pcidev_close(claim->dev);
	handover_end(claim->host, &claim->handover);
	free(claim);
	errno = saved;
}

void claim_remember_shadow(struct claim *claim)
{
	struct config_state state;

	config_save_state(claim->cfg, &state);
	memory_shadow_write(&claim->memory, &state);
}

/* The guest begins with the command register as it was before we enabled the device. */
static int begin_shadow(struct claim *claim, uint16_t command)
{
	struct config_state state;

	config_save_state(claim->cfg, &state);
	state.command = command;
	state.command_home = command;
	if (config_load_state(claim->cfg, &state))
		return -1;
	memory_shadow_write(&claim->memory, &state);
	return 0;
}

struct claim *claim_take(struct host *host, struct talk *talk, struct sbdf a, const char *opts,
			 const char *opts_node, struct problem *p)
{
	struct claim *claim = new_claim(host, talk, a, p);
	uint16_t command;
	char buf[SBDF_TEXT];
	uint32_t now;

	if (!claim)
		return NULL;
	memory_device_init(&claim->memory, &host->memory, talk->domid, a);
	if (pcidev_read(claim->dev, PCI_COMMAND, 2, &now)) {
		problem_set(p, errno, "%s: cannot be read: %s", sbdf_format(a, buf), strerror(errno));
		goto fail;
	}
	command = (uint16_t)now;
	if (custody_judge(claim, p) || take_over(claim, &command, p) ||
	    read_policy(claim, opts, opts_node, p))
		goto fail;
	if (!begin_shadow(claim, command)) {
		handover_end(host, &claim->handover);
		return claim;
	}
	problem_set(p, errno, "%s: its filter does not start: %s", sbdf_format(a, buf), strerror(errno));
fail:
	drop_claim(claim);
	return NULL;
}

/* Bus mastering and the like, as the guest set them: hardware remembers, an image does not. */
static int wake_image(struct claim *claim, const struct config_state *state)
{
	const uint32_t guests = PCI_COMMAND_MASTER | PCI_COMMAND_SPECIAL | PCI_COMMAND_INVALIDATE |
				PCI_COMMAND_VGA_PALETTE | PCI_COMMAND_WAIT | PCI_COMMAND_FAST_BACK;
	uint32_t command;

	if (!claim->dev->info.bars_movable)
		return 0;
	if (pcidev_read(claim->dev, PCI_COMMAND, 2, &command))
		return -1;
	return pcidev_write(claim->dev, PCI_COMMAND, 2,
			    (command & ~guests) | (state->command & guests));
}

static int recall(struct claim *claim, const char *opts, const char *opts_node, bool *unsure,
		  struct problem *p)
{
	char saved[PCIDEV_SAVED_TEXT], buf[SBDF_TEXT];
	struct sbdf a = claim->dev->info.sbdf;
	struct config_state state;
	int rc;

	sbdf_format(a, buf);
	if (memory_device_recall(&claim->memory, &claim->host->memory, claim->irq.talk->domid, a,
				 &claim->virt, &claim->prepared, saved, sizeof(saved)))
		return problem_set(p, errno, "%s: what is remembered of it is damaged: %s", buf,
				   strerror(errno));
	claim->saved = pcidev_saved_parse(claim->dev, saved);
	if (!claim->saved)
		return problem_set(p, errno, "%s: its saved configuration is damaged: %s", buf,
				   strerror(errno));
	claim->hide_intx = custody_shares_line(claim);
	if (custody_take_line(claim, p) || read_policy(claim, opts, opts_node, p))
		return -1;
	if (memory_shadow_read(&claim->memory, &state) || config_load_state(claim->cfg, &state) ||
	    wake_image(claim, &state))
		talk_tell(claim->irq.talk, XTL_WARN, "%s: shadow of its config space lost: %s", buf,
			 strerror(errno));
	rc = interrupt_recall(&claim->irq);
	if (rc < 0)
		return problem_set(p, errno, "%s: cannot go on with its interrupts: %s", buf,
				   strerror(errno));
	*unsure |= rc > 0;
	claim->irq.stuck = rc > 0;
	return 0;
}

struct claim *claim_resume(struct host *host, struct talk *talk, struct sbdf a, const char *opts,
			   const char *opts_node, bool *unsure, struct problem *p)
{
	struct claim *claim = new_claim(host, talk, a, p);

	if (!claim)
		return NULL;
	if (recall(claim, opts, opts_node, unsure, p)) {
		drop_claim(claim);
		return NULL;
	}
	claim->recorded = true;
	handover_end(host, &claim->handover);
	return claim;
}

int claim_record(struct claim *claim)
{
	char saved[PCIDEV_SAVED_TEXT];

	if (claim->recorded)
		return 0;
	pcidev_saved_format(claim->saved, saved);
	if (memory_device_record(&claim->memory, claim->virt, claim->prepared, saved))
		return -1;
	claim->recorded = true;
	return 0;
}

/* Back to what was saved; what fails is logged. */
static int restore(struct claim *claim)
{
	char buf[SBDF_TEXT];
	int rc = pcidev_restore(claim->dev, claim->saved);

	if (rc) {
		talk_tell(claim->irq.talk, XTL_WARN, "%s: configuration not restored: %s",
			  sbdf_format(claim->dev->info.sbdf, buf), strerror(errno));
		custody_hold_back(claim, "its configuration was not put back");
	}
	pcidev_quiesce(claim->dev);
	return rc;
}

/*
 * Reset, and everything as it was before the guest; but for decoding, which from before the reset on
 * nobody is to find turned on, where the device is to stay as the reset left it.
 */
static void clean(struct claim *claim)
{
	const uint16_t command = pcidev_saved_command(claim->saved);
	bool wanted = untouched_wanted(claim);
	int rc;

	if (wanted)
		pcidev_saved_set_command(claim->saved, command & (uint16_t)~PCIDEV_REACHED);
	pcidev_quiesce(claim->dev); /* no DMA while we reset */
	rc = custody_reset(claim);
	if (rc < 0)
		return; /* it answers to nothing */
	if (!restore(claim) && rc && wanted &&
	    !untouched_note(claim, command & (uint16_t)~PCI_COMMAND_MASTER))
		return;
	pcidev_saved_set_command(claim->saved, command);
	if (wanted)
		restore(claim);
}

void claim_leaves(struct claim *claim)
{
	handover_queue(claim->host, &claim->handover, claim->dev->info.sbdf);
}

void claim_release(struct claim *claim)
{
	if (!claim)
		return;
	claim_leaves(claim);
	handover_begin(claim->host, &claim->handover, claim->dev->info.sbdf);
	custody_mend(claim);
	interrupt_release(&claim->irq);
	clean(claim);
	drop_claim(claim);
}

void claim_idle(struct claim *claim)
{
	custody_mend(claim);
	interrupt_release(&claim->irq);
	config_reset(claim->cfg);
	claim_remember_shadow(claim);
}
