/* SPDX-License-Identifier: MIT */
/*
 * The buddy system of a zone: free blocks of 2^order pages on lists by order and migrate type.
 *
 * Internal to mm/page: the public allocator is mm/page/page_alloc.h.  Everything here is called
 * with zone->lock held, or by the host thread while no CPU runs (boot).  Callers account
 * NR_FREE_PAGES themselves, once per hold, after the lists and before the unlock: see
 * account_freepages().  Theory in buddy.c.
 */
#ifndef MM_PAGE_BUDDY_H
#define MM_PAGE_BUDDY_H

#include "mm/page/vmstat.h"
#include "mm/page/zone.h"

/* __free_one_page() flags. */
#define FPI_NONE	0u
#define FPI_TO_TAIL	(1u << 0)	/* cold: the block goes to the tail of its list */

/* Empties the free lists and initialises the lock; zone->name is set.  Boot. */
void zone_init_free_lists(struct zone *zone);
void zone_destroy_free_lists(struct zone *zone);

/*
 * Hands the never used block of 2^@order pages at @pfn to the buddy, to the tail of its list.
 * Boot or memory hot-add: the caller accounts managed_pages.  Host thread or CPU, any context.
 */
void __free_pages_core(unsigned long pfn, unsigned int order);

/* True for types whose free pageblocks may merge with one another. */
static inline bool migratetype_is_mergeable(unsigned int mt)
{
	return mt < MIGRATE_PCPTYPES;
}

/* ---- list primitives: the block must be aligned, inside the zone, and in no other place ---- */

static inline void free_list_mark(struct zone *zone, unsigned int order, unsigned int mt)
{
	WRITE_ONCE(zone->free_orders[mt], (u16)(zone->free_orders[mt] | 1u << order));
}

static inline void add_to_free_list(struct zone *zone, struct page *page, unsigned int order,
				    unsigned int mt, bool tail)
{
	struct free_area *area = &zone->free_area[order];

	WRITE_ONCE(page->state, PAGE_STATE(PG_buddy, 0));
	page->order = (u8)order;
	WRITE_ONCE(page->migratetype, (u8)mt);
	if (tail)
		list_add_tail(&page->lru, &area->free_list[mt]);
	else
		list_add(&page->lru, &area->free_list[mt]);
	free_list_mark(zone, order, mt);
	WRITE_ONCE(area->nr_free, area->nr_free + 1);
}

/* Leaves page->state as it is: the caller says at once where the block is now. */
static inline void unlink_free_page(struct zone *zone, struct page *page, unsigned int order)
{
	struct free_area *area = &zone->free_area[order];
	struct list_head *next = page->lru.next, *prev = page->lru.prev;

	prev->next = next;
	next->prev = prev;
	if (next == prev) {
		unsigned int mt = page->migratetype;

		WRITE_ONCE(zone->free_orders[mt], (u16)(zone->free_orders[mt] & ~(1u << order)));
	}
	WRITE_ONCE(area->nr_free, area->nr_free - 1);
}

static inline void del_from_free_list(struct zone *zone, struct page *page, unsigned int order)
{
	unlink_free_page(zone, page, order);
	WRITE_ONCE(page->state, 0);
}

/* Moves a free block to the tail of another type's list of the same order. */
void move_to_free_list(struct zone *zone, struct page *page, unsigned int mt)
	__must_hold(zone->lock);

/*
 * Gives back the upper halves of the block of 2^@high at @page, to list heads, until 2^@low
 * pages are left.  The block is on no list.
 */
void expand(struct zone *zone, struct page *page, unsigned int low, unsigned int high,
	    unsigned int mt) __must_hold(zone->lock);

/* Adds @nr_pages (or takes them, if negative) of type @mt to the zone's free counters. */
void account_freepages(struct zone *zone, long nr_pages, unsigned int mt)
	__must_hold(zone->lock);

/* ---- the two operations ---- */

/*
 * Puts a block of 2^@order pages that is in no other place on the free lists, merged with its
 * free buddies.  @mt: type of its pageblock.  Follows mm/page_alloc.c.
 */
void __free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int mt,
		     unsigned int fpi) __must_hold(zone->lock);

/*
 * Takes a block of 2^@order pages of type @mt, the smallest that is big enough, split down.  Its
 * state is 0: the caller says where it is now.  NULL: none of this type.
 */
struct page *__rmqueue_smallest(struct zone *zone, unsigned int order, unsigned int mt)
	__must_hold(zone->lock);

/* Where the search starts; remembered for the blocks that one hold takes. */
enum rmqueue_mode { RMQUEUE_NORMAL, RMQUEUE_STEAL };

/* One caller's search, for all blocks that it takes in one hold of zone->lock. */
struct rmqueue {
	unsigned int order, mt, alloc_flags;
	enum rmqueue_mode mode;
	long taken;		/* pages, for rmqueue_account() */
};

/* Own type first, then claim a foreign pageblock, then steal.  NULL: the zone has nothing. */
struct page *__rmqueue(struct zone *zone, struct rmqueue *rq) __must_hold(zone->lock);

/* Accounts what rq took; before the unlock. */
void rmqueue_account(struct zone *zone, struct rmqueue *rq) __must_hold(zone->lock);

/*
 * Takes up to @nr blocks and appends them to @list with PG_pcp set, in the order that as many
 * calls of __rmqueue() would have taken them.  Returns how many.
 */
unsigned int __rmqueue_bulk(struct zone *zone, struct rmqueue *rq, unsigned int nr,
			    struct list_head *list) __must_hold(zone->lock);

/* Takes zone->lock and puts one block, in no place now, on the free lists. */
void free_one_page(struct zone *zone, struct page *page, unsigned int order, unsigned int fpi);

#endif /* MM_PAGE_BUDDY_H */
