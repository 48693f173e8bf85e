/* SPDX-License-Identifier: MIT */
/* fail_page_alloc: which allocations fail (the kernel's fault-injection vocabulary). */
#include "mm/page/page_fail.h"

#include "mm/page/vmstat.h"
#include "runtime/irq.h"

struct fail_page_alloc fail_page_alloc;

void fail_page_alloc_set(const struct fail_page_alloc *opt)
{
	WRITE_ONCE(fail_page_alloc.enabled, false);
	fail_page_alloc.ignore_gfp_wait = opt->ignore_gfp_wait;
	fail_page_alloc.ignore_gfp_highmem = opt->ignore_gfp_highmem;
	fail_page_alloc.min_order = opt->min_order;
	fail_page_alloc.probability = opt->probability;
	fail_page_alloc.interval = opt->interval;
	WRITE_ONCE(fail_page_alloc.times, opt->times);
	WRITE_ONCE(fail_page_alloc.fail_nth, opt->fail_nth);
	WRITE_ONCE(fail_page_alloc.candidates, 0);
	/* CPUs start work after this: the hand-over orders it. */
	WRITE_ONCE(fail_page_alloc.enabled, opt->enabled);
}

const struct fail_page_alloc *fail_page_alloc_get(void)
{
	return &fail_page_alloc;
}

/* Uses up one of the allowed failures; false when none is left. */
static bool take_one_time(void)
{
	s64 left = READ_ONCE(fail_page_alloc.times);

	while (left > 0)
		if (try_cmpxchg(&fail_page_alloc.times, &left, left - 1))
			return true;
	return left < 0;
}

/* This CPU's stream is also used by its interrupts. */
static u32 draw_percent(void)
{
	unsigned long flags;
	u32 percent;

	local_irq_save(flags);
	percent = rand_below(&this_cpu()->rand, 100);
	local_irq_restore(flags);
	return percent;
}

static bool chosen(u64 seen)
{
	const struct fail_page_alloc *f = &fail_page_alloc;
	u64 nth = READ_ONCE(f->fail_nth);

	/* A systematic walk over all allocations: exactly the n-th, nothing else. */
	if (nth)
		return seen == nth;
	if (f->interval > 1 && seen % f->interval)
		return false;
	return draw_percent() < f->probability && take_one_time();
}

bool __should_fail_alloc_page(gfp_t gfp, unsigned int order)
{
	const struct fail_page_alloc *f = &fail_page_alloc;

	if (order < f->min_order || (gfp & __GFP_NOFAIL))
		return false;
	if (f->ignore_gfp_wait && (gfp & __GFP_DIRECT_RECLAIM))
		return false;
	if (f->ignore_gfp_highmem && (gfp & __GFP_HIGHMEM))
		return false;
	if (!chosen(fetch_add_relaxed(&fail_page_alloc.candidates, 1) + 1))
		return false;
	count_vm_event(PGALLOC_FAIL_INJECTED);
	return true;
}
