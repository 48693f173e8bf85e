/* SPDX-License-Identifier: MIT */
/* Page lists of a zone: trylock failure, other CPUs, drains, settings at run time. */
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

/* ---- page lists ---- */

/* Takes a list that is free. */
static void enter_list(struct pagelist *pl) __acquires(pl->lock)
	__context_unsafe("the trylock must succeed")
{
	assert_true(owner_trylock(&pl->lock));
}

static void test_trylock_failure_goes_to_the_buddy(void **state)
{
	struct pagelist *pl = list_of(zone_of(ZONE_DMA32), 0);
	struct page *page;
	int count;

	(void)state;
	hold(alloc_page(GFP_KERNEL));
	count = pl->count;
	/* As an interrupt sees it that hit the owner inside. */
	enter_list(pl);
	page = alloc_page(GFP_ATOMIC);
	assert_non_null(page);
	assert_int_equal(pl->count, count);
	assert_int_equal(vm_event_sum(PCP_ALLOC_BYPASS), 1);
	__free_page(page);
	assert_int_equal(pl->count, count);
	assert_int_equal(vm_event_sum(PCP_FREE_BYPASS), 1);
	owner_unlock(&pl->lock);
	free_held();
}

static void test_freed_on_another_cpu(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	struct page *page = alloc_page(GFP_KERNEL);
	int count;

	(void)state;
	become_cpu(1);
	count = list_of(zone, 1)->count;
	__free_page(page);
	assert_int_equal(list_of(zone, 1)->count, count + 1);
	assert_int_equal(page->last_cpu, 1);
	assert_ptr_equal(alloc_page(GFP_KERNEL), page);
	__free_page(page);
	drain_all_pages(zone);
	assert_int_equal(list_of(zone, 0)->count, 0);
	assert_int_equal(list_of(zone, 1)->count, 0);
}

static void test_settings(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32), *dma = zone_of(ZONE_DMA);
	struct pagelist *pl = list_of(zone, 0);
	int high_min = pl->high_min;

	(void)state;
	/* The live formula: high_min = low mark / CPUs, high_max = managed / 8 / CPUs. */
	assert_int_equal(high_min, max((int)zone->watermark[WMARK_LOW] / 2, 4 * pl->batch));
	assert_int_equal(pl->high_max, max((int)zone->managed_pages / 8 / 2, 4 * pl->batch));
	assert_int_equal(set_percpu_pagelist_high_fraction(7), -EINVAL);
	assert_int_equal(set_percpu_pagelist_high_fraction(10), 0);
	assert_int_equal(pl->high_min, pl->high_max);
	assert_int_equal(pl->high_min, max((int)zone->managed_pages / 10 / 2, 4 * pl->batch));
	assert_int_equal(set_percpu_pagelist_high_fraction(0), 0);
	assert_int_equal(pl->high_min, high_min);

	/* One zone only. */
	assert_int_equal(pcp_set_tunable(zone, "batch", 17), 0);
	assert_int_equal(pl->batch, 17);
	assert_int_not_equal(list_of(dma, 0)->batch, 17);
	assert_int_equal(pcp_set_tunable(zone, "no-such-thing", 17), -ENOENT);
	assert_int_equal(pcp_set_policy(NULL, "no-such-policy"), -ENOENT);
	assert_int_equal(pcp_set_policy(zone, "linux-6.1"), 0);
	assert_int_equal(pl->high_min, pl->high_max);
	assert_int_equal(pcp_set_policy(zone, "linux-6.18"), 0);

	zone_pcp_disable(zone);
	hold(alloc_page(GFP_KERNEL));
	free_held();
	assert_int_equal(pl->count, 0);
	zone_pcp_enable(zone);
	assert_int_equal(pl->high_min, high_min);
}

static void test_isolated_pages_bypass_the_list(void **state)
{
	struct zone *zone = zone_of(ZONE_DMA32);
	struct page *page = alloc_page(GFP_KERNEL);
	int count;

	(void)state;
	drain_local_pages(NULL);
	assert_int_equal(set_migratetype_isolate(page), 0);
	count = list_of(zone, 0)->count;
	__free_page(page);
	assert_int_equal(list_of(zone, 0)->count, count);
	assert_true(page_test_flags(page, PG_buddy));
	unset_migratetype_isolate(page, MIGRATE_MOVABLE);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, page_machine_setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trylock_failure_goes_to_the_buddy),
		TEST(test_freed_on_another_cpu),
		TEST(test_settings),
		TEST(test_isolated_pages_bypass_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
