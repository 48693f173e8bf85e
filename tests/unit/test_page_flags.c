/* SPDX-License-Identifier: MIT */
/* What each GFP flag changes: zones, reserves, reclaim, retries, out of memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/page_alloc_impl.h"
#include "mm/page/page_fail.h"
#include "mm/page/pageblock.h"
#include "mm/page/trace_kmem.h"
#include "mm/page/vmstat.h"
#include "tests/support/page_machine.h"

static unsigned long free_pages_of(enum zone_type type)
{
	return zone_page_state_snapshot(zone_of(type), NR_FREE_PAGES);
}

/* ---- zones ---- */

static void test_gfp_zone(void **state)
{
	(void)state;
	assert_int_equal(gfp_zone(GFP_KERNEL), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_DMA), ZONE_DMA);
	assert_int_equal(gfp_zone(GFP_KERNEL | __GFP_DMA32), ZONE_DMA32);
	assert_int_equal(gfp_zone(GFP_HIGHUSER_MOVABLE), ZONE_HIGHMEM);
	assert_int_equal(gfp_zone(__GFP_DMA | __GFP_HIGHMEM), ZONE_DMA);
	assert_int_equal(gfp_zone(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM), ZONE_DMA);
	assert_int_equal(gfp_zone(__GFP_DMA32 | __GFP_HIGHMEM), ZONE_DMA32);
}

/* Ordinary requests use the highest zone first, and of the lower one only what is not reserved. */
static void test_zone_fallback_keeps_the_lower_zone(void **state)
{
	struct zone *dma = zone_of(ZONE_DMA);
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	/* A boost would close the small zone to everybody, a refill takes more than is asked. */
	assert_int_equal(pcp_set_policy(NULL, "none"), 0);
	watermark_tunables.boost_factor = 0;
	assert_int_equal(page_zone(page)->type, ZONE_DMA32);
	__free_page(page);
	page = alloc_page(GFP_DMA);
	assert_ptr_equal(page_zone(page), dma);
	__free_page(page);

	exhaust(GFP_NOWAIT);
	/* The counter may lag by what the two CPUs keep. */
	assert_true(free_pages_of(ZONE_DMA) + 2 * 4 >= dma->watermark[WMARK_MIN] +
		    dma->lowmem_reserve[ZONE_NORMAL]);
	/* Who needs DMA memory still gets it. */
	page = alloc_page(GFP_DMA | GFP_NOWAIT);
	assert_non_null(page);
	assert_ptr_equal(page_zone(page), dma);
	__free_page(page);
	free_held();
}

/* ---- watermarks and flags: who gets how deep ---- */

/* Free pages of both zones at which @gfp is refused. */
static unsigned long floor_of(gfp_t gfp)
{
	unsigned long left;

	exhaust(gfp);
	drain_local_pages(NULL);
	exhaust(gfp);
	left = free_pages_of(ZONE_DMA32);
	free_held();
	drain_local_pages(NULL);
	return left;
}

static void test_reserve_floors(void **state)
{
	unsigned long min = zone_of(ZONE_DMA32)->watermark[WMARK_MIN];
	unsigned long slack = 2 * 8;	/* counter drift of two CPUs */
	gfp_t nowait = __GFP_KSWAPD_RECLAIM;
	unsigned long floor;

	(void)state;
	/* Refills take more than one page at a time below the mark: lists off. */
	assert_int_equal(pcp_set_policy(NULL, "none"), 0);
	floor = floor_of(GFP_KERNEL);
	assert_in_range(floor, min - slack, min + slack);
	floor = floor_of(nowait);
	assert_in_range(floor, min - slack, min + slack);
	floor = floor_of(GFP_KERNEL | __GFP_HIGH);
	assert_in_range(floor, min / 2 - slack, min / 2 + slack);
	floor = floor_of(GFP_ATOMIC);
	assert_in_range(floor, min * 3 / 8 - slack, min * 3 / 8 + slack);
	floor = floor_of(GFP_ATOMIC | __GFP_MEMALLOC);
	assert_int_equal(floor, 0);
	floor = floor_of(GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOMEMALLOC);
	assert_in_range(floor, min / 2 - slack, min / 2 + slack);
}

static void test_pfmemalloc_mark_and_task_flags(void **state)
{
	struct page *page;
	unsigned int old;

	(void)state;
	assert_int_equal(pcp_set_policy(NULL, "none"), 0);
	exhaust(GFP_ATOMIC);
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	old = memalloc_flags_save(PF_MEMALLOC);
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_true(page_test_flags(page, PG_pfmemalloc));
	hold(page);
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOMEMALLOC | __GFP_NOWARN));
	memalloc_flags_restore(old);
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	old = memalloc_flags_save(PF_OOM_VICTIM);
	/* Half of min: above what GFP_ATOMIC has left. */
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	memalloc_flags_restore(old);
	free_held();
}

static unsigned int nr_woken, nr_reclaims, nr_ooms, nr_compacts;
static struct reclaim_request last_reclaim;

static void on_wake(struct zone *zone, const struct reclaim_request *req)
{
	(void)zone;
	(void)req;
	nr_woken++;
}

/* Frees up to eight pages a call. */
static unsigned long on_reclaim(const struct reclaim_request *req)
{
	unsigned long freed = 0;

	last_reclaim = *req;
	nr_reclaims++;
	while (nr_held && freed < 8) {
		__free_page(held[--nr_held]);
		freed++;
	}
	return freed;
}

static unsigned long no_progress(const struct reclaim_request *req)
{
	(void)req;
	nr_reclaims++;
	return 0;
}

static unsigned long some_reclaimable(const struct zone *zone)
{
	(void)zone;
	return 1000;
}

static bool on_compact(const struct reclaim_request *req)
{
	(void)req;
	nr_compacts++;
	return false;
}

static bool on_oom(const struct reclaim_request *req)
{
	(void)req;
	nr_ooms++;
	while (nr_held > 100)
		__free_page(held[--nr_held]);
	return true;
}

static void reset_counts(void)
{
	nr_woken = nr_reclaims = nr_ooms = nr_compacts = 0;
}

static void test_kswapd_is_woken_below_low(void **state)
{
	const struct page_reclaim_ops ops = { .wake_kswapd = on_wake };
	struct zone *zone = zone_of(ZONE_DMA32);

	(void)state;
	reset_counts();
	page_reclaim_register(&ops);
	hold(alloc_page(GFP_KERNEL));
	assert_int_equal(nr_woken, 0);
	assert_false(zone->flags & ZONE_BELOW_HIGH);
	exhaust(GFP_NOWAIT);
	assert_true(nr_woken > 0);
	assert_true(zone->flags & ZONE_BELOW_HIGH);
	assert_int_equal(NODE_DATA(0)->nr_kswapd_wakeups, nr_woken);
	reset_counts();
	/* Without the flag nobody wakes it. */
	assert_null(alloc_page(__GFP_NOWARN));
	assert_int_equal(nr_woken, 0);
	free_held();
	/* The hint goes when there is room again. */
	drain_local_pages(NULL);
	hold(alloc_page(GFP_KERNEL));
	free_held();
	assert_false(zone->flags & ZONE_BELOW_HIGH);
}

static void test_direct_reclaim(void **state)
{
	const struct page_reclaim_ops ops = { .direct_reclaim = on_reclaim };
	struct page *page;
	unsigned int old;

	(void)state;
	reset_counts();
	page_reclaim_register(&ops);
	exhaust(GFP_ATOMIC);
	assert_int_equal(nr_reclaims, 0);
	assert_null(alloc_page(GFP_NOWAIT));
	assert_int_equal(nr_reclaims, 0);
	page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	assert_int_equal(nr_reclaims, 1);
	if (page)
		hold(page);
	/* Tasks that must not enter a file system say so once for all. */
	exhaust(GFP_ATOMIC);
	old = memalloc_flags_save(PF_MEMALLOC_NOIO);
	page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	memalloc_flags_restore(old);
	if (page)
		hold(page);
	assert_int_equal(last_reclaim.gfp & (__GFP_IO | __GFP_FS), 0);
	assert_true(vm_event_sum(ALLOCSTALL_NORMAL) >= 2);
	free_held();
}

static void test_retry_rules(void **state)
{
	const struct page_reclaim_ops ops = {
		.direct_reclaim = no_progress, .reclaimable_pages = some_reclaimable,
		.compact = on_compact,
	};

	(void)state;
	page_reclaim_register(&ops);
	exhaust(GFP_ATOMIC);
	reset_counts();
	assert_null(alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN));
	assert_int_equal(nr_reclaims, 1);
	/* As long as reclaim could do it, 16 fruitless rounds more. */
	reset_counts();
	assert_null(alloc_page(GFP_KERNEL | __GFP_NOWARN));
	assert_int_equal(nr_reclaims, 17);
	assert_int_equal(nr_compacts, 0);
	/* Costly orders end after the first round ... */
	reset_counts();
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 4));
	assert_int_equal(nr_reclaims, 1);
	assert_int_equal(nr_compacts, 1);
	/* ... unless they ask. */
	reset_counts();
	assert_null(alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, 2));
	assert_true(nr_reclaims > 1);
	free_held();
}

static void test_oom(void **state)
{
	const struct page_reclaim_ops ops = { .out_of_memory = on_oom };
	struct page *page;

	(void)state;
	page_reclaim_register(&ops);
	exhaust(GFP_ATOMIC);
	reset_counts();
	assert_null(alloc_page(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN));
	assert_int_equal(nr_ooms, 0);
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	assert_int_equal(nr_ooms, 1);
	assert_int_equal(vm_event_sum(OOM_KILL), 1);
	__free_page(page);
	free_held();
}

static void test_nofail(void **state)
{
	const struct page_reclaim_ops ops = { .direct_reclaim = on_reclaim };

	(void)state;
	page_reclaim_register(&ops);
	exhaust(GFP_ATOMIC);
	reset_counts();
	for (int i = 0; i < 50; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_NOFAIL);

		assert_non_null(page);
		__free_page(page);
	}
	free_held();
}

/* A blocking allocation reaches what other CPUs have listed; an atomic one does not. */
static void test_drain_reaches_other_cpus(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	unsigned int nr;

	(void)state;
	become_cpu(1);
	for (int i = 0; i < 40; i++)
		hold(alloc_page(GFP_KERNEL));
	free_held();
	become_cpu(0);
	assert_true(list_of(zone, 1)->count > 0);
	exhaust(GFP_ATOMIC);
	assert_true(list_of(zone, 1)->count > 0);
	nr = exhaust(GFP_KERNEL | __GFP_HIGH);
	assert_int_equal(list_of(zone, 1)->count, 0);
	assert_true(vm_event_sum(PCP_DRAIN_ALL) > 0);
	(void)nr;
	free_held();
}

static void test_failure_is_counted_and_warned_once(void **state)
{
	(void)state;
	exhaust(GFP_ATOMIC);
	page_alloc_reset();
	assert_null(alloc_page(__GFP_NOWARN));
	assert_int_equal(vm_event_sum(PGALLOC_FAIL_WARN), 0);
	assert_null(alloc_page(GFP_ATOMIC));
	assert_int_equal(vm_event_sum(PGALLOC_FAIL_WARN), 1);
	assert_true(vm_event_sum(PGALLOC_FAIL) >= 3);
	free_held();
}

static void test_highatomic_serves_atomic_orders(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	struct page *page;

	(void)state;
	zone->managed_pages += 51200;	/* big enough for a reserve */
	exhaust(GFP_NOWAIT);
	/* Free one aligned pair, so that an order-1 block exists for the emergency. */
	for (unsigned int i = 0; i < nr_held && zone->nr_reserved_highatomic == 0; i++) {
		struct page *a = held[i];

		for (unsigned int j = i + 1; j < nr_held && j < i + 3; j++) {
			if (held[j] != a + 1 || page_to_pfn(a) & 1)
				continue;
			held[j] = held[--nr_held];
			held[i] = held[--nr_held];
			__free_page(a);
			__free_page(a + 1);
			drain_local_pages(NULL);
			page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 1);
			assert_non_null(page);
			hold(page);
			break;
		}
	}
	assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr_pages);
	assert_int_equal(get_pageblock_migratetype(held[nr_held - 1]), MIGRATE_HIGHATOMIC);
	zone->managed_pages -= 51200;
	assert_pages_valid(-1);
	free_held();
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, page_machine_setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gfp_zone),
		TEST(test_zone_fallback_keeps_the_lower_zone),
		TEST(test_reserve_floors),
		TEST(test_pfmemalloc_mark_and_task_flags),
		TEST(test_kswapd_is_woken_below_low),
		TEST(test_direct_reclaim),
		TEST(test_retry_rules),
		TEST(test_oom),
		TEST(test_nofail),
		TEST(test_drain_reaches_other_cpus),
		TEST(test_failure_is_counted_and_warned_once),
		TEST(test_highatomic_serves_atomic_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
