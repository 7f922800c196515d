/* SPDX-License-Identifier: MIT */
/*
 * What Xen's domain builder reads of this kernel, the page that it fills with hypercalls, and
 * the first instructions.
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>

#define NOTE(type, value...)			\
	.balign	4;				\
	.long	4, 2f - 1f, type;		\
	.asciz	"Xen";				\
1:	value;					\
2:

	.section .note.Xen, "a", @note
	NOTE(XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0")
	NOTE(XEN_ELFNOTE_GUEST_OS, .asciz "pvkernel")
	NOTE(XEN_ELFNOTE_LOADER, .asciz "generic")
	NOTE(XEN_ELFNOTE_VIRT_BASE, .quad 0)
	NOTE(XEN_ELFNOTE_PADDR_OFFSET, .quad 0)
	NOTE(XEN_ELFNOTE_ENTRY, .quad start)
	NOTE(XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page)
	.balign	4

	.text
	.globl	start
start:	/* rsi: start_info */
	cld
	leaq	stack_end(%rip), %rsp
	movq	%rsi, %rdi
	xorl	%ebp, %ebp
	call	pv_main
	ud2

	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096

	.bss
	.balign	16
	.skip	32768
stack_end:

	.section .note.GNU-stack, "", @progbits
