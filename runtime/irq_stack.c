/* SPDX-License-Identifier: MIT */
/*
 * Interrupt stacks: the switch to one, and a readable end for a handler that needs more.
 *
 * The lowest page of every stack is a guard.  A handler that runs over it faults; the fault's
 * handler runs on a stack of its own, finds the guard among those of the CPUs, and says whose it
 * is.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/hostmem.h"
#include "runtime/irq.h"

/* Enough for one message and the run time of the sanitizers. */
#define FAULT_STACK_SIZE	(64UL * 1024)
#define GUARD_SIZE		4096UL

static struct sigaction previous;
static __thread void *fault_stack;

__asm__(".text\n"
	".globl irq_call_on_stack\n"
	".type irq_call_on_stack,@function\n"
	"irq_call_on_stack:\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	movq %rsi, %rsp\n"
	"	call *%rdi\n"
	"	movq %rbp, %rsp\n"
	"	popq %rbp\n"
	"	ret\n"
	".size irq_call_on_stack,.-irq_call_on_stack\n");

/* Only what may be called in a signal handler: a number and a constant text. */
__attribute__((noreturn)) static void report_overflow(unsigned int cpu)
{
	char text[] = "\nkmemlab panic: interrupt stack overflow on cpu 000\n";
	char *digit = text + sizeof(text) - 3;

	for (; cpu; cpu /= 10)
		*digit-- = (char)('0' + cpu % 10);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(127);
	abort();
}

static void fault_handler(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)sig;
	(void)context;
	for (unsigned int i = 0; cpus && i < nr_cpu_ids; i++) {
		uintptr_t top = (uintptr_t)cpus[i].irq_stack;
		uintptr_t guard = top + 64 - IRQ_STACK_SIZE;

		if (top && at >= guard && at < guard + GUARD_SIZE)
			report_overflow(i);
	}
	/* Not ours: the instruction faults again, for whoever was there before. */
	sigaction(SIGSEGV, &previous, NULL);
}

void irq_stack_watch(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	action.sa_sigaction = fault_handler;
	sigaction(SIGSEGV, &action, &previous);
}

void irq_stack_unwatch(void)
{
	struct sigaction now;

	if (sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	    now.sa_sigaction == fault_handler)
		sigaction(SIGSEGV, &previous, NULL);
}

void irq_stack_thread_init(void)
{
	stack_t ss = { .ss_size = FAULT_STACK_SIZE };

	if (fault_stack)
		return;
	fault_stack = hostmem_alloc_stack(FAULT_STACK_SIZE);
	if (!fault_stack)
		return;
	/* The guard page of this one is not part of what the signal may use. */
	ss.ss_sp = (char *)fault_stack + GUARD_SIZE;
	ss.ss_size -= GUARD_SIZE;
	sigaltstack(&ss, NULL);
}

void irq_stack_thread_exit(void)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	if (!fault_stack)
		return;
	sigaltstack(&off, NULL);
	hostmem_free_stack(fault_stack, FAULT_STACK_SIZE);
	fault_stack = NULL;
}
