/* SPDX-License-Identifier: MIT */
/*
 * Wait queues.
 *
 * Invariants.
 *   I1  A waiter is on the queue, and counted in @nr, from before its first look at the condition
 *       until after its last.
 *   I2  A waker changes the condition, executes a full barrier, and reads @nr; a waiter raises
 *       @nr, executes a full barrier, and reads the condition.  One of them sees the other.
 */
#include "runtime/wait.h"

struct waiter {
	struct list_head entry;
	struct cpu *cpu;
};

static const struct lock_class wait_class = { .name = "wait_queue", .rank = RANK_RUNTIME };

void init_waitqueue_head(struct wait_queue_head *wq)
{
	spin_lock_init(&wq->lock, &wait_class, NULL);
	INIT_LIST_HEAD(&wq->waiters);
	wq->nr = 0;
}

void wait_event(struct wait_queue_head *wq, bool (*cond)(void *arg), void *arg)
{
	struct waiter w = { .cpu = this_cpu() };
	unsigned long flags;

	might_sleep();
	if (cond(arg))
		return;
	spin_lock_irqsave(&wq->lock, flags);
	list_add_tail(&w.entry, &wq->waiters);
	WRITE_ONCE(wq->nr, wq->nr + 1);
	spin_unlock_irqrestore(&wq->lock, flags);

	smp_mb();				/* I2 */
	cpu_wait_on(cond, arg);

	spin_lock_irqsave(&wq->lock, flags);
	list_del(&w.entry);
	WRITE_ONCE(wq->nr, wq->nr - 1);
	spin_unlock_irqrestore(&wq->lock, flags);
}

static void wake(struct wait_queue_head *wq, bool all)
{
	struct waiter *w;
	unsigned long flags;

	smp_mb();				/* I2 */
	if (READ_ONCE(wq->nr) == 0)
		return;
	spin_lock_irqsave(&wq->lock, flags);
	list_for_each_entry(w, &wq->waiters, entry) {
		cpu_kick(w->cpu);
		if (!all)
			break;
	}
	spin_unlock_irqrestore(&wq->lock, flags);
}

void wake_up(struct wait_queue_head *wq)
{
	wake(wq, false);
}

void wake_up_all(struct wait_queue_head *wq)
{
	wake(wq, true);
}
