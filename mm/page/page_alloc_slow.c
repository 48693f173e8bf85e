/* SPDX-License-Identifier: MIT */
/*
 * The slow path: what an allocation may do when no zone is above its low mark.
 *
 * What.  Step by step, each tried only when the one before gave nothing:
 *
 *	1  wake kswapd; try at the min mark, with the part of the reserve that gfp opens
 *	2  try with the reserves of the task (PF_MEMALLOC, OOM victim) or __GFP_MEMALLOC
 *	   -- who cannot block ends here --
 *	3  reclaim; try; once: unreserve HIGHATOMIC, drain all page lists, try
 *	4  compact (order > 0); try
 *	   -- __GFP_NORETRY ends here; so do costly orders without __GFP_RETRY_MAYFAIL --
 *	5  again from 2 while reclaim could still bring the zone above min, at most 16 times
 *	   without progress
 *	6  give the rest of the HIGHATOMIC reserve back, pageblock by pageblock, again from 2
 *	7  out of memory: kill somebody, again from 2
 *	   -- everybody ends here but __GFP_NOFAIL, which goes on with the min reserve open --
 *
 * Invariants.
 *   I1  Nothing here sleeps or reclaims without __GFP_DIRECT_RECLAIM.
 *   I2  A task that is freeing memory (PF_MEMALLOC) does not reclaim: no recursion.
 *   I3  Every loop is bounded: 5 and 6 by MAX_RECLAIM_RETRIES, 7 by OOM progress, __GFP_NOFAIL by
 *       NOFAIL_PATIENCE_NS, after which the machine panics: nobody will ever free a page.
 *
 * Differences to the kernel.  Step 3 drains the page lists once even when reclaim freed nothing: a
 * machine without a reclaim layer has no other way to reach the pages of other CPUs.  A small
 * request without __GFP_FS, for which nobody is killed, fails at step 7; the kernel would try for
 * ever.
 *
 * Locking.  None held; the upcalls take what they need.  Context.  As page_alloc.h says.
 * Failure.  NULL and a warning line, ten at most, unless __GFP_NOWARN; always counted.
 *
 * See also.  docs/gfp.md (one test per flag), tests/unit/test_gfp_behaviour.c, test_highatomic.c.
 */
#include <stdio.h>

#include "mm/page/page_alloc_impl.h"
#include "mm/page/page_fail.h"
#include "mm/page/pageblock.h"
#include "mm/page/pcp.h"

/* The kernel's bound on fruitless rounds. */
#define MAX_RECLAIM_RETRIES	16

/* Failures described on stderr; the rest is only counted. */
#define MAX_WARN_LINES		10u

/* __GFP_NOFAIL without any page for this long: the workload has leaked all memory. */
#define NOFAIL_PATIENCE_NS	(20 * NSEC_PER_SEC)

static const struct page_reclaim_ops no_reclaim;
static const struct page_reclaim_ops *reclaim_ops = &no_reclaim;
static u32 nr_warn_lines;		/* atomic */

/* PF_* of the task on this CPU; task context writes. */
static DEFINE_PER_CPU(unsigned int, task_flags);

void page_reclaim_register(const struct page_reclaim_ops *ops)
{
	reclaim_ops = ops ? ops : &no_reclaim;
}

void page_alloc_reset(void)
{
	static const struct fail_page_alloc off;

	reclaim_ops = &no_reclaim;
	highmem_page_address = NULL;
	highmem_clear_page = NULL;
	page_poison_enable(false);
	fail_page_alloc_set(&off);
	WRITE_ONCE(nr_warn_lines, 0);
}

unsigned int memalloc_flags_save(unsigned int flags)
{
	unsigned int old = this_cpu_read(task_flags);

	VM_BUG_ON(in_interrupt());
	this_cpu_write(task_flags, old | flags);
	return old;
}

void memalloc_flags_restore(unsigned int old)
{
	this_cpu_write(task_flags, old);
}

unsigned int memalloc_flags(void)
{
	/* An interrupt must not live off the reserves of the task that it interrupts. */
	return in_interrupt() ? 0 : this_cpu_read(task_flags);
}

/* ---- kswapd ---- */

static struct reclaim_request reclaim_request(const struct alloc_context *ac)
{
	return (struct reclaim_request){
		.gfp = ac->req.gfp, .order = ac->req.order, .zonelist = ac->zonelist,
		.highest_zoneidx = ac->req.highest_zoneidx,
	};
}

void wake_kswapd(struct zone *zone, const struct alloc_context *ac)
{
	struct reclaim_request req = reclaim_request(ac);

	count_vm_event(KSWAPD_WAKEUP);
	fetch_add_relaxed(&NODE_DATA(zone->node)->nr_kswapd_wakeups, 1);
	if (reclaim_ops->wake_kswapd)
		reclaim_ops->wake_kswapd(zone, &req);
}

void wake_all_kswapds(const struct alloc_context *ac)
{
	int last = -1;

	for (unsigned int i = ac->preferred; i < ac->zonelist->nr; i++) {
		struct zone *zone = ac->zonelist->refs[i].zone;

		if (ac->zonelist->refs[i].type > ac->req.highest_zoneidx || zone->node == last)
			continue;
		last = zone->node;
		wake_kswapd(zone, ac);
	}
}

/* ---- the steps ---- */

/* NOIO and NOFS tasks: what the request may do shrinks, what it wants does not. */
static gfp_t current_gfp_context(gfp_t gfp)
{
	unsigned int flags = memalloc_flags();

	if (flags & PF_MEMALLOC_NOIO)
		gfp &= ~(gfp_t)(__GFP_IO | __GFP_FS);
	else if (flags & PF_MEMALLOC_NOFS)
		gfp &= ~(gfp_t)__GFP_FS;
	return gfp;
}

/* Step 2: alloc flags that open reserves because of who asks; 0 for nobody special. */
static unsigned int reserve_flags(gfp_t gfp)
{
	unsigned int flags = memalloc_flags();

	if (gfp & __GFP_NOMEMALLOC)
		return 0;
	if ((gfp & __GFP_MEMALLOC) || (flags & PF_MEMALLOC))
		return ALLOC_NO_WATERMARKS;
	return flags & PF_OOM_VICTIM ? ALLOC_OOM : 0;
}

/* Step 3.  @pages: what reclaim freed. */
static struct page *try_reclaim(struct alloc_context *ac, unsigned long *pages, bool *drained)
{
	struct reclaim_request req = reclaim_request(ac);
	struct page *page = NULL;

	count_vm_event((enum vm_event_item)(ALLOCSTALL_DMA + ac->req.highest_zoneidx));
	*pages = reclaim_ops->direct_reclaim ? reclaim_ops->direct_reclaim(&req) : 0;
	if (*pages)
		page = get_page_from_freelist(ac);
	if (page || (*drained && !*pages))
		return page;
	*drained = true;
	unreserve_highatomic_pageblock(ac->zonelist, req.highest_zoneidx, ac->req.migratetype,
				       false);
	drain_all_pages(NULL);
	return get_page_from_freelist(ac);
}

/* Step 4. */
static struct page *try_compact(struct alloc_context *ac)
{
	struct reclaim_request req = reclaim_request(ac);
	struct page *page;

	if (!ac->req.order || !reclaim_ops->compact)
		return NULL;
	count_vm_event(COMPACT_STALL);
	page = reclaim_ops->compact(&req) ? get_page_from_freelist(ac) : NULL;
	count_vm_event(page ? COMPACT_SUCCESS : COMPACT_FAIL);
	return page;
}

/* Step 5: whether freeing all that can be freed would do. */
static bool should_reclaim_retry(const struct alloc_context *ac)
{
	for (unsigned int i = ac->preferred; i < ac->zonelist->nr; i++) {
		struct zone *zone = ac->zonelist->refs[i].zone;
		struct wmark_request req = {
			.order = ac->req.order, .highest_zoneidx = ac->req.highest_zoneidx,
			.alloc_flags = ac->alloc_flags, .mark = min_wmark_pages(zone),
		};
		unsigned long available = 0;

		if (ac->zonelist->refs[i].type > ac->req.highest_zoneidx)
			continue;
		if (reclaim_ops->reclaimable_pages)
			available = reclaim_ops->reclaimable_pages(zone);
		if (!available)
			continue;
		available += zone_page_state_snapshot(zone, NR_FREE_PAGES);
		if (__zone_watermark_ok(zone, &req, (long)available))
			return true;
	}
	return false;
}

/*
 * Step 6; true when there is something new to try.  Atomic requests may reserve blocks as fast as
 * this gives them back, hence the bound.
 */
static bool unreserve_last(const struct alloc_context *ac, unsigned int *unreserved)
{
	return ++*unreserved <= MAX_RECLAIM_RETRIES &&
	       unreserve_highatomic_pageblock(ac->zonelist, ac->req.highest_zoneidx,
					      ac->req.migratetype, true);
}

/* Step 7; true when memory will come. */
static bool try_oom(const struct alloc_context *ac, struct page **page)
{
	struct reclaim_request req = reclaim_request(ac);
	struct alloc_context high = *ac;

	/* Somebody may have been killed a moment ago: ask for more room than we need. */
	high.alloc_flags = ALLOC_WMARK_HIGH;
	*page = get_page_from_freelist(&high);
	if (*page)
		return true;
	/* Killing does not make big blocks, and these callers can do without. */
	if (ac->req.order > PAGE_ALLOC_COSTLY_ORDER ||
	    (ac->req.gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE)))
		return false;
	/* Hardly any task lives in the low zones; and who cannot reclaim files saw too little. */
	if (ac->req.highest_zoneidx < ZONE_NORMAL || !(ac->req.gfp & __GFP_FS))
		return false;
	if (!reclaim_ops->out_of_memory || !reclaim_ops->out_of_memory(&req))
		return false;
	count_vm_event(OOM_KILL);
	return true;
}

static __cold void warn_alloc(const struct alloc_context *ac)
{
	char mode[256];

	count_vm_event(PGALLOC_FAIL);
	if (ac->req.gfp & __GFP_NOWARN)
		return;
	count_vm_event(PGALLOC_FAIL_WARN);
	if (fetch_add_relaxed(&nr_warn_lines, 1) >= MAX_WARN_LINES)
		return;
	gfp_format(ac->req.gfp, mode, sizeof(mode));
	fprintf(stderr, "cpu %u: page allocation failure: order:%u, mode:0x%x(%s)\n",
		smp_processor_id(), ac->req.order, (unsigned int)ac->req.gfp, mode);
}

/* Steps 2 to 7 for a caller that may block. */
static struct page *reclaim_loop(struct alloc_context *ac)
{
	bool costly = ac->req.order > PAGE_ALLOC_COSTLY_ORDER, drained = false;
	unsigned int fruitless = 0, unreserved = 0, reserves;
	unsigned long freed;
	struct page *page;

	for (;;) {
		page = try_reclaim(ac, &freed, &drained);
		if (!page)
			page = try_compact(ac);
		if (page || (ac->req.gfp & __GFP_NORETRY) ||
		    (costly && !(ac->req.gfp & __GFP_RETRY_MAYFAIL)))
			return page;
		fruitless = freed && !costly ? 0 : fruitless + 1;
		if ((fruitless > MAX_RECLAIM_RETRIES || !should_reclaim_retry(ac)) &&
		    !unreserve_last(ac, &unreserved)) {
			if (!try_oom(ac, &page))
				return NULL;
			if (page)
				return page;
			fruitless = unreserved = 0;
		}
		if (ac->alloc_flags & ALLOC_KSWAPD)
			wake_all_kswapds(ac);
		reserves = reserve_flags(ac->req.gfp);
		if (reserves)
			ac->alloc_flags = reserves | (ac->alloc_flags & ALLOC_KSWAPD);
		page = get_page_from_freelist(ac);
		if (page)
			return page;
	}
}

/* __GFP_NOFAIL: waits for others to free, with part of the min reserve open. */
static struct page *nofail_loop(struct alloc_context *ac)
{
	u64 start = clock_ns();
	struct page *page;

	for (;;) {
		ac->alloc_flags |= ALLOC_MIN_RESERVE;
		page = get_page_from_freelist(ac);
		if (!page)
			page = reclaim_loop(ac);
		if (page)
			return page;
		if (clock_ns() - start > NOFAIL_PATIENCE_NS)
			panic("__GFP_NOFAIL allocation of order %u waited 20 s", ac->req.order);
		irq_safepoint();
		cpu_pause();
	}
}

struct page *alloc_pages_slowpath(struct alloc_context *ac)
{
	unsigned int reserves;
	struct page *page;
	bool may_block;

	ac->req.gfp = current_gfp_context(ac->req.gfp);
	may_block = gfp_can_block(ac->req.gfp);
	/* Step 1.  __GFP_MEMALLOC waits for step 2: an ordinary page is better than a reserve. */
	ac->alloc_flags = gfp_to_alloc_flags(ac->req.gfp, ac->req.order) & ~ALLOC_NO_WATERMARKS;
	if (ac->alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac);
	page = get_page_from_freelist(ac);
	if (page)
		return page;

	reserves = reserve_flags(ac->req.gfp);
	if (reserves) {
		ac->alloc_flags = reserves | (ac->alloc_flags & ALLOC_KSWAPD);
		page = get_page_from_freelist(ac);
	}
	if (!page && may_block && !(memalloc_flags() & PF_MEMALLOC))
		page = reclaim_loop(ac);
	if (!page && may_block && (ac->req.gfp & __GFP_NOFAIL))
		page = nofail_loop(ac);
	if (!page)
		warn_alloc(ac);
	return page;
}
