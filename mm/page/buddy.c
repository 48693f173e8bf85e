/* SPDX-License-Identifier: MIT */
/*
 * The buddy system: split on the way out, coalesce on the way in.
 *
 * What.  The buddy of the block of 2^o pages at pfn p is the block at p ^ 2^o; both together are
 * the block of order o + 1 at p & ~2^o.  A zone keeps its free blocks on lists by order and by
 * migrate type (the kind of allocation that its 2 MiB pageblock serves).  An allocation takes the
 * smallest block that is big enough and gives the upper halves back; a free merges with the buddy
 * as long as that is free and of the same order.
 *
 * States of a block (page->flags of its head).  PG_buddy: on the list of page->order and
 * page->migratetype.  0: in the hands of a function here, under the lock.  PG_pcp, PG_allocated:
 * not ours.  Tail pages of every block have none of these flags.
 *
 * Invariants, at every release of zone->lock.
 *   I1  A block of order o is aligned to 2^o, lies inside the zone, and is in one place.
 *   I2  Two buddies of an order below pageblock_order are never both free with that order; above,
 *       only when one of them is of a type that must not mix (HIGHATOMIC, ISOLATE).
 *   I3  nr_free of an order is the number of blocks on its lists; bit o of free_orders[t] says
 *       whether list (o, t) has any.
 *   I4  A free block below pageblock_order is on the list of its pageblock's type, except where
 *       the zone was asked to steal: then the block is no longer free.
 *   I5  NR_FREE_PAGES + the CPUs' copies = sum of nr_free * 2^order, ISOLATE excepted.
 *   I6  nobody sees a page counted free that is not on a list: a free counts after linking.
 *
 * Why a block that will probably merge soon goes to the tail of its list: if the buddy of its
 * parent is free already, the block's own buddy is all that is missing for a block two orders up;
 * at the tail it is handed out last.
 *
 * Locking.  zone->lock, irqs masked; the boot thread works without it.  A neighbour's flags are
 * read while its owner may change them, hence READ_ONCE()/WRITE_ONCE(); PG_buddy itself and what
 * it vouches for (order, list) change under the lock only.
 * Context.  Any.  Failure.  NULL when there is no block; corruption panics.
 *
 * Costs.  A bulk refill cuts a block in place: the lists below the block's order are empty (it
 * was the smallest), so taking n pages one by one would hand out its pages in ascending order and
 * leave the rest as the blocks that rmqueue_cut() makes directly.
 *
 * See also.  tests/unit/test_buddy.c, tests/model/test_buddy_model.c; pageblock.c for the types.
 */
#include "mm/page/buddy.h"

#include "mm/page/page_check.h"
#include "mm/page/pageblock.h"
#include "mm/page/trace_kmem.h"
#include "mm/page/watermark.h"
#include "percpu/pagelist.h"

const struct lock_class zone_lock_class = { .name = "zone->lock", .rank = RANK_ZONE };

void zone_init_free_lists(struct zone *zone)
{
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
		for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++)
			INIT_LIST_HEAD(&zone->free_area[order].free_list[mt]);
		zone->free_area[order].nr_free = 0;
	}
	for (unsigned int mt = 0; mt < MIGRATE_TYPES; mt++)
		zone->free_orders[mt] = 0;
	spin_lock_init(&zone->lock, &zone_lock_class, zone->name);
}

void zone_destroy_free_lists(struct zone *zone)
{
	spin_lock_destroy(&zone->lock);
}

void account_freepages(struct zone *zone, long nr_pages, unsigned int mt)
{
	/* Isolated pages are on a list, but no allocation can get them. */
	if (unlikely(mt == MIGRATE_ISOLATE))
		return;
	mod_zone_page_state(zone, NR_FREE_PAGES, nr_pages);
	if (unlikely(mt == MIGRATE_HIGHATOMIC))
		WRITE_ONCE(zone->nr_free_highatomic,
			   zone->nr_free_highatomic + (unsigned long)nr_pages);
}

void move_to_free_list(struct zone *zone, struct page *page, unsigned int mt)
{
	unsigned int order = page->order, old = page->migratetype;

	unlink_free_page(zone, page, order);
	add_to_free_list(zone, page, order, mt, true);
	if (likely(migratetype_is_mergeable(mt) && migratetype_is_mergeable(old)))
		return;
	account_freepages(zone, -(1L << order), old);
	account_freepages(zone, 1L << order, mt);
}

void expand(struct zone *zone, struct page *page, unsigned int low, unsigned int high,
	    unsigned int mt)
{
	while (high > low) {
		high--;
		add_to_free_list(zone, page + (1UL << high), high, mt, false);
	}
}

/* The buddy of a block of 2^@order at @pfn if it is a free block of that order, else NULL. */
static inline struct page *find_buddy(const struct zone *zone, struct page *page,
				      unsigned long pfn, unsigned int order)
{
	unsigned long buddy_pfn = pfn ^ (1UL << order);
	struct page *buddy = page + ((long)buddy_pfn - (long)pfn);

	/* The page array has no entries beyond memory, and a zone may end inside a block. */
	if (unlikely(buddy_pfn - zone->zone_start_pfn >= zone->spanned_pages))
		return NULL;
	if (!(READ_ONCE(buddy->flags) & PG_buddy) || buddy->order != order)
		return NULL;
	/* Below pageblock_order buddies share their pageblock and therefore their zone. */
	if (unlikely(order >= pageblock_order) && page_pageblock(buddy)->zone != zone->id)
		return NULL;
	return buddy;
}

/* Whether a block that spans a pageblock may merge with @buddy; makes their types equal. */
static bool merge_pageblock_types(struct page *buddy, unsigned int mt)
{
	unsigned int buddy_mt = get_pageblock_migratetype(buddy);

	if (mt == buddy_mt)
		return true;
	if (!migratetype_is_mergeable(mt) || !migratetype_is_mergeable(buddy_mt))
		return false;
	set_pageblock_range(buddy, buddy->order, mt);
	return true;
}

/* True when the buddy of the block's parent is free, so that a merge two orders up is near. */
static inline bool merge_likely(const struct zone *zone, struct page *page, unsigned long pfn,
				unsigned int order)
{
	unsigned long parent = pfn & ~(1UL << order);

	if (order >= MAX_PAGE_ORDER - 1)
		return false;
	return find_buddy(zone, page - (pfn - parent), parent, order + 1) != NULL;
}

void __free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int mt,
		     unsigned int fpi)
{
	unsigned long pfn = page_to_pfn(page);

	VM_BUG_ON(pfn & ((1UL << order) - 1));
	VM_BUG_ON(page_zone(page) != zone);
	VM_BUG_ON(READ_ONCE(page->flags) & PG_WHERE);

	while (order < MAX_PAGE_ORDER) {
		struct page *buddy = find_buddy(zone, page, pfn, order);
		unsigned long parent;

		if (!buddy)
			break;
		if (unlikely(order >= pageblock_order) && !merge_pageblock_types(buddy, mt))
			break;
		/* Keeps I1: neither half is a head any more once the parent is listed. */
		del_from_free_list(zone, buddy, order);
		WRITE_ONCE(page->state, 0);
		parent = pfn & ~(1UL << order);
		page -= pfn - parent;
		pfn = parent;
		order++;
	}
	add_to_free_list(zone, page, order, mt,
			 (fpi & FPI_TO_TAIL) || merge_likely(zone, page, pfn, order));
}

/* True for blocks that a page list would take: the kernel's "percpu_refill" in the trace. */
static inline bool is_refill(unsigned int order, unsigned int mt)
{
	return pagelist_order_allowed(order) && mt < MIGRATE_PCPTYPES;
}

struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, unsigned int mt)
{
	unsigned int fitting = (unsigned int)zone->free_orders[mt] >> order, high;
	struct page *page;

	if (!fitting)
		return NULL;
	high = order + (unsigned int)__builtin_ctz(fitting);
	page = list_first_entry(&zone->free_area[high].free_list[mt], struct page, lru);
	if (unlikely(page->state != PG_buddy || page->order != high))
		bad_page(page, "on a free list, but not a free block of its order");
	del_from_free_list(zone, page, high);
	expand(zone, page, order, high, mt);
	trace_kmem(page_alloc_zone_locked, page, order, (int)mt, is_refill(order, mt));
	return page;
}

struct page *__rmqueue(struct zone *zone, struct rmqueue *rq)
{
	struct page *page = NULL;

	if (rq->mode == RMQUEUE_NORMAL)
		page = __rmqueue_smallest(zone, rq->order, rq->mt);
	if (!page && rq->mode != RMQUEUE_STEAL) {
		page = pageblock_claim(zone, rq);
		/* The own lists are filled again: the next block comes from there. */
		if (page)
			rq->mode = RMQUEUE_NORMAL;
	}
	if (!page && !(rq->alloc_flags & ALLOC_NOFRAGMENT)) {
		page = pageblock_steal(zone, rq);
		/* Nothing to claim either: later blocks of this hold need not look again. */
		if (page)
			rq->mode = RMQUEUE_STEAL;
	}
	if (page)
		rq->taken += 1L << rq->order;
	return page;
}

void rmqueue_account(struct zone *zone, struct rmqueue *rq)
{
	if (rq->taken)
		account_freepages(zone, -rq->taken, rq->mt);
	rq->taken = 0;
}

static inline void put_on_pagelist(struct page *page, const struct rmqueue *rq,
				   struct list_head *list)
{
	WRITE_ONCE(page->state, PAGE_STATE(PG_pcp, 0));
	WRITE_ONCE(page->block, page_block(rq->order, rq->mt, page->last_cpu));
	list_add_tail(&page->lru, list);
}

/*
 * Takes up to @nr blocks out of the smallest fitting block of the own type; see Costs above.
 * Returns how many, 0 when the type has none.
 */
static unsigned int rmqueue_cut(struct zone *zone, struct rmqueue *rq, unsigned int nr,
				struct list_head *list) __must_hold(zone->lock)
{
	unsigned int fitting = (unsigned int)zone->free_orders[rq->mt] >> rq->order, high, n;
	const struct kmem_tracer *tracer = kmem_tracing();
	struct page *page;

	if (!fitting)
		return 0;
	high = rq->order + (unsigned int)__builtin_ctz(fitting);
	page = list_first_entry(&zone->free_area[high].free_list[rq->mt], struct page, lru);
	if (unlikely(page->state != PG_buddy || page->order != high))
		bad_page(page, "on a free list, but not a free block of its order");
	unlink_free_page(zone, page, high);
	n = min(nr, 1u << (high - rq->order));
	for (unsigned int i = 0; i < n; i++) {
		struct page *block = page + ((unsigned long)i << rq->order);

		__builtin_prefetch(block + (4UL << rq->order), 1);
		put_on_pagelist(block, rq, list);
		if (unlikely(tracer) && tracer->page_alloc_zone_locked)
			tracer->page_alloc_zone_locked(block, rq->order, (int)rq->mt,
						       is_refill(rq->order, rq->mt));
	}
	for (unsigned long pos = (unsigned long)n << rq->order; pos < 1UL << high;) {
		unsigned int order = (unsigned int)__builtin_ctzl(pos);

		add_to_free_list(zone, page + pos, order, rq->mt, false);
		pos += 1UL << order;
	}
	rq->taken += (long)n << rq->order;
	return n;
}

unsigned int __rmqueue_bulk(struct zone *zone, struct rmqueue *rq, unsigned int nr,
			    struct list_head *list)
{
	unsigned int got = 0;

	while (got < nr) {
		unsigned int n = 0;
		struct page *page;

		if (likely(rq->mode == RMQUEUE_NORMAL))
			n = rmqueue_cut(zone, rq, nr - got, list);
		if (likely(n)) {
			got += n;
			continue;
		}
		page = __rmqueue(zone, rq);
		if (!page)
			break;
		put_on_pagelist(page, rq, list);
		got++;
	}
	return got;
}

void free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi)
{
	unsigned long flags;
	unsigned int mt;

	spin_lock_irqsave(&zone->lock, flags);
	mt = get_pageblock_migratetype(page);
	__free_one_page(zone, page, order, mt, fpi);
	account_freepages(zone, 1L << order, mt);
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* The boot thread is alone: no lock to take, and no CPU to take it on. */
static void free_boot_page(struct zone *zone, struct page *page, unsigned int order)
	__context_unsafe("no CPU runs yet")
{
	unsigned int mt = get_pageblock_migratetype(page);

	__free_one_page(zone, page, order, mt, FPI_TO_TAIL);
	account_freepages(zone, 1L << order, mt);
}

void __free_pages_core(unsigned long pfn, unsigned int order)
{
	struct page *page = pfn_to_page(pfn);

	BUG_ON(page->state != 0);
	if (this_cpu())
		free_one_page(page_zone(page), page, order, FPI_TO_TAIL);
	else
		free_boot_page(page_zone(page), page, order);
}
