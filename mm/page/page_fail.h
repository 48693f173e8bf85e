/* SPDX-License-Identifier: MIT */
/* fail_page_alloc: makes chosen allocations fail; one word decides whether it exists at all. */
#ifndef MM_PAGE_PAGE_FAIL_H
#define MM_PAGE_PAGE_FAIL_H

#include "mm/page/page_alloc.h"

extern struct fault_attr fail_page_alloc_fault;

__cold bool __should_fail_alloc_page(gfp_t gfp, unsigned int order);

/* True when this allocation is to fail.  Any context. */
static inline bool should_fail_alloc_page(gfp_t gfp, unsigned int order)
{
	return unlikely(READ_ONCE(fail_page_alloc_fault.enabled)) &&
	       __should_fail_alloc_page(gfp, order);
}

#endif /* MM_PAGE_PAGE_FAIL_H */
