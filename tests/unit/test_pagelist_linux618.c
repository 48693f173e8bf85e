/* SPDX-License-Identifier: MIT */
/* The self-tuning policy, one rule at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "tests/support/pagelist_zone.h"

static void check_refill_ladder(enum pagelist_policy policy)
{
	static const unsigned int ladder[] = { 63, 126, 252, 504, 1008, 2016, 2016, 2016 };

	pagelist_zone_start(policy, 7296, 108544, 63);
	for (unsigned int i = 0; i < ARRAY_SIZE(ladder); i++) {
		for (unsigned int n = 0; n < ladder[i]; n++)
			assert_non_null(get_order(0));
		assert_int_equal(zone.want, ladder[i]);
		assert_int_equal(zone.refills, i + 1);
	}
	/* Every refill raised high by its size. */
	assert_int_equal(pl->high, 7296 + 63 + 126 + 252 + 504 + 1008 + 3 * 2016);
	pagelist_zone_finish();
}

static void test_refill_ladder(void **state)
{
	(void)state;
	check_refill_ladder(PAGELIST_LINUX_6_12);
	check_refill_ladder(PAGELIST_LINUX_6_18);
	check_refill_ladder(PAGELIST_LINUX_7_2);
}

static void test_refill_of_orders(void **state)
{
	static const struct {
		unsigned int order, blocks;
	} row[] = { { 0, 63 }, { 1, 31 }, { 2, 15 }, { 3, 7 }, { 9, 2 } };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		pagelist_zone_start(PAGELIST_LINUX_6_18, 7296, 108544, 63);
		assert_non_null(get_order(row[i].order));
		assert_int_equal(zone.want, row[i].blocks);
		assert_int_equal(pl->count, (row[i].blocks - 1) << row[i].order);
		/* Only order 0 doubles. */
		assert_int_equal(pl->alloc_factor, row[i].order == 0);
		pagelist_zone_finish();
	}
}

/* A refill never asks for more than fits beside what is there, but for a batch at least. */
static void test_refill_room(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 260, 260, 63);
	for (int i = 0; i < 63 + 126; i++)
		get_order(0);
	assert_int_equal(zone.want, 126);
	/* Room is 260 - 63 = 197 pages, less than 252: no further doubling either. */
	get_order(0);
	assert_int_equal(zone.want, 197);
	assert_int_equal(pl->alloc_factor, 2);
	assert_int_equal(pl->high, 260);
	pagelist_zone_finish();
}

static void test_refill_below_high(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	zone.hints = PAGELIST_BELOW_HIGH;
	get_order(0);
	assert_int_equal(pl->high, 300);
	zone.hints = PAGELIST_RECLAIM_ACTIVE;
	for (int i = 0; i < 63; i++)
		get_order(0);
	assert_int_equal(pl->high, 426);
	pagelist_zone_finish();
}

/* Three frees take the doubling back; an alloc halves the frees seen. */
static void test_factors(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 7296, 108544, 63);
	for (int i = 0; i < 3000; i++)
		get_order(0);
	assert_int_equal(pl->alloc_factor, 5);
	put_many(1);
	assert_int_equal(pl->alloc_factor, 2);
	put_many(2);
	assert_int_equal(pl->alloc_factor, 0);
	put_many(3000);
	assert_int_equal(pl->free_count, 2016);
	get_order(0);
	assert_int_equal(pl->free_count, 1008);
	pagelist_zone_finish();
}

/* At the limit a spill takes the frees in a row, a batch at least, and leaves a batch. */
static void test_spill_sizes(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(299);
	assert_int_equal(zone.spills, 0);
	put_many(1);
	assert_int_equal(zone.pages, 300 - 63);
	/* The frees of the run and a batch shall fit next time. */
	assert_int_equal(pl->high, 363);
	assert_int_equal(pl->count, 63);
	pagelist_zone_finish();

	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 300, 63);
	put_many(300);
	assert_int_equal(zone.pages, 300 - 63);
	assert_int_equal(pl->high, 300);
	/* Allocs between: free_count is nearly 0, a batch goes. */
	for (int i = 0; i < 9; i++)
		get_order(0);
	while (zone.spills == 1) {
		for (int i = 0; i < 4; i++)
			get_order(0);
		put_many(5);
	}
	assert_int_equal(zone.pages, 300 - 63 + 63);
	pagelist_zone_finish();
}

static void test_spill_largest(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 5000, 5000, 63);
	put_many(5000);
	assert_int_equal(zone.pages, 2016);
	pagelist_zone_finish();
}

/* free_high: enough frees in a row, and the previous one was of order 1..3 as well. */
static void test_free_high(void **state)
{
	(void)state;
	/* Threshold 63 + 600 / 2 = 363 pages: reached after 364 frees of order 1 or 2. */
	pagelist_zone_start(PAGELIST_LINUX_6_18, 600, 6000, 63);
	free_run(1, 182);
	assert_int_equal(zone.spills, 0);
	free_run(1, 1);
	assert_int_equal(zone.pages, 366);
	assert_int_equal(pl->count, 0);
	assert_int_equal(pl->stats.spills[PAGELIST_SPILL_FREE_HIGH], 1);
	pagelist_zone_finish();

	/* Linux 6.12: the threshold is the batch. */
	pagelist_zone_start(PAGELIST_LINUX_6_12, 600, 6000, 63);
	free_run(1, 32);
	assert_int_equal(zone.spills, 0);
	free_run(1, 1);
	assert_int_equal(zone.pages, 66);
	pagelist_zone_finish();

	/* An order-0 or order-9 free in front: no flush. */
	pagelist_zone_start(PAGELIST_LINUX_6_12, 6000, 60000, 63);
	for (int i = 0; i < 100; i++) {
		put_new(0);
		put_new(1);
		put_new(9);
		put_new(3);
	}
	assert_int_equal(zone.spills, pl->stats.spills[PAGELIST_SPILL_HIGH]);
	pagelist_zone_finish();
}

/* With a big cache share a flush waits until there is a batch. */
static void test_free_high_batch(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_12, 600, 6000, 63);
	pagelist_set_cache_share(pl, 189);
	assert_int_equal(pl->free_high_batch, 0);
	pagelist_set_cache_share(pl, 190);
	assert_int_equal(pl->free_high_batch, 1);
	free_run(1, 33);
	assert_int_equal(zone.pages, 66);
	free_run(1, 31);
	assert_int_equal(zone.pages, 66);
	assert_int_equal(pl->count, 62);
	free_run(1, 1);
	assert_int_equal(zone.pages, 66 + 64);
	pagelist_zone_finish();
}

/* A flush lowers high by a largest transfer. */
static void test_free_high_lowers_high(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_12, 600, 6000, 63);
	own_lock();
	WRITE_ONCE(pl->high, 6000);
	owner_unlock(&pl->lock);
	free_run(1, 33);
	assert_int_equal(pl->high, 6000 - 2016);
	free_run(2, 1);
	assert_int_equal(pl->high, 6000 - 2 * 2016);
	free_run(2, 1);
	assert_int_equal(pl->high, 600);
	pagelist_zone_finish();
}

static void test_reclaim_active(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 100, 3000, 63);
	for (int i = 0; i < 200; i++)
		get_order(0);
	assert_int_equal(pl->high, 541);
	zone.hints = PAGELIST_RECLAIM_ACTIVE;
	put_many(1);
	/* high falls by a batch per free; the limit is 4 batches, 252, or high when lower. */
	assert_int_equal(pl->high, 478);
	assert_int_equal(zone.spills, 0);
	put_many(3);
	assert_int_equal(pl->high, 289);
	assert_int_equal(zone.spills, 0);
	put_many(1);
	assert_int_equal(pl->high, 226);
	assert_int_equal(zone.pages, 63);
	put_many(7);
	assert_int_equal(pl->high, 100);
	assert_int_equal(zone.spills, 3);
	assert_int_equal(pl->stats.spills[PAGELIST_SPILL_HINT], 3);
	assert_int_equal(zone.cleared, 0);
	pagelist_zone_finish();
}

/* Below the zone's high mark everything above high_min goes at once, and the owner is asked. */
static void test_below_high(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(290);
	zone.hints = PAGELIST_BELOW_HIGH;
	put_many(5);
	assert_int_equal(zone.spills, 0);
	put_many(5);
	assert_int_equal(zone.spills, 1);
	assert_int_equal(zone.pages, 237);
	assert_int_equal(zone.cleared, 1);
	assert_int_equal(pl->high, 300);
	pagelist_zone_finish();
}

/* 7.2: the same pages, a batch per hold, and none further once somebody else has the lock. */
static void test_linux72_chunks(void **state)
	__context_unsafe("plays the owner while it holds the remote side")
{
	struct pagelist_rest rest;

	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_7_2, 300, 300, 63);
	put_many(300);
	assert_int_equal(zone.pages, 237);
	assert_int_equal(zone.spills, 4);
	put_many(236);
	assert_int_equal(zone.spills, 4);

	own_lock();
	rest = pagelist_free(pl, 0, PAGELIST_MOVABLE, &zone.block[zone.next++]);
	owner_unlock(&pl->lock);
	assert_int_equal(rest.pages, 237 - 63);
	assert_int_equal(rest.reason, PAGELIST_SPILL_HIGH);
	assert_int_equal(zone.spills, 5);
	owner_lock_remote(&pl->lock);
	pagelist_spill_rest(pl, rest);
	assert_int_equal(zone.spills, 5);
	owner_unlock_remote(&pl->lock);
	pagelist_spill_rest(pl, rest);
	assert_int_equal(zone.spills, 8);
	pagelist_zone_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refill_ladder),
		cmocka_unit_test(test_refill_of_orders),
		cmocka_unit_test(test_refill_room),
		cmocka_unit_test(test_refill_below_high),
		cmocka_unit_test(test_factors),
		cmocka_unit_test(test_spill_sizes),
		cmocka_unit_test(test_spill_largest),
		cmocka_unit_test(test_free_high),
		cmocka_unit_test(test_free_high_batch),
		cmocka_unit_test(test_free_high_lowers_high),
		cmocka_unit_test(test_reclaim_active),
		cmocka_unit_test(test_below_high),
		cmocka_unit_test(test_linux72_chunks),
	};

	return cmocka_run_group_tests(tests, pagelist_zone_boot, pagelist_zone_shutdown);
}
