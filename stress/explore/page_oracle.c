/* SPDX-License-Identifier: MIT */
/*
 * The page oracles of the explorer.
 *
 * What.  At the end of a schedule everything has been given back, and the buddy system merges
 * whenever it can, so memory has exactly one form: that of the start.  In the middle of one, what
 * a lock protects is well formed whenever the lock is free, because the world is stopped.
 *
 * Failure.  A finding panics.
 */
#include "stress/explore/page_oracle.h"

#include "mm/page/page_check.h"
#include "mm/page/pcp.h"
#include "stress/harness/oracle.h"

static void require(struct page_check_result result, const char *when)
{
	if (!result.ok)
		panic("page oracle, %s: %s", when, result.text);
}

/* On CPU 0: pl->lock and zone->lock are taken as by anybody else. */
static void drain_all(void *arg)
{
	unsigned int cpu;

	(void)arg;
	for_each_possible_cpu(cpu)
		drain_cpu_pages(cpu);
}

void page_oracle_begin(struct page_oracle_base *base)
{
	struct page_census census;
	struct zone *zone;

	base->allocated = 0;
	for_each_zone(zone) {
		require(page_census_take(zone, true, &census), "at the start");
		base->allocated += (long)census.allocated;
		base->zone[zone->id].free = census.free;
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
			base->zone[zone->id].blocks[order] = zone->free_area[order].nr_free;
	}
	/* What is held here was taken before the oracle began to count. */
	base->allocated -= oracle_pages();
}

static bool list_is_idle(const struct pagelist *pl)
{
	return !owner_read(pl->lock.held) && !owner_read(pl->lock.revoke);
}

void page_oracle_step(void)
{
	struct zone *zone;
	unsigned int cpu;

	for_each_zone(zone) {
		if (!spin_is_locked(&zone->lock))
			require(zone_check(zone), "in mid-schedule");
		for_each_possible_cpu(cpu) {
			const struct pagelist *pl = &remote_zone_pcp(zone, cpu)->pl;

			if (list_is_idle(pl) && !pagelist_is_valid(pl))
				panic("page oracle, in mid-schedule: zone %s: page list of cpu "
				      "%u is damaged (count %d)", zone->name, cpu, pl->count);
		}
	}
}

static void check_zone(const struct zone *zone, const struct page_oracle_base *base)
{
	unsigned long free = (unsigned long)zone_page_state_exact(zone, NR_FREE_PAGES);

	if (free != base->zone[zone->id].free)
		panic("page oracle, at the end: zone %s has %lu free pages, %lu at the start",
		      zone->name, free, base->zone[zone->id].free);
	if (zone->nr_reserved_highatomic)	/* merges with no other type */
		return;
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		if (zone->free_area[order].nr_free != base->zone[zone->id].blocks[order])
			panic("page oracle, at the end: zone %s has %lu free blocks of order %u, "
			      "%lu at the start", zone->name, zone->free_area[order].nr_free,
			      order, base->zone[zone->id].blocks[order]);
}

void page_oracle_end(const struct page_oracle_base *base, bool deep)
{
	struct zone *zone;

	require(page_alloc_check(deep, base->allocated + oracle_pages()), "at rest");
	cpu_run(0, drain_all, NULL);
	for_each_zone(zone) {
		require(zone_check(zone), "after the drain");
		check_zone(zone, base);
	}
}
