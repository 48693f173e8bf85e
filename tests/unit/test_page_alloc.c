/* SPDX-License-Identifier: MIT */
/* The page allocator's interface: every function, and what must panic. */
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

/* ---- the interface ---- */

static void test_alloc_and_free_every_order(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		u32 generation = page->generation;

		assert_int_equal(page_to_pfn(page) & ((1UL << order) - 1), 0);
		assert_int_equal(page->order, order);
		assert_int_equal(page_count(page), 1);
		assert_true(page_test_flags(page, PG_allocated));
		assert_pages_valid(1L << order);
		__free_pages(page, order);
		assert_int_equal(page->generation, generation + 1);
	}
	assert_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_PAGE_ORDER + 1));
}

static void test_last_freed_is_first_allocated(void **state)
{
	struct page *a = alloc_page(GFP_KERNEL), *b = alloc_page(GFP_KERNEL);

	(void)state;
	free_hot_page(a);
	assert_ptr_equal(alloc_page(GFP_KERNEL), a);
	/* Cold: behind all others of the list. */
	free_cold_page(a);
	assert_ptr_not_equal(alloc_page(GFP_KERNEL), a);
	assert_ptr_equal(alloc_page(GFP_KERNEL | __GFP_COLD), a);
	free_hot_page(a);
	free_hot_page(b);
	/* The one allocated in between. */
	for (unsigned long pfn = 0; pfn < max_pfn; pfn++)
		if (page_test_flags(pfn_to_page(pfn), PG_allocated))
			__free_page(pfn_to_page(pfn));
}

static void test_refill_gives_ascending_pages(void **state)
{
	struct page *first = alloc_page(GFP_KERNEL);

	(void)state;
	hold(first);
	for (unsigned long i = 1; i < 63; i++) {
		hold(alloc_page(GFP_KERNEL));
		assert_ptr_equal(held[nr_held - 1], first + i);
	}
	free_held();
}

static void test_addresses(void **state)
{
	unsigned long addr = __get_free_pages(GFP_KERNEL, 2);
	struct page *page = virt_to_page((void *)addr);

	(void)state;
	assert_int_not_equal(addr, 0);
	assert_ptr_equal(page_address(page), (void *)addr);
	assert_ptr_equal(page_address(page + 1), (char *)addr + PAGE_SIZE);
	assert_ptr_equal(virt_to_page((char *)addr + 5000), page + 1);
	memset((void *)addr, 0x5a, 4 * PAGE_SIZE);
	free_pages(addr, 2);
	free_pages(0, 2);

	addr = __get_free_page(GFP_KERNEL);
	memset((void *)addr, 0x5a, PAGE_SIZE);
	free_page(addr);
	assert_int_equal(get_order(1), 0);
	assert_int_equal(get_order(PAGE_SIZE), 0);
	assert_int_equal(get_order(PAGE_SIZE + 1), 1);
	assert_int_equal(get_order(1 << 20), 8);
}

static void test_zeroed_page(void **state)
{
	static const char zeroes[4 * PAGE_SIZE];
	unsigned long addr = __get_free_pages(GFP_KERNEL, 2);

	(void)state;
	memset((void *)addr, 0xff, 4 * PAGE_SIZE);
	free_pages(addr, 2);
	addr = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	assert_memory_equal((void *)addr, zeroes, 4 * PAGE_SIZE);
	free_pages(addr, 2);
	addr = get_zeroed_page(GFP_KERNEL);
	assert_memory_equal((void *)addr, zeroes, PAGE_SIZE);
	free_page(addr);
}

static void test_compound(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	(void)state;
	assert_int_equal(compound_order(page), 3);
	for (int i = 0; i < 8; i++)
		assert_ptr_equal(compound_head(page + i), page);
	get_page(page);
	__free_pages(page, 3);
	assert_int_equal(page_count(page), 1);
	put_page(page + 5);
	assert_false(page_test_flags(page + 5, PG_tail));
	assert_pages_valid(0);
	/* Order 0 has nothing to compound. */
	page = alloc_pages(GFP_KERNEL | __GFP_COMP, 0);
	assert_int_equal(compound_order(page), 0);
	__free_page(page);
}

static void test_references(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	get_page(page);
	assert_true(get_page_unless_zero(page));
	__free_page(page);
	put_page(page);
	assert_true(page_test_flags(page, PG_allocated));
	put_page(page);
	assert_false(page_test_flags(page, PG_allocated));
	assert_false(get_page_unless_zero(page));
}

static void test_split_page(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	(void)state;
	split_page(page, 3);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(page_count(page + i), 1);
		assert_int_equal(page[i].order, 0);
	}
	assert_pages_valid(8);
	for (int i = 0; i < 8; i++)
		__free_page(page + i);
}

static void test_exact(void **state)
{
	char *addr = alloc_pages_exact(5 * PAGE_SIZE - 1, GFP_KERNEL);

	(void)state;
	assert_non_null(addr);
	assert_pages_valid(5);
	memset(addr, 1, 5 * PAGE_SIZE);
	free_pages_exact(addr, 5 * PAGE_SIZE - 1);
}

static void test_bulk(void **state)
{
	struct page *pages[100] = { NULL }, *mine = alloc_page(GFP_KERNEL);

	(void)state;
	/* Entries that are set stay. */
	pages[0] = mine;
	pages[50] = mine;
	assert_int_equal(alloc_pages_bulk(GFP_KERNEL, 100, pages), 100);
	assert_ptr_equal(pages[0], mine);
	assert_ptr_equal(pages[50], mine);
	assert_pages_valid(99);
	assert_int_equal(alloc_pages_bulk(GFP_KERNEL, 100, pages), 100);
	for (int i = 0; i < 100; i++)
		if (i != 50)
			__free_page(pages[i]);
	assert_int_equal(alloc_pages_bulk(GFP_KERNEL, 0, pages), 0);
}

static void test_counters(void **state)
{
	struct page *page;

	(void)state;
	page = alloc_pages(GFP_KERNEL, 2);
	assert_int_equal(vm_event_sum(PGALLOC_DMA32), 4);
	__free_pages(page, 2);
	page = alloc_pages(GFP_DMA, 0);
	assert_int_equal(vm_event_sum(PGALLOC_DMA), 1);
	__free_pages(page, 0);
	assert_int_equal(vm_event_sum(PGFREE), 5);
	assert_int_equal(vm_event_sum(PCP_REFILL), 2);
	assert_int_equal(vm_event_sum(PCP_ALLOC_BYPASS), 0);
}

static const struct page *traced_page;
static unsigned int nr_traced[4];

static void on_alloc(const struct page *page, unsigned int order, gfp_t gfp, int migratetype)
{
	assert_int_equal(order, 1);
	assert_int_equal(gfp, GFP_HIGHUSER_MOVABLE);
	assert_int_equal(migratetype, MIGRATE_MOVABLE);
	traced_page = page;
	nr_traced[0]++;
}

static void on_free(const struct page *page, unsigned int order)
{
	assert_ptr_equal(page, traced_page);
	assert_int_equal(order, 1);
	nr_traced[1]++;
}

static void on_zone_locked(const struct page *page, unsigned int order, int mt, bool refill)
{
	(void)page;
	(void)mt;
	assert_int_equal(order, 1);
	assert_true(refill);
	nr_traced[2]++;
}

static void on_drain(const struct page *page, unsigned int order, int mt)
{
	(void)page;
	assert_int_equal(order, 1);
	assert_int_equal(mt, MIGRATE_MOVABLE);
	nr_traced[3]++;
}

static void test_tracepoints(void **state)
{
	const struct kmem_tracer tracer = {
		.page_alloc = on_alloc, .page_free = on_free,
		.page_alloc_zone_locked = on_zone_locked, .page_pcpu_drain = on_drain,
	};
	struct page *page;

	(void)state;
	memset(nr_traced, 0, sizeof(nr_traced));
	kmem_tracer_set(&tracer);
	page = alloc_pages(GFP_HIGHUSER_MOVABLE, 1);
	assert_ptr_equal(traced_page, page);
	__free_pages(page, 1);
	drain_local_pages(NULL);
	kmem_tracer_set(NULL);
	assert_int_equal(nr_traced[0], 1);
	assert_int_equal(nr_traced[1], 1);
	/* batch / 2 blocks came, and all of them went back. */
	assert_int_equal(nr_traced[2], nr_traced[3]);
	assert_true(nr_traced[2] >= 2);
}

/* ---- fault injection ---- */

static void test_fail_nth(void **state)
{
	struct fail_page_alloc opt = { .enabled = true, .fail_nth = 3 };

	(void)state;
	fail_page_alloc_set(&opt);
	hold(alloc_page(GFP_KERNEL));
	hold(alloc_page(GFP_KERNEL));
	assert_null(alloc_page(GFP_KERNEL));
	hold(alloc_page(GFP_KERNEL));
	assert_int_equal(vm_event_sum(PGALLOC_FAIL_INJECTED), 1);
	opt.enabled = false;
	fail_page_alloc_set(&opt);
	free_held();
}

static void test_fail_probability_and_times(void **state)
{
	struct fail_page_alloc opt = {
		.enabled = true, .probability = 50, .times = 5, .min_order = 1,
		.ignore_gfp_wait = true,
	};
	unsigned int failed = 0;

	(void)state;
	fail_page_alloc_set(&opt);
	hold(alloc_page(GFP_ATOMIC));
	hold(alloc_pages(GFP_KERNEL, 1));
	for (int i = 0; i < 100; i++) {
		struct page *page = alloc_pages(GFP_ATOMIC, 1);

		if (page)
			__free_pages(page, 1);
		else
			failed++;
	}
	assert_int_equal(failed, 5);
	/* What must not fail does not. */
	opt.probability = 100;
	opt.times = -1;
	opt.ignore_gfp_wait = false;
	fail_page_alloc_set(&opt);
	hold(alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 1));
	assert_null(alloc_pages(GFP_KERNEL, 1));
	page_alloc_reset();
	free_held();
}

/* ---- what must die ---- */

static void free_twice(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)arg;
	__free_page(page);
	__free_page(page);
}

static void free_wrong_order(void *arg)
{
	(void)arg;
	__free_pages(alloc_pages(GFP_KERNEL, 2), 1);
}

static void free_tail(void *arg)
{
	(void)arg;
	__free_page(alloc_pages(GFP_KERNEL, 2) + 1);
}

static void free_with_mapping(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	page->mapping = arg;
	__free_page(page);
}

static void free_while_mapped(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)arg;
	page->_mapcount = 1;
	__free_page(page);
}

static void free_slab_page(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)arg;
	page_set_flags(page, PG_slab);
	__free_page(page);
}

static void alloc_damaged(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)arg;
	__free_page(page);
	page->_refcount = 1;
	page = alloc_page(GFP_KERNEL);
	(void)page;
}

static void write_after_free(void *arg)
{
	char *addr;

	(void)arg;
	page_poison_enable(true);
	addr = (char *)__get_free_page(GFP_KERNEL);
	free_page((unsigned long)addr);
	addr[100] = 1;
	addr = (char *)__get_free_page(GFP_KERNEL);
	(void)addr;
}

static void sleep_in_atomic(void *arg)
{
	struct page *page;

	(void)arg;
	preempt_disable();
	page = alloc_page(GFP_KERNEL);
	(void)page;
	preempt_enable();
	/* A warning is enough: the run that has one fails. */
	if (warnings_seen())
		panic("warned");
}

static void test_misuse_panics(void **state)
{
	int mapping;

	(void)state;
	assert_panics(free_twice, NULL, "freed, but not allocated");
	assert_panics(free_wrong_order, NULL, "another order");
	assert_panics(free_tail, NULL, "freed, but not allocated");
	assert_panics(free_with_mapping, &mapping, "with a mapping");
	assert_panics(free_while_mapped, NULL, "while mapped");
	assert_panics(free_slab_page, NULL, "in which no page may be");
	assert_panics(alloc_damaged, NULL, "not a free block");
	assert_panics(write_after_free, NULL, "written after it was freed");
}

static void test_sleeping_in_atomic_is_reported(void **state)
{
	(void)state;
	assert_panics(sleep_in_atomic, NULL, "test_page_alloc.c");
}

static void test_poison_lets_clean_pages_pass(void **state)
{
	(void)state;
	page_poison_enable(true);
	for (int i = 0; i < 100; i++) {
		char *addr = (char *)__get_free_pages(GFP_KERNEL, 1);

		memset(addr, i, 2 * PAGE_SIZE);
		free_pages((unsigned long)addr, 1);
	}
	page_poison_enable(false);
	assert_pages_valid(0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, page_machine_setup, page_machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_alloc_and_free_every_order),
		TEST(test_last_freed_is_first_allocated),
		TEST(test_refill_gives_ascending_pages),
		TEST(test_addresses),
		TEST(test_zeroed_page),
		TEST(test_compound),
		TEST(test_references),
		TEST(test_split_page),
		TEST(test_exact),
		TEST(test_bulk),
		TEST(test_counters),
		TEST(test_tracepoints),
		TEST(test_fail_nth),
		TEST(test_fail_probability_and_times),
		TEST(test_misuse_panics),
		TEST(test_sleeping_in_atomic_is_reported),
		TEST(test_poison_lets_clean_pages_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
