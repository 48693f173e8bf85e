/* SPDX-License-Identifier: MIT */
/* Kernel stacks with a guard page, usage measurement and overflow detection. */
#define _GNU_SOURCE
#include "mm/kva/kstack.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "mm/kva/vmalloc.h"
#include "mm/page/vmstat.h"

/* The report of an overflow needs a stack that has not overflowed. */
#define ALT_STACK_SIZE	(64 * 1024)

/* Calls fn(arg) with the stack pointer at @top, and comes back. */
void kstack_call(void (*fn)(void *arg), void *arg, void *top);
__asm__(".text\n"
	".globl kstack_call\n"
	".type kstack_call,@function\n"
	"kstack_call:\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	movq %rdx, %rsp\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	call *%rax\n"
	"	movq %rbp, %rsp\n"
	"	popq %rbp\n"
	"	ret\n"
	".size kstack_call,.-kstack_call\n");

static void account(const struct kstack *stack, long sign)
{
	for (unsigned int i = 0; i < stack->nr_pages; i++) {
		struct page *page = vmalloc_to_page(stack->base + i * PAGE_SIZE);

		mod_zone_page_state(page_zone(page), NR_KERNEL_STACK_KB,
				    sign * (long)(PAGE_SIZE / 1024));
	}
}

int kstack_alloc(struct kstack *stack, unsigned int nr_pages)
{
	if (!nr_pages || nr_pages > KSTACK_MAX_PAGES)
		return -EINVAL;
	stack->nr_pages = nr_pages;
	stack->base = __vmalloc_area(nr_pages * PAGE_SIZE, GFP_KERNEL | __GFP_HIGHMEM, VM_KSTACK);
	if (!stack->base)
		return -ENOMEM;
	memset(stack->base, 0, nr_pages * PAGE_SIZE);
	*(unsigned long *)stack->base = STACK_END_MAGIC;
	account(stack, 1);
	return 0;
}

bool kstack_overflowed(const struct kstack *stack)
{
	return READ_ONCE(*(unsigned long *)stack->base) != STACK_END_MAGIC;
}

size_t kstack_unused(const struct kstack *stack)
{
	const unsigned long *word = (unsigned long *)stack->base + 1;
	const unsigned long *top = (unsigned long *)(stack->base + stack->nr_pages * PAGE_SIZE);

	while (word < top && !READ_ONCE(*word))
		word++;
	return (size_t)((const char *)word - stack->base);
}

void kstack_free(struct kstack *stack)
{
	if (kstack_overflowed(stack))
		panic("kernel stack at %p was used up to its end", (void *)stack->base);
	account(stack, -1);
	vfree(stack->base);
	stack->base = NULL;
}

void kstack_run(const struct kstack *stack, void (*fn)(void *arg), void *arg)
{
	char *top = stack->base + stack->nr_pages * PAGE_SIZE;
	char alt[ALT_STACK_SIZE];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) }, old;

	if (sigaltstack(&ss, &old))
		panic("no alternate stack: an overflow could not be reported");
	kstack_call(fn, arg, top);
	sigaltstack(&old, NULL);
}
