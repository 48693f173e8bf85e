/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: the zonelist walk in front of page lists and buddy, and the frees.
 *
 * What.  An allocation takes the first zone of its zonelist that has enough free pages above its
 * watermark, and there this CPU's page list first, the buddy second.  The common case (first
 * zone, above the high mark, list not empty) is straight code without an atomic operation; every
 * other case is in a function of its own.
 *
 * States of a page (flags of its block's head, always checked):
 *
 *	PG_buddy --refill--> PG_pcp --alloc--> PG_allocated --free--> PG_pcp --spill--> PG_buddy
 *	PG_buddy --alloc past the lists--> PG_allocated --free past the lists--> PG_buddy
 *
 * Invariants.
 *   I1  An allocation turns exactly one block from PG_pcp or 0 into PG_allocated with refcount 1;
 *       a free turns one back whose refcount is 0.  Finding anything else is a panic.
 *   I2  generation of a block's head grows by one with each of the two.
 *   I3  free + listed + allocated pages = managed pages (page_census_take()).
 *   I4  PGALLOC_* - PGFREE = allocated pages, counted in pages.
 *
 * Locking.  None here: owner_lock of the page list, zone->lock in the buddy.
 * Context.  Any; blocking allocations where sleeping is allowed.  Failure.  NULL, after what gfp
 * asks for has been tried (page_alloc_slow.c).
 *
 * Costs.  Hit: one walk of a zonelist that nearly always ends at its first entry, two read-mostly
 * lines of the zone, the counter's line, one line of the page list, the page.  A free adds the one
 * atomic that a reference count needs.
 *
 * See also.  tests/unit/test_page_alloc.c, tests/mt/test_pages_mt.c.
 */
#include "mm/page/page_alloc_impl.h"

#include "mm/page/buddy.h"
#include "mm/page/page_check.h"
#include "mm/page/page_fail.h"
#include "mm/page/page_prep.h"
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"

/* Pages that a bulk allocation takes in one hold of the page list. */
#define BULK_CHUNK	32u

/* ---- one pass over the zones ---- */

struct page *rmqueue_buddy(struct zone *zone, struct alloc_context *ac)
{
	struct rmqueue rq = {
		.order = ac->req.order, .mt = ac->req.migratetype, .alloc_flags = ac->alloc_flags,
	};
	unsigned int from = ac->req.migratetype;
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	if (ac->alloc_flags & ALLOC_HIGHATOMIC) {
		from = MIGRATE_HIGHATOMIC;
		page = __rmqueue_smallest(zone, ac->req.order, from);
	}
	if (!page) {
		from = ac->req.migratetype;
		page = __rmqueue(zone, &rq);
	}
	/* Rather a page of the reserve than a failure that nobody can wait for. */
	if (!page && (ac->alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK))) {
		from = MIGRATE_HIGHATOMIC;
		page = __rmqueue_smallest(zone, ac->req.order, from);
	}
	if (page)
		account_freepages(zone, -(1L << ac->req.order), from);
	spin_unlock_irqrestore(&zone->lock, flags);
	if (page && pagelist_order_allowed(ac->req.order))
		count_vm_event(PCP_ALLOC_BYPASS);
	return page;
}

struct page *rmqueue(struct zone *zone, struct alloc_context *ac)
{
	unsigned int order = ac->req.order, mt = ac->req.migratetype;
	struct page *page = NULL;

	if (pagelist_order_allowed(order)) {
		if (unlikely(ac->req.gfp & __GFP_COLD))
			page = pcp_alloc_cold(zone, order, mt, ac->alloc_flags);
		else
			page = pcp_alloc(zone, order, mt, ac->alloc_flags);
	}
	if (!page)
		page = rmqueue_buddy(zone, ac);
	/* The types got mixed in this zone: kswapd is to make room for whole blocks again. */
	if ((ac->alloc_flags & ALLOC_KSWAPD) &&
	    (READ_ONCE(zone->flags) & ZONE_BOOSTED_WATERMARK)) {
		fetch_and(&zone->flags, ~(u32)ZONE_BOOSTED_WATERMARK);
		wake_kswapd(zone, ac);
	}
	return page;
}

/* Whether the attempt's watermark lets it take from @zone; notes that it is below high. */
static bool zone_passes(struct zone *zone, const struct alloc_context *ac)
{
	struct wmark_request req = {
		.order = ac->req.order, .highest_zoneidx = ac->req.highest_zoneidx,
		.alloc_flags = ac->alloc_flags,
	};

	/* Found out here, so that the hotter free path has only a flag to read. */
	if (!(READ_ONCE(zone->flags) & ZONE_BELOW_HIGH)) {
		req.mark = high_wmark_pages(zone);
		if (zone_watermark_fast(zone, &req))
			return true;
		fetch_or(&zone->flags, (u32)ZONE_BELOW_HIGH);
	}
	if (ac->alloc_flags & ALLOC_NO_WATERMARKS)
		return true;
	req.mark = wmark_pages(zone, (enum zone_watermarks)(ac->alloc_flags & ALLOC_WMARK_MASK));
	return zone_watermark_fast(zone, &req);
}

static struct page *try_zones(struct alloc_context *ac)
{
	const struct zonelist *zonelist = ac->zonelist;
	const struct zone *preferred = zonelist->refs[ac->preferred].zone;

	for (unsigned int i = ac->preferred; i < zonelist->nr; i++) {
		struct zone *zone = zonelist->refs[i].zone;
		struct page *page;

		if (zonelist->refs[i].type > ac->req.highest_zoneidx)
			continue;
		/* Mixing types here is better than going to another node. */
		if ((ac->alloc_flags & ALLOC_NOFRAGMENT) && zone->node != preferred->node)
			return NULL;
		if (!zone_passes(zone, ac))
			continue;
		page = rmqueue(zone, ac);
		if (!page)
			continue;
		if (unlikely(ac->alloc_flags & ALLOC_HIGHATOMIC))
			reserve_highatomic_pageblock(page, ac->req.order, zone);
		return page;
	}
	return NULL;
}

struct page *get_page_from_freelist(struct alloc_context *ac)
{
	struct page *page = try_zones(ac);

	if (!page && (ac->alloc_flags & ALLOC_NOFRAGMENT)) {
		ac->alloc_flags &= ~ALLOC_NOFRAGMENT;
		page = try_zones(ac);
	}
	return page;
}

/* ---- allocation ---- */

/*
 * A test that only says yes where zone_watermark_fast() at the high mark would, from four words:
 * then neither the low mark nor ZONE_BELOW_HIGH can matter.
 */
static inline bool zone_has_plenty(const struct zone *zone, unsigned int order,
				   enum zone_type highest_zoneidx)
{
	s64 usable = READ_ONCE(zone->vm_stat[NR_FREE_PAGES]) -
		     (s64)READ_ONCE(zone->nr_free_highatomic);
	unsigned long keep = high_wmark_pages(zone) +
		READ_ONCE(zone->lowmem_reserve[highest_zoneidx]) + (1UL << order) - 1;

	if (unlikely(usable <= (s64)keep))
		return false;
	return order == 0 || zone_has_block(zone, order);
}

static const struct zonelist *gfp_zonelist(const pg_data_t *pgdat, gfp_t gfp)
{
	return gfp & __GFP_THISNODE ? &pgdat->thisnode_zonelists : &pgdat->node_zonelists;
}

/* Flags of the first attempt in @zone. */
static inline unsigned int first_alloc_flags(const struct zone *zone, gfp_t gfp)
{
	_Static_assert(ALLOC_KSWAPD == __GFP_KSWAPD_RECLAIM, "one bit for both");
	return ALLOC_WMARK_LOW | (gfp & ALLOC_KSWAPD) | zone->fast_flags;
}

/*
 * Everything but the hit: finds a block the long way and prepares it.  @pcp_failed: the preferred
 * zone has plenty, but this CPU's list of it gave nothing.
 */
static __noinline struct page *alloc_pages_miss(const pg_data_t *pgdat,
						const struct alloc_request *req,
						unsigned int preferred, bool pcp_failed)
{
	struct alloc_context ac = {
		.req = *req, .zonelist = gfp_zonelist(pgdat, req->gfp), .preferred = preferred,
	};
	struct zone *zone = ac.zonelist->refs[preferred].zone;
	struct page *page = NULL;

	ac.alloc_flags = first_alloc_flags(zone, req->gfp);
	if (pcp_failed)
		page = rmqueue_buddy(zone, &ac);
	if (!page)
		page = get_page_from_freelist(&ac);
	if (!page)
		page = alloc_pages_slowpath(&ac);
	if (!page)
		return NULL;
	prep_new_page(page, page_zone(page), req);
	/* The owner must know: a page of the reserve is to serve freeing memory only. */
	if (ac.alloc_flags & ALLOC_NO_WATERMARKS)
		__page_set_flags(page, PG_pfmemalloc);
	return page;
}

/* No zone of the list may be used, the order is beyond the buddy, or a fault was injected. */
static __noinline __cold struct page *alloc_pages_refused(gfp_t gfp, unsigned int order)
{
	count_vm_event(PGALLOC_FAIL);
	trace_kmem(page_alloc, NULL, order, gfp, gfp_migratetype(gfp));
	return NULL;
}

/* The hit.  Inlined with a constant order 0 and once more for all other orders. */
static __hot_inline struct page *
alloc_from(const pg_data_t *pgdat, gfp_t gfp, unsigned int order)
{
	const unsigned int mt = (unsigned int)gfp_migratetype(gfp);
	const enum zone_type highest_zoneidx = gfp_zone(gfp);
	const struct alloc_request req = { gfp, order, mt, highest_zoneidx };
	const struct zonelist *zonelist = &pgdat->node_zonelists;
	struct page *page = NULL;
	unsigned int preferred = 0;
	bool pcp_failed = false;
	struct zone *zone;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (unlikely(order > MAX_PAGE_ORDER || should_fail_alloc_page(gfp, order)))
		return alloc_pages_refused(gfp, order);
	if (unlikely(gfp & __GFP_THISNODE)) {
		zonelist = &pgdat->thisnode_zonelists;
		/* A node of CPUs only. */
		if (!zonelist->nr)
			return alloc_pages_refused(gfp, order);
	}
	while (zonelist->refs[preferred].type > highest_zoneidx)
		if (++preferred >= zonelist->nr)
			return alloc_pages_refused(gfp, order);

	zone = zonelist->refs[preferred].zone;
	if (likely(pagelist_order_allowed(order) && !(gfp & __GFP_COLD) &&
		   zone_has_plenty(zone, order, highest_zoneidx))) {
		page = pcp_alloc(zone, order, mt, first_alloc_flags(zone, gfp));
		pcp_failed = !page;
	}
	if (likely(page)) {
		prep_new_page(page, zone, &req);
	} else {
		/* A copy: what escapes to a function would have to live in memory on a hit too. */
		const struct alloc_request missed = req;

		page = alloc_pages_miss(pgdat, &missed, preferred, pcp_failed);
	}
	trace_kmem(page_alloc, page, order, gfp, (int)mt);
	return page;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	const pg_data_t *pgdat = NODE_DATA(this_cpu()->node);

	return likely(order == 0) ? alloc_from(pgdat, gfp, 0) : alloc_from(pgdat, gfp, order);
}

struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	BUG_ON(nid < 0 || nid >= (int)nr_node_ids);
	return alloc_from(NODE_DATA(nid), gfp, order);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page;

	BUG_ON(gfp & __GFP_HIGHMEM);
	page = alloc_pages(gfp, order);
	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

/* ---- bulk allocation ---- */

/* The first zone that can give @nr pages more and stay above its low mark, or NULL. */
static struct zone *bulk_zone(struct alloc_context *ac, unsigned int nr)
{
	for (unsigned int i = 0; i < ac->zonelist->nr; i++) {
		struct zone *zone = ac->zonelist->refs[i].zone;
		struct wmark_request req = {
			.highest_zoneidx = ac->req.highest_zoneidx,
			.alloc_flags = ac->alloc_flags,
			.mark = low_wmark_pages(zone) + nr,
		};

		if (ac->zonelist->refs[i].type <= ac->req.highest_zoneidx &&
		    zone_watermark_fast(zone, &req)) {
			ac->preferred = i;
			return zone;
		}
	}
	return NULL;
}

/* Puts prepared pages into the NULL entries from *@at on; returns how many did not fit. */
static void place_pages(struct page **pages, unsigned int *at, struct page **got, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		while (pages[*at])
			(*at)++;
		pages[*at] = got[i];
	}
}

static unsigned int count_missing(unsigned int nr, struct page **pages)
{
	unsigned int missing = 0;

	for (unsigned int i = 0; i < nr; i++)
		missing += !pages[i];
	return missing;
}

unsigned int alloc_pages_bulk(gfp_t gfp, unsigned int nr, struct page **pages)
{
	const pg_data_t *pgdat = NODE_DATA(this_cpu()->node);
	struct alloc_context ac = {
		.req = { gfp, 0, (unsigned int)gfp_migratetype(gfp), gfp_zone(gfp) },
		.zonelist = gfp_zonelist(pgdat, gfp),
		.alloc_flags = ALLOC_WMARK_LOW | (gfp & __GFP_KSWAPD_RECLAIM),
	};
	unsigned int missing = count_missing(nr, pages), at = 0, n;
	struct page *got[BULK_CHUNK];
	struct zone *zone = NULL;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	/* For one page the plain allocation does the same and more. */
	if (missing > 1 && !should_fail_alloc_page(gfp, 0))
		zone = bulk_zone(&ac, missing);
	while (zone && missing) {
		n = pcp_alloc_bulk(zone, ac.req.migratetype, ac.alloc_flags, got,
				   min(missing, BULK_CHUNK));
		for (unsigned int i = 0; i < n; i++)
			prep_new_page(got[i], zone, &ac.req);
		place_pages(pages, &at, got, n);
		missing -= n;
		if (!n)
			break;
	}
	if (missing) {
		got[0] = alloc_pages(gfp, 0);
		if (got[0])
			place_pages(pages, &at, got, 1);
	}
	for (n = 0; n < nr && pages[n];)
		n++;
	return n;
}

/* ---- frees ---- */

/* Where a block goes that is being freed; racy, and good enough for a page list. */
struct free_target {
	struct zone *zone;
	unsigned int mt;
};

static inline struct free_target free_target(const struct page *page)
{
	return (struct free_target){ page_zone(page), get_pageblock_migratetype(page) };
}

/* Past the page list: it is in use, has no such order, or the pageblock is isolated. */
static __noinline void free_to_buddy(struct page *page, unsigned int order, bool cold)
{
	if (pagelist_order_allowed(order))
		count_vm_event(PCP_FREE_BYPASS);
	WRITE_ONCE(page->state, 0);
	free_one_page(page_zone(page), page, order, cold ? FPI_TO_TAIL : FPI_NONE);
}

/* Frees a block whose last reference is gone. */
static __hot_inline void
free_block(struct page *page, unsigned int order, struct free_target to)
{
	free_pages_prepare(page, order);
	count_vm_events(PGFREE, 1UL << order);
	/* The reserve's pages are lent out as movable until the next spill. */
	if (unlikely(to.mt >= MIGRATE_PCPTYPES))
		to.mt = to.mt == MIGRATE_ISOLATE ? MIGRATE_ISOLATE : MIGRATE_MOVABLE;
	if (unlikely(!pagelist_order_allowed(order) || to.mt == MIGRATE_ISOLATE ||
		     !pcp_free(to.zone, page, order, to.mt)))
		free_to_buddy(page, order, false);
}

/* Drops a reference and frees the block with the last one. */
static __hot_inline void put_block(struct page *page, unsigned int order)
{
	/* Looked up first: the atomic operation below holds up every load behind it. */
	const struct free_target to = free_target(page);

	if (unlikely(!page_test_flags(page, PG_allocated)))
		bad_page(page, "freed, but not allocated");
	if (likely(put_page_testzero(page)))
		free_block(page, order, to);
}

void __free_pages(struct page *page, unsigned int order)
{
	if (likely(order == 0))
		put_block(page, 0);
	else
		put_block(page, order);
}

void put_page(struct page *page)
{
	page = compound_head(page);
	/* A lookup may hold the last reference of a block that its owner has freed meanwhile. */
	__free_pages(page, page->order);
}

void free_hot_page(struct page *page)
{
	__free_pages(page, 0);
}

void free_cold_page(struct page *page)
{
	struct free_target to = free_target(page);

	if (unlikely(!page_test_flags(page, PG_allocated)))
		bad_page(page, "freed, but not allocated");
	if (!put_page_testzero(page))
		return;
	free_pages_prepare(page, 0);
	count_vm_event(PGFREE);
	if (to.mt == MIGRATE_HIGHATOMIC)
		to.mt = MIGRATE_MOVABLE;
	if (to.mt >= MIGRATE_PCPTYPES || !pcp_free_cold(to.zone, page, 0, to.mt))
		free_to_buddy(page, 0, true);
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

/* ---- blocks of other sizes ---- */

void split_page(struct page *page, unsigned int order)
{
	BUG_ON(page_test_flags(page, PG_head | PG_tail) || page->order != order);
	for (unsigned long i = 1; i < 1UL << order; i++)
		prep_split_block(page + i, 0);
	WRITE_ONCE(page->order, 0);
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	unsigned long nr = align_up(size, PAGE_SIZE) >> PAGE_SHIFT;
	struct page *page;

	BUG_ON(!size || (gfp & (__GFP_COMP | __GFP_HIGHMEM)));
	page = alloc_pages(gfp, order);
	if (!page)
		return NULL;
	split_page(page, order);
	for (unsigned long i = nr; i < 1UL << order; i++)
		__free_page(page + i);
	return page_address(page);
}

void free_pages_exact(void *addr, size_t size)
{
	struct page *page = virt_to_page(addr);

	for (size_t done = 0; done < size; done += PAGE_SIZE)
		__free_page(page++);
}
