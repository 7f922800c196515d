/* SPDX-License-Identifier: MIT */
/*
 * A device between host and guest: judged before it is given, reset whenever it
 * changes hands, and Xen told of it (PROTOCOL.md 5.1, 5.4, 5.6). Resets wait, and others run
 * meanwhile (device/slow.h).
 */
#ifndef XENPCI_BACKEND_CUSTODY_H
#define XENPCI_BACKEND_CUSTODY_H

#include "backend/claim.h"

/* What is known of one provider's machine; read when it is first needed. */
struct custody {
	struct topology topology;
	bool read;
};

/*
 * Whether what happens to a may concern b, by what is known of their machine
 * (assignable_concerns); where one is not known yet, it may. Never waits.
 */
bool custody_concerns(const struct host *host, struct sbdf a, struct sbdf b, bool judged);

/* One for each of host's providers. 0, or -1 with errno ENOMEM. */
int custody_init(struct host *host);
/* Safe on a zeroed host. */
void custody_dispose(struct host *host);

/* Guest has claim's function from now on, or nobody (TOPOLOGY_NO_GUEST): for the rules. */
void custody_note(const struct claim *claim, uint32_t guest);

/*
 * May claim's function be given to its guest? Each rule that stands against it is
 * logged, also where a setting overrides it. 0, or -1 with errno and *p (the first
 * rule): EBUSY (others have it), EIO (quarantined), EPERM (any other), or the OS's.
 */
int custody_judge(struct claim *claim, struct problem *p);

/* For one that is resumed: judged again, but for its line alone. Whether that is to be withheld. */
bool custody_shares_line(struct claim *claim);

/*
 * Settles claim's INTx line: tells Xen of its GSI, or withholds the line from the
 * guest where it is shared or its GSI is not known, so that MSI remains. 0, or -1
 * with errno ENODATA and *p (there is no MSI either). Undone by custody_release_line.
 */
int custody_take_line(struct claim *claim, struct problem *p);
void custody_release_line(struct claim *claim);

/*
 * Resets claim's function; claim->saved is put back. Logs how, or why not. Where nothing
 * can reset it, that is no failure here (custody_judge has its rule). 1: it was reset, in full, and
 * is as claim->saved says; 0: it was not; -1 with errno EIO: it did not come back, and is
 * quarantined.
 */
int custody_reset(struct claim *claim);
/*
 * After custody_reset: whether claim may be given, by the rule unreset. 0, or -1 with errno EIO and
 * *p. A device that should have been reset and was not is remembered as held back, and logged.
 */
int custody_judge_reset(struct claim *claim, struct problem *p);
/* claim's configuration could not be put back: it is held back, which is remembered and logged. */
void custody_hold_back(struct claim *claim, const char *why);
/*
 * The same in the middle of its use, after an error: the guest's BARs and mapped vectors come back
 * as well. What is put back is claim->saved here too, since the error's own reset may have left
 * nothing that would be worth saving. 0, whether it was reset or not, or -1 likewise.
 */
int custody_recover(struct claim *claim);

/*
 * If the device was reset behind our back (dom0's kernel does that to the bus of a fatal error, and
 * restores nothing): puts its configuration and its mapped vectors back. Before anything is done to
 * its vectors: where Xen finds memory decoding off it masks MSI-X as a whole, and for good. Whether
 * it was reset. Logs that, and what fails, within a guest's bounds.
 */
bool custody_mend(struct claim *claim);

/*
 * Takes the devices that the settings name from their drivers to pciback, below
 * sysfs (/sys). What fails is logged; the others go on.
 */
void custody_hide(struct host *host, const char *sysfs, struct xs_handle *xs);

#endif
