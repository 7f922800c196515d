/* SPDX-License-Identifier: MIT */
/* The xenbox command. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/libc.h"
#include "abi.h"
#include "store.h"
#include "tool.h"

#define DEVICES_MAX 256
#define OPTIONS_MAX 5

/* A command line, taken apart: `xenbox COMMAND [OPTION...] DIR [DOMID [WORD...]]`. */
struct call {
	struct tool t;
	const char *dir;
	bool has_domid;
	unsigned int domid;
	char **words;
	int nr;
	const char *opt[OPTIONS_MAX]; /* in the order of the command's list; "" where it has no value */
};

static const char usage_text[] =
	"Usage: xenbox COMMAND DIR ...\n"
	"\n"
	"An emulated hypervisor with a real xenstored, for unmodified Xen userland.\n"
	"\n"
	"  up DIR [--xen 4.17|4.18|4.19|4.20|4.99] [--dom0 pv|pvh] [--gsis N] [--extra-irqs N] [--no-iommu]\n"
	"         [--device SBDF[,msi=N][,msix=N][,gsi=N]]... [--shared-gsi N]...\n"
	"                                 start a box, ready when it returns\n"
	"  down DIR                       stop it and remove what it made\n"
	"  create DIR DOMID [--name NAME] [--uuid UUID] [--kernel-pcifront no] [--hvm | --stub-for DOMID]\n"
	"  halt DIR DOMID                 it stops, as after a poweroff, and waits to be destroyed\n"
	"  suspend DIR DOMID              it stops, as for a save, with all that it has\n"
	"  resume DIR DOMID               it goes on, as where the save is cancelled or through\n"
	"  destroy DIR DOMID [--crash]    --crash: only the hypervisor's part, nodes stay\n"
	"  run DIR DOMID -- CMD [ARG...]  run a program in a domain (0: dom0)\n"
	"  env DIR DOMID                  the environment for that, as shell commands\n"
	"  attach DIR DOMID BDF[,permissive=1][,...]... [--no-wait]   as xl pci-attach\n"
	"  detach DIR DOMID BDF [-f] [--no-wait]                      as xl pci-detach\n"
	"  list DIR DOMID                                             as xl pci-list\n"
	"  fail DIR OP[:N] ERRNO [--count C] [--skip S] [--dom D]     let calls fail\n"
	"  fail DIR --clear               no more\n"
	"  store DIR pid|kill|start [--keep]  xenstored: which it is, its end, another; --keep: what it knows\n"
	"  log DIR                        every hypercall: domid, call, result\n"
	"  stat DIR [DOMID]               live ports, grants, mappings, pirqs per domain\n"
	"  which xenstored|oxenstored     the file of the one that is installed; status 1: none is\n"
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

/* ---- up and down ---- */

static int up_parse(struct up_options *o, const char **v)
{
	unsigned int known = 0;

	o->xen_minor = 17;
	o->gsis = 24;
	o->extra_irqs = 32;
#define X(minor, domctl, sysctl)                                                                 \
	if (v[0] && !strcmp(v[0], "4." #minor))                                                  \
		o->xen_minor = known = (minor);
	ABI_XENS(X)
#undef X
	if (v[0] && !known)
		return usage("--xen is 4.17 to 4.20, or 4.99 for one to come, not", v[0]);
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
		{ "shared-gsi", 1, NULL, 6 }, { "no-iommu", 0, NULL, 7 },
		{ NULL, 0, NULL, 0 },
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
		else if (c == 7)
			o.no_iommu = true;
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

static int cmd_down(struct call *c)
{
	return box_down(c->dir);
}

/* ---- domains and devices ---- */

static int cmd_create(struct call *c)
{
	unsigned int target = 0;
	char name[24];
	int rc;

	if (c->opt[1] && strcmp(c->opt[1], "no"))
		return usage("guests in the box have no kernel, --kernel-pcifront can only be no",
			     NULL);
	snprintf(name, sizeof(name), "guest%u", c->domid);
	if (c->opt[3] && domid_arg(c->opt[3], false, &target))
		return TOOL_USAGE;
	rc = tool_create(&c->t, c->domid, c->opt[0] ? c->opt[0] : name, c->opt[4], c->opt[2]);
	return rc || !c->opt[3] ? rc : tool_target(&c->t, c->domid, target);
}

static int cmd_halt(struct call *c)
{
	return tool_halt(&c->t, c->domid);
}

static int cmd_suspend(struct call *c)
{
	return tool_suspend(&c->t, c->domid);
}

static int cmd_resume(struct call *c)
{
	return tool_resume(&c->t, c->domid);
}

static int cmd_destroy(struct call *c)
{
	return tool_destroy(&c->t, c->domid, c->opt[0]);
}

static int cmd_attach(struct call *c)
{
	static struct xl_device devs[DEVICES_MAX];

	for (int i = 0; i < c->nr; i++)
		if (xl_parse(&devs[i], c->words[i]))
			return TOOL_USAGE;
	return xl_attach(&c->t, c->domid, devs, (unsigned int)c->nr, !c->opt[0]);
}

static int cmd_detach(struct call *c)
{
	struct xl_device dev;

	if (xl_parse(&dev, c->words[0]))
		return TOOL_USAGE;
	return xl_detach(&c->t, c->domid, &dev, c->opt[1], !c->opt[0]);
}

static int cmd_list(struct call *c)
{
	return xl_list(&c->t, c->domid);
}

/* ---- looking, and making calls fail ---- */

static int cmd_log(struct call *c)
{
	char path[BOX_PATH_MAX + 32], buf[65536];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/" BOX_LOG, c->dir);
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

static int cmd_stat(struct call *c)
{
	return stat_print(&c->t, c->domid, c->has_domid);
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
	char *colon = strchr(arg[0], ':');
	unsigned int n = 0;

	*f = (struct xb_failure){ .domid = -1 };
	if (colon) {
		if (number(colon + 1, 1000000, &n) || !n)
			return usage("OP:N counts calls from 1 on, not", colon + 1);
		f->skip = n - 1;
		f->count = 1;
		*colon = '\0';
	}
	if (strlen(arg[0]) >= sizeof(f->op) || !*arg[0])
		return usage("not an operation", arg[0]);
	memcpy(f->op, arg[0], strlen(arg[0]));
	if ((v[0] && number(v[0], UINT32_MAX, &f->count)) ||
	    (v[1] && number(v[1], UINT32_MAX, &f->skip)))
		return usage("not a number", NULL);
	if (v[2] && domid_arg(v[2], true, &n))
		return TOOL_USAGE;
	if (v[2])
		f->domid = (int32_t)n;
	return errno_arg(arg[1], &f->err);
}

static int cmd_fail(struct call *c)
{
	struct xb_failure f = { .op = "" };
	struct xb_msg m = { .op = XB_CTL_FAIL };

	if (c->nr != (c->opt[3] ? 0 : 2))
		return usage("fail takes an operation and an error, or --clear", NULL);
	if (!c->opt[3] && fail_parse(&f, c->words, c->opt))
		return TOOL_USAGE;
	if (xb_call(&c->t.hv, &m, &f, sizeof(f), NULL, 0, NULL) < 0)
		return tool_error("%s: %s", f.op,
				  errno == EINVAL ? "no such operation" : strerror(errno));
	return TOOL_OK;
}

static int cmd_store(struct call *c)
{
	return tool_restart(&c->t, c->words[0], c->opt[0]);
}

static int cmd_which(int argc, char **argv)
{
	const char *file = argc == 2 ? store_find(argv[1]) : NULL;

	if (argc != 2)
		return usage("which takes xenstored or oxenstored", NULL);
	if (!file)
		return TOOL_FAILED;
	puts(file);
	return TOOL_OK;
}

/* ---- the command line ---- */

enum reach { NOTHING, HYPERVISOR, STORE }; /* what a command has to be connected to */
enum domain { NO_DOMID, GUEST, ANY_IF_GIVEN };

static const struct command {
	const char *name;
	int (*run)(struct call *c);
	enum reach reach;
	enum domain domain;
	int min, max; /* words behind directory and domain number */
	const char *takes;
	struct option opts[OPTIONS_MAX + 1]; /* val: the place in call.opt, from 1 on */
} commands[] = {
	{ "down", cmd_down, NOTHING, NO_DOMID, 0, 0, "one directory", { { 0 } } },
	{ "create", cmd_create, STORE, GUEST, 0, 0, "a directory and a domain number",
	  { { "name", 1, NULL, 1 }, { "kernel-pcifront", 1, NULL, 2 }, { "hvm", 0, NULL, 3 },
	    { "stub-for", 1, NULL, 4 }, { "uuid", 1, NULL, 5 } } },
	{ "halt", cmd_halt, STORE, GUEST, 0, 0, "a directory and a domain number", { { 0 } } },
	{ "suspend", cmd_suspend, STORE, GUEST, 0, 0, "a directory and a domain number", { { 0 } } },
	{ "resume", cmd_resume, STORE, GUEST, 0, 0, "a directory and a domain number", { { 0 } } },
	{ "destroy", cmd_destroy, STORE, GUEST, 0, 0, "a directory and a domain number",
	  { { "crash", 0, NULL, 1 } } },
	{ "attach", cmd_attach, STORE, GUEST, 1, DEVICES_MAX, "a directory, a domain number and devices",
	  { { "no-wait", 0, NULL, 1 } } },
	{ "detach", cmd_detach, STORE, GUEST, 1, 1, "a directory, a domain number and one device",
	  { { "no-wait", 0, NULL, 1 }, { "force", 0, NULL, 2 } } },
	{ "list", cmd_list, STORE, GUEST, 0, 0, "a directory and a domain number", { { 0 } } },
	{ "log", cmd_log, NOTHING, NO_DOMID, 0, 0, "one directory", { { 0 } } },
	{ "stat", cmd_stat, HYPERVISOR, ANY_IF_GIVEN, 0, 0, "a directory and, if wanted, a domain number",
	  { { 0 } } },
	{ "store", cmd_store, HYPERVISOR, NO_DOMID, 1, 1, "a directory and pid, kill or start",
	  { { "keep", 0, NULL, 1 } } },
	{ "fail", cmd_fail, HYPERVISOR, NO_DOMID, 0, 2, "a directory, an operation and an error",
	  { { "count", 1, NULL, 1 }, { "skip", 1, NULL, 2 }, { "dom", 1, NULL, 3 },
	    { "clear", 0, NULL, 4 } } },
};

/* Those that take their command line apart themselves. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} own_parsers[] = { { "up", cmd_up }, { "run", cmd_run }, { "env", cmd_env }, { "which", cmd_which } };

static int parse(const struct command *cmd, struct call *call, int argc, char **argv)
{
	int c;

	optind = 0;
	/* -f: detach has it from xl */
	while ((c = getopt_long(argc, argv, cmd->run == cmd_detach ? "f" : "", cmd->opts, NULL)) != -1) {
		if (c == '?')
			return TOOL_USAGE;
		call->opt[c == 'f' ? 1 : c - 1] = optarg ? optarg : "";
	}
	argv += optind;
	argc -= optind;
	call->has_domid = cmd->domain == GUEST || (cmd->domain == ANY_IF_GIVEN && argc > 1);
	call->words = argv + 1 + call->has_domid;
	call->nr = argc - 1 - call->has_domid;
	if (call->nr < cmd->min || call->nr > cmd->max) {
		fprintf(stderr, "xenbox: %s takes %s (see xenbox --help)\n", cmd->name, cmd->takes);
		return TOOL_USAGE;
	}
	call->dir = argv[0];
	return call->has_domid ? domid_arg(argv[1], cmd->domain == ANY_IF_GIVEN, &call->domid) : 0;
}

static int run_command(const struct command *cmd, int argc, char **argv)
{
	struct call call = { .dir = NULL };
	int rc = parse(cmd, &call, argc, argv);

	if (rc)
		return rc;
	if (cmd->reach == NOTHING)
		return cmd->run(&call);
	if (tool_open(&call.t, call.dir) || (cmd->reach == STORE && tool_store(&call.t)))
		rc = TOOL_FAILED;
	else
		rc = cmd->run(&call);
	tool_close(&call.t);
	return rc;
}

static bool is_one_of(const char *arg, const char *a, const char *b, const char *c)
{
	return !strcmp(arg, a) || !strcmp(arg, b) || !strcmp(arg, c);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage("no command", NULL);
	if (is_one_of(argv[1], "--help", "-h", "help")) {
		fputs(usage_text, stdout);
		return TOOL_OK;
	}
	if (is_one_of(argv[1], "--version", "-V", "version")) {
		puts("xenbox " XENPCI_VERSION);
		return TOOL_OK;
	}
	for (size_t i = 0; i < sizeof(own_parsers) / sizeof(own_parsers[0]); i++)
		if (!strcmp(argv[1], own_parsers[i].name))
			return own_parsers[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return run_command(&commands[i], argc - 1, argv + 1);
	return usage("unknown command", argv[1]);
}
