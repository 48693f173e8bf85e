/* SPDX-License-Identifier: MIT */
/*
 * struct page: one per frame of simulated physical memory (include/linux/mm_types.h).
 *
 * The page array is never initialised page by page: a zeroed struct page is a frame that the
 * allocator has never handed out, so booting 16 GiB touches only the heads of free blocks.  What a
 * page shares with its neighbours (zone, node, migrate type) is in its pageblock, mm/page/zone.h.
 */
#ifndef MM_PAGE_PAGE_H
#define MM_PAGE_PAGE_H

#include "runtime/bug.h"
#include "runtime/lib/atomic.h"
#include "runtime/lib/list.h"

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define MAX_PAGE_ORDER		10
#define NR_PAGE_ORDERS		(MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES	(1UL << MAX_PAGE_ORDER)
#define PAGE_ALLOC_COSTLY_ORDER	3
#define HPAGE_PMD_ORDER		9
#define pageblock_order		9
#define pageblock_nr_pages	(1UL << pageblock_order)

/*
 * Where a frame is.  Exactly one of BUDDY, PCP, ALLOCATED is set on the head of a block once the
 * allocator has touched it; none on the tail pages of a block and on reserved frames.
 */
enum page_flags {
	PG_buddy	= 1u << 0,	/* head of a free block in the buddy; page->order valid */
	PG_pcp		= 1u << 1,	/* head of a block on a per-CPU list; page->order valid */
	PG_allocated	= 1u << 2,	/* head of an allocated block; page->order valid */
	PG_reserved	= 1u << 3,	/* never given to the buddy */
	PG_head		= 1u << 4,	/* compound (__GFP_COMP) head */
	PG_tail		= 1u << 5,	/* compound tail; compound_head() finds the head */
	PG_slab		= 1u << 6,	/* owned by mm/slab */
	PG_pfmemalloc	= 1u << 7,	/* came from below the watermarks (ALLOC_NO_WATERMARKS) */
	PG_table	= 1u << 8,	/* a page table */
	PG_lru		= 1u << 9,	/* on an LRU list; must be clear when the page is freed */
	PG_owner_0	= 1u << 16,	/* from here on: free for the owner of an allocated page */
};

/*
 * Whoever owns a page's state writes @flags with WRITE_ONCE() or atomically, never plainly: CPUs
 * that free a neighbouring block look at it to see whether they can merge.
 */
struct page {
	union {
		struct {
			u32 flags;	/* enum page_flags */
			s32 _refcount;	/* atomic; 0 while free */
		};
		u64 state;		/* both at once: the allocator's state transitions */
	};
	union {
		struct list_head lru;	/* free lists, pcp lists; then the owner's */
		struct {
			void *slab_cache;
			void *freelist;
		};
		struct page *compound_head;	/* PG_tail */
	};
	void *mapping;			/* the owner's: see PAGE_MAPPING_ANON */
	unsigned long index;		/* the owner's: offset within mapping */
	unsigned long private;		/* the owner's */
	s32 _mapcount;			/* atomic; page-table entries that map it */
	u32 generation;			/* counts allocations and frees of this frame (oracles) */
	union {
		struct {
			u8 order;	/* of the block this page heads */
			u8 migratetype;	/* free: its list; allocated: the type asked for */
			u16 last_cpu;	/* CPU of the last allocation or free (reports) */
		};
		u32 block;		/* the three at once, see page_block() */
	};
	u32 owner;			/* who allocated it: a tag for reports and oracles */
};

/*
 * Bit 0 of page->mapping: it names an anon_vma, and the allocator forgets it with the page.  Any
 * other mapping must be gone before the page is freed.
 */
#define PAGE_MAPPING_ANON	1UL

_Static_assert(sizeof(struct page) == 64, "struct page must be one cache line");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "page->state, page->block");

/* page->state of a page with these flags and this reference count. */
#define PAGE_STATE(flags, count)	((u64)(count) << 32 | (flags))

/* Every flag that says where a frame is. */
#define PG_WHERE	(PG_buddy | PG_pcp | PG_allocated | PG_reserved)

/* Flags that an owner must have cleared before it frees the page. */
#define PG_CHECK_AT_FREE (PG_buddy | PG_pcp | PG_reserved | PG_tail | PG_slab | PG_table | PG_lru)

/* page->block of a block of 2^@order pages of type @mt last touched by CPU @cpu. */
static inline u32 page_block(unsigned int order, unsigned int mt, unsigned int cpu)
{
	return order | mt << 8 | cpu << 16;
}

extern struct page *mem_map;		/* page of pfn 0; indexed by pfn */
extern unsigned long max_pfn;		/* first pfn beyond memory */
extern char *direct_map;		/* host address of physical address 0; see page_address() */

static inline struct page *pfn_to_page(unsigned long pfn)
{
	VM_BUG_ON(pfn >= max_pfn);
	return mem_map + pfn;
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - mem_map);
}

static inline u64 page_to_phys(const struct page *page)
{
	return (u64)page_to_pfn(page) << PAGE_SHIFT;
}

static inline int page_count(const struct page *page)
{
	return READ_ONCE(page->_refcount);
}

static inline void set_page_count(struct page *page, int count)
{
	WRITE_ONCE(page->_refcount, count);
}

static inline void get_page(struct page *page)
{
	fetch_add_relaxed(&page->_refcount, 1);
}

/*
 * Takes a reference unless the page is free or being freed: for lookups that hold nothing.  Fully
 * ordered on success, so that what the caller checks next is at least as new as the reference.
 */
static inline bool get_page_unless_zero(struct page *page)
{
	s32 count = page_count(page);

	while (count > 0) {
		if (try_cmpxchg(&page->_refcount, &count, count + 1))
			return true;
	}
	return false;
}

/*
 * Drops one reference; true when it was the last.  Everything done with the page under any
 * reference comes before its reuse.
 *
 * The only reference there is goes without ordering: the acquire pairs with the fetch_add() of
 * those who dropped theirs before, and what hands the page on (a page list, the zone lock) orders
 * the rest.  The compare fails if a lookup took a reference meanwhile.
 */
static inline bool put_page_testzero(struct page *page)
{
	s32 only = 1;

	VM_BUG_ON(page_count(page) <= 0);
	if (likely(smp_load_acquire(&page->_refcount) == 1) &&
	    likely(try_cmpxchg_relaxed(&page->_refcount, &only, 0)))
		return true;
	return fetch_add(&page->_refcount, -1) == 1;
}

static inline bool page_test_flags(const struct page *page, u32 flags)
{
	return (READ_ONCE(page->flags) & flags) != 0;
}

/* Atomic: for flags of a page that several CPUs use at the same time. */
static inline void page_set_flags(struct page *page, u32 flags)
{
	fetch_or(&page->flags, flags);
}

static inline void page_clear_flags(struct page *page, u32 flags)
{
	fetch_and(&page->flags, ~flags);
}

/* Not atomic: only while nobody else changes the flags of this page. */
static inline void __page_set_flags(struct page *page, u32 flags)
{
	WRITE_ONCE(page->flags, READ_ONCE(page->flags) | flags);
}

static inline void __page_clear_flags(struct page *page, u32 flags)
{
	WRITE_ONCE(page->flags, READ_ONCE(page->flags) & ~flags);
}

/* The head of the compound page that @page belongs to, or @page; the caller holds a reference. */
static inline struct page *compound_head(struct page *page)
{
	return unlikely(page_test_flags(page, PG_tail)) ? page->compound_head : page;
}

/* Order of the compound page that @page heads; 0 for any other page. */
static inline unsigned int compound_order(const struct page *page)
{
	return page_test_flags(page, PG_head) ? page->order : 0;
}

#endif /* MM_PAGE_PAGE_H */
