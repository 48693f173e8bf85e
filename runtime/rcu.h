/* SPDX-License-Identifier: MIT */
/*
 * RCU with the kernel's names over liburcu's QSBR flavour (include/linux/rcupdate.h).
 *
 * Readers cost nothing: a CPU is in a read-side section from one quiescent state to the next, and
 * quiescent states are announced only where no section can be open: between two pieces of work,
 * while idle, and while waiting for other CPUs with no section open.
 */
#ifndef RUNTIME_RCU_H
#define RUNTIME_RCU_H

#include "runtime/preempt.h"

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

/* Any context of a CPU.  Sections nest; they must not sleep or wait for other CPUs. */
static inline void rcu_read_lock(void)
{
	preempt_disable();
	sim_point(SIM_RCU, NULL);
}

static inline void rcu_read_unlock(void)
{
	preempt_enable();
}

/* Release: what @v points to is initialised before it can be found. */
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), (v))
/* Acquire: pairs with rcu_assign_pointer(). */
#define rcu_dereference(p)		smp_load_acquire(&(p))

/*
 * Returns when every read-side section that was open at the call has ended.  Task context; may
 * sleep; answers interrupts meanwhile.
 */
void synchronize_rcu(void);

/*
 * Calls func(head) in softirq context of this CPU after a grace period.  Any context.  @head stays
 * the callee's until then.
 */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

/* Returns when every callback queued on any CPU before the call has run.  Task context. */
void rcu_barrier(void);

/* A CPU's first and last. */
void rcu_cpu_start(void);
void rcu_cpu_stop(void);

/*
 * CPU hotplug.  take: this CPU's callbacks in order; adopt: another CPU queues them again; both
 * with interrupts masked.  finish: waits for them, where nobody can adopt them; task context.
 */
struct rcu_head *rcu_take_callbacks(void);
void rcu_adopt_callbacks(struct rcu_head *list);
void rcu_finish_callbacks(void);

/* The CPU's loop announces quiescent states through these. */
void rcu_quiescent(void);
void rcu_idle_enter(void);
void rcu_idle_exit(void);

__must_check int rcu_boot(void);
void rcu_shutdown(void);

#endif /* RUNTIME_RCU_H */
