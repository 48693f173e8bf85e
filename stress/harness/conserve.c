/* SPDX-License-Identifier: MIT */
/*
 * Conservation checks, between and after runs.
 *
 * The buddy system merges whenever it can, so a zone with everything free has exactly one form:
 * the one it had after boot.  Counting its free blocks by order therefore finds a block that was
 * not merged as well as one that was lost.  The exception is a pageblock that stays reserved for
 * atomic requests (HIGHATOMIC), which merges with no other type.
 */
#include "stress/harness/conserve.h"

#include "mm/page/page_check.h"

static bool take_census(struct stress_run *run, const struct zone *zone, struct page_census *census)
{
	struct page_check_result r = page_census_take(zone, true, census);

	if (!r.ok)
		stress_fail(run, "zone %s of node %d: %s", zone->name, zone->node, r.text);
	return r.ok;
}

void conserve_snapshot(struct stress_run *run, struct conserve_base *base)
{
	struct page_census census;
	struct zone *zone;

	base->allocated = 0;
	for_each_zone(zone) {
		struct conserve_zone *b = &base->zone[zone->id];

		if (!take_census(run, zone, &census))
			continue;
		b->free = census.free;
		b->allocated = census.allocated;
		b->none = census.none;
		base->allocated += (long)census.allocated;
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
			b->blocks[order] = READ_ONCE(zone->free_area[order].nr_free);
	}
}

void conserve_check_held(struct stress_run *run, const struct conserve_base *base, long held,
			 const char *when)
{
	struct page_check_result r = page_alloc_check(true, base->allocated + held);

	if (!r.ok)
		stress_fail(run, "%s: %s", when, r.text);
}

static void check_zone(struct stress_run *run, const struct zone *zone,
		       const struct conserve_zone *b)
{
	struct page_census census;

	if (!take_census(run, zone, &census))
		return;
	if (census.pcp)
		stress_fail(run, "zone %s of node %d: %lu pages are on per-CPU lists after the "
			    "drain", zone->name, zone->node, census.pcp);
	if (census.free != b->free || census.allocated != b->allocated || census.none != b->none) {
		stress_fail(run, "zone %s of node %d: %lu pages free, %lu allocated, %lu nowhere; "
			    "after boot it was %lu, %lu, %lu", zone->name, zone->node, census.free,
			    census.allocated, census.none, b->free, b->allocated, b->none);
		return;		/* the blocks then differ as well */
	}
	if (READ_ONCE(zone->nr_reserved_highatomic))
		return;
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
		unsigned long blocks = READ_ONCE(zone->free_area[order].nr_free);

		if (blocks != b->blocks[order])
			stress_fail(run, "zone %s of node %d: %lu free blocks of order %u, after "
				    "boot there were %lu", zone->name, zone->node, blocks, order,
				    b->blocks[order]);
	}
}

void conserve_check_end(struct stress_run *run, const struct conserve_base *base)
{
	struct zone *zone;

	conserve_check_held(run, base, 0, "after the final drain");
	for_each_zone(zone)
		check_zone(run, zone, &base->zone[zone->id]);
}
