/* SPDX-License-Identifier: MIT */
/*
 * Work that is left to a CPU's task context (include/linux/workqueue.h), once or periodically.
 *
 * A CPU runs what was queued for it while it idles, between two pieces of work, and in
 * cond_resched(): where its task holds nothing.  A CPU whose task never comes to such a place runs
 * none.  A CPU that goes down leaves its queue to another one.
 */
#ifndef RUNTIME_WORKQUEUE_H
#define RUNTIME_WORKQUEUE_H

#include "runtime/cpu.h"

struct work_struct {
	struct llist_node node;		/* on the queue of a CPU */
	u32 busy;			/* atomic: queued, or its function has not returned */
	void (*func)(struct work_struct *work);
};

#define WORK_INIT(fn)	{ .func = (fn) }

/*
 * Queues @work on @cpu, which the caller knows to be online, for one run of its function in task
 * context, interrupts on.  False when it is queued already or still runs; then nothing changes.
 * Any context of a CPU.  Release: what the caller wrote before is visible to the function.
 */
bool schedule_work_on(unsigned int cpu, struct work_struct *work);

/*
 * Returns when @work is neither queued nor running.  Task context of a CPU, no lock held that the
 * function takes; not from a function of a work.
 */
void flush_work(struct work_struct *work);

/* Runs what is queued on this CPU.  Task context, nothing held; does nothing inside a work. */
void workqueue_run(void);

/* True when something is queued on this CPU: one load. */
static inline bool workqueue_pending(const struct cpu *cpu)
{
	return owner_read(cpu->works.first) != NULL;
}

/*
 * A work that the machine's clock queues every @interval_ns.  THREADS: by the host's clock; SIM: by
 * the simulated one, so that a seed repeats it.  A CPU that comes late runs it once, not several
 * times.
 */
struct periodic_work {
	struct work_struct work;
	u64 interval_ns, next_ns;	/* atomic */
	unsigned int cpu;
	int source;			/* of interrupts; runtime/irqgen.h */
	bool active;			/* atomic */
};

/*
 * Starts @periodic on @cpu, first after one interval.  @periodic->work.func is set.  Task context
 * or host thread.  0, or -ENOSPC: too many sources of interrupts.
 */
__must_check int periodic_work_start(struct periodic_work *periodic, unsigned int cpu,
				     u64 interval_ns);
/* Changes the interval; the next run comes one interval from now at the latest.  Task context. */
void periodic_work_set_interval(struct periodic_work *periodic, u64 interval_ns);
/* Returns when its function neither runs nor will run again.  Context as flush_work(). */
void periodic_work_stop(struct periodic_work *periodic);

/*
 * While the host thread looks at an idle machine, nothing may come by time: after a pause no
 * periodic work runs, nor will one until the resume.  Host thread, no work of cpu_run() under way,
 * every CPU online.
 */
void periodic_works_pause(void);
void periodic_works_resume(void);

/* CPU hotplug: the queue of this CPU, taken and put.  Interrupts masked. */
struct llist_node *workqueue_take_all(void);
void workqueue_adopt(struct llist_node *works);

/* Life cycle; host thread. */
__must_check int workqueue_boot(void);
void workqueue_shutdown(void);

#endif /* RUNTIME_WORKQUEUE_H */
