/* SPDX-License-Identifier: MIT */
/*
 * Batched counters (include/linux/percpu_counter.h): cheap to change, approximate to read.
 *
 * Each CPU gathers changes in a copy of its own and moves them to the common count when they
 * reach the batch.  So with n CPUs, all of which use batch b,
 *
 *	|percpu_counter_read() - the true value| <= n * (b - 1)
 *
 * percpu_counter_sum() is exact but for changes made while it runs.
 */
#ifndef PERCPU_COUNTER_H
#define PERCPU_COUNTER_H

#include "percpu/percpu.h"
#include "runtime/spinlock.h"

struct percpu_counter {
	s64 count;		/* written under lock, read relaxed */
	s32 *counters;		/* per-CPU; that CPU writes, sums read relaxed */
	spinlock_t lock;	/* rank RANK_RUNTIME; any context, irqs masked */
};

/*
 * Host thread or task context.  Returns 0 or -ENOMEM (no per-CPU memory left).
 */
__must_check int percpu_counter_init(struct percpu_counter *fbc, s64 amount);
void percpu_counter_destroy(struct percpu_counter *fbc);

/* The batch of percpu_counter_add(): max(32, 2 * CPUs), as the kernel's. */
s32 percpu_counter_batch(void);

/* Sets the value; nobody may change the counter meanwhile. */
void percpu_counter_set(struct percpu_counter *fbc, s64 amount);

/* The rare half of an add: moves this CPU's @count to the common count. */
void __percpu_counter_fold(struct percpu_counter *fbc, s64 count);

/*
 * Adds @amount; @batch > 0 bounds what this CPU keeps back: less than @batch either way.
 * Any context of a CPU.  No interrupt can come between read and write: there is no safepoint.
 */
static inline void percpu_counter_add_batch(struct percpu_counter *fbc, s64 amount, s32 batch)
{
	s32 *counter = this_cpu_ptr(fbc->counters);
	s64 count = READ_ONCE(*counter) + amount;

	if (unlikely(count >= batch || count <= -batch))
		__percpu_counter_fold(fbc, count);
	else
		WRITE_ONCE(*counter, (s32)count);
}

static inline void percpu_counter_add(struct percpu_counter *fbc, s64 amount)
{
	percpu_counter_add_batch(fbc, amount, percpu_counter_batch());
}

static inline void percpu_counter_inc(struct percpu_counter *fbc)
{
	percpu_counter_add(fbc, 1);
}

static inline void percpu_counter_dec(struct percpu_counter *fbc)
{
	percpu_counter_add(fbc, -1);
}

/* The approximate value; any thread. */
static inline s64 percpu_counter_read(const struct percpu_counter *fbc)
{
	return READ_ONCE(fbc->count);
}

/* The same for what cannot be negative but may look so. */
static inline s64 percpu_counter_read_positive(const struct percpu_counter *fbc)
{
	return max(percpu_counter_read(fbc), (s64)0);
}

/*
 * The value over all CPUs, online or not.  Any context of a CPU; on the host thread the CPUs must
 * be idle, for it cannot lock.
 */
s64 percpu_counter_sum(struct percpu_counter *fbc);

static inline s64 percpu_counter_sum_positive(struct percpu_counter *fbc)
{
	return max(percpu_counter_sum(fbc), (s64)0);
}

/* -1, 0 or 1 as the value is below, at or above @rhs; sums only when the bound leaves doubt. */
int __percpu_counter_compare(struct percpu_counter *fbc, s64 rhs, s32 batch);

static inline int percpu_counter_compare(struct percpu_counter *fbc, s64 rhs)
{
	return __percpu_counter_compare(fbc, rhs, percpu_counter_batch());
}

#endif /* PERCPU_COUNTER_H */
