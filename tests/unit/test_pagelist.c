/* SPDX-License-Identifier: MIT */
/* The page-list engine: lists, order of blocks, spills, the validator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "tests/support/pagelist_zone.h"

static void test_index(void **state)
{
	(void)state;
	assert_int_equal(NR_PCP_LISTS, 14);
	for (unsigned int order = 0; order <= 10; order++) {
		bool allowed = order <= 3 || order == 9;

		assert_int_equal(pagelist_order_allowed(order), allowed);
		for (unsigned int type = 0; allowed && type < 3; type++) {
			unsigned int index = pagelist_index(order, type);

			assert_int_equal(pagelist_index_order(index), order);
			if (order < 9)
				assert_int_equal(index, 3 * order + type);
			else
				assert_int_equal(index, type == PAGELIST_MOVABLE ? 13 : 12);
		}
	}
}

/* A refill comes out in the zone's order; a freed block comes out first. */
static void test_order_of_blocks(void **state)
{
	struct list_head *a, *b;

	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	a = get_order(0);
	b = get_order(0);
	assert_ptr_equal(a, &zone.block[0]);
	assert_ptr_equal(b, &zone.block[1]);
	assert_int_equal(zone.refills, 1);
	put_order(a, 0);
	assert_ptr_equal(get_order(0), a);
	assert_ptr_equal(get_order(0), &zone.block[2]);
	pagelist_zone_finish();
}

/*
 * Spilling 5 pages starting at the list just freed to (index 4: order 1, movable):
 *
 *	list 4   head [5 4] tail	-> 4, 5 go (cold end first)
 *	list 13  empty
 *	list 0   head [1 0]		-> 0 goes, then the quota is full
 */
static void test_spill_order(void **state)
{
	static const unsigned int expected[] = { 4, 5, 0 };
	struct pagelist_rest rest;

	(void)state;
	pagelist_zone_start(PAGELIST_FIXED, 9, 9, 5);
	own_lock();
	pagelist_free_nospill(pl, 0, 0, &zone.block[0]);
	pagelist_free_nospill(pl, 0, 0, &zone.block[1]);
	pagelist_free_nospill(pl, 0, 2, &zone.block[2]);
	pagelist_free_nospill(pl, 1, 2, &zone.block[3]);
	pagelist_free_nospill(pl, 1, 1, &zone.block[4]);
	assert_int_equal(zone.spills, 0);
	rest = pagelist_free(pl, 1, 1, &zone.block[5]);
	owner_unlock(&pl->lock);
	assert_int_equal(rest.pages, 0);
	/* The order-1 reclaimable block (list 5) lies between list 4 and list 0. */
	assert_int_equal(zone.pages, 6);
	assert_int_equal(zone.log[0], expected[0]);
	assert_int_equal(zone.log[1], expected[1]);
	assert_int_equal(zone.log[2], 3);
	assert_int_equal(pl->count, 3);
	zone.nr_log = 0;
	assert_int_equal(pagelist_drain_remote(pl, 1), 1);
	assert_int_equal(zone.log[0], expected[2]);
	pagelist_zone_finish();
}

static void test_refill_fails(void **state)
{
	struct pagelist_stats stats = { 0 };

	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	zone.supply = 0;
	assert_null(get_order(0));
	assert_int_equal(pl->count, 0);
	zone.supply = 10;
	assert_non_null(get_order(3));
	assert_int_equal(pl->count, 48);	/* asked for 7, so the supply does not bind */
	assert_int_equal(zone.want, 7);
	zone.supply = 5;
	assert_non_null(get_order(0));
	assert_int_equal(pl->count, 52);
	pagelist_add_stats(pl, &stats);
	assert_int_equal(stats.allocs, 3);
	assert_int_equal(stats.refills, 3);
	assert_int_equal(stats.refill_failed, 1);
	assert_int_equal(stats.refill_blocks, 12);
	assert_int_equal(stats.refill_pages, 61);
	pagelist_zone_finish();
}

/* A change of the window is taken up by the next free, even one that spills nothing. */
static void test_window_change(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(10);
	assert_int_equal(pl->high, 300);
	pagelist_update_tunables(pl, 500, 600, 31);
	put_many(1);
	assert_int_equal(pl->high, 500);
	pagelist_update_tunables(pl, 100, 200, 31);
	put_many(1);
	assert_int_equal(pl->high, 200);
	assert_int_equal(zone.spills, 0);
	/* Off: what comes in goes out. */
	pagelist_update_tunables(pl, 0, 0, 1);
	put_many(1);
	assert_int_equal(zone.pages, 1);
	pagelist_zone_finish();
}

static void test_trylock_fails_under_remote(void **state)
	__context_unsafe("tries what must fail")
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	owner_lock_remote(&pl->lock);
	assert_false(owner_trylock(&pl->lock));
	owner_unlock_remote(&pl->lock);
	own_lock();
	/* An interrupt of the owner fails too. */
	assert_false(owner_trylock(&pl->lock));
	owner_unlock(&pl->lock);
	assert_int_equal(pl->lock.nr_failed, 2);
	pagelist_zone_finish();
}

/* The validator must be able to say no. */
static void test_validator(void **state)
{
	struct list_head *hook;

	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(5);
	free_run(3, 2);
	assert_true(pagelist_is_valid(pl));
	pl->count++;
	assert_false(pagelist_is_valid(pl));
	pl->count -= 2;
	assert_false(pagelist_is_valid(pl));
	pl->count++;
	hook = pl->lists[1].next->prev;
	pl->lists[1].next->prev = pl->lists[1].next;
	assert_false(pagelist_is_valid(pl));
	pl->lists[1].next->prev = hook;
	hook = pl->lists[1].prev;
	pl->lists[1].prev = pl->lists[1].next;
	assert_false(pagelist_is_valid(pl));
	pl->lists[1].prev = hook;
	pl->alloc_factor = 7;
	assert_false(pagelist_is_valid(pl));
	pl->alloc_factor = 0;
	pl->flags |= 2;
	assert_false(pagelist_is_valid(pl));
	pl->flags = 0;
	pagelist_zone_finish();
}

/* No hints word: as if none was ever set. */
static void test_no_hints(void **state)
{
	static const struct lock_class class = { .name = "pcp", .rank = RANK_PCP };
	struct pagelist_setup setup = {
		.ops = &pagelist_zone_ops, .owner = &zone, .tun = &tun, .lock_class = &class,
	};

	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	pagelist_zone_finish();
	pagelist_init(pl, &setup);
	/* A fresh list caches nothing until its window is set. */
	put_order(get_order(0), 0);
	assert_int_equal(zone.want, 1);
	assert_int_equal(zone.spills, 1);
	pagelist_zone_finish();
}

/* Constants take effect in the middle of a run. */
static void test_tunables_live(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 7296, 108544, 63);
	assert_int_equal(pagelist_tunable_set(&tun, "scale_max", 1), 0);
	for (int i = 0; i < 1000; i++)
		get_order(0);
	assert_int_equal(zone.want, 126);
	assert_int_equal(pagelist_tunable_set(&tun, "refill_min", 5), 0);
	get_order(9);
	assert_int_equal(zone.want, 5);
	assert_int_equal(pagelist_tunable_set(&tun, "policy", PAGELIST_LINUX_6_1), 0);
	pagelist_drain_remote(pl, UINT32_MAX);
	get_order(0);
	assert_int_equal(zone.want, 63);
	pagelist_zone_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_order_of_blocks),
		cmocka_unit_test(test_spill_order),
		cmocka_unit_test(test_refill_fails),
		cmocka_unit_test(test_window_change),
		cmocka_unit_test(test_trylock_fails_under_remote),
		cmocka_unit_test(test_validator),
		cmocka_unit_test(test_no_hints),
		cmocka_unit_test(test_tunables_live),
	};

	return cmocka_run_group_tests(tests, pagelist_zone_boot, pagelist_zone_shutdown);
}
