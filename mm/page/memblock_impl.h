/* SPDX-License-Identifier: MIT */
/* What memblock.c (the arrays) and memblock_alloc.c (walking and allocating) share. */
#ifndef MM_PAGE_MEMBLOCK_IMPL_H
#define MM_PAGE_MEMBLOCK_IMPL_H

#include "mm/page/memblock.h"
#include "runtime/bug.h"

static inline void check_not_retired(void)
{
	BUG_ON(memblock.retired);
}

static inline u64 region_end(const struct memblock_region *rgn)
{
	return rgn->base + rgn->size;
}

/* Index of the first region that ends above @addr; cnt when there is none. */
static inline unsigned long first_ending_above(const struct memblock_type *type, u64 addr)
{
	unsigned long lo = 0, hi = type->cnt;

	while (lo < hi) {
		unsigned long mid = lo + (hi - lo) / 2;

		if (region_end(&type->regions[mid]) > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Number of regions that begin below @addr. */
static inline unsigned long count_starting_below(const struct memblock_type *type, u64 addr)
{
	unsigned long lo = 0, hi = type->cnt;

	while (lo < hi) {
		unsigned long mid = lo + (hi - lo) / 2;

		if (type->regions[mid].base < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

#endif /* MM_PAGE_MEMBLOCK_IMPL_H */
