/* SPDX-License-Identifier: MIT */
/*
 * Tasklets on SOFTIRQ_TASKLET.
 *
 * States.  idle -> scheduled (on one CPU's list) -> running -> idle; scheduled while running: it
 * runs again.
 *
 * Invariants.
 *   I1  TASKLET_SCHED is set from tasklet_schedule() until just before the function is called; who
 *       sets it puts the tasklet on its own CPU's list.  So it is on one list at most.
 *   I2  TASKLET_RUN is set while the function runs.  A CPU that finds it set by another puts the
 *       tasklet back and raises the softirq again.
 *
 * Locking.  None: a list belongs to its CPU, with interrupts masked; the state is atomic.
 * Context.  See the header.  Failure.  None.  See also.  linux: kernel/softirq.c.
 */
#include "runtime/backend.h"
#include "runtime/tasklet.h"

#define TASKLET_SCHED	0x1u
#define TASKLET_RUN	0x2u

/* Newest first: the order among tasklets means nothing. */
static struct tasklet_struct *lists[NR_CPUS];

void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long data), unsigned long data)
{
	*t = (struct tasklet_struct){ .func = func, .data = data };
}

static void put_on_list(struct tasklet_struct *t)
{
	unsigned int cpu = smp_processor_id();
	unsigned long flags;

	local_irq_save(flags);
	t->next = lists[cpu];
	lists[cpu] = t;
	raise_softirq(SOFTIRQ_TASKLET);
	local_irq_restore(flags);
}

void tasklet_schedule(struct tasklet_struct *t)
{
	/* Full order: pairs with the fetch_and() in run_one(). */
	if (!(fetch_or(&t->state, TASKLET_SCHED) & TASKLET_SCHED))	/* I1 */
		put_on_list(t);
}

static void run_one(struct tasklet_struct *t)
{
	if (fetch_or(&t->state, TASKLET_RUN) & TASKLET_RUN) {		/* I2 */
		put_on_list(t);
		return;
	}
	fetch_and(&t->state, ~TASKLET_SCHED);
	t->func(t->data);
	/* Release: what the function did is visible to tasklet_kill(). */
	fetch_and(&t->state, ~TASKLET_RUN);
}

static void run_tasklets(void)
{
	struct tasklet_struct *t;
	unsigned long flags;

	local_irq_save(flags);
	t = tasklet_take_all();
	local_irq_restore(flags);
	while (t) {
		struct tasklet_struct *next = t->next;

		run_one(t);
		t = next;
	}
}

void tasklet_kill(struct tasklet_struct *t)
{
	might_sleep();
	/* Nobody kicks a waiter for a tasklet: its end is at most a safepoint of its CPU away. */
	for (u32 seen; (seen = smp_load_acquire(&t->state)) != 0;) {
		irq_safepoint();
		backend->spin_while(&t->state, seen);
	}
}

struct tasklet_struct *tasklet_take_all(void)
{
	unsigned int cpu = smp_processor_id();
	struct tasklet_struct *list = lists[cpu];

	lists[cpu] = NULL;
	return list;
}

void tasklet_adopt(struct tasklet_struct *list)
{
	while (list) {
		struct tasklet_struct *next = list->next;

		put_on_list(list);
		list = next;
	}
}

void tasklet_boot(void)
{
	open_softirq(SOFTIRQ_TASKLET, "TASKLET", run_tasklets);
	for (unsigned int i = 0; i < NR_CPUS; i++)
		lists[i] = NULL;
}
