/* SPDX-License-Identifier: MIT */
/*
 * CPU hotplug: taking CPUs down and up while the machine runs (kernel/cpu.c).
 *
 * A CPU goes down by itself, when asked to and at a place where its task holds nothing: between two
 * pieces of work, or in cond_resched().  A task stopped there goes on when its CPU is up again.
 *
 * Two masks.  cpu_active_mask: CPUs that take device interrupts; a CPU leaves it first.
 * cpu_online_mask: CPUs that answer calls; a CPU leaves it last, when its notifiers have drained
 * what it kept.  for_each_online_cpu() sees some CPUs that go and misses some that come, unless
 * the loop runs under cpus_read_lock().
 */
#ifndef RUNTIME_HOTPLUG_H
#define RUNTIME_HOTPLUG_H

#include "runtime/mutex.h"
#include "runtime/rcu.h"
#include "runtime/workqueue.h"

/* The states of a CPU, in the order of its life; written by that CPU. */
enum cpu_state { CPU_ABSENT, CPU_COMING, CPU_ONLINE, CPU_GOING, CPU_DEAD };

/* Readers keep every CPU where it is.  The outermost lock of all (RANK_CPU_HOTPLUG). */
extern struct rw_semaphore cpu_hotplug_lock;
#define cpus_read_lock()	down_read(&cpu_hotplug_lock)
#define cpus_read_unlock()	up_read(&cpu_hotplug_lock)
#define lockdep_assert_cpus_held() lockdep_assert_held(&cpu_hotplug_lock.meta)

/*
 * Takes @cpu down, brings it up; returns when that is done.  Host thread, or task context of
 * another CPU holding neither a spinlock nor cpus_read_lock().  A CPU that works goes down at its
 * next cond_resched().  Returns 0 (also when nothing was to be done), -EINVAL (no such CPU),
 * -EBUSY (the caller's own CPU, or the last one online), -EAGAIN (another request for it is under
 * way, or the caller's CPU was taken down while it waited) or what an online notifier returned;
 * then the CPU is as it was.
 */
__must_check int cpu_down(unsigned int cpu);
__must_check int cpu_up(unsigned int cpu);

/* Number of CPUs that have gone down since boot. */
u64 cpu_hotplug_count(void);

/* Goes down, waits, comes up.  False: the machine stops. */
bool cpu_hotplug_park(void);

/*
 * A place where a task that runs long lets others have their way: takes interrupts, announces an
 * RCU quiescent state, runs the works queued on its CPU (runtime/workqueue.h), and goes down with
 * its CPU when that is asked for.  Task context, nothing held.
 */
static inline void cond_resched(void)
{
	might_sleep();
	sim_point(SIM_RCU, NULL);
	irq_safepoint();
	rcu_quiescent();
	if (unlikely(workqueue_pending(this_cpu())))
		workqueue_run();
	if (unlikely(READ_ONCE(this_cpu()->hp_down)) && !cpu_hotplug_park())
		panic("the machine was stopped while work was under way");
}

/* For cpu.c: the first coming up and the last going down of this CPU. */
void hotplug_boot(void);
void hotplug_shutdown(void);
void cpu_first_up(void);
void cpu_last_down(void);

#endif /* RUNTIME_HOTPLUG_H */
