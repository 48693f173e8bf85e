/* SPDX-License-Identifier: MIT */
/*
 * One test for each allocation flag and composite: what docs/gfp.md says it changes.  Reserves,
 * zones and the page itself; what reclaim is told is in test_gfp_reclaim.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "tests/support/exact_machine.h"

/* ---- the reserves ---- */

/* Pages that a request which leaves @permille of each min mark can take. */
static unsigned long obtainable(gfp_t gfp, unsigned long permille)
{
	const struct zone *zone;
	unsigned long sum = 0;

	for_each_zone(zone) {
		unsigned long keep = zone->watermark[WMARK_MIN] * permille / 1000;

		if (permille)
			keep += zone->lowmem_reserve[gfp_zone(gfp)];
		if (zone->type <= gfp_zone(gfp) && exact_free_pages(zone) > keep)
			sum += exact_free_pages(zone) - keep;
	}
	return sum;
}

struct reserve {
	const char *name;
	gfp_t gfp;
	unsigned int task_flags;
	unsigned long permille;		/* of min that must stay */
};

static const struct reserve reserves[] = {
	{ "no flag", 0, 0, 1000 },
	{ "GFP_KERNEL", GFP_KERNEL, 0, 1000 },
	{ "GFP_NOIO", GFP_NOIO, 0, 1000 },
	{ "GFP_NOFS", GFP_NOFS, 0, 1000 },
	{ "GFP_USER", GFP_USER, 0, 1000 },
	{ "GFP_HIGHUSER", GFP_HIGHUSER, 0, 1000 },
	{ "GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE, 0, 1000 },
	{ "GFP_NOWAIT", GFP_NOWAIT, 0, 1000 },
	{ "GFP_DMA", GFP_DMA, 0, 1000 },
	{ "GFP_KERNEL|GFP_DMA", GFP_KERNEL | GFP_DMA, 0, 1000 },
	{ "GFP_KERNEL|__GFP_HIGH", GFP_KERNEL | __GFP_HIGH, 0, 500 },
	{ "GFP_NOIO|__GFP_HIGH", GFP_NOIO | __GFP_HIGH, 0, 500 },
	{ "GFP_ATOMIC", GFP_ATOMIC, 0, 375 },
	{ "GFP_ATOMIC|GFP_DMA", GFP_ATOMIC | GFP_DMA, 0, 375 },
	{ "GFP_ATOMIC|__GFP_NOMEMALLOC", GFP_ATOMIC | __GFP_NOMEMALLOC, 0, 500 },
	{ "GFP_KERNEL|__GFP_MEMALLOC", GFP_KERNEL | __GFP_MEMALLOC, 0, 0 },
	{ "GFP_ATOMIC|__GFP_MEMALLOC", GFP_ATOMIC | __GFP_MEMALLOC, 0, 0 },
	{ "GFP_KERNEL|__GFP_MEMALLOC|__GFP_NOMEMALLOC",
	  GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC, 0, 1000 },
	{ "GFP_KERNEL of a task that frees memory", GFP_KERNEL, PF_MEMALLOC, 0 },
	{ "the same with __GFP_NOMEMALLOC", GFP_KERNEL | __GFP_NOMEMALLOC, PF_MEMALLOC, 1000 },
	{ "GFP_KERNEL of an OOM victim", GFP_KERNEL, PF_OOM_VICTIM, 500 },
	{ "GFP_ATOMIC of an OOM victim", GFP_ATOMIC, PF_OOM_VICTIM, 375 },
	{ "GFP_NOWAIT of an OOM victim", GFP_NOWAIT, PF_OOM_VICTIM, 500 },
};

/* Takes pages until @r gets no more: as many as the formula says, one at a time. */
static void test_floors_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reserves); i++) {
		const struct reserve *r = &reserves[i];
		unsigned long expected = obtainable(r->gfp, r->permille), got;
		unsigned int old = memalloc_flags_save(r->task_flags);

		got = exhaust(r->gfp);
		memalloc_flags_restore(old);
		free_held();
		if (got != expected)
			fail_msg("%s got %lu pages, not %lu", r->name, got, expected);
	}
}

/* Orders above 0 must leave the rest of their own block too, and need a whole block. */
static void test_floor_of_an_order(void **state)
{
	struct zone *dma = zone_of(ZONE_DMA);
	unsigned long floor = EXACT_MIN_DMA * 3 / 8;

	(void)state;
	for (unsigned int order = 1; order <= 3; order++) {
		unsigned long pages = 1UL << order, expected = 0, left = exact_free_pages(dma);

		while (left - (pages - 1) > floor && left >= pages) {
			left -= pages;
			expected++;
		}
		for (unsigned long i = 0; i < expected; i++)
			hold(alloc_pages(GFP_ATOMIC | GFP_DMA, order));
		assert_null(alloc_pages(GFP_ATOMIC | GFP_DMA | __GFP_NOWARN, order));
		assert_int_equal(exact_free_pages(dma), left);
		free_held();
	}
}

static void test_high_beats_the_boost(void **state)
{
	struct zone *dma = zone_of(ZONE_DMA);
	unsigned long atomic = obtainable(GFP_DMA, 375), nowait = obtainable(GFP_DMA, 1000);

	(void)state;
	/* A boost asks kswapd to defragment: an urgent page ignores it, others keep off it. */
	dma->watermark_boost = 400;
	assert_int_equal(exhaust(GFP_ATOMIC | GFP_DMA), atomic);
	free_held();
	assert_int_equal(exhaust(GFP_NOWAIT | GFP_DMA), nowait - 400);
	free_held();
	dma->watermark_boost = 0;
}

static void test_memalloc_marks_the_page(void **state)
{
	struct page *page;

	(void)state;
	exhaust(GFP_ATOMIC);
	page = alloc_page(GFP_KERNEL | __GFP_MEMALLOC);
	hold(page);
	assert_true(page_test_flags(page, PG_pfmemalloc));
	assert_false(page_test_flags(held[0], PG_pfmemalloc));
	/* With ordinary memory there is nothing to mark. */
	free_held();
	hold(alloc_page(GFP_KERNEL | __GFP_MEMALLOC));
	assert_false(page_test_flags(held[0], PG_pfmemalloc));
	free_held();
}

/* ---- zones and nodes ---- */

/* Takes pages with @gfp to the end: from @highest first, from each lower zone later. */
static void check_zones(gfp_t gfp, enum zone_type highest, enum zone_type lowest)
{
	enum zone_type last = highest;

	exhaust(gfp | __GFP_MEMALLOC);
	assert_int_equal(page_zone(held[0])->type, highest);
	for (unsigned int i = 0; i < nr_held; i++) {
		enum zone_type type = (enum zone_type)page_zone(held[i])->type;

		/* Below the low marks it begins anew with the highest. */
		assert_true(type <= highest);
		last = min(last, type);
	}
	assert_int_equal(last, lowest);
	free_held();
}

static void test_zone_flags_on_x86_64(void **state)
{
	(void)state;
	check_zones(GFP_ATOMIC, ZONE_NORMAL, ZONE_DMA);
	check_zones(GFP_ATOMIC | __GFP_HIGHMEM, ZONE_NORMAL, ZONE_DMA);
	check_zones(GFP_ATOMIC | GFP_DMA32, ZONE_DMA32, ZONE_DMA);
	check_zones(GFP_ATOMIC | GFP_DMA, ZONE_DMA, ZONE_DMA);
	check_zones(GFP_DMA, ZONE_DMA, ZONE_DMA);
}

static void test_zone_flags_on_x86_32(void **state)
{
	(void)state;
	check_zones(GFP_KERNEL, ZONE_NORMAL, ZONE_DMA);
	check_zones(GFP_USER, ZONE_NORMAL, ZONE_DMA);
	check_zones(GFP_HIGHUSER, ZONE_HIGHMEM, ZONE_DMA);
	check_zones(GFP_HIGHUSER_MOVABLE, ZONE_HIGHMEM, ZONE_DMA);
	check_zones(GFP_KERNEL | __GFP_HIGHMEM, ZONE_HIGHMEM, ZONE_DMA);
	check_zones(GFP_KERNEL | GFP_DMA, ZONE_DMA, ZONE_DMA);
}

static void test_mobility_flags(void **state)
{
	(void)state;
	hold(alloc_page(GFP_HIGHUSER_MOVABLE));
	hold(alloc_page(GFP_KERNEL));
	hold(alloc_page(GFP_KERNEL | __GFP_RECLAIMABLE));
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_ptr_not_equal(page_pageblock(held[i]), page_pageblock(held[j]));
	assert_int_equal(get_pageblock_migratetype(held[0]), MIGRATE_MOVABLE);
	assert_int_equal(get_pageblock_migratetype(held[1]), MIGRATE_UNMOVABLE);
	assert_int_equal(get_pageblock_migratetype(held[2]), MIGRATE_RECLAIMABLE);
	free_held();
}

static void test_thisnode(void **state)
{
	unsigned int near, all;

	(void)state;
	near = exhaust(GFP_NOWAIT | __GFP_THISNODE);
	for (unsigned int i = 0; i < nr_held; i++)
		assert_int_equal(page_to_nid(held[i]), 0);
	/* The other node still has memory. */
	all = near + exhaust(GFP_NOWAIT);
	assert_true(all > near);
	assert_int_equal(page_to_nid(held[nr_held - 1]), 1);
	free_held();
}

/* ---- what happens to the page ---- */

static void test_nowarn(void **state)
{
	(void)state;
	exhaust(GFP_ATOMIC);
	page_alloc_reset();
	assert_null(alloc_page(GFP_ATOMIC | __GFP_NOWARN));
	assert_null(alloc_page(GFP_NOWAIT));
	assert_int_equal(vm_event_sum(PGALLOC_FAIL_WARN), 0);
	assert_null(alloc_page(GFP_ATOMIC));
	assert_int_equal(vm_event_sum(PGALLOC_FAIL_WARN), 1);
	free_held();
}

static void test_zero(void **state)
{
	static const char zeroes[8 * PAGE_SIZE];
	struct page *page = alloc_pages(GFP_KERNEL, 3), *again;

	(void)state;
	memset(page_address(page), 0xff, sizeof(zeroes));
	__free_pages(page, 3);
	again = alloc_pages(GFP_KERNEL, 3);
	assert_ptr_equal(again, page);
	assert_memory_not_equal(page_address(page), zeroes, sizeof(zeroes));
	__free_pages(page, 3);
	again = alloc_pages(GFP_KERNEL | __GFP_ZERO, 3);
	assert_ptr_equal(again, page);
	assert_memory_equal(page_address(page), zeroes, sizeof(zeroes));
	__free_pages(page, 3);
}

static void test_comp(void **state)
{
	struct page *plain = alloc_pages(GFP_KERNEL, 2);
	struct page *comp = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	(void)state;
	assert_ptr_equal(compound_head(plain + 3), plain + 3);
	assert_ptr_equal(compound_head(comp + 3), comp);
	assert_int_equal(compound_order(comp), 2);
	put_page(comp + 3);
	__free_pages(plain, 2);
}

static void test_cold(void **state)
{
	struct page *first, *second, *coldest, *hottest;

	(void)state;
	assert_int_equal(pcp_set_policy(NULL, "linux-6.18"), 0);
	first = alloc_page(GFP_KERNEL);
	second = alloc_page(GFP_KERNEL);
	drain_local_pages(NULL);
	hold(alloc_page(GFP_KERNEL));
	__free_page(first);
	__free_page(second);
	hottest = list_first_entry(&list_of(zone_of(ZONE_DMA32), 0)->lists[0], struct page, lru);
	assert_ptr_equal(hottest, second);
	coldest = list_entry(list_of(zone_of(ZONE_DMA32), 0)->lists[0].prev, struct page, lru);
	hold(alloc_page(GFP_KERNEL | __GFP_COLD));
	assert_ptr_equal(held[nr_held - 1], coldest);
	hold(alloc_page(GFP_KERNEL));
	assert_ptr_equal(held[nr_held - 1], hottest);
	free_held();
}

/* Flags whose subject does not exist here, or lies above: the page allocator takes no notice. */
static void test_flags_without_effect_here(void **state)
{
	const gfp_t none = __GFP_NO_GROW | __GFP_HARDWALL | __GFP_WRITE | __GFP_ACCOUNT |
		__GFP_ZEROTAGS | __GFP_NO_OBJ_EXT | __GFP_SKIP_ZERO | __GFP_SKIP_KASAN |
		__GFP_NOLOCKDEP;
	unsigned long plain = exhaust(GFP_ATOMIC);

	(void)state;
	free_held();
	assert_int_equal(exhaust(GFP_ATOMIC | none), plain);
	free_held();
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_floors_are_exact, exact_setup_small),
		TEST(test_floor_of_an_order, exact_setup_small),
		TEST(test_high_beats_the_boost, exact_setup_small),
		TEST(test_memalloc_marks_the_page, exact_setup_small),
		TEST(test_zone_flags_on_x86_64, exact_setup_x86_64),
		TEST(test_zone_flags_on_x86_32, exact_setup_x86_32),
		TEST(test_mobility_flags, exact_setup_small),
		TEST(test_thisnode, exact_setup_two_nodes),
		TEST(test_nowarn, exact_setup_small),
		TEST(test_zero, exact_setup_small),
		TEST(test_comp, exact_setup_small),
		TEST(test_cold, exact_setup_small),
		TEST(test_flags_without_effect_here, exact_setup_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
