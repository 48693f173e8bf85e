/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks: which type of allocation a 2 MiB block serves, and what happens when a type runs out.
 *
 * What.  Keeping unmovable, movable and reclaimable pages in different pageblocks leaves whole
 * blocks that can be emptied.  When a type has nothing left it looks at the others' biggest free
 * block: a big find is worth converting (claim), otherwise it takes the smallest block that will
 * do and leaves the rest alone (steal).
 *
 * States of a pageblock.  One of the three mergeable types; HIGHATOMIC: only order > 0 atomic
 * requests (and order-0 ones in need) take from it; ISOLATE: nobody does.
 *
 * Invariants.
 *   I1  The free blocks of a pageblock are on lists of its type, at every release of zone->lock.
 *   I2  nr_reserved_highatomic = pageblock_nr_pages * number of HIGHATOMIC pageblocks
 *       <= managed / 100, rounded up to a pageblock.
 *   I3  Only the three mergeable types lend and borrow.
 *
 * Locking.  zone->lock for every change; the type is read racily elsewhere and checked again
 * under the lock where it matters (the free paths).
 * Context.  Any; isolation in task context.  Failure.  NULL or false: the caller goes on.
 *
 * A page that a claim counts as movable is an allocated block that was asked for as movable.  The
 * kernel, which does not remember what was asked for, counts pages on LRU lists; for user pages
 * the two agree.
 *
 * See also.  tests/unit/test_buddy.c; mm/page_alloc.c of the kernel.
 */
#include "mm/page/pageblock.h"

#include <errno.h>

#include "mm/page/trace_kmem.h"
#include "mm/page/watermark.h"

const u8 migratetype_fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

static const char *const type_names[MIGRATE_TYPES] = {
	"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate",
};

const char *migratetype_name(unsigned int mt)
{
	return mt < MIGRATE_TYPES ? type_names[mt] : "?";
}

void set_pageblock_migratetype(struct page *page, unsigned int mt)
{
	WRITE_ONCE(page_pageblock(page)->migratetype, (u8)mt);
}

void set_pageblock_range(struct page *page, unsigned int order, unsigned int mt)
{
	for (unsigned long i = 0; i < 1UL << order; i += pageblock_nr_pages)
		set_pageblock_migratetype(page + i, mt);
}

static struct page *pageblock_start(struct page *page)
{
	return page - (page_to_pfn(page) & (pageblock_nr_pages - 1));
}

/* A zone that ends inside a pageblock shares it with reserved frames: never convert that one. */
static bool zone_spans_pageblock(const struct zone *zone, const struct page *start)
{
	unsigned long pfn = page_to_pfn(start);

	return pfn >= zone->zone_start_pfn && pfn + pageblock_nr_pages <= zone_end_pfn(zone);
}

struct pageblock_content {
	unsigned long free, movable;	/* pages */
};

/*
 * Counts a pageblock's free pages, exactly, and its movable ones as seen while their owners may
 * change them: an allocated block can come or go, so its order is only a hint.
 */
static struct pageblock_content pageblock_count(const struct page *start)
{
	struct pageblock_content content = { 0, 0 };
	unsigned long i = 0;

	while (i < pageblock_nr_pages) {
		const struct page *page = start + i;
		u32 where = READ_ONCE(page->flags) & PG_WHERE;
		unsigned long nr = 1;

		if (where == PG_buddy) {
			nr = 1UL << page->order;
			content.free += nr;
		} else if (where == PG_allocated) {
			u32 block = READ_ONCE(page->block);

			nr = min(1UL << (block & 0xf), pageblock_nr_pages - i);
			if ((block >> 8 & 0xff) == MIGRATE_MOVABLE)
				content.movable += nr;
		}
		i += nr;
	}
	return content;
}

/* Moves a pageblock's free blocks to another type's lists and makes that its type. */
static void convert_pageblock(struct zone *zone, struct page *start, unsigned int mt)
	__must_hold(zone->lock)
{
	unsigned long i = 0;

	while (i < pageblock_nr_pages) {
		struct page *page = start + i;

		if (READ_ONCE(page->flags) & PG_buddy) {
			move_to_free_list(zone, page, mt);
			i += 1UL << page->order;
		} else {
			i++;
		}
	}
	set_pageblock_migratetype(start, mt);
}

/* First fallback type of @mt that has a free block of exactly @order, or -1. */
static int find_suitable_fallback(const struct zone *zone, unsigned int order, unsigned int mt)
{
	for (unsigned int i = 0; i < NR_FALLBACKS; i++) {
		unsigned int fallback = migratetype_fallbacks[mt][i];

		if (zone->free_orders[fallback] >> order & 1)
			return (int)fallback;
	}
	return -1;
}

/*
 * Whether a free block of @order is reason enough to convert its pageblock.  Unmovable and
 * reclaimable pages always try: left in a movable block, each of them would pin it.
 */
static bool should_try_claim(unsigned int order, unsigned int mt)
{
	return order >= pageblock_order / 2 || mt != MIGRATE_MOVABLE;
}

/* Pages of the pageblock that suit type @mt although they are not free. */
static unsigned long alike_pages(struct pageblock_content content, unsigned int mt,
				 unsigned int block_mt)
{
	if (mt == MIGRATE_MOVABLE)
		return content.movable;
	/* What is neither free nor movable in a movable block is unmovable or reclaimable. */
	if (block_mt == MIGRATE_MOVABLE)
		return pageblock_nr_pages - (content.free + content.movable);
	return 0;
}

static void trace_extfrag(const struct rmqueue *rq, struct page *page, unsigned int order,
			  unsigned int fallback)
{
	const struct extfrag_event event = {
		.page = page, .alloc_order = rq->order, .fallback_order = order,
		.alloc_migratetype = (int)rq->mt, .fallback_migratetype = (int)fallback,
		.change_ownership = get_pageblock_migratetype(page) == rq->mt,
	};

	trace_kmem(page_alloc_extfrag, &event);
}

/* Tries to make the pageblock of the free block @page ours and to serve rq from it. */
static struct page *try_to_claim_block(struct zone *zone, struct rmqueue *rq, struct page *page,
				       unsigned int block_mt) __must_hold(zone->lock)
{
	struct page *start = pageblock_start(page);
	unsigned int order = page->order;
	struct pageblock_content content;

	if (order >= pageblock_order) {
		del_from_free_list(zone, page, order);
		set_pageblock_range(page, order, rq->mt);
		expand(zone, page, rq->order, order, rq->mt);
		return page;
	}
	/* The types mix from here on: have kswapd make room, so that it stays rare. */
	if (boost_watermark(zone) && (rq->alloc_flags & ALLOC_KSWAPD))
		fetch_or(&zone->flags, (u32)ZONE_BOOSTED_WATERMARK);

	if (!zone_spans_pageblock(zone, start))
		return NULL;
	content = pageblock_count(start);
	if (content.free + alike_pages(content, rq->mt, block_mt) < pageblock_nr_pages / 2)
		return NULL;
	convert_pageblock(zone, start, rq->mt);
	return __rmqueue_smallest(zone, rq->order, rq->mt);
}

struct page *pageblock_claim(struct zone *zone, struct rmqueue *rq)
{
	unsigned int low = rq->order;

	if (rq->mt >= MIGRATE_PCPTYPES)
		return NULL;
	/* Less than a whole pageblock would mix types, which the caller wants to avoid. */
	if (low < pageblock_order && (rq->alloc_flags & ALLOC_NOFRAGMENT))
		low = pageblock_order;
	for (unsigned int order = MAX_PAGE_ORDER + 1; order-- > low;) {
		int fallback = find_suitable_fallback(zone, order, rq->mt);
		struct page *page;

		if (fallback < 0)
			continue;
		/* Smaller blocks are no better. */
		if (!should_try_claim(order, rq->mt))
			break;
		page = list_first_entry(&zone->free_area[order].free_list[fallback],
					struct page, lru);
		page = try_to_claim_block(zone, rq, page, (unsigned int)fallback);
		if (page) {
			count_vm_event(PAGEBLOCK_CLAIM);
			trace_extfrag(rq, page, order, (unsigned int)fallback);
			return page;
		}
	}
	return NULL;
}

struct page *pageblock_steal(struct zone *zone, struct rmqueue *rq)
{
	if (rq->mt >= MIGRATE_PCPTYPES)
		return NULL;
	for (unsigned int order = rq->order; order < NR_PAGE_ORDERS; order++) {
		int fallback = find_suitable_fallback(zone, order, rq->mt);
		struct page *page;

		if (fallback < 0)
			continue;
		page = list_first_entry(&zone->free_area[order].free_list[fallback],
					struct page, lru);
		del_from_free_list(zone, page, order);
		expand(zone, page, rq->order, order, (unsigned int)fallback);
		count_vm_event(PAGEBLOCK_STEAL);
		trace_extfrag(rq, page, order, (unsigned int)fallback);
		return page;
	}
	return NULL;
}

/* Most pages that HIGHATOMIC may keep: 1 %, in whole pageblocks; 0 for a small zone. */
static unsigned long highatomic_limit(const struct zone *zone)
{
	unsigned long percent = zone->managed_pages / 100;

	return percent < pageblock_nr_pages ? 0 : align_up(percent, pageblock_nr_pages);
}

void reserve_highatomic_pageblock(struct page *page, unsigned int order, struct zone *zone)
{
	unsigned long limit = highatomic_limit(zone), flags, pages = pageblock_nr_pages;
	struct page *start = pageblock_start(page);

	if (READ_ONCE(zone->nr_reserved_highatomic) >= limit)
		return;
	spin_lock_irqsave(&zone->lock, flags);
	if (zone->nr_reserved_highatomic >= limit || !zone_spans_pageblock(zone, start))
		goto unlock;
	if (!migratetype_is_mergeable(get_pageblock_migratetype(page)))
		goto unlock;
	if (order < pageblock_order) {
		convert_pageblock(zone, start, MIGRATE_HIGHATOMIC);
	} else {
		set_pageblock_range(page, order, MIGRATE_HIGHATOMIC);
		pages = 1UL << order;
	}
	WRITE_ONCE(zone->nr_reserved_highatomic, zone->nr_reserved_highatomic + pages);
	count_vm_event(HIGHATOMIC_RESERVE);
unlock:
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* Gives the pageblock of the first free HIGHATOMIC block back to type @mt; false: none is free. */
static bool unreserve_one(struct zone *zone, unsigned int mt) __must_hold(zone->lock)
{
	unsigned int orders = zone->free_orders[MIGRATE_HIGHATOMIC], order;
	unsigned long pages;
	struct page *page;

	if (!orders)
		return false;
	order = (unsigned int)__builtin_ctz(orders);
	page = list_first_entry(&zone->free_area[order].free_list[MIGRATE_HIGHATOMIC],
				struct page, lru);
	pages = max(pageblock_nr_pages, 1UL << order);
	if (order < pageblock_order) {
		convert_pageblock(zone, pageblock_start(page), mt);
	} else {
		move_to_free_list(zone, page, mt);
		set_pageblock_range(page, order, mt);
	}
	BUG_ON(zone->nr_reserved_highatomic < pages);
	WRITE_ONCE(zone->nr_reserved_highatomic, zone->nr_reserved_highatomic - pages);
	count_vm_event(HIGHATOMIC_UNRESERVE);
	return true;
}

bool unreserve_highatomic_pageblock(const struct zonelist *zonelist,
				    enum zone_type highest_zoneidx, unsigned int mt, bool force)
{
	for (unsigned int i = 0; i < zonelist->nr; i++) {
		struct zone *zone = zonelist->refs[i].zone;
		unsigned long keep = force ? 0 : pageblock_nr_pages, flags;
		bool found;

		if (zonelist->refs[i].type > highest_zoneidx ||
		    READ_ONCE(zone->nr_reserved_highatomic) <= keep)
			continue;
		spin_lock_irqsave(&zone->lock, flags);
		found = unreserve_one(zone, mt);
		spin_unlock_irqrestore(&zone->lock, flags);
		if (found)
			return true;
	}
	return false;
}

/* A free block of the highest order covers two pageblocks: makes two blocks of it. */
static void split_free_over(struct zone *zone, struct page *start) __must_hold(zone->lock)
{
	unsigned long pfn = page_to_pfn(start) & ~(MAX_ORDER_NR_PAGES - 1);
	struct page *head = start - (page_to_pfn(start) - pfn);
	unsigned int mt;

	if (pfn < zone->zone_start_pfn || !(READ_ONCE(head->flags) & PG_buddy) ||
	    head->order != MAX_PAGE_ORDER)
		return;
	mt = head->migratetype;
	del_from_free_list(zone, head, MAX_PAGE_ORDER);
	add_to_free_list(zone, head, pageblock_order, mt, true);
	add_to_free_list(zone, head + pageblock_nr_pages, pageblock_order, mt, true);
}

int set_migratetype_isolate(struct page *page)
{
	struct page *start = pageblock_start(page);
	struct zone *zone = page_zone(page);
	unsigned long flags;
	int err = -EBUSY;

	spin_lock_irqsave(&zone->lock, flags);
	if (migratetype_is_mergeable(get_pageblock_migratetype(page)) &&
	    zone_spans_pageblock(zone, start)) {
		split_free_over(zone, start);
		convert_pageblock(zone, start, MIGRATE_ISOLATE);
		err = 0;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return err;
}

void unset_migratetype_isolate(struct page *page, unsigned int mt)
{
	struct page *start = pageblock_start(page);
	struct zone *zone = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	if (get_pageblock_migratetype(page) == MIGRATE_ISOLATE) {
		convert_pageblock(zone, start, mt);
		/* A whole free pageblock can merge again with the one beside it. */
		if ((READ_ONCE(start->flags) & PG_buddy) && start->order == pageblock_order) {
			del_from_free_list(zone, start, pageblock_order);
			__free_one_page(zone, start, pageblock_order, mt, FPI_NONE);
		}
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}
