/* SPDX-License-Identifier: MIT */
/*
 * Function calls on other CPUs (kernel/smp.c).
 *
 * Calls are queued lock-free on the target and announced by one interrupt per non-empty queue.
 * The function runs in hardirq context of the target.
 *
 * Nobody may wait for another CPU while holding a spinlock or with interrupts masked: the target
 * could be spinning on that lock, or waiting for us, and would never answer.  The calls that
 * wait assert both.
 */
#ifndef RUNTIME_IPI_H
#define RUNTIME_IPI_H

#include "runtime/cpu.h"

typedef void (*smp_call_func_t)(void *info);

/* One queued call.  Owned by the sender, lent to the target while @busy is 1. */
struct call_single_data {
	struct llist_node node;
	smp_call_func_t func;
	void *info;
	u32 busy;		/* set by the sender; cleared by the target with release */
	u16 src;		/* CPU to kick when done */
	bool wait;		/* the sender waits for the end of func, not for its start */
} __aligned(32);

/*
 * Runs func(info) on @cpu.  @wait: return when it has finished there.  With @cpu the calling CPU
 * it runs here with interrupts masked.  Context: task or softirq; with @wait interrupts on and no
 * spinlock held.  Returns 0 or -ENXIO when @cpu is not online.
 */
__must_check int smp_call_function_single(unsigned int cpu, smp_call_func_t func, void *info,
					  bool wait);

/* The same on every online CPU of @mask but this one; preemption is disabled by the caller. */
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info,
			    bool wait);

/* On all online CPUs but this one. */
void smp_call_function(smp_call_func_t func, void *info, bool wait);

/* On all online CPUs, this one included (with interrupts masked). */
void on_each_cpu(smp_call_func_t func, void *info, bool wait);

/* Only on the CPUs for which cond(cpu, info) holds when asked. */
void on_each_cpu_cond(bool (*cond)(unsigned int cpu, void *info), smp_call_func_t func,
		      void *info, bool wait);

/*
 * This CPU has left the online mask and executed a membarrier: returns when no sender is still
 * queueing a call for it.  Task context.
 */
void ipi_wait_for_senders(void);

/* Life cycle; host thread.  ipi_boot() returns 0 or -ENOMEM. */
__must_check int ipi_boot(void);
void ipi_shutdown(void);

#endif /* RUNTIME_IPI_H */
