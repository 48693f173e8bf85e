/* SPDX-License-Identifier: MIT */
/* Whole address spaces: copying, replacing, ending (kernel/fork.c, fs/exec.c, mm/mmap.c). */
#ifndef MM_VMA_FORK_H
#define MM_VMA_FORK_H

#include "mm/vma/mmap.h"

/*
 * A copy of @oldmm: private pages are shared copy-on-write, shared ones shared, VM_DONTCOPY areas
 * left out.  Takes both mmap_locks (the parent's first) and flushes the parent before it gives its
 * lock up.  NULL: no memory, and the parent is as it was, but for entries made read-only.  Task
 * context, no locks.
 */
struct mm_struct *dup_mm(struct mm_struct *oldmm) __must_check;

/*
 * A new address space with the layout of @prog for @task, whose old one is dropped at the point of
 * no return.  0, or -ENOMEM with the old one untouched.  The task runs on this CPU.
 */
int exec_mm(struct user_task *task, const struct program *prog) __must_check;
/* The task gives its address space up: the CPU goes lazy, the user count drops. */
void exit_mm(struct user_task *task);

/*
 * Takes down all areas, pages and tables of @mm, which has no users any more.  Called by mmput()
 * only.  Task context, no locks.
 */
void exit_mmap(struct mm_struct *mm);

#endif /* MM_VMA_FORK_H */
