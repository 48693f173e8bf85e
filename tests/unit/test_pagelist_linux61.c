/* SPDX-License-Identifier: MIT */
/* The policies without tuning: none, fixed, Linux 6.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "tests/support/pagelist_zone.h"

static void test_none(void **state)
{
	struct pagelist_stats stats = { 0 };

	(void)state;
	pagelist_zone_start(PAGELIST_NONE, 0, 0, 1);
	for (int i = 0; i < 20; i++) {
		struct list_head *entry = get_order(i % 4 == 3 ? 9 : 0);

		assert_int_equal(zone.want, 1);
		assert_int_equal(pl->count, 0);
		put_order(entry, i % 4 == 3 ? 9 : 0);
		assert_int_equal(pl->count, 0);
	}
	assert_int_equal(zone.refills, 20);
	assert_int_equal(zone.spills, 20);
	pagelist_add_stats(pl, &stats);
	assert_int_equal(stats.allocs, 20);
	assert_int_equal(stats.frees, 20);
	assert_int_equal(stats.spills[PAGELIST_SPILL_HIGH], 20);
	assert_int_equal(stats.spill_pages[PAGELIST_SPILL_HIGH], 15 + 5 * 512);
	pagelist_zone_finish();
}

static void test_fixed(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_FIXED, 200, 200, 50);
	for (int i = 0; i < 500; i++) {
		get_order(0);
		assert_int_equal(zone.want, 50);
	}
	zone.hints = PAGELIST_HINTS;
	free_run(1, 99);
	assert_int_equal(zone.spills, 0);
	free_run(1, 1);
	assert_int_equal(zone.pages, 50);
	pagelist_zone_finish();

	pagelist_zone_start(PAGELIST_FIXED, 20, 20, 50);
	get_order(0);
	assert_int_equal(zone.want, 1);
	put_many(20);
	assert_int_equal(zone.pages, 1);
	pagelist_zone_finish();
}

/* Spills double until an alloc comes, and end a batch short of high. */
static void test_linux61_spills(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_1, 320, 320, 64);
	put_many(320);
	assert_int_equal(zone.pages, 64);
	assert_int_equal(pl->free_factor, 1);
	put_many(64);
	assert_int_equal(zone.pages, 64 + 128);
	put_many(128);
	/* 64 << 2 equals high - batch: reached, so no further doubling. */
	assert_int_equal(zone.pages, 64 + 128 + 256);
	assert_int_equal(pl->free_factor, 2);
	get_order(0);
	assert_int_equal(pl->free_factor, 1);
	pagelist_zone_finish();
}

static void test_linux61_free_high(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_1, 320, 320, 64);
	free_run(1, 159);
	assert_int_equal(zone.spills, 0);
	put_many(2);
	assert_int_equal(zone.pages, 64);
	/* free_factor is 1 now: the next order-1 free flushes all. */
	free_run(1, 1);
	assert_int_equal(pl->count, 0);
	assert_int_equal(zone.pages, 322);
	pagelist_zone_finish();
}

static void test_linux61_reclaim(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_1, 1000, 1000, 63);
	zone.hints = PAGELIST_RECLAIM_ACTIVE;
	put_many(251);
	assert_int_equal(zone.spills, 0);
	put_many(1);
	assert_int_equal(zone.pages, 63);
	assert_int_equal(pl->high, 1000);
	assert_false(pagelist_decay(pl));
	pagelist_zone_finish();

	pagelist_zone_start(PAGELIST_LINUX_6_1, 1000, 1000, 63);
	for (int i = 0; i < 200; i++)
		get_order(0);
	assert_int_equal(zone.want, 63);
	get_order(9);
	assert_int_equal(zone.want, 2);
	pagelist_zone_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_linux61_spills),
		cmocka_unit_test(test_linux61_free_high),
		cmocka_unit_test(test_linux61_reclaim),
	};

	return cmocka_run_group_tests(tests, pagelist_zone_boot, pagelist_zone_shutdown);
}
