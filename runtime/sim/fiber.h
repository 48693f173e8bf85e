/* SPDX-License-Identifier: MIT */
/* Fibers: separate stacks on one thread and the switch between them. */
#ifndef RUNTIME_SIM_FIBER_H
#define RUNTIME_SIM_FIBER_H

#include "runtime/lib/types.h"
#include "runtime/tsan.h"

#define FIBER_STACK_SIZE	(256UL * 1024)

struct fiber {
	void *sp;		/* saved stack pointer while not running */
	void *stack;		/* lowest address, NULL for the thread's own stack */
	void *tsan;		/* TSan's view of it */
	void (*entry)(void *arg);
	void *arg;
};

/* The calling thread itself becomes a fiber. */
void fiber_init_self(struct fiber *f);
/* A fiber that will run entry(arg) when first switched to; entry never returns.  0 or -ENOMEM. */
__must_check int fiber_create(struct fiber *f, const char *name, void (*entry)(void *), void *arg);
void fiber_destroy(struct fiber *f);

/*
 * Leaves @from and goes on in @to.  Without @join ThreadSanitizer sees no ordering between the two;
 * with it, what @from did comes before what @to does.
 */
void fiber_switch(struct fiber *from, struct fiber *to, bool join);

#endif /* RUNTIME_SIM_FIBER_H */
