/* SPDX-License-Identifier: MIT */
/*
 * Work queues of CPUs, and works that come back periodically.
 *
 * What.  A CPU's queue is a stack that anybody pushes to and the CPU takes as a whole.  Periodic
 * works have a source of interrupts each (runtime/irqgen.c); all of them share one vector, whose
 * handler queues the works that are due.
 *
 * States of a work.  idle -> queued -> running -> idle; busy in the two in the middle.
 *
 * Invariants.
 *   I1  A busy work is on one queue, or its function runs on one CPU.
 *   I2  Who waits in flush_work() has set its bit in @flushers before it looks at busy; who ends a
 *       work clears busy before it looks at @flushers.  Both with a full barrier between, so the
 *       end is seen by one of them, and nobody sleeps through it.
 *   I3  After the end of a work its memory is not touched: it may be gone.
 *
 * Locking.  None; queues are lock-free.
 * Context.  Queueing: any.  Running: task, nothing held.  Failure.  See periodic_work_start().
 * See also.  linux: kernel/workqueue.c, whose workers are threads of their own.
 */
#include "runtime/workqueue.h"

#include <errno.h>

#include "runtime/hotplug.h"
#include "runtime/ipi.h"
#include "runtime/irqgen.h"

/* A device's vector to hotplug: while its CPU is down another one takes the interrupt. */
#define IRQ_PERIODIC	(NR_VECTORS - 1)
#define MAX_PERIODIC	4

static struct cpumask flushers;		/* atomic: CPUs that wait in flush_work() */
static struct periodic_work *periodics[MAX_PERIODIC];	/* atomic pointers */
static bool paused;			/* atomic: the host thread writes */

/* ---- queues ---- */

bool schedule_work_on(unsigned int cpu, struct work_struct *work)
{
	u32 idle = 0;

	if (!try_cmpxchg_acquire(&work->busy, &idle, 1))	/* I1 */
		return false;
	/* Release in llist_add(): the work's data. */
	(void)llist_add(&work->node, &cpus[cpu].works);
	cpu_kick(&cpus[cpu]);
	return true;
}

static void end_work(struct work_struct *work)
{
	unsigned int cpu;

	/* I2: full order, pairs with flush_work(); what the function did is visible there. */
	(void)xchg(&work->busy, 0);
	for_each_cpu(cpu, &flushers)
		cpu_kick(&cpus[cpu]);
}

void workqueue_run(void)
{
	struct cpu *cpu = this_cpu();
	struct llist_node *node;

	might_sleep();
	if (cpu->in_work)
		return;
	cpu->in_work = true;
	for (node = llist_reverse_order(llist_del_all(&cpu->works)); node;) {
		struct work_struct *work = container_of(node, struct work_struct, node);

		node = node->next;
		work->func(work);
		end_work(work);						/* I3 */
	}
	cpu->in_work = false;
}

static bool is_idle(void *arg)
{
	const struct work_struct *work = arg;

	/* Acquire: pairs with the exchange in end_work(). */
	return !smp_load_acquire(&work->busy);
}

static bool idle_or_mine(void *arg)
{
	return is_idle(arg) || workqueue_pending(this_cpu());
}

void flush_work(struct work_struct *work)
{
	might_sleep();
	BUG_ON(this_cpu()->in_work);
	cpumask_set_cpu(smp_processor_id(), &flushers);			/* I2 */
	while (!is_idle(work)) {
		/* It may be queued here. */
		workqueue_run();
		cpu_wait_on(idle_or_mine, work);
	}
	cpumask_clear_cpu(smp_processor_id(), &flushers);
}

struct llist_node *workqueue_take_all(void)
{
	return llist_reverse_order(llist_del_all(&this_cpu()->works));
}

void workqueue_adopt(struct llist_node *works)
{
	while (works) {
		struct llist_node *next = works->next;

		(void)llist_add(works, &this_cpu()->works);
		works = next;
	}
}

/* ---- periodic works ---- */

static void queue_due_works(unsigned int vec, void *arg)
{
	u64 now = clock_ns();

	(void)vec;
	(void)arg;
	if (READ_ONCE(paused))
		return;
	for (unsigned int i = 0; i < MAX_PERIODIC; i++) {
		/* Acquire: pairs with the release in periodic_work_start(). */
		struct periodic_work *p = smp_load_acquire(&periodics[i]);

		if (!p || !READ_ONCE(p->active) || now < READ_ONCE(p->next_ns))
			continue;
		WRITE_ONCE(p->next_ns, now + READ_ONCE(p->interval_ns));
		(void)schedule_work_on(smp_processor_id(), &p->work);
	}
}

/* Interrupts per second for an interval; at 1 the handler lets some pass. */
static unsigned int rate_of(u64 interval_ns)
{
	return (unsigned int)clamp(NSEC_PER_SEC / interval_ns, (u64)1, (u64)MAX_HZ);
}

/* A place in the table, which several may look for at a time; -1: none is free. */
static int enlist(struct periodic_work *periodic)
{
	for (int i = 0; i < MAX_PERIODIC; i++) {
		struct periodic_work *none = NULL;

		/* Release: the work's fields. */
		if (try_cmpxchg_release(&periodics[i], &none, periodic))
			return i;
	}
	return -1;
}

static void delist(const struct periodic_work *periodic)
{
	for (int i = 0; i < MAX_PERIODIC; i++)
		if (READ_ONCE(periodics[i]) == periodic)
			WRITE_ONCE(periodics[i], NULL);
}

static int add_source(const struct periodic_work *periodic)
{
	const struct irq_source source = {
		.vec = IRQ_PERIODIC, .rate = rate_of(READ_ONCE(periodic->interval_ns)),
		.spread = IRQ_TO_ONE, .cpu = periodic->cpu,
	};

	return irqgen_add(&source);
}

int periodic_work_start(struct periodic_work *periodic, unsigned int cpu, u64 interval_ns)
{
	periodic->cpu = cpu;
	WRITE_ONCE(periodic->interval_ns, interval_ns);
	WRITE_ONCE(periodic->next_ns, clock_ns() + interval_ns);
	WRITE_ONCE(periodic->active, true);
	if (enlist(periodic) < 0)
		return -ENOSPC;
	periodic->source = add_source(periodic);
	if (periodic->source >= 0)
		return 0;
	delist(periodic);
	return periodic->source;
}

void periodic_work_set_interval(struct periodic_work *periodic, u64 interval_ns)
{
	u64 before = READ_ONCE(periodic->interval_ns);
	int source;

	WRITE_ONCE(periodic->interval_ns, interval_ns);
	WRITE_ONCE(periodic->next_ns,
		   min(READ_ONCE(periodic->next_ns), clock_ns() + interval_ns));
	if (rate_of(before) == rate_of(interval_ns))
		return;
	source = add_source(periodic);
	/* Without a place for another source the old one goes on at its own rate. */
	if (source < 0)
		return;
	irqgen_remove(periodic->source);
	periodic->source = source;
}

static void nothing(void *arg)
{
	(void)arg;
}

void periodic_work_stop(struct periodic_work *periodic)
{
	if (!READ_ONCE(periodic->active))
		return;
	irqgen_remove(periodic->source);
	WRITE_ONCE(periodic->active, false);
	delist(periodic);
	/* A handler that saw it before has ended when its CPU has answered a call. */
	on_each_cpu(nothing, NULL, true);
	flush_work(&periodic->work);
}

/* The end of this work orders what the works did before the host thread goes on. */
static void finish_queue(void *arg)
{
	(void)arg;
	irq_safepoint();
	workqueue_run();
}

void periodic_works_pause(void)
{
	WRITE_ONCE(paused, true);
	cpu_run_all(finish_queue, NULL);
}

void periodic_works_resume(void)
{
	WRITE_ONCE(paused, false);
}

int workqueue_boot(void)
{
	WRITE_ONCE(paused, false);
	cpumask_clear(&flushers);
	for (int i = 0; i < MAX_PERIODIC; i++)
		periodics[i] = NULL;
	return irq_vector_register(IRQ_PERIODIC, "periodic work", queue_due_works, NULL);
}

void workqueue_shutdown(void)
{
	irq_vector_unregister(IRQ_PERIODIC);
}
