/* SPDX-License-Identifier: MIT */
/*
 * The PCI access seam: a provider knows a set of PCI functions (this machine's,
 * through sysfs; or a captured machine's, brought to life from an lspci dump), a
 * pcidev is one of them, open. Everything above works on these alike.
 *
 * One thread at a time per device (image: per provider, as a bridge's reset reaches
 * others). Functions log nothing unless they say so.
 */
#ifndef XENPCI_HOST_DEVICE_PCIDEV_H
#define XENPCI_HOST_DEVICE_PCIDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xentoollog.h>

#include "common/sbdf.h"

enum { PCIDEV_BARS = 6, PCIDEV_ROM = 6, PCIDEV_RESOURCES = 7, PCIDEV_BASIC = 256, PCIDEV_CAPS_MAX = 48 };

/* One BAR or the ROM as the host has assigned it. size 0: not implemented. */
struct pcidev_resource {
	uint64_t start;
	uint64_t size;	/* bytes, a power of two for a BAR that has a register */
	uint8_t flags;	/* the BAR's own low bits: 0x1 I/O (ROM: enabled), 0x4 64-bit, 0x2 below 1M,
			   0x8 prefetchable */
	bool disabled;	/* present, but not assigned an address */
};

/* What does not change while the device is open. */
struct pcidev_info {
	struct sbdf sbdf;
	uint16_t vendor;     /* as the OS knows it: a VF's own register reads ffff */
	uint16_t device;
	uint32_t class_code; /* 24 bits: base class << 16 | sub class << 8 | interface */
	uint8_t revision;
	uint16_t subsystem_vendor; /* 0 where there is none, as in a bridge */
	uint16_t subsystem_device;
	uint8_t header_type; /* without the multi-function bit */
	uint16_t config_size; /* 256 or 4096 */
	uint32_t irq;	     /* the INTx line as the OS knows it (a PV dom0: the GSI); 0 where it is none */
	/*
	 * Some or all of the capability list is not to be seen (a dump of 64 bytes): what is not
	 * found there may be there all the same.
	 */
	bool caps_unseen;
	bool is_vf;
	bool is_virtual;     /* a program implements it: Xen knows nothing of it, pcidev_vector may have its interrupts */
	bool bars_movable;   /* a guest may move its BARs: an image's without fixed registers */
	struct sbdf pf;	     /* of a VF: its physical function */
	struct pcidev_resource resource[PCIDEV_RESOURCES];
};

/*
 * Whether irq, as an OS or a register tells it, is an interrupt line. 0 and 255 stand for none;
 * Linux's IRQ_NOTCONNECTED is 2^31, and an error is no number below that.
 */
static inline bool pcidev_is_line(uint32_t irq)
{
	return irq && irq != 255 && irq < 1u << 31;
}

/* Of the command register: without these nothing reaches the device, or memory through it. */
#define PCIDEV_REACHED 7u /* I/O, memory, bus master */

struct pcidev;

/* How another process, which may do nothing else, reads a function's registers. */
struct pcidev_reader {
	int fd;		  /* the caller's to close; it can only be read */
	uint64_t base;	  /* where the registers begin in the file */
	uint64_t held;	  /* where a byte says that all read ones; 0: nowhere */
	uint32_t slow_ms; /* what each access takes: an image's, for tests */
};

/* The interrupts of a virtual device, and what is to become of one. */
enum pcidev_interrupt { PCIDEV_INTX, PCIDEV_MSI, PCIDEV_MSIX };
enum pcidev_vector {
	PCIDEV_VECTOR_ON,     /* that number of the kind is written into eventfd from now on */
	PCIDEV_VECTOR_OFF,    /* all of the kind go nowhere */
	PCIDEV_VECTOR_UNMASK, /* the line, which masked itself as it was raised, may be raised again */
};

struct pcidev_ops {
	/*
	 * Raw config access of size 1, 2 or 4 at an aligned offset inside
	 * config_size (the caller has checked). 0, or -1 with errno; a read that fails
	 * leaves *value all ones.
	 */
	int (*read)(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value);
	int (*write)(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value);
	/* The first PCIDEV_BASIC bytes of config space at once; NULL: by reads of four. */
	int (*read_basic)(struct pcidev *dev, uint8_t config[]);
	/*
	 * Function reset by the provider's own means (sysfs: the kernel's `reset`).
	 * 0, or -1 with errno: ENOTTY (no way to reset it), or the OS's. Config space is in reset
	 * state afterwards unless the OS restored it; the caller restores.
	 */
	int (*reset)(struct pcidev *dev);
	/*
	 * Makes the OS enable (decoding, INTx routing) or disable (bus mastering) the
	 * device. 0, or -1 with errno.
	 */
	int (*enable)(struct pcidev *dev, bool on);
	/* As pcidev_share. */
	int (*share)(struct pcidev *dev, struct pcidev_reader *out);
	/* As pcidev_vector; NULL: no program has its interrupts. */
	int (*vector)(struct pcidev *dev, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
		      int eventfd);
	/* Closes and frees; never fails. */
	void (*close)(struct pcidev *dev);
};

/* A place in the capability list. */
struct pcidev_cap {
	unsigned offset; /* 0: before the first */
	unsigned seen;	 /* capabilities so far: bounds the walk */
	uint8_t id;
};

/* The capability list, as it was read last. */
struct pcidev_caps {
	bool known; /* to a proper end */
	bool unread; /* the device could not be read: there may be more of them */
	uint8_t nr;
	struct { uint8_t offset, id; } cap[PCIDEV_CAPS_MAX];
};

/* The head of every provider's own struct. */
struct pcidev {
	const struct pcidev_ops *ops;
	struct pcidev_info info;
	struct pcidev_caps caps; /* of pcidev_next_cap */
};

struct provider;

struct provider_ops {
	const char *name; /* "sysfs", "image", "vfio-user" */
	/* As provider_open_device. */
	struct pcidev *(*open_device)(struct provider *p, struct sbdf sbdf);
	/*
	 * Fills list (room for max; NULL where max is 0) with the functions the provider
	 * has, in address order; returns how many there are (may exceed max), or -1 with
	 * errno.
	 */
	int (*list)(struct provider *p, struct sbdf *list, size_t max);
	/* The bridge above sbdf into *parent. 1, 0 (on a root bus), or -1 with errno (ENODEV). */
	int (*parent)(struct provider *p, struct sbdf sbdf, struct sbdf *parent);
	/* As provider_look and provider_attribute. */
	struct pcidev *(*look)(struct provider *p, struct sbdf sbdf);
	int (*attribute)(struct provider *p, struct sbdf sbdf, const char *name, char *buf,
			 size_t size);
	/* As provider_power_on; NULL: there is no OS that could. */
	int (*power_on)(struct provider *p, struct sbdf sbdf);
	/* As provider_binding. */
	int (*binding)(struct provider *p, struct sbdf sbdf, uint64_t *binding);
	void (*close)(struct provider *p);
};

/* The head of every provider's own struct. */
struct provider {
	const struct provider_ops *ops;
};

/*
 * Opens a provider from the text after --devices: "sysfs", "sysfs:ROOT" (ROOT
 * stands for /sys) or "image:FILE", for tests with ",slow=BDF:MS" (every access to that function
 * takes so long) or ",gate=BDF:FILE" (a reset of it takes as long as FILE is there) behind it, once
 * or more; or "vfio-user:SOCKET" (a program implements the device), with ",at=BDF" where it is not to be
 * ff00:00:00.0, ",events" where its interrupts become event channels, and ",bus=PATH" where its BARs are to be
 * reached there (protocol/bus.h). The last waits for the server, some seconds at most. Logs what is wrong with a file, by line.
 * Returns NULL with errno: EINVAL (malformed text or file), or the OS's.
 */
struct provider *provider_open(const char *spec, xentoollog_logger *lg);
/* Whether it begins as one of those texts; nothing is opened. */
bool provider_is_spec(const char *spec);
/* What they are, behind "neither". */
#define PROVIDER_SPECS "sysfs[:ROOT], image:FILE nor vfio-user:SOCKET"
/* NULL is allowed. Devices must be closed first. */
void provider_close(struct provider *p);

/*
 * Opens one function. NULL with errno: ENODEV (no such function), EBUSY (open
 * already), ENOTSUP (header type not 0 or 1), EACCES (sysfs: not privileged to see or
 * write the whole config space; logged), EINVAL (sysfs: an attribute is malformed;
 * logged), ENOMEM, or the OS's.
 */
struct pcidev *provider_open_device(struct provider *p, struct sbdf sbdf);
/*
 * Opens sbdf to look at it only, beside whoever has it open, and whatever its header
 * type; writes, reset and enable fail with EACCES. Close it with pcidev_close.
 * NULL with errno as above, but for EBUSY and ENOTSUP.
 */
struct pcidev *provider_look(struct provider *p, struct sbdf sbdf);
/*
 * What the OS tells of sbdf beside its registers: the text of sysfs's attribute `name`
 * without the last newline, or the last part of where a link of that name leads to
 * ("driver"), cut to size bytes with the end. Returns the length, or -1 with errno:
 * ENOENT (nothing of that name; an image has none), ENODEV, or the OS's.
 */
int provider_attribute(struct provider *p, struct sbdf sbdf, const char *name, char *buf,
		       size_t size);
/*
 * Which binding of sbdf to its driver this is: another number after each time that it was bound
 * anew, by whichever driver. 0, or -1 with errno: ENOENT (no driver is bound, or there is no such
 * function), or the OS's. An image is bound once and for all.
 */
int provider_binding(struct provider *p, struct sbdf sbdf, uint64_t *binding);
/*
 * Has the OS keep sbdf out of D3cold and, where it put it there, power it on, which may take a while longer than
 * this. 0, or -1 with errno: ENOTTY (no OS), ENOENT, or the OS's.
 */
int provider_power_on(struct provider *p, struct sbdf sbdf);
/* Thin calls of the ops: see there. */
int provider_list(struct provider *p, struct sbdf *list, size_t max);
/*
 * Addresses of all of p's functions, the caller's to free. *nr: how many are to be expected, which spares a second
 * listing; then how many there are. NULL with errno: ENOMEM, or the OS's.
 */
struct sbdf *provider_list_all(struct provider *p, int *nr);
int provider_parent(struct provider *p, struct sbdf sbdf, struct sbdf *parent);

/*
 * Thin calls of the ops; pcidev_close(NULL) is allowed. An access that no device
 * could answer (size, alignment, beyond config_size) fails with EINVAL before it is asked.
 */
int pcidev_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value);
int pcidev_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value);
/* The first PCIDEV_BASIC bytes of config space, as they are now. 0, or -1 with errno. */
int pcidev_read_basic(struct pcidev *dev, uint8_t config[PCIDEV_BASIC]);
int pcidev_reset(struct pcidev *dev);
int pcidev_enable(struct pcidev *dev, bool on);
/* 0, or -1 with errno: EACCES (opened to look at only), or the OS's. */
int pcidev_share(struct pcidev *dev, struct pcidev_reader *out);
/*
 * A virtual device's interrupts; eventfd stays the caller's, and is -1 but for PCIDEV_VECTOR_ON. 0, or -1 with
 * errno: ENOTTY (hardware, or nobody asked for them), ENXIO (no such interrupt), or the provider's.
 */
int pcidev_vector(struct pcidev *dev, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
		  int eventfd);
void pcidev_close(struct pcidev *dev);

/*
 * Goes on to the next capability of dev's list, from a zeroed *cap. false at the
 * end. Bounded: a loop, a pointer into the header or a failed read ends the walk. A list that ended
 * properly is not read again as long as dev is open: devices do not change theirs.
 */
bool pcidev_next_cap(struct pcidev *dev, struct pcidev_cap *cap);
/*
 * Offset of capability id in dev's list, 0 where it has none. Bounded: loops and
 * pointers into the header end the walk.
 */
unsigned pcidev_find_cap(struct pcidev *dev, uint8_t id);

#endif
