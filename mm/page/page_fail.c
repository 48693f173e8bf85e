/* SPDX-License-Identifier: MIT */
/* fail_page_alloc: which allocations are candidates; runtime/fault_inject.c decides the rest. */
#include "mm/page/page_fail.h"

#include "mm/page/vmstat.h"

struct fault_attr fail_page_alloc_fault = FAULT_ATTR("fail_page_alloc");

/* Which allocations are spared; constant while the attribute is enabled. */
static struct fail_page_alloc filter;

void fail_page_alloc_set(const struct fail_page_alloc *opt)
{
	const struct fault_options fault = {
		.enabled = opt->enabled, .probability = opt->probability,
		.interval = opt->interval, .times = opt->times, .space = opt->space,
		.fail_nth = opt->fail_nth,
	};

	WRITE_ONCE(fail_page_alloc_fault.enabled, false);
	filter = *opt;
	fault_attr_set(&fail_page_alloc_fault, &fault);
}

struct fault_attr *fail_page_alloc_attr(void)
{
	return &fail_page_alloc_fault;
}

bool __should_fail_alloc_page(gfp_t gfp, unsigned int order)
{
	if (order < filter.min_order || (gfp & __GFP_NOFAIL))
		return false;
	if (filter.ignore_gfp_wait && (gfp & __GFP_DIRECT_RECLAIM))
		return false;
	if (filter.ignore_gfp_highmem && (gfp & __GFP_HIGHMEM))
		return false;
	if (!should_fail(&fail_page_alloc_fault, 1L << order))
		return false;
	count_vm_event(PGALLOC_FAIL_INJECTED);
	return true;
}
