/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU page lists of a zone: plugs the engine of percpu/pagelist.h to the buddy system.
 *
 * zone->pageset is the per-CPU address of the pagelist inside struct zone_pcp.  Every size is
 * tunable while the machine runs, per zone.
 */
#ifndef MM_PAGE_PCP_H
#define MM_PAGE_PCP_H

#include "mm/page/vmstat.h"
#include "mm/page/zone.h"
#include "percpu/pagelist.h"

/* One CPU's page list of one zone and what its refills need to know. */
struct zone_pcp {
	struct pagelist pl;		/* first: zone->pageset points at it */
	struct zone *zone;
	unsigned int alloc_flags;	/* of the alloc that refills; under pl.lock */
};

_Static_assert(offsetof(struct zone_pcp, pl) == 0, "zone->pageset is a struct zone_pcp");

/*
 * Makes the page lists and counters of all zones of zones[], with lists that cache nothing until
 * zone_pcp_update(); then registers the CPU notifier that does that.  Host thread, after
 * percpu_boot() (which needs pcp_percpu_bytes() more per CPU) and before machine_start_cpus().
 * Returns 0 or -ENOMEM.
 */
__must_check int setup_per_cpu_pageset(void);
/* The lists must be empty: drain_cpu_pages() ran for every CPU. */
void free_per_cpu_pageset(void);
/* Dynamic per-CPU bytes that @nr zones need. */
size_t pcp_percpu_bytes(unsigned int nr);

/*
 * Recomputes batch and window of a zone's lists from managed pages, the low mark, the fraction
 * and the CPUs of the zone's node (+ @cpus_delta: a CPU that is coming or going).  Task context
 * or host thread; one caller at a time.  Follows zone_set_pageset_high_and_batch().
 */
void zone_pcp_update(struct zone *zone, int cpus_delta);
void zone_pcp_update_all(int cpus_delta);

/* vm.percpu_pagelist_high_fraction: 0 (tuning on) or >= 8; otherwise -EINVAL. */
__must_check int set_percpu_pagelist_high_fraction(unsigned int fraction);
unsigned int percpu_pagelist_high_fraction(void);

/*
 * The constants of a zone's policy, and setting them for one zone (NULL: all): any tunable by
 * name, or a whole policy.  0, -ENOENT (no such constant or policy) or -ERANGE.
 */
struct pagelist_tunables *zone_pcp_tunables(const struct zone *zone);
__must_check int pcp_set_tunable(struct zone *zone, const char *name, u32 value);
__must_check int pcp_set_policy(struct zone *zone, const char *policy);

/* A CPU's share of the data cache in pages, for the free_high decision; 0 = small. */
void pcp_set_cache_share(unsigned int pages);

/* Lists that cache nothing and are empty, until enabled again.  Task context on a CPU. */
void zone_pcp_disable(struct zone *zone);
void zone_pcp_enable(struct zone *zone);

/*
 * Gives all listed pages of @zone (NULL: of every zone) back to the buddy, from this CPU; pages
 * freed meanwhile may stay.  Without a zone it returns at once when another CPU is at it.  Task
 * context, interrupts on, no spinlock held.
 */
void drain_all_pages(struct zone *zone);
/* The same for this CPU's lists only; preemption may be on or off. */
void drain_local_pages(struct zone *zone);
/* For a CPU that runs nothing: offline, or the machine is quiescent.  On a CPU. */
void drain_cpu_pages(unsigned int cpu);

/*
 * The decay turn of one zone's list; @active: the zone's counters moved on this CPU since the
 * last one.  Owner CPU, task context, interrupts on.  True when there is more to do.
 */
bool pcp_tick(struct zone *zone, bool active);

static inline struct zone_pcp *this_zone_pcp(const struct zone *zone)
{
	return (struct zone_pcp *)this_cpu_ptr(zone->pageset);
}

/* For reports and drains; what may be read without the lock is marked in struct pagelist. */
static inline struct zone_pcp *remote_zone_pcp(const struct zone *zone, unsigned int cpu)
{
	return (struct zone_pcp *)per_cpu_ptr(zone->pageset, cpu);
}

/*
 * Takes a block of an order that has lists, in state PG_pcp; the caller now owns it.  NULL: this
 * CPU's list is in use (a remote drain, or we interrupted its owner) or the zone has nothing.
 * Any context.
 */
static __hot_inline struct page *pcp_alloc(struct zone *zone, unsigned int order,
					   unsigned int mt, unsigned int alloc_flags)
{
	struct list_head *entry = NULL;
	struct zone_pcp *pcp;

	preempt_disable();
	pcp = this_zone_pcp(zone);
	if (likely(owner_trylock(&pcp->pl.lock))) {
		if (unlikely(list_empty(&pcp->pl.lists[pagelist_index(order, mt)])))
			pcp->alloc_flags = alloc_flags;
		entry = pagelist_alloc(&pcp->pl, order, mt);
		owner_unlock(&pcp->pl.lock);
	}
	preempt_enable();
	return entry ? list_entry(entry, struct page, lru) : NULL;
}

/*
 * Puts a free block on this CPU's list; false, and nothing done, when the list is in use.
 * @mt < MIGRATE_PCPTYPES.  Any context.
 */
static __hot_inline bool pcp_free(struct zone *zone, struct page *page, unsigned int order,
				  unsigned int mt)
{
	struct pagelist_rest rest;
	struct zone_pcp *pcp;

	preempt_disable();
	pcp = this_zone_pcp(zone);
	if (unlikely(!owner_trylock(&pcp->pl.lock))) {
		preempt_enable();
		return false;
	}
	WRITE_ONCE(page->state, PAGE_STATE(PG_pcp, 0));
	rest = pagelist_free(&pcp->pl, order, mt, &page->lru);
	owner_unlock(&pcp->pl.lock);
	if (unlikely(rest.pages))
		pagelist_spill_rest(&pcp->pl, rest);
	preempt_enable();
	return true;
}

/* As pcp_alloc() from the cold end, and as pcp_free() to it. */
struct page *pcp_alloc_cold(struct zone *zone, unsigned int order, unsigned int mt,
			    unsigned int alloc_flags);
bool pcp_free_cold(struct zone *zone, struct page *page, unsigned int order, unsigned int mt);

/* Takes up to @nr order-0 pages in one hold, in state PG_pcp; returns how many. */
unsigned int pcp_alloc_bulk(struct zone *zone, unsigned int mt, unsigned int alloc_flags,
			    struct page **pages, unsigned int nr);

#endif /* MM_PAGE_PCP_H */
