/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU page lists: refill and spill against the buddy, drains, sizes, CPU hot-plug.
 *
 * What.  percpu/pagelist.c decides how many blocks move and when; this file moves them, all of a
 * transfer under one hold of zone->lock, and keeps the sizes in step with the zone and the CPUs.
 *
 * States of a block here.  PG_pcp while listed.  The refill sets it as it takes the block out of
 * the buddy; the spill clears it as it hands the block back.
 *
 * Invariants.
 *   I1  A block is listed on a CPU <=> its head is PG_pcp, outside of the critical sections.
 *   I2  Listed pages are not free pages: NR_FREE_PAGES falls with the refill and rises with the
 *       spill, in the same hold that changes the free lists.
 *   I3  A block goes back to the list of its pageblock's type as of now, not as of when it was
 *       listed: the type may have changed in between.
 *   I4  The lists of an offline CPU are empty.
 *
 * Locking.  pl->lock, then zone->lock with irqs masked.  Interrupts stay enabled under pl->lock:
 * an interrupt that finds it taken goes to the buddy.  Drains of all CPUs are serialised by
 * drain_mutex, which sleeps and is therefore taken outside both.
 * Context.  Allocation and free: any.  Drains: task.  Failure.  NULL, false: go to the buddy.
 *
 * See also.  tests/unit/test_page_alloc.c, tests/mt/test_pages_mt.c; percpu/pagelist.c.
 */
#include "mm/page/pcp.h"

#include <errno.h>
#include <limits.h>

#include "mm/page/buddy.h"
#include "mm/page/page_check.h"
#include "mm/page/trace_kmem.h"
#include "mm/page/watermark.h"
#include "runtime/mutex.h"
#include "runtime/trace.h"

_Static_assert(PAGELIST_PCPTYPES == MIGRATE_PCPTYPES, "the engine's types are ours");
_Static_assert(PAGELIST_MOVABLE == MIGRATE_MOVABLE, "the engine's types are ours");
_Static_assert(PAGELIST_LOW_ORDER_MAX == PAGE_ALLOC_COSTLY_ORDER, "the engine's orders are ours");
_Static_assert(PAGELIST_HUGE_ORDER == HPAGE_PMD_ORDER, "the engine's orders are ours");
_Static_assert(PAGELIST_BELOW_HIGH == ZONE_BELOW_HIGH, "zone->flags are the engine's hints");
_Static_assert(PAGELIST_RECLAIM_ACTIVE == ZONE_RECLAIM_ACTIVE, "zone->flags are the hints");

/* The smallest fraction that vm.percpu_pagelist_high_fraction may ask for (1/8 of the zone). */
#define MIN_HIGH_FRACTION	8

static const struct lock_class pcp_lock_class = { .name = "pcp->lock", .rank = RANK_PCP };
static const struct lock_class drain_class = { .name = "pcp_drain_mutex", .rank = RANK_PCP_DRAIN };

static struct mutex drain_mutex;	/* one drain of all CPUs at a time */
static struct pagelist_tunables tunables[MAX_NR_ZONES_TOTAL];	/* by zone->id */
static unsigned int high_fraction;
static unsigned int cache_share;	/* pages */

/* ---- the engine's upcalls: pl->lock held ---- */

static unsigned int pcp_refill(void *owner, unsigned int order, unsigned int mt,
			       unsigned int nr_blocks, struct list_head *list)
{
	struct zone_pcp *pcp = owner;
	struct zone *zone = pcp->zone;
	struct rmqueue rq = { .order = order, .mt = mt, .alloc_flags = pcp->alloc_flags };
	u64 start = trace_begin();
	unsigned long flags;
	unsigned int got;

	spin_lock_irqsave(&zone->lock, flags);
	got = __rmqueue_bulk(zone, &rq, nr_blocks, list);
	rmqueue_account(zone, &rq);
	spin_unlock_irqrestore(&zone->lock, flags);
	count_vm_event(PCP_REFILL);
	count_vm_events(PCP_REFILL_PAGES, (u64)got << order);
	trace_end(start, TRACE_PCP_REFILL, zone->id, got << order, 0);
	return got;
}

static void pcp_spill(void *owner, struct pagelist *pl, struct pagelist_spill *it)
{
	struct zone *zone = ((struct zone_pcp *)owner)->zone;
	const struct kmem_tracer *tracer = kmem_tracing();
	unsigned int order, index;
	struct list_head *entry;
	u64 all = 0, start = trace_begin();
	unsigned long flags;
	long pages = 0;

	(void)pl;
	spin_lock_irqsave(&zone->lock, flags);
	while ((entry = pagelist_spill_next(it, &order, &index))) {
		struct page *page = list_entry(entry, struct page, lru);
		unsigned int mt = get_pageblock_migratetype(page);	/* I3 */

		if (unlikely(page->state != PG_pcp))
			bad_page(page, "on a per-CPU list, but not listed as free");
		WRITE_ONCE(page->state, 0);
		__free_one_page(zone, page, order, mt, FPI_NONE);
		all += 1UL << order;
		if (likely(migratetype_is_mergeable(mt)))
			pages += 1L << order;
		else
			account_freepages(zone, 1L << order, mt);
		if (unlikely(tracer) && tracer->page_pcpu_drain)
			tracer->page_pcpu_drain(page, order, (int)mt);
	}
	account_freepages(zone, pages, MIGRATE_MOVABLE);
	spin_unlock_irqrestore(&zone->lock, flags);
	count_vm_event(PCP_SPILL);
	count_vm_events(PCP_SPILL_PAGES, all);
	trace_end(start, TRACE_PCP_SPILL, zone->id, (u32)all, 0);
}

static void pcp_clear_below_high(void *owner)
{
	struct zone *zone = ((struct zone_pcp *)owner)->zone;

	if (zone_watermark_ok(zone, 0, high_wmark_pages(zone), MAX_NR_ZONES - 1, 0))
		fetch_and(&zone->flags, ~(u32)ZONE_BELOW_HIGH);
}

static const struct pagelist_ops pcp_ops = {
	.refill = pcp_refill,
	.spill = pcp_spill,
	.clear_below_high = pcp_clear_below_high,
};

/* ---- the rarer ways in and out ---- */

struct page *pcp_alloc_cold(struct zone *zone, unsigned int order, unsigned int mt,
			    unsigned int alloc_flags)
{
	struct list_head *entry = NULL, *list;
	struct zone_pcp *pcp;

	preempt_disable();
	pcp = this_zone_pcp(zone);
	if (owner_trylock(&pcp->pl.lock)) {
		list = &pcp->pl.lists[pagelist_index(order, mt)];
		if (list_empty(list)) {
			pcp->alloc_flags = alloc_flags;
		} else {
			/* The engine takes the head: make the coldest block the head. */
			struct list_head *cold = list->prev;

			list_del(cold);
			list_add(cold, list);
		}
		entry = pagelist_alloc(&pcp->pl, order, mt);
		owner_unlock(&pcp->pl.lock);
	}
	preempt_enable();
	return entry ? list_entry(entry, struct page, lru) : NULL;
}

bool pcp_free_cold(struct zone *zone, struct page *page, unsigned int order, unsigned int mt)
{
	struct pagelist_rest rest = { 0 };
	struct list_head *list;
	struct zone_pcp *pcp;
	bool got;

	preempt_disable();
	pcp = this_zone_pcp(zone);
	got = owner_trylock(&pcp->pl.lock);
	if (got) {
		list = &pcp->pl.lists[pagelist_index(order, mt)];
		WRITE_ONCE(page->state, PAGE_STATE(PG_pcp, 0));
		rest = pagelist_free(&pcp->pl, order, mt, &page->lru);
		/* Unless a spill took it with the rest, it is the head now. */
		if (list->next == &page->lru) {
			list_del(&page->lru);
			list_add_tail(&page->lru, list);
		}
		owner_unlock(&pcp->pl.lock);
	}
	if (rest.pages)
		pagelist_spill_rest(&pcp->pl, rest);
	preempt_enable();
	return got;
}

unsigned int pcp_alloc_bulk(struct zone *zone, unsigned int mt, unsigned int alloc_flags,
			    struct page **pages, unsigned int nr)
{
	unsigned int got = 0;
	struct zone_pcp *pcp;

	preempt_disable();
	pcp = this_zone_pcp(zone);
	if (owner_trylock(&pcp->pl.lock)) {
		pcp->alloc_flags = alloc_flags;
		while (got < nr) {
			struct list_head *entry = pagelist_take(&pcp->pl, 0, mt);

			if (!entry)
				break;
			pages[got++] = list_entry(entry, struct page, lru);
		}
		owner_unlock(&pcp->pl.lock);
	}
	preempt_enable();
	return got;
}

/* ---- drains ---- */

/* Takes the lists' pages back where there are any: count is a hint, read without the lock. */
static void drain_pages_zone(struct zone *zone, unsigned int cpu)
{
	struct zone_pcp *pcp = remote_zone_pcp(zone, cpu);

	if (READ_ONCE(pcp->pl.count))
		pagelist_drain_remote(&pcp->pl, UINT_MAX);
}

void drain_all_pages(struct zone *only)
{
	struct zone *zone;
	unsigned int cpu;

	might_sleep();
	if (!mutex_trylock(&drain_mutex)) {
		/* Somebody drains everything already: good enough for who just wants memory. */
		if (!only)
			return;
		mutex_lock(&drain_mutex);
	}
	count_vm_event(PCP_DRAIN_ALL);
	for_each_online_cpu(cpu)
		for_each_zone(zone)
			if (!only || zone == only)
				drain_pages_zone(zone, cpu);
	mutex_unlock(&drain_mutex);
}

void drain_local_pages(struct zone *only)
{
	struct zone *zone;

	for_each_zone(zone)
		if (!only || zone == only)
			drain_pages_zone(zone, smp_processor_id());
}

void drain_cpu_pages(unsigned int cpu)
{
	struct zone *zone;

	for_each_zone(zone)
		pagelist_drain_cpu(&remote_zone_pcp(zone, cpu)->pl);
}

bool pcp_tick(struct zone *zone, bool active)
{
	bool local = zone->node == this_cpu()->node, more;
	struct pagelist *pl;

	if (!zone->pageset)
		return false;
	preempt_disable();
	pl = &this_zone_pcp(zone)->pl;
	more = pagelist_decay(pl);
	if (active)
		pagelist_expire_restart(pl);
	more |= pagelist_expire_tick(pl, local);
	preempt_enable();
	return more;
}

/* ---- sizes ---- */

/* CPUs that share a zone: its node's, or all when the node has none. */
static unsigned int zone_cpus(const struct zone *zone, int delta)
{
	unsigned int cpu, nr = 0;

	for_each_online_cpu(cpu)
		nr += cpus[cpu].node == zone->node;
	/* The CPU that is coming or going is this one. */
	if (delta && this_cpu()->node == zone->node)
		nr = (unsigned int)((int)nr + delta);
	return nr ? nr : max(num_online_cpus(), 1u);
}

static void zone_pcp_set(struct zone *zone, struct pagelist_window window)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct pagelist *pl = &remote_zone_pcp(zone, cpu)->pl;

		pagelist_update_tunables(pl, window.high_min, window.high_max, window.batch);
		pagelist_set_cache_share(pl, cache_share);
	}
}

void zone_pcp_update(struct zone *zone, int cpus_delta)
{
	const struct pagelist_zone_size size = {
		.managed = zone->managed_pages,
		.low_wmark = low_wmark_pages(zone),
		.nr_cpus = zone_cpus(zone, cpus_delta),
		.fraction = high_fraction,
	};

	zone_pcp_set(zone, pagelist_window(zone_pcp_tunables(zone), &size));
}

void zone_pcp_update_all(int cpus_delta)
{
	struct zone *zone;

	for_each_zone(zone)
		zone_pcp_update(zone, cpus_delta);
}

int set_percpu_pagelist_high_fraction(unsigned int fraction)
{
	if (fraction && fraction < MIN_HIGH_FRACTION)
		return -EINVAL;
	high_fraction = fraction;
	zone_pcp_update_all(0);
	return 0;
}

unsigned int percpu_pagelist_high_fraction(void)
{
	return high_fraction;
}

struct pagelist_tunables *zone_pcp_tunables(const struct zone *zone)
{
	return &tunables[zone->id];
}

int pcp_set_tunable(struct zone *only, const char *name, u32 value)
{
	struct zone *zone;
	int err = 0;

	for_each_zone(zone) {
		if (only && zone != only)
			continue;
		err = pagelist_tunable_set(zone_pcp_tunables(zone), name, value);
		if (err)
			break;
		zone_pcp_update(zone, 0);
	}
	return err;
}

int pcp_set_policy(struct zone *only, const char *policy)
{
	int found = pagelist_policy_by_name(policy);
	struct zone *zone;

	if (found < 0)
		return -ENOENT;
	for_each_zone(zone) {
		if (only && zone != only)
			continue;
		pagelist_tunables_preset(zone_pcp_tunables(zone), (enum pagelist_policy)found);
		zone_pcp_update(zone, 0);
	}
	return 0;
}

void pcp_set_cache_share(unsigned int pages)
{
	cache_share = pages;
	zone_pcp_update_all(0);
}

void zone_pcp_disable(struct zone *zone)
{
	zone_pcp_set(zone, (struct pagelist_window){ .batch = 1 });
	drain_all_pages(zone);
}

void zone_pcp_enable(struct zone *zone)
{
	zone_pcp_update(zone, 0);
}

/* ---- life cycle ---- */

static int pcp_cpu_online(unsigned int cpu)
{
	(void)cpu;
	zone_pcp_update_all(1);
	refresh_zone_stat_thresholds(num_online_cpus() + 1);
	return 0;
}

static void pcp_cpu_offline(unsigned int cpu)
{
	drain_cpu_pages(cpu);		/* I4 */
	cpu_vm_stats_fold(cpu);
	zone_pcp_update_all(-1);
	refresh_zone_stat_thresholds(num_online_cpus() - 1);
}

static const struct cpuhp_notifier pcp_notifier = {
	.name = "page lists",
	.online = pcp_cpu_online,
	.offline = pcp_cpu_offline,
};

static void zone_pcp_init(struct zone *zone)
{
	unsigned int cpu;

	pagelist_tunables_preset(zone_pcp_tunables(zone), PAGELIST_LINUX_6_18);
	for_each_possible_cpu(cpu) {
		struct zone_pcp *pcp = remote_zone_pcp(zone, cpu);
		const struct pagelist_setup setup = {
			.ops = &pcp_ops, .owner = pcp, .hints = &zone->flags,
			.tun = zone_pcp_tunables(zone), .lock_class = &pcp_lock_class,
			.name = zone->name,
		};

		pcp->zone = zone;
		pagelist_init(&pcp->pl, &setup);
	}
}

static int zone_percpu_alloc(struct zone *zone)
{
	struct zone_pcp *pcp = __alloc_percpu(sizeof(*pcp), CACHE_LINE);

	if (!pcp)
		return -ENOMEM;
	zone->zonestat = __alloc_percpu(sizeof(*zone->zonestat), CACHE_LINE);
	if (!zone->zonestat) {
		free_percpu(pcp);
		return -ENOMEM;
	}
	zone->pageset = &pcp->pl;
	return 0;
}

int setup_per_cpu_pageset(void)
{
	struct zone *zone;

	high_fraction = 0;
	cache_share = 0;
	for_each_zone(zone) {
		if (zone_percpu_alloc(zone)) {
			free_per_cpu_pageset();
			return -ENOMEM;
		}
		zone_pcp_init(zone);
		/* As the kernel: only where DMA32 lies below Normal is there another choice. */
		zone->fast_flags = 0;
		if (zone->type == ZONE_NORMAL && NODE_DATA(zone->node)->node_zones[ZONE_DMA32])
			zone->fast_flags = ALLOC_NOFRAGMENT;
	}
	mutex_init(&drain_mutex, &drain_class, NULL);
	refresh_zone_stat_thresholds(nr_cpu_ids);
	cpuhp_register(&pcp_notifier);
	return 0;
}

void free_per_cpu_pageset(void)
{
	struct zone *zone;
	unsigned int cpu;

	for_each_zone(zone) {
		if (!zone->pageset)
			continue;
		for_each_possible_cpu(cpu)
			pagelist_destroy(&remote_zone_pcp(zone, cpu)->pl);
		free_percpu(zone->pageset);
		free_percpu(zone->zonestat);
		zone->pageset = NULL;
		zone->zonestat = NULL;
	}
}

size_t pcp_percpu_bytes(unsigned int nr)
{
	return nr * (align_up(sizeof(struct zone_pcp), CACHE_LINE) +
		     align_up(sizeof(struct per_cpu_zonestat), CACHE_LINE));
}
