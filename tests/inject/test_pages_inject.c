/* SPDX-License-Identifier: MIT */
/*
 * Every undo path of the page allocator's callers: the n-th allocation fails, for every n, and
 * afterwards nothing is lost and all lists are well formed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/pageblock.h"
#include "tests/support/page_machine.h"

/* Runs body() with the n-th allocation failing, for every n; returns the number of n. */
static u64 walk(bool (*body)(void), u64 *refused)
{
	u64 n;

	*refused = 0;
	for (n = 1; fault_nth_arm(fail_page_alloc_attr(), n); n++) {
		*refused += !body();
		assert_pages_valid(0);
	}
	return n - 2;
}

static bool take_orders(void)
{
	struct page *page[4];
	unsigned int got;

	for (got = 0; got < 4; got++) {
		page[got] = alloc_pages(GFP_NOWAIT, got * 3);
		if (!page[got])
			break;
	}
	for (unsigned int i = got; i-- > 0;)
		__free_pages(page[i], i * 3);
	return got == 4;
}

static void test_orders(void **state)
{
	u64 refused;

	(void)state;
	assert_int_equal(walk(take_orders, &refused), 4);
	assert_int_equal(refused, 4);
}

/* A bulk allocation that is cut short leaves what it got, and no hole. */
static bool take_bulk(void)
{
	struct page *pages[40] = { NULL };
	unsigned int got = alloc_pages_bulk(GFP_NOWAIT, 40, pages);

	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(pages[i] != NULL, i < got);
		if (pages[i])
			__free_page(pages[i]);
	}
	return got == 40;
}

static void test_bulk(void **state)
{
	u64 refused;

	(void)state;
	assert_true(walk(take_bulk, &refused) >= 1);
	assert_true(refused >= 1);
}

/* 5 pages of a block of 8: the surplus goes back at once, or nothing is taken. */
static bool take_exact(void)
{
	void *p = alloc_pages_exact(5 * PAGE_SIZE, GFP_NOWAIT);

	if (p)
		free_pages_exact(p, 5 * PAGE_SIZE);
	return p != NULL;
}

static void test_exact(void **state)
{
	u64 refused;

	(void)state;
	assert_int_equal(walk(take_exact, &refused), 1);
	assert_int_equal(refused, 1);
}

static bool take_addresses(void)
{
	unsigned long a = __get_free_pages(GFP_NOWAIT, 2), b = get_zeroed_page(GFP_NOWAIT);

	if (b)
		assert_int_equal(*(const unsigned char *)b, 0);
	if (a)
		free_pages(a, 2);
	if (b)
		free_page(b);
	return a && b;
}

static void test_addresses(void **state)
{
	u64 refused;

	(void)state;
	assert_int_equal(walk(take_addresses, &refused), 2);
	assert_int_equal(refused, 2);
}

/* While a pageblock is isolated, and with the lists drained in between. */
static bool take_around_isolation(void)
{
	struct page *block = pfn_to_page(4 * pageblock_nr_pages), *a, *b;
	bool all;

	a = alloc_pages(GFP_NOWAIT | __GFP_MOVABLE, 3);
	if (set_migratetype_isolate(block))
		fail_msg("the pageblock is taken");
	b = alloc_pages(GFP_NOWAIT, 9);
	drain_local_pages(NULL);
	all = a && b;
	if (a)
		__free_pages(a, 3);
	unset_migratetype_isolate(block, MIGRATE_MOVABLE);
	if (b)
		__free_pages(b, 9);
	return all;
}

static void test_isolation(void **state)
{
	u64 refused;

	(void)state;
	assert_int_equal(walk(take_around_isolation, &refused), 2);
	assert_int_equal(refused, 2);
}

/* In order: the types of each, and the compound page whose tails must be whole again. */
static bool take_compound_and_split(void)
{
	struct page *compound = alloc_pages(GFP_NOWAIT | __GFP_COMP, 4), *split;
	bool all;

	split = alloc_pages(GFP_NOWAIT, 2);
	all = compound && split;
	if (compound)
		put_page(compound + 7);
	if (split) {
		split_page(split, 2);
		for (unsigned int i = 0; i < 4; i++)
			__free_page(split + i);
	}
	return all;
}

static void test_compound_and_split(void **state)
{
	u64 refused;

	(void)state;
	assert_int_equal(walk(take_compound_and_split, &refused), 2);
	assert_int_equal(refused, 2);
}

#define INJECT_TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, page_machine_setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INJECT_TEST(test_orders),
		INJECT_TEST(test_bulk),
		INJECT_TEST(test_exact),
		INJECT_TEST(test_addresses),
		INJECT_TEST(test_isolation),
		INJECT_TEST(test_compound_and_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
