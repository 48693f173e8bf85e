/* SPDX-License-Identifier: MIT */
/*
 * Fibers on x86-64: six callee-saved registers and a stack pointer.
 *
 * A switch costs a few nanoseconds because it saves nothing that the calling convention already
 * gives up.  Floating-point control words are never changed by this program.
 */
#include <errno.h>

#include "runtime/hostmem.h"
#include "runtime/sim/fiber.h"

/* Saves this context's stack pointer in *@save and continues where @load was saved. */
void fiber_switch_stack(void **save, void *load);
__asm__(".text\n"
	".globl fiber_switch_stack\n"
	".type fiber_switch_stack,@function\n"
	"fiber_switch_stack:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_switch_stack,.-fiber_switch_stack\n");

/* First code of a fiber: its struct is in the register that fiber_create() planted. */
void fiber_start(void);
__asm__(".text\n"
	".globl fiber_start\n"
	".type fiber_start,@function\n"
	"fiber_start:\n"
	"	movq %rbx, %rdi\n"
	"	call fiber_run_entry\n"
	"	ud2\n"
	".size fiber_start,.-fiber_start\n");

/* Called from the assembly above, which link-time optimisation does not read. */
void fiber_run_entry(struct fiber *f) __attribute__((used));
void fiber_run_entry(struct fiber *f)
{
	f->entry(f->arg);
	__builtin_trap();
}

void fiber_init_self(struct fiber *f)
{
	*f = (struct fiber){ .tsan = tsan_fiber_current() };
}

int fiber_create(struct fiber *f, const char *name, void (*entry)(void *), void *arg)
{
	char *stack = hostmem_alloc_stack(FIBER_STACK_SIZE);
	void **top;

	if (!stack)
		return -ENOMEM;
	*f = (struct fiber){ .stack = stack, .entry = entry, .arg = arg,
			     .tsan = tsan_fiber_create(name) };
	/* As if fiber_switch_stack() had been called from fiber_start(): six registers, return. */
	top = (void **)(stack + FIBER_STACK_SIZE) - 2;
	*--top = (void *)fiber_start;
	*--top = NULL;			/* rbp */
	*--top = f;			/* rbx */
	for (int i = 0; i < 4; i++)
		*--top = NULL;		/* r12 to r15 */
	f->sp = top;
	return 0;
}

void fiber_destroy(struct fiber *f)
{
	if (f->stack) {
		tsan_fiber_destroy(f->tsan);
		hostmem_free_stack(f->stack, FIBER_STACK_SIZE);
	}
	f->stack = NULL;
}

TSAN_SWITCHES_FIBER void fiber_switch(struct fiber *from, struct fiber *to, bool join)
{
	/* A CPU inside an interrupt handler is on another of TSan's fibers than it started on. */
	from->tsan = tsan_fiber_current();
	if (join)
		tsan_fiber_switch_sync(to->tsan);
	else
		tsan_fiber_switch(to->tsan);
	fiber_switch_stack(&from->sp, to->sp);
}
