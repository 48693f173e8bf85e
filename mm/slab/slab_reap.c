/* SPDX-License-Identifier: MIT */
/*
 * The housekeeping of the per-CPU layer: ends each cache's working-set interval in time.
 *
 * What.  A periodic work of the boot CPU.  It comes as often as the shortest reap_interval_ms of
 * any cache says, and updates the caches whose own interval is over: arrays that two intervals did
 * not need are freed, magazines whose depot was contended grow (objcache_update_depots()).
 *
 * Invariants.
 *   I1  Between two updates of a cache at least its reap_interval_ms passes.
 *   I2  After slab_reap_stop() no pass runs, and none will.
 *
 * Locking.  slab_mutex for a pass.  Context.  Task; a pass waits for other CPUs.
 * Failure.  No source of interrupts left: nothing is reaped, slab_boot() goes on with a warning.
 * See also.  illumos: kmem_reap() and kmem_update(); linux: cache_reap() of mm/slab.c up to 6.7.
 */
#include "mm/slab/slab_impl.h"
#include "runtime/ipi.h"
#include "runtime/workqueue.h"

static void reap_pass(struct work_struct *work);

static struct periodic_work reaper = { .work = WORK_INIT(reap_pass) };
static bool running;			/* (slab_mutex) */
static struct slab_reap_stats stats;	/* (slab_mutex); reports read */

static u64 interval_ns(const struct kmem_cache *s)
{
	return s->oc.tun.reap_interval_ms * NSEC_PER_MSEC;
}

/*
 * On every CPU, in an IPI handler.  The list stands still: who asked holds slab_mutex and waits.
 * One call for all caches: a call waits for every CPU, and some have to be run first.
 */
static void update_this_cpu(void *arg)
{
	struct kmem_cache *s;

	(void)arg;
	list_for_each_entry(s, &slab_caches, list)
		if (s->due && s->oc.stash_max)
			objcache_update_this_cpu(&s->oc);
}

unsigned int slab_update_due(void)
{
	unsigned int freed = 0;
	struct kmem_cache *s;

	lockdep_assert_held(&slab_mutex.meta);
	on_each_cpu(update_this_cpu, NULL, true);
	list_for_each_entry(s, &slab_caches, list)
		if (s->due) {
			s->due = false;
			freed += objcache_update_depots(&s->oc);
		}
	return freed;
}

static void reap_pass(struct work_struct *work)
{
	struct kmem_cache *s;
	u64 now;
	u32 nr = 0;

	(void)work;
	mutex_lock(&slab_mutex);
	now = clock_ns();
	WRITE_ONCE(stats.passes, stats.passes + 1);
	list_for_each_entry(s, &slab_caches, list) {
		if (s->oc.kind == OBJCACHE_KIND_NONE || now - s->updated_ns < interval_ns(s))
			continue;						/* I1 */
		s->updated_ns = now;
		s->due = true;
		nr++;
	}
	if (nr)
		WRITE_ONCE(stats.arrays, stats.arrays + slab_update_due());
	WRITE_ONCE(stats.updates, stats.updates + nr);
	mutex_unlock(&slab_mutex);
}

/* The time between two passes. */
static u64 shortest_interval(void)
{
	u64 shortest = slab_default_tunables()->reap_interval_ms * NSEC_PER_MSEC;
	struct kmem_cache *s;

	list_for_each_entry(s, &slab_caches, list)
		if (s->oc.kind != OBJCACHE_KIND_NONE)
			shortest = min(shortest, interval_ns(s));
	return shortest;
}

void slab_reap_start(void)
{
	stats = (struct slab_reap_stats) { .passes = 0 };
	mutex_lock(&slab_mutex);
	running = periodic_work_start(&reaper, smp_processor_id(), shortest_interval()) == 0;
	mutex_unlock(&slab_mutex);
	WARN_ON_ONCE(!running);
}

void slab_reap_retime(void)
{
	lockdep_assert_held(&slab_mutex.meta);
	if (running)
		periodic_work_set_interval(&reaper, shortest_interval());
}

void slab_reap_stop(void)
{
	bool was;

	mutex_lock(&slab_mutex);
	was = running;
	running = false;
	mutex_unlock(&slab_mutex);
	/* Without the mutex: a pass that has begun needs it. */
	if (was)
		periodic_work_stop(&reaper);
}

struct slab_reap_stats slab_reap_stats(void)
{
	return (struct slab_reap_stats) {
		.passes = READ_ONCE(stats.passes), .updates = READ_ONCE(stats.updates),
		.arrays = READ_ONCE(stats.arrays),
	};
}
