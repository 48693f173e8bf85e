/* SPDX-License-Identifier: MIT */
/*
 * Tasks with an address space of their own: which one runs on a CPU, and the signals it is sent
 * (include/linux/sched.h, signal.h; a small part).
 *
 * A task is data: the CPU that has switched to it acts for it.  Switching is a function call.
 */
#ifndef MM_VMA_TASK_H
#define MM_VMA_TASK_H

#include <signal.h>

#include "mm/vma/mm_types.h"
#include "percpu/percpu.h"

#define TASK_COMM_LEN	16

/* A signal made by a fault. */
struct task_signal {
	int signo;			/* SIGSEGV, SIGBUS, SIGKILL; 0: none */
	int code;			/* SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR */
	unsigned long addr;
};

/* Fields belong to the CPU that runs the task; (C) constant after creation. */
struct user_task {
	int pid;			/* (C) */
	char comm[TASK_COMM_LEN];
	struct mm_struct *mm;		/* a user of it; NULL after exit_mm() */
	struct task_signal pending;	/* the last one, until task_take_signal() */
	u64 nr_signals;
	u64 min_flt, maj_flt;
	/*
	 * Called in task context, no locks, when a signal arrives; NULL: it stays pending and the
	 * access returns -EFAULT.  The access returns -EFAULT in any case.
	 */
	void (*handler)(struct user_task *task, const struct task_signal *sig);
	void *handler_arg;
};

/* Task of its CPU; NULL: the CPU runs no user task.  Task context of that CPU. */
DECLARE_PER_CPU(struct user_task *, current_task);

static inline struct user_task *current_user_task(void)
{
	return this_cpu_read(current_task);
}

/* A task that runs nowhere, with an empty address space; NULL: no memory.  Task context. */
struct user_task *task_create(const char *comm) __must_check;
/* A copy with its own copied address space (fork); it runs nowhere yet.  NULL: no memory. */
struct user_task *task_fork(struct user_task *parent) __must_check;
/* A task that shares its address space (a thread). */
struct user_task *task_clone_vm(struct user_task *parent) __must_check;
/* Gives up the address space and the task, which runs on this CPU or nowhere. */
void task_exit(struct user_task *task);

/*
 * From now on this CPU runs @task: its address space is loaded.  NULL: none, the CPU goes lazy.  A
 * task runs on one CPU at a time.
 */
void task_switch(struct user_task *task);

/* Sends the task of this CPU a signal; no locks. */
void force_sig_fault(int signo, int code, unsigned long addr);
/* The pending signal, which is then none. */
struct task_signal task_take_signal(struct user_task *task);

int task_boot(void) __must_check;
void task_shutdown(void);

#endif /* MM_VMA_TASK_H */
