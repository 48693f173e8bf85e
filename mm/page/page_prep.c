/* SPDX-License-Identifier: MIT */
/* The rarer steps of a block's change of hands: compound pages, zeroing, poison. */
#include "mm/page/page_prep.h"

#include <string.h>

/* A byte that is neither zero nor a likely pointer or length. */
#define POISON_BYTE	0xaa

void *(*highmem_page_address)(const struct page *page);
void (*highmem_clear_page)(struct page *page);
bool page_poison;

void page_poison_enable(bool enable)
{
	page_poison = enable;
}

static void prep_compound_page(struct page *page, unsigned int order)
{
	for (unsigned long i = 1; i < 1UL << order; i++) {
		struct page *tail = page + i;

		tail->compound_head = page;
		tail->mapping = NULL;
		/* Marked: CPUs that free a neighbour look at the flags (see struct page). */
		WRITE_ONCE(tail->flags, PG_tail);
	}
	__page_set_flags(page, PG_head);
}

static void clear_frame(struct page *page)
{
	if (likely(!page_is_highmem(page))) {
		memset(page_address(page), 0, PAGE_SIZE);
		return;
	}
	if (!highmem_clear_page)
		panic("__GFP_ZERO for a HIGHMEM page, and nothing can map it: kmap is not set up");
	highmem_clear_page(page);
}

/* A poisoned frame that changed was written after its free. */
static void check_poison(const struct page *page)
{
	const u8 *bytes = page_address(page);

	/* Only a frame that headed a freed block is known to be poisoned. */
	if (!bytes || page->generation < 2)
		return;
	if (bytes[0] != POISON_BYTE || memcmp(bytes, bytes + 1, PAGE_SIZE - 1) != 0)
		bad_page(page, "written after it was freed");
}

void prep_new_page_rare(struct page *page, gfp_t gfp, unsigned int order)
{
	unsigned long nr = 1UL << order;

	for (unsigned long i = 0; page_poison && i < nr; i++)
		check_poison(page + i);
	for (unsigned long i = 0; (gfp & __GFP_ZERO) && i < nr; i++)
		clear_frame(page + i);
	if (order && (gfp & __GFP_COMP))
		prep_compound_page(page, order);
}

void free_pages_prepare_rare(struct page *page, unsigned int order)
{
	for (unsigned long i = 0; page_poison && i < 1UL << order; i++)
		if (!page_is_highmem(page))
			memset(page_address(page + i), POISON_BYTE, PAGE_SIZE);
	if (!page_test_flags(page, PG_head))
		return;
	for (unsigned long i = 1; i < 1UL << order; i++) {
		if (unlikely(READ_ONCE(page[i].flags) != PG_tail || page[i]._refcount))
			bad_page(&page[i], "not a tail page of the compound page being freed");
		WRITE_ONCE(page[i].state, 0);
	}
}

void free_page_is_bad(const struct page *page, unsigned int order)
{
	if (page->order != order)
		bad_page(page, "freed with another order than it was allocated with");
	if (page->_mapcount)
		bad_page(page, "freed while mapped");
	if (page->mapping)
		bad_page(page, "freed with a mapping");
	if (page->_refcount)
		bad_page(page, "freed with references");
	bad_page(page, "freed in a state in which no page may be");
}
