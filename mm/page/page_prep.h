/* SPDX-License-Identifier: MIT */
/*
 * A block's change of hands: the state transitions at allocation and free, and their checks.
 *
 * The inline halves are the hot path; what only some requests need is in page_prep.c.  Internal to
 * mm/page.
 */
#ifndef MM_PAGE_PAGE_PREP_H
#define MM_PAGE_PAGE_PREP_H

#include "mm/page/page_alloc_impl.h"
#include "mm/page/page_check.h"
#include "mm/page/trace_kmem.h"
#include "mm/page/vmstat.h"

/* Frames are poisoned when they are freed and checked when they are allocated. */
extern bool page_poison;

/* The rest of prep_new_page() for __GFP_ZERO, __GFP_COMP and poison. */
void prep_new_page_rare(struct page *page, gfp_t gfp, unsigned int order);

/* The rest of free_pages_prepare() for compound pages and poison. */
void free_pages_prepare_rare(struct page *page, unsigned int order);

/* Panics with what is wrong with @page at its free. */
__attribute__((noreturn)) __cold void free_page_is_bad(const struct page *page,
						       unsigned int order);

/* True when some list of a type that anybody may use has a block of at least 2^@order pages. */
static inline bool zone_has_block(const struct zone *zone, unsigned int order)
{
	unsigned int orders = READ_ONCE(zone->free_orders[MIGRATE_UNMOVABLE]) |
		READ_ONCE(zone->free_orders[MIGRATE_MOVABLE]) |
		READ_ONCE(zone->free_orders[MIGRATE_RECLAIMABLE]);

	return orders >> order != 0;
}

/*
 * Makes the block that just left a page list or the buddy an allocated one.  The caller is its
 * only user: no ordering is needed beyond that of the list's lock.
 */
static inline void prep_new_page(struct page *page, const struct zone *zone,
				 const struct alloc_request *req)
{
	/* From a page list (PG_pcp and the right order) or from the buddy (0). */
	if (unlikely(page->state && (page->state != PG_pcp || page->order != req->order)))
		bad_page(page, "allocated, but not a free block of the order asked for");
	WRITE_ONCE(page->state, PAGE_STATE(PG_allocated, 1));
	WRITE_ONCE(page->block, page_block(req->order, req->migratetype, smp_processor_id()));
	page->generation++;
	count_vm_events((enum vm_event_item)(PGALLOC_DMA + zone->type), 1UL << req->order);
	if (unlikely((req->gfp & (__GFP_ZERO | __GFP_COMP)) || page_poison))
		prep_new_page_rare(page, req->gfp, req->order);
}

/* What every page must be like when its last reference is gone; see page_alloc.h. */
#define PAGE_FREE_MASK	(PAGE_STATE(PG_CHECK_AT_FREE | PG_allocated, 0xffffffffu))

/* A mapping that its owner has to take down first; an anon_vma just stays behind in the page. */
static inline bool page_has_owner(const struct page *page)
{
	return page->mapping && !((unsigned long)page->mapping & PAGE_MAPPING_ANON);
}

static inline void free_pages_prepare(struct page *page, unsigned int order)
{
	trace_kmem(page_free, page, order);
	if (unlikely((page->state & PAGE_FREE_MASK) != PG_allocated || page->order != order ||
		     page->_mapcount || page_has_owner(page)))
		free_page_is_bad(page, order);
	WRITE_ONCE(page->mapping, NULL);
	WRITE_ONCE(page->last_cpu, (u16)smp_processor_id());
	page->generation++;
	if (unlikely(page_poison || page_test_flags(page, PG_head)))
		free_pages_prepare_rare(page, order);
}

/* Makes 2^@order pages inside an allocated block an allocated block of their own, refcount 1. */
static inline void prep_split_block(struct page *page, unsigned int order)
{
	WRITE_ONCE(page->state, PAGE_STATE(PG_allocated, 1));
	WRITE_ONCE(page->block, page_block(order, page->migratetype, smp_processor_id()));
	page->mapping = NULL;
	page->generation++;
}

#endif /* MM_PAGE_PAGE_PREP_H */
