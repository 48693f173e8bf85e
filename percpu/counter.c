/* SPDX-License-Identifier: MIT */
/*
 * Batched counters: folding, summing, comparing.
 *
 * What.  A change goes to this CPU's copy; a copy that reaches the batch is folded into count.
 * States.  None.  Invariants.
 *   I1  Outside a fold, true value == count + sum of the copies.
 *   I2  |copy| < batch of the last add on that CPU.
 * Locking.  lock makes a fold (count up, copy to 0) one step for sums; without it a sum could see
 * the amount twice or not at all.  Adds below the batch do not lock.
 * Context.  See the header.  Failure.  Init only.  See also.  linux: lib/percpu_counter.c.
 */
#include "percpu/counter.h"

#include <errno.h>

static const struct lock_class counter_lock_class = {
	.name = "percpu_counter", .rank = RANK_RUNTIME,
};

int percpu_counter_init(struct percpu_counter *fbc, s64 amount)
{
	fbc->counters = alloc_percpu(s32);
	if (!fbc->counters)
		return -ENOMEM;
	fbc->count = amount;
	spin_lock_init(&fbc->lock, &counter_lock_class, NULL);
	return 0;
}

void percpu_counter_destroy(struct percpu_counter *fbc)
{
	if (!fbc->counters)
		return;
	spin_lock_destroy(&fbc->lock);
	free_percpu(fbc->counters);
	fbc->counters = NULL;
}

s32 percpu_counter_batch(void)
{
	return max(32, (s32)(2 * nr_cpu_ids));
}

void percpu_counter_set(struct percpu_counter *fbc, s64 amount)
{
	unsigned int cpu;

	/* Remote writes: the caller promised that no CPU changes the counter now. */
	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(fbc->counters, cpu), 0);
	WRITE_ONCE(fbc->count, amount);
}

void __percpu_counter_fold(struct percpu_counter *fbc, s64 count)
{
	unsigned long flags;

	spin_lock_irqsave(&fbc->lock, flags);
	WRITE_ONCE(fbc->count, fbc->count + count);
	WRITE_ONCE(*this_cpu_ptr(fbc->counters), 0);
	spin_unlock_irqrestore(&fbc->lock, flags);
}

/* Count and copies; under lock, or with the CPUs idle. */
static s64 counter_total(const struct percpu_counter *fbc)
{
	s64 total = READ_ONCE(fbc->count);
	unsigned int cpu;

	/* Remote reads: a copy changes under us by single adds, which a sum may miss. */
	for_each_possible_cpu(cpu)
		total += READ_ONCE(*per_cpu_ptr(fbc->counters, cpu));
	return total;
}

s64 percpu_counter_sum(struct percpu_counter *fbc)
{
	unsigned long flags;
	s64 total;

	if (!this_cpu())
		return counter_total(fbc);
	spin_lock_irqsave(&fbc->lock, flags);
	total = counter_total(fbc);
	spin_unlock_irqrestore(&fbc->lock, flags);
	return total;
}

int __percpu_counter_compare(struct percpu_counter *fbc, s64 rhs, s32 batch)
{
	s64 count = percpu_counter_read(fbc);
	s64 error = (s64)batch * nr_cpu_ids;

	if (count - rhs > error)
		return 1;
	if (rhs - count > error)
		return -1;
	count = percpu_counter_sum(fbc);
	return (count > rhs) - (count < rhs);
}
