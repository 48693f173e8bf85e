/* SPDX-License-Identifier: MIT */
/* The buddy system: split, merge, placement, types, reserve, isolation; and its oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/buddy.h"
#include "mm/page/pageblock.h"
#include "mm/page/trace_kmem.h"
#include "mm/page/watermark.h"
#include "tests/support/page_machine.h"

static struct zone *zone;

static int setup(void **state)
{
	int err = page_machine_setup(state);

	zone = zone_of(ZONE_DMA32);
	return err;
}

/* Takes a block straight from the buddy; it counts as allocated. */
static struct page *take(unsigned int order, unsigned int mt, unsigned int alloc_flags)
{
	struct rmqueue rq = { .order = order, .mt = mt, .alloc_flags = alloc_flags };
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	page = __rmqueue(zone, &rq);
	rmqueue_account(zone, &rq);
	spin_unlock_irqrestore(&zone->lock, flags);
	if (page) {
		assert_int_equal(page->state, 0);
		page->order = (u8)order;
		page->migratetype = (u8)mt;
		page->flags = PG_allocated;
	}
	return page;
}

static void give(struct page *page)
{
	page->flags = 0;
	free_one_page(zone, page, page->order, FPI_NONE);
}

static unsigned long nr_free(unsigned int order)
{
	return zone->free_area[order].nr_free;
}

static struct page *list_head_of(unsigned int order, unsigned int mt)
{
	struct list_head *list = &zone->free_area[order].free_list[mt];

	return list_empty(list) ? NULL : list_first_entry(list, struct page, lru);
}

/* Turns the zone's first order-10 block into type @mt; the rest stays movable. */
static struct page *convert_first(unsigned int mt)
{
	struct page *page = take(MAX_PAGE_ORDER, MIGRATE_MOVABLE, 0);

	assert_non_null(page);
	set_pageblock_range(page, MAX_PAGE_ORDER, mt);
	give(page);
	return page;
}

/* An order-0 request splits an order-10 block: lowest page out, one block of each order left. */
static void test_split_gives_upper_halves_back(void **state)
{
	unsigned long before = nr_free(MAX_PAGE_ORDER);
	struct page *page;

	(void)state;
	for (unsigned int order = 0; order < MAX_PAGE_ORDER; order++)
		assert_int_equal(nr_free(order), 0);
	page = take(0, MIGRATE_MOVABLE, 0);
	assert_int_equal(page_to_pfn(page) % MAX_ORDER_NR_PAGES, 0);
	assert_int_equal(nr_free(MAX_PAGE_ORDER), before - 1);
	for (unsigned int order = 0; order < MAX_PAGE_ORDER; order++) {
		assert_int_equal(nr_free(order), 1);
		assert_ptr_equal(list_head_of(order, MIGRATE_MOVABLE), page + (1UL << order));
	}
	assert_pages_valid(1);
	give(page);
	assert_int_equal(nr_free(MAX_PAGE_ORDER), before);
	for (unsigned int order = 0; order < MAX_PAGE_ORDER; order++)
		assert_int_equal(nr_free(order), 0);
}

/* Blocks of every order are aligned to their size. */
static void test_alignment(void **state)
{
	struct page *pages[NR_PAGE_ORDERS];

	(void)state;
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++) {
		pages[order] = take(order, MIGRATE_MOVABLE, 0);
		assert_int_equal(page_to_pfn(pages[order]) & ((1UL << order) - 1), 0);
	}
	assert_pages_valid(2 * MAX_ORDER_NR_PAGES - 1);
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		give(pages[order]);
}

/* Freed in any order, all pages of a block become the block again. */
static void test_iterative_coalescing(void **state)
{
	unsigned long before = nr_free(MAX_PAGE_ORDER);
	struct page *pages[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		pages[i] = take(0, MIGRATE_MOVABLE, 0);
	/* Every second one first: nothing can merge. */
	for (int i = 0; i < 64; i += 2)
		give(pages[i]);
	assert_int_equal(nr_free(0), 32);
	assert_pages_valid(32);
	for (int i = 63; i > 0; i -= 2)
		give(pages[i]);
	assert_int_equal(nr_free(0), 0);
	assert_int_equal(nr_free(MAX_PAGE_ORDER), before);
}

/* A block whose parent's buddy is free goes to the tail, any other one to the head. */
static void test_merge_likely_placement(void **state)
{
	struct page *p[8], *other;

	(void)state;
	for (int i = 0; i < 8; i++)
		p[i] = take(0, MIGRATE_MOVABLE, 0);
	assert_ptr_equal(p[7], p[0] + 7);
	other = take(1, MIGRATE_MOVABLE, 0);
	give(p[4]);
	give(p[0]);		/* parent 0..1; its buddy 2..3 is not free: head */
	assert_ptr_equal(list_head_of(0, MIGRATE_MOVABLE), p[0]);
	give(p[2]);
	give(p[3]);		/* 2..3 is one block now */
	give(p[6]);		/* parent 6..7; its buddy 4..5 is not: head */
	assert_ptr_equal(list_head_of(0, MIGRATE_MOVABLE), p[6]);
	assert_int_equal(nr_free(1), 2);	/* this one, and the other half of other's */
	/* p[0] again, now with its parent's buddy 2..3 free: tail. */
	spin_lock(&zone->lock);
	del_from_free_list(zone, p[0], 0);
	__free_one_page(zone, p[0], 0, MIGRATE_MOVABLE, FPI_NONE);
	spin_unlock(&zone->lock);
	assert_ptr_equal(list_head_of(0, MIGRATE_MOVABLE), p[6]);
	assert_ptr_equal(list_last_entry(&zone->free_area[0].free_list[MIGRATE_MOVABLE],
					 struct page, lru), p[0]);
	give(p[1]);
	give(p[5]);
	give(p[7]);
	give(other);
}

/* A bulk refill takes the same blocks, and leaves the same lists, as single searches would. */
static void test_bulk_equals_single(void **state)
{
	static unsigned long single[200], bulk[200];
	unsigned long left[NR_PAGE_ORDERS];
	struct list_head list;

	(void)state;
	for (unsigned int order = 0; order < 4; order++) {
		struct rmqueue rq = { .order = order, .mt = MIGRATE_MOVABLE };
		struct page *pages[200], *first = take(order, MIGRATE_MOVABLE, 0);
		unsigned int n = 0;

		for (int i = 0; i < 200; i++) {
			pages[i] = take(order, MIGRATE_MOVABLE, 0);
			single[i] = page_to_pfn(pages[i]);
		}
		for (unsigned int o = 0; o < NR_PAGE_ORDERS; o++)
			left[o] = nr_free(o);
		for (int i = 199; i >= 0; i--)
			give(pages[i]);

		INIT_LIST_HEAD(&list);
		spin_lock(&zone->lock);
		assert_int_equal(__rmqueue_bulk(zone, &rq, 200, &list), 200);
		rmqueue_account(zone, &rq);
		spin_unlock(&zone->lock);
		for (unsigned int o = 0; o < NR_PAGE_ORDERS; o++)
			assert_int_equal(nr_free(o), left[o]);
		while (!list_empty(&list)) {
			struct page *page = list_first_entry(&list, struct page, lru);

			assert_int_equal(page->state, PG_pcp);
			bulk[n++] = page_to_pfn(page);
			list_del(&page->lru);
			give(page);
		}
		assert_int_equal(n, 200);
		assert_memory_equal(single, bulk, sizeof(single));
		give(first);
		assert_pages_valid(0);
	}
}

/* A type with no block takes from the others by table: the biggest block, whole, is converted. */
static void test_claim_converts_whole_pageblocks(void **state)
{
	struct page *page = take(0, MIGRATE_UNMOVABLE, ALLOC_KSWAPD);

	(void)state;
	assert_non_null(page);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	/* An order-10 block holds two pageblocks. */
	assert_int_equal(get_pageblock_migratetype(page + pageblock_nr_pages), MIGRATE_UNMOVABLE);
	assert_ptr_equal(list_head_of(9, MIGRATE_UNMOVABLE), page + pageblock_nr_pages);
	assert_int_equal(vm_event_sum(PAGEBLOCK_CLAIM), 1);
	assert_pages_valid(1);
	give(page);
}

/* Allocates everything of @mt's own lists and of all others but what @keep says is left free. */
struct taken {
	struct page *pages[4096];
	unsigned int nr;
};

static void take_all_of_type(struct taken *taken, unsigned int mt)
{
	while (zone->free_orders[mt]) {
		unsigned int order = (unsigned int)__builtin_ctz(zone->free_orders[mt]);

		taken->pages[taken->nr++] = take(order, mt, 0);
		assert_true(taken->nr < 4096);
	}
}

static void give_all(struct taken *taken)
{
	while (taken->nr)
		give(taken->pages[--taken->nr]);
}

static struct taken all;

/* Leaves only @nr_free single pages free: in one movable pageblock otherwise allocated. */
static struct page *leave_movable(const unsigned int *offsets, unsigned int nr)
{
	struct page *block;

	take_all_of_type(&all, MIGRATE_MOVABLE);
	block = all.pages[0];
	for (unsigned int i = 1; i < all.nr; i++)
		if (all.pages[i]->order == MAX_PAGE_ORDER)
			block = all.pages[i];
	assert_int_equal(block->order, MAX_PAGE_ORDER);
	/* Cut it into single pages by hand. */
	for (unsigned int i = 0; i < all.nr; i++)
		if (all.pages[i] == block)
			all.pages[i] = all.pages[--all.nr];
	for (unsigned long i = 0; i < MAX_ORDER_NR_PAGES; i++) {
		bool free = false;

		for (unsigned int j = 0; j < nr; j++)
			free |= offsets[j] == i;
		block[i].order = 0;
		block[i].migratetype = MIGRATE_MOVABLE;
		block[i].flags = PG_allocated;
		if (free)
			give(&block[i]);
		else
			all.pages[all.nr++] = &block[i];
	}
	return block;
}

/* Few free pages in a movable block: unmovable steals one page and converts nothing. */
static void test_steal_converts_nothing(void **state)
{
	const unsigned int offsets[] = { 3, 40, 41, 300 };
	struct page *block = leave_movable(offsets, 4), *page;

	(void)state;
	page = take(0, MIGRATE_UNMOVABLE, 0);
	assert_non_null(page);
	assert_int_equal(page->migratetype, MIGRATE_UNMOVABLE);
	assert_int_equal(get_pageblock_migratetype(block), MIGRATE_MOVABLE);
	assert_int_equal(vm_event_sum(PAGEBLOCK_STEAL), 1);
	/* The smallest suitable block: not one half of the pair 40..41. */
	assert_true(page == block + 3 || page == block + 300);
	assert_pages_valid(-1);
	/* ALLOC_NOFRAGMENT rather fails. */
	assert_null(take(0, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT));
	give(page);
	give_all(&all);
}

/* Half of the pageblock free or of our kind: it becomes ours, with all of its free pages. */
static void test_claim_of_half_a_block(void **state)
{
	static unsigned int offsets[256];
	struct page *block, *page;
	unsigned long boost = zone->watermark_boost;

	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		offsets[i] = 2 * i;
	block = leave_movable(offsets, 256);
	assert_int_equal(nr_free(0), 256);
	page = take(0, MIGRATE_UNMOVABLE, ALLOC_KSWAPD);
	assert_int_equal(get_pageblock_migratetype(block), MIGRATE_UNMOVABLE);
	assert_int_equal(get_pageblock_migratetype(block + 512), MIGRATE_MOVABLE);
	assert_null(list_head_of(0, MIGRATE_MOVABLE));
	assert_int_equal(vm_event_sum(PAGEBLOCK_CLAIM), 1);
	assert_true(zone->watermark_boost > boost);
	assert_true(zone->flags & ZONE_BOOSTED_WATERMARK);
	assert_pages_valid(-1);
	give(page);
	give_all(&all);
	assert_int_equal(get_pageblock_migratetype(block), MIGRATE_UNMOVABLE);
}

/* One page less than half: stolen. */
static void test_no_claim_below_half(void **state)
{
	static unsigned int offsets[255];
	struct page *block, *page;

	(void)state;
	for (unsigned int i = 0; i < 255; i++)
		offsets[i] = 2 * i;
	block = leave_movable(offsets, 255);
	page = take(0, MIGRATE_RECLAIMABLE, 0);
	assert_int_equal(get_pageblock_migratetype(block), MIGRATE_MOVABLE);
	assert_int_equal(vm_event_sum(PAGEBLOCK_STEAL), 1);
	give(page);
	give_all(&all);
}

static void test_fallback_order(void **state)
{
	struct page *reclaimable = convert_first(MIGRATE_RECLAIMABLE), *page;

	(void)state;
	/* Movable blocks are bigger in number, but reclaimable comes first in the table. */
	page = take(0, MIGRATE_UNMOVABLE, 0);
	assert_ptr_equal(page, reclaimable);
	give(page);
}

/* Free pageblocks of mergeable types become one order-10 block of the freed one's type. */
static void test_merge_across_types(void **state)
{
	struct page *page = take(MAX_PAGE_ORDER, MIGRATE_MOVABLE, 0);

	(void)state;
	page->order = 9;
	page[512].order = 9;
	page[512].flags = PG_allocated;
	set_pageblock_migratetype(page, MIGRATE_UNMOVABLE);
	give(page);
	assert_int_equal(nr_free(9), 1);
	give(page + 512);
	assert_int_equal(nr_free(9), 0);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	assert_pages_valid(0);
}

static void test_highatomic_reserve(void **state)
{
	struct page *page, *again;
	const struct zonelist *zonelist = &NODE_DATA(0)->node_zonelists;

	(void)state;
	/* A zone below 51200 pages keeps nothing: one per cent is less than a pageblock. */
	page = take(1, MIGRATE_UNMOVABLE, 0);
	reserve_highatomic_pageblock(page, 1, zone);
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	/* Pretend that it is bigger. */
	zone->managed_pages += 51200;
	reserve_highatomic_pageblock(page, 1, zone);
	assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr_pages);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_HIGHATOMIC);
	assert_int_equal(zone->nr_free_highatomic, pageblock_nr_pages - 2);
	/* A second one in the same block changes nothing, and so does the cap. */
	reserve_highatomic_pageblock(page, 1, zone);
	assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr_pages);
	zone->managed_pages -= 51200;
	assert_pages_valid(2);

	/* Ordinary requests do not see it; the last block goes only by force. */
	again = take(0, MIGRATE_MOVABLE, 0);
	assert_int_equal(get_pageblock_migratetype(again), MIGRATE_MOVABLE);
	give(again);
	assert_false(unreserve_highatomic_pageblock(zonelist, ZONE_NORMAL, MIGRATE_UNMOVABLE,
						    false));
	assert_true(unreserve_highatomic_pageblock(zonelist, ZONE_NORMAL, MIGRATE_UNMOVABLE, true));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	assert_int_equal(zone->nr_free_highatomic, 0);
	assert_int_equal(get_pageblock_migratetype(page), MIGRATE_UNMOVABLE);
	assert_pages_valid(2);
	give(page);
}

static void test_isolation(void **state)
{
	unsigned long free_pages = zone_page_state_snapshot(zone, NR_FREE_PAGES);
	unsigned long blocks = nr_free(MAX_PAGE_ORDER);
	struct page *page = take(0, MIGRATE_MOVABLE, 0);

	(void)state;
	assert_int_equal(set_migratetype_isolate(page), 0);
	assert_int_not_equal(set_migratetype_isolate(page), 0);
	assert_int_equal(zone_page_state_snapshot(zone, NR_FREE_PAGES),
			 free_pages - pageblock_nr_pages);
	/* Freed into the isolated block: not free for anybody. */
	give(page);
	assert_int_equal(zone_page_state_snapshot(zone, NR_FREE_PAGES),
			 free_pages - pageblock_nr_pages);
	assert_int_equal(page->migratetype, MIGRATE_ISOLATE);
	assert_pages_valid(0);
	unset_migratetype_isolate(page, MIGRATE_MOVABLE);
	assert_int_equal(zone_page_state_snapshot(zone, NR_FREE_PAGES), free_pages);
	assert_int_equal(nr_free(MAX_PAGE_ORDER), blocks);

	/* A free order-10 block is cut where the isolation ends, and whole again afterwards. */
	assert_int_equal(set_migratetype_isolate(page + 512), 0);
	assert_int_equal(nr_free(9), 2);
	assert_pages_valid(0);
	unset_migratetype_isolate(page + 512, MIGRATE_MOVABLE);
	assert_int_equal(nr_free(MAX_PAGE_ORDER), blocks);
}

static void test_cold_free_goes_to_the_tail(void **state)
{
	struct page *a = take(0, MIGRATE_MOVABLE, 0), *b = take(0, MIGRATE_MOVABLE, 0);
	struct page *c = take(0, MIGRATE_MOVABLE, 0), *d = take(0, MIGRATE_MOVABLE, 0);

	(void)state;
	give(a);
	c->flags = 0;
	free_one_page(zone, c, 0, FPI_TO_TAIL);
	assert_ptr_equal(list_head_of(0, MIGRATE_MOVABLE), a);
	give(b);
	give(d);
}

/* ---- the oracle must see what is broken ---- */

static void test_oracle_sees_damage(void **state)
{
	struct page *page = take(3, MIGRATE_MOVABLE, 0), *free;
	struct page_check_result result;

	(void)state;
	assert_true(zone_is_valid(zone));

	zone->free_area[4].nr_free++;
	result = zone_check(zone);
	assert_false(result.ok);
	assert_non_null(strstr(result.text, "nr_free of order 4"));
	zone->free_area[4].nr_free--;

	mod_zone_page_state(zone, NR_FREE_PAGES, 1);
	assert_non_null(strstr(zone_check(zone).text, "NR_FREE_PAGES"));
	mod_zone_page_state(zone, NR_FREE_PAGES, -1);

	zone->free_orders[MIGRATE_MOVABLE] ^= 1;
	assert_non_null(strstr(zone_check(zone).text, "free_orders"));
	zone->free_orders[MIGRATE_MOVABLE] ^= 1;

	free = list_head_of(4, MIGRATE_MOVABLE);
	free->order = 5;
	assert_non_null(strstr(zone_check(zone).text, "list holds"));
	free->order = 4;

	/* A lost page: neither free nor allocated. */
	page->flags = 0;
	assert_non_null(strstr(page_alloc_check(true, 8).text, "managed"));
	page->flags = PG_allocated;

	/* A page in two places: allocated inside a free block. */
	free[1].flags = PG_allocated;
	assert_non_null(strstr(page_alloc_check(true, 8).text, "inside"));
	free[1].flags = 0;

	/* Two buddies that were not merged. */
	spin_lock(&zone->lock);
	page->flags = 0;
	add_to_free_list(zone, page, 3, MIGRATE_MOVABLE, false);
	account_freepages(zone, 8, MIGRATE_MOVABLE);
	spin_unlock(&zone->lock);
	assert_non_null(strstr(zone_check(zone).text, "not merged"));
	spin_lock(&zone->lock);
	del_from_free_list(zone, page, 3);
	account_freepages(zone, -8, MIGRATE_MOVABLE);
	spin_unlock(&zone->lock);
	page->order = 3;
	give(page);
}

static void corrupt_head(void *arg)
{
	struct page *free = list_head_of(MAX_PAGE_ORDER, MIGRATE_MOVABLE);

	(void)arg;
	/* Somebody writes to the struct page of a free page. */
	free->flags |= PG_slab;
	take(0, MIGRATE_MOVABLE, 0);
}

static void test_corrupt_free_page_panics(void **state)
{
	(void)state;
	assert_panics(corrupt_head, NULL, "not a free block of its order");
}

/* ---- trace ---- */

static unsigned int nr_zone_locked, nr_extfrag;
static struct extfrag_event last_extfrag;

static void on_zone_locked(const struct page *page, unsigned int order, int mt, bool refill)
{
	(void)page;
	(void)mt;
	assert_int_equal(refill, order <= 3 || order == 9);
	nr_zone_locked++;
}

static void on_extfrag(const struct extfrag_event *event)
{
	nr_extfrag++;
	last_extfrag = *event;
}

static void test_tracepoints(void **state)
{
	const struct kmem_tracer tracer = {
		.page_alloc_zone_locked = on_zone_locked, .page_alloc_extfrag = on_extfrag,
	};
	struct page *a, *b;

	(void)state;
	nr_zone_locked = nr_extfrag = 0;
	kmem_tracer_set(&tracer);
	a = take(4, MIGRATE_MOVABLE, 0);
	assert_int_equal(nr_zone_locked, 1);
	/* Claiming a whole pageblock fires extfrag and nothing else. */
	b = take(1, MIGRATE_UNMOVABLE, 0);
	assert_int_equal(nr_zone_locked, 1);
	assert_int_equal(nr_extfrag, 1);
	assert_ptr_equal(last_extfrag.page, b);
	assert_int_equal(last_extfrag.alloc_order, 1);
	assert_int_equal(last_extfrag.fallback_order, MAX_PAGE_ORDER);
	assert_int_equal(last_extfrag.alloc_migratetype, MIGRATE_UNMOVABLE);
	assert_int_equal(last_extfrag.fallback_migratetype, MIGRATE_MOVABLE);
	assert_true(last_extfrag.change_ownership);
	kmem_tracer_set(NULL);
	give(a);
	give(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_split_gives_upper_halves_back),
		TEST(test_alignment),
		TEST(test_iterative_coalescing),
		TEST(test_merge_likely_placement),
		TEST(test_bulk_equals_single),
		TEST(test_claim_converts_whole_pageblocks),
		TEST(test_steal_converts_nothing),
		TEST(test_claim_of_half_a_block),
		TEST(test_no_claim_below_half),
		TEST(test_fallback_order),
		TEST(test_merge_across_types),
		TEST(test_highatomic_reserve),
		TEST(test_isolation),
		TEST(test_cold_free_goes_to_the_tail),
		TEST(test_oracle_sees_damage),
		TEST(test_corrupt_free_page_panics),
		TEST(test_tracepoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
