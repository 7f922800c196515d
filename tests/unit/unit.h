/* SPDX-License-Identifier: MIT */
/* What every unit test includes first: cmocka with the headers it wants before it. */
#ifndef XENPCI_TESTS_UNIT_H
#define XENPCI_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka's own casts are not ours to mend */
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#include <cmocka.h>

/* cmocka's fail() would shadow common/util.h's; fail_msg says the same and why. */
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#endif
