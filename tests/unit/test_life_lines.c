/* SPDX-License-Identifier: MIT */
/* Handlers on a line, in the forms that kernels print. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/irq_lines.h"
#include "common/util.h"

static const char text[] =
	"           CPU0       CPU1       \n"
	"  1:          9          0  xen-pirq    -ioapic-edge  i8042\n"
	" 16:         25          0  xen-pirq    -ioapic-level  ehci_hcd:usb1, i801_smbus\n"
	" 17:          0          0   IO-APIC   17-fasteoi   snd_hda_intel:card0\n"
	" 18:         12          0  xen-pirq    -ioapic-level\n"
	" 19:          0          0  xen-pirq    -ioapic-level  xen-pcibk[0000:00:04.0]\n"
	" 22:          0          0  xen-pirq    -ioapic-level  xen-pciback[0000:00:04.0]\n"
	" 20:          0          0  xen-pirq    -ioapic-level  xen-pcibk[0000:00:05.0], uhci_hcd:usb2\n"
	" 21:          5          0   IO-APIC   21-fasteoi\n"
	"120:          1          0  xen-pirq    -msi-x     nvme0q0\n"
	"NMI:          0          0   Non-maskable interrupts\n";

static void test_forms(void **state)
{
	static const struct {
		uint32_t irq;
		const char *users;
	} rows[] = {
		{ 1, "i8042" },	    { 16, "ehci_hcd:usb1, i801_smbus" },
		{ 17, "snd_hda_intel:card0" }, { 18, "" },
		{ 19, "" },	    { 20, "uhci_hcd:usb2" },
		{ 22, "" },	    { 21, "" },	    { 120, "nvme0q0" },
		{ 2, "" },	    { 12, "" },
	};
	char file[] = "/tmp/xenpci-lines-XXXXXX", buf[48];
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(lines_users(file, rows[i].irq, buf, sizeof(buf)),
				 strlen(rows[i].users));
		assert_string_equal(buf, rows[i].users);
	}
	/* Cut, not overrun. */
	assert_int_equal(lines_users(file, 16, buf, 8), 7);
	assert_string_equal(buf, "ehci_hc");
	unlink(file);
	assert_int_equal(lines_users(file, 16, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests_name("life_lines", tests, NULL, NULL);
}
