/* SPDX-License-Identifier: MIT */
/* Decay, expiry and drains of page lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "percpu/pagelist.h"
#include "tests/support/pagelist_zone.h"

static void test_decay(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 30000, 63);
	for (int i = 0; i < 4032; i++)
		get_order(0);
	assert_int_equal(pl->high, 300 + 63 + 126 + 252 + 504 + 1008 + 2 * 2016);
	assert_int_equal(pl->count, 1953);
	assert_true(pagelist_decay(pl));
	assert_int_equal(pl->high, 6285 - 6285 / 8);
	for (int i = 0; i < 100 && pagelist_decay(pl);)
		i++;
	assert_int_equal(pl->high, 300);
	assert_true(pl->count <= 300);
	assert_true(pl->stats.spills[PAGELIST_SPILL_DECAY] >= (1953 - 300) / 63);
	assert_false(pagelist_decay(pl));
	pagelist_zone_finish();
}

/* high falls to what is in use less a largest transfer when that is more than its share. */
static void test_decay_floor(void **state)
	__context_unsafe("plays the owner while it holds the remote side")
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 100, 10000, 63);
	own_lock();
	for (int i = 0; i < 9000; i++)
		pagelist_free_nospill(pl, 0, 0, &zone.block[zone.next++]);
	WRITE_ONCE(pl->high, 7900);
	owner_unlock(&pl->lock);
	assert_true(pagelist_decay(pl));
	assert_int_equal(pl->high, 9000 - 2016);
	assert_int_equal(pl->count, 9000 - 2016);
	assert_int_equal(zone.spills, 2016 / 63);
	/* Somebody else drains: nothing is done, but there is work. */
	owner_lock_remote(&pl->lock);
	assert_true(pagelist_decay(pl));
	assert_int_equal(zone.spills, 2016 / 63);
	owner_unlock_remote(&pl->lock);
	assert_int_equal(pagelist_drain_remote(pl, 3500), 3500);
	pagelist_zone_finish();
}

static void test_expire(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(200);
	assert_false(pagelist_expire_tick(pl, false));
	pagelist_expire_restart(pl);
	assert_true(pagelist_expire_tick(pl, false));
	assert_true(pagelist_expire_tick(pl, false));
	assert_int_equal(zone.spills, 0);
	assert_true(pagelist_expire_tick(pl, false));
	assert_int_equal(zone.pages, 63);
	assert_int_equal(pl->stats.spill_pages[PAGELIST_SPILL_EXPIRE], 63);
	assert_false(pagelist_expire_tick(pl, false));

	pagelist_expire_restart(pl);
	assert_false(pagelist_expire_tick(pl, true));
	assert_int_equal(pl->expire, 0);
	pagelist_expire_restart(pl);
	pagelist_drain_remote(pl, UINT32_MAX);
	assert_false(pagelist_expire_tick(pl, false));
	pagelist_zone_finish();
}

static void test_drain_remote(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 5000, 5000, 63);
	assert_int_equal(pagelist_drain_remote(pl, UINT32_MAX), 0);
	put_many(4900);
	assert_int_equal(pagelist_drain_remote(pl, 0), 0);
	assert_int_equal(zone.spills, 0);
	assert_int_equal(pagelist_drain_remote(pl, 900), 900);
	assert_int_equal(zone.spills, 1);
	assert_int_equal(pagelist_drain_remote(pl, UINT32_MAX), 4000);
	assert_int_equal(zone.spills, 3);
	assert_int_equal(pl->stats.spills[PAGELIST_SPILL_REMOTE], 3);
	pagelist_zone_finish();
}

static void test_drain_cpu(void **state)
{
	(void)state;
	pagelist_zone_start(PAGELIST_LINUX_6_18, 300, 3000, 63);
	put_many(100);
	free_run(2, 3);
	pagelist_expire_restart(pl);
	assert_int_equal(pagelist_drain_cpu(pl), 112);
	assert_int_equal(pl->high, 0);
	assert_int_equal(pl->free_count, 0);
	assert_int_equal(pl->flags, 0);
	assert_int_equal(pl->expire, 0);
	assert_int_equal(pl->stats.spill_pages[PAGELIST_SPILL_OFFLINE], 112);
	/* It starts anew. */
	get_order(0);
	assert_int_equal(zone.want, 63);
	assert_int_equal(pl->high, 363);
	pagelist_zone_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decay),
		cmocka_unit_test(test_decay_floor),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_drain_remote),
		cmocka_unit_test(test_drain_cpu),
	};

	return cmocka_run_group_tests(tests, pagelist_zone_boot, pagelist_zone_shutdown);
}
