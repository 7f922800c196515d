/* SPDX-License-Identifier: MIT */
/*
 * libxenpcifront: the guest's end of Xen's PV PCI protocol (xen/io/pciif.h) in
 * user space. A guest has one PCI frontend, device/pci/0, whatever number of
 * devices it was given; a struct xenpcifront is that frontend. (Where a toolstack has
 * made it several, XENPCIFRONT_DEVID says which.)
 *
 * The shape of a program:
 *
 *	fe = xenpcifront_open(logger, 0);
 *	xenpcifront_connect_wait(fe, 10000);		(or _connect, _fd, _process)
 *	n = xenpcifront_devices(fe, devices, 16);
 *	xenpcifront_read32(fe, devices[0].address, 0, &id, NULL);
 *	xenpcifront_disconnect(fe);
 *	xenpcifront_close(fe);
 *
 * In a Linux guest the kernel's own xen-pcifront must not be loaded: there is
 * one channel. The modules xen-gntalloc (/dev/xen/gntalloc), xen-evtchn
 * (/dev/xen/evtchn) and xenfs (/dev/xen/xenbus) must be.
 *
 * Connected is not enumerated: the first says that the backend serves requests,
 * the second that its devices were looked for and the list of them stands.
 *
 * Errors: a function returns 0, or -1 with errno (NULL with errno where it returns a pointer),
 * unless it says otherwise. Functions that ask the backend something take a struct
 * xenpcifront_answer * that receives what it said (NULL: not wanted), and have "the request
 * errors":
 *
 *	errno		what it means				what to do
 *	ENOTCONN	not connected: never was, or the	connect
 *			connection was closed, perhaps while
 *			the call waited
 *	ECANCELED	xenpcifront_interrupt was called	disconnect; what was sent may have
 *								been served
 *	ETIMEDOUT	no answer in time. The channel is	ask again later: the late answer is
 *			poisoned				waited for and thrown away, and the
 *								backend probed, before anything is sent
 *	EBUSY		still poisoned by an earlier ETIMEDOUT	the same, or reconnect
 *	EAGAIN		64 threads wait for their turn already,	try again
 *			or this one waited in vain
 *	EINVAL		an argument that no backend could serve	mend the call
 *			(nothing was sent, answer.error is
 *			XENPCIFRONT_NO_ANSWER), or the answer
 *			invalid_offset
 *	ENODEV		answer dev_not_found			the device was taken away
 *	EACCES		answer access_denied			the backend's log names the setting
 *	EOPNOTSUPP	answer not_implemented			do without
 *	EIO		answer op_failed			see the backend's log
 *	EREMOTEIO	another error number: answer.err	see the backend's log
 *	EPROTO		success, with a value that cannot be	distrust the backend
 *			true
 *
 * and those that have to do with the connection:
 *	ENODEV		the guest has no PCI device		attach one
 *	ECONNREFUSED	the backend closed			see its log and its error node
 *	ETIMEDOUT	the backend did not follow in time	is a backend running?
 *	EACCES, ENOENT, ENXIO	a device node cannot be opened	xenpcifront_open_problem
 *	others		xenstore's own (EIO: it is gone)
 *
 * Time: a call of one request (_read, _write, _enable_msi, ...) takes xenpcifront_set_timeout's
 * time at most, waiting for its turn included; a call of several (_pull, _push, _capabilities,
 * _bars, and what _process does) takes xenpcifront_set_call_timeout's at most, however the backend
 * spreads its answers; _connect_wait takes what it is given, _disconnect the time of two requests.
 * Questions to xenstore come on top: xenstored is trusted to answer. One that is updated in place is not
 * noticed. One that ends and is started again: a connection that stands goes on, since requests need the
 * page and the channel alone. Through a guest's kernel, what asks xenstore meanwhile waits, and what was
 * asked just then fails (EIO) or never ends, as the kernel has it; kernels that do not set their watches
 * anew hear of nothing from then on, and so does the library: disconnect, close and open it again. Through
 * xenstored's socket (a frontend in dom0) all that asks xenstore fails from then on (EBADF, EPIPE,
 * ECONNRESET): close and open it again. A signal does not end a call;
 * a handler that calls xenpcifront_interrupt does.
 *
 * Suspend: where the guest is suspended and goes on (a checkpoint; a save or migration that was cancelled), page, channel,
 * devices and vectors stand as they were; a request that was under way may end in ETIMEDOUT. A guest that is restored or migrated
 * has none of its grants and channels any more. Where its last device is detached before, the library tells REMOVED and
 * CLOSED and holds neither page nor port from then on; connect when one is attached behind it. Who is still connected is told
 * CLOSED when the toolstack has written the guest's nodes anew (requests end in ETIMEDOUT until then), and may connect again. On Linux
 * that is too late: a port of /dev/xen/evtchn that was bound before the restore is unknown to the kernel behind it, and letting it go
 * (as all of _disconnect, _close and the end of the program do) is a BUG there. So detach, or disconnect, before the guest is saved.
 *
 * Event loops: poll xenpcifront_fd, call xenpcifront_process when it is readable, then read events
 * until there are none. These never wait for the backend: _fd, _connected, _enumerated, _devices,
 * _next_event, _answer_aer, _interrupt, and the setters. _process waits for it only while devices
 * are looked for (some three requests for each), and _connect while another thread is in _process.
 * A loop that must not stand still for as long leaves _process and the requests to a thread of
 * their own, and lets this thread read events. A program that watches nothing for long should
 * still call _process now and then: libxenstore keeps what it has heard until then.
 *
 * Threads: every function may be called from several threads on one handle, but for
 * xenpcifront_close, which must be the last. One request is in flight at a time (the protocol has
 * one slot); the others wait for their turn. Handlers are called with no lock held and may call
 * everything but xenpcifront_close, xenpcifront_process and xenpcifront_connect_wait.
 *
 * fork: a child must not use a handle that it inherited, nor poll its fd; only
 * xenpcifront_close is safe there, and leaves the parent's connection alone.
 * exec: all file descriptors are opened close-on-exec; the backend sees a
 * guest that vanished, and the next xenpcifront_connect starts over.
 *
 * Logs: nothing, unless a function says so; what is logged goes to the logger of
 * xenpcifront_open. What the backend can cause is logged 64 times, then once a second at most.
 *
 * What a program in a guest cannot do, and what to do instead:
 *	Receive interrupts. A vector is a pirq of the guest, and only its kernel can bind one
 *	(EVTCHNOP_bind_pirq): Linux' /dev/xen/evtchn has no call for it, and drops events of ports
 *	that it did not bind itself. Poll the device, or put the driver where a pirq can be bound:
 *	into the guest's kernel (with xen-pcifront, without this library), or into a domain of its
 *	own on Mini-OS or another library kernel, which this protocol serves as well.
 *
 *	The interrupts of a virtual device (a program is behind it, xenpcid's vfio-user) are event channels that a
 *	program can bind: xenpcifront_vectors_open.
 *
 *	Give the device addresses of memory. DMA needs machine addresses, and Linux tells a PV
 *	guest's programs none: that takes a kernel driver, too.
 *
 *	What is left: config space, capabilities, BARs' places and sizes, their memory where the guest's
 *	kernel lets a program have it (xenpcifront_bar_map), hot-plug, and the recovery from errors;
 *	enough for tools, monitors, device models and drivers that poll.
 *
 * ABI: structs have room to grow, which the library zeroes in what it fills in, and which the
 * caller leaves zero in what it hands over (else EINVAL), as it does flags that it does not know.
 * Enumerations may get new members: have a default. Functions and members are added, never
 * changed, within one soname.
 *
 * Source of all protocol behaviour: xen/io/pciif.h, xen/io/xenbus.h.
 */
#ifndef XENPCI_XENPCIFRONT_H
#define XENPCI_XENPCIFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XENPCIFRONT_EXPORT __attribute__((visibility("default")))

/* The version of this header. The build takes the project's from here. */
#define XENPCIFRONT_VERSION_MAJOR 0
#define XENPCIFRONT_VERSION_MINOR 2
#define XENPCIFRONT_VERSION_PATCH 0
/* Versions as numbers that compare: XENPCIFRONT_VERSION >= XENPCIFRONT_VERSION_NUMBER(0, 2, 0). */
#define XENPCIFRONT_VERSION_NUMBER(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))
#define XENPCIFRONT_VERSION                                                                       \
	XENPCIFRONT_VERSION_NUMBER(XENPCIFRONT_VERSION_MAJOR, XENPCIFRONT_VERSION_MINOR,          \
				   XENPCIFRONT_VERSION_PATCH)

/* The version of the library that runs, as XENPCIFRONT_VERSION. Never fails. */
XENPCIFRONT_EXPORT unsigned xenpcifront_version(void);

struct xenpcifront;
struct xentoollog_logger; /* xentoollog.h */

/* An address as the guest sees it (vdev-N), not as the host does. Complete: it does not grow. */
struct xenpcifront_address {
	uint32_t segment;
	uint8_t bus;
	uint8_t devfn; /* slot << 3 | function */
};

#define XENPCIFRONT_TIMEOUT_MS	2000 /* default of xenpcifront_set_timeout */
#define XENPCIFRONT_CALL_TIMEOUT_MS 10000 /* default of xenpcifront_set_call_timeout */
#define XENPCIFRONT_SPIN_US	100  /* default of xenpcifront_set_spin */
#define XENPCIFRONT_SPIN_ALWAYS UINT32_MAX
#define XENPCIFRONT_MAX_DEVICES 256
#define XENPCIFRONT_MAX_VECTORS 128 /* of one xenpcifront_enable_msix */
#define XENPCIFRONT_CONFIG_SIZE 4096

/* ------------------------------------------------------------- handle */

/* Flags of xenpcifront_open. */
#define XENPCIFRONT_AER (1u << 0) /* the caller answers AER requests: the backend may send them */
/* Another frontend of the guest's than device/pci/0, where its toolstack has made it several; n < 65536 */
#define XENPCIFRONT_DEVID(n) (((unsigned)(n) & 0xffffu) << 8)

/*
 * Opens the guest's frontend: xenstore, event channels and grant sharing. Nothing
 * is written yet. logger stays the caller's and must outlive the handle; with
 * NULL the library is silent (Xen's own libraries then log to stderr).
 * Returns a handle (release it with xenpcifront_close), or NULL with errno:
 * EINVAL (unknown flag), ENOMEM, or what opening a device gave (ENOENT, ENXIO, ENODEV,
 * EACCES). Logs one error line: xenpcifront_open_problem's.
 */
XENPCIFRONT_EXPORT struct xenpcifront *xenpcifront_open(struct xentoollog_logger *logger,
							unsigned flags);

/*
 * Why the last xenpcifront_open of this thread failed, for people: which device of the system
 * could not be opened, and the kernel module to load or the right that is missing ("" where it did
 * not fail). Valid until this thread's next xenpcifront_open.
 */
XENPCIFRONT_EXPORT const char *xenpcifront_open_problem(void);

/*
 * Releases the handle and all that it holds; NULL is fine. Does not talk to the
 * backend: call xenpcifront_disconnect first, else it sees a guest that vanished
 * (the next connect starts over then). Keeps errno. Never logs.
 */
XENPCIFRONT_EXPORT void xenpcifront_close(struct xenpcifront *fe);

/*
 * The one file descriptor to poll for reading (POLLIN); it belongs to the
 * handle. When it is readable, call xenpcifront_process. Never fails.
 */
XENPCIFRONT_EXPORT int xenpcifront_fd(const struct xenpcifront *fe);

/*
 * How long a request waits, for its turn and its answer together; xenpcifront_disconnect waits for
 * the backend twice as long in all. Milliseconds, at least 1. Returns 0, or -1 with errno EINVAL.
 */
XENPCIFRONT_EXPORT int xenpcifront_set_timeout(struct xenpcifront *fe, uint32_t ms);

/*
 * How long a call of several requests takes at most (each of them has its own time besides):
 * milliseconds, at least 1. Returns 0, or -1 with errno EINVAL.
 */
XENPCIFRONT_EXPORT int xenpcifront_set_call_timeout(struct xenpcifront *fe, uint32_t ms);

/*
 * Ends the calls that wait for the backend, and those that are made from then on, with errno
 * ECANCELED, until xenpcifront_disconnect is called; xenpcifront_fd is readable as long. May be
 * called from any thread and from a signal handler. Never fails, keeps errno.
 */
XENPCIFRONT_EXPORT void xenpcifront_interrupt(struct xenpcifront *fe);

/*
 * How long a request polls the shared page before it sleeps on the event
 * channel, microseconds: 0 sleeps at once, XENPCIFRONT_SPIN_ALWAYS never. Where
 * polling is in vain, it is left out for a while (not with SPIN_ALWAYS).
 */
XENPCIFRONT_EXPORT void xenpcifront_set_spin(struct xenpcifront *fe, uint32_t us);

/* --------------------------------------------------------- connection */

/*
 * Begins to connect; returns at once. xenpcifront_process carries it on, and the
 * events CONNECTED, ADDED..., ENUMERATED (or CLOSED) tell how it went. A guest
 * that has no PCI device yet waits until it is given one. Traces of an earlier
 * life of the frontend (it was closed, or its process was killed) are cleared
 * by starting over, which needs a backend that can reopen (xenpcid can, the
 * kernel's xen-pciback cannot). Connecting or connected already: nothing is done.
 * Returns 0, or -1 with errno: ECANCELED (interrupted), ENOTCONN (another thread is in
 * xenpcifront_disconnect), EAGAIN (another one is in xenpcifront_process for too long), or
 * xenstore's.
 */
XENPCIFRONT_EXPORT int xenpcifront_connect(struct xenpcifront *fe);

/*
 * xenpcifront_connect, and carries it on until the devices are enumerated; events are left to be
 * read, and handlers are called from here. timeout_ms: for the whole. Returns 0, or -1 with errno:
 * ENODEV (the guest has no PCI device), ETIMEDOUT, ECONNREFUSED (the backend closed), ECANCELED or
 * ENOTCONN (interrupted, or disconnected by another thread), or xenstore's. After a failure the
 * handle is disconnected. Logs one error line for each of these, but for the fourth and fifth.
 */
XENPCIFRONT_EXPORT int xenpcifront_connect_wait(struct xenpcifront *fe, uint32_t timeout_ms);

/*
 * Does what there is to do, and returns: follows the states of the connection, looks for devices
 * when the backend says that there is something new (three reads for each, or 256 for each root
 * bus where the backend does not say where they are), takes AER requests in, and calls the
 * handlers. Call it when xenpcifront_fd is readable, or at any time. Work per call is bounded, and
 * so is the time: a scan ends at the first request that times out, and with the call's time. While
 * another thread is in it, it waits for that one and returns 0.
 * Returns 0, or -1 with errno from xenstore; the connection is closed then, as
 * the event CLOSED says; or -1 with errno ECANCELED or ENOTCONN (interrupted, or another thread
 * disconnects), and nothing was done. Logs state changes (debug) and refused nodes (warning).
 */
XENPCIFRONT_EXPORT int xenpcifront_process(struct xenpcifront *fe);

/*
 * Closes the connection in the protocol's order (Closing, Closed), waits for the backend to
 * follow, and withdraws the page and the channel. Other threads' calls that wait for the backend
 * end with ENOTCONN first. xenpcifront_connect opens it again. Not connected: nothing is done.
 * Returns 0, or -1 with errno: ETIMEDOUT (the backend did not follow), ECANCELED or ENOTCONN
 * (interrupted, or another thread disconnects, too), or xenstore's. The connection is closed all
 * the same.
 */
XENPCIFRONT_EXPORT int xenpcifront_disconnect(struct xenpcifront *fe);

/* Whether requests can be sent / devices were looked for since the last connect. */
XENPCIFRONT_EXPORT bool xenpcifront_connected(struct xenpcifront *fe);
XENPCIFRONT_EXPORT bool xenpcifront_enumerated(struct xenpcifront *fe);

/* ------------------------------------------------------------- events */

enum xenpcifront_event_type {
	XENPCIFRONT_EVENT_NONE,
	XENPCIFRONT_EVENT_CONNECTED,
	XENPCIFRONT_EVENT_ADDED,      /* address: a device that was not there */
	XENPCIFRONT_EVENT_REMOVED,    /* address: its requests now answer ENODEV */
	XENPCIFRONT_EVENT_ENUMERATED, /* devices were looked for, first or again */
	XENPCIFRONT_EVENT_AER,	      /* aer: answer it with xenpcifront_answer_aer */
	XENPCIFRONT_EVENT_CLOSED,     /* the connection is closed; xenpcifront_connect may be called */
};

/* What an AER request asks (the protocol's commands aer_*). */
enum xenpcifront_aer_type {
	XENPCIFRONT_AER_DETECTED,
	XENPCIFRONT_AER_MMIO_ENABLED,
	XENPCIFRONT_AER_SLOT_RESET,
	XENPCIFRONT_AER_RESUME,
};

/* The state of the channel to the device, told with XENPCIFRONT_AER_DETECTED. */
enum xenpcifront_aer_channel {
	XENPCIFRONT_CHANNEL_NORMAL = 1,
	XENPCIFRONT_CHANNEL_FROZEN = 2,
	XENPCIFRONT_CHANNEL_PERM_FAILURE = 3,
};

/* What the driver of the device answers. */
enum xenpcifront_aer_result {
	XENPCIFRONT_RESULT_NONE = 1,
	XENPCIFRONT_RESULT_CAN_RECOVER = 2,
	XENPCIFRONT_RESULT_NEED_RESET = 3,
	XENPCIFRONT_RESULT_DISCONNECT = 4,
	XENPCIFRONT_RESULT_RECOVERED = 5,
	XENPCIFRONT_RESULT_NO_DRIVER = 6,
};

struct xenpcifront_aer {
	struct xenpcifront_address address;
	enum xenpcifront_aer_type type;
	enum xenpcifront_aer_channel channel;
	uint32_t reserved[4];
};

struct xenpcifront_event {
	enum xenpcifront_event_type type;
	struct xenpcifront_address address; /* ADDED, REMOVED, AER */
	struct xenpcifront_aer aer;	    /* AER */
	unsigned backend_state;		    /* CLOSED: enum xenbus_state, 0 where it is gone */
	uint32_t reserved[8];
};

/*
 * Takes the next event into *event (type NONE where there is none). Events are
 * kept by state, not in a queue: they need no room, cannot overflow, and what was undone before
 * it was read is not told. Returns 1 (an event), or 0 (none). Never fails.
 */
XENPCIFRONT_EXPORT int xenpcifront_next_event(struct xenpcifront *fe,
					      struct xenpcifront_event *event);

/*
 * Answers the AER request of the last event AER; result is an enum
 * xenpcifront_aer_result. Returns 0, or -1 with errno: EINVAL (no such result), ENOENT
 * (no request waits), ESTALE (the backend no longer waits for it), ENOTCONN.
 */
XENPCIFRONT_EXPORT int xenpcifront_answer_aer(struct xenpcifront *fe,
					      enum xenpcifront_aer_result result);

/* The name of an event ("added"), AER request ("detected") or result; static. */
XENPCIFRONT_EXPORT const char *xenpcifront_event_name(enum xenpcifront_event_type type);
XENPCIFRONT_EXPORT const char *xenpcifront_aer_name(enum xenpcifront_aer_type type);

/* ------------------------------------------------------------ devices */

struct xenpcifront_device {
	struct xenpcifront_address address;
	uint16_t vendor;
	uint16_t device;
	uint32_t class_code; /* 24 bits: base class, subclass, interface */
	uint8_t revision;
	uint8_t header_type; /* without the multi-function bit */
	uint16_t reserved0;
	uint32_t reserved[4];
};

/*
 * Copies the devices that were found, in order of address, at most max, into the
 * caller's array. Returns how many there are (which may be more than max).
 * They are looked for where the backend's vdev-N say; where it does not say it for all (not every
 * backend does), on all 256 devfn of all root buses. A function needs no function 0.
 */
XENPCIFRONT_EXPORT unsigned xenpcifront_devices(struct xenpcifront *fe,
						struct xenpcifront_device *devices, unsigned max);

/* ----------------------------------------------------------- requests */

enum xenpcifront_error {
	XENPCIFRONT_SUCCESS,
	XENPCIFRONT_DEV_NOT_FOUND,
	XENPCIFRONT_INVALID_OFFSET,
	XENPCIFRONT_ACCESS_DENIED,
	XENPCIFRONT_NOT_IMPLEMENTED,
	XENPCIFRONT_OP_FAILED,
	XENPCIFRONT_OTHER_ERROR, /* a number that is not the protocol's: an errno of the backend's */
	XENPCIFRONT_NONSENSE,	 /* success with a value that cannot be true */
	XENPCIFRONT_NO_ANSWER,	 /* the backend said nothing */
};

/* What the backend said, untouched. */
struct xenpcifront_answer {
	enum xenpcifront_error error;
	int32_t err;	/* the number in the page */
	uint32_t value; /* not cut to the size of the access */
	uint32_t info;
	uint32_t reserved[4];
};

/* The meaning of an error, for people; static. */
XENPCIFRONT_EXPORT const char *xenpcifront_error_text(enum xenpcifront_error error);

/*
 * Reads size (1, 2, 4) bytes of config space at offset (0 to 4095, a multiple
 * of size) into *value, cut to the size. Fails with the request errors; *value is
 * all ones of the size then, as on a bus where nobody answers.
 */
XENPCIFRONT_EXPORT int xenpcifront_read(struct xenpcifront *fe, struct xenpcifront_address address,
					unsigned offset, unsigned size, uint32_t *value,
					struct xenpcifront_answer *answer);

/*
 * Writes the low size bytes of value; arguments and errors as above. Success
 * means that the backend took the write, not that the register is writable. Calls
 * the handler bar_changed where a BAR moved (see xenpcifront_bars).
 */
XENPCIFRONT_EXPORT int xenpcifront_write(struct xenpcifront *fe, struct xenpcifront_address address,
					 unsigned offset, unsigned size, uint32_t value,
					 struct xenpcifront_answer *answer);

/* xenpcifront_read and xenpcifront_write with the width in the name. */
#define XENPCIFRONT_WIDTH(bits)                                                                   \
	static inline int xenpcifront_read##bits(struct xenpcifront *fe,                          \
						 struct xenpcifront_address address,              \
						 unsigned offset, uint##bits##_t *value,          \
						 struct xenpcifront_answer *answer)               \
	{                                                                                         \
		uint32_t wide;                                                                    \
		int rc = xenpcifront_read(fe, address, offset, (bits) / 8, &wide, answer);        \
                                                                                                  \
		*value = (uint##bits##_t)wide;                                                    \
		return rc;                                                                        \
	}                                                                                         \
	static inline int xenpcifront_write##bits(struct xenpcifront *fe,                         \
						  struct xenpcifront_address address,             \
						  unsigned offset, uint##bits##_t value,          \
						  struct xenpcifront_answer *answer)              \
	{                                                                                         \
		return xenpcifront_write(fe, address, offset, (bits) / 8, value, answer);         \
	}
XENPCIFRONT_WIDTH(8)
XENPCIFRONT_WIDTH(16)
XENPCIFRONT_WIDTH(32)
#undef XENPCIFRONT_WIDTH

/*
 * Copies the config space into the caller's buf of size bytes (256 or 4096),
 * little endian as the device has it. Returns how many bytes were read: 256 of 4096
 * where the function has no extended space, or -1 with the request errors.
 */
XENPCIFRONT_EXPORT int xenpcifront_pull(struct xenpcifront *fe, struct xenpcifront_address address,
					void *buf, unsigned size);

/*
 * Writes a config space that xenpcifront_pull returned (size bytes: 256 or 4096)
 * back: every double word that differs, the highest first, so that BARs come
 * before the command register; of the command and status word only the command.
 * Double words that the backend refuses (access_denied) are counted in *refused (may be
 * NULL) and the others written. Returns 0, or -1 with the request errors.
 */
XENPCIFRONT_EXPORT int xenpcifront_push(struct xenpcifront *fe, struct xenpcifront_address address,
					const void *buf, unsigned size, unsigned *refused);

struct xenpcifront_capability {
	uint16_t offset;
	uint16_t id;
	uint8_t version; /* of an extended one */
	bool extended;
	uint16_t reserved[3];
};

/*
 * Walks the capability list, then the extended one, into the caller's array of max
 * elements. A list that runs in a circle or outside of the config space ends there.
 * Returns how many were found (at most max), or -1 with the request errors.
 */
XENPCIFRONT_EXPORT int xenpcifront_capabilities(struct xenpcifront *fe,
						struct xenpcifront_address address,
						struct xenpcifront_capability *capabilities,
						unsigned max);

/* --------------------------------------------------------------- BARs */

enum xenpcifront_bar_kind {
	XENPCIFRONT_BAR_NONE,	  /* not implemented */
	XENPCIFRONT_BAR_IO,
	XENPCIFRONT_BAR_MEM32,
	XENPCIFRONT_BAR_BELOW_1M,
	XENPCIFRONT_BAR_MEM64,	  /* the low half; holds the whole address and size */
	XENPCIFRONT_BAR_HIGH,	  /* the high half of the 64-bit one before */
	XENPCIFRONT_BAR_ROM,
};

struct xenpcifront_bar {
	enum xenpcifront_bar_kind kind;
	unsigned offset;  /* of the register */
	uint64_t start;	  /* bus address or I/O port, without the flag bits */
	uint64_t size;	  /* bytes; 0 for NONE and HIGH */
	bool prefetchable;
	bool decoded;	  /* the command register (and the ROM's own bit) has it answer */
	uint8_t reserved0[6];
	uint64_t reserved[2];
};

#define XENPCIFRONT_BARS    7 /* six and the ROM, in this order; a bridge has two and the ROM */
#define XENPCIFRONT_BAR_ROM_INDEX 6

/*
 * Decodes and sizes all BARs and the ROM into the caller's array of
 * XENPCIFRONT_BARS: all ones are written, the mask is read, the old value is
 * written back, without another thread's request in between. The BARs of this
 * device are watched from then on: xenpcifront_write looks whether one moved.
 * Returns 0, or -1 with the request errors (EPROTO: a BAR did not take its value back). A BAR is
 * given its value back after a failure, too, if need be before the next request, whichever that
 * is.
 */
XENPCIFRONT_EXPORT int xenpcifront_bars(struct xenpcifront *fe, struct xenpcifront_address address,
					struct xenpcifront_bar bars[XENPCIFRONT_BARS]);

/*
 * Maps length bytes of a memory BAR (or ROM) that xenpcifront_bars told of, from offset on, to be read and
 * written as the device wants it (volatile, in its widths; little endian). A BAR that moves or is switched
 * off takes the mapping's device away: the handler bar_changed tells. Release it with
 * xenpcifront_bar_unmap. Needs no handle, asks the backend nothing.
 *
 * The guest's kernel has the say: Linux gives it as /dev/mem to root (CAP_SYS_RAWIO) where it is not locked
 * down and no driver of its own has the device's memory (CONFIG_IO_STRICT_DEVMEM). The hypervisor lets a
 * guest have the pages of its devices' BARs and no others. I/O ports are not mapped.
 *
 * A virtual device has no memory that a processor could reach. Where its xenpcid serves its bus
 * (--devices vfio-user:SOCKET,bus=PATH) and the environment has that path as XENPCIFRONT_BUS, this and the two
 * functions below go there instead, for all BARs. It is for programs beside xenpcid, as in xenbox: a guest on a Xen
 * host has no such path. What the device's program shares is mapped, and stays so wherever the BAR moves: unmap the
 * old, map the new. If that program cuts its file short, an access ends in SIGBUS.
 *
 * Returns the address of the byte at offset, or NULL with errno: EINVAL (not memory, not placed, or not all
 * of it inside), ENXIO (memory decoding is off), or what opening and mapping it gave (ENOENT, EACCES,
 * EPERM, EAGAIN, ENOMEM); through a bus also EOPNOTSUPP (the program does not share it: read and write it), ENODEV
 * (the program is gone), ETIMEDOUT (5 s), ECONNREFUSED, EPROTO.
 */
XENPCIFRONT_EXPORT void *xenpcifront_bar_map(const struct xenpcifront_bar *bar, uint64_t offset,
					     size_t length);
/* Releases what xenpcifront_bar_map returned for that length; NULL is fine. Keeps errno. */
XENPCIFRONT_EXPORT void xenpcifront_bar_unmap(void *address, size_t length);

/*
 * One access of size bytes (1, 2, 4, of memory 8) at a multiple of size in a BAR or ROM that xenpcifront_bars told
 * of: of memory mapped as above, or of ports (ioperm(2): root, and what the hypervisor gave the guest); through a bus
 * where there is one. For what a driver does seldom: each maps or connects anew. Needs no handle.
 * *value: all ones after a failure. Return 0, or -1 with errno as above; EINVAL: also size and offset; EPERM, EIO:
 * ioperm's; EIO: the virtual device's program refused; EOPNOTSUPP: no ports on this machine.
 */
XENPCIFRONT_EXPORT int xenpcifront_bar_read(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size,
					    uint64_t *value);
XENPCIFRONT_EXPORT int xenpcifront_bar_write(const struct xenpcifront_bar *bar, uint64_t offset, unsigned size,
					     uint64_t value);

/* The name of a kind as lspci has it ("Memory 64-bit"); static. */
XENPCIFRONT_EXPORT const char *xenpcifront_bar_name(enum xenpcifront_bar_kind kind);

/* --------------------------------------------------------- interrupts */

/*
 * MSI: *pirq is the guest's pirq (never 0), to be bound with EVTCHNOP_bind_pirq by the guest's
 * kernel: a program cannot, see "What a program in a guest cannot do" above.
 * The hypervisor owns the message address, data and the MSI-X table: a PV guest
 * never writes them. Fails with the request errors, *pirq untouched.
 */
XENPCIFRONT_EXPORT int xenpcifront_enable_msi(struct xenpcifront *fe,
					      struct xenpcifront_address address, uint32_t *pirq,
					      struct xenpcifront_answer *answer);
/* Idempotent. Fails with the request errors. */
XENPCIFRONT_EXPORT int xenpcifront_disable_msi(struct xenpcifront *fe,
					       struct xenpcifront_address address,
					       struct xenpcifront_answer *answer);

/*
 * Multi-message MSI: count messages, 1 to 32; *pirq is the first of count
 * consecutive pirqs. On failure *available (may be NULL) says how many to ask
 * for next: what the backend offered, or 1. A backend that has no such command
 * (the kernel's) answers EOPNOTSUPP. Fails with the request errors.
 */
XENPCIFRONT_EXPORT int xenpcifront_enable_multi_msi(struct xenpcifront *fe,
						    struct xenpcifront_address address,
						    unsigned count, uint32_t *pirq,
						    unsigned *available,
						    struct xenpcifront_answer *answer);

/*
 * MSI-X: the whole set at once. entries: count (1 to XENPCIFRONT_MAX_VECTORS)
 * different numbers of table entries; pirqs: the caller's array of count, filled in
 * the same order with different pirqs, none of them 0. Fails with the request errors
 * (EREMOTEIO with answer.err -114, -6, -12, -22, -28: on already; MSI on or memory decoding off;
 * no memory; bad entries; out of pirqs), pirqs untouched.
 */
XENPCIFRONT_EXPORT int xenpcifront_enable_msix(struct xenpcifront *fe,
					       struct xenpcifront_address address,
					       const uint16_t *entries, unsigned count,
					       uint32_t *pirqs, struct xenpcifront_answer *answer);
/* Idempotent. Fails with the request errors. */
XENPCIFRONT_EXPORT int xenpcifront_disable_msix(struct xenpcifront *fe,
						struct xenpcifront_address address,
						struct xenpcifront_answer *answer);

/*
 * The vectors of virtual devices (xenpcid --devices vfio-user:SOCKET,events). What xenpcifront_enable_msi, _multi_msi
 * and _msix tell of such a device are event channels of the backend's domain, which a program can bind; its line's
 * is the value that xenpcifront_disable_msi answers (0: none), where MSI and MSI-X are off. Hardware's are pirqs,
 * which these functions refuse.
 */
struct xenpcifront_vectors;

/*
 * A set of vectors of fe's backend, which has to be connected; fe may be closed before it. One thread at a time.
 * Release it with xenpcifront_vectors_close. NULL with errno: ENOTCONN, EAGAIN (another thread carries the
 * connection on for too long), ENOMEM, or what opening /dev/xen/evtchn gave.
 */
XENPCIFRONT_EXPORT struct xenpcifront_vectors *xenpcifront_vectors_open(struct xenpcifront *fe);
/* Unbinds them all; NULL is fine. Keeps errno. */
XENPCIFRONT_EXPORT void xenpcifront_vectors_close(struct xenpcifront_vectors *vectors);
/*
 * Binds a vector, once. An interrupt that came before is told, or one too many. When the backend is replaced it is
 * silent from then on: close the set, and enable and bind anew.
 * 0, or -1 with errno: EINVAL (no event channel of the backend's that is for this guest: a pirq), EEXIST (bound
 * already), ENOSPC (XENPCIFRONT_MAX_VECTORS are), or Xen's.
 */
XENPCIFRONT_EXPORT int xenpcifront_vectors_bind(struct xenpcifront_vectors *vectors, uint32_t vector);
/* To be polled for reading; it belongs to the set. Never fails. */
XENPCIFRONT_EXPORT int xenpcifront_vectors_fd(const struct xenpcifront_vectors *vectors);
/*
 * The next vector that has come, into *vector: each once, however often it was raised meanwhile. Returns 1, 0 (none),
 * or -1 with errno. Does not wait.
 */
XENPCIFRONT_EXPORT int xenpcifront_vectors_next(struct xenpcifront_vectors *vectors, uint32_t *vector);
/*
 * The end of interrupt of a line, when the device has been served: it may be raised again. Nothing for others.
 * 0, or -1 with errno: ENOENT (not bound), or Xen's.
 */
XENPCIFRONT_EXPORT int xenpcifront_vectors_done(struct xenpcifront_vectors *vectors, uint32_t vector);

/* ----------------------------------------------------------- handlers */

struct xenpcifront_bar_change {
	struct xenpcifront_address address;
	unsigned index;		    /* into the array of xenpcifront_bars */
	struct xenpcifront_bar old; /* unhook this where old.decoded */
	struct xenpcifront_bar now; /* hook this where now.decoded */
	uint32_t reserved[4];
};

/*
 * Functions that are called instead of (hotplug, aer) or besides events. Each may be
 * NULL: its events are then left to xenpcifront_next_event.
 */
struct xenpcifront_handlers {
	/* ADDED and REMOVED, from xenpcifront_process. */
	void (*hotplug)(void *opaque, const struct xenpcifront_event *event);
	/* An AER request, from xenpcifront_process, which sends the result as the answer. */
	enum xenpcifront_aer_result (*aer)(void *opaque, const struct xenpcifront_aer *aer);
	/*
	 * A BAR of a device that xenpcifront_bars was called for changed its range or its
	 * decoding; from the xenpcifront_write that did it, after the write. A BAR that holds
	 * all ones, being sized, has not moved.
	 */
	void (*bar_changed)(void *opaque, const struct xenpcifront_bar_change *change);
	void (*reserved[5])(void); /* NULL */
};

/*
 * Sets the handlers (copied) and the pointer that they are given; NULL removes them. Call it while
 * no other thread is in the library. Returns 0, or -1 with errno EINVAL (a handler that this
 * library does not know), and nothing has changed.
 */
XENPCIFRONT_EXPORT int xenpcifront_set_handlers(struct xenpcifront *fe,
						const struct xenpcifront_handlers *handlers,
						void *opaque);

#ifdef __cplusplus
}
#endif

#endif
