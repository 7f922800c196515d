/* SPDX-License-Identifier: MIT */
/* The xenbox command. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define DEVICES_MAX 256

static const char usage_text[] =
	"Usage: xenbox COMMAND DIR ...\n"
	"\n"
	"An emulated hypervisor with a real xenstored, for unmodified Xen userland.\n"
	"\n"
	"  up DIR [--xen 4.17|4.20] [--dom0 pv|pvh] [--gsis N] [--extra-irqs N]\n"
	"         [--device SBDF[,msi=N][,msix=N][,gsi=N]]... [--shared-gsi N]...\n"
	"                                 start a box, ready when it returns\n"
	"  down DIR                       stop it and remove what it made\n"
	"  create DIR DOMID [--name NAME] [--kernel-pcifront no]\n"
	"  halt DIR DOMID                 it stops, as after a poweroff, and waits to be destroyed\n"
	"  destroy DIR DOMID [--crash]    --crash: only the hypervisor's part, nodes stay\n"
	"  run DIR DOMID -- CMD [ARG...]  run a program in a domain (0: dom0)\n"
	"  env DIR DOMID                  the environment for that, as shell commands\n"
	"  attach DIR DOMID BDF[,permissive=1][,...]... [--no-wait]   as xl pci-attach\n"
	"  detach DIR DOMID BDF [-f] [--no-wait]                      as xl pci-detach\n"
	"  list DIR DOMID                                             as xl pci-list\n"
	"  fail DIR OP[:N] ERRNO [--count C] [--skip S] [--dom D]     let calls fail\n"
	"  fail DIR --clear               no more\n"
	"  log DIR                        every hypercall: domid, call, result\n"
	"  stat DIR [DOMID]               live ports, grants, mappings, pirqs per domain\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage; of run: that of CMD.\n";

int usage(const char *why, const char *what)
{
	fprintf(stderr, "xenbox: %s%s%s (see xenbox --help)\n", why, what ? ": " : "",
		what ? what : "");
	return TOOL_USAGE;
}

static int number(const char *text, unsigned long max, unsigned int *n)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > max)
		return -1;
	*n = (unsigned int)v;
	return 0;
}

int domid_arg(const char *text, bool dom0, unsigned int *domid)
{
	if (number(text, 0x7fef, domid) || (!dom0 && !*domid))
		return usage("not a domain number", text);
	return 0;
}

/* Long options of one command into values[]; the rest of argv from optind on is left. */
static int options(int argc, char **argv, const struct option *opts, const char **values)
{
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == '?')
			return TOOL_USAGE;
		values[c - 1] = optarg ? optarg : "";
	}
	return 0;
}

/* ---- up and down ---- */

static int up_parse(struct up_options *o, const char **v)
{
	o->xen_minor = 17;
	o->gsis = 24;
	o->extra_irqs = 32;
	if (v[0] && strcmp(v[0], "4.17") && strcmp(v[0], "4.20"))
		return usage("--xen is 4.17 or 4.20, not", v[0]);
	if (v[0])
		o->xen_minor = (unsigned int)strtoul(v[0] + 2, NULL, 10);
	if (v[1] && strcmp(v[1], "pv") && strcmp(v[1], "pvh"))
		return usage("--dom0 is pv or pvh, not", v[1]);
	o->pvh_dom0 = v[1] && !strcmp(v[1], "pvh");
	if (v[2] && (number(v[2], 256, &o->gsis) || o->gsis < 16))
		return usage("--gsis is 16 to 256, not", v[2]);
	if (v[3] && number(v[3], 4096, &o->extra_irqs))
		return usage("--extra-irqs is 0 to 4096, not", v[3]);
	return 0;
}

static int cmd_up(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "xen", 1, NULL, 1 },	      { "dom0", 1, NULL, 2 },	{ "gsis", 1, NULL, 3 },
		{ "extra-irqs", 1, NULL, 4 }, { "device", 1, NULL, 5 },
		{ "shared-gsi", 1, NULL, 6 }, { NULL, 0, NULL, 0 },
	};
	const char *v[4] = { NULL }, *devices[DEVICES_MAX];
	struct up_options o = { .devices = devices };
	unsigned int n = 0, gsi;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == '?')
			return TOOL_USAGE;
		if (c < 5)
			v[c - 1] = optarg;
		else if (c == 6 && number(optarg, 255, &gsi))
			return usage("not a GSI", optarg);
		else if (c == 6)
			o.shared_gsi[gsi] = true;
		else if (n < DEVICES_MAX)
			devices[n++] = optarg;
		else
			return usage("too many devices", NULL);
	}
	if (argc - optind != 1)
		return usage("up takes one directory", NULL);
	if (up_parse(&o, v))
		return TOOL_USAGE;
	o.ndevices = n;
	return box_up(argv[optind], &o);
}

static int cmd_down(int argc, char **argv)
{
	return argc == 2 ? box_down(argv[1]) : usage("down takes one directory", NULL);
}

/* ---- domains ---- */

static int cmd_create(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "name", 1, NULL, 1 }, { "kernel-pcifront", 1, NULL, 2 }, { NULL, 0, NULL, 0 },
	};
	const char *v[2] = { NULL };
	unsigned int domid;
	char name[24];
	struct tool t;
	int rc = TOOL_FAILED;

	if (options(argc, argv, opts, v))
		return TOOL_USAGE;
	if (argc - optind != 2)
		return usage("create takes a directory and a domain number", NULL);
	if (v[1] && strcmp(v[1], "no"))
		return usage("guests in the box have no kernel, --kernel-pcifront can only be no",
			     NULL);
	if (domid_arg(argv[optind + 1], false, &domid))
		return TOOL_USAGE;
	snprintf(name, sizeof(name), "guest%u", domid);
	if (!tool_open(&t, argv[optind]) && !tool_store(&t))
		rc = tool_create(&t, domid, v[0] ? v[0] : name);
	tool_close(&t);
	return rc;
}

static int cmd_halt(int argc, char **argv)
{
	unsigned int domid;
	struct tool t;
	int rc = TOOL_FAILED;

	if (argc != 3)
		return usage("halt takes a directory and a domain number", NULL);
	if (domid_arg(argv[2], false, &domid))
		return TOOL_USAGE;
	if (!tool_open(&t, argv[1]) && !tool_store(&t))
		rc = tool_halt(&t, domid);
	tool_close(&t);
	return rc;
}

static int cmd_destroy(int argc, char **argv)
{
	static const struct option opts[] = { { "crash", 0, NULL, 1 }, { NULL, 0, NULL, 0 } };
	const char *v[1] = { NULL };
	unsigned int domid;
	struct tool t;
	int rc = TOOL_FAILED;

	if (options(argc, argv, opts, v))
		return TOOL_USAGE;
	if (argc - optind != 2)
		return usage("destroy takes a directory and a domain number", NULL);
	if (domid_arg(argv[optind + 1], false, &domid))
		return TOOL_USAGE;
	if (!tool_open(&t, argv[optind]) && !tool_store(&t))
		rc = tool_destroy(&t, domid, v[0]);
	tool_close(&t);
	return rc;
}

/* ---- devices ---- */

/* Options, directory, domain and the devices of attach and detach. Number of devices, or -1. */
static int device_args(int argc, char **argv, struct xl_device *devs, unsigned int *domid,
		       bool *force, bool *wait)
{
	static const struct option opts[] = { { "no-wait", 0, NULL, 'w' }, { NULL, 0, NULL, 0 } };
	int c, n = 0;

	*force = false;
	*wait = true;
	optind = 0;
	while ((c = getopt_long(argc, argv, "f", opts, NULL)) != -1) {
		if (c == '?')
			return -1;
		*force |= c == 'f';
		*wait &= c != 'w';
	}
	if (argc - optind < 3 || argc - optind > 2 + DEVICES_MAX) {
		usage("a directory, a domain number and devices are wanted", NULL);
		return -1;
	}
	if (domid_arg(argv[optind + 1], false, domid))
		return -1;
	for (int i = optind + 2; i < argc; i++)
		if (xl_parse(&devs[n++], argv[i]))
			return -1;
	return n;
}

static int cmd_attach(int argc, char **argv)
{
	static struct xl_device devs[DEVICES_MAX];
	unsigned int domid;
	bool force, wait;
	int n = device_args(argc, argv, devs, &domid, &force, &wait);
	struct tool t;
	int rc = TOOL_FAILED;

	if (n < 0)
		return TOOL_USAGE;
	if (!tool_open(&t, argv[optind]) && !tool_store(&t))
		rc = xl_attach(&t, domid, devs, (unsigned int)n, wait);
	tool_close(&t);
	return rc;
}

static int cmd_detach(int argc, char **argv)
{
	static struct xl_device devs[DEVICES_MAX];
	unsigned int domid;
	bool force, wait;
	int n = device_args(argc, argv, devs, &domid, &force, &wait);
	struct tool t;
	int rc = TOOL_FAILED;

	if (n < 0)
		return TOOL_USAGE;
	if (n > 1)
		return usage("detach takes one device", NULL);
	if (!tool_open(&t, argv[optind]) && !tool_store(&t))
		rc = xl_detach(&t, domid, devs, force, wait);
	tool_close(&t);
	return rc;
}

static int cmd_list(int argc, char **argv)
{
	unsigned int domid;
	struct tool t;
	int rc = TOOL_FAILED;

	if (argc != 3)
		return usage("list takes a directory and a domain number", NULL);
	if (domid_arg(argv[2], false, &domid))
		return TOOL_USAGE;
	if (!tool_open(&t, argv[1]) && !tool_store(&t))
		rc = xl_list(&t, domid);
	tool_close(&t);
	return rc;
}

/* ---- looking, and making calls fail ---- */

static int cmd_log(int argc, char **argv)
{
	char path[BOX_PATH_MAX + 32], buf[65536];
	ssize_t n;
	int fd;

	if (argc != 2)
		return usage("log takes one directory", NULL);
	snprintf(path, sizeof(path), "%s/" BOX_LOG, argv[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tool_error("%s: %s", path, strerror(errno));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	close(fd);
	return fflush(stdout) ? TOOL_FAILED : TOOL_OK;
}

static int stat_print(struct tool *t, unsigned int from, bool one)
{
	char *text = malloc(XB_DATA_MAX);
	int rc = text ? TOOL_OK : TOOL_FAILED;

	while (!rc && from < 0x7ff0) {
		struct xb_msg m = { .op = XB_CTL_STAT, .a = { from, one } };

		if (xb_call(&t->hv, &m, NULL, 0, text, XB_DATA_MAX, NULL) < 0)
			rc = tool_error("no domain %u", from);
		else
			fwrite(text, 1, m.len, stdout);
		if (one)
			break;
		from = (unsigned int)m.a[1];
	}
	free(text);
	return rc;
}

static int cmd_stat(int argc, char **argv)
{
	unsigned int domid = 0;
	struct tool t;
	int rc = TOOL_FAILED;

	if (argc != 2 && argc != 3)
		return usage("stat takes a directory and, if wanted, a domain number", NULL);
	if (argc == 3 && domid_arg(argv[2], true, &domid))
		return TOOL_USAGE;
	if (!tool_open(&t, argv[1]))
		rc = stat_print(&t, domid, argc == 3);
	tool_close(&t);
	return rc;
}

static int errno_arg(const char *text, int32_t *err)
{
	unsigned int n;

	if (!number(text, 4095, &n) && n) {
		*err = (int32_t)n;
		return 0;
	}
	for (int e = 1; e < 256; e++) {
		const char *name = strerrorname_np(e);

		if (name && !strcmp(name, text)) {
			*err = e;
			return 0;
		}
	}
	return usage("not an error number", text);
}

static int fail_parse(struct xb_failure *f, char **arg, const char **v)
{
	char *colon = strchr(arg[1], ':');
	unsigned int n = 0;

	*f = (struct xb_failure){ .domid = -1 };
	if (colon) {
		if (number(colon + 1, 1000000, &n) || !n)
			return usage("OP:N counts calls from 1 on, not", colon + 1);
		f->skip = n - 1;
		f->count = 1;
		*colon = '\0';
	}
	if (strlen(arg[1]) >= sizeof(f->op) || !*arg[1])
		return usage("not an operation", arg[1]);
	memcpy(f->op, arg[1], strlen(arg[1]));
	if ((v[0] && number(v[0], UINT32_MAX, &f->count)) ||
	    (v[1] && number(v[1], UINT32_MAX, &f->skip)))
		return usage("not a number", NULL);
	if (v[2] && domid_arg(v[2], true, &n))
		return TOOL_USAGE;
	if (v[2])
		f->domid = (int32_t)n;
	return errno_arg(arg[2], &f->err);
}

static int cmd_fail(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "count", 1, NULL, 1 }, { "skip", 1, NULL, 2 },  { "dom", 1, NULL, 3 },
		{ "clear", 0, NULL, 4 }, { NULL, 0, NULL, 0 },
	};
	const char *v[4] = { NULL };
	struct xb_failure f = { .op = "" };
	struct xb_msg m = { .op = XB_CTL_FAIL };
	struct tool t;
	int rc = TOOL_FAILED;

	if (options(argc, argv, opts, v))
		return TOOL_USAGE;
	if (argc - optind != (v[3] ? 1 : 3))
		return usage("fail takes a directory, an operation and an error", NULL);
	if (!v[3] && fail_parse(&f, argv + optind, v))
		return TOOL_USAGE;
	if (!tool_open(&t, argv[optind])) {
		rc = xb_call(&t.hv, &m, &f, sizeof(f), NULL, 0, NULL) < 0 ?
			     tool_error("%s: %s", f.op, errno == EINVAL ? "no such operation" :
								       strerror(errno)) :
			     TOOL_OK;
	}
	tool_close(&t);
	return rc;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "up", cmd_up },	{ "down", cmd_down }, { "create", cmd_create },
	{ "halt", cmd_halt },	{ "destroy", cmd_destroy }, { "run", cmd_run },
	{ "env", cmd_env },	{ "log", cmd_log },	{ "stat", cmd_stat }, { "fail", cmd_fail },
	{ "attach", cmd_attach }, { "detach", cmd_detach }, { "list", cmd_list },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage("no command", NULL);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		fputs(usage_text, stdout);
		return TOOL_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return usage("unknown command", argv[1]);
}
