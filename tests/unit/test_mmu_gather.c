/* SPDX-License-Identifier: MIT */
/*
 * mmu_gather: the order unhook, invalidate, free; the sizes of its batches; what happens without
 * memory for them; tables; nested gathers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/mmu/mmu_gather.h"
#include "runtime/rcu.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

static struct space s;

static unsigned int released, blocks, unmapped_late;
static unsigned int vec_max;
static bool flushed_first;
static u64 gen_at_start;

/* Called when nothing may reach the pages any more. */
static void release_pages(struct page **pages, unsigned int nr)
{
	flushed_first &= s.ctx.tlb_gen > gen_at_start;
	vec_max = max(vec_max, nr);
	released += nr;
	for (unsigned int i = 0; i < nr; i++)
		put_page(pages[i]);
}

static void release_block(struct page *page, unsigned int nr)
{
	flushed_first &= s.ctx.tlb_gen > gen_at_start;
	blocks++;
	CHECK(nr == 16);
	put_page(page);
}

static void remove_rmap(struct page *page, unsigned int nr)
{
	CHECK(page && nr == 1);
	flushed_first &= s.ctx.tlb_gen > gen_at_start;
	unmapped_late++;
}

static const struct mmu_gather_ops gather_ops = {
	.release_pages = release_pages, .release_block = release_block, .remove_rmap = remove_rmap,
};

static void begin(unsigned long nr_pages)
{
	space_init(&s, nr_pages);
	released = 0;
	blocks = 0;
	unmapped_late = 0;
	vec_max = 0;
	flushed_first = true;
	gen_at_start = s.ctx.tlb_gen;
}

static struct page *new_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK(page);
	return page;
}

/* How many pages a fresh gather takes until it says that it is full. */
static unsigned int capacity(bool no_memory)
{
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .times = -1 };
	struct mmu_gather tlb;
	unsigned int n = 0;
	struct page *page;
	bool full;

	tlb_gather_mmu(&tlb, &s.ctx);
	do {
		page = new_page();
		if (no_memory)
			fail_page_alloc_set(&fail);
		tlb_remove_tlb_entry(&tlb, SPACE_BASE);
		full = __tlb_remove_page(&tlb, page, 1);
		if (no_memory)
			fail_page_alloc_set(&(struct fail_page_alloc){ .enabled = false });
		n++;
	} while (!full);
	CHECK(released == 0);
	tlb_finish_mmu(&tlb);
	return n;
}

static void sizes(void *arg)
{
	(void)arg;
	begin(1);
	/* 7 of the bundle's 8; with memory 19 batches of 509 more. */
	CHECK(capacity(true) == 7 && released == 7);
	released = 0;
	CHECK(capacity(false) == 7 + 19 * 509 && released == 7 + 19 * 509);
	CHECK(vec_max == PAGEVEC_SIZE && flushed_first);
	space_destroy(&s);
}

static void test_sizes(void **state)
{
	(void)state;
	on_cpu(sizes, NULL);
	assert_int_equal(released, 7 + 19 * 509);
}

/* The pages a gather holds stay allocated until the flush has returned. */
static void order(void *arg)
{
	struct mmu_gather tlb;
	struct page *page;
	spinlock_t *ptl;
	pte_t *ptep;

	(void)arg;
	begin(2);
	CHECK(store_u64(SPACE_BASE, 1) == 0 && store_u64(SPACE_BASE + PAGE_SIZE, 1) == 0);
	tlb_gather_mmu(&tlb, &s.ctx);
	CHECK(mm_tlb_flush_pending(&s.ctx) && !mm_tlb_flush_nested(&s.ctx));
	ptep = pte_find_map_lock(&s.ctx, SPACE_BASE, &ptl);
	page = pte_page(ptep_get_and_clear(ptep));
	tlb_remove_tlb_entry(&tlb, SPACE_BASE);
	CHECK(!__tlb_remove_page_delay_rmap(&tlb, page, 1));
	pte_unmap_unlock(ptep, ptl);
	CHECK(page_count(page) == 1 && s.ctx.tlb_gen == gen_at_start && !unmapped_late);
	CHECK(this_cpu_ptr(&cpu_tlbs)->nr_live[this_cpu_ptr(&cpu_tlbs)->asid] == 2);
	tlb_flush_mmu(&tlb);
	CHECK(page_count(page) == 0 && unmapped_late == 1 && released == 1 && flushed_first);
	/* Only what was gathered was flushed. */
	CHECK(this_cpu_ptr(&cpu_tlbs)->nr_live[this_cpu_ptr(&cpu_tlbs)->asid] == 1);
	tlb_finish_mmu(&tlb);
	CHECK(!mm_tlb_flush_pending(&s.ctx));
	/* Nothing was gathered since: no second flush. */
	CHECK(s.ctx.tlb_gen == gen_at_start + 1);
	space_destroy(&s);
}

static void test_order(void **state)
{
	(void)state;
	on_cpu(order, NULL);
	assert_int_equal(released, 2);
}

static void blocks_of_pages(void *arg)
{
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_COMP, 4);
	struct mmu_gather tlb;

	(void)arg;
	CHECK(block);
	begin(1);
	tlb_gather_mmu(&tlb, &s.ctx);
	for (unsigned int i = 0; i < 6; i++) {
		tlb_remove_tlb_entry(&tlb, SPACE_BASE);
		CHECK(!__tlb_remove_page(&tlb, new_page(), 1));
	}
	/*
	 * Two entries, and only one is left beside the one that is always kept: room all the
	 * same.
	 */
	tlb_remove_tlb_entry(&tlb, SPACE_BASE);
	CHECK(!__tlb_remove_page(&tlb, block, 16));
	CHECK(tlb.batch_count == 1);
	tlb_finish_mmu(&tlb);
	CHECK(released == 6 && blocks == 1 && flushed_first);
	space_destroy(&s);
}

static void test_blocks(void **state)
{
	(void)state;
	on_cpu(blocks_of_pages, NULL);
	assert_int_equal(blocks, 1);
}

/* Tables are freed after a grace period, with and without a page for their batch. */
static void tables(void *arg)
{
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .times = -1 };
	struct mmu_gather_stats before = mmu_gather_stats(), after;
	bool no_memory = *(bool *)arg;
	struct mmu_gather tlb;
	struct page *table;

	begin(1);
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	table = virt_to_page(mmu_find_pte(&s.ctx, SPACE_BASE));
	space_unmap(&s, SPACE_BASE, 1);
	if (no_memory)
		fail_page_alloc_set(&fail);
	tlb_gather_mmu(&tlb, &s.ctx);
	free_pgd_range(&tlb, &(struct pgtable_range){ SPACE_BASE, SPACE_BASE + PAGE_SIZE, 0, 0 });
	CHECK(tlb.freed_tables && s.ctx.pgtables_bytes == (s64)PAGE_SIZE);
	tlb_finish_mmu(&tlb);
	fail_page_alloc_set(&(struct fail_page_alloc){ .enabled = false });
	/*
	 * Unhooked and flushed, but a walker may still be looking: this CPU had no quiescent
	 * state.
	 */
	CHECK(page_test_flags(table, PG_table));
	rcu_barrier();
	CHECK(!page_test_flags(table, PG_table));
	after = mmu_gather_stats();
	CHECK(after.tables == before.tables + 3);
	CHECK(after.table_singles - before.table_singles == (no_memory ? 3 : 0));
	space_destroy(&s);
}

static void test_tables(void **state)
{
	bool no_memory = false;

	(void)state;
	on_cpu(tables, &no_memory);
	no_memory = true;
	on_cpu(tables, &no_memory);
	assert_true(mmu_gather_stats().table_singles >= 3);
}

static void nested(void *arg)
{
	struct mmu_gather outer, inner;

	(void)arg;
	begin(2);
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	CHECK(store_u64(SPACE_BASE + PAGE_SIZE, 1) == 0);
	tlb_gather_mmu(&outer, &s.ctx);
	tlb_gather_mmu(&inner, &s.ctx);
	CHECK(mm_tlb_flush_nested(&s.ctx));
	/*
	 * The inner one found nothing to clear, yet it flushes: the outer one may have cleared
	 * it.
	 */
	tlb_finish_mmu(&inner);
	CHECK(s.ctx.tlb_gen == gen_at_start + 1);
	CHECK(this_cpu_ptr(&cpu_tlbs)->nr_live[this_cpu_ptr(&cpu_tlbs)->asid] == 0);
	tlb_finish_mmu(&outer);
	CHECK(s.ctx.tlb_gen == gen_at_start + 1);
	space_destroy(&s);
}

static void test_nested(void **state)
{
	(void)state;
	on_cpu(nested, NULL);
	assert_true(mmu_gather_stats().nested >= 1);
}

/* Death: the wrong order.  The page is freed first, and the next access is caught. */
static void free_first(void *arg)
{
	struct mmu_gather tlb;
	pte_t pte;
	u64 v;

	(void)arg;
	tlb_set_checks(true, false);
	begin(1);
	CHECK(store_u64(SPACE_BASE, 1) == 0);
	pte = ptep_get_and_clear(mmu_find_pte(&s.ctx, SPACE_BASE));
	tlb_gather_mmu(&tlb, &s.ctx);
	tlb_remove_tlb_entry(&tlb, SPACE_BASE);
	__free_page(pte_page(pte));
	(void)load_u64(SPACE_BASE, &v);
	tlb_finish_mmu(&tlb);
}

static int boot(void **state)
{
	(void)state;
	space_machine_boot(&(struct space_options){ .nr_cpus = 1, .mem_mb = 128 });
	mmu_gather_register(&gather_ops);
	return 0;
}

static int shutdown(void **state)
{
	(void)state;
	assert_int_equal(warnings_seen(), 0);
	space_machine_shutdown(3);
	return 0;
}

static void die_free_first(void *arg)
{
	(void)boot(arg);
	on_cpu(free_first, NULL);
}

static void test_death_order(void **state)
{
	(void)state;
	assert_panics(die_free_first, NULL, "stale translation");
}

int main(void)
{
	const struct CMUnitTest death[] = { cmocka_unit_test(test_death_order) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_nested),
	};
	int failed = cmocka_run_group_tests_name("mmu_gather deaths", death, NULL, NULL);

	return failed + cmocka_run_group_tests_name("mmu_gather", tests, boot, shutdown);
}
