/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's interface (include/linux/gfp.h).
 *
 * Context of every allocation: any context of a CPU; with __GFP_DIRECT_RECLAIM only where sleeping
 * is allowed (might_sleep()).  Of every free: any context of a CPU.  A block is 2^order pages,
 * aligned to its size; its order at the free is its order at the allocation.  A page that is freed
 * must have no flags of PG_CHECK_AT_FREE, no mapping and no _mapcount: anything else is a panic
 * with the page's history, in every build.
 */
#ifndef MM_PAGE_PAGE_ALLOC_H
#define MM_PAGE_PAGE_ALLOC_H

#include "mm/page/gfp.h"
#include "mm/page/zone.h"
#include "runtime/fault_inject.h"

/*
 * Allocates a block of 2^@order pages from this CPU's node (alloc_pages_node(): from @nid) or the
 * nearest one that has the zone @gfp asks for.  NULL when there is none within the reserves that
 * @gfp may use; never NULL for __GFP_NOFAIL.  The first page has a reference count of 1, the
 * others 0.  __GFP_COMP makes a compound page, __GFP_ZERO fills it with zeroes.
 */
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order) __must_check;
struct page *alloc_pages(gfp_t gfp, unsigned int order) __must_check;

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

/* The same by address, 0 when there is none; HIGHMEM has no address and is refused (BUG). */
unsigned long __get_free_pages(gfp_t gfp, unsigned int order) __must_check;
unsigned long get_zeroed_page(gfp_t gfp) __must_check;
#define __get_free_page(gfp)	__get_free_pages((gfp), 0)

/*
 * Fills the NULL entries of @pages[@nr] with single pages; returns how many entries from the
 * start are set.  One hold of the page list for most of them.  No mm_page_alloc events, as in the
 * kernel.
 */
unsigned int alloc_pages_bulk(gfp_t gfp, unsigned int nr, struct page **pages);

/* Drops a reference; the last one frees the block. */
void __free_pages(struct page *page, unsigned int order);
void free_pages(unsigned long addr, unsigned int order);
#define __free_page(page)	__free_pages((page), 0)
#define free_page(addr)		free_pages((addr), 0)

/* Drops a reference of a block by any of its pages that is a head or a compound tail. */
void put_page(struct page *page);

/*
 * Frees a single page whose only reference the caller holds: hot is the next to be allocated on
 * this CPU, cold the last (its contents are not in this CPU's cache).
 */
void free_hot_page(struct page *page);
void free_cold_page(struct page *page);

/* Makes 2^order single pages, each with its own reference, of a block that is not compound. */
void split_page(struct page *page, unsigned int order);

/* Physically contiguous memory of @size bytes: a block of the next order without its surplus. */
void *alloc_pages_exact(size_t size, gfp_t gfp) __must_check;
void free_pages_exact(void *addr, size_t size);

/*
 * Address in the direct map; NULL for a HIGHMEM page unless it is mapped by kmap().  The kva
 * layer sets the hook at boot.
 */
extern void *(*highmem_page_address)(const struct page *page);
/* Fills a HIGHMEM page with zeroes through a temporary mapping; set by the kva layer. */
extern void (*highmem_clear_page)(struct page *page);

static inline bool page_is_highmem(const struct page *page)
{
	return page_zone(page)->type == ZONE_HIGHMEM;
}

static inline void *page_address(const struct page *page)
{
	if (likely(!page_is_highmem(page)))
		return direct_map + page_to_phys(page);
	return highmem_page_address ? highmem_page_address(page) : NULL;
}

/* Page of an address in the direct map. */
static inline struct page *virt_to_page(const void *addr)
{
	return pfn_to_page((unsigned long)((const char *)addr - direct_map) >> PAGE_SHIFT);
}

/* Smallest order whose block holds @size bytes; @size > 0. */
static inline unsigned int get_order(size_t size)
{
	return fls64((size - 1) >> PAGE_SHIFT);
}

/* Highest zone that @gfp may use; more than one zone modifier means the lowest of them. */
static inline enum zone_type gfp_zone(gfp_t gfp)
{
	/* Two bits for each combination of __GFP_DMA32, __GFP_HIGHMEM and __GFP_DMA. */
	const unsigned int table = ZONE_NORMAL << 0 | ZONE_DMA << 2 | ZONE_HIGHMEM << 4 |
		ZONE_DMA << 6 | ZONE_DMA32 << 8 | ZONE_DMA << 10 | ZONE_DMA32 << 12 |
		ZONE_DMA << 14;

	return (enum zone_type)(table >> (gfp & 7) * 2 & 3);
}

/* ---- the task's flags: what the work on this CPU may do, not what it asks for ---- */

#define PF_MEMALLOC		(1u << 0)	/* frees memory: all reserves are open */
#define PF_MEMALLOC_NOIO	(1u << 1)	/* allocations imply GFP_NOIO */
#define PF_MEMALLOC_NOFS	(1u << 2)	/* allocations imply GFP_NOFS */
#define PF_OOM_VICTIM		(1u << 3)	/* dies: half of the reserve is open */

/* Sets a flag of this CPU's task and returns the old flags for the restore.  Task context. */
unsigned int memalloc_flags_save(unsigned int flags);
void memalloc_flags_restore(unsigned int old);
/* Flags that count here: none in hard interrupts, the task's own in task context. */
unsigned int memalloc_flags(void);

/* ---- upcalls into reclaim ---- */

/* What a failing allocation tells reclaim. */
struct reclaim_request {
	gfp_t gfp;
	unsigned int order;
	const struct zonelist *zonelist;
	enum zone_type highest_zoneidx;
};

/* Registered by the layers above; every entry may be NULL.  Host thread, quiescent machine. */
struct page_reclaim_ops {
	/* A zone is low (order and highest zone as asked for); any context, must not sleep. */
	void (*wake_kswapd)(struct zone *zone, const struct reclaim_request *req);
	/* Frees what it can; returns pages freed, 0 = no progress.  Task context. */
	unsigned long (*direct_reclaim)(const struct reclaim_request *req);
	/* Makes a block of req->order by moving pages; true when it may have.  Task context. */
	bool (*compact)(const struct reclaim_request *req);
	/* Pages of @zone that reclaim could still free. */
	unsigned long (*reclaimable_pages)(const struct zone *zone);
	/* Kills somebody; true when memory will come.  Task context. */
	bool (*out_of_memory)(const struct reclaim_request *req);
};

void page_reclaim_register(const struct page_reclaim_ops *ops);

/* ---- fault injection (Documentation/fault-injection, fail_page_alloc) ---- */

struct fail_page_alloc {
	bool enabled;
	bool ignore_gfp_wait;		/* spare allocations that may sleep (kernel default: yes) */
	bool ignore_gfp_highmem;	/* spare highmem allocations */
	unsigned int min_order;
	/* As in struct fault_options (runtime/fault_inject.h); space counts pages. */
	unsigned int probability, interval;
	s64 times, space;
	u64 fail_nth;
};

/* Copies the configuration and arms it (opt->enabled); host thread or one CPU. */
void fail_page_alloc_set(const struct fail_page_alloc *opt);
/* Its counts, and what fault_nth_arm() walks with. */
struct fault_attr *fail_page_alloc_attr(void);

/* ---- options ---- */

/* Overwrites freed frames with a pattern and checks it at the next allocation.  Quiescent. */
void page_poison_enable(bool enable);

/* Forgets hooks, options and failure counts of an earlier machine.  Before boot. */
void page_alloc_reset(void);

#endif /* MM_PAGE_PAGE_ALLOC_H */
