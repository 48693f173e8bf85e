/* SPDX-License-Identifier: MIT */
/*
 * Oracles of the page allocator: what is wrong with a page, a zone, or the sum of all frames.
 *
 * zone_check() and page_census_take() walk everything and want a quiescent machine (no CPU runs
 * work); bad_page() is called by the allocator at the point where a state is wrong.
 */
#ifndef MM_PAGE_PAGE_CHECK_H
#define MM_PAGE_PAGE_CHECK_H

#include <stdio.h>

#include "mm/page/zone.h"

/* Panics: @what, and the page's pfn, state, order, reference count, generation and last CPU. */
__attribute__((noreturn)) __cold void bad_page(const struct page *page, const char *what);

/* One line about @page, for reports.  Returns @buf. */
const char *page_describe(const struct page *page, char *buf, size_t size);

/* Where the frames of a zone are, in pages. */
struct page_census {
	unsigned long free;		/* PG_buddy */
	unsigned long free_isolated;	/* of these, on ISOLATE lists */
	unsigned long pcp;		/* PG_pcp */
	unsigned long allocated;	/* PG_allocated */
	unsigned long none;		/* never given to the allocator: reserved frames, holes */
};

/* How a check ended; @text says what is wrong when it is not ok. */
struct page_check_result {
	bool ok;
	char text[256];
};

/*
 * Counts the zone's frames by walking the page array block by block: each frame is in exactly one
 * block.  Fails on a block that is misaligned or reaches out of the zone and, with @deep, on a
 * tail page that claims to be a head (this reads every struct page).
 */
struct page_check_result page_census_take(const struct zone *zone, bool deep,
					  struct page_census *census);

/*
 * The free lists: well formed, every block aligned, inside the zone, of its list's order and
 * type; no unmerged buddies; nr_free, free_orders and NR_FREE_PAGES agree with the lists.
 */
struct page_check_result zone_check(const struct zone *zone);
bool zone_is_valid(const struct zone *zone);

/*
 * Everything at once for every zone: zone_check(), the census against managed_pages, the lists
 * and the per-CPU lists.  @allocated: pages that the caller knows to be allocated, or -1.
 */
struct page_check_result page_alloc_check(bool deep, long allocated);

#endif /* MM_PAGE_PAGE_CHECK_H */
