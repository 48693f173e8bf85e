/* SPDX-License-Identifier: MIT */
/* Measures what the recorder costs: uncontended pairs with recording as configured and without. */
#include "runtime/spinlock.h"

#define COST_PAIRS	100000
#define COST_ROUNDS	5

static const struct lock_class cost_class = { .name = "lock_stat self-test" };

static double pair_ns(spinlock_t *lock)
{
	u64 best = ~0ULL;

	for (int round = 0; round < COST_ROUNDS; round++) {
		u64 start = clock_ns();

		for (int i = 0; i < COST_PAIRS; i++) {
			spin_lock(lock);
			spin_unlock(lock);
		}
		best = min(best, clock_ns() - start);
	}
	return (double)best / COST_PAIRS;
}

struct lockstat_cost lockstat_measure_cost(void)
{
	struct cpu *cpu = this_cpu();
	struct lockstat_cpu *recorder = cpu->lockstat;
	struct lockstat_cost cost;
	spinlock_t lock;

	spin_lock_init(&lock, &cost_class, NULL);
	cpu->lockstat = NULL;
	cost.without_ns = pair_ns(&lock);
	cpu->lockstat = recorder;
	cost.with_ns = pair_ns(&lock);
	if (recorder)
		lockstat_forget(recorder, lock.meta.class);
	spin_lock_destroy(&lock);
	return cost;
}
