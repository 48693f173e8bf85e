/* SPDX-License-Identifier: MIT */
/* What page_alloc.c (fast path, frees) and page_alloc_slow.c share.  Internal to mm/page. */
#ifndef MM_PAGE_PAGE_ALLOC_IMPL_H
#define MM_PAGE_PAGE_ALLOC_IMPL_H

#include "mm/page/page_alloc.h"
#include "mm/page/watermark.h"

/* What the caller asks for. */
struct alloc_request {
	gfp_t gfp;
	unsigned int order;
	unsigned int migratetype;
	enum zone_type highest_zoneidx;
};

/* One allocation on its way through the zones, for everything but a hit. */
struct alloc_context {
	struct alloc_request req;
	const struct zonelist *zonelist;
	unsigned int preferred;		/* index of the first zone that may be used */
	unsigned int alloc_flags;	/* of the attempt in hand, or of the one that succeeded */
};

/* One pass over the zonelist with ac->alloc_flags; an unprepared block or NULL. */
struct page *get_page_from_freelist(struct alloc_context *ac);

/*
 * A block from @zone whatever its watermarks, its state PG_pcp or 0: the page list if it is first
 * in line, then the buddy and, for who may, the HIGHATOMIC reserve.
 */
struct page *rmqueue(struct zone *zone, struct alloc_context *ac);
struct page *rmqueue_buddy(struct zone *zone, struct alloc_context *ac);

/* Everything after the fast pass failed.  Follows __alloc_pages_slowpath(). */
struct page *alloc_pages_slowpath(struct alloc_context *ac);

/* Tells kswapd that @zone is low, or every zone of the request (once per node). */
void wake_kswapd(struct zone *zone, const struct alloc_context *ac);
void wake_all_kswapds(const struct alloc_context *ac);

#endif /* MM_PAGE_PAGE_ALLOC_IMPL_H */
