/* SPDX-License-Identifier: MIT */
/*
 * The HIGHATOMIC reserve from its first pageblock to its last: who makes it, who may use it, how
 * big it gets, and who gets it back when nothing else is left.
 *
 * The machine has one big zone, 4 pageblocks of which are 1 %.  Its min mark is set so high that
 * the first half of each test runs in the slow path, where reserving happens, with plenty of
 * blocks around.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/page/pageblock.h"
#include "mm/page/vmstat.h"
#include "mm/page/watermark.h"
#include "tests/support/exact_machine.h"

#define CAP		(4 * pageblock_nr_pages)
#define MIN_HIGH	16000UL		/* pages: above what the tests take from the zone */
#define MIN_LOW		80UL

static struct zone *zone;

static void set_marks(unsigned long min)
{
	exact_set_marks(zone, min);
}

static int setup(void **state)
{
	(void)state;
	exact_boot("16M-784M usable", NULL, 1);
	zone = zone_of(ZONE_DMA32);
	assert_int_equal(align_up(zone->managed_pages / 100, pageblock_nr_pages), CAP);
	set_marks(MIN_HIGH);
	return 0;
}

static unsigned long free_pages_now(void)
{
	return exact_free_pages(zone);
}

/* Takes all that @gfp gets, biggest blocks first. */
static void take_all(gfp_t gfp)
{
	for (unsigned int order = MAX_PAGE_ORDER + 1; order-- > 0;) {
		struct page *page;

		while ((page = alloc_pages(gfp | __GFP_NOWARN, order)))
			hold(page);
	}
}

static unsigned long count_highatomic_blocks(void)
{
	unsigned long nr = 0;

	for (unsigned long pfn = zone->zone_start_pfn; pfn < zone_end_pfn(zone);
	     pfn += pageblock_nr_pages)
		nr += get_pageblock_migratetype(pfn_to_page(pfn)) == MIGRATE_HIGHATOMIC;
	return nr;
}

/* Brings the zone to its min mark, where an atomic order-1 request goes the slow way. */
static void go_to_min(void)
{
	take_all(GFP_NOWAIT);
	assert_int_equal(free_pages_now(), MIN_HIGH);
}

/* Atomic pairs until the reserve has its full size. */
static void build_reserve(void)
{
	go_to_min();
	for (int i = 0; i < 2000 && zone->nr_reserved_highatomic < CAP; i++)
		hold(alloc_pages(GFP_ATOMIC, 1));
	assert_int_equal(zone->nr_reserved_highatomic, CAP);
}

static void test_only_atomic_orders_reserve(void **state)
{
	(void)state;
	/* Above the low mark nobody needs a reserve. */
	hold(alloc_pages(GFP_ATOMIC, 1));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	go_to_min();
	hold(alloc_page(GFP_ATOMIC));
	hold(alloc_pages(GFP_KERNEL | __GFP_HIGH, 1));
	hold(alloc_pages(GFP_ATOMIC | __GFP_NOMEMALLOC, 1));
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	hold(alloc_pages(GFP_ATOMIC, 1));
	assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr_pages);
	assert_int_equal(get_pageblock_migratetype(held[nr_held - 1]), MIGRATE_HIGHATOMIC);
	assert_int_equal(vm_event_sum(HIGHATOMIC_RESERVE), 1);
	assert_pages_valid(-1);
	free_held();
}

static void test_cap_of_one_percent(void **state)
{
	(void)state;
	build_reserve();
	for (int i = 0; i < 300; i++)
		hold(alloc_pages(GFP_ATOMIC, 1));
	assert_int_equal(zone->nr_reserved_highatomic, CAP);
	assert_int_equal(count_highatomic_blocks(), 4);
	assert_int_equal(vm_event_sum(HIGHATOMIC_RESERVE), 4);
	assert_pages_valid(-1);
	free_held();
	/* All memory free again, and the reserve stays. */
	assert_int_equal(zone->nr_free_highatomic, CAP);
	assert_int_equal(zone->nr_reserved_highatomic, CAP);
}

static void test_small_zone_has_none(void **state)
{
	(void)state;
	go_to_min();
	/* One page less than a pageblock in a hundred. */
	zone->managed_pages -= 145409;
	assert_true(zone->managed_pages / 100 < pageblock_nr_pages);
	hold(alloc_pages(GFP_ATOMIC, 1));
	zone->managed_pages += 145409;
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	free_held();
}

static void enter_list(struct pagelist *pl) __acquires(pl->lock)
	__context_unsafe("the trylock must succeed")
{
	assert_true(owner_trylock(&pl->lock));
}

/* Past the page list (it is in use) an atomic pair comes from the reserve first. */
static void test_reserve_serves_atomic_orders_first(void **state)
{
	struct pagelist *pl = list_of(zone, 0);
	unsigned long free_reserve;

	(void)state;
	build_reserve();
	free_reserve = zone->nr_free_highatomic;
	enter_list(pl);
	hold(alloc_pages(GFP_ATOMIC, 1));
	assert_int_equal(get_pageblock_migratetype(held[nr_held - 1]), MIGRATE_HIGHATOMIC);
	assert_int_equal(zone->nr_free_highatomic, free_reserve - 2);
	/* Not so others: neither a single page nor who may sleep. */
	hold(alloc_page(GFP_ATOMIC));
	hold(alloc_pages(GFP_KERNEL | __GFP_HIGH, 1));
	assert_int_equal(zone->nr_free_highatomic, free_reserve - 2);
	owner_unlock(&pl->lock);
	free_held();
}

/* Uses up everything but the reserve: what is free then is HIGHATOMIC. */
static void use_up_the_rest(void)
{
	set_marks(MIN_LOW);
	for (;;) {
		struct page *page = alloc_page(GFP_ATOMIC);

		assert_non_null(page);
		hold(page);
		if (get_pageblock_migratetype(page) == MIGRATE_HIGHATOMIC)
			break;
	}
	/* The last resort of a single page that cannot wait is where the loop ended. */
	assert_int_equal(free_pages_now(), zone->nr_free_highatomic);
}

static void test_last_resort_of_single_pages(void **state)
{
	unsigned long left;

	(void)state;
	build_reserve();
	take_all(GFP_ATOMIC);
	set_marks(MIN_LOW);
	use_up_the_rest();
	assert_true(zone->nr_reserved_highatomic == CAP);
	left = zone->nr_free_highatomic;
	assert_true(left > MIN_LOW);
	/* Down to the floors of those who may: 375 and 1000 per mille of min. */
	hold(alloc_page(GFP_NOWAIT));
	assert_int_equal(get_pageblock_migratetype(held[nr_held - 1]), MIGRATE_HIGHATOMIC);
	assert_int_equal(exhaust(GFP_NOWAIT), left - 1 - MIN_LOW);
	assert_int_equal(exhaust(GFP_ATOMIC), MIN_LOW - MIN_LOW * 3 / 8);
	assert_int_equal(zone->nr_reserved_highatomic, CAP);
	assert_int_equal(vm_event_sum(HIGHATOMIC_UNRESERVE), 0);
	assert_pages_valid(-1);
	free_held();
}

/* A reclaimer gets the reserve back pageblock by pageblock before it fails, the last one too. */
static void test_unreserved_before_a_reclaimer_fails(void **state)
{
	unsigned long left, got;

	(void)state;
	build_reserve();
	take_all(GFP_ATOMIC);
	set_marks(MIN_LOW);
	use_up_the_rest();
	left = free_pages_now();
	got = exhaust(GFP_KERNEL);
	assert_int_equal(got, left - MIN_LOW);
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	assert_int_equal(zone->nr_free_highatomic, 0);
	assert_int_equal(count_highatomic_blocks(), 0);
	assert_int_equal(vm_event_sum(HIGHATOMIC_UNRESERVE), 4);
	assert_pages_valid(-1);
	free_held();
}

static unsigned int nr_ooms;

static bool on_oom(const struct reclaim_request *req)
{
	(void)req;
	/* Nobody is killed while the reserve has a free page. */
	assert_int_equal(zone->nr_free_highatomic, 0);
	nr_ooms++;
	__free_page(held[--nr_held]);
	return nr_ooms < 3;
}

static void test_unreserved_before_out_of_memory(void **state)
{
	const struct page_reclaim_ops ops = { .out_of_memory = on_oom };

	(void)state;
	build_reserve();
	take_all(GFP_ATOMIC);
	set_marks(MIN_LOW);
	use_up_the_rest();
	nr_ooms = 0;
	page_reclaim_register(&ops);
	exhaust(GFP_KERNEL);
	assert_int_equal(nr_ooms, 3);
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	free_held();
}

/* Freed pages of the reserve are lent out by the page list until they are spilled. */
static void test_freed_pages_return_to_the_reserve(void **state)
{
	struct page *pair;
	unsigned long left;

	(void)state;
	build_reserve();
	pair = held[--nr_held];
	assert_int_equal(get_pageblock_migratetype(pair), MIGRATE_HIGHATOMIC);
	left = zone->nr_free_highatomic;
	assert_int_equal(pcp_set_policy(NULL, "linux-6.18"), 0);
	__free_pages(pair, 1);
	assert_int_equal(zone->nr_free_highatomic, left);
	drain_local_pages(NULL);
	assert_int_equal(zone->nr_free_highatomic, left + 2);
	free_held();
}

static enum wmark_refusal refusal(gfp_t gfp, unsigned int order)
{
	const struct wmark_request req = {
		.order = order, .highest_zoneidx = gfp_zone(gfp),
		.alloc_flags = gfp_to_alloc_flags(gfp, order),
	};

	return zonelist_refusal(&NODE_DATA(0)->node_zonelists, &req);
}

/* Takes whole blocks of the highest order until there is none. */
static void take_big_blocks(void)
{
	struct page *page;

	while ((page = alloc_pages(GFP_NOWAIT, MAX_PAGE_ORDER)))
		hold(page);
	assert_null(alloc_pages(GFP_ATOMIC | __GFP_NOWARN, MAX_PAGE_ORDER));
}

static void test_refused_for_the_number(void **state)
{
	(void)state;
	go_to_min();
	set_marks(MIN_LOW);
	take_big_blocks();
	/* Fewer pages than the order has; a smaller order would pass. */
	assert_int_equal(refusal(GFP_ATOMIC, MAX_PAGE_ORDER), WMARK_REFUSED_PAGES);
	assert_int_equal(refusal(GFP_ATOMIC, 1), WMARK_REFUSED_RACED);
	free_held();
}

static void test_refused_with_a_reserve(void **state)
{
	(void)state;
	build_reserve();
	assert_int_equal(refusal(GFP_ATOMIC, 0), WMARK_REFUSED_RACED);
	take_all(GFP_ATOMIC);
	assert_int_equal(refusal(GFP_ATOMIC, 0), WMARK_REFUSED_PAGES);
	assert_int_equal(refusal(GFP_ATOMIC, 1), WMARK_REFUSED_PAGES);
	set_marks(MIN_LOW);
	take_big_blocks();
	/* Thousands of free pages, four reserved pageblocks, no block of two pageblocks. */
	assert_true(free_pages_now() > MAX_ORDER_NR_PAGES + MIN_LOW);
	assert_int_equal(refusal(GFP_ATOMIC, MAX_PAGE_ORDER), WMARK_REFUSED_RESERVE);
	exhaust(GFP_KERNEL);
	assert_int_equal(zone->nr_reserved_highatomic, 0);
	assert_int_equal(refusal(GFP_KERNEL, 0), WMARK_REFUSED_PAGES);
	free_held();
}

/* Every second page free: half of the zone, and not one pair. */
static void test_refused_without_a_reserve(void **state)
{
	unsigned int kept = 0;

	(void)state;
	set_marks(MIN_LOW);
	for (unsigned int i = 0; i < 8192; i++)
		hold(alloc_page(GFP_KERNEL));
	take_all(GFP_ATOMIC | __GFP_MEMALLOC);
	for (unsigned int i = 0; i < nr_held; i++) {
		if (i < 8192 && (page_to_pfn(held[i]) & 1))
			__free_page(held[i]);
		else
			held[kept++] = held[i];
	}
	nr_held = kept;
	assert_true(free_pages_now() > 2000);
	assert_null(alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 3));
	assert_int_equal(refusal(GFP_ATOMIC, 3), WMARK_REFUSED_BLOCK);
	assert_string_equal(wmark_refusal_name(WMARK_REFUSED_BLOCK), "no_block");
	free_held();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_atomic_orders_reserve),
		TEST(test_cap_of_one_percent),
		TEST(test_small_zone_has_none),
		TEST(test_reserve_serves_atomic_orders_first),
		TEST(test_last_resort_of_single_pages),
		TEST(test_unreserved_before_a_reclaimer_fails),
		TEST(test_unreserved_before_out_of_memory),
		TEST(test_freed_pages_return_to_the_reserve),
		TEST(test_refused_for_the_number),
		TEST(test_refused_with_a_reserve),
		TEST(test_refused_without_a_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
