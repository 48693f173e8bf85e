/* SPDX-License-Identifier: MIT */
/*
 * Watermarks and reserves: how much of a zone must stay free, and who may go below.
 *
 * The functions without a zone argument are pure and tested by tables; the others apply them to
 * zones[].  Follows mm/page_alloc.c and mm/internal.h; the theory is in watermark.c.
 */
#ifndef MM_PAGE_WATERMARK_H
#define MM_PAGE_WATERMARK_H

#include "mm/page/gfp.h"
#include "mm/page/zone.h"

/*
 * Allocation flags: what one allocation attempt may do.  The low two bits are the index of the
 * watermark that the attempt is tested against (enum zone_watermarks).
 */
#define ALLOC_WMARK_MIN		((unsigned int)WMARK_MIN)
#define ALLOC_WMARK_LOW		((unsigned int)WMARK_LOW)
#define ALLOC_WMARK_HIGH	((unsigned int)WMARK_HIGH)
#define ALLOC_NO_WATERMARKS	0x004u	/* no test at all: the request helps to free memory */
#define ALLOC_WMARK_MASK	0x003u
#define ALLOC_OOM		0x008u	/* an OOM victim: half of the mark */
#define ALLOC_NON_BLOCK		0x010u	/* cannot reclaim: a quarter more of what is left */
#define ALLOC_MIN_RESERVE	0x020u	/* __GFP_HIGH: half of the mark */
#define ALLOC_NOFRAGMENT	0x100u	/* rather another zone than a foreign pageblock */
#define ALLOC_HIGHATOMIC	0x200u	/* may take from MIGRATE_HIGHATOMIC blocks */
#define ALLOC_KSWAPD		0x800u	/* wake kswapd when the attempt finds too little */
#define ALLOC_RESERVES \
	(ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM)

/* Kernel defaults and bounds of the tunables. */
#define MIN_FREE_KBYTES_MIN	128UL
#define MIN_FREE_KBYTES_MAX	262144UL
#define WATERMARK_SCALE_FACTOR	10U	/* ten-thousandths of the zone between two marks */
#define WATERMARK_SCALE_MAX	3000U
#define WATERMARK_BOOST_FACTOR	15000U	/* ten-thousandths of the high mark; 0 = no boost */

/* The tunables, read by the setup functions below; written before boot or quiescent. */
struct watermark_tunables {
	unsigned long min_free_kbytes;	/* all zones together */
	unsigned int scale_factor;	/* 1..WATERMARK_SCALE_MAX */
	unsigned int boost_factor;
	unsigned int lowmem_ratio[MAX_NR_ZONES];	/* 0 = this zone keeps no reserve */
};
extern struct watermark_tunables watermark_tunables;

/* Sets the kernel's defaults; min_free_kbytes is left 0 until setup_min_free_kbytes(). */
void watermark_tunables_reset(void);

/* Integer square root, rounded down. */
u64 int_sqrt64(u64 x);

/*
 * min_free_kbytes for @lowmem_kbytes of memory outside ZONE_HIGHMEM:
 * clamp(int_sqrt(16 * lowmem), 128, 262144).  Pure.
 */
unsigned long calc_min_free_kbytes(u64 lowmem_kbytes);

/*
 * The floor that transparent huge pages ask for: enough free pageblocks in @populated
 * zones to keep migrate types apart, at most a twentieth of @lowmem_pages.  Pure.
 * Follows mm/khugepaged.c.
 */
unsigned long calc_thp_min_free_kbytes(unsigned int populated, unsigned long lowmem_pages);

/* What the marks of one zone depend on. */
struct wmark_input {
	unsigned long managed;		/* pages of the zone */
	unsigned long lowmem;		/* managed pages of all zones but HIGHMEM */
	unsigned long min_free_pages;	/* min_free_kbytes, in pages */
	unsigned int scale_factor;
	bool highmem;
};

/* The four marks of a zone in pages, without boost.  Pure. */
void calc_zone_wmarks(const struct wmark_input *in, unsigned long wmark[NR_WMARK]);

/*
 * What requests for zones above @zone must leave in it: managed pages of the zones in between,
 * divided by @ratio.  Pure.
 */
unsigned long calc_lowmem_reserve(unsigned long managed_above, unsigned int ratio);

/*
 * The limit that free pages must exceed for @alloc_flags at mark @mark (pages), before
 * lowmem_reserve: min/2 for __GFP_HIGH, then a quarter of the rest less for GFP_ATOMIC, then half
 * of that for an OOM victim.  Pure; the order of the integer steps is the kernel's.
 */
long calc_wmark_floor(unsigned long mark, unsigned int alloc_flags);

/*
 * The slow path's allocation flags for @gfp and @order, without what depends on the task
 * (PF_MEMALLOC, OOM victim).  Pure.
 */
unsigned int gfp_to_alloc_flags(gfp_t gfp, unsigned int order);

/* Sets min_free_kbytes from the managed pages of zones[] unless @override_kbytes is not 0. */
void setup_min_free_kbytes(unsigned long override_kbytes);

/*
 * Recomputes watermark[] and lowmem_reserve[] of every zone from managed pages and the tunables.
 * The sizes of the per-CPU page lists follow from the low mark: call zone_pcp_update_all() after.
 * Takes each zone->lock: a CPU's task context, or the host thread while no CPU runs (boot).
 */
void setup_per_zone_wmarks(void);
void setup_per_zone_lowmem_reserve(void);

/* A mark of @zone including its current boost, pages.  Racy read, any context. */
static inline unsigned long wmark_pages(const struct zone *zone, enum zone_watermarks mark)
{
	return READ_ONCE(zone->watermark[mark]) + READ_ONCE(zone->watermark_boost);
}

#define min_wmark_pages(z)	wmark_pages((z), WMARK_MIN)
#define low_wmark_pages(z)	wmark_pages((z), WMARK_LOW)
#define high_wmark_pages(z)	wmark_pages((z), WMARK_HIGH)
#define promo_wmark_pages(z)	wmark_pages((z), WMARK_PROMO)

/* One question to the watermark test. */
struct wmark_request {
	unsigned int order;
	enum zone_type highest_zoneidx;	/* highest zone that the request may use */
	unsigned int alloc_flags;
	unsigned long mark;		/* pages */
};

/*
 * True when @zone with @free_pages free pages can satisfy @req and still keep its reserves: the
 * number test, and for order > 0 a block of at least that order on a list that the request may
 * take from.  No lock needed: a moment's truth.  Follows mm/page_alloc.c __zone_watermark_ok().
 */
bool __zone_watermark_ok(const struct zone *zone, const struct wmark_request *req,
			 long free_pages);

/* The same with the zone's counter, which may lag by NR_CPUS * stat_threshold pages. */
bool zone_watermark_ok(const struct zone *zone, unsigned int order, unsigned long mark,
		       enum zone_type highest_zoneidx, unsigned int alloc_flags);

/* What kept a request from every zone of its zonelist. */
enum wmark_refusal {
	WMARK_REFUSED_PAGES,		/* too few free pages above the request's floor */
	WMARK_REFUSED_BLOCK,		/* enough pages, but no free block of the order */
	WMARK_REFUSED_RESERVE,		/* the same, although the zone keeps a HIGHATOMIC reserve */
	WMARK_REFUSED_RACED,		/* nothing any more: things changed after the request */
	NR_WMARK_REFUSALS
};

/* "watermark", "no_block", "reserve_empty", "raced": names of counters. */
const char *wmark_refusal_name(enum wmark_refusal why);

/*
 * Says why @req (its mark is ignored: each zone's min mark counts) was just refused, by the zone
 * that was nearest to serving it.  A moment's truth, any context, no lock: for statistics.
 */
enum wmark_refusal zonelist_refusal(const struct zonelist *zonelist,
				    const struct wmark_request *req);

/*
 * The allocator's form: a short answer for order 0 with plenty of room, and for order-0
 * ALLOC_MIN_RESERVE at the min mark a second look without the boost.
 */
bool zone_watermark_fast(const struct zone *zone, const struct wmark_request *req);

/*
 * Raises @zone's boost by one pageblock, up to boost_factor of the high mark, after a fragmenting
 * fallback; false when boosting is off or the zone is too small.  The caller holds zone->lock.
 */
bool boost_watermark(struct zone *zone);

/* The cap of watermark_boost for a zone with high mark @high (pages, without boost).  Pure. */
unsigned long calc_boost_max(unsigned long high, unsigned int boost_factor);

#endif /* MM_PAGE_WATERMARK_H */
