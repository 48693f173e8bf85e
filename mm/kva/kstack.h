/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks: one or two pages with a guard page below (kernel/fork.c, CONFIG_VMAP_STACK).
 *
 * An overflow that touches the guard page stops the machine with a report; one that stops just
 * short of it is found by the magic word at the stack's end.
 */
#ifndef MM_KVA_KSTACK_H
#define MM_KVA_KSTACK_H

#include "mm/page/page.h"

#define KSTACK_MAX_PAGES	2u
#define STACK_END_MAGIC		0x57AC6E9DUL

struct kstack {
	char *base;			/* lowest address */
	unsigned int nr_pages;
};

/* @nr_pages 1 or 2.  Task context, may sleep.  0 or -ENOMEM. */
int kstack_alloc(struct kstack *stack, unsigned int nr_pages) __must_check;
/* Panics when the stack's end was overwritten. */
void kstack_free(struct kstack *stack);

/* The magic word is gone: the stack was once used up to its end. */
bool kstack_overflowed(const struct kstack *stack);
/* Bytes never used so far, from the end up. */
size_t kstack_unused(const struct kstack *stack);

/* Runs fn(arg) on @stack and comes back.  Task context. */
void kstack_run(const struct kstack *stack, void (*fn)(void *arg), void *arg);

#endif /* MM_KVA_KSTACK_H */
