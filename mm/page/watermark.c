/* SPDX-License-Identifier: MIT */
/*
 * Watermarks and reserves: how much of a zone must stay free, and who may go below.
 *
 * What.  Memory that is needed to free memory (a page for the block layer while writing back, a
 * network buffer in an interrupt) must be there when everything else is used up.  Each zone
 * therefore has marks.  Above *high* nobody has to act; an ordinary allocation that would leave
 * fewer than *low* pages wakes kswapd; one that would leave fewer than *min* has to reclaim
 * itself; and below min lies the reserve, open by degrees:
 *
 *	request                      flags                       floor
 *	GFP_KERNEL                   (none)                      min
 *	GFP_NOWAIT                   NON_BLOCK                   min (but may count highatomic)
 *	__GFP_HIGH, may block        MIN_RESERVE                 min/2
 *	GFP_ATOMIC                   MIN_RESERVE, NON_BLOCK      3/8 of min
 *	OOM victim                   OOM                         min/2
 *	__GFP_MEMALLOC               NO_WATERMARKS               0
 *
 * A zone also protects itself from requests that could use a higher zone: lowmem_reserve[j] is
 * what a request that prefers zone j must leave here in addition.
 *
 * States.  A zone is above high, between high and low (kswapd works if it was woken), between
 * low and min (allocations succeed on the second attempt), or in the reserve.
 *
 * Invariants.
 *	I1  min <= low <= high <= promo, and the three gaps are equal.
 *	I2  sum of min over the low zones <= min_free_kbytes (each share is rounded down).
 *	I3  lowmem_reserve[i] of zone i is 0 and lowmem_reserve[j] does not fall with j.
 *	I4  watermark_boost <= max(pageblock_nr_pages, boost_factor of high).
 *
 * Locking.  Marks, boost and reserves are written under zone->lock and read without it: a stale
 * mark only makes one decision early or late.  The free-page counter is batched per CPU, so the
 * whole test is a moment's truth with a known error (mm/page/vmstat.h).
 *
 * Context.  Tests: any.  Setup: boot, or task context on a CPU.
 *
 * Failure.  None; arithmetic is in 64 bits and cannot overflow for zones below 2^44 pages.
 *
 * See also.  tests/unit/test_watermark.c (the table above, and the values of recorded kernels).
 */
#include "mm/page/watermark.h"

#include "mm/page/vmstat.h"

struct watermark_tunables watermark_tunables = {
	.scale_factor = WATERMARK_SCALE_FACTOR,
	.boost_factor = WATERMARK_BOOST_FACTOR,
	.lowmem_ratio = { 256, 256, 32, 0 },
};

/* The kernel's smallest min mark of a highmem zone (SWAP_CLUSTER_MAX), and its largest. */
#define HIGHMEM_MIN_MARK	32UL
#define HIGHMEM_MAX_MARK	128UL

void watermark_tunables_reset(void)
{
	watermark_tunables = (struct watermark_tunables) {
		.scale_factor = WATERMARK_SCALE_FACTOR,
		.boost_factor = WATERMARK_BOOST_FACTOR,
		.lowmem_ratio = { 256, 256, 32, 0 },
	};
}

u64 int_sqrt64(u64 x)
{
	u64 root = 0;

	/* One result bit per turn, from the highest that can be set. */
	for (u64 bit = 1ULL << 31; bit; bit >>= 1) {
		u64 next = root | bit;

		if (next * next <= x)
			root = next;
	}
	return root;
}

unsigned long calc_min_free_kbytes(u64 lowmem_kbytes)
{
	return clamp((unsigned long)int_sqrt64(lowmem_kbytes * 16), MIN_FREE_KBYTES_MIN,
		     MIN_FREE_KBYTES_MAX);
}

unsigned long calc_thp_min_free_kbytes(unsigned int populated, unsigned long lowmem_pages)
{
	/*
	 * Two free blocks per zone, and one for each pair (type that falls back, type that it
	 * falls back to), so that a fallback finds a whole block to claim.
	 */
	unsigned long blocks = 2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES;
	unsigned long pages = pageblock_nr_pages * populated * blocks;

	return min(pages, lowmem_pages / 20) << (PAGE_SHIFT - 10);
}

void calc_zone_wmarks(const struct wmark_input *in, unsigned long wmark[NR_WMARK])
{
	unsigned long share = 0, scaled, gap;

	if (in->lowmem)
		share = (unsigned long)((u64)in->min_free_pages * in->managed / in->lowmem);
	/*
	 * Nothing in the kernel depends on highmem pages being free, so its mark only keeps
	 * reclaim going; the gap still follows the share.
	 */
	if (in->highmem)
		wmark[WMARK_MIN] = clamp(in->managed / 1024, HIGHMEM_MIN_MARK, HIGHMEM_MAX_MARK);
	else
		wmark[WMARK_MIN] = share;
	scaled = (unsigned long)((u64)in->managed * in->scale_factor / 10000);
	gap = max(share / 4, scaled);
	wmark[WMARK_LOW] = wmark[WMARK_MIN] + gap;
	wmark[WMARK_HIGH] = wmark[WMARK_LOW] + gap;
	wmark[WMARK_PROMO] = wmark[WMARK_HIGH] + gap;
}

unsigned long calc_lowmem_reserve(unsigned long managed_above, unsigned int ratio)
{
	return ratio ? managed_above / ratio : 0;
}

long calc_wmark_floor(unsigned long mark, unsigned int alloc_flags)
{
	long floor = (long)mark;

	if (alloc_flags & ALLOC_MIN_RESERVE) {
		floor -= floor / 2;
		/* The quarter is taken of the half that is left: 3/8 of the mark remain. */
		if (alloc_flags & ALLOC_NON_BLOCK)
			floor -= floor / 4;
	}
	if (alloc_flags & ALLOC_OOM)
		floor -= floor / 2;
	return floor;
}

unsigned int gfp_to_alloc_flags(gfp_t gfp, unsigned int order)
{
	unsigned int flags = ALLOC_WMARK_MIN;

	if (gfp & __GFP_HIGH)
		flags |= ALLOC_MIN_RESERVE;
	if (gfp & __GFP_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (!(gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOMEMALLOC))) {
		flags |= ALLOC_NON_BLOCK;
		if (order > 0 && (gfp & __GFP_HIGH))
			flags |= ALLOC_HIGHATOMIC;
	}
	if (gfp_may_use_all_reserves(gfp))
		flags |= ALLOC_NO_WATERMARKS;
	return flags;
}

/* Managed pages of every zone but HIGHMEM: what the kernel itself can address. */
static unsigned long lowmem_pages(void)
{
	const struct zone *zone;
	unsigned long pages = 0;

	for_each_zone(zone)
		if (zone->type != ZONE_HIGHMEM)
			pages += READ_ONCE(zone->managed_pages);
	return pages;
}

void setup_min_free_kbytes(unsigned long override_kbytes)
{
	watermark_tunables.min_free_kbytes = override_kbytes ? override_kbytes :
		calc_min_free_kbytes((u64)lowmem_pages() << (PAGE_SHIFT - 10));
}

static void set_zone_wmarks(struct zone *zone, const unsigned long wmark[NR_WMARK])
{
	for (unsigned int i = 0; i < NR_WMARK; i++)
		WRITE_ONCE(zone->watermark[i], wmark[i]);
	WRITE_ONCE(zone->watermark_boost, 0UL);
}

void setup_per_zone_wmarks(void)
{
	unsigned long lowmem = lowmem_pages(), flags;
	struct zone *zone;

	for_each_zone(zone) {
		struct wmark_input in = {
			.managed = READ_ONCE(zone->managed_pages),
			.lowmem = lowmem,
			.min_free_pages = watermark_tunables.min_free_kbytes >> (PAGE_SHIFT - 10),
			.scale_factor = watermark_tunables.scale_factor,
			.highmem = zone->type == ZONE_HIGHMEM,
		};
		unsigned long wmark[NR_WMARK];

		calc_zone_wmarks(&in, wmark);
		if (!this_cpu()) {	/* Boot: no CPU runs, and the host thread cannot lock. */
			set_zone_wmarks(zone, wmark);
			continue;
		}
		spin_lock_irqsave(&zone->lock, flags);
		set_zone_wmarks(zone, wmark);
		spin_unlock_irqrestore(&zone->lock, flags);
	}
}

/* The reserve that @zone keeps from requests whose highest zone is @type. */
static unsigned long zone_reserve_from(const struct zone *zone, unsigned int type)
{
	const pg_data_t *pgdat = NODE_DATA(zone->node);
	unsigned long above = 0;

	if (!READ_ONCE(zone->managed_pages))
		return 0;
	for (unsigned int i = zone->type + 1u; i <= type; i++)
		if (pgdat->node_zones[i])
			above += READ_ONCE(pgdat->node_zones[i]->managed_pages);
	return calc_lowmem_reserve(above, watermark_tunables.lowmem_ratio[zone->type]);
}

void setup_per_zone_lowmem_reserve(void)
{
	struct zone *zone;

	/* Each word stands alone, so readers need no lock; writers are rare and idempotent. */
	for_each_zone(zone)
		for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
			WRITE_ONCE(zone->lowmem_reserve[i], zone_reserve_from(zone, i));
}

/* Free pages that @req cannot get: the rest of its own block, and blocks kept for atomic ones. */
static long unusable_free(const struct zone *zone, const struct wmark_request *req)
{
	long unusable = (1L << req->order) - 1;

	if (!(req->alloc_flags & ALLOC_RESERVES))
		unusable += (long)READ_ONCE(zone->nr_free_highatomic);
	return unusable;
}

/* Keeps off the lists: free_orders says for each type which orders have a block. */
static bool has_block_for(const struct zone *zone, const struct wmark_request *req)
{
	bool reserve_too = (req->alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)) != 0;

	for (int type = 0; type < MIGRATE_PCPTYPES; type++)
		if (READ_ONCE(zone->free_orders[type]) >> req->order)
			return true;
	return reserve_too && READ_ONCE(zone->free_orders[MIGRATE_HIGHATOMIC]) >> req->order;
}

/* The number test alone. */
static bool has_pages_for(const struct zone *zone, const struct wmark_request *req,
			  long free_pages)
{
	long floor = calc_wmark_floor(req->mark, req->alloc_flags);
	long reserve = (long)READ_ONCE(zone->lowmem_reserve[req->highest_zoneidx]);

	return free_pages - unusable_free(zone, req) > floor + reserve;
}

bool __zone_watermark_ok(const struct zone *zone, const struct wmark_request *req,
			 long free_pages)
{
	return has_pages_for(zone, req, free_pages) &&
	       (req->order == 0 || has_block_for(zone, req));
}

bool zone_watermark_ok(const struct zone *zone, unsigned int order, unsigned long mark,
		       enum zone_type highest_zoneidx, unsigned int alloc_flags)
{
	struct wmark_request req = { order, highest_zoneidx, alloc_flags, mark };

	return __zone_watermark_ok(zone, &req, (long)zone_page_state(zone, NR_FREE_PAGES));
}

const char *wmark_refusal_name(enum wmark_refusal why)
{
	static const char *const names[NR_WMARK_REFUSALS] = {
		"watermark", "no_block", "reserve_empty", "raced",
	};

	return names[why];
}

enum wmark_refusal zonelist_refusal(const struct zonelist *zonelist,
				    const struct wmark_request *req)
{
	enum wmark_refusal why = WMARK_REFUSED_PAGES;

	for (unsigned int i = 0; i < zonelist->nr; i++) {
		const struct zone *zone = zonelist->refs[i].zone;
		struct wmark_request at_min = *req;

		if (zonelist->refs[i].type > req->highest_zoneidx)
			continue;
		at_min.mark = min_wmark_pages(zone);
		if (!has_pages_for(zone, &at_min, (long)zone_page_state(zone, NR_FREE_PAGES)))
			continue;
		if (req->order == 0 || has_block_for(zone, req))
			return WMARK_REFUSED_RACED;
		if (why == WMARK_REFUSED_PAGES)
			why = READ_ONCE(zone->nr_reserved_highatomic) ?
			      WMARK_REFUSED_RESERVE : WMARK_REFUSED_BLOCK;
	}
	return why;
}

bool zone_watermark_fast(const struct zone *zone, const struct wmark_request *req)
{
	struct wmark_request unboosted = *req;
	long free_pages = (long)zone_page_state(zone, NR_FREE_PAGES);

	if (req->order == 0) {
		long usable = free_pages - unusable_free(zone, req);
		unsigned long reserve = READ_ONCE(zone->lowmem_reserve[req->highest_zoneidx]);

		if (usable > (long)(req->mark + reserve))
			return true;
	}
	if (__zone_watermark_ok(zone, req, free_pages))
		return true;
	/*
	 * The boost is there to make kswapd defragment; an urgent single page has no use for
	 * that and must not fail because of it.
	 */
	if (req->order != 0 || !(req->alloc_flags & ALLOC_MIN_RESERVE) ||
	    (req->alloc_flags & ALLOC_WMARK_MASK) != ALLOC_WMARK_MIN ||
	    !READ_ONCE(zone->watermark_boost))
		return false;
	unboosted.mark = READ_ONCE(zone->watermark[WMARK_MIN]);
	return __zone_watermark_ok(zone, &unboosted, free_pages);
}

unsigned long calc_boost_max(unsigned long high, unsigned int boost_factor)
{
	unsigned long cap = (unsigned long)((u64)high * boost_factor / 10000);

	/* A boost below one pageblock could never free a whole one. */
	return cap ? max(cap, pageblock_nr_pages) : 0;
}

bool boost_watermark(struct zone *zone)
{
	unsigned long cap;

	spin_lock_assert_held(&zone->lock);
	/* In a zone of a few blocks the boost would be most of the memory. */
	if (pageblock_nr_pages * 4 > READ_ONCE(zone->managed_pages))
		return false;
	cap = calc_boost_max(zone->watermark[WMARK_HIGH], watermark_tunables.boost_factor);
	if (!cap)
		return false;
	WRITE_ONCE(zone->watermark_boost, min(zone->watermark_boost + pageblock_nr_pages, cap));
	return true;
}
