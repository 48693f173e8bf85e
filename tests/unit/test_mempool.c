/* SPDX-License-Identifier: MIT */
/* Pools of elements: who is served from where, who goes where, sizes, and failures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/mempool.h"
#include "tests/support/page_machine.h"

/* An allocator whose every call is on record, with a stock that can run out. */
static struct stock {
	int left;
	unsigned int nr_allocs, nr_frees, nr_live;
	gfp_t gfp[8];			/* of the last calls, newest first */
} stock;

static char cells[64];

static void *stock_alloc(gfp_t gfp, void *pool_data)
{
	struct stock *s = pool_data;

	memmove(s->gfp + 1, s->gfp, sizeof(s->gfp) - sizeof(s->gfp[0]));
	s->gfp[0] = gfp;
	s->nr_allocs++;
	if (!s->left)
		return NULL;
	s->left--;
	s->nr_live++;
	return &cells[s->nr_allocs % sizeof(cells)];
}

static void stock_free(void *element, void *pool_data)
{
	struct stock *s = pool_data;

	assert_in_range((uintptr_t)element, (uintptr_t)cells, (uintptr_t)cells + sizeof(cells));
	s->left++;
	s->nr_frees++;
	s->nr_live--;
}

static mempool_t *make_pool(unsigned int min_nr, int left)
{
	mempool_t *pool;

	stock = (struct stock){ .left = left };
	pool = mempool_create(min_nr, stock_alloc, stock_free, &stock);
	assert_non_null(pool);
	return pool;
}

static void test_allocator_first_then_reserve(void **state)
{
	mempool_t *pool = make_pool(2, 3);
	void *e[3];

	(void)state;
	assert_int_equal(pool->curr_nr, 2);
	e[0] = mempool_alloc(pool, GFP_NOWAIT);
	assert_int_equal(pool->curr_nr, 2);
	assert_int_equal(stock.left, 0);
	e[1] = mempool_alloc(pool, GFP_NOWAIT);
	e[2] = mempool_alloc(pool, GFP_ATOMIC);
	assert_non_null(e[2]);
	assert_int_equal(pool->curr_nr, 0);
	assert_int_equal(pool->nr_from_reserve, 2);
	/* Nobody who cannot sleep waits. */
	assert_null(mempool_alloc(pool, GFP_ATOMIC));
	assert_null(mempool_alloc(pool, GFP_NOWAIT));
	assert_int_equal(pool->nr_waited, 0);
	/* The reserve is filled first, then the allocator gets the rest. */
	mempool_free(e[0], pool);
	mempool_free(e[1], pool);
	assert_int_equal(stock.nr_frees, 0);
	assert_int_equal(pool->curr_nr, 2);
	mempool_free(e[2], pool);
	assert_int_equal(stock.nr_frees, 1);
	mempool_free(NULL, pool);
	mempool_destroy(pool);
	assert_int_equal(stock.nr_live, 0);
}

/* A blocking request asks without reclaim first; only with an empty reserve does it reclaim. */
static void test_flags_of_the_attempts(void **state)
{
	const gfp_t always = __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;
	mempool_t *pool = make_pool(1, 1);
	void *element;

	(void)state;
	element = mempool_alloc(pool, GFP_NOIO);
	assert_int_equal(stock.nr_allocs, 2);
	assert_int_equal(stock.gfp[0], (GFP_NOIO & ~__GFP_DIRECT_RECLAIM) | always);
	assert_int_equal(pool->curr_nr, 0);
	/* Not without reclaim, the reserve is empty: with it there is one. */
	stock.left = 0;
	assert_null(mempool_alloc(pool, GFP_ATOMIC));
	assert_int_equal(stock.gfp[0], GFP_ATOMIC | always);
	assert_int_equal(stock.nr_allocs, 3);
	mempool_free(element, pool);
	mempool_destroy(pool);
}

/* Has an element for who may reclaim only. */
static void *reclaiming_alloc(gfp_t gfp, void *pool_data)
{
	void *element = stock_alloc(gfp, pool_data);

	if (element || !(gfp & __GFP_DIRECT_RECLAIM))
		return element;
	stock.left++;
	return stock_alloc(gfp, pool_data);
}

static void test_reclaim_before_waiting(void **state)
{
	mempool_t pool;
	void *a, *b;

	(void)state;
	stock = (struct stock){ .left = 1 };
	assert_int_equal(mempool_init(&pool, 1, reclaiming_alloc, stock_free, &stock), 0);
	a = mempool_alloc(&pool, GFP_KERNEL);
	assert_int_equal(pool.nr_from_reserve, 1);
	b = mempool_alloc(&pool, GFP_KERNEL);
	assert_non_null(b);
	assert_int_equal(pool.nr_waited, 0);
	assert_int_equal(stock.gfp[0] & GFP_KERNEL, GFP_KERNEL);
	mempool_free(a, &pool);
	mempool_free(b, &pool);
	mempool_exit(&pool);
	assert_int_equal(stock.nr_live, 0);
}

static void test_resize(void **state)
{
	mempool_t *pool = make_pool(2, 10);
	void *element;

	(void)state;
	assert_int_equal(mempool_resize(pool, 0), -EINVAL);
	assert_int_equal(mempool_resize(pool, 6), 0);
	assert_int_equal(pool->curr_nr, 6);
	assert_int_equal(mempool_resize(pool, 3), 0);
	assert_int_equal(pool->curr_nr, 3);
	assert_int_equal(stock.nr_live, 3);
	/* The table is big enough. */
	assert_int_equal(mempool_resize(pool, 5), 0);
	assert_int_equal(pool->curr_nr, 5);
	assert_int_equal(pool->capacity, 6);
	/* What cannot be had now comes with the frees. */
	stock.left = 1;
	element = mempool_alloc(pool, GFP_NOWAIT);
	assert_int_equal(mempool_resize(pool, 6), 0);
	assert_int_equal(pool->curr_nr, 5);
	mempool_free(element, pool);
	assert_int_equal(pool->curr_nr, 6);
	mempool_destroy(pool);
	assert_int_equal(stock.nr_live, 0);
}

static void test_failures_leave_nothing(void **state)
{
	struct fail_page_alloc opt = { .enabled = true };

	(void)state;
	stock = (struct stock){ .left = 2 };
	assert_null(mempool_create(0, stock_alloc, stock_free, &stock));
	assert_null(mempool_create(3, stock_alloc, stock_free, &stock));
	assert_int_equal(stock.nr_live, 0);
	/* The pool's own two blocks. */
	for (opt.fail_nth = 1; opt.fail_nth <= 2; opt.fail_nth++) {
		fail_page_alloc_set(&opt);
		assert_null(mempool_create(2, stock_alloc, stock_free, &stock));
		assert_int_equal(stock.nr_live, 0);
		assert_pages_valid(0);
	}
	page_alloc_reset();
}

static void test_failing_resize_changes_nothing(void **state)
{
	struct fail_page_alloc opt = { .enabled = true, .fail_nth = 1 };
	mempool_t *pool = make_pool(2, 10);

	(void)state;
	fail_page_alloc_set(&opt);
	assert_int_equal(mempool_resize(pool, 8), -ENOMEM);
	page_alloc_reset();
	assert_int_equal(pool->min_nr, 2);
	assert_int_equal(pool->curr_nr, 2);
	mempool_destroy(pool);
}

static void test_page_pool_on_a_full_machine(void **state)
{
	mempool_t *pool = mempool_create_page_pool(4, 1);
	struct page *pages[4];

	(void)state;
	assert_non_null(pool);
	exhaust(GFP_ATOMIC | __GFP_MEMALLOC);
	assert_null(alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 1));
	for (int i = 0; i < 4; i++) {
		pages[i] = mempool_alloc(pool, GFP_ATOMIC);
		assert_non_null(pages[i]);
		assert_int_equal(pages[i]->order, 1);
	}
	assert_null(mempool_alloc(pool, GFP_ATOMIC));
	free_held();
	for (int i = 0; i < 4; i++)
		mempool_free(pages[i], pool);
	assert_int_equal(pool->curr_nr, 4);
	mempool_destroy(pool);
	mempool_destroy(NULL);
}

static void destroy_with_element_out(void *arg)
{
	mempool_t *pool = make_pool(2, 2);
	void *element = mempool_alloc(pool, GFP_NOWAIT);

	(void)arg;
	(void)element;
	mempool_destroy(pool);
}

static void zeroed_element(void *arg)
{
	mempool_t *pool = make_pool(2, 2);
	void *element = mempool_alloc(pool, GFP_NOWAIT | __GFP_ZERO);

	(void)arg;
	if (!KMEMLAB_DEBUG)
		panic("the release build does not check");
	(void)element;
}

static void test_misuse_panics(void **state)
{
	(void)state;
	assert_panics(destroy_with_element_out, NULL, "curr_nr != pool->min_nr");
	assert_panics(zeroed_element, NULL, "mempool.c");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, page_machine_setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_allocator_first_then_reserve),
		TEST(test_flags_of_the_attempts),
		TEST(test_reclaim_before_waiting),
		TEST(test_resize),
		TEST(test_failures_leave_nothing),
		TEST(test_failing_resize_changes_nothing),
		TEST(test_page_pool_on_a_full_machine),
		TEST(test_misuse_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
