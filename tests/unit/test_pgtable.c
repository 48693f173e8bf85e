/* SPDX-License-Identifier: MIT */
/* Page tables: pure functions on entries, building and finding, locks, atomic updates, freeing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page/vmstat.h"
#include "runtime/rcu.h"
#include "tests/support/mmu_space.h"
#include "tests/support/page_machine.h"

static struct space space;

static int boot(void **state)
{
	(void)state;
	space_machine_boot(&(struct space_options){ .nr_cpus = 1 });
	return 0;
}

static int shutdown(void **state)
{
	(void)state;
	/* What stays is init_mm: root, and the pud table of the vmalloc area with its first pmd. */
	space_machine_shutdown(3);
	return 0;
}

/* ---- values ---- */

static void test_entry_bits(void **state)
{
	pte_t pte = pfn_pte(0x1234, PAGE_SHARED);

	(void)state;
	assert_true(pte_present(pte) && pte_write(pte) && pte_young(pte) && !pte_dirty(pte));
	assert_int_equal(pte_pfn(pte), 0x1234);
	assert_false(pte_write(pte_wrprotect(pte)));
	assert_true(pte_dirty(pte_mkdirty(pte)));
	assert_true(pte_none(__pte(0)));

	/* Other rights, same page, same history. */
	pte = pte_modify(pte_mkdirty(pte), PAGE_READONLY_EXEC);
	assert_int_equal(pte_pfn(pte), 0x1234);
	assert_true(pte_dirty(pte) && pte_young(pte) && !pte_write(pte));
	assert_int_equal(pte_val(pte) & _PAGE_NX, 0);

	/* PROT_NONE: a page is there, but not for hardware. */
	pte = pte_modify(pte, PAGE_NONE);
	assert_true(pte_present(pte));
	assert_int_equal(pte_val(pte) & _PAGE_PRESENT, 0);
}

static void test_needs_flush(void **state)
{
	pte_t rw = pte_mkdirty(pfn_pte(7, PAGE_SHARED));

	(void)state;
	assert_true(pte_needs_flush(rw, __pte(0)));
	assert_true(pte_needs_flush(rw, pte_wrprotect(rw)));
	assert_true(pte_needs_flush(rw, pte_mkclean(rw)));
	assert_true(pte_needs_flush(rw, pte_mkold(rw)));
	assert_true(pte_needs_flush(rw, pfn_pte(8, PAGE_SHARED)));
	/* Given rights too, as in the kernel's rule. */
	assert_true(pte_needs_flush(pte_wrprotect(rw), rw));
	assert_false(pte_needs_flush(pte_mkclean(rw), rw));	/* D set */
	assert_false(pte_needs_flush(rw, pte_set_flags(rw, _PAGE_SPECIAL)));
	assert_false(pte_needs_flush(__pte(0), rw));
}

static void test_swap_entries(void **state)
{
	swp_entry_t e = swp_entry(3, 0x123456789ULL);
	pte_t pte = swp_entry_to_pte(e);

	(void)state;
	assert_false(pte_present(pte));
	assert_false(pte_none(pte));
	assert_false(pmd_trans_huge(pte_pmd(pte)));
	assert_int_equal(swp_type(pte_to_swp_entry(pte_set_flags(pte, _PAGE_SWP_EXCLUSIVE))), 3);
	assert_int_equal(swp_offset(pte_to_swp_entry(pte)), 0x123456789ULL);
}

static void test_addr_end(void **state)
{
	(void)state;
	assert_int_equal(pmd_addr_end(0x1000, 0x400000), 0x200000);
	assert_int_equal(pmd_addr_end(0x200000, 0x201000), 0x201000);
	/* The last table of all: the end is 0. */
	assert_int_equal(pgd_addr_end(~0UL << PGDIR_SHIFT, 0), 0);
}

/* ---- tables ---- */

static void build(void *arg)
{
	const unsigned long addr[] = {
		SPACE_BASE, SPACE_BASE + PAGE_SIZE, SPACE_BASE + PMD_SIZE, SPACE_BASE + PUD_SIZE,
	};
	/* Tables after each: root, pud, pmd, pte; nothing; a pte; a pmd and a pte. */
	const s64 tables[] = { 4, 4, 5, 7 };
	struct mmu_context *ctx = &space.ctx;
	struct mmu_gather tlb;
	spinlock_t *ptl, *first = NULL;

	(void)arg;
	CHECK(mmu_context_init(ctx) == 0);
	CHECK(ctx->pgtables_bytes == (s64)PAGE_SIZE);
	CHECK(!mmu_find_pte(ctx, addr[0]) && !mmu_find_pmd(ctx, addr[0]));
	CHECK(!pte_find_map_lock(ctx, addr[0], &ptl));
	for (unsigned int i = 0; i < ARRAY_SIZE(addr); i++) {
		pte_t *pte = pte_alloc_map_lock(ctx, addr[i], &ptl);

		CHECK(pte && pte == mmu_find_pte(ctx, addr[i]));
		CHECK(pte_none(ptep_get(pte)));
		CHECK(spin_is_locked(ptl));
		first = first ? first : ptl;
		CHECK((ptl == first) == (i < 2));	/* one lock per table */
		CHECK(page_test_flags(virt_to_page(pte), PG_table));
		pte_unmap_unlock(pte, ptl);
		CHECK(ctx->pgtables_bytes == tables[i] * (s64)PAGE_SIZE);
	}

	/* A neighbour in the same 2 MiB keeps its table, and so all above it. */
	tlb_gather_mmu(&tlb, ctx);
	free_pgd_range(&tlb, &(struct pgtable_range){ addr[0], addr[0] + PAGE_SIZE,
						      0, addr[0] + 2 * PAGE_SIZE });
	tlb_finish_mmu(&tlb);
	CHECK(ctx->pgtables_bytes == 7 * (s64)PAGE_SIZE);
	/* A neighbour in the next 2 MiB keeps the pmd table. */
	tlb_gather_mmu(&tlb, ctx);
	free_pgd_range(&tlb, &(struct pgtable_range){ addr[0], addr[0] + 2 * PAGE_SIZE,
						      0, addr[2] });
	tlb_finish_mmu(&tlb);
	CHECK(ctx->pgtables_bytes == 6 * (s64)PAGE_SIZE);
	CHECK(!mmu_find_pte(ctx, addr[0]) && mmu_find_pte(ctx, addr[2]));
	/* Nobody else: everything but the root. */
	tlb_gather_mmu_fullmm(&tlb, ctx);
	free_pgd_range(&tlb, &(struct pgtable_range){ addr[0], addr[3] + PAGE_SIZE, 0, 0 });
	tlb_finish_mmu(&tlb);
	CHECK(ctx->pgtables_bytes == (s64)PAGE_SIZE);
	mmu_context_destroy(ctx);
	rcu_barrier();
	CHECK(global_zone_page_state(NR_PAGETABLE) <= 3);
}

static void test_build_and_free(void **state)
{
	(void)state;
	on_cpu(build, NULL);
	assert_int_equal(warnings_seen(), 0);
}

static void updates(void *arg)
{
	pte_t entry = pte_mkdirty(pfn_pte(9, PAGE_SHARED)), *pte = arg;

	set_pte(pte, entry);
	ptep_set_wrprotect(pte);
	CHECK(!pte_write(ptep_get(pte)) && pte_dirty(ptep_get(pte)));
	CHECK(ptep_test_and_clear_young(pte));
	CHECK(!ptep_test_and_clear_young(pte));
	CHECK(ptep_set_access_flags(pte, entry, 0));
	CHECK(pte_same(ptep_get(pte), entry));
	CHECK(!ptep_set_access_flags(pte, entry, 0));

	/* Hardware sets D between the decision and the write: it must not be lost. */
	set_pte(pte, pte_mkclean(entry));
	fetch_or(&pte->pte, _PAGE_DIRTY);
	CHECK(pte_dirty(ptep_modify(pte, pte_wrprotect(pte_mkclean(entry)))));
	CHECK(pte_dirty(ptep_get(pte)) && !pte_write(ptep_get(pte)));
	/* Another page: the old one's bits are not inherited. */
	CHECK(pte_pfn(ptep_modify(pte, pfn_pte(10, PAGE_SHARED))) == 9);
	CHECK(!pte_dirty(ptep_get(pte)));
	CHECK(pte_pfn(ptep_get_and_clear(pte)) == 10);
	CHECK(pte_none(ptep_get(pte)));
}

static void test_updates(void **state)
{
	static pte_t pte;

	(void)state;
	on_cpu(updates, &pte);
	assert_true(pte_none(pte));
}

static void no_memory(void *arg)
{
	int *err = arg;
	struct fail_page_alloc fail = { .enabled = true, .probability = 100, .times = 1 };

	fail_page_alloc_set(&fail);
	*err = mmu_context_init(&space.ctx);
	fail_page_alloc_set(&(struct fail_page_alloc){ .enabled = false });
}

static void test_no_memory(void **state)
{
	int err = 0;

	(void)state;
	on_cpu(no_memory, &err);
	assert_int_equal(err, -ENOMEM);
}

/* Death: the user half must be empty before a space is destroyed. */
static void leave_mapping(void *arg)
{
	spinlock_t *ptl;
	pte_t *pte;

	(void)arg;
	CHECK(mmu_context_init(&space.ctx) == 0);
	pte = pte_alloc_map_lock(&space.ctx, SPACE_BASE, &ptl);
	pte_unmap_unlock(pte, ptl);
	mmu_context_destroy(&space.ctx);
}

static void die_leave_mapping(void *arg)
{
	(void)arg;
	space_machine_boot(&(struct space_options){ .nr_cpus = 1 });
	on_cpu(leave_mapping, NULL);
}

static void test_death_leftover(void **state)
{
	(void)state;
	assert_panics(die_leave_mapping, NULL, "pgd[i].pgd");
}

int main(void)
{
	const struct CMUnitTest death[] = {
		cmocka_unit_test(test_death_leftover),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_bits),
		cmocka_unit_test(test_needs_flush),
		cmocka_unit_test(test_swap_entries),
		cmocka_unit_test(test_addr_end),
		cmocka_unit_test(test_build_and_free),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_no_memory),
	};
	/* Forks: before this process has a machine of its own. */
	int failed = cmocka_run_group_tests_name("pgtable deaths", death, NULL, NULL);

	return failed + cmocka_run_group_tests_name("pgtable", tests, boot, shutdown);
}
