/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks: the migrate type of each 2 MiB of memory, fallback between types, and the two
 * special types HIGHATOMIC (reserve of order > 0 atomic requests) and ISOLATE.
 */
#ifndef MM_PAGE_PAGEBLOCK_H
#define MM_PAGE_PAGEBLOCK_H

#include "mm/page/buddy.h"

/* "Unmovable", "Movable", ... as in /proc/pagetypeinfo. */
const char *migratetype_name(unsigned int mt);

/* The types that type @mt < MIGRATE_PCPTYPES falls back to, in order of preference. */
#define NR_FALLBACKS	(MIGRATE_PCPTYPES - 1)
extern const u8 migratetype_fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS];

/* Sets one pageblock's type; zone->lock held or boot.  Does not move its free blocks. */
void set_pageblock_migratetype(struct page *page, unsigned int mt);
/* The same for all pageblocks of a block of 2^@order, order >= pageblock_order. */
void set_pageblock_range(struct page *page, unsigned int order, unsigned int mt);

/*
 * Makes a pageblock of another type ours, whole (then its free blocks move to our lists, its
 * type changes and the watermark is boosted), and takes a block of 2^rq->order from it; from the
 * biggest free block down.  NULL: nothing that may be claimed.  Follows __rmqueue_claim().
 */
struct page *pageblock_claim(struct zone *zone, struct rmqueue *rq) __must_hold(zone->lock);

/* Takes the smallest suitable block of another type without converting anything. */
struct page *pageblock_steal(struct zone *zone, struct rmqueue *rq) __must_hold(zone->lock);

/*
 * After an ALLOC_HIGHATOMIC allocation of 2^@order at @page: keeps its pageblock for such
 * requests, up to 1 % of the zone.  Any context; takes zone->lock.
 */
void reserve_highatomic_pageblock(struct page *page, unsigned int order, struct zone *zone);

/*
 * Gives one HIGHATOMIC pageblock of the zones of @zonelist up to @highest_zoneidx back to
 * ordinary use as type @mt, leaving each zone one block unless @force.  True when one was found.
 */
bool unreserve_highatomic_pageblock(const struct zonelist *zonelist,
				    enum zone_type highest_zoneidx, unsigned int mt, bool force);

/*
 * Takes a pageblock out of circulation: its free pages move to the ISOLATE lists and pages freed
 * into it go there.  0, or -EBUSY when it is isolated or reserved already.  Task context.
 */
__must_check int set_migratetype_isolate(struct page *page);
/* Ends the isolation: the pageblock serves type @mt from now on. */
void unset_migratetype_isolate(struct page *page, unsigned int mt);

#endif /* MM_PAGE_PAGEBLOCK_H */
