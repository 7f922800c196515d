/* SPDX-License-Identifier: MIT */
/* An image machine with its topology, of one test program: nobody uses it when a test begins. */
#ifndef XENPCI_TESTS_UNIT_SUPPORT_IMAGE_H
#define XENPCI_TESTS_UNIT_SUPPORT_IMAGE_H

#include "host/topology.h"
#include "tests/unit/support_device.h"
#include "tests/unit/unit.h"

static struct logbook log_;
static struct provider *provider;
static struct topology t;

/* spec as of --devices. */
static inline void image_open(const char *spec)
{
	logbook_init(&log_);
	provider = open_provider(spec, &log_);
	assert_int_equal(topology_read(&t, provider, &log_.logger), 0);
}

static inline void image_close(void)
{
	topology_dispose(&t);
	provider_close(provider);
	provider = NULL;
}

/* As a test's setup and teardown. */
static inline int image_setup(void **state)
{
	(void)state;
	image_open("image:" BENCH);
	return 0;
}

static inline int image_teardown(void **state)
{
	(void)state;
	image_close();
	return 0;
}

/* The function's place in the topology. */
static inline int at(const char *sbdf)
{
	int i = topology_find(&t, address(sbdf));

	assert_int_not_equal(i, TOPOLOGY_NONE);
	return i;
}

static inline struct topology_function *fn(const char *sbdf)
{
	return &t.function[at(sbdf)];
}

#endif
