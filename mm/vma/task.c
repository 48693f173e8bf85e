/* SPDX-License-Identifier: MIT */
/*
 * Tasks: which address space a CPU has loaded, and the signals of faults.
 *
 * What.  A CPU runs one task at a time, or none; running a task means having its address space
 * loaded.  A CPU without a task, or whose task has given its space up, stays on the last space
 * lazily: nothing is switched until another one is needed, and flushes skip it.
 *
 * Invariants.
 *   I1  A task with an address space is one of its mm_users.
 *   I2  The loaded space of a CPU that runs a task is the task's; a lazy one may be anybody's
 *       and end at any time: its destruction sends the CPU away first.
 *
 * Locking.  None: a task belongs to the CPU that runs it.  Context.  Task.
 * Failure.  NULL, nothing left behind.
 * See also.  mm/mmu/switch.c; tests/unit/test_fork.c; kernel/sched/core.c, fork.c in Linux.
 */
#include "mm/vma/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mm/slab/slab.h"
#include "mm/vma/fork.h"
#include "mm/vma/mm.h"

/* Task context of its CPU. */
DEFINE_PER_CPU(struct user_task *, current_task);

static struct kmem_cache *task_cache;
static int last_pid;			/* atomic */

/* A task of @mm, a reference on which it takes over; NULL: no memory, and the reference is gone. */
static struct user_task *task_new(const char *comm, struct mm_struct *mm)
{
	struct user_task *task;

	if (!mm)
		return NULL;
	task = kmem_cache_zalloc(task_cache, GFP_KERNEL);
	if (!task) {
		mmput(mm);
		return NULL;
	}
	task->pid = fetch_add_relaxed(&last_pid, 1) + 1;
	(void)snprintf(task->comm, sizeof(task->comm), "%s", comm);
	task->mm = mm;							/* I1 */
	return task;
}

struct user_task *task_create(const char *comm)
{
	return task_new(comm, mm_alloc());
}

/* The copy inherits what fork() lets a process inherit here: name and signal handler. */
static struct user_task *inherit(struct user_task *task, const struct user_task *parent)
{
	if (task) {
		task->handler = parent->handler;
		task->handler_arg = parent->handler_arg;
	}
	return task;
}

struct user_task *task_fork(struct user_task *parent)
{
	return inherit(task_new(parent->comm, dup_mm(parent->mm)), parent);
}

struct user_task *task_clone_vm(struct user_task *parent)
{
	mmget(parent->mm);
	return inherit(task_new(parent->comm, parent->mm), parent);
}

void task_exit(struct user_task *task)
{
	exit_mm(task);
	if (current_user_task() == task)
		this_cpu_write(current_task, NULL);
	kmem_cache_free(task_cache, task);
}

void task_switch(struct user_task *task)
{
	this_cpu_write(current_task, task);
	if (task && task->mm)
		switch_mm(&task->mm->context);				/* I2 */
	else
		enter_lazy_tlb();
}

void force_sig_fault(int signo, int code, unsigned long addr)
{
	struct user_task *task = current_user_task();
	struct task_signal sig = { .signo = signo, .code = code, .addr = addr };

	if (!task)
		return;
	task->nr_signals++;
	if (task->handler)
		task->handler(task, &sig);
	else
		task->pending = sig;
}

struct task_signal task_take_signal(struct user_task *task)
{
	struct task_signal sig = task->pending;

	memset(&task->pending, 0, sizeof(task->pending));
	return sig;
}

int task_boot(void)
{
	last_pid = 0;
	task_cache = kmem_cache_create("task_struct", sizeof(struct user_task), 0, 0, NULL);
	return task_cache ? 0 : -ENOMEM;
}

void task_shutdown(void)
{
	kmem_cache_destroy(task_cache);
	task_cache = NULL;
}
