/* SPDX-License-Identifier: MIT */
/*
 * Page lists with owners, remote drainers, decay and changing tunables at the same time.
 *
 * The theorem: whatever runs together, a block is in one place only, and none is lost.  Every
 * block carries a place that each move checks and changes; the moves are plain stores, so that
 * ThreadSanitizer sees a block that changes hands without the lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "percpu/percpu.h"

#define CPUS		4
#define NR_BLOCKS	8192
#define HELD_MAX	1000
#ifdef KMEMLAB_TSAN
#define OPS		20000
#else
#define OPS		300000
#endif

enum place { IN_ZONE, ON_LIST, WITH_CPU };

struct block {
	struct list_head lru;
	enum place place;
};

static const struct lock_class zone_class = { .name = "zone", .rank = RANK_ZONE };
static const struct lock_class pcp_class = { .name = "pcp", .rank = RANK_PCP };

static struct {
	spinlock_t lock;
	struct list_head free;		/* order 0 only; under lock */
	unsigned int nr_free;		/* under lock */
	u32 hints;			/* atomic */
	struct block block[NR_BLOCKS];
} zone;

static struct pagelist_tunables tun;
static struct pagelist *pageset;	/* per-CPU */

static void move(struct list_head *entry, enum place from, enum place to)
{
	struct block *b = list_entry(entry, struct block, lru);

	BUG_ON(b->place != from);
	b->place = to;
}

static unsigned int zone_refill(void *owner, unsigned int order, unsigned int migratetype,
				unsigned int nr_blocks, struct list_head *list)
{
	unsigned long flags;
	unsigned int got = 0;

	(void)owner;
	(void)migratetype;
	BUG_ON(order != 0);
	spin_lock_irqsave(&zone.lock, flags);
	while (got < nr_blocks && zone.nr_free) {
		struct list_head *entry = zone.free.next;

		list_del(entry);
		move(entry, IN_ZONE, ON_LIST);
		list_add_tail(entry, list);
		zone.nr_free--;
		got++;
	}
	spin_unlock_irqrestore(&zone.lock, flags);
	return got;
}

static void zone_spill(void *owner, struct pagelist *pl, struct pagelist_spill *it)
{
	struct list_head *entry;
	unsigned int order, index;
	unsigned long flags;

	(void)owner;
	(void)pl;
	spin_lock_irqsave(&zone.lock, flags);
	while ((entry = pagelist_spill_next(it, &order, &index))) {
		move(entry, ON_LIST, IN_ZONE);
		list_add(entry, &zone.free);
		zone.nr_free++;
	}
	spin_unlock_irqrestore(&zone.lock, flags);
}

static void zone_clear_below_high(void *owner)
{
	(void)owner;
	fetch_and(&zone.hints, ~PAGELIST_BELOW_HIGH);
}

static const struct pagelist_ops ops = {
	.refill = zone_refill, .spill = zone_spill, .clear_below_high = zone_clear_below_high,
};

static struct list_head *owner_alloc(struct pagelist *pl)
{
	struct list_head *entry = NULL;

	preempt_disable();
	if (owner_trylock(&pl->lock)) {
		entry = pagelist_alloc(pl, 0, PAGELIST_MOVABLE);
		if (entry)
			move(entry, ON_LIST, WITH_CPU);
		owner_unlock(&pl->lock);
	}
	preempt_enable();
	return entry;
}

static bool owner_free(struct pagelist *pl, struct list_head *entry)
{
	struct pagelist_rest rest;
	bool done = false;

	preempt_disable();
	if (owner_trylock(&pl->lock)) {
		move(entry, WITH_CPU, ON_LIST);
		rest = pagelist_free(pl, 0, PAGELIST_MOVABLE, entry);
		owner_unlock(&pl->lock);
		if (rest.pages)
			pagelist_spill_rest(pl, rest);
		done = true;
	}
	preempt_enable();
	return done;
}

static void disturb(struct rand_state *rng, struct pagelist *pl)
{
	struct pagelist *other = per_cpu_ptr(pageset, rand_below(rng, CPUS));
	int high_min = 100 + (int)rand_below(rng, 300);

	switch (rand_below(rng, 5)) {
	case 0:
		fetch_or(&zone.hints, 1u << rand_below(rng, 2));
		break;
	case 1:
		fetch_and(&zone.hints, ~PAGELIST_HINTS);
		break;
	case 2:
		/* One window at a time is written by two CPUs: any mix must be harmless. */
		pagelist_update_tunables(other, high_min, high_min + 500,
					 1 + (int)rand_below(rng, 63));
		break;
	case 3:
		preempt_disable();
		pagelist_decay(pl);
		preempt_enable();
		break;
	default:
		pagelist_drain_remote(other, rand_below(rng, 2) ? UINT32_MAX : 50);
	}
}

/* Phases of mostly allocs and mostly frees; everything goes back at the end. */
static void run_cpu(void *arg)
{
	struct list_head *held[HELD_MAX];
	struct pagelist *pl = this_cpu_ptr(pageset);
	unsigned int nr_held = 0;
	struct rand_state rng;

	rand_init(&rng, *(const u64 *)arg, smp_processor_id());
	for (int i = 0; i < OPS; i++) {
		u32 allocs = i / 2000 % 2 ? 12 : 4;

		if (rand_one_in(&rng, 500))
			disturb(&rng, pl);
		if (rand_below(&rng, 16) < allocs && nr_held < HELD_MAX) {
			struct list_head *entry = owner_alloc(pl);

			if (entry)
				held[nr_held++] = entry;
		} else if (nr_held && owner_free(pl, held[nr_held - 1])) {
			nr_held--;
		}
		irq_safepoint();
	}
	while (nr_held)
		if (owner_free(pl, held[nr_held - 1]))
			nr_held--;
}

static void run(enum pagelist_policy policy, u64 seed)
{
	struct pagelist_setup setup = {
		.ops = &ops, .hints = &zone.hints, .tun = &tun, .lock_class = &pcp_class,
	};
	struct pagelist_stats stats = { 0 };
	unsigned int cpu, total;

	print_message("policy %s seed %llu\n", pagelist_policy_name(policy),
		      (unsigned long long)seed);
	pagelist_tunables_preset(&tun, policy);
	for_each_possible_cpu(cpu) {
		pagelist_init(per_cpu_ptr(pageset, cpu), &setup);
		pagelist_update_tunables(per_cpu_ptr(pageset, cpu), 200, 1000, 31);
	}
	cpu_run_all(run_cpu, &seed);

	total = zone.nr_free;
	for_each_possible_cpu(cpu) {
		struct pagelist *pl = per_cpu_ptr(pageset, cpu);

		assert_true(pagelist_is_valid(pl));
		total += (unsigned int)pl->count;
		pagelist_add_stats(pl, &stats);
	}
	assert_int_equal(total, NR_BLOCKS);
	/* I4: in by free and refill, out by alloc and spill. */
	for (int i = 0; i < NR_PAGELIST_SPILL_REASONS; i++)
		stats.frees -= stats.spill_pages[i];
	assert_int_equal(stats.frees + stats.refill_pages -
			 (stats.allocs - stats.refill_failed), NR_BLOCKS - zone.nr_free);
	assert_true(stats.spills[PAGELIST_SPILL_REMOTE] > 0);
}

static void drain_all(void *arg)
{
	unsigned int cpu;

	(void)arg;
	for_each_possible_cpu(cpu) {
		pagelist_drain_cpu(per_cpu_ptr(pageset, cpu));
		pagelist_destroy(per_cpu_ptr(pageset, cpu));
	}
}

static void test_policies(void **state)
{
	enum pagelist_policy policy;

	(void)state;
	for (policy = PAGELIST_FIXED; policy < NR_PAGELIST_POLICIES; policy++) {
		run(policy, policy);
		cpu_run(0, drain_all, NULL);
		assert_int_equal(zone.nr_free, NR_BLOCKS);
	}
}

static int setup_machine(void **state)
{
	struct machine_options opt = { .nr_cpus = CPUS, .nr_nodes = 1, .no_pin = true };

	(void)state;
	if (machine_boot(&opt) || percpu_boot(1 << 14))
		return -1;
	pageset = alloc_percpu(struct pagelist);
	spin_lock_init(&zone.lock, &zone_class, NULL);
	INIT_LIST_HEAD(&zone.free);
	for (unsigned int i = 0; i < NR_BLOCKS; i++)
		list_add_tail(&zone.block[i].lru, &zone.free);
	zone.nr_free = NR_BLOCKS;
	return machine_start_cpus();
}

static int teardown_machine(void **state)
{
	(void)state;
	machine_shutdown();
	percpu_shutdown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, setup_machine, teardown_machine);
}
