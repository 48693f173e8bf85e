/* SPDX-License-Identifier: MIT */
/*
 * Wait queues (include/linux/wait.h): CPUs waiting for a condition that others make true.
 *
 * A waiter goes on answering interrupts, so the one it waits for may in turn wait for an IPI.
 */
#ifndef RUNTIME_WAIT_H
#define RUNTIME_WAIT_H

#include "runtime/lib/list.h"
#include "runtime/spinlock.h"

struct wait_queue_head {
	spinlock_t lock;		/* protects @waiters; rank RANK_RUNTIME; any context */
	struct list_head waiters;
	u32 nr;				/* length of @waiters; read without the lock */
};

void init_waitqueue_head(struct wait_queue_head *wq);

/* Waits until cond(arg); task context, no spinlock held.  cond() may take what it waits for. */
void wait_event(struct wait_queue_head *wq, bool (*cond)(void *arg), void *arg);

/*
 * Makes the first waiter, or all, look at its condition again.  Any context.  The caller has made
 * the condition true before; a full barrier orders that before the look at the queue.
 */
void wake_up(struct wait_queue_head *wq);
void wake_up_all(struct wait_queue_head *wq);

#endif /* RUNTIME_WAIT_H */
