/* SPDX-License-Identifier: MIT */
/* `xenbox run` and `xenbox env`: a program inside a domain of the box. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct env {
	const char *name;
	char value[2 * BOX_PATH_MAX];
};

static struct env run_env[] = {
	{ "LD_PRELOAD", "" },	  { BOX_ENV_DIR, "" },	      { BOX_ENV_DOMID, "" },
	{ "XENSTORED_PATH", "" }, { "XENSTORED_RUNDIR", "" }, { "ASAN_OPTIONS", "" },
};

/* Put ours before, or (colon-separated options, where the last wins) behind what is there. */
static void env_join(struct env *e, const char *first, const char *second)
{
	snprintf(e->value, sizeof(e->value), "%s%s%s", first, *first && *second ? ":" : "",
		 second);
}

static void env_fill(const struct box *b, unsigned int domid)
{
	static const char asan[] = "verify_asan_link_order=0";
	const char *preload = getenv("LD_PRELOAD"), *options_now = getenv("ASAN_OPTIONS");
	char lib[BOX_PATH_MAX + BOX_NAME_MAX], sock[BOX_NAME_MAX] = BOX_XS_SOCKET;

	snprintf(lib, sizeof(lib), "%s/" BOX_LIB, b->rundir);
	if (preload && strstr(preload, BOX_LIB)) /* from inside a box */
		preload = NULL;
	env_join(&run_env[0], lib, preload ? preload : "");
	snprintf(run_env[1].value, sizeof(run_env[1].value), "%s", b->rundir);
	snprintf(run_env[2].value, sizeof(run_env[2].value), "%u", domid);
	if (domid)
		box_store_socket(domid, sock);
	snprintf(run_env[3].value, sizeof(run_env[3].value), "%s/%s", b->rundir, sock);
	snprintf(run_env[4].value, sizeof(run_env[4].value), "%s", b->rundir);
	if (!options_now)
		options_now = "";
	env_join(&run_env[5], options_now, strstr(options_now, asan) ? "" : asan);
}

/* Fill in run_env for a domain of the box; it must exist. */
static int env_for(const char *dir, const char *domid_text)
{
	struct xb_conn c = XB_CONN_NONE;
	unsigned int domid;
	struct box b;

	if (domid_arg(domid_text, true, &domid))
		return TOOL_USAGE;
	if (box_init(&b, dir))
		return tool_error("%s: %s", dir, strerror(errno));
	if (xb_connect(&c, b.rundir, domid, XB_KIND_CALL, NULL, NULL))
		return errno == ESRCH ? tool_error("no domain %u in %s", domid, dir) :
					tool_error("no box is up in %s (%s)", dir, strerror(errno));
	xb_disconnect(&c);
	env_fill(&b, domid);
	return 0;
}

int cmd_run(int argc, char **argv)
{
	int i = 3, rc;

	if (argc > 3 && !strcmp(argv[3], "--"))
		i++;
	if (argc <= i)
		return usage("run takes a directory, a domain number and a command", NULL);
	rc = env_for(argv[1], argv[2]);
	if (rc)
		return rc;
	for (size_t k = 0; k < sizeof(run_env) / sizeof(run_env[0]); k++)
		setenv(run_env[k].name, run_env[k].value, 1);
	execvp(argv[i], argv + i);
	tool_error("%s: %s", argv[i], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

int cmd_env(int argc, char **argv)
{
	int rc;

	if (argc != 3)
		return usage("env takes a directory and a domain number", NULL);
	rc = env_for(argv[1], argv[2]);
	for (size_t k = 0; !rc && k < sizeof(run_env) / sizeof(run_env[0]); k++) {
		printf("export %s='", run_env[k].name);
		for (const char *p = run_env[k].value; *p; p++)
			fputs(*p == '\'' ? "'\\''" : (const char[]){ *p, '\0' }, stdout);
		puts("'");
	}
	return rc;
}
