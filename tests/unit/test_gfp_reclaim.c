/* SPDX-License-Identifier: MIT */
/* The allocation flags that say what may be done for a request: reclaim, retries, killing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mm/page/page_alloc.h"
#include "tests/support/exact_machine.h"

static struct reclaim_request last_reclaim;
static unsigned int nr_reclaims, nr_ooms, frees_per_reclaim;
static struct { struct zone *zone; struct reclaim_request req; } woken[16];
static unsigned int nr_woken;

static void on_wake(struct zone *zone, const struct reclaim_request *req)
{
	if (nr_woken < ARRAY_SIZE(woken)) {
		woken[nr_woken].zone = zone;
		woken[nr_woken].req = *req;
	}
	nr_woken++;
}

static unsigned long on_reclaim(const struct reclaim_request *req)
{
	last_reclaim = *req;
	nr_reclaims++;
	for (unsigned int i = 0; i < frees_per_reclaim && nr_held; i++)
		__free_page(held[--nr_held]);
	return frees_per_reclaim;
}

static unsigned long much_reclaimable(const struct zone *zone)
{
	(void)zone;
	return 2000;
}

static bool on_oom(const struct reclaim_request *req)
{
	(void)req;
	nr_ooms++;
	for (unsigned int i = 0; i < 1000; i++)
		__free_page(held[--nr_held]);
	return true;
}

static const struct page_reclaim_ops reclaim_and_oom = {
	.wake_kswapd = on_wake, .direct_reclaim = on_reclaim, .reclaimable_pages = much_reclaimable,
	.out_of_memory = on_oom,
};

/* A full machine and a reclaim that frees @per_call pages each time. */
static void fill_machine(const struct page_reclaim_ops *ops, unsigned int per_call)
{
	free_held();
	page_reclaim_register(NULL);
	exhaust(GFP_ATOMIC);
	page_reclaim_register(ops);
	nr_reclaims = nr_ooms = nr_woken = 0;
	frees_per_reclaim = per_call;
	last_reclaim = (struct reclaim_request){ 0 };
}

/* Takes what @gfp still gets without telling reclaim. */
static void fill_up(const struct page_reclaim_ops *ops, gfp_t gfp)
{
	page_reclaim_register(NULL);
	exhaust(gfp);
	page_reclaim_register(ops);
}

/* Allocates with @gfp on the full machine; true when it got its page, which is held. */
static bool try_page(gfp_t gfp)
{
	struct page *page;

	nr_woken = 0;
	page = alloc_page(gfp | __GFP_NOWARN);
	if (page)
		hold(page);
	return page != NULL;
}

static void test_wait_reclaims(void **state)
{
	const struct page_reclaim_ops ops = { .direct_reclaim = on_reclaim };

	(void)state;
	fill_machine(&ops, 1000);
	assert_false(try_page(GFP_ATOMIC));
	assert_false(try_page(GFP_NOWAIT));
	assert_false(try_page(__GFP_KSWAPD_RECLAIM));
	assert_int_equal(nr_reclaims, 0);
	/* __GFP_WAIT is what old code writes for both kinds of reclaim. */
	assert_true(try_page(__GFP_WAIT));
	assert_int_equal(nr_reclaims, 1);
	fill_machine(&ops, 1000);
	assert_true(try_page(__GFP_DIRECT_RECLAIM));
	assert_int_equal(nr_reclaims, 1);
	page_reclaim_register(NULL);
	free_held();
}

static void test_kswapd_reclaim_wakes(void **state)
{
	const struct page_reclaim_ops ops = { .wake_kswapd = on_wake };

	(void)state;
	fill_machine(&ops, 0);
	assert_false(try_page(0));
	assert_false(try_page(__GFP_HIGH));
	assert_int_equal(nr_woken, 0);
	assert_false(try_page(GFP_ATOMIC));
	assert_int_equal(nr_woken, 1);
	assert_false(try_page(GFP_NOWAIT));
	assert_int_equal(nr_woken, 1);
	free_held();
}

/* One call for each node, with its first zone that the request may use. */
static void test_kswapd_is_told_the_right_zones(void **state)
{
	const struct page_reclaim_ops ops = { .wake_kswapd = on_wake };

	(void)state;
	fill_machine(&ops, 0);
	assert_false(try_page(GFP_ATOMIC));
	assert_int_equal(nr_woken, 2);
	assert_ptr_equal(woken[0].zone, NODE_DATA(0)->node_zones[ZONE_DMA32]);
	assert_ptr_equal(woken[1].zone, NODE_DATA(1)->node_zones[ZONE_DMA32]);
	assert_int_equal(woken[0].req.highest_zoneidx, ZONE_NORMAL);
	assert_int_equal(woken[0].req.order, 0);
	assert_false(try_page(GFP_ATOMIC | __GFP_THISNODE));
	assert_int_equal(nr_woken, 1);
	assert_int_equal(woken[0].zone->node, 0);
	/* Only node 0 has DMA memory, and keeps some for who asks for it. */
	fill_up(&ops, GFP_ATOMIC | GFP_DMA);
	assert_false(try_page(GFP_ATOMIC | GFP_DMA));
	assert_int_equal(nr_woken, 1);
	assert_ptr_equal(woken[0].zone, NODE_DATA(0)->node_zones[ZONE_DMA]);
	assert_int_equal(woken[0].req.highest_zoneidx, ZONE_DMA);
	become_cpu(1);
	assert_false(try_page(GFP_ATOMIC));
	assert_int_equal(nr_woken, 2);
	assert_int_equal(woken[0].zone->node, 1);
	become_cpu(0);
	free_held();
}

/* What reclaim may do is what it is told. */
static void test_io_and_fs_reach_reclaim(void **state)
{
	static const struct { gfp_t gfp, may; unsigned int task; } t[] = {
		{ GFP_NOIO, 0, 0 }, { GFP_NOFS, __GFP_IO, 0 },
		{ GFP_KERNEL, __GFP_IO | __GFP_FS, 0 }, { GFP_USER, __GFP_IO | __GFP_FS, 0 },
		{ GFP_HIGHUSER, __GFP_IO | __GFP_FS, 0 },
		{ GFP_KERNEL, __GFP_IO, PF_MEMALLOC_NOFS }, { GFP_KERNEL, 0, PF_MEMALLOC_NOIO },
		{ GFP_NOFS, 0, PF_MEMALLOC_NOIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		unsigned int old;

		fill_machine(&reclaim_and_oom, 1000);
		old = memalloc_flags_save(t[i].task);
		assert_true(try_page(t[i].gfp));
		memalloc_flags_restore(old);
		assert_int_equal(nr_reclaims, 1);
		assert_int_equal(last_reclaim.gfp & (__GFP_IO | __GFP_FS), t[i].may);
		assert_int_equal(last_reclaim.gfp & __GFP_HARDWALL, t[i].gfp & __GFP_HARDWALL);
	}
	page_reclaim_register(NULL);
	free_held();
}

/* Killing is for requests that could have reclaimed everything, in zones where tasks live. */
static void test_who_may_kill(void **state)
{
	static const struct { gfp_t gfp; unsigned int ooms; } t[] = {
		{ GFP_KERNEL, 1 }, { GFP_USER, 1 }, { GFP_HIGHUSER_MOVABLE, 1 }, { GFP_NOFS, 0 },
		{ GFP_NOIO, 0 }, { GFP_KERNEL | GFP_DMA, 0 }, { GFP_KERNEL | __GFP_NORETRY, 0 },
		{ GFP_KERNEL | __GFP_REPEAT, 0 }, { GFP_KERNEL | __GFP_THISNODE, 0 },
		{ GFP_ATOMIC, 0 }, { GFP_NOWAIT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		fill_machine(&reclaim_and_oom, 0);
		assert_int_equal(try_page(t[i].gfp), t[i].ooms);
		assert_int_equal(nr_ooms, t[i].ooms);
	}
	page_reclaim_register(NULL);
	free_held();
}

/* Rounds of reclaim that free nothing, for each patience. */
static void test_noretry_repeat_and_costly_orders(void **state)
{
	static const struct { gfp_t gfp; unsigned int order, rounds; } t[] = {
		{ GFP_KERNEL | __GFP_NORETRY, 0, 1 }, { GFP_KERNEL | __GFP_NORETRY, 4, 1 },
		{ GFP_NOFS, 0, 17 }, { GFP_NOFS, 3, 1 }, { GFP_KERNEL, 4, 1 },
		{ GFP_KERNEL | __GFP_REPEAT, 0, 17 }, { GFP_KERNEL | __GFP_RETRY_MAYFAIL, 4, 1 },
		{ GFP_ATOMIC, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		fill_machine(&reclaim_and_oom, 0);
		fill_up(&reclaim_and_oom, GFP_ATOMIC | __GFP_MEMALLOC);
		assert_null(alloc_pages(t[i].gfp | __GFP_NOWARN, t[i].order));
		/* Without a free block no amount of reclaimable pages makes an order: no retry. */
		assert_int_equal(nr_reclaims, t[i].rounds);
	}
	/* With one, costly requests go on only when they ask to. */
	for (unsigned int i = 0; i < 64; i++)
		__free_page(held[--nr_held]);
	nr_reclaims = 0;
	assert_null(alloc_pages(GFP_NOFS | __GFP_NOWARN, 4));
	assert_int_equal(nr_reclaims, 1);
	assert_null(alloc_pages(GFP_NOFS | __GFP_REPEAT | __GFP_NOWARN, 4));
	assert_int_equal(nr_reclaims, 1 + 17);
	page_reclaim_register(NULL);
	free_held();
}

static unsigned int nofail_rounds;

/* Frees nothing for many rounds: more than an ordinary request would wait. */
static unsigned long late_reclaim(const struct reclaim_request *req)
{
	(void)req;
	if (++nofail_rounds < 200)
		return 0;
	__free_page(held[--nr_held]);
	return 1;
}

static void test_nofail(void **state)
{
	const struct page_reclaim_ops ops = { .direct_reclaim = late_reclaim };
	struct zone *zone = zone_of(ZONE_DMA32);
	struct page *page;

	(void)state;
	nofail_rounds = 0;
	fill_machine(&ops, 0);
	page = alloc_page(GFP_NOIO | __GFP_NOFAIL);
	assert_non_null(page);
	assert_true(nofail_rounds >= 200);
	__free_page(page);
	/* Half of the reserve is open to it, where the plain request fails. */
	page_reclaim_register(NULL);
	free_held();
	exhaust(GFP_NOWAIT);
	assert_false(try_page(GFP_NOIO));
	assert_true(try_page(GFP_NOIO | __GFP_NOFAIL));
	assert_in_range(exact_free_pages(zone), EXACT_MIN / 2, EXACT_MIN);
	free_held();
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wait_reclaims, exact_setup_small),
		TEST(test_kswapd_reclaim_wakes, exact_setup_small),
		TEST(test_kswapd_is_told_the_right_zones, exact_setup_two_nodes),
		TEST(test_io_and_fs_reach_reclaim, exact_setup_small),
		TEST(test_who_may_kill, exact_setup_small),
		TEST(test_noretry_repeat_and_costly_orders, exact_setup_small),
		TEST(test_nofail, exact_setup_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
