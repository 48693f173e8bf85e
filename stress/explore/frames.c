/* SPDX-License-Identifier: MIT */
/*
 * Contents of the frames of slabs and page tables.
 *
 * A snapshot holds the machine's tables but not the frames, whose contents are their owners'.  The
 * descriptors of caches, the free lists and the kernel's page tables lie in frames, so for
 * scenarios with the slab allocator or virtual memory these few are kept beside the snapshot.
 */
#include "stress/explore/frames.h"

#include <stdlib.h>
#include <string.h>

#include "mm/page/page_alloc.h"
#include "runtime/bug.h"

static bool is_kept_frame(unsigned long pfn)
{
	return page_test_flags(pfn_to_page(pfn), PG_slab | PG_table);
}

void frames_save(struct frames *f)
{
	unsigned long pfn;

	*f = (struct frames){ .nr = 0 };
	for (pfn = 0; pfn < max_pfn; pfn++)
		f->nr += is_kept_frame(pfn);
	f->pfns = malloc((f->nr + 1) * sizeof(*f->pfns));
	f->copy = malloc((f->nr + 1) * PAGE_SIZE);
	if (!f->pfns || !f->copy)
		panic("no memory for a snapshot of %zu frames", f->nr);
	f->nr = 0;
	for (pfn = 0; pfn < max_pfn; pfn++) {
		if (!is_kept_frame(pfn))
			continue;
		memcpy(f->copy + f->nr * PAGE_SIZE, page_address(pfn_to_page(pfn)), PAGE_SIZE);
		f->pfns[f->nr++] = pfn;
	}
}

void frames_restore(const struct frames *f)
{
	for (size_t i = 0; i < f->nr; i++)
		memcpy(page_address(pfn_to_page(f->pfns[i])), f->copy + i * PAGE_SIZE, PAGE_SIZE);
}

void frames_free(struct frames *f)
{
	free(f->pfns);
	free(f->copy);
	*f = (struct frames){ .nr = 0 };
}
